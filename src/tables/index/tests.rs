use super::*;
use crate::hasher::tests::Plain;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Checks that the whole table is as it should be.
fn check(index: &Index) {
    let entries: Vec<Entry<User>> = index.entries.iter().copied().collect();
    assert!(entries.len() >= index.homes);
    assert_eq!(entries.iter().filter(|entry| !entry.is_vacant()).count(), index.len);
    let mut last = ShortHash(0);
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.is_vacant()) {
        let home = index.home(entry.hash);
        assert!(entry.hash >= last, "out of order at {at}");
        assert!(entries[home..at].iter().all(|entry| !entry.is_vacant()), "not found at {at}");
        last = entry.hash;
        let moved = u64::from(entry.hash.0) >= index.boundary;
        assert!(moved || at < index.unmoved, "the entry at {at} will not move");
    }
}

fn users(index: &Index, hash: u32) -> Vec<u32> {
    let mut users = Vec::new();
    assert_eq!(
        index.find(ShortHash(hash), |user| {
            users.push(user.0);
            false
        }),
        None
    );
    users
}

/// Of a sequence that looks random.
fn next(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 8
}

/// Does as a list of pairs does, whatever the hashes are like.
fn agrees_with_a_list(hash_of: impl Fn(u32) -> u32) {
    let (mut index, mut list, mut seed, mut moved) = (Index::<User>::new(), Vec::new(), 1, 0);
    for user in 0..4_000 {
        let hash = hash_of(next(&mut seed));
        index.insert(ShortHash(hash), User(user));
        list.push((hash, user));
        // More and more of them at first, then fewer and fewer.
        while !list.is_empty() && next(&mut seed) % 2_000 < user / 2 {
            let (hash, user) = list.swap_remove(next(&mut seed) as usize % list.len());
            index.remove(ShortHash(hash), User(user));
        }
        assert_eq!(index.len(), list.len());
        if user % 50 == 0 {
            check(&index);
            moved += usize::from(index.is_moving());
            for hash in [hash, hash_of(next(&mut seed)), 0, u32::MAX] {
                let mut found = users(&index, hash);
                found.sort_unstable();
                let of_hash = list.iter().filter(|(other, _)| *other == hash);
                let mut listed: Vec<u32> = of_hash.map(|(_, user)| *user).collect();
                listed.sort_unstable();
                assert_eq!(found, listed);
            }
        }
    }
    assert!(moved > 0, "it was never looked at while it moved");
    index.shrink_to_fit();
    check(&index);
    assert!(list.iter().all(|(hash, user)| users(&index, *hash).contains(user)));
}

#[derive(Clone, Debug)]
enum Step {
    Insert { hashes: Vec<u32> },
    Remove { at: usize, count: usize },
    Reserve { users: usize },
    Shrink,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Spread, crowded at either end, and many the same.
    let hash = prop_oneof![
        6 => any::<u32>(),
        1 => 0_u32..20,
        1 => u32::MAX - 20..=u32::MAX,
        1 => (0_u32..5).prop_map(|hash| hash << 29),
    ];
    let step = prop_oneof![
        6 => proptest::collection::vec(hash, 0..40).prop_map(|hashes| Step::Insert { hashes }),
        4 => (any::<usize>(), 0_usize..20).prop_map(|(at, count)| Step::Remove { at, count }),
        1 => (0_usize..200).prop_map(|users| Step::Reserve { users }),
        1 => Just(Step::Shrink),
    ];
    proptest::collection::vec(step, 0..30)
}

proptest! {
    #[test]
    fn does_as_a_list_does_while_it_moves(steps in steps()) {
        let (mut index, mut list, mut next) = (Index::<User>::new(), Vec::new(), 0);
        for step in steps {
            match step {
                Step::Insert { hashes } => {
                    for hash in hashes {
                        index.insert(ShortHash(hash), User(next));
                        list.push((hash, next));
                        next += 1;
                    }
                }
                Step::Remove { at, count } => {
                    for _ in 0..count.min(list.len()) {
                        let (hash, user) = list.swap_remove(at % list.len());
                        index.remove(ShortHash(hash), User(user));
                    }
                }
                Step::Reserve { users } => index.reserve(users),
                Step::Shrink => index.shrink_to_fit(),
            }
            check(&index);
            prop_assert_eq!(index.len(), list.len());
            for (hash, user) in &list {
                prop_assert!(users(&index, *hash).contains(user));
            }
        }
    }
}

#[test]
fn an_insert_takes_few_steps_however_many_there_are() {
    let (mut index, mut most, mut all) = (Index::<User>::new(), [0; 2], 0);
    for user in 0..200_000_u32 {
        let hash = ShortHash(user.wrapping_mul(0x9e37_79b1));
        let steps = steps::tests::of(|| index.insert(hash, User(user)));
        let half = usize::from(user >= 100_000);
        most[half] = most[half].max(steps);
        all += steps;
    }
    check(&index);
    // A segment is made, and at first the list copied that becomes one; eight bytes for each
    // segment are copied; entries move and are pushed on.
    let segments = |users: usize| 2 * users / SEGMENT;
    assert!(most[0] <= 2 * SEGMENT + segments(100_000) + 100, "{most:?}");
    assert!(most[1] <= SEGMENT + segments(200_000) + 100, "{most:?}");
    assert!(all < 200_000 * 40, "{all} in all");
}

