use crate::config::{Config, DirectTo, Options};
use crate::connect::Connect;
use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::LostCause;
use crate::hasher::tests::{Number, Plain};
use crate::key::{SessionKey, TopicKey};
use crate::time::Time;
use crate::topic::{Join, TopicBlocks, TopicOptions, View};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cell::Cell;
use core::hash::BuildHasher;

mod crowds;
mod silent;
mod silent_ticks;

std::thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
    static MOVED: Cell<usize> = const { Cell::new(0) };
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn add(steps: usize) {
    STEPS.set(STEPS.get() + steps);
}

pub(super) fn add_moved(entries: usize) {
    MOVED.set(MOVED.get() + entries);
}

pub(super) fn add_looks(looks: usize) {
    LOOKS.set(LOOKS.get() + looks);
}

/// Returns how many steps something takes.
pub(crate) fn of(call: impl FnOnce()) -> usize {
    let before = STEPS.get();
    call();
    STEPS.get() - before
}

/// Returns how many entries of somebody's list are moved in it.
pub(crate) fn moved(call: impl FnOnce()) -> usize {
    let before = MOVED.get();
    call();
    MOVED.get() - before
}

/// Returns how often something looks at an entry of a list, or at what is kept of a session or of
/// somebody in a topic.
fn looks(call: impl FnOnce()) -> usize {
    let before = LOOKS.get();
    call();
    LOOKS.get() - before
}

/// Takes a step for each hash, so that a table that hashes its entries anew to grow is seen even
/// where it counts no steps itself.
struct Counting;

impl BuildHasher for Counting {
    type Hasher = Number;

    fn build_hasher(&self) -> Number {
        add(1);
        Plain.build_hasher()
    }
}

type Core = Engine<u64, u32, Counting>;

/// The most steps of a call are so many for each entry of its own lists, and [`SPARE`] more: about
/// as many entries as a segment of each table has, however many users there are.
const MOST: usize = 100;
const SPARE: usize = 64;
const CONTACTS: usize = 20;
/// The most names that a call hands in besides.
const NAMES: usize = 4;
const USERS: u64 = if cfg!(feature = "shrunk") { 10_000 } else { 200_000 };
/// So many come, so that most of those are known in the end.
const COMING: u64 = USERS / 10;
/// So many are in a change at a time before the first of them is undone.
const CHANGED: usize = 64;

/// An engine that grows, and the longest call of each verb so far.
struct Growing {
    engine: Core,
    /// Those that may be attached.
    sessions: Vec<SessionKey>,
    random: u64,
    now: u64,
    longest: BTreeMap<&'static str, usize>,
}

