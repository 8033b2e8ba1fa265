//! What one node of a cluster says of a user to others, as C has it: the same structures go out of
//! one engine and into another.

use crate::bytes::{adsum_bytes, adsum_list, array, first};
use crate::failure::Failure;
use crate::held::Core;
use crate::names::adsum_cause;
use crate::reason::adsum_reason;
use adsum::{
    DefaultHashBuilder, DeviceKind, EndReason, LocalMember, LocalSession, LocalUser, RemoteEnd,
    RemoteLists, RemoteLoss, RemoteMember, RemotePresence, RemoteSession, RemoteState, SessionId,
    Time,
};
use std::ptr;

type Id = Box<[u8]>;
type Shown = Box<[u8]>;

/// Everything that one node says of one user. `adsum_local_user` and `adsum_next_changed` lend it,
/// and `adsum_remote_state` takes it. Clocks of nodes are apart, so it has durations and no moments
/// (rule C18).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_user_state {
    /// Of whom it is.
    pub user: adsum_bytes,
    /// Who may see the user, if `has_lists`.
    pub audience: adsum_list,
    /// Whom the user has blocked, if `has_lists`.
    pub blocked: adsum_list,
    /// All sessions of the user that the node has, in the order in which they connected. May be
    /// NULL if there is none.
    pub sessions: *const adsum_remote_session,
    /// How many they are.
    pub sessions_len: usize,
    /// Why sessions have ended that the other engine may still have of the node. Those that are in
    /// neither list count as disconnected. May be NULL if there is none, and is so where it is
    /// lent: the host has heard of each end by `ADSUM_DECISION_ENDED`, and puts here what it kept.
    pub ended: *const adsum_remote_end,
    /// How many they are.
    pub ended_len: usize,
    /// Whether it says what belongs to the user and not to one node. If not, the other engine goes
    /// on with what it has (rule C13); if so, with what is given, be it empty.
    pub has_lists: bool,
    /// Whether the user is visible, if `has_lists`.
    pub is_visible: bool,
}

/// What a node says of one of its sessions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_remote_session {
    /// Its id in the engine of its node. Receivers at other nodes know it by another.
    pub id: u64,
    /// How long ago it connected, in milliseconds.
    pub age_ms: u64,
    /// How often what it shows has changed. What comes with the number that is known is not told
    /// again.
    pub number: u64,
    /// What it shows; `data` is NULL if it shows nothing.
    pub presence: adsum_bytes,
    /// How long it has shown it, in milliseconds.
    pub shown_ms: u64,
    /// In how many milliseconds that ends by itself, if `is_ending`.
    pub ends_ms: u64,
    /// What takes its place then; `data` is NULL if nothing does.
    pub then: adsum_bytes,
    /// How long ago it was lost, in milliseconds, if it is detached.
    pub lost_ms: u64,
    /// How much of its grace is left, in milliseconds, if it is detached.
    pub grace_ms: u64,
    /// How long ago a person last did something on it, in milliseconds, if `is_idle`.
    pub idle_ms: u64,
    /// The topics in which it is a member, in the order in which it joined them. May be NULL if
    /// there is none.
    pub topics: *const adsum_remote_member,
    /// How many they are.
    pub topics_len: usize,
    /// Why it was lost, as one of `adsum_cause`; `ADSUM_CAUSE_NONE` if it is attached.
    pub cause: u32,
    /// What kind of device it is on.
    pub kind: u8,
    /// Whether what it shows ends by itself.
    pub is_ending: bool,
    /// Whether it is idle.
    pub is_idle: bool,
}

/// What a session is in a topic.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_remote_member {
    /// The topic's name.
    pub topic: adsum_bytes,
    /// How often what it shows there has changed.
    pub number: u64,
    /// What it shows there; `data` is NULL if it is what it publishes.
    pub presence: adsum_bytes,
    /// Whether it observes, and is no member: it shows nothing there, and is only counted.
    pub observes: bool,
}

/// Why a session has ended.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_remote_end {
    /// Its id in the engine of its node.
    pub id: u64,
    /// Why, as one of `adsum_reason`: disconnected, lost, evicted or expelled.
    pub reason: u32,
    /// Why it was lost, as one of `adsum_cause`, if that is the reason.
    pub cause: u32,
}

/// Who speaks at another node.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_remote_sender {
    /// Whose session it is.
    pub user: adsum_bytes,
    /// Its id in the engine of its node.
    pub session: u64,
    /// The node.
    pub origin: u32,
}

