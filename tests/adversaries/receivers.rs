//! What a hostile server can make of a receiver: no more than its limit says, in memory and time.

use adsum::{Replica, View};
use allocation_counter::measure;
use std::cell::Cell;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

/// The same in every run.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Small<I = u32> = Replica<u32, u32, I, Hasher>;

const LIMIT: u32 = 400;
/// For each session or topic that it may hold.
const MOST_BYTES: u64 = 1_000;

/// Asserts that a replica of [`LIMIT`] has no more memory than its limit says once it has been told
/// this.
#[track_caller]
fn bounded(tell: impl FnOnce(&mut Small)) {
    let mut replica = Small::with_hasher(LIMIT as usize, Hasher::default());
    let bytes = measure(|| tell(&mut replica)).bytes_current;
    let most = MOST_BYTES * u64::from(LIMIT);
    assert!(bytes < most as i64, "{bytes} bytes, {} sessions", replica.len());
}

/// Each user in turn, or the members of each topic, are as many as there is room for, and then one
/// is left of them.
#[test]
fn a_crowd_that_was_here_keeps_no_memory() {
    bounded(|replica| {
        for user in 0..LIMIT {
            for session in user..LIMIT {
                replica.set_presence(user, session, 1).expect("there is room");
            }
            (user + 1..LIMIT).for_each(|session| replica.end_session(&user, session));
        }
        assert_eq!(replica.len(), LIMIT as usize);
    });
    bounded(|replica| {
        replica.begin_topic_snapshot(0, View::All).expect("there is room");
        for user in 0..LIMIT / 2 {
            for session in user..LIMIT / 2 {
                replica.set_member(&0, user, session, None).expect("there is room");
            }
            (user + 1..LIMIT).for_each(|session| replica.end_member_session(&0, &user, session));
        }
        assert_eq!(replica.members(&0).count(), LIMIT as usize / 2);
    });
    bounded(|replica| {
        for topic in 0..LIMIT / 2 {
            replica.begin_topic_snapshot(topic, View::All).expect("there is room");
            for user in 0..LIMIT - 2 * topic - 1 {
                replica.set_member(&topic, user, 1, None).expect("there is room");
            }
            (1..LIMIT).for_each(|user| replica.end_member(&topic, &user));
        }
        assert_eq!(replica.topics().count(), LIMIT as usize / 2);
    });
    bounded(|replica| {
        for topic in 0..100 * LIMIT {
            let known = replica.begin_topic_snapshot(topic, View::Count);
            assert_eq!(known.is_ok(), topic < LIMIT);
        }
    });
}

/// Returns how many bytes it takes to tell a replica of a peak and of what is left of it, in all
/// and when memory has been given back, and how many to tell of what is left alone.
fn around_a_peak(
    peak: impl Fn(&mut Small),
    left: impl Fn(&mut Small),
) -> ([i64; 2], i64, [Small; 2]) {
    let new = || Small::with_hasher(1_000_000, Hasher::default());
    let [mut replica, mut fresh] = [new(), new()];
    let all = measure(|| {
        peak(&mut replica);
        left(&mut replica);
    });
    let given_back = -measure(|| replica.shrink_to_fit()).bytes_current;
    let alone = measure(|| {
        left(&mut fresh);
        fresh.shrink_to_fit();
    });
    let all = all.bytes_current;
    // With the shrunk constants what is kept lies in more and smaller pieces.
    let pieces = if cfg!(feature = "shrunk") { all / 50 } else { 0 };
    ([all, all - given_back], alone.bytes_current + pieces, [replica, fresh])
}

