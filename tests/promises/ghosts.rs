//! Promise 4: a host that keeps lists mutual has no ghosts, and a check that would notice them.

use crate::Run;
use crate::receiver::{LARGE, Receiver};
use adsum::{Config, OfflineNotices, SessionId, SessionKey, Time, View};
use adsum_model::ops::USERS;
use adsum_model::queries::equal;
use adsum_model::{Case, Event, Op, User, strategy};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// No topic of the cases has a slower tick.
const SLOWEST_TICK_MS: u64 = 300;

/// A host that keeps lists mutual, as it should.
struct Roster {
    run: Run<u32>,
    contacts: BTreeMap<User, BTreeSet<User>>,
    blocked: BTreeMap<User, BTreeSet<User>>,
    /// By the key of the attachment. A client keeps its own over a resume.
    receivers: BTreeMap<SessionKey, Receiver>,
    /// How many sessions each of them may hold.
    limit: usize,
}

/// What a receiver believes of the sessions that it may see is what is true of them, after every
/// input; and it is what a snapshot would tell it. In some cases receivers are small: then whoever
/// has not said that something found no room believes what is true, and all of it, and who has
/// believes nothing else, until a snapshot that fits makes it right again.
#[test]
fn no_ghosts() {
    let (full, right_again) = (Cell::new(0), Cell::new(0));
    strategy::check(1_500, 60, |case| {
        let limit = if case.ops.len() % 4 == 1 { 1 + case.ops.len() / 4 % 6 } else { LARGE };
        let mut roster = Roster::new(&case, None, limit);
        for op in &case.ops {
            roster.op(*op)?;
        }
        roster.check_topics()?;
        roster.compare_with_snapshots()?;
        let sum = |count: fn(&Receiver) -> u32| roster.receivers.values().map(count).sum::<u32>();
        full.set(full.get() + sum(|receiver| receiver.times_full));
        right_again.set(right_again.get() + sum(|receiver| receiver.times_right_again));
        equal("fulls of the large", limit == LARGE && sum(|of| of.times_full) > 0, false)
    });
    assert!(full.get() > 100 && right_again.get() > 20, "{full:?}, {right_again:?}");
}

/// So the test above can tell: where nobody is told of endings, somebody believes in a ghost.
#[test]
fn ghosts_are_noticed() {
    let connect = [0, 0, 0, 2, 0, 0];
    let other_connects = [0, 0, 1, 2, 0, 0];
    let [publish, disconnect] = [[12, 0, 0, 0, 0, 0], [41, 0, 0, 0, 0, 0]];
    let ops = [connect, other_connects, publish, disconnect].map(Op).to_vec();
    let run = |offline_notices| {
        let case = Case { ops: ops.clone(), ..Case::default() };
        let mut roster = Roster::new(&case, Some(offline_notices), LARGE);
        case.ops.iter().try_for_each(|op| roster.op(*op))
    };
    assert_eq!(run(OfflineNotices::ToWhoeverSaw), Ok(()));
    let fault = run(OfflineNotices::Never).expect_err("there is a ghost");
    assert!(fault.contains("believes"), "{fault}");
}

impl Roster {
    fn new(case: &Case, offline_notices: Option<OfflineNotices>, limit: usize) -> Self {
        let mut options = case.setup.options();
        options.snapshot_on_connect = true;
        (options.max_audience, options.max_blocked) = (100, 100);
        if options.offline_notices == OfflineNotices::Never {
            options.offline_notices = OfflineNotices::ToWhoeverSaw;
        }
        options.offline_notices = offline_notices.unwrap_or(options.offline_notices);
        let config = Config::new(options).expect("the options go together");
        let everyone: BTreeSet<User> = (0..USERS).collect();
        Self {
            run: Run::new(&config, case.setup.choice()),
            contacts: everyone.iter().map(|user| (*user, everyone.clone())).collect(),
            blocked: BTreeMap::new(),
            receivers: BTreeMap::new(),
            limit,
        }
    }

    fn op(&mut self, op: Op) -> Result<(), String> {
        let (now, event) = self.run.decode(op);
        for event in self.mutual(event) {
            self.input(now, &event)?;
            self.check_beliefs().map_err(|fault| format!("{event:?}: {fault}"))?;
        }
        Ok(())
    }

