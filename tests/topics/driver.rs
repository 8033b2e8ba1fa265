//! Makes inputs at random and carries their decisions out.

use crate::beliefs::Beliefs;
use crate::figures::Figures;
use adsum::{
    Candidate, Connect, Counts, Engine, Event, Join, LostCause, Options, SessionKey, Time,
    TopicBlocks, TopicKey, TopicOptions, View,
};
use std::hash::RandomState;

pub(crate) struct Driver {
    pub(crate) engine: Engine<u32, u32>,
    /// Whether all are contacts of each other, and are told one state of each user.
    tells_users: bool,
    /// Whether some block others.
    blocks: bool,
    pub(crate) beliefs: Beliefs,
    figures: Figures,
    /// One in so many decisions does not arrive; zero if all do.
    pub(crate) loses_every: u32,
    /// Whether the host takes some decisions only, now and then, and drops the others.
    pub(crate) drops: bool,
    decisions: u32,
    state: u64,
    now: u64,
    pub(crate) log: Vec<String>,
}

/// Has the session speak for its user that published last.
fn newest(candidates: &[Candidate<'_, u32>]) -> usize {
    let all = candidates.iter().enumerate();
    all.max_by_key(|(_, one)| one.published).map_or(0, |(nth, _)| nth)
}

const USERS: u32 = 7;
const TOPICS: u32 = 3;

impl Driver {
    pub(crate) fn new(options: Options, seed: u64) -> Self {
        let tells_users = options.idle_after_ms.is_some();
        let blocks = options.topics.blocks == TopicBlocks::Hidden;
        let config = adsum::Config::new(options).expect("the options are in range");
        let hasher = RandomState::default();
        Self {
            engine: match tells_users {
                true => Engine::with_representative(config, hasher, newest),
                false => Engine::with_hasher(config, hasher),
            },
            tells_users,
            blocks,
            beliefs: Beliefs::default(),
            figures: Figures::default(),
            loses_every: 0,
            drops: false,
            decisions: 0,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 1_000,
            log: Vec::new(),
        }
    }

    fn random(&mut self, below: u32) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as u32 % below
    }

    fn session(
        &mut self,
        is_meant: impl Fn(&adsum::Session<'_, u32, u32>) -> bool,
    ) -> Option<SessionKey> {
        let all: Vec<_> =
            self.engine.all_sessions().filter(|one| is_meant(one)).map(|one| one.key).collect();
        let nth = self.random(all.len().max(1) as u32);
        all.get(nth as usize).copied()
    }

    fn view(&mut self) -> View {
        match self.random(6) {
            0 => View::Nothing,
            1 => View::Count,
            2 => View::Sample(1 + self.random(3) as u16),
            _ => View::All,
        }
    }

    fn topic_of(&mut self, session: SessionKey) -> Option<TopicKey> {
        let all: Vec<_> = self.engine.topics_of(session).map(|topic| topic.key()).collect();
        let nth = self.random(all.len().max(1) as u32);
        all.get(nth as usize).copied()
    }

    pub(crate) fn step(&mut self) {
        if let Err(error) = self.try_step() {
            let from = self.log.len().saturating_sub(60);
            panic!("{error}\n{}", self.log[from..].join("\n"));
        }
    }

    /// Gives one input, and looks whether everything is right then.
    pub(crate) fn try_step(&mut self) -> Result<(), String> {
        self.now += [0, 0, 0, 7, 60, 400][self.random(6) as usize];
        self.advance()?;
        if let Some(event) = self.event() {
            self.give(event)?;
        }
        if self.random(12) == 0 {
            self.engine.shrink_to_fit();
        }
        if self.random(4) == 0 {
            self.settle()?;
        }
        Ok(())
    }

    fn block(&mut self) -> Event<u32, u32> {
        let (user, other) = (self.random(USERS), self.random(USERS));
        match self.random(2) {
            0 => Event::Block { user, other },
            _ => Event::Unblock { user, other },
        }
    }

    fn options(&mut self) -> Event<u32, u32> {
        let (full_up_to, sample) = (1 + self.random(5), 1 + self.random(3) as u16);
        let coalesce_ms = self.random(2) * 120;
        let default = self.engine.options().topics;
        let hides = coalesce_ms == 0 && self.random(2) == 0;
        let blocks = if hides { TopicBlocks::Hidden } else { TopicBlocks::Ignored };
        let options = TopicOptions { full_up_to, sample, coalesce_ms, blocks, ..default };
        Event::TopicOptions { topic: 100 + self.random(TOPICS), options }
    }

    fn event(&mut self) -> Option<Event<u32, u32>> {
        let attached = self.session(|one| one.is_attached());
        let presence = self.random(1_000);
        if self.tells_users && self.random(12) == 0 {
            return Some(Event::Active { session: attached? });
        }
        if self.blocks && self.random(10) == 0 {
            return Some(self.block());
        }
        Some(match self.random(40) {
            0..5 => {
                let (user, kind) = (self.random(USERS), adsum::DeviceKind(0));
                let audience = (0..USERS).filter(|_| self.tells_users).collect();
                // The same for all devices of one, as far as `block` changes nothing.
                let blocked = (0..USERS).filter(|other| self.blocks && *other == user % 3);
                Event::Connect { user, kind, audience, blocked: blocked.collect() }
            }
            5..14 => {
                let (topic, view) = (100 + self.random(TOPICS), self.view());
                let join = match self.random(5) {
                    0 => Join::Observer { view },
                    1 => Join::Member { presence: Some(presence), view },
                    _ => Join::Member { presence: None, view },
                };
                Event::Join { session: attached?, topic, join }
            }
            14..19 => {
                let topic = self.topic_of(attached?)?;
                Event::Update { session: attached?, topic, presence }
            }
            19..22 => Event::Leave { session: attached?, topic: self.topic_of(attached?)? },
            22 => {
                let (topic, view) = (self.topic_of(attached?)?, self.view());
                Event::Look { session: attached?, topic, view }
            }
            23 if self.random(2) == 0 => {
                let topic = self.topic_of(attached?)?;
                let users = (0..self.random(3)).map(|_| self.random(USERS)).collect();
                Event::LookAt { session: attached?, topic, users }
            }
            23 | 24 => {
                let topic = self.topic_of(attached?)?;
                let for_ms = [None, Some(50), Some(500)][self.random(3) as usize];
                Event::Say { session: attached?, topic, presence, for_ms }
            }
            25 => Event::Remove { topic: 100 + self.random(TOPICS), user: self.random(USERS) },
            26 if self.random(3) == 0 => Event::Close { topic: 100 + self.random(TOPICS) },
            27 if self.random(3) == 0 => self.options(),
            28 | 29 => Event::Lost {
                session: attached?,
                cause: LostCause::ConnectionError,
                grace_ms: [None, Some(0), Some(300)][self.random(3) as usize],
            },
            30 => Event::Resume { session: self.session(|_| true)? },
            31 => Event::Resume { session: self.session(|one| !one.is_attached())? },
            32 => Event::Disconnect { session: self.session(|_| true)? },
            33 => Event::Congested { session: attached? },
            34 => Event::Writable { session: self.session(|one| one.is_congested)? },
            35 => Event::Invisible { session: attached? },
            36 => Event::Visible { session: attached? },
            37 => Event::Publish { session: attached?, presence },
            38 => Event::Withdraw { session: attached? },
            39 => Event::Expel { user: self.random(USERS) },
            _ => return None,
        })
    }

    fn give(&mut self, event: Event<u32, u32>) -> Result<(), String> {
        let now = Time::from_millis(self.now);
        self.log.push(format!("{} {event:?}", self.now));
        self.beliefs.expect(&self.engine, &event);
        let mut left = if self.drops { self.random(4) } else { u32::MAX };
        let Self { engine, beliefs, figures, log, .. } = self;
        let mut error = None;
        match engine.apply(now, event.clone()) {
            Ok(mut decisions) => {
                beliefs.accept(&event, decisions.session());
                while left > 0 {
                    let Some(decision) = decisions.next() else { break };
                    left -= 1;
                    log.push(format!("    {decision:?}"));
                    self.decisions += 1;
                    figures.count(&decision);
                    if self.loses_every > 0 && self.decisions.is_multiple_of(self.loses_every) {
                        continue;
                    }
                    let wrong = beliefs.take_in(&decision).err();
                    error = error.or(wrong);
                }
            }
            Err(refused) => log.push(format!("    refused: {refused}")),
        }
        if let Some(error) = error.filter(|_| !self.drops) {
            return Err(error);
        }
        beliefs.learn(engine);
        engine.verify().map_err(|broken| format!("{broken}, after {event:?}"))?;
        if self.drops {
            return Ok(());
        }
        self.figures.check(&self.engine.stats())?;
        self.beliefs.check(&self.engine, false)
    }

    /// Tells the time at each deadline up to now.
    fn advance(&mut self) -> Result<(), String> {
        let until = self.now;
        while let Some(at) = self.engine.deadline().filter(|at| at.as_millis() < until) {
            self.now = at.as_millis().max(self.engine.now().as_millis());
            self.give(Event::Advance)?;
        }
        self.now = until;
        Ok(())
    }

    /// Lets all ticks come, and looks whether everybody believes what is so.
    fn settle(&mut self) -> Result<(), String> {
        self.now += 650;
        self.advance()?;
        self.give(Event::Advance)?;
        if self.drops { Ok(()) } else { self.beliefs.check(&self.engine, true) }
    }

    /// Everybody goes: nothing is left.
    pub(crate) fn end(&mut self) {
        self.settle().unwrap_or_else(|error| panic!("{error}\n{}", self.log.join("\n")));
        while let Some(session) = self.session(|_| true) {
            let ended = self.give(Event::Disconnect { session });
            ended.unwrap_or_else(|error| panic!("{error}\n{}", self.log.join("\n")));
        }
        assert_eq!(self.engine.counts(), Counts::default(), "something is left");
        let newcomer = self.engine.connect(Time::from_millis(self.now), Connect::new(1));
        newcomer.expect("there is room").1.for_each(|_| {});
    }
}
