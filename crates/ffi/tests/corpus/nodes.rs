//! Two nodes that tell each other of their users, each a pair of engines in step: what one says in
//! Rust is what it says in C, and what the other does with it is the same.

use crate::door::{Sender, Word};
use crate::pair::{Ended, Pair};
use crate::verbs::{bytes, cause};
use crate::{Id, Moment, Shown, id, noise, shown, states};
use adsum::arbitrary::Inputs;
use adsum::{Config, EndReason, Event, Grace, Options, RemoteState, SessionKey};
use adsum_ffi::bytes::adsum_list;
use adsum_ffi::queries::remote::{adsum_local_user, adsum_next_changed};
use adsum_ffi::remote::{adsum_remote_end, adsum_user_state};
use adsum_ffi::status::adsum_status as status;
use adsum_ffi::verbs::remote::adsum_note_changes;
use adsum_model::Choice;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::ptr;

/// Users whom arbitrary inputs name.
const USERS: u32 = 8;

struct Nodes {
    pairs: [Pair; 2],
    /// Whether each hears of the other.
    hears: [bool; 2],
    /// How often each verb was accepted, and what it led to.
    told: BTreeMap<&'static str, (usize, usize)>,
}

impl Nodes {
    fn new(config: &Config, choice: Option<Choice>) -> Self {
        let pairs = [(); 2].map(|()| {
            let mut pair = Pair::new(config, choice);
            pair.rust.note_changes();
            // SAFETY: the engine is there.
            assert_eq!(unsafe { adsum_note_changes(pair.c) }, status::ADSUM_OK);
            pair
        });
        Self { pairs, hears: [true; 2], told: BTreeMap::new() }
    }

    /// Has a node hear a word of the other, and counts what came of it.
    fn hear(&mut self, at: usize, word: &Word, state: Option<&adsum_user_state>) {
        if let Some(decisions) = self.pairs[at].hear(word, state) {
            let told = self.told.entry(word.name()).or_default();
            *told = (told.0 + 1, told.1 + decisions);
        }
    }

    /// Has each node say what has changed, until nothing has.
    fn spread(&mut self, draw: &mut impl FnMut() -> u8) {
        let mut quiet = 0;
        while quiet < 2 {
            quiet = if self.spread_one(quiet, !draw().is_multiple_of(4)) { 0 } else { quiet + 1 };
        }
    }

    fn spread_one(&mut self, at: usize, with_lists: bool) -> bool {
        let pair = &mut self.pairs[at];
        let now = pair.rust.now();
        let changed = pair.rust.next_changed().map(|user| {
            let mut state = user.to_remote(now, with_lists);
            // Nothing is known of the lists of who is offline.
            state.lists = state.lists.filter(|_| user.is_online());
            (user.id().clone(), state)
        });
        let mut out = MaybeUninit::<adsum_user_state>::uninit();
        // SAFETY: the engine is there, and where it succeeds it has written.
        let in_c = unsafe {
            match adsum_next_changed(pair.c, now.as_millis(), with_lists, out.as_mut_ptr()) {
                status::ADSUM_OK => Some(out.assume_init()),
                other => {
                    assert_eq!(other, status::ADSUM_NOTHING);
                    None
                }
            }
        };
        assert_eq!(in_c.is_some(), changed.is_some());
        let (Some((user, state)), Some(in_c)) = (changed, in_c) else { return false };
        self.tell(at, (user, state), in_c);
        true
    }

    /// Has the other node hear what this one says, in both languages, and how sessions have ended.
    fn tell(
        &mut self,
        at: usize,
        (user, state): (Id, RemoteState<Id, Shown>),
        in_c: adsum_user_state,
    ) {
        assert_eq!(
            states::of_c(&in_c).escape_ascii().to_string(),
            states::of_rust(&user, &state).escape_ascii().to_string()
        );
        let all = std::mem::take(&mut self.pairs[at].ended);
        let (own, others): (Vec<Ended>, _) = all.into_iter().partition(|(of, ..)| *of == user);
        self.pairs[at].ended = others;
        if !self.hears[1 - at] {
            return;
        }
        let numbers = own.iter().map(|(_, id, reason)| end(id.to_bits(), *reason));
        let numbers: Vec<adsum_remote_end> = numbers.collect();
        let ended = own.into_iter().map(|(_, id, reason)| (id, reason)).collect();
        let in_c = adsum_user_state { ended: numbers.as_ptr(), ended_len: numbers.len(), ..in_c };
        let word = Word::State { origin: at as u32, user, state: RemoteState { ended, ..state } };
        self.hear(1 - at, &word, Some(&in_c));
    }