    fn input(&mut self, now: Time, event: &Event) -> Result<(), String> {
        let (receivers, limit) = (&mut self.receivers, self.limit);
        let mut resumed = match event {
            Event::Resume { session } => Some(*session),
            _ => None,
        };
        let mut fault = Ok(());
        _ = self.run.input(now, event, usize::MAX, &mut |decision, to| {
            for key in to {
                // Whoever has resumed keeps its slot, and what it believes. Contacts may be told
                // first.
                let before = resumed.take_if(|before| before.slot() == key.slot());
                let before = before.and_then(|before| receivers.remove(&before));
                receivers.extend(before.map(|before| (*key, before)));
                let receiver = receivers.entry(*key).or_insert_with(|| Receiver::new(limit));
                if let Err(said) = receiver.hear(decision) {
                    fault = Err(said);
                }
            }
        })?;
        fault?;
        match event {
            Event::Unwatch { session, users } => self.forget(*session, users),
            Event::Leave { session, .. }
            | Event::Look { session, .. }
            | Event::LookAt { session, .. } => self.forget_topics(*session),
            _ => {}
        }
        Ok(())
    }

    /// A client forgets a topic that it has left, or of which it views nothing any more.
    fn forget_topics(&mut self, key: SessionKey) {
        let engine = &self.run.host.engine;
        let Some(receiver) = self.receivers.get_mut(&key) else { return };
        let views = |name: &User| {
            let topic = engine.topic(name);
            topic.is_some_and(|topic| {
                let view = topic.view(key);
                view.is_some_and(|view| view > View::Nothing || topic.looks_at(key).count() > 0)
            })
        };
        let topics: Vec<User> = receiver.replica.topics().copied().collect();
        topics.iter().filter(|name| !views(name)).for_each(|name| receiver.forget_topic(*name));
    }

    /// A client forgets those whom it watches no longer, but for its user's
    /// contacts and other devices.
    fn forget(&mut self, key: SessionKey, users: &[User]) {
        let engine = &self.run.host.engine;
        let (viewer, receiver) = (engine.user_of(key), self.receivers.get_mut(&key));
        let (Some(viewer), Some(Receiver { replica, .. })) = (viewer, receiver) else { return };
        let is_seen = |user: &&User| {
            *user == viewer
                || engine.audience(*user).any(|contact| contact == viewer)
                || engine.watched(key).any(|watched| watched == *user)
        };
        users.iter().filter(|user| !is_seen(user)).for_each(|user| replica.forget(user));
    }

    /// The inputs that a host which keeps the roster makes of this one: whatever one user does to
    /// their list happens to the other's as well.
    fn mutual(&mut self, event: Event) -> Vec<Event> {
        let old = |user| self.contacts.get(&user).cloned().unwrap_or_default();
        let (user, new) = match event {
            Event::Connect { user, kind, .. } => {
                let audience = old(user).into_iter().collect();
                let blocked = self.blocked.get(&user).into_iter().flatten().copied().collect();
                return vec![Event::Connect { user, kind, audience, blocked }];
            }
            Event::Block { user, other } => {
                self.blocked.entry(user).or_default().insert(other);
                return vec![event];
            }
            Event::Unblock { user, other } => {
                self.blocked.entry(user).or_default().remove(&other);
                return vec![event];
            }
            Event::AudienceAdd { user, ref contacts } => (user, &old(user) | &set(contacts)),
            Event::AudienceRemove { user, ref contacts } => (user, &old(user) - &set(contacts)),
            Event::AudienceReplace { user, ref contacts } => (user, set(contacts)),
            event => return vec![event],
        };
        let old = old(user);
        let mut events = vec![event];
        for other in &new - &old {
            self.contacts.entry(other).or_default().insert(user);
            events.push(Event::AudienceAdd { user: other, contacts: vec![user] });
        }
        for other in &old - &new {
            self.contacts.entry(other).or_default().remove(&user);
            events.push(Event::AudienceRemove { user: other, contacts: vec![user] });
        }
        self.contacts.insert(user, new);
        events
    }

