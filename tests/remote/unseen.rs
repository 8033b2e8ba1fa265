//! What a user of another node does is nothing to whoever may not see that user: the law of
//! `tests/interference`, with the hidden one behind the door. Two engines are given the same
//! inputs, but for those of one user in one of them; what another observes must be the same.
//! `ADSUM_UNSEEN_SEEDS` says how many pairs of histories there are of each kind, instead of 70.

use crate::edges::{ELSEWHERE, session};
use adsum::{
    Connect, Decision, Decisions, EndReason, Engine, Error, Join, LostCause, OfflineNotices,
    Options, Origin, RemoteEnd, RemoteLists, RemoteMember, RemoteState, SessionKey, Slot, Time,
    View,
};
use std::collections::BTreeSet;

const EVE: u32 = 1;
const BOB: u32 = 2;
const DAN: u32 = 3;
const HIDDEN: u32 = 4;
const TOPIC: u32 = 100;
/// Only the hidden one has sessions there.
const AFAR: Origin = Origin(8);

/// Why Eve does not see the hidden one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hiding {
    Invisible,
    Blocking,
    Blocked,
    Stranger,
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % below
    }

    fn any(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// Something that somebody does. Sessions are named by their places among those of their user.
#[derive(Clone, Debug)]
enum Word {
    Connect(u32),
    Publish(u32, usize, u32),
    Direct(u32, usize, u32),
    Disconnect(u32, usize),
    Lost(u32, usize),
    Resume(u32, usize),
    Congested(usize),
    Writable(usize),
    /// Of a stranger, Eve watches nobody whom she does not see otherwise.
    Watch(usize, usize),
    Join(u32, usize, View),
    Leave(u32, usize),
    Says(Origin, u32, RemoteState<u32, u32>),
    Directs(Origin, u32, u64, u32),
    SaysInTopic(Origin, u32, u64, u32),
    OriginLost(Origin),
    OriginBack(Origin),
}

impl Word {
    fn draw(random: &mut Random, hiding: Hiding) -> (bool, Self) {
        let user = if random.any() { EVE } else { BOB };
        let at = random.below(2) as usize;
        let presence = random.below(1_000) as u32;
        let word = match random.below(26) {
            0 | 1 => Self::Connect(user),
            2 | 3 => Self::Publish(user, at, presence),
            4 => Self::Direct(user, at, presence),
            5 => Self::Disconnect(user, at),
            6 => Self::Lost(user, at),
            7 | 8 => Self::Resume(user, at),
            9 => Self::Congested(at),
            10 | 11 => Self::Writable(at),
            12 => Self::Watch(at, if hiding == Hiding::Stranger { 3 } else { 4 }),
            13 => {
                let views = [View::All, View::Count, View::Sample(1), View::Nothing];
                Self::Join(user, at, views[random.below(4) as usize])
            }
            14 => Self::Leave(user, at),
            15 => Self::Directs(ELSEWHERE, DAN, 1 + random.below(2), presence),
            16 => Self::OriginLost(ELSEWHERE),
            17 => Self::OriginBack(ELSEWHERE),
            18 | 19 => Self::Says(ELSEWHERE, DAN, state(random, None)),
            _ => return (true, Self::draw_hidden(random, hiding)),
        };
        (false, word)
    }

    fn is_eves(&self) -> bool {
        match self {
            Self::Publish(user, ..) | Self::Direct(user, ..) => *user == EVE,
            Self::Join(user, ..) | Self::Leave(user, _) => *user == EVE,
            Self::Congested(_) | Self::Writable(_) | Self::Watch(..) => true,
            _ => false,
        }
    }

    fn draw_hidden(random: &mut Random, hiding: Hiding) -> Self {
        let origin = if random.any() { ELSEWHERE } else { AFAR };
        let presence = random.below(1_000) as u32;
        match random.below(10) {
            0 => Self::Directs(origin, HIDDEN, 1 + random.below(2), presence),
            1 if hiding == Hiding::Invisible => {
                Self::SaysInTopic(origin, HIDDEN, 1 + random.below(2), presence)
            }
            2 => Self::OriginLost(AFAR),
            3 => Self::OriginBack(AFAR),
            _ => Self::Says(origin, HIDDEN, state(random, Some(hiding))),
        }
    }
}

/// Draws what a node says of a user: of the hidden one if it is said how that is hidden.
fn state(random: &mut Random, hiding: Option<Hiding>) -> RemoteState<u32, u32> {
    let is_in_topics = hiding.is_none_or(|hiding| hiding == Hiding::Invisible);
    let mut sessions = Vec::new();
    for id in 1..=2 {
        if random.any() {
            continue;
        }
        let mut said = session(id, random.any().then(|| random.below(1_000) as u32));
        said.number = random.below(1_000);
        if let Some(shown) = &mut said.shown
            && random.below(4) == 0
        {
            let then = random.any().then_some(7);
            shown.until = Some(RemoteEnd { left_ms: random.below(300), then });
        }
        if is_in_topics && random.below(3) == 0 {
            let (topic, number) = (TOPIC, random.below(1_000));
            let presence = random.any().then(|| random.below(1_000) as u32);
            said.topics.push(RemoteMember { topic, observes: false, number, presence });
        }
        sessions.push(said);
    }
    let everybody = vec![EVE, BOB, DAN, HIDDEN];
    let lists = RemoteLists {
        audience: if hiding == Some(Hiding::Stranger) { vec![BOB, DAN] } else { everybody },
        blocked: if hiding == Some(Hiding::Blocking) { vec![EVE] } else { vec![] },
        visible: hiding != Some(Hiding::Invisible),
    };
    let reasons = [EndReason::Lost(LostCause::Timeout), EndReason::Evicted, EndReason::Expelled];
    let reason = reasons[random.below(3) as usize];
    let ended = (1..=2).map(|id| (session(id, None).id, reason)).collect();
    RemoteState { lists: Some(lists), sessions, ended }
}

/// One of the two engines, and what Eve observes.
struct Side {
    engine: Engine<u32, u32>,
    /// Eve's sessions and Bob's.
    sessions: [Vec<SessionKey>; 2],
    /// Ids in the order in which Eve came to know them.
    known: Vec<String>,
    observed: Vec<String>,
}

impl Side {
    fn new(options: &Options) -> Self {
        let config = adsum::Config::new(options.clone()).expect("the options are in range");
        let (sessions, known, observed) = Default::default();
        Self { engine: Engine::new(config), sessions, known, observed }
    }

    /// Does what is due, and then this.
    fn give(&mut self, now: Time, word: Option<&Word>, hiding: Hiding) {
        self.observed.clear();
        let mut observed = Vec::new();
        loop {
            observe(self.engine.advance(now), &self.sessions[0], &mut observed);
            if self.engine.deadline().is_none_or(|due| due > now) {
                break;
            }
        }
        self.note(observed);
        if let Some(word) = word {
            let observed = self.do_word(now, word, hiding);
            self.note(observed);
        }
    }

    /// Puts what Eve observes of one input in an order of its own, since that of users means
    /// nothing.
    fn note(&mut self, mut observed: Vec<(u32, String)>) {
        observed.sort_by_key(|(user, _)| *user);
        let Self { engine, sessions, known, observed: all } = self;
        all.extend(observed.iter().map(|(_, said)| renamed(said, known)));
        sessions.iter_mut().for_each(|own| own.retain(|key| engine.id_of(*key).is_some()));
    }

    fn do_word(&mut self, now: Time, word: &Word, hiding: Hiding) -> Vec<(u32, String)> {
        let mut observed = Vec::new();
        if let Word::Connect(user) = word {
            let own = &mut self.sessions[usize::from(*user == BOB)];
            if own.len() == 2 {
                return observed;
            }
            let is_stranger = *user == EVE && hiding == Hiding::Stranger;
            let blocks = *user == EVE && hiding == Hiding::Blocked;
            let contacts = &[EVE, BOB, DAN, HIDDEN][..if is_stranger { 3 } else { 4 }];
            let connect = Connect::new(*user).audience(contacts.iter().copied());
            let connect = connect.blocked(blocks.then_some(HIDDEN));
            let (key, decisions) = self.engine.connect(now, connect).expect("there is room");
            own.push(key);
            observe(decisions, &self.sessions[0], &mut observed);
            return observed;
        }
        match verb(&mut self.engine, now, word, &mut self.sessions) {
            Some(Ok(decisions)) => {
                let waits = decisions.waits_until();
                observe(decisions, &self.sessions[0], &mut observed);
                if word.is_eves() {
                    observed.push((0, format!("done, {waits:?}")));
                }
            }
            Some(Err(error)) if word.is_eves() => observed.push((0, error.to_string())),
            _ => {}
        }
        observed
    }
}

/// Gives a verb; `None` where there is no such session. A resume takes the new key down.
fn verb<'e>(
    engine: &'e mut Engine<u32, u32>,
    now: Time,
    word: &Word,
    sessions: &mut [Vec<SessionKey>; 2],
) -> Option<Result<Decisions<'e, u32, u32>, Error>> {
    let of = |user: u32, at: usize| sessions[usize::from(user == BOB)].get(at).copied();
    let everybody = [EVE, BOB, DAN, HIDDEN];
    Some(match word {
        Word::Connect(_) => return None,
        Word::Publish(user, at, presence) => engine.publish(now, of(*user, *at)?, *presence),
        Word::Direct(user, at, presence) => {
            engine.direct(now, of(*user, *at)?, &everybody, *presence)
        }
        Word::Disconnect(user, at) => engine.disconnect(now, of(*user, *at)?),
        Word::Lost(user, at) => engine.lost(now, of(*user, *at)?, LostCause::ConnectionError),
        Word::Resume(user, at) => {
            let (key, decisions) = engine.resume(now, of(*user, *at)?).ok()?;
            sessions[usize::from(*user == BOB)][*at] = key;
            Ok(decisions)
        }
        Word::Congested(at) => engine.congested(now, of(EVE, *at)?),
        Word::Writable(at) => engine.writable(now, of(EVE, *at)?),
        Word::Watch(at, users) => {
            engine.watch(now, of(EVE, *at)?, everybody.into_iter().take(*users))
        }
        Word::Join(user, at, view) => {
            let join = Join::Member { presence: Some(5), view: *view };
            engine.join(now, of(*user, *at)?, TOPIC, join).map(|(_, decisions)| decisions)
        }
        Word::Leave(user, at) => {
            let key = of(*user, *at)?;
            let topic = engine.topics_of(key).next()?.key();
            engine.leave(now, key, topic)
        }
        Word::Says(origin, user, said) => engine.remote_state(now, *origin, *user, said.clone()),
        Word::Directs(origin, user, id, presence) => {
            let from = (user, session(*id, None).id);
            // Whoever is invisible may speak to some, who hear it.
            let to = if *user == HIDDEN { &everybody[1..] } else { &everybody[..] };
            engine.remote_direct(now, *origin, from, to, *presence, None)
        }
        Word::SaysInTopic(origin, user, id, presence) => {
            let from = (user, session(*id, None).id);
            engine.remote_say(now, *origin, from, &TOPIC, *presence, None)
        }
        Word::OriginLost(origin) => Ok(engine.origin_lost(now, *origin)),
        Word::OriginBack(origin) => Ok(engine.origin_back(now, *origin)),
    })
}

