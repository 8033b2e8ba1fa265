//! What of the model's state can still make a difference.

use crate::actions::last_stale;
use adsum::{SessionId, SessionKey};
use adsum_model::missed::{Change, Offline, Stated};
use adsum_model::state::Session;
use adsum_model::topics::Standing;
use adsum_model::{Model, User};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Two models of which this is equal go the same way from here on.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct State(Vec<u64>);

/// Apart from all other numbers.
const NONE: u64 = u64::MAX;

impl State {
    pub(crate) fn of(model: &Model) -> Self {
        let mut names = BTreeMap::new();
        let sessions = [0, 1].into_iter().flat_map(|user| {
            let mut showing = model.showing_of(user);
            showing.sort_by_key(|id| model.shown(*id).map(|session| session.order));
            showing
        });
        for (nth, id) in sessions.enumerate() {
            names.insert(id, nth as u64);
        }
        // Those that have ended are all alike; of stale keys actions name the last.
        let name = |id: &SessionId| names.get(id).copied().unwrap_or(100);
        let stale = [true, false].map(|replaced| last_stale(model, replaced));
        let mut state = Self(stale.map(|stale| stale.map_or(NONE, |s| name(&s.session))).into());
        for user in [0, 1] {
            state.add_account(model, user, &name);
        }
        // What is due at one moment is due in this order.
        let mut timers: Vec<_> =
            model.showing().flat_map(|(_, session)| session.timers()).collect();
        timers.sort_unstable();
        // In their order, whatever the engine calls them.
        let mut sessions: Vec<_> = names.iter().map(|(id, name)| (*name, *id)).collect();
        sessions.sort_unstable();
        for (_, id) in sessions {
            state.add_session(model, id, &name, &timers);
        }
        state.add_topics(model, &name);
        state
    }

    /// Adds who is in which topic, and what the next ticks tell.
    fn add_topics(&mut self, model: &Model, name: &impl Fn(&SessionId) -> u64) {
        let mut timers: Vec<_> = model.topic_timers().collect();
        timers.sort_unstable();
        for (topic, of) in &model.topics {
            self.0.extend([u64::from(*topic), of.is_large.into()]);
            self.0.extend(of.users().into_iter().map(u64::from));
            for tick in [&of.fast, &of.slow] {
                let Some(tick) = tick else {
                    self.0.push(NONE);
                    continue;
                };
                self.add_timer(model, tick.timer, &timers);
                self.add_standing(&tick.before, name);
                let changed: BTreeSet<u64> = tick.changed.iter().map(name).collect();
                self.add_all(changed.into_iter());
                self.add_all(tick.new.iter().map(name));
                self.add_all(tick.new_to_others.iter().map(name));
                for gone in [&tick.of_all, &tick.of_part] {
                    self.add_all(gone.ended.keys().map(name));
                    let reasons = gone.reasons.iter();
                    self.add_all(reasons.map(|(user, why)| hash(&(user, format!("{why:?}")))));
                }
            }
            let mut places: Vec<_> = of.places.iter().map(|(id, of)| (name(id), of)).collect();
            places.sort_by_key(|(name, _)| *name);
            self.0.push(places.len() as u64);
            for (name_of, place) in places {
                self.0.extend([name_of, hash(&place.view)]);
                let flags = [place.is_member, place.is_new, place.is_dirty, place.may_be_dirty];
                self.0.extend(flags.map(u64::from));
                self.0.push(place.said.is_some().into());
                self.0.push(place.presence.is_some().into());
                self.0.push(place.tat.saturating_sub(model.now));
                self.add_all(place.named.iter().map(|user| u64::from(*user)));
                let waits = place.waiting.map(|(_, timer)| timer);
                for timer in [place.said.flatten(), waits] {
                    match timer {
                        Some(timer) => self.add_timer(model, timer, &timers),
                        None => self.0.push(NONE),
                    }
                }
                let Some(before) = &place.before else {
                    self.0.push(NONE);
                    continue;
                };
                self.add_standing(&before.standing, name);
                let tick = of.tick(of.service(place));
                let since = tick.and_then(|tick| tick.changed.get(before.changes..));
                let since: BTreeSet<u64> = since.into_iter().flatten().map(name).collect();
                self.add_all(since.into_iter());
            }
        }
        // In which order each session joined its topics.
        let mut sessions: Vec<_> = model.sessions.keys().collect();
        sessions.sort_by_key(|id| name(id));
        for id in sessions {
            self.0.extend(model.topics_of(*id).into_iter().map(u64::from));
            self.0.push(NONE);
        }
    }

    fn add_timer(&mut self, model: &Model, timer: (u64, u64), all: &[(u64, u64)]) {
        let place = all.iter().filter(|other| **other < timer).count();
        self.0.extend([timer.0.saturating_sub(model.now), place as u64]);
    }

    fn add_standing(&mut self, standing: &Standing, name: &impl Fn(&SessionId) -> u64) {
        self.0.push(standing.members.len() as u64);
        for (user, sessions) in &standing.members {
            self.0.push(u64::from(*user));
            self.add_all(sessions.iter().map(name));
        }
        self.0.push(standing.counts.observers.into());
    }