    /// Has the other node hear of everybody, of those too who are not here any more.
    fn tell_all(&mut self, at: usize) {
        for user in (0..USERS).map(id) {
            let pair = &self.pairs[at];
            let now = pair.rust.now();
            let local = pair.rust.local_user::<Id>(&user);
            let state = local.map(|local| local.to_remote(now, true));
            let mut out = MaybeUninit::<adsum_user_state>::uninit();
            // SAFETY: the engine is there, and where it succeeds it has written.
            let in_c = unsafe {
                let of = bytes(&user);
                match adsum_local_user(pair.c, now.as_millis(), of, true, out.as_mut_ptr()) {
                    status::ADSUM_OK => out.assume_init(),
                    _ => nothing(&user),
                }
            };
            let gone = RemoteState { lists: None, sessions: Vec::new(), ended: Vec::new() };
            self.tell(at, (user.clone(), state.unwrap_or(gone)), in_c);
        }
    }

    /// Does something about the link from one node to the other.
    fn of_link(&mut self, at: usize, how: u8) {
        let origin = 1 - at as u32;
        let now = self.pairs[at].rust.now().as_millis();
        let since = Moment::from_millis(now.saturating_sub(u64::from(how)));
        let word = match (self.hears[at], how % 4) {
            (true, 0) => Word::LostSince { origin, since },
            (true, _) => Word::Lost { origin },
            (false, 0) => Word::Gone { origin },
            (false, _) => Word::Back { origin },
        };
        self.hear(at, &word, None);
        self.hears[at] = matches!(word, Word::Back { .. });
        if self.hears[at] {
            self.tell_all(1 - at);
        }
    }

    /// Has a session of one node say something at the other, where it may be unknown: now and then
    /// one of that node itself, which does not know it by this id.
    fn say(&mut self, at: usize, draw: &mut impl FnMut() -> u8) {
        let (is_in_topic, which) = (draw().is_multiple_of(2), draw());
        let rust = &self.pairs[at].rust;
        let topics = |key| rust.topics_of(key).map(|topic| topic.name().clone());
        let mut all: Vec<_> = rust.all_sessions().map(|one| (one.key, one.user, one.id)).collect();
        all.retain(|(key, ..)| !is_in_topic || topics(*key).count() > 0);
        all.sort();
        let Some((key, user, session)) = all.get(usize::from(which) % all.len().max(1)) else {
            return;
        };
        let from = Sender { origin: at as u32, user: (*user).clone(), session: *session };
        let (presence, mask) = (shown(draw().into()), draw());
        let for_ms = draw().is_multiple_of(2).then_some(u64::from(draw()) * 10);
        let word = if is_in_topic {
            let names: Vec<Id> = topics(*key).collect();
            let topic = &names[usize::from(mask) % names.len()];
            let topic = if mask < 0xf0 { topic.clone() } else { id(u32::from(mask) % USERS) };
            Word::Say { from, topic, presence, for_ms }
        } else {
            let users = (0..USERS).filter(|user| mask >> user & 1 == 1).map(id).collect();
            Word::Direct { from, users, presence, for_ms }
        };
        self.hear(1 - at, &word, None);
    }

    /// Ends a session for the sake of those at the other node: its own, or one that it cannot end.
    fn end(&mut self, at: usize, draw: &mut impl FnMut() -> u8) {
        let Some(session) = self.session(at, draw()) else { return };
        let word = match draw() % 2 {
            0 => Word::Evict { session },
            _ => Word::ExpelSession { session },
        };
        self.hear(at, &word, None);
    }