/// Notes what these sessions, which are Eve's, are told, each with the user whom it is about.
fn observe(
    mut decisions: Decisions<'_, u32, u32>,
    eves: &[SessionKey],
    observed: &mut Vec<(u32, String)>,
) {
    while let Some(decision) = decisions.next() {
        let is_hers = |slot: &&Slot| eves.iter().any(|key| key.slot() == **slot);
        let hers = |to: &[Slot]| to.iter().filter(is_hers).count();
        match &decision {
            Decision::Deliver { notice, to } if hers(to) > 0 => {
                let said = format!("{notice:?}");
                // Numbers within a moment mean nothing to anybody.
                let (head, rest) = said.split_once("id: NoticeId(").expect("it has a number");
                let rest = rest.split_once("), ").expect("the number ends").1;
                let user = rest.split_once("user: ").map_or(0, |(_, rest)| {
                    let end = rest.find([',', ' ']).unwrap_or(rest.len());
                    rest[..end].parse().expect("users are numbers")
                });
                observed.push((user, format!("{} of hers: {head}{rest}", hers(to))));
            }
            Decision::Snapshot(snapshot) if hers(&[snapshot.to()]) > 0 => {
                let mut entries: Vec<_> = snapshot
                    .entries()
                    .map(|entry| (*entry.user, entry.session, entry.presence, entry.idle_since))
                    .collect();
                entries.sort_by_key(|entry| entry.0);
                let named = snapshot.named().collect::<BTreeSet<_>>();
                observed.push((0, format!("snapshot of {named:?}: {entries:?}")));
            }
            Decision::Topic(snapshot) if hers(snapshot.to()) > 0 => {
                let entries: Vec<_> = snapshot
                    .entries()
                    .map(|entry| (entry.user, entry.session, entry.presence))
                    .collect();
                let (view, counts) = (snapshot.view(), snapshot.counts());
                observed.push((0, format!("topic as {view:?}, {counts:?}: {entries:?}")));
            }
            Decision::Changes(changes) if hers(changes.to()) > 0 => {
                let all: Vec<_> = changes.iter().collect();
                observed.push((0, format!("changes, {:?}: {all:?}", changes.counts())));
            }
            Decision::Close { session, reason, .. } if eves.contains(session) => {
                observed.push((0, format!("closed: {reason:?}")));
            }
            _ => {}
        }
    }
}