impl Growing {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            direct_to: DirectTo::Anyone,
            direct_rate: None,
            topic_rate: None,
            idle_after_ms: Some(10_000),
            ..Options::default()
        };
        change(&mut options);
        let config = Config::new(options).expect("they are in range");
        let engine = Engine::with_hasher(config, Counting);
        let (sessions, longest) = (Vec::new(), BTreeMap::new());
        Self { engine, sessions, random: 1, now: 1, longest }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.random >> 33) % end
    }

    fn some<const N: usize>(&mut self) -> [u64; N] {
        core::array::from_fn(|_| self.below(USERS))
    }

    /// Returns a session that is attached, and its user.
    fn any(&mut self) -> (SessionKey, u64) {
        loop {
            let at = self.below(self.sessions.len() as u64) as usize;
            let session = self.sessions[at];
            if self.engine.is_attached(session) {
                return (session, *self.engine.user_of(session).expect("it is attached"));
            }
            self.sessions.swap_remove(at);
        }
    }

    /// Returns the number of entries of the user's lists, and its sessions'.
    fn own(&self, user: u64) -> usize {
        let sessions = self.engine.user_sessions(&user);
        let watched = sessions.map(|session| self.engine.watched(session.key).len()).sum::<usize>();
        self.engine.audience(&user).len() + self.engine.blocked(&user).len() + watched
    }

    /// Makes a call with so many entries in its lists: it takes no more steps than are allowed for
    /// them, and for each decision of those that are due without anybody's call.
    fn call(
        &mut self,
        verb: &'static str,
        own: usize,
        call: impl FnOnce(&mut Core, Time) -> usize,
    ) {
        let (mut decisions, now) = (0, Time::from_millis(self.now));
        let (before, steps) = (MOVED.get(), of(|| decisions = call(&mut self.engine, now)));
        let moved = MOVED.get() - before;
        let own = if verb == "advance" { own + decisions } else { own };
        let users = self.engine.counts().users_known;
        let most = MOST * (own + SPARE);
        assert!(steps <= most, "{steps} steps in a {verb} of {own} entries with {users} users");
        // Whoever's list they are moved in: an entry that comes or goes moves a piece of it.
        let most = most + 3 * MOST * own;
        assert!(moved <= most, "{moved} entries moved in a {verb} of {own} with {users} users");
        let longest = self.longest.entry(verb).or_default();
        *longest = steps.max(*longest);
    }

    /// The same of a verb of a session, with so many names besides.
    fn of_any(
        &mut self,
        verb: &'static str,
        names: usize,
        call: impl FnOnce(&mut Core, Time, SessionKey) -> usize,
    ) {
        let (session, user) = self.any();
        let own = self.own(user) + names;
        self.call(verb, own, |engine, now| call(engine, now, session));
    }

    fn connect(&mut self, user: u64, contacts: [u64; CONTACTS], blocked: &[u64]) {
        let mut key = None;
        let own = self.own(user) + CONTACTS + blocked.len();
        self.call("connect", own, |engine, now| {
            let connect = Connect::new(user).audience(contacts).blocked(blocked.iter().copied());
            let (session, decisions) = engine.connect(now, connect).expect("there is room");
            key = Some(session);
            all_of(decisions)
        });
        self.sessions.extend(key);
    }
}

/// Takes all decisions, and counts them.
fn all_of(decisions: Decisions<'_, u64, u32, Counting>) -> usize {
    let mut count = 0;
    decisions.for_each(|_| count += 1);
    count
}

/// The same of a call that is not refused.
fn taken(decisions: Result<Decisions<'_, u64, u32, Counting>, Error>) -> usize {
    all_of(decisions.expect("nothing about it is refused"))
}

/// The same of a call that may be.
fn if_any(decisions: Result<Decisions<'_, u64, u32, Counting>, Error>) -> usize {
    decisions.map_or(0, all_of)
}

/// What is undone later.
#[derive(Default)]
struct Undone {
    blocked: VecDeque<(u64, u64)>,
    congested: VecDeque<SessionKey>,
    invisible: VecDeque<SessionKey>,
    lost: VecDeque<SessionKey>,
    /// In a topic, and whether it is a small one.
    members: VecDeque<(SessionKey, TopicKey, bool)>,
}

/// Returns the first, once there are more than so many.
fn oldest<T>(all: &mut VecDeque<T>, most: usize) -> Option<T> {
    if all.len() > most { all.pop_front() } else { None }
}

impl Growing {
    fn speak(&mut self) {
        self.of_any("publish", 0, |engine, now, session| taken(engine.publish(now, session, 1)));
        let until = Time::from_millis(self.now + 1 + self.below(100_000));
        self.of_any("publish_until", 0, |engine, now, session| {
            taken(engine.publish_until(now, session, 1, until, Some(2)))
        });
        if self.now.is_multiple_of(8) {
            self.of_any("withdraw", 0, |engine, now, session| taken(engine.withdraw(now, session)));
        }
        let names: [u64; NAMES] = core::array::from_fn(|_| self.any().1);
        self.of_any("direct", NAMES, |engine, now, session| {
            taken(engine.direct(now, session, &names, 1))
        });
        let for_ms = 1 + self.below(100_000);
        self.of_any("direct_for", NAMES, |engine, now, session| {
            taken(engine.direct_for(now, session, &names, 1, for_ms))
        });
        self.call("system", NAMES, |engine, now| taken(engine.system(now, &names, 3)));
        self.of_any("heartbeat", 0, |engine, now, session| taken(engine.heartbeat(now, session)));
        self.of_any("active", 0, |engine, now, session| taken(engine.active(now, session)));
    }

