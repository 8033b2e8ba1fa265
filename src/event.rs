//! The engine's inputs as values.

use crate::key::{DeviceKind, SessionKey, TopicKey};
use crate::time::Time;
use crate::topic::{Join, TopicOptions, View};
use alloc::vec::Vec;

/// How a connection was lost; each cause has a [grace](crate::Grace) of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LostCause {
    /// The connection broke.
    ConnectionError,
    /// Nothing was heard of it for too long.
    Timeout,
    /// The node that had the connection is gone.
    NodeLoss,
    /// The client said that it is going away and will probably be back: a page is reloaded, an
    /// app goes to the background.
    GoingAway,
}

/// One input, owned: for recording, replaying, fuzzing and driving an engine from afar with
/// [`Engine::apply`](crate::Engine::apply).
///
/// Each variant stands for the verb of its name, where its fields are described. Applying the same
/// events at the same moments to two engines of the same [`Config`](crate::Config) gives the same
/// keys, errors and decisions, whatever their hashers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the fields are the arguments of the verbs and described there")]
#[non_exhaustive]
pub enum Event<K, P> {
    /// [`Engine::connect`](crate::Engine::connect)
    Connect { user: K, kind: DeviceKind, audience: Vec<K>, blocked: Vec<K> },
    /// [`Engine::disconnect`](crate::Engine::disconnect)
    Disconnect { session: SessionKey },
    /// [`Engine::lost`](crate::Engine::lost), or
    /// [`Engine::lost_with_grace`](crate::Engine::lost_with_grace) where a grace is given
    Lost { session: SessionKey, cause: LostCause, grace_ms: Option<u64> },
    /// [`Engine::resume`](crate::Engine::resume)
    Resume { session: SessionKey },
    /// [`Engine::heartbeat`](crate::Engine::heartbeat)
    Heartbeat { session: SessionKey },
    /// [`Engine::active`](crate::Engine::active)
    Active { session: SessionKey },
    /// [`Engine::publish`](crate::Engine::publish)
    Publish { session: SessionKey, presence: P },
    /// [`Engine::publish_until`](crate::Engine::publish_until)
    PublishUntil { session: SessionKey, presence: P, until: Time, then: Option<P> },
    /// [`Engine::withdraw`](crate::Engine::withdraw)
    Withdraw { session: SessionKey },
    /// [`Engine::direct`](crate::Engine::direct)
    Direct { session: SessionKey, users: Vec<K>, presence: P },
    /// [`Engine::direct_for`](crate::Engine::direct_for)
    DirectFor { session: SessionKey, users: Vec<K>, presence: P, for_ms: u64 },
    /// [`Engine::watch`](crate::Engine::watch)
    Watch { session: SessionKey, users: Vec<K> },
    /// [`Engine::unwatch`](crate::Engine::unwatch)
    Unwatch { session: SessionKey, users: Vec<K> },
    /// [`Engine::join`](crate::Engine::join)
    Join { session: SessionKey, topic: K, join: Join<P> },
    /// [`Engine::update`](crate::Engine::update)
    Update { session: SessionKey, topic: TopicKey, presence: P },
    /// [`Engine::leave`](crate::Engine::leave)
    Leave { session: SessionKey, topic: TopicKey },
    /// [`Engine::look`](crate::Engine::look)
    Look { session: SessionKey, topic: TopicKey, view: View },
    /// [`Engine::look_at`](crate::Engine::look_at)
    LookAt { session: SessionKey, topic: TopicKey, users: Vec<K> },
    /// [`Engine::say`](crate::Engine::say)
    Say { session: SessionKey, topic: TopicKey, presence: P, for_ms: Option<u64> },
    /// [`Engine::remove`](crate::Engine::remove)
    Remove { topic: K, user: K },
    /// [`Engine::close`](crate::Engine::close)
    Close { topic: K },
    /// [`Engine::topic_options`](crate::Engine::topic_options)
    TopicOptions { topic: K, options: TopicOptions },
    /// [`Engine::audience_add`](crate::Engine::audience_add)
    AudienceAdd { user: K, contacts: Vec<K> },
    /// [`Engine::audience_remove`](crate::Engine::audience_remove)
    AudienceRemove { user: K, contacts: Vec<K> },
    /// [`Engine::audience_replace`](crate::Engine::audience_replace)
    AudienceReplace { user: K, contacts: Vec<K> },
    /// [`Engine::block`](crate::Engine::block)
    Block { user: K, other: K },
    /// [`Engine::unblock`](crate::Engine::unblock)
    Unblock { user: K, other: K },
    /// [`Engine::invisible`](crate::Engine::invisible)
    Invisible { session: SessionKey },
    /// [`Engine::visible`](crate::Engine::visible)
    Visible { session: SessionKey },
    /// [`Engine::congested`](crate::Engine::congested)
    Congested { session: SessionKey },
    /// [`Engine::writable`](crate::Engine::writable)
    Writable { session: SessionKey },
    /// [`Engine::system`](crate::Engine::system)
    System { users: Vec<K>, presence: P },
    /// [`Engine::expel`](crate::Engine::expel)
    Expel { user: K },
    /// [`Engine::advance`](crate::Engine::advance)
    Advance,
}