/// Puts names for the ids of sessions in what was said: the order in which Eve came to know them.
fn renamed(said: &str, known: &mut Vec<String>) -> String {
    let mut parts = said.split("session ");
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|of: char| !of.is_ascii_digit() && of != '.').unwrap_or(part.len());
        let (id, rest) = part.split_at(end);
        let name = known.iter().position(|one| one == id).unwrap_or_else(|| {
            known.push(id.into());
            known.len() - 1
        });
        renamed += &format!("session {name}{rest}");
    }
    renamed
}

fn seeds() -> u64 {
    let seeds = std::env::var("ADSUM_UNSEEN_SEEDS").ok();
    seeds.map_or(70, |seeds| seeds.parse().expect("it is a number"))
}

#[test]
fn what_is_hidden_at_another_node_makes_no_difference() {
    let usual = Options { settle_ms: 200, idle_after_ms: None, ..crate::options() };
    let never = Options { offline_notices: OfflineNotices::Never, ..usual };
    let silent = Options { settle_ms: 0, skew_ms: 0, own_echo: false, ..usual };
    let mut heard = 0;
    for options in [usual, never, silent] {
        for hiding in [Hiding::Invisible, Hiding::Blocking, Hiding::Blocked, Hiding::Stranger] {
            heard += (0..seeds()).map(|seed| run(&options, hiding, seed)).sum::<usize>();
        }
    }
    assert!(heard > 20_000, "Eve hears of {heard} things");
}