    fn change_lists(&mut self, undone: &mut Undone) {
        let (_, user) = self.any();
        let (own, other) = (self.own(user), self.below(USERS));
        self.call("block", own + 1, |engine, now| taken(engine.block(now, &user, other)));
        undone.blocked.push_back((user, other));
        // Three in four stay, so that there are more and more.
        if self.now.is_multiple_of(4)
            && let Some((user, other)) = oldest(&mut undone.blocked, CHANGED)
        {
            let own = self.own(user);
            self.call("unblock", own, |engine, now| taken(engine.unblock(now, &user, &other)));
        }
        let names = self.some::<NAMES>();
        let own = own + NAMES;
        self.call("audience_add", own, |engine, now| taken(engine.audience_add(now, &user, names)));
        if self.now.is_multiple_of(2) {
            self.call("audience_remove", own, |engine, now| {
                taken(engine.audience_remove(now, &user, &names))
            });
        }
        if self.now.is_multiple_of(8) {
            let (_, user) = self.any();
            let (own, contacts) = (self.own(user) + CONTACTS, self.some::<CONTACTS>());
            self.call("audience_replace", own, |engine, now| {
                taken(engine.audience_replace(now, &user, contacts))
            });
        }
        self.of_any("watch", NAMES, |engine, now, session| {
            taken(engine.watch(now, session, names))
        });
        if self.now.is_multiple_of(4) {
            self.of_any("unwatch", NAMES, |engine, now, session| {
                let watched: Vec<u64> = engine.watched(session).copied().take(NAMES).collect();
                taken(engine.unwatch(now, session, &watched))
            });
        }
    }

    fn change_sessions(&mut self, undone: &mut Undone) {
        let (session, _) = self.any();
        self.of_session("congested", session, |e, now, session| taken(e.congested(now, session)));
        undone.congested.push_back(session);
        if let Some(session) = oldest(&mut undone.congested, COMING as usize / 8) {
            self.of_session("writable", session, |e, now, session| taken(e.writable(now, session)));
        }
        let (session, _) = self.any();
        self.of_session("invisible", session, |e, now, session| taken(e.invisible(now, session)));
        undone.invisible.push_back(session);
        if let Some(session) = oldest(&mut undone.invisible, CHANGED) {
            self.of_session("visible", session, |e, now, session| taken(e.visible(now, session)));
        }
        let (session, _) = self.any();
        self.of_session("lost", session, |e, now, session| {
            taken(e.lost(now, session, LostCause::ConnectionError))
        });
        undone.lost.push_back(session);
        if let Some(session) = oldest(&mut undone.lost, CHANGED)
            && let Some(user) = self.engine.user_of(session).copied()
        {
            let (own, mut resumed) = (self.own(user), None);
            self.call("resume", own, |engine, now| {
                let (key, decisions) = engine.resume(now, session).expect("its grace is not over");
                resumed = Some(key);
                all_of(decisions)
            });
            self.sessions.extend(resumed);
        }
        match self.now % 16 {
            // Some of whom nothing is heard any more.
            0 | 8 => self.of_any("lost_with_grace", 0, |engine, now, session| {
                taken(engine.lost_with_grace(now, session, LostCause::Timeout, 500))
            }),
            2 | 6 | 10 => self.of_any("disconnect", 0, |engine, now, session| {
                taken(engine.disconnect(now, session))
            }),
            4 => {
                let (_, user) = self.any();
                let own = self.own(user);
                self.call("expel", own, |engine, now| all_of(engine.expel(now, &user)));
            }
            12 => self.of_any("expel_session", 0, |engine, now, session| {
                taken(engine.expel_session(now, session))
            }),
            14 => self.of_any("evict", 0, |engine, now, session| taken(engine.evict(now, session))),
            _ => {}
        }
    }

    /// A call about a session, unless it has ended by now.
    fn of_session(
        &mut self,
        verb: &'static str,
        session: SessionKey,
        call: impl FnOnce(&mut Core, Time, SessionKey) -> usize,
    ) {
        if self.engine.is_attached(session)
            && let Some(user) = self.engine.user_of(session).copied()
        {
            let own = self.own(user);
            self.call(verb, own, |engine, now| call(engine, now, session));
        }
    }

