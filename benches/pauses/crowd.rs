//! A crowd that comes online, stays, and leaves again, with every verb between.

use super::calendar::Calendar;
use super::common::graphs::Ring;
use super::common::random::Random;
use super::log::{Log, Verb};
use adsum::{
    CloseReason, Config, Connect, Decision, Decisions, Engine, LostCause, Options, SessionKey, Time,
};
use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;

pub(crate) const CONTACTS: usize = 20;
/// One in so many users blocks another as soon as it is online.
const BLOCKING_ONE_IN: u32 = 4;
/// So many connect in one millisecond while the crowd grows: 100,000 a second.
const CONNECTS_A_MS: usize = 100;
/// The same in each run, so that each run does the same.
pub(crate) type Hasher = BuildHasherDefault<DefaultHasher>;

/// What is done to users one after the other, and undone when so many others have been done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Its connection is lost; it resumes.
    Lost,
    Congested,
    Invisible,
    /// It and a contact lose each other.
    Parted,
    /// One of its contacts is another now.
    Replaced,
    Blocked,
}

const CHANGES: [Change; 6] = [
    Change::Lost,
    Change::Congested,
    Change::Invisible,
    Change::Parted,
    Change::Replaced,
    Change::Blocked,
];

/// What the host has heard in an `advance`.
#[derive(Default)]
struct Heard {
    closed: Vec<SessionKey>,
    ended: Vec<u32>,
}

pub(crate) struct Crowd {
    pub(crate) engine: Engine<u32, u64, Hasher>,
    pub(crate) log: Log,
    ring: Ring,
    now_ms: u64,
    random: Random,
    /// Of each user who is online.
    keys: Vec<Option<SessionKey>>,
    /// Who is attached, and where each stands in this list.
    attached: Vec<u32>,
    place: Vec<u32>,
    /// Who is in the middle of a change.
    is_busy: Vec<bool>,
    changed: [VecDeque<u32>; CHANGES.len()],
    /// Who sends no heartbeats any more.
    is_silent: Vec<bool>,
    /// One in so many who would send a heartbeat falls silent.
    silent_one_in: Option<usize>,
    /// Whether the times of heartbeats are kept.
    notes_beats: bool,
    calendar: Calendar,
    /// Who has been online before.
    has_been: Vec<bool>,
    /// Those who will come online next.
    coming: VecDeque<u32>,
    list: Vec<u32>,
}

impl Crowd {
    pub(crate) fn new(users: usize) -> Self {
        // What is directed is not counted, so that no call is refused.
        let options = Options { direct_rate: None, ..Options::default() };
        let config = Config::new(options).expect("the options are in range");
        Self {
            engine: Engine::with_hasher(config, Hasher::default()),
            log: Log::new(),
            ring: Ring::new(users, CONTACTS),
            now_ms: 1_000,
            random: Random::new(11),
            keys: vec![None; users],
            attached: Vec::with_capacity(users),
            place: vec![0; users],
            is_busy: vec![false; users],
            changed: Default::default(),
            is_silent: vec![false; users],
            silent_one_in: None,
            notes_beats: true,
            calendar: Calendar::new(),
            has_been: vec![false; users],
            coming: Random::new(3).order(users).into(),
            list: Vec::with_capacity(CONTACTS),
        }
    }

    fn users(&self) -> usize {
        self.keys.len()
    }

    const fn now(&self) -> Time {
        Time::from_millis(self.now_ms)
    }

    // ---- the phases

    /// All come online. Returns the log, with so many buckets of the population.
    pub(crate) fn grow(&mut self, buckets: usize) -> Log {
        let mut begun = 0;
        while !self.coming.is_empty() {
            for _ in 0..CONNECTS_A_MS {
                while begun < buckets && self.attached.len() * buckets >= begun * self.users() {
                    self.log.begin_bucket();
                    begun += 1;
                }
                self.come();
                if self.random.below(4) == 0 {
                    self.anything();
                }
            }
            self.pass();
        }
        self.take_log()
    }

