//! What contacts are shown in place of a device that has ended: the newest presence of the user's
//! other devices, so that nobody goes on showing the state of a device that is no longer there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adsum::{Engine, SessionId, SessionKey, Slot};
use adsum_tim::{Tid, TimPresence};

use super::core::Core;
use super::pending_replacements::{PendingReplacement, Silent};
use crate::host::command::{Node, Presence};
use crate::host::presence_frames::{ASKS, numbered, of_account};

/// How long a newcomer that took another device's place has until it first publishes. Until then
/// contacts are told nothing: for a moment it would be *offline*, though the user is online.
const SETTLE: Duration = Duration::from_secs(10);

impl Core {
    /// Shows another device's presence to those who were told that this device has ended, or
    /// waits for a newcomer's.
    pub(super) fn replace(&mut self, id: u64, user: Node, ended: Arc<Tid>, to: &[Slot]) {
        if newest_presence(&self.engine, &user).is_none() && self.has_newcomer(&user) {
            let to = self.keys(to);
            let due = Instant::now() + SETTLE;
            self.pending.insert(PendingReplacement { due, id, user, ended, to });
            return;
        }
        self.show_newest(id, &user, &ended, to);
    }

    /// Stops waiting: the time is up, or the newcomer has published, or it has ended too.
    pub(super) fn finish_replacement(&mut self, pending: PendingReplacement) {
        let PendingReplacement { id, user, ended, to, .. } = pending;
        let to = self.slots(&to);
        self.show_newest(id, &user, &ended, &to);
    }

    /// Shows what a session shows whose presence is withdrawn, or whose directed presence is over,
    /// to those who were told of that; in place of nothing, that of the user's other devices.
    pub(super) fn show_what_holds(
        &mut self,
        id: u64,
        user: &Node,
        session: SessionId,
        to: &[Slot],
    ) {
        let device = self.ended_device(session, user);
        let to = self.show_state(id, user, &device, to);
        let own = self.engine.session_by_id(session).and_then(|session| session.presence).cloned();
        let shown = own.or_else(|| newest_presence(&self.engine, user).cloned());
        self.show(id, user, shown, &device, &to, true);
    }

    /// Shows the one state of a user, where there is one, in place of what this device said, to all
    /// but the user's own devices. Returns those to whom what single devices show is still due.
    fn show_state(&mut self, id: u64, user: &Node, device: &Tid, to: &[Slot]) -> Vec<Slot> {
        let Some((speaker, idle_since)) = self.engine.representative(user) else {
            return to.to_vec();
        };
        let Some(presence) = speaker.presence else { return to.to_vec() };
        let mut state = of_account(presence, id, self.dispatch.unix_ms_of(idle_since));
        if state.sub_status == Some(ASKS) {
            state.sub_status = None;
        }
        let is_seeing = |slot: &Slot| {
            let viewer = self.dispatch.sessions.at(*slot);
            viewer.is_some_and(|(session, _)| self.engine.session_sees(session, user))
        };
        let (seeing, rest): (Vec<_>, Vec<_>) = to.iter().partition(|slot| is_seeing(slot));
        self.dispatch.send_instead(state, device, &seeing);
        rest
    }

    /// Shows the newest presence of a user's other devices to those who may see it, or that the
    /// user is there and says nothing; to all others the user is offline from now on.
    fn show_newest(&mut self, id: u64, user: &Node, ended: &Tid, to: &[Slot]) {
        let newest = newest_presence(&self.engine, user).cloned();
        self.show(id, user, newest, ended, to, false);
    }

    /// Shows this presence, or that the user is there and says nothing, in place of this device's.
    /// `goes_on` says that the device has not ended: where it is shown itself, nothing is said of
    /// its end.
    fn show(
        &mut self,
        id: u64,
        user: &Node,
        newest: Option<Presence>,
        ended: &Tid,
        to: &[Slot],
        goes_on: bool,
    ) {
        let is_silent = newest.is_none();
        let newest = newest.or_else(|| self.silent_presence(user));
        let (mut seeing, mut others) = (Vec::new(), Vec::new());
        for slot in to {
            let Some((session, entry)) = self.dispatch.sessions.at(*slot) else { continue };
            match newest.is_some() && self.may_see(session, &entry.node, user) {
                true => seeing.push(*slot),
                false => others.push(*slot),
            }
        }
        if let Some(mut presence) = newest {
            // It is repeated, not published: nobody asks for anything now.
            if presence.sub_status == Some(ASKS) {
                Arc::make_mut(&mut presence).sub_status = None;
            }
            if goes_on && presence.from_tid.as_ref() == Some(ended) {
                self.dispatch.send(numbered(&presence, id), &seeing);
            } else {
                self.dispatch.send_replacement(id, &presence, ended, &seeing);
            }
        }
        if is_silent && !seeing.is_empty() {
            let to = self.keys(&seeing);
            self.pending.insert_silent(user.clone(), Silent { id, to });
        }
        self.dispatch.send_offline(id, ended, &others);
    }

    /// Returns the sessions in these slots.
    pub(super) fn keys(&self, slots: &[Slot]) -> Vec<SessionKey> {
        slots.iter().filter_map(|slot| Some(self.dispatch.sessions.at(*slot)?.0)).collect()
    }

    /// Returns the slots of these sessions, of those that are still there.
    fn slots(&self, sessions: &[SessionKey]) -> Vec<Slot> {
        let here = |session: &&SessionKey| self.dispatch.sessions.get(**session).is_some();
        sessions.iter().filter(here).map(|session| session.slot()).collect()
    }