// ---- in

impl adsum_user_state {
    /// Returns the user and what is said of it, as copies to be kept.
    ///
    /// # Safety
    /// Each pointer is NULL or points to as many as stand beside it, and nobody changes any of it
    /// during the call.
    pub(crate) unsafe fn read(&self) -> Result<(Id, RemoteState<Id, Shown>), Failure> {
        // SAFETY: the caller's promise.
        unsafe {
            let user = self.user.copy("user")?;
            let lists = if self.has_lists { Some(self.read_lists()?) } else { None };
            let sessions = array(self.sessions, self.sessions_len, "sessions")?;
            let sessions = sessions.iter().enumerate();
            let sessions = sessions.map(|(nth, one)| one.read().map_err(|why| why.at(nth)));
            let sessions = sessions.collect::<Result<_, _>>()?;
            let ended = array(self.ended, self.ended_len, "ended")?.iter().enumerate();
            let ended = ended.map(|(nth, one)| one.read().map_err(|why| why.at(nth)));
            let ended = ended.collect::<Result<_, _>>()?;
            Ok((user, RemoteState { lists, sessions, ended }))
        }
    }

    /// # Safety
    /// That of [`read`](Self::read).
    unsafe fn read_lists(&self) -> Result<RemoteLists<Id>, Failure> {
        // SAFETY: the caller's promise.
        unsafe {
            Ok(RemoteLists {
                audience: self.audience.copy("audience")?.collect(),
                blocked: self.blocked.copy("blocked")?.collect(),
                visible: self.is_visible,
            })
        }
    }
}

impl adsum_remote_session {
    /// # Safety
    /// That of [`adsum_user_state::read`].
    unsafe fn read(&self) -> Result<RemoteSession<Id, Shown>, Failure> {
        // SAFETY: the caller's promise.
        unsafe {
            let topics = array(self.topics, self.topics_len, "sessions.topics")?;
            let lost = match self.cause {
                0 => None,
                number => Some(RemoteLoss {
                    cause: adsum_cause::read_as(number, "sessions.cause")?,
                    since_ms: self.lost_ms,
                    left_ms: self.grace_ms,
                }),
            };
            Ok(RemoteSession {
                id: read_id(self.id, "sessions.id")?,
                kind: DeviceKind(self.kind),
                age_ms: self.age_ms,
                lost,
                number: self.number,
                shown: self.read_shown()?,
                idle_ms: self.is_idle.then_some(self.idle_ms),
                topics: topics.iter().map(|one| one.read()).collect::<Result<_, _>>()?,
            })
        }
    }

    /// # Safety
    /// That of [`adsum_user_state::read`].
    unsafe fn read_shown(&self) -> Result<Option<RemotePresence<Shown>>, Failure> {
        // SAFETY: the caller's promise.
        let (presence, then) = unsafe {
            let presence = self.presence.copy_optional("sessions.presence")?;
            (presence, self.then.copy_optional("sessions.then")?)
        };
        Ok(presence.map(|presence| RemotePresence {
            presence,
            age_ms: self.shown_ms,
            until: self.is_ending.then_some(RemoteEnd { left_ms: self.ends_ms, then }),
        }))
    }
}

impl adsum_remote_member {
    /// # Safety
    /// That of [`adsum_user_state::read`].
    unsafe fn read(&self) -> Result<RemoteMember<Id, Shown>, Failure> {
        // SAFETY: the caller's promise.
        unsafe {
            Ok(RemoteMember {
                topic: self.topic.copy("sessions.topics.topic")?,
                observes: self.observes,
                number: self.number,
                presence: self.presence.copy_optional("sessions.topics.presence")?,
            })
        }
    }
}

impl adsum_remote_end {
    fn read(&self) -> Result<(SessionId, EndReason), Failure> {
        let reason =
            adsum_reason::read_end((self.reason, self.cause), ["ended.reason", "ended.cause"]);
        Ok((read_id(self.id, "ended.id")?, reason?))
    }
}

fn read_id(id: u64, argument: &'static str) -> Result<SessionId, Failure> {
    SessionId::from_bits(id).ok_or(Failure::Argument { argument, place: None, value: id })
}

// ---- out