    /// Some come and go, and everything else happens too, for so many milliseconds.
    pub(crate) fn rest(&mut self, millis: usize) -> Log {
        for _ in 0..millis {
            (0..10).for_each(|_| self.come());
            (0..40).for_each(|_| self.anything());
            self.pass();
        }
        self.take_log()
    }

    /// Nothing but heartbeats for so many milliseconds: too many to keep their times. A few users
    /// fall silent.
    pub(crate) fn beat(&mut self, millis: usize) -> Log {
        self.silent_one_in = Some(10_000);
        self.notes_beats = false;
        for _ in 0..millis {
            while !self.coming.is_empty() {
                self.come();
            }
            self.pass();
        }
        self.take_log()
    }

    fn take_log(&mut self) -> Log {
        std::mem::replace(&mut self.log, Log::new())
    }

    // ---- time

    /// A millisecond passes.
    fn pass(&mut self) {
        self.now_ms += 1;
        for user in self.calendar.take(self.now_ms) {
            self.beat_once(user);
        }
        self.log.time(Verb::Nothing, || black_box(()));
        self.log.time(Verb::Counts, || black_box(self.engine.counts()));
        loop {
            let heard = self.advance();
            heard.closed.iter().for_each(|session| self.is_closed(*session));
            heard.ended.iter().for_each(|user| self.is_gone(*user));
            let deadline = self.log.time(Verb::Deadline, || black_box(self.engine.deadline()));
            // While very much is to come the engine asks to be called again at once.
            if deadline.is_none_or(|deadline| deadline > self.now()) {
                return;
            }
        }
    }

    fn beat_once(&mut self, user: u32) {
        let at = user as usize;
        self.calendar.add(&mut self.random, self.now_ms, user);
        if let Some(one_in) = self.silent_one_in
            && self.random.below(one_in) == 0
        {
            self.is_silent[at] = true;
        }
        if let Some(session) = self.keys[at]
            && self.is_attached(user)
            && !self.is_silent[at]
        {
            let now = self.now();
            let mut beat = || drain(self.engine.heartbeat(now, session).expect("it is attached"));
            if self.notes_beats { self.log.time(Verb::Heartbeat, beat) } else { beat() }
        }
    }

    /// Decisions are taken one by one: the host can do something else between them.
    fn advance(&mut self) -> Heard {
        let (now, mut heard) = (self.now(), Heard::default());
        let (mut decisions, mut is_more) = self.log.time(Verb::Advance, || {
            let mut decisions = self.engine.advance(now);
            let is_more = note(&mut decisions, &mut heard);
            (decisions, is_more)
        });
        while is_more {
            let next = || note(&mut decisions, &mut heard);
            is_more = self.log.time(Verb::NextOfAdvance, next);
        }
        heard
    }

    /// A lease has lapsed. Half of those come back at once.
    fn is_closed(&mut self, session: SessionKey) {
        let user = *self.engine.user_of(session).expect("it can be resumed");
        self.is_silent[user as usize] = false;
        self.leave_attached(user);
        if user.is_multiple_of(2) {
            self.resume(user);
        }
    }

    fn is_gone(&mut self, user: u32) {
        self.is_silent[user as usize] = false;
        self.keys[user as usize] = None;
        self.coming.push_back(user);
    }

    // ---- coming and going

    /// The next one comes online, and shows something.
    fn come(&mut self) {
        let Some(user) = self.coming.pop_front() else { return };
        self.list_contacts(user);
        let now = self.now();
        let session = self.log.time(Verb::Connect, || {
            let connect = Connect::new(user).audience(self.list.iter().copied());
            let connected = self.engine.connect(now, connect);
            let (session, decisions) = connected.expect("there is room");
            drain(decisions);
            session
        });
        self.keys[user as usize] = Some(session);
        self.enter_attached(user);
        if !std::mem::replace(&mut self.has_been[user as usize], true) {
            self.calendar.add(&mut self.random, self.now_ms, user);
        }
        if user.is_multiple_of(BLOCKING_ONE_IN) {
            self.block_somebody(user);
        }
        self.publish(user);
    }