#[test]
fn what_is_reserved_is_enough() {
    let mut index = Index::<User>::new();
    index.reserve(10_000);
    let (homes, places) = (index.homes, index.entries.capacity());
    for user in 0..10_000_u32 {
        index.insert(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
    }
    assert_eq!((index.homes, index.entries.capacity()), (homes, places));
    check(&index);
}

#[test]
fn agrees_with_a_list_of_hashes_that_are_spread() {
    agrees_with_a_list(|random| random.wrapping_mul(0x9e37_79b1));
}

#[test]
fn agrees_with_a_list_of_hashes_of_which_many_are_the_same() {
    agrees_with_a_list(|random| (random % 37).wrapping_mul(0x0700_0000));
}

#[test]
fn agrees_with_a_list_of_hashes_that_crowd_at_either_end() {
    agrees_with_a_list(|random| random % 100);
    agrees_with_a_list(|random| u32::MAX - random % 100);
}

#[test]
fn the_greatest_hash_is_not_taken_for_a_vacancy() {
    let mut index = Index::<User>::new();
    assert_eq!(users(&index, u32::MAX), []);
    index.insert(ShortHash(u32::MAX), User(7));
    index.insert(ShortHash(u32::MAX), User(8));
    assert_eq!(users(&index, u32::MAX), [7, 8]);
    assert_eq!(users(&index, u32::MAX - 1), []);
    index.remove(ShortHash(u32::MAX), User(7));
    assert_eq!(users(&index, u32::MAX), [8]);
    check(&index);
}

#[test]
fn memory_is_within_what_is_said_and_comes_back() {
    let mut index = Index::<User>::new();
    for user in 0..10_000_u32 {
        index.insert(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
        let most_places = (user as usize + 1) * 5 / 3 + FEWEST + BEHIND + 2 + SEGMENT;
        assert!(index.entries.capacity() <= most_places, "{user}: {}", index.entries.capacity());
    }
    for user in 100..10_000_u32 {
        index.remove(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
    }
    index.shrink_to_fit();
    check(&index);
    assert_eq!((index.homes, index.len()), (133, 100));
    for user in 0..100_u32 {
        let homes = index.homes;
        index.shrink_to_fit();
        check(&index);
        assert!(index.homes < homes || index.len == 100);
        index.remove(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
    }
    index.shrink_to_fit();
    assert_eq!((index.homes, index.entries.capacity()), (0, 0));
    check(&index);
}

#[test]
fn homes_are_spread_over_the_table() {
    let mut index = Index::<User>::new();
    index.reserve(8);
    let homes = [0, 1 << 30, 1 << 31, u32::MAX].map(|hash| index.home(ShortHash(hash)));
    assert_eq!((index.homes, homes), (11, [0, 2, 5, 10]));
}

#[test]
fn weak_hashers_will_do() {
    // Numbers one after the other, steps of a power of two, and the highest bits only.
    let ids = |step: u32| (0..1_000_u64).map(move |id| id << step);
    for step in [0, 1, 8, 16, 20, 31, 32, 40, 54] {
        let mut hashes: Vec<u32> = ids(step).map(|id| ShortHash::of(&Plain, &id).0).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 1_000, "steps of 2^{step}");
        // Nowhere more than a few in one of a thousand equal parts.
        let part = |hash: &u32| ((u64::from(*hash) * 1_000) >> 32) as usize;
        let mut parts = [0; 1_000];
        hashes.iter().for_each(|hash| parts[part(hash)] += 1);
        assert!(parts.iter().all(|count| *count <= 8), "steps of 2^{step}: {parts:?}");
    }
}

#[test]
fn what_is_reserved_is_room_for_so_many_and_is_given_back() {
    for count in [1, 100, 5_000] {
        let mut index = Index::<User>::new();
        index.reserve(count);
        let (places, homes) = (index.entries.len(), index.homes);
        assert!(places <= homes + BEHIND && homes <= 2 * count, "{places} for {count}");
        (0..count as u32)
            .for_each(|user| index.insert(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user)));
        assert_eq!(index.homes, homes, "{count} have room");
        (90..count as u32)
            .for_each(|user| index.remove(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user)));
        index.shrink_to_fit();
        assert!(index.entries.len() <= 120 + BEHIND, "90 are left");
    }
}

/// They stand where others have still to move, and nothing but their hashes says that they need
/// not: when those before them are gone there is a gap where a search for one that has not moved
/// would end.
#[test]
fn those_who_have_moved_and_are_pushed_on_are_still_found() {
    const CROWD: u32 = 60;
    let mut index = Index::<User>::new();
    index.reserve(120);
    // All of a crowd share a home, and the others stand one by one in front of them.
    let at_home = |home: u64| ((2 * home + 1) << 31).div_euclid(161) as u32;
    let hash_of = |nth: u32| ShortHash(at_home(100) + 10 * nth);
    (0..CROWD).for_each(|nth| index.insert(hash_of(nth), User(nth)));
    let mut others = (0..100).map(|home| (ShortHash(at_home(home)), User(1_000 + home as u32)));
    let mut add_another = |index: &mut Index| {
        let (hash, user) = others.next().expect("there is another");
        index.insert(hash, user);
    };
    while !index.is_moving() || index.unmoved > 145 {
        add_another(&mut index);
    }
    assert_eq!((index.home(hash_of(0)), index.home(hash_of(CROWD - 1))), (100, 125));
    // One comes in front of those who have moved, and ten of those before it go.
    index.insert(ShortHash(hash_of(28).0 + 1), User(CROWD));
    assert!(index.unmoved > 129 && index.boundary == hash_of(29).0.into());
    (0..10).for_each(|nth| index.remove(hash_of(nth), User(nth)));
    while index.is_moving() {
        check(&index);
        assert!((10..CROWD).all(|nth| users(&index, hash_of(nth).0) == [nth]));
        add_another(&mut index);
    }
    check(&index);
}
