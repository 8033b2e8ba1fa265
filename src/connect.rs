//! Who connects, and what the host says of them.

use crate::key::DeviceKind;
use core::fmt;

/// What [`Engine::connect`](crate::Engine::connect) is told of a new session: whose it is, on what
/// kind of device, who may see the user, and whom it has blocked.
///
/// The lists are any iterators of ids; where none is given, the list is empty. Each is a set, in
/// which the user itself does not count.
///
/// ```
/// use adsum::{Config, Connect, DeviceKind, Engine, Time};
///
/// let mut engine = Engine::<String, u8>::new(Config::default());
/// let friends = ["bob", "cyd"].map(String::from);
/// let ann = Connect::new("ann".to_owned()).audience(friends).kind(DeviceKind(2));
/// let (session, _) = engine.connect(Time::ZERO, ann)?;
/// assert_eq!(engine.audience("ann").count(), 2);
/// # Ok::<(), adsum::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Connect<K, A = [K; 0], B = [K; 0]> {
    pub(crate) user: K,
    pub(crate) kind: DeviceKind,
    pub(crate) audience: A,
    pub(crate) blocked: B,
}

impl<K> Connect<K> {
    /// Returns a session of this user, on a device of kind 0, whom nobody may see and who has
    /// blocked nobody.
    pub const fn new(user: K) -> Self {
        Self { user, kind: DeviceKind(0), audience: [], blocked: [] }
    }
}

impl<K, A, B> Connect<K, A, B> {
    /// Says what kind of device it is, for the [limits](crate::Options::max_sessions_per_kind).
    pub fn kind(self, kind: DeviceKind) -> Self {
        Self { kind, ..self }
    }

    /// Says who may see the user's presence: owned ids, as of `list.iter().cloned()`.
    pub fn audience<L: IntoIterator<Item = K>>(self, audience: L) -> Connect<K, L, B> {
        let Self { user, kind, blocked, .. } = self;
        Connect { user, kind, audience, blocked }
    }

    /// Says whom the user has blocked.
    pub fn blocked<L: IntoIterator<Item = K>>(self, blocked: L) -> Connect<K, A, L> {
        let Self { user, kind, audience, .. } = self;
        Connect { user, kind, audience, blocked }
    }
}

impl<K: fmt::Debug, A: fmt::Debug, B: fmt::Debug> fmt::Debug for Connect<K, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("user", &self.user)
            .field("kind", &self.kind)
            .field("audience", &self.audience)
            .field("blocked", &self.blocked)
            .finish()
    }
}