    /// The pairs are as many as the population is large, and no contacts: whom those block is
    /// [changed](Change::Blocked) besides.
    fn block_somebody(&mut self, user: u32) {
        let (now, users) = (self.now(), self.users());
        let other = self.random.below(users) as u32;
        self.log.time(Verb::Block, || {
            drain(self.engine.block(now, &user, other).expect("there is room"))
        });
    }

    /// Somebody leaves, and comes back later.
    fn leave(&mut self) {
        let Some(user) = self.pick() else { return };
        let (now, session) = (self.now(), self.key(user));
        if self.random.below(8) == 0 {
            self.log.time(Verb::Expel, || drain(self.engine.expel(now, &user)));
        } else {
            self.log.time(Verb::Disconnect, || {
                drain(self.engine.disconnect(now, session).expect("it is online"))
            });
        }
        self.leave_attached(user);
        self.is_gone(user);
    }

    fn resume(&mut self, user: u32) {
        let (now, session) = (self.now(), self.key(user));
        let session = self.log.time(Verb::Resume, || {
            let resumed = self.engine.resume(now, session);
            let (session, decisions) = resumed.expect("its grace is not over");
            drain(decisions);
            session
        });
        self.keys[user as usize] = Some(session);
        self.enter_attached(user);
    }

    fn enter_attached(&mut self, user: u32) {
        self.place[user as usize] = self.attached.len() as u32;
        self.attached.push(user);
    }

    fn leave_attached(&mut self, user: u32) {
        let place = self.place[user as usize];
        self.attached.swap_remove(place as usize);
        if let Some(moved) = self.attached.get(place as usize) {
            self.place[*moved as usize] = place;
        }
    }

    fn is_attached(&self, user: u32) -> bool {
        self.attached.get(self.place[user as usize] as usize) == Some(&user)
    }

    // ---- everything else

    fn key(&self, user: u32) -> SessionKey {
        self.keys[user as usize].expect("it is online")
    }

    fn list_contacts(&mut self, user: u32) {
        self.list.clear();
        self.ring.contacts(user, &mut self.list);
    }

    /// Somebody who is attached and not in the middle of a change.
    fn pick(&mut self) -> Option<u32> {
        (0..8).find_map(|_| {
            let count = self.attached.len();
            let user = self.attached[(count > 0).then(|| self.random.below(count))?];
            (!self.is_busy[user as usize]).then_some(user)
        })
    }

    /// Any verb.
    fn anything(&mut self) {
        match self.random.below(16) {
            0..4 => {
                if let Some(user) = self.pick() {
                    self.publish(user);
                }
            }
            4 | 5 => self.direct(),
            6 => self.system(),
            7 | 8 => self.leave(),
            other => self.change(CHANGES[other % CHANGES.len()]),
        }
    }

    fn publish(&mut self, user: u32) {
        let (now, session) = (self.now(), self.key(user));
        self.log.time(Verb::Publish, || {
            drain(self.engine.publish(now, session, 1).expect("it is attached"))
        });
    }

    fn direct(&mut self) {
        let Some(user) = self.pick() else { return };
        self.list_contacts(user);
        let (now, session) = (self.now(), self.key(user));
        self.log.time(Verb::Direct, || {
            drain(self.engine.direct(now, session, &self.list[..5], 2).expect("it is attached"))
        });
    }

    fn system(&mut self) {
        let count = self.users();
        let users: Vec<u32> = (0..CONTACTS).map(|_| self.random.below(count) as u32).collect();
        let now = self.now();
        self.log.time(Verb::System, || {
            drain(self.engine.system(now, &users, 3).expect("they are few"))
        });
    }