#[test]
fn what_only_a_peak_needed_can_be_given_back() {
    let crowd = |replica: &mut Small| {
        (0..20_000).for_each(|user| replica.set_presence(user, user, 1).expect("there is room"));
    };
    let few = |replica: &mut Small| {
        replica.begin_snapshot();
        (0..3).for_each(|user| replica.set_presence(user, user, 2).expect("there is room"));
        replica.end_snapshot().expect("there is room");
    };
    let ([all, left], alone, replicas) = around_a_peak(crowd, few);
    assert!(all > 100_000 && left <= alone, "contacts: {left} bytes of {all}, {alone} alone");
    let [held, expected] = replicas.map(|replica| format!("{replica:?}"));
    assert_eq!(held, expected);

    let topic = |replica: &mut Small, topic, users| {
        replica.begin_topic_snapshot(topic, View::All).expect("there is room");
        for user in 0..users {
            replica.set_member(&topic, topic * 50 + user, 1, Some(1)).expect("there is room");
        }
        replica.end_topic_snapshot(&topic).expect("there is room");
    };
    let many = |replica: &mut Small| (0..1_000).for_each(|name| topic(replica, name, 50));
    let one = |replica: &mut Small| {
        (1..1_000).for_each(|name| replica.forget_topic(&name));
        topic(replica, 0, 3);
    };
    let ([all, left], alone, replicas) = around_a_peak(many, one);
    assert!(all > 100_000 && left <= alone, "topics: {left} bytes of {all}, {alone} alone");
    let [held, expected] = replicas.map(|replica| {
        assert!(replica.topics().eq(&[0]));
        let mut members: Vec<_> = replica.members(&0).map(|(user, ..)| *user).collect();
        members.sort_unstable();
        members
    });
    assert_eq!(held, expected);

    let none = |replica: &mut Small| {
        replica.begin_snapshot();
        replica.end_snapshot().expect("there is room");
    };
    for (what, peak) in [("contacts", &crowd as &dyn Fn(&mut Small)), ("topics", &many)] {
        let ([all, left], alone, _) = around_a_peak(peak, none);
        assert!(all > 100_000 && left <= alone, "no {what}: {left} bytes of {all}");
    }
}

/// A list that names somebody who is known, or nobody is, or both, and never ends.
#[test]
fn a_list_of_users_may_never_end() {
    let (mut replica, taken) = (Small::with_hasher(4, Hasher::default()), Cell::new(0));
    replica.set_presence(1, 1, 1).expect("there is room");
    replica.set_directed(1, 2, 1).expect("there is room");
    replica.set_presence(3, 1, 1).expect("there is room");
    let endless = || {
        [1, 2].iter().cycle().inspect(|_| {
            taken.set(taken.get() + 1);
            assert!(taken.get() <= 1 << 20, "it goes on");
        })
    };
    let info = measure(|| replica.begin_snapshot_of(endless()));
    assert!(info.bytes_max < 1_000, "{} bytes", info.bytes_max);
    assert_eq!((taken.replace(0), replica.len()), (1 << 20, 3));
    assert_eq!(replica.set_presence(2, 1, 1), Ok(()));
    assert_eq!(replica.set_presence(2, 2, 1), Ok(()), "what the first published makes way");
    assert_eq!(replica.end_snapshot_of(endless()), Ok(()));
    assert_eq!((taken.get(), replica.len()), (1 << 20, 4));
    assert_eq!(replica.sessions_of(&1).map(|(id, ..)| id).collect::<Vec<_>>(), [2]);
}

thread_local! {
    static COMPARED: Cell<u32> = const { Cell::new(0) };
}

/// A session's id that counts how often it is compared.
#[derive(Clone, Copy, Debug, Hash)]
#[allow(clippy::derived_hash_with_manual_eq, reason = "it counts, and compares as it would")]
struct Counted(u32);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        COMPARED.set(COMPARED.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Counted {}

/// It is looked for once by each call, whatever else there is of its user.
#[test]
fn a_user_may_have_any_number_of_sessions() {
    const SESSIONS: u32 = 2_000;
    let mut replica = Small::<Counted>::with_hasher(usize::MAX, Hasher::default());
    replica.begin_topic_snapshot(0, View::All).expect("there is room");
    let ids = || (0..SESSIONS).map(Counted);
    for id in ids() {
        replica.set_presence(1, id, 1).expect("there is room");
        replica.set_directed(1, id, 1).expect("there is room");
        replica.set_member(&0, 1, id, None).expect("there is room");
        replica.set_said(&0, 1, id, 1).expect("there is room");
    }
    assert!(replica.sessions_of(&1).map(|(id, ..)| id.0).eq(0..SESSIONS), "in their order");
    for id in ids() {
        replica.end_directed(&1, id);
        replica.end_said(&0, &1, id);
        replica.end_published(&1, id);
        replica.end_member_session(&0, &1, id);
    }
    assert!(replica.is_empty() && replica.members(&0).next().is_none());
    let compared = COMPARED.get();
    assert!(compared < 10 * SESSIONS, "{compared} comparisons");
}