    fn go_to_topics(&mut self, undone: &mut Undone) {
        // One for all, where nobody looks closely, and many small ones.
        let small = 1 + self.below(COMING / 8);
        let member = |view| Join::Member { presence: Some(1), view };
        for (topic, view) in [(0, View::Count), (small, View::All)] {
            let (session, user) = self.any();
            let (own, mut key) = (self.own(user), None);
            self.call("join", own, |engine, now| {
                let joined = engine.join(now, session, topic + USERS, member(view));
                // It may be there already.
                let Ok((topic, decisions)) = joined else { return 0 };
                key = Some(topic);
                all_of(decisions)
            });
            undone.members.extend(key.map(|key| (session, key, topic > 0)));
        }
        // One in two stays.
        if let Some((session, topic, is_small)) = oldest(&mut undone.members, CHANGED) {
            // It may have been removed by now.
            self.of_session("update", session, |engine, now, session| {
                if_any(engine.update(now, session, topic, 2))
            });
            self.of_session("look", session, |engine, now, session| {
                if_any(engine.look(now, session, topic, View::Sample(3)))
            });
            let names = self.some::<NAMES>();
            self.of_session("look_at", session, |engine, now, session| {
                if_any(engine.look_at(now, session, topic, names))
            });
            // All would hear it.
            if is_small {
                self.of_session("say", session, |engine, now, session| {
                    if_any(engine.say(now, session, topic, 3, Some(1_000)))
                });
            }
            self.of_session("leave", session, |engine, now, session| {
                if_any(engine.leave(now, session, topic))
            });
        }
        let topic = small + USERS;
        match self.now % 16 {
            3 => {
                let (_, user) = self.any();
                let own = self.own(user);
                self.call("remove", own, |engine, now| all_of(engine.remove(now, &topic, &user)));
            }
            7 => self.call("close", 0, |engine, now| all_of(engine.close(now, &topic))),
            11 => self.call("topic_options", 0, |engine, now| {
                let hidden = TopicBlocks::Hidden;
                let options = TopicOptions { blocks: hidden, ..TopicOptions::default() };
                taken(engine.topic_options(now, &topic, options))
            }),
            _ => {}
        }
    }
}

/// All of them, so that none is left out.
const VERBS: [&str; 39] = [
    "active",
    "advance",
    "audience_add",
    "audience_remove",
    "audience_replace",
    "block",
    "close",
    "congested",
    "connect",
    "counts",
    "deadline",
    "direct",
    "direct_for",
    "disconnect",
    "evict",
    "expel",
    "expel_session",
    "heartbeat",
    "invisible",
    "join",
    "leave",
    "look",
    "look_at",
    "lost",
    "lost_with_grace",
    "publish",
    "publish_until",
    "remove",
    "resume",
    "say",
    "system",
    "topic_options",
    "unblock",
    "unwatch",
    "update",
    "visible",
    "watch",
    "withdraw",
    "writable",
];

#[test]
fn no_call_of_any_verb_takes_long_because_a_table_grows() {
    let (mut growing, mut undone) = (Growing::new(), Undone::default());
    for coming in 0..COMING {
        let (user, contacts) = (growing.below(USERS), growing.some());
        let blocked = growing.some::<NAMES>();
        growing.connect(user, contacts, &blocked[..(user % 3) as usize]);
        if coming < 4 * CHANGED as u64 {
            continue;
        }
        growing.now += 1;
        growing.speak();
        growing.change_lists(&mut undone);
        growing.change_sessions(&mut undone);
        growing.go_to_topics(&mut undone);
        growing.call("advance", 0, |engine, now| all_of(engine.advance(now)));
        growing.call("deadline", 0, |engine, _| usize::from(engine.deadline().is_some()));
        growing.call("counts", 0, |engine, _| engine.counts().sessions);
    }
    assert_eq!(growing.engine.verify(), Ok(()));
    let counts = growing.engine.counts();
    let least = COMING as usize / 4;
    let kept =
        [counts.sessions, counts.blocked_pairs, counts.watches, counts.memberships, counts.told];
    assert!(kept.iter().all(|kept| *kept > least), "there is not much of anything: {counts:?}");
    assert!(growing.longest.keys().eq(&VERBS), "{:?}", growing.longest);
    // So that it is seen that steps are counted.
    assert!(growing.longest["connect"] >= CONTACTS, "{:?}", growing.longest);
}

