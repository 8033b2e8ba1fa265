//! Sessions that other nodes have: what a node says of a user, and what this one says (rules C1 to
//! C18, as far as they are the engine's).

use crate::error::Error;
use crate::event::LostCause;
use crate::fanout::plan::Step;
use crate::key::{SessionId, SessionKey};
use crate::reason::{CloseReason, EndReason};
use crate::remote::{Origin, RemoteEnd, RemoteLists, RemotePresence, RemoteSession, RemoteState};
use crate::rules::State;
use crate::tables::expiries::{Expiring, Expiry};
use crate::tables::ids::{MembershipIndex, Place, SessionIndex, User};
use crate::tables::lists;
use crate::tables::remotes::{Ids, RemoteUpdate};
use crate::tables::topics::Mark;
use crate::tables::voices::Signs;
use crate::time::Time;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// The most sessions that one user may have on all nodes together.
const MAX_SESSIONS: u16 = 1_024;
/// The most ends of a user's sessions whose reasons are looked at in what a node says: more than it
/// says in one message.
const MAX_ENDED: usize = 65_536;

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- what a node says of a user

    /// Makes what a node says of a user what is so.
    pub(crate) fn remote_state(
        &mut self,
        origin: Origin,
        id: K,
        state: RemoteState<K, P>,
    ) -> Result<(), Error> {
        self.is_clustered_or_represented = true;
        self.tables.changed_mut().is_remote_update = true;
        let done = self.take_remote_state(origin, id, state);
        self.tables.changed_mut().is_remote_update = false;
        done
    }

    fn take_remote_state(
        &mut self,
        origin: Origin,
        id: K,
        state: RemoteState<K, P>,
    ) -> Result<(), Error> {
        let online = self.tables.find_online(&id);
        if online.is_none() && state.sessions.is_empty() {
            return Ok(());
        }
        self.check_remote(origin, online, &state)?;
        let RemoteState { lists, sessions, ended } = state;
        let is_there = online.and_then(|user| self.tables.place(user));
        let (place, is_first, lists) = match (is_there, lists) {
            (Some(place), Some(lists)) => (place, false, Some((id, lists))),
            (_, lists) => {
                let (place, is_first) = self.set_remote_lists(id, lists)?;
                (place, is_first, None)
            }
        };
        let node = self.tables.origins_mut().find_or_new(origin);
        let mut known = self.tables.remote_ids(place, node);
        for session in &sessions {
            if let Some(known) = known.get(session.id) {
                self.take_back_end(known);
            } else {
                let is_first = is_first && self.tables.sessions_at(place).is_empty();
                known.insert(session.id, self.add_remote(node, place, session, is_first));
            }
        }
        let update = RemoteUpdate { node, place, lists, sessions, ended: Some(ended) };
        if self.hide_by(&update) {
            self.continue_later(update);
        } else {
            self.take_away(update);
        }
        Ok(())
    }

    /// Goes on with the rest when all are told of what went before. Who speaks for the user is
    /// worked out once, when all its sessions show what they do.
    fn continue_later(&mut self, update: RemoteUpdate<K, P>) {
        let place = update.place;
        let has_sessions = update.ended.is_some() || !update.sessions.is_empty();
        self.remote_update = Some(update);
        self.plan.push_step(Step::RemoteUpdate);
        if has_sessions && let Some(published) = self.plan.take_back_speaking(place) {
            self.speak_later(place, published);
        }
        self.plan.report_ends_last();
    }

    /// Has those see the user no more whom the lists of a node hide it from: nobody is to be told
    /// what it may have done since. Returns whether there are any. Whom the lists let see it waits,
    /// until nothing is shown any more that was so before.
    fn hide_by(&mut self, update: &RemoteUpdate<K, P>) -> bool {
        let (place, Some((_, lists))) = (update.place, &update.lists) else { return false };
        let user = self.tables.user_at(place);
        let [mut audience, mut blocked] = core::mem::take(&mut self.scratch);
        audience.extend(lists.audience.iter().filter_map(|id| self.tables.find(id)));
        blocked.extend(lists.blocked.iter().filter_map(|id| self.tables.find(id)));
        blocked.extend(self.tables.blocked_by(user));
        lists::make_set(&mut audience, user);
        lists::make_set(&mut blocked, user);
        let before = self.tables.audience_at(place);
        let removes = before.iter().any(|one| audience.binary_search(one).is_err());
        audience.retain(|one| before.binary_search(one).is_ok());
        let is_hidden = !lists.visible && self.tables.is_visible_at(place);
        let hides = is_hidden || removes || blocked.len() > self.tables.blocked_by(user).len();
        if hides {
            self.set_lists(user, &audience, &blocked);
        }
        if is_hidden {
            self.hide_from_all(place, None);
        }
        audience.clear();
        blocked.clear();
        self.scratch = [audience, blocked];
        hides
    }

    /// Takes out what is so no more, and goes on later.
    fn take_away(&mut self, mut update: RemoteUpdate<K, P>) {
        let ended = update.ended.take().unwrap_or_default();
        let RemoteUpdate { node, place, sessions, .. } = &mut update;
        let (node, place) = (*node, *place);
        // Whoever goes on in a topic by another session is not told to leave it in between.
        self.stay_in_topics(node, place, sessions);
        if !sessions.is_empty() {
            self.end_over(place, None);
        }
        self.shows_next = sessions.iter().any(|session| session.shown.is_some());
        self.take_out_all_but(node, place, sessions, &ended);
        self.shows_next = false;
        if !self.tables.sessions_at(place).is_empty() {
            self.continue_later(update);
        } else if let Some((id, _)) = update.lists {
            self.tables.discard_name(id);
        }
    }

    /// Takes what a node does not say any more out: sessions, what they show, where they are. It
    /// is told before anything else changes, since notices are worked out as they are told.
    fn take_out_all_but(
        &mut self,
        node: usize,
        place: Place,
        sessions: &[RemoteSession<K, P>],
        ended: &[(SessionId, EndReason)],
    ) {
        let (listed, known) = (Ids::of(sessions), self.tables.remote_ids(place, node));
        let mut gone = Vec::new();
        for session in self.tables.sessions_at(place) {
            let Some(remote) = self.tables.remote(*session) else { continue };
            let is_nodes = self.tables.origin_of(*session) == Some(node);
            if is_nodes && remote.over.is_none() && !listed.have(remote.id) {
                gone.push((*session, remote.id));
            }
        }
        for session in sessions {
            let Some(known) = known.get(session.id) else { continue };
            if session.shown.is_none() && self.tables.sessions().has_published(known) {
                self.withdraw_remote(known);
            }
            self.leave_remote_topics(known, &session.topics);
        }
        let mut reasons: Vec<_> = gone.iter().map(|(_, id)| (*id, None)).collect();
        reasons.sort_unstable_by_key(|(id, _)| *id);
        let place_of =
            |reasons: &[(SessionId, _)], id| reasons.binary_search_by_key(&id, |of| of.0);
        for (id, reason) in ended.iter().take(MAX_ENDED) {
            if let Ok(at) = place_of(&reasons, *id) {
                reasons[at].1.get_or_insert(*reason);
            }
        }
        let all_go = gone.len() == self.tables.sessions_at(place).len();
        if all_go && reasons.iter().all(|(_, reason)| *reason == Some(EndReason::Expelled)) {
            // All at once, as where it was expelled: contacts hear of it once (rule 15).
            return self.expel_at(place);
        }
        for (session, id) in gone {
            let reason = place_of(&reasons, id).ok().and_then(|at| reasons[at].1);
            self.end_remote(session, reason.unwrap_or(EndReason::Disconnected));
        }
    }

    /// Goes on with what a node says, when all are told of what went before: takes out what is so
    /// no more, then has sessions show what they do, and then those see it whom the lists let.
    pub(super) fn continue_remote_update(&mut self) {
        let Some(mut update) = self.remote_update.take() else { return };
        self.tables.changed_mut().is_remote_update = true;
        if update.ended.is_some() {
            self.take_away(update);
        } else if !update.sessions.is_empty() {
            let known = self.tables.remote_ids(update.place, update.node);
            for session in core::mem::take(&mut update.sessions) {
                if let Some(known) = known.get(session.id) {
                    // The rest is as it was if no more topics can be indexed.
                    let _ = self.update_remote(known, session);
                }
            }
            self.continue_later(update);
        } else if let Some((id, lists)) = update.lists {
            // It was checked that they fit. No more users than can be indexed is all there is.
            let _ = self.set_remote_lists(id, Some(lists));
            self.plan.report_ends_last();
        }
        self.tables.changed_mut().is_remote_update = false;
    }

    /// Checks that there is room for what a node says, before anything changes.
    fn check_remote(
        &self,
        origin: Origin,
        online: Option<User>,
        RemoteState { lists, sessions, .. }: &RemoteState<K, P>,
    ) -> Result<(), Error> {
        if let Some(RemoteLists { audience, blocked, .. }) = lists {
            let (max_audience, max_blocked) = (self.options.max_audience, self.options.max_blocked);
            if audience.len() > max_audience as usize {
                return Err(Error::AudienceLimit { limit: max_audience });
            }
            if blocked.len() > max_blocked as usize {
                return Err(Error::BlockedLimit { limit: max_blocked });
            }
        }
        // First, so that none of a list without end is compared with others.
        let too_many = Error::SessionLimit { limit: MAX_SESSIONS, kind: None };
        if sessions.len() > usize::from(MAX_SESSIONS) {
            return Err(too_many);
        }
        let known = online.map_or(&[][..], |user| self.tables.sessions_of(user));
        let (node, said) = (self.tables.origins().find(origin), Ids::of(sessions));
        let is_again = |known: SessionIndex| {
            let remote = self.tables.remote(known).filter(|remote| remote.over.is_none());
            let is_nodes = node.is_some() && self.tables.origin_of(known) == node;
            is_nodes && remote.is_some_and(|one| said.have(one.id))
        };
        // Those that end with this may stay a moment longer.
        let stay = known.iter().filter(|known| !is_again(**known)).count();
        if stay + sessions.len() > usize::from(MAX_SESSIONS) {
            return Err(too_many);
        }
        let limit = self.options.max_topics;
        if sessions.iter().any(|session| session.topics.len() > limit as usize) {
            return Err(Error::TopicLimit { limit });
        }
        if self.tables.sessions().has_room_for(sessions.len()) { Ok(()) } else { Err(Error::Full) }
    }

    /// Gives a user the lists that a node says it has, and returns its place among those online and
    /// whether it comes online with this.
    fn set_remote_lists(
        &mut self,
        id: K,
        lists: Option<RemoteLists<K>>,
    ) -> Result<(Place, bool), Error> {
        let (max_audience, max_blocked) = (self.options.max_audience, self.options.max_blocked);
        let [mut audience, mut blocked] = core::mem::take(&mut self.scratch);
        let are_given = lists.is_some();
        let visible = lists.as_ref().is_none_or(|lists| lists.visible);
        let interned = (|| {
            let (user, spelling) = self.tables.intern_owner(id)?;
            let Some(lists) = lists else { return Ok((user, spelling)) };
            if !self.tables.intern_all(lists.audience, max_audience, &mut audience)? {
                return Err(Error::AudienceLimit { limit: max_audience });
            }
            if !self.tables.intern_all(lists.blocked, max_blocked, &mut blocked)? {
                return Err(Error::BlockedLimit { limit: max_blocked });
            }
            Ok((user, spelling))
        })();
        let set = interned.map(|(user, spelling)| {
            if let Some(spelling) = spelling.filter(|_| self.tables.place(user).is_none()) {
                self.tables.spell(user, spelling);
            }
            lists::make_set(&mut audience, user);
            lists::make_set(&mut blocked, user);
            let online = self.tables.place(user).filter(|_| !are_given);
            let (place, is_first) = match online {
                Some(place) => (place, false),
                None => self.set_lists(user, &audience, &blocked),
            };
            match (are_given, is_first, visible) {
                (true, true, _) => self.tables.set_visible(place, visible),
                (true, false, true) => self.show_to_all(place, None),
                (true, false, false) => self.hide_from_all(place, None),
                (false, ..) => {}
            }
            (place, is_first)
        });
        audience.clear();
        blocked.clear();
        self.scratch = [audience, blocked];
        set
    }

    fn add_remote(
        &mut self,
        node: usize,
        place: Place,
        session: &RemoteSession<K, P>,
        is_first: bool,
    ) -> SessionIndex {
        let user = self.tables.user_at(place);
        let connected = self.moment.saturating_sub(session.age_ms);
        let times = (self.moment, connected);
        let of = (user, place);
        let added = self.tables.add_remote(of, session.kind, times, (node, session.id));
        if let Some(signs) = self.remote_signs(session.idle_ms) {
            *self.tables.voices_mut().signs_mut(added) = signs;
        }
        if is_first {
            self.plan.push_step(Step::Online { user, session: added });
        }
        self.speak_later(place, None);
        added
    }

    /// Makes what a node says of a session what is so.
    fn update_remote(
        &mut self,
        session: SessionIndex,
        state: RemoteSession<K, P>,
    ) -> Result<(), Error> {
        let RemoteSession { lost, number, shown, idle_ms, topics, .. } = state;
        let place = self.tables.sessions().place(session);
        let before = self.tables.sessions().loss(session);
        let lost_at = lost.map(|loss| (self.moment.saturating_sub(loss.since_ms), loss.cause));
        if before.is_some() || lost.is_some() {
            // It may have been lost once more since: the last loss is the one that counts.
            self.tables.set_remote_link(session, lost_at);
        }
        if before.is_some() != lost.is_some() {
            self.speak_later(place, None);
        }
        match lost {
            Some(loss) => {
                let order = self.next_order();
                let ends = self.moment.saturating_add(loss.left_ms);
                self.lifetimes.arm(session, ends, order);
            }
            None => self.lifetimes.disarm(session),
        }
        self.set_remote_idle(session, idle_ms);
        let is_shown = self.tables.sessions().has_published(session);
        let is_news =
            number != self.tables.changed().number(session) || shown.is_some() != is_shown;
        match shown {
            Some(shown) if is_news => self.show_remote(session, shown),
            Some(shown) => {
                self.plan.drop_later(Some(shown.presence));
                self.plan.drop_later(shown.until.and_then(|until| until.then));
            }
            None => {}
        }
        self.tables.changed_mut().set_number(session, number);
        self.set_remote_topics(session, topics)
    }

    /// Returns what is known of a session that its node says is idle for so long, or not, if
    /// contacts are told who is.
    fn remote_signs(&self, idle_ms: Option<u64>) -> Option<Signs> {
        let active = self.moment.saturating_sub(idle_ms.unwrap_or(0));
        let signs = Signs { active, is_idle: idle_ms.is_some(), ..Signs::default() };
        self.tells_idleness().then_some(signs)
    }

    fn set_remote_idle(&mut self, session: SessionIndex, idle_ms: Option<u64>) {
        let Some(Signs { active, is_idle, .. }) = self.remote_signs(idle_ms) else { return };
        let idle_after_ms = self.options.idle_after_ms.unwrap_or(0);
        let signs = self.tables.voices_mut().signs_mut(session);
        let stays_idle = signs.is_idle && is_idle;
        // Durations that travel are a little off. Who was active in between is idle for less, by as
        // much as it takes to become so again.
        if stays_idle && active < signs.active.saturating_add(idle_after_ms) {
            return;
        }
        let is_news = signs.is_idle || is_idle;
        (signs.active, signs.is_idle) = (active, is_idle);
        if is_news {
            self.speak_later(self.tables.sessions().place(session), None);
        }
    }

    fn show_remote(&mut self, session: SessionIndex, shown: RemotePresence<P>) {
        let RemotePresence { presence, age_ms, until } = shown;
        self.show_rarely(session, presence);
        if self.tells_users() {
            let published = self.moment.saturating_sub(age_ms);
            self.tables.voices_mut().signs_mut(session).published = published;
        }
        if let Some(RemoteEnd { left_ms, then }) = until {
            let until = self.moment.saturating_add(left_ms.min(self.options.max_expiry_ms));
            self.set_shown_end(Expiry { session, of: Expiring::Shown, until, then });
        }
    }

    /// Shows something, out of the way of those that a publish takes.
    #[cold]
    #[inline(never)]
    fn show_rarely(&mut self, session: SessionIndex, presence: P) {
        self.show(session, presence);
    }

    fn withdraw_remote(&mut self, session: SessionIndex) {
        self.clear_shown_end(session);
        self.take_back(session);
    }

    /// Ends a session that has ended at its node. A user's last end is kept back for a moment,
    /// since another node may be about to say that the user is there (rule C10).
    fn end_remote(&mut self, session: SessionIndex, reason: EndReason) {
        let place = self.tables.sessions().place(session);
        let skew_ms = self.options.skew_ms;
        let is_over = |of: &SessionIndex| {
            *of == session || self.tables.remote(*of).is_some_and(|remote| remote.over.is_some())
        };
        let is_last = self.tables.sessions_at(place).iter().all(is_over);
        if !is_last || skew_ms == 0 || reason == EndReason::Expelled {
            return self.end(session, reason, self.moment);
        }
        let cause = match reason {
            EndReason::Lost(cause) => cause,
            _ => LostCause::GoingAway,
        };
        let at = self.tables.loss(session).map_or(self.moment, |(at, _)| at);
        self.tables.set_remote_link(session, Some((at, cause)));
        if let Some(remote) = self.tables.remote_mut(session) {
            remote.over = Some(reason);
        }
        let order = self.next_order();
        self.lifetimes.arm(session, self.moment.saturating_add(skew_ms), order);
        self.speak_later(place, None);
    }

    /// Has a session go on whose end was kept back: its node says that it is there.
    fn take_back_end(&mut self, session: SessionIndex) {
        let over = self.tables.remote_mut(session).and_then(|remote| remote.over.take());
        if over.is_some() {
            self.lifetimes.disarm(session);
        }
    }

    /// Returns whether the end of a session of the user at this place was kept back.
    pub(super) fn has_over(&self, place: Place) -> bool {
        let is_over =
            |of: &SessionIndex| self.tables.remote(*of).is_some_and(|one| one.over.is_some());
        self.tables.sessions().remote() > 0 && self.tables.sessions_at(place).iter().any(is_over)
    }

    /// Ends those sessions of the user at this place whose end was kept back: another has come,
    /// which is told nothing of them if it is one of this node.
    pub(super) fn end_over(&mut self, place: Place, newcomer: Option<SessionIndex>) {
        if !self.has_over(place) {
            return;
        }
        let mut nth = 0;
        while let Some(session) = self.tables.sessions_at(place).get(nth).copied() {
            match self.tables.remote(session).and_then(|remote| remote.over) {
                Some(reason) => self.end_for(session, newcomer, reason, self.moment),
                None => nth += 1,
            }
        }
    }

    // ---- what is said by a session of another node

    pub(crate) fn remote_direct<'q, Q>(
        &mut self,
        origin: Origin,
        (user, id): (&Q, SessionId),
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let session = self.find_remote(origin, user, id).ok_or(Error::UnknownSession)?;
        self.check_duration(for_ms.unwrap_or(0))?;
        self.with_users(|state, named| {
            let limit = state.options.max_direct;
            let (mut users, mut names) = (users.into_iter(), 0);
            let counted = users.by_ref().take(limit as usize).inspect(|_| names += 1);
            state.tables.find_all(counted, |_, user| named.push(user));
            if users.next().is_some() {
                return Err(Error::DirectLimit { limit });
            }
            state.direct_to(session, (names, for_ms), named, presence);
            Ok(())
        })
    }

    pub(crate) fn remote_say<Q>(
        &mut self,
        origin: Origin,
        (user, id): (&Q, SessionId),
        name: &Q,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let session = self.find_remote(origin, user, id).ok_or(Error::UnknownSession)?;
        let topic = self.tables.find_topic(name).ok_or(Error::UnknownTopic)?;
        let is_member = |one: &MembershipIndex| self.tables.topics().is(*one, Mark::Member);
        let membership = self.tables.membership_in(session, topic).filter(is_member);
        let membership = membership.ok_or(Error::NotMember)?;
        self.check_duration(for_ms.unwrap_or(0))?;
        self.say_as(session, (topic, membership), presence, for_ms);
        Ok(())
    }

    fn find_remote<Q>(&self, origin: Origin, user: &Q, id: SessionId) -> Option<SessionIndex>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let node = self.tables.origins().find(origin)?;
        let place = self.tables.place(self.tables.find_online(user)?)?;
        let session = self.tables.find_remote(place, (node, id))?;
        self.tables.remote(session)?.over.is_none().then_some(session)
    }

    // ---- what other nodes are told

    pub(crate) fn note_changes(&mut self) {
        self.tables.changed_mut().is_on = true;
        self.is_clustered_or_represented = true;
    }

    pub(crate) fn next_changed(&mut self) -> Option<User> {
        self.finish_drain();
        let next = self.tables.next_changed();
        self.tables.forget_fresh();
        next
    }

    /// Returns when the grace of a detached session is over.
    pub(crate) fn grace_ends(&self, session: SessionIndex) -> Time {
        self.lifetimes.deadline(session).unwrap_or(self.now)
    }

    /// Returns when what a session shows ends by itself, if it does, and in what.
    pub(crate) fn shown_until(&self, session: SessionIndex) -> Option<(Time, Option<&P>)> {
        let [shown, _] = self.tables.sessions().expiries(session);
        let expiry = self.expiries.get(shown?)?;
        Some((expiry.until, expiry.then.as_ref()))
    }

    /// Ends a session here because of what happens at another node.
    pub(crate) fn end_for_others(
        &mut self,
        key: SessionKey,
        (close, end): (CloseReason, EndReason),
    ) -> Result<(), Error> {
        let session = self.session(key)?;
        self.close(session, close);
        self.end(session, end, self.moment);
        Ok(())
    }
}