/// The room of what one engine says of a user. What lies in it holds until the next call.
#[derive(Default)]
pub(crate) struct Said {
    /// Who has changed, whom the engine knows only while it is asked.
    user: Vec<u8>,
    audience: Vec<adsum_bytes>,
    blocked: Vec<adsum_bytes>,
    sessions: Vec<adsum_remote_session>,
    topics: Vec<adsum_remote_member>,
}

impl Said {
    /// Lends what an engine says of the next user who has changed, if one has.
    pub(crate) fn next_changed(
        &mut self,
        core: &mut Core,
        now: Time,
        with_lists: bool,
    ) -> Option<adsum_user_state> {
        let changed = core.next_changed()?;
        self.user.clear();
        self.user.extend_from_slice(changed.id());
        let user = std::mem::take(&mut self.user);
        let state = self.lend(core, now, &user, with_lists);
        self.user = user;
        // Of who is offline by now it is that there are no sessions.
        Some(state.unwrap_or_else(|| adsum_user_state {
            user: adsum_bytes::of(&self.user),
            audience: adsum_list::of(&[]),
            blocked: adsum_list::of(&[]),
            sessions: ptr::null(),
            sessions_len: 0,
            ended: ptr::null(),
            ended_len: 0,
            has_lists: false,
            is_visible: false,
        }))
    }

    /// Lends what an engine says of a user; `None` if it is not online.
    pub(crate) fn lend(
        &mut self,
        core: &Core,
        now: Time,
        user: &[u8],
        with_lists: bool,
    ) -> Option<adsum_user_state> {
        let local = core.local_user(user)?;
        self.audience.clear();
        self.blocked.clear();
        if with_lists {
            self.audience.extend(core.audience(user).map(|id| adsum_bytes::of(id)));
            self.blocked.extend(core.blocked(user).map(|id| adsum_bytes::of(id)));
        }
        self.gather_sessions(&local, now);
        Some(adsum_user_state {
            user: adsum_bytes::of(local.id()),
            audience: adsum_list::of(&self.audience),
            blocked: adsum_list::of(&self.blocked),
            sessions: first(&self.sessions),
            sessions_len: self.sessions.len(),
            ended: ptr::null(),
            ended_len: 0,
            has_lists: with_lists,
            is_visible: with_lists && local.is_visible(),
        })
    }

    fn gather_sessions(&mut self, local: &LocalUser<'_, Id, Shown, DefaultHashBuilder>, now: Time) {
        self.sessions.clear();
        self.topics.clear();
        for session in local.sessions() {
            let before = self.topics.len();
            self.topics.extend(local.topics_of(session.id).map(|of| adsum_remote_member::of(&of)));
            let topics_len = self.topics.len() - before;
            self.sessions.push(adsum_remote_session {
                topics_len,
                ..adsum_remote_session::of(&session, now)
            });
        }
        // Where they lie is known once all of them are there.
        let mut topics = &self.topics[..];
        for session in &mut self.sessions {
            let (own, others) = topics.split_at(session.topics_len);
            (session.topics, topics) = (first(own), others);
        }
    }
}

impl adsum_remote_session {
    /// Says what a session is, but for its topics.
    fn of(session: &LocalSession<'_, Shown>, now: Time) -> Self {
        let since = |at: Time| now.since(at);
        let (until, then) = session.until.unzip();
        let lost = session.lost;
        Self {
            id: session.id.to_bits(),
            age_ms: since(session.connected),
            number: session.number,
            presence: adsum_bytes::of_optional(session.shown),
            shown_ms: session.shown.map_or(0, |_| since(session.published)),
            ends_ms: until.map_or(0, |until| until.since(now)),
            then: adsum_bytes::of_optional(then.flatten()),
            lost_ms: lost.map_or(0, |(at, ..)| since(at)),
            grace_ms: lost.map_or(0, |(.., ends)| ends.since(now)),
            idle_ms: session.idle_since.map_or(0, since),
            topics: ptr::null(),
            topics_len: 0,
            cause: lost.map_or(adsum_cause::ADSUM_CAUSE_NONE, |(_, cause, _)| cause.into()) as u32,
            kind: session.kind.0,
            is_ending: until.is_some(),
            is_idle: session.idle_since.is_some(),
        }
    }
}

impl adsum_remote_member {
    fn of(member: &LocalMember<'_, Id, Shown>) -> Self {
        Self {
            topic: adsum_bytes::of(member.topic),
            number: member.number,
            presence: adsum_bytes::of_optional(member.presence),
            observes: member.observes,
        }
    }
}