/// Not one by one, each of which would move all that stand behind it.
#[test]
fn a_long_list_is_changed_in_one_go() {
    const MANY: u64 = 4_000;
    // Of each three two: of those before one in two stays, between those who go and who come.
    let some = |nth: u64| (1..2 * MANY).filter(move |user| user % 3 != nth % 3);
    let mut growing = Growing::new();
    // They are known, and block as well, so that everybody is hidden from everybody.
    for user in (1..2 * MANY).step_by(100) {
        growing.connect(user, [0; CONTACTS], &[0]);
    }
    let mut calls = 0;
    let mut moved = |call: &mut dyn FnMut(&mut Core)| {
        let before = MOVED.get();
        call(&mut growing.engine);
        calls += 1;
        let moved = MOVED.get() - before;
        assert!(moved <= 8 * MANY as usize, "{moved} entries moved in the call number {calls}");
    };
    for device in 0..4 {
        moved(&mut |engine| {
            let connect = Connect::new(0).audience(1..2 * MANY).blocked(some(device));
            let connected = engine.connect(Time::ZERO, connect);
            all_of(connected.expect("there is room").1);
        });
    }
    moved(&mut |engine| {
        taken(engine.audience_replace(Time::ZERO, &0, some(0)));
    });
    moved(&mut |engine| {
        taken(engine.audience_add(Time::ZERO, &0, some(1)));
    });
    moved(&mut |engine| {
        let gone: Vec<u64> = some(2).collect();
        taken(engine.audience_remove(Time::ZERO, &0, &gone));
    });
    assert!(MOVED.get() >= MANY as usize, "moves are counted");
    assert_eq!(growing.engine.verify(), Ok(()));
}

#[test]
fn no_call_takes_long_because_holes_are_filled() {
    let (mut growing, users) = (Growing::new(), USERS / 10);
    let contacts = |user: u64| core::array::from_fn(|nth| (user + nth as u64) % users);
    (0..users).for_each(|user| growing.connect(user, contacts(user), &[]));
    let all = core::mem::take(&mut growing.sessions);
    for (at, session) in (0..).zip(all) {
        if at % (users / 4) != 99 && at != users - 1 {
            growing.of_session("disconnect", session, |engine, now, session| {
                taken(engine.disconnect(now, session))
            });
        }
    }
    growing.engine.shrink_to_fit();
    // Others come to where those were, and more.
    (users..3 * users).for_each(|user| growing.connect(user, contacts(user), &[]));
    assert_eq!(growing.engine.verify(), Ok(()));
}

#[test]
fn what_is_reserved_takes_no_step_to_grow() {
    let (users, mut reserved) = (USERS.min(20_000), Growing::new());
    reserved.engine.reserve(users as usize, users as usize);
    let mut grown = Growing::new();
    for user in 0..users {
        let contacts = core::array::from_fn(|nth| (user + nth as u64) % users);
        reserved.connect(user, contacts, &[]);
        grown.connect(user, contacts, &[]);
    }
    // An entry for each who is new, and those whom it pushes on.
    let [grown, longest] = [&grown, &reserved].map(|growing| growing.longest["connect"]);
    assert!(longest < 22 * CONTACTS, "{longest} steps in one call");
    assert!(grown > longest, "{grown} steps in one call");
    assert_eq!(reserved.engine.verify(), Ok(()));
    // Nothing of it stays, and nothing is missed.
    reserved.engine.reserve(1_000_000, 1_000_000);
    reserved.engine.shrink_to_fit();
    assert_eq!(reserved.engine.verify(), Ok(()));
}

/// Else it would not be seen that a call looks at many.
#[test]
fn whoever_is_shown_the_members_of_a_topic_looks_at_each() {
    const MEMBERS: u64 = 50;
    let mut growing = Growing::new();
    (0..=MEMBERS).for_each(|user| growing.connect(user, [user; CONTACTS], &[]));
    let join = Join::Member { presence: Some(1), view: View::All };
    for (nth, session) in (0..).zip(core::mem::take(&mut growing.sessions)) {
        let looks = looks(|| {
            let joined = growing.engine.join(Time::from_millis(1), session, 7, join);
            all_of(joined.expect("there is room").1);
        });
        assert!(looks > nth, "{looks} looks for {nth}");
    }
}