    fn session(&self, at: usize, which: u8) -> Option<SessionKey> {
        let mut all: Vec<_> = self.pairs[at].rust.all_sessions().map(|one| one.key).collect();
        all.sort();
        all.get(usize::from(which) % all.len().max(1)).copied()
    }
}

/// What is said of a user of whom a node has nothing.
fn nothing(user: &Id) -> adsum_user_state {
    let none = adsum_list { items: ptr::null(), len: 0 };
    adsum_user_state {
        user: bytes(user),
        audience: none,
        blocked: none,
        sessions: ptr::null(),
        sessions_len: 0,
        ended: ptr::null(),
        ended_len: 0,
        has_lists: false,
        is_visible: false,
    }
}

fn end(id: u64, reason: EndReason) -> adsum_remote_end {
    let (reason, cause) = match reason {
        EndReason::Disconnected => (1, 0),
        EndReason::Lost(why) => (2, cause(why)),
        EndReason::Evicted => (3, 0),
        EndReason::Expelled => (4, 0),
        other => panic!("a reason that C cannot say: {other:?}"),
    };
    adsum_remote_end { id, reason, cause }
}

#[test]
fn nodes_that_tell_each_other_lead_to_the_same_through_c() {
    let grace = Grace { node_loss_ms: 1_000, ..Grace::default() };
    let options = Options { grace, skew_ms: 50, lease: None, ..Options::default() };
    let idle = Options { idle_after_ms: Some(2_000), skew_ms: 0, ..options };
    let (streams, len) = if cfg!(miri) { (2, 30) } else { (16, 300) };
    let mut told = BTreeMap::<&str, (usize, usize)>::new();
    for seed in 0..streams {
        let (options, choice) = match seed % 2 {
            0 => (&options, None),
            _ => (&idle, Some(Choice::ALL[seed as usize % 7])),
        };
        let config = Config::new(options.clone()).expect("the options are in range");
        let mut nodes = Nodes::new(&config, choice);
        let bytes = [noise(100 + seed, len), noise(200 + seed, len), noise(300 + seed, 40 * len)];
        let mut inputs = [Inputs::new(&bytes[0]), Inputs::new(&bytes[1])];
        let mut drawn = bytes[2].iter().copied();
        let mut draw = || drawn.next().expect("there are enough");
        for step in 0..2 * len {
            let at = step % 2;
            let pair = &mut nodes.pairs[at];
            let input = inputs[at]
                .next(&pair.rust, |user| id(user.into()), |said| shown(said.into()))
                .expect("there are enough");
            pair.input(input.0, &input.1);
            nodes.spread(&mut draw);
            match draw() % 24 {
                0 => nodes.of_link(at, draw()),
                1..4 => nodes.say(at, &mut draw),
                4 => nodes.end(at, &mut draw),
                _ => {}
            }
            nodes.spread(&mut draw);
        }
        for pair in &mut nodes.pairs {
            // Whatever is pending; who is detached at the other node waits for that one's word.
            let later = pair.rust.now().saturating_add(600_000);
            pair.input(later, &Event::Advance);
            crate::queries::equal_queries(pair);
        }
        for (verb, (accepted, decisions)) in nodes.told {
            let told = told.entry(verb).or_default();
            *told = (told.0 + accepted, told.1 + decisions);
        }
    }
    if cfg!(miri) {
        return;
    }
    let least = [
        ("remote_state", 3_000, 2_000),
        ("remote_direct", 100, 50),
        ("remote_direct_for", 100, 50),
        ("remote_say", 50, 10),
        ("remote_say_for", 50, 10),
        ("origin_lost", 50, 0),
        ("origin_lost_since", 20, 0),
        ("origin_back", 50, 0),
        ("origin_gone", 20, 100),
        ("evict", 50, 100),
        ("expel_session", 50, 100),
    ];
    for (verb, accepted, decisions) in least {
        let of = told.get(verb).copied().unwrap_or_default();
        assert!(of.0 >= accepted && of.1 >= decisions, "{verb}: {of:?} of {told:?}");
    }
}