    /// Changes somebody, or undoes the oldest change, so that about one in a thousand is changed.
    fn change(&mut self, change: Change) {
        let most = (self.attached.len() / 1_000).max(8);
        if self.changed[change as usize].len() < most {
            let Some(user) = self.pick() else { return };
            self.is_busy[user as usize] = true;
            self.changed[change as usize].push_back(user);
            self.set(change, user, true);
        } else if let Some(user) = self.changed[change as usize].pop_front() {
            self.is_busy[user as usize] = false;
            // It may have fallen silent, and be gone by now.
            if self.keys[user as usize].is_some() {
                self.set(change, user, false);
            }
        }
    }

    fn set(&mut self, change: Change, user: u32, is_so: bool) {
        self.list_contacts(user);
        let (now, session, contact) = (self.now(), self.key(user), self.list[0]);
        let Self { engine, log, .. } = self;
        match (change, is_so) {
            (Change::Lost, true) => {
                let cause = LostCause::ConnectionError;
                log.time(Verb::Lost, || {
                    drain(engine.lost(now, session, cause).expect("it is attached"))
                });
                self.leave_attached(user);
            }
            (Change::Lost, false) => self.resume(user),
            (Change::Congested, true) => log.time(Verb::Congested, || {
                drain(engine.congested(now, session).expect("it is attached"))
            }),
            (Change::Congested, false) => log.time(Verb::Writable, || {
                drain(engine.writable(now, session).expect("it is attached"))
            }),
            (Change::Invisible, true) => log.time(Verb::Invisible, || {
                drain(engine.invisible(now, session).expect("it is attached"))
            }),
            (Change::Invisible, false) => log.time(Verb::Visible, || {
                drain(engine.visible(now, session).expect("it is attached"))
            }),
            (Change::Parted, true) => {
                for (one, other) in [(user, contact), (contact, user)] {
                    log.time(Verb::AudienceRemove, || {
                        drain(engine.audience_remove(now, &one, [&other]).expect("it is one"))
                    });
                }
            }
            (Change::Parted, false) => {
                for (one, other) in [(user, contact), (contact, user)] {
                    log.time(Verb::AudienceAdd, || {
                        drain(engine.audience_add(now, &one, [other]).expect("there is room"))
                    });
                }
            }
            (Change::Replaced, _) => self.replace(user, is_so),
            (Change::Blocked, true) => log.time(Verb::Block, || {
                drain(engine.block(now, &user, contact).expect("there is room"))
            }),
            (Change::Blocked, false) => log.time(Verb::Unblock, || {
                drain(engine.unblock(now, &user, &contact).expect("there is room"))
            }),
        }
    }

    fn replace(&mut self, user: u32, by_another: bool) {
        if by_another {
            let users = self.users();
            let other = self.random.below(users) as u32;
            if other != user && !self.list.contains(&other) {
                self.list[0] = other;
            }
        }
        let now = self.now();
        self.log.time(Verb::AudienceReplace, || {
            let list = self.list.iter().copied();
            drain(self.engine.audience_replace(now, &user, list).expect("there is room"))
        });
    }
}

/// Takes all decisions, as a host does that sends nothing.
pub(crate) fn drain(mut decisions: Decisions<'_, u32, u64, Hasher>) {
    while let Some(decision) = decisions.next() {
        match &decision {
            Decision::Snapshot(snapshot) => {
                for entry in snapshot.entries() {
                    black_box(entry.presence);
                }
            }
            other => _ = black_box(other),
        }
    }
}

/// Takes a decision. Returns whether there was one.
fn note(decisions: &mut Decisions<'_, u32, u64, Hasher>, heard: &mut Heard) -> bool {
    let Some(decision) = decisions.next() else { return false };
    match &decision {
        Decision::Close { session, reason: CloseReason::LeaseLapsed, .. } => {
            heard.closed.push(*session);
        }
        Decision::Ended { user, .. } => heard.ended.push(**user),
        other => _ = black_box(other),
    }
    true
}
