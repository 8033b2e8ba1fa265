//! An engine with several sessions, of which all that is told is told to one receiver.

use super::names::{TOPICS, USERS, view};
use super::pair::Pair;

use adsum::{
    Candidate, Config, DefaultHashBuilder, DeviceKind, Engine, Event, Join, LostCause, Options,
    SessionKey, Time, TopicOptions,
};
use std::hash::BuildHasher;

/// A server that sends all it has to say to one receiver.
pub(super) struct Server {
    engine: Engine<u8, u8>,
    keys: Vec<SessionKey>,
    now: Time,
}

/// Chooses the session that shows most.
fn highest(all: &[Candidate<'_, u8>]) -> usize {
    (0..all.len()).max_by_key(|at| all[*at].presence).unwrap_or(0)
}

impl Server {
    /// Makes one that tells of each session, or one state of each user.
    pub(super) fn new(tells_users: bool) -> Self {
        let (publish_rate, lease, idle_after_ms) = (None, None, Some(100));
        // Those of more than three are shown as a sample, and what is shown is told by a tick.
        let topics = TopicOptions { full_up_to: 3, sample: 2, ..TopicOptions::default() };
        let (topic_rate, direct_rate) = (None, None);
        let options = Options {
            publish_rate,
            lease,
            idle_after_ms,
            topics,
            topic_rate,
            direct_rate,
            ..Options::default()
        };
        let config = Config::new(options).expect("the options go together");
        let engine = if tells_users {
            Engine::with_representative(config, DefaultHashBuilder::default(), highest)
        } else {
            Engine::new(config)
        };
        Self { engine, keys: Vec::new(), now: Time::ZERO }
    }

    pub(super) fn speak<S: BuildHasher>(
        &mut self,
        to: &mut Pair<S>,
        verb: u8,
        whom: u8,
        presence: u8,
    ) {
        let (user, everyone) = (whom % USERS, (0..USERS).collect::<Vec<u8>>());
        let at = self.keys.len().checked_sub(1 + usize::from(whom) % self.keys.len().max(1));
        let later = self.now.saturating_add(presence.into());
        let some = (0..USERS).filter(|user| presence & 1 << user != 0).collect();
        // Those from 20 on came later.
        let verb = if verb < 20 { verb % 10 } else { verb };
        let event = match (verb, at.map(|at| self.keys[at])) {
            (20, Some(session)) => {
                let then = whom.is_multiple_of(2).then_some(!presence);
                Event::PublishUntil { session, presence, until: later, then }
            }
            (21, Some(session)) => Event::Withdraw { session },
            (22, Some(session)) => {
                Event::DirectFor { session, users: everyone, presence, for_ms: presence.into() }
            }
            (23, Some(session)) => Event::Active { session },
            (24, Some(session)) => Event::Unwatch { session, users: some },
            (25 | 26, _) => {
                self.now = later;
                Event::Advance
            }
            (2, Some(session)) if presence >= 0xc0 => Event::Watch { session, users: some },
            (1 | 2 | 31, Some(session)) => Event::Publish { session, presence },
            (3, Some(session)) => Event::Direct { session, users: everyone, presence },
            (4, Some(session)) => Event::Disconnect { session },
            (5, Some(session)) => Event::Resume { session },
            (6, Some(session)) => {
                Event::Lost { session, cause: LostCause::NodeLoss, grace_ms: None }
            }
            (7 | 27, Some(session)) => Event::Invisible { session },
            (8 | 28, _) => Event::Expel { user },
            (9 | 29, _) => Event::System { users: everyone, presence },
            _ => {
                let kind = DeviceKind(presence);
                Event::Connect { user, kind, audience: everyone, blocked: Vec::new() }
            }
        };
        self.tell(to, at, event);
    }

    /// Lets something happen in a topic.
    pub(super) fn speak_of_topic<S: BuildHasher>(
        &mut self,
        to: &mut Pair<S>,
        verb: u8,
        whom: u8,
        presence: u8,
    ) {
        let (name, nth) = (presence % TOPICS, presence / TOPICS);
        let Some(at) = self.keys.len().checked_sub(1 + usize::from(whom) % self.keys.len().max(1))
        else {
            return;
        };
        let session = self.keys[at];
        let topic = self.engine.topic(&name).map(|topic| topic.key());
        let own = (nth % 8 < 4).then_some(presence);
        let event = match (verb, topic) {
            (0 | 1, _) => {
                let join = Join::Member { presence: own, view: view(nth) };
                Event::Join { session, topic: name, join }
            }
            (2, _) => {
                Event::Join { session, topic: name, join: Join::Observer { view: view(nth) } }
            }
            (3, Some(topic)) => Event::Update { session, topic, presence },
            (4, Some(topic)) => Event::Leave { session, topic },
            (5, Some(topic)) => Event::Look { session, topic, view: view(nth) },
            (6, Some(topic)) => {
                let users = (0..USERS).filter(|user| presence & 1 << user != 0).collect();
                Event::LookAt { session, topic, users }
            }
            (7, Some(topic)) => {
                let for_ms = (nth % 2 == 0).then_some(presence.into());
                Event::Say { session, topic, presence, for_ms }
            }
            (8, _) if nth % 4 == 0 => Event::Close { topic: name },
            (8, _) => {
                let coalesce_ms = u32::from(nth % 3) * 100;
                let options = self.engine.options().topics;
                Event::TopicOptions {
                    topic: name,
                    options: TopicOptions { coalesce_ms, ..options },
                }
            }
            _ => {
                self.now = self.now.saturating_add(u64::from(presence) * 2);
                Event::Advance
            }
        };
        self.tell(to, None, event);
    }

    /// Applies an event, of the session in this place if it is about one, and tells what comes of
    /// it.
    fn tell<S: BuildHasher>(&mut self, to: &mut Pair<S>, at: Option<usize>, event: Event<u8, u8>) {
        let resumed = at.filter(|_| matches!(event, Event::Resume { .. }));
        let is_connect = matches!(event, Event::Connect { .. });
        let Ok(mut decisions) = self.engine.apply(self.now, event) else {
            return;
        };
        if is_connect {
            self.keys.extend(decisions.session());
        } else if let (Some(at), Some(key)) = (resumed, decisions.session()) {
            self.keys[at] = key;
        }
        while let Some(decision) = decisions.next() {
            to.apply(&decision);
        }
    }
}