    /// By what the engine answers when asked, not by the model.
    fn check_beliefs(&self) -> Result<(), String> {
        let engine = &self.run.host.engine;
        let echo = engine.config().options().own_echo;
        let told_as_one = self.run.model.choice.is_some();
        let sessions_of = |user| engine.sessions(&user).collect::<Vec<_>>();
        let sessions: Vec<SessionKey> = (0..USERS).flat_map(sessions_of).collect();
        for key in sessions.iter().copied() {
            if !engine.is_attached(key) || engine.is_congested(key) {
                continue;
            }
            let viewer = engine.user_of(key).expect("the session is there");
            let mut truth = BTreeMap::new();
            for session in sessions.iter().copied().filter(|session| *session != key) {
                let user = engine.user_of(session).expect("the session is there");
                let is_seen = match user == viewer {
                    true => echo,
                    false => !told_as_one && engine.session_sees(key, user),
                };
                let id = engine.id_of(session).expect("the session is there");
                if let Some(presence) = engine.presence(session).filter(|_| is_seen) {
                    truth.insert(id, *presence);
                }
            }
            // What is held of those who have ended is nothing that an engine can be asked for.
            for (id, held) in &self.run.model.held {
                if !told_as_one && held.user != *viewer && engine.session_sees(key, &held.user) {
                    truth.extend(held.presence.map(|presence| (*id, presence)));
                }
            }
            let is_full = self.receivers.get(&key).is_some_and(|receiver| receiver.is_cut);
            let published = self.published(key);
            if is_full {
                // Somebody is missing, but whatever is believed is so.
                truth.retain(|id, _| published.contains_key(id));
            }
            equal(&format!("what {key:?} believes"), published, truth)?;
            let Some(Receiver { replica, .. }) = self.receivers.get(&key) else { continue };
            for user in 0..USERS {
                let state =
                    engine.representative(&user).filter(|_| engine.session_sees(key, &user));
                let state = state.and_then(|(of, since)| Some((*of.presence?, since)));
                let held = replica.user(&user).map(|(presence, since)| (*presence, since));
                if is_full && held.is_none() {
                    continue;
                }
                equal(&format!("what {key:?} believes of {user}"), held, state)?;
            }
            for user in replica.users() {
                for (session, ..) in replica.sessions_of(user) {
                    let of = engine.session_by_id(session).map(|session| session.user);
                    let held = self.run.model.held.get(&session).map(|session| &session.user);
                    equal("whose session it believes in", Some(user), of.or(held))?;
                }
            }
        }
        Ok(())
    }

    fn published(&self, key: SessionKey) -> BTreeMap<SessionId, u32> {
        let mut published = BTreeMap::new();
        let Some(Receiver { replica, .. }) = self.receivers.get(&key) else {
            return published;
        };
        for user in replica.users() {
            for (session, presence, _) in replica.sessions_of(user) {
                published.extend(presence.map(|presence| (session, *presence)));
            }
        }
        published
    }

    /// What is believed of topics, once their ticks have come.
    fn check_topics(&mut self) -> Result<(), String> {
        // Whatever happens at a deadline may begin another tick; but not for ever.
        for _ in 0..1_000 {
            let until = self.run.model.now.saturating_add(SLOWEST_TICK_MS);
            let next = self.run.host.engine.deadline().filter(|at| at.as_millis() <= until);
            let Some(at) = next else { break };
            self.input(at, &Event::Advance)?;
        }
        let engine = &self.run.host.engine;
        for (key, receiver) in &self.receivers {
            if engine.is_attached(*key) && !engine.is_congested(*key) {
                let fault = receiver.check_topics(engine, *key);
                fault.map_err(|fault| format!("{key:?} believes {fault}"))?;
            }
        }
        Ok(())
    }

    /// What was believed by the notices alone, and what a snapshot says instead.
    fn compare_with_snapshots(&mut self) -> Result<(), String> {
        let now = Time::from_millis(self.run.model.now);
        for session in self.run.model.keys() {
            let engine = &self.run.host.engine;
            if engine.is_attached(session) && !engine.is_congested(session) {
                let was_full = self.receivers.get(&session).is_some_and(|of| of.is_cut);
                let believed = self.published(session);
                let id = engine.id_of(session).expect("the session is there");
                self.input(now, &Event::Resume { session })?;
                let resumed = self.run.host.engine.session_by_id(id).map(|session| session.key);
                let repeated = resumed.map(|key| self.published(key));
                let is_full = resumed.and_then(|key| self.receivers.get(&key));
                if !was_full && !is_full.is_some_and(|receiver| receiver.is_cut) {
                    equal("what is believed without a snapshot", Some(believed), repeated)?;
                }
                self.check_beliefs()?;
            }
        }
        Ok(())
    }
}

fn set(list: &[User]) -> BTreeSet<User> {
    list.iter().copied().collect()
}
