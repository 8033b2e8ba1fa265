//! Users and inputs as the tests have them.

/// A user's id. The generator connects [`ops::USERS`](crate::ops::USERS) of them; a few more are
/// only ever named.
pub type User = u32;

/// An input; presences are numbers.
pub type Event = adsum::Event<User, u32>;

/// Returns the key of the attachment whose input this is.
pub fn session_of(event: &mut Event) -> Option<&mut adsum::SessionKey> {
    match event {
        Event::Disconnect { session }
        | Event::Lost { session, .. }
        | Event::Resume { session }
        | Event::Heartbeat { session }
        | Event::Active { session }
        | Event::Publish { session, .. }
        | Event::PublishUntil { session, .. }
        | Event::Withdraw { session }
        | Event::Direct { session, .. }
        | Event::DirectFor { session, .. }
        | Event::Watch { session, .. }
        | Event::Unwatch { session, .. }
        | Event::Invisible { session }
        | Event::Visible { session }
        | Event::Congested { session }
        | Event::Writable { session } => Some(session),
        _ => None,
    }
}