    fn add_account(&mut self, model: &Model, user: User, name: &impl Fn(&SessionId) -> u64) {
        let Some(account) = model.accounts.get(&user) else { return self.0.push(NONE) };
        let lists = [&account.audience, &account.blocked].map(|list| list.contains(&(1 - user)));
        self.0.extend([lists[0], lists[1], account.invisible].map(u64::from));
        self.add_all(account.unaware.iter().map(|key| name(&of(model, *key))));
        let voice = account.voice;
        self.0.push(voice.map_or(NONE, |voice| name(&voice.session)));
        self.0.push(voice.map_or(NONE, |voice| voice.idle_since.is_some().into()));
    }

    /// Adds what a function that chooses can read of a session besides what it shows.
    fn add_signs(&mut self, model: &Model, id: SessionId, session: &Session) {
        let of_user = model.showing().filter(|(_, other)| other.user == session.user);
        let last = of_user.map(|(_, other)| other.active).max().unwrap_or(0);
        let idle = model.idle_timer(id);
        let all = model.sessions.keys().filter_map(|id| model.idle_timer(*id));
        self.0.extend([u64::from(session.is_idle), last - session.active]);
        self.0.push(idle.map_or(NONE, |(at, _)| at.saturating_sub(model.now)));
        self.0.push(idle.map_or(NONE, |timer| all.filter(|other| *other < timer).count() as u64));
    }

    fn add_session(
        &mut self,
        model: &Model,
        id: SessionId,
        name: &impl Fn(&SessionId) -> u64,
        timers: &[(u64, u64)],
    ) {
        let session = model.shown(id).expect("it may show something");
        let slot = session.key.slot();
        let slot = if slot.is_near() { slot.index() as u64 % 2 } else { 2 };
        let lost = session.lost.map_or(0, |(_, cause)| 1 + cause as u64);
        self.0.extend([name(&id), session.user.into(), slot, lost]);
        let said = [session.presence.is_some(), session.waiting.is_some(), session.version > 0];
        self.0.extend(said.map(u64::from));
        if model.choice.is_some() {
            self.add_signs(model, id, session);
        }
        self.0.extend([session.tat, session.direct_tat].map(|tat| tat.saturating_sub(model.now)));
        // How long it may still be a newcomer for whose sake another is held.
        let settled = session.connected.saturating_add(model.options.settle_ms);
        self.0.push(settled.saturating_sub(model.now));
        let then = |then: Option<Option<u32>>| then.map_or(NONE, |then| then.is_some().into());
        self.0.push(then(session.expiry.map(|expiry| expiry.then)));
        let waiting = session.waiting_end;
        self.0.push(waiting.map_or(NONE, |(until, _)| until.saturating_sub(model.now)));
        self.0.push(then(waiting.map(|(_, then)| then)));
        let expiry = session.expiry.map(|expiry| expiry.timer);
        let calls = session.calls.iter().map(|call| call.expiry);
        let own = [session.lease, session.grace, session.token, session.held_until, expiry];
        for timer in own.into_iter().chain(calls) {
            let place = timer.and_then(|timer| timers.binary_search(&timer).ok());
            self.0.push(timer.map_or(NONE, |(at, _)| at.saturating_sub(model.now)));
            self.0.push(place.map_or(NONE, |place| place as u64));
        }
        let place = model.held_of(session.user).iter().position(|held| *held == id);
        self.0.push(place.map_or(NONE, |place| place as u64));
        self.0.extend([&session.watched, &session.struck].map(|list| list.len() as u64));
        self.0.push(session.calls.len() as u64);
        for call in &session.calls {
            self.0.push(call.names as u64);
            self.add_all(call.reached.keys().map(|to| name(&of(model, *to))));
        }
        let Some(missed) = &session.missed else { return self.0.push(NONE) };
        self.0.extend([missed.visibility, missed.everything].map(u64::from));
        let sessions = missed.sessions.iter().map(|((user, of), change)| {
            let Change { held, shown, over, withdrawn, directed_over, directed_ended, by_watch } =
                *change;
            let told = [held.is_some(), held == Some(true), shown, over, withdrawn];
            let flags = told.into_iter().chain([directed_over, directed_ended, by_watch]);
            let flags = flags.fold(0, |all, flag| all << 1 | u64::from(flag));
            name(of) << 16 | u64::from(*user) << 8 | flags
        });
        self.add_all(sessions);
        let states = missed.states.iter().map(|(user, Stated { held, shown, by_watch })| {
            let flags = [held, shown, by_watch].into_iter();
            flags.fold(u64::from(*user), |all, flag| all << 1 | u64::from(*flag))
        });
        self.add_all(states);
        let offline = missed.offline.iter();
        self.add_all(offline.map(|(user, Offline { unaware, by_watch })| {
            u64::from(*user) << 2 | u64::from(*unaware) << 1 | u64::from(*by_watch)
        }));
    }

    fn add_all(&mut self, numbers: impl Iterator<Item = u64>) {
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        self.0.push(numbers.len() as u64);
        self.0.extend(numbers);
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Returns the session of an attachment that is not over.
fn of(model: &Model, key: SessionKey) -> SessionId {
    model.find(key).expect("whoever is over is forgotten")
}