    /// Returns a presence that says no more than that the user is there, from their newest device,
    /// if they have one. tim has no other word for a device that has published nothing.
    fn silent_presence(&self, user: &Node) -> Option<Presence> {
        let newest = self.engine.user_sessions(user).last()?;
        let device = self.device_of(&newest).unwrap_or_else(|| Tid::of(user.as_ref()).into());
        let from_tid = Some(device.as_ref().clone());
        Some(Arc::new(TimPresence { from_tid, ..TimPresence::default() }.into()))
    }

    /// Looks again at those who are shown that this user is there and says nothing: to whoever may
    /// not see them any more they are offline. When they have published, the engine knows who was
    /// told, and tells the others when it has room for it.
    pub(super) fn review_silent(&mut self, user: &Node) {
        if self.pending.is_empty() {
            return;
        }
        let Some(Silent { id, to }) = self.pending.take_silent(user) else { return };
        let (seeing, others): (Vec<_>, Vec<_>) = self.slots(&to).into_iter().partition(|slot| {
            let viewer = self.dispatch.sessions.at(*slot);
            viewer.is_some_and(|(session, entry)| self.may_see(session, &entry.node, user))
        });
        let device = self.last_seen_device(user);
        self.dispatch.send_offline(id, &device, &others);
        let says_nothing = newest_presence(&self.engine, user).is_none();
        if says_nothing && !seeing.is_empty() {
            let to = self.keys(&seeing);
            self.pending.insert_silent(user.clone(), Silent { id, to });
        }
    }

    /// Forgets that these are shown that this user says nothing: they were told otherwise.
    pub(super) fn forget_silent(&mut self, user: &Node, to: &[Slot]) {
        if !self.pending.is_empty() {
            let mut told = self.keys(to);
            told.sort_unstable();
            self.pending.forget_silent(user, &told);
        }
    }

    /// Takes what waits for this session's first presence.
    pub(super) fn take_pending(&mut self, session: SessionKey) -> Option<PendingReplacement> {
        // Hardly ever does anything wait, and then nothing is looked up.
        if self.pending.is_empty() {
            return None;
        }
        let user = self.engine.user_of(session)?;
        self.pending.take_of(user)
    }

    /// Settles what waited for a newcomer's presence, which has gone out, and has said whose place
    /// it took, to all who could receive it, but not to the newcomer itself.
    pub(super) fn newcomer_published(
        &mut self,
        newcomer: SessionKey,
        pending: Option<PendingReplacement>,
    ) {
        if let Some(pending) = pending {
            self.settle_pending(Some(newcomer), pending);
        }
    }

    /// The same of a newcomer at another server, of which nothing is known but that its user has
    /// shown something.
    pub(super) fn newcomer_elsewhere_published(&mut self, user: &Node) {
        if self.pending.is_empty() {
            return;
        }
        if let Some(pending) = self.pending.take_of(user) {
            self.settle_pending(None, pending);
        }
        self.review_silent(user);
    }

    fn settle_pending(&mut self, newcomer: Option<SessionKey>, mut pending: PendingReplacement) {
        if newest_presence(&self.engine, &pending.user).is_some() {
            pending.to.retain(|session| {
                let entry = self.dispatch.sessions.get(*session);
                entry.is_some_and(|entry| {
                    Some(*session) == newcomer
                        || self.engine.is_congested(*session)
                        || !self.may_see(*session, &entry.node, &pending.user)
                })
            });
            let engine = &self.engine;
            // Those who may see it and are congested are told when the time is up.
            let (later, now) =
                pending.to.iter().partition(|session| engine.is_congested(**session));
            let (user, ended) = (pending.user.clone(), pending.ended.clone());
            let rest = PendingReplacement { to: now, user, ended, ..pending };
            pending.to = later;
            self.finish_replacement(rest);
        }
        if !pending.to.is_empty() {
            self.pending.put_back(pending);
        }
    }

    /// Stops waiting for a user who has gone offline.
    pub(super) fn finish_replacements_of(&mut self, user: &Node) {
        self.review_silent(user);
        while let Some(pending) = self.pending.take_of(user) {
            self.finish_replacement(pending);
        }
    }

    /// Returns whether a session of this viewer may see what a user shows: whoever is in the user's
    /// audience or watches the user, and the user's own devices.
    fn may_see(&self, session: SessionKey, viewer: &Node, user: &Node) -> bool {
        viewer == user || self.engine.session_sees(session, user)
    }

    /// Forgets what waits to be told of a user to a session that watches no more, unless the user
    /// is a friend.
    pub(super) fn forget_waiting(&mut self, session: SessionKey, user: &Node) {
        if !self.pending.is_empty() && !self.engine.session_sees(session, user) {
            self.pending.forget(user, session);
        }
    }

    /// Returns whether one of the user's devices is attached and has logged in only just now.
    fn has_newcomer(&self, user: &Node) -> bool {
        let now = self.clock.now();
        let is_new = |connected| u128::from(now.since(connected)) < SETTLE.as_millis();
        let mut sessions = self.engine.user_sessions(user);
        sessions.any(|session| session.is_attached() && is_new(session.connected))
    }
}

/// Returns the presence of the user's newest session that shows one.
fn newest_presence<'e>(engine: &'e Engine<Node, Presence>, user: &Node) -> Option<&'e Presence> {
    engine.user_sessions(user).filter_map(|session| session.presence).last()
}