/// Gives both sides what they are to do. Returns of how much Eve has heard.
fn run(options: &Options, hiding: Hiding, seed: u64) -> usize {
    let mut random = Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut with, mut without) = (Side::new(options), Side::new(options));
    let (mut now, mut log, mut heard) = (1_000, Vec::new(), 0);
    for _ in 0..120 {
        now += random.below(60);
        let (is_hidden, word) = Word::draw(&mut random, hiding);
        log.push(format!("{now} {word:?}"));
        let at = Time::from_millis(now);
        with.give(at, Some(&word), hiding);
        without.give(at, Some(&word).filter(|_| !is_hidden), hiding);
        heard += with.observed.len();
        let (seen, due) = (&with.observed, &without.observed);
        assert_eq!(seen, due, "{hiding:?}, seed {seed}, {options:?}:\n{}", log.join("\n"));
    }
    heard
}

/// The same from the moment on at which the user hides, and of what else its node says by the same
/// word: until then Eve sees it.
#[test]
fn what_is_said_by_the_word_that_hides_makes_no_difference() {
    let usual = Options { settle_ms: 200, idle_after_ms: None, ..crate::options() };
    let silent = Options { settle_ms: 0, skew_ms: 0, own_echo: false, ..usual };
    for options in [usual, silent] {
        for hiding in [Hiding::Invisible, Hiding::Blocking, Hiding::Stranger] {
            (0..seeds()).for_each(|seed| run_until_it_hides(&options, hiding, seed));
        }
    }
}

fn run_until_it_hides(options: &Options, hiding: Hiding, seed: u64) {
    let mut random = Random((seed + 1).wrapping_mul(0x517c_c1b7_2722_0a95));
    let (mut with, mut without) = (Side::new(options), Side::new(options));
    let (mut now, mut log) = (1_000, Vec::new());
    for nth in 0..80 {
        now += random.below(60);
        let (is_hidden, mut word) = Word::draw(&mut random, hiding);
        let mut other = Some(word.clone());
        match (nth, &mut word) {
            // It is where it says so: who has no sessions says nothing of lists.
            (40, _) => {
                let mut hides = || loop {
                    let said = state(&mut random, Some(hiding));
                    if !said.sessions.is_empty() {
                        break Word::Says(ELSEWHERE, HIDDEN, said);
                    }
                };
                (word, other) = (hides(), Some(hides()));
            }
            (0..40, Word::Says(_, HIDDEN, said)) => {
                said.lists = state(&mut random, None).lists;
                other = Some(word.clone());
            }
            (0..40, _) => {}
            _ => other = other.filter(|_| !is_hidden),
        }
        log.push(format!("{now} {word:?}, {other:?}"));
        let at = Time::from_millis(now);
        with.give(at, Some(&word), hiding);
        without.give(at, other.as_ref(), hiding);
        let (seen, due) = (&with.observed, &without.observed);
        assert_eq!(seen, due, "{hiding:?}, seed {seed}, {options:?}:\n{}", log.join("\n"));
    }
}
