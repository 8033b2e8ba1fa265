use super::*;
use alloc::collections::BTreeMap;
use core::ops::Bound;
use proptest::prelude::*;

proptest! {
    #[test]
    fn does_what_a_sorted_map_does(
        steps in proptest::collection::vec((0_u16..600, 0_u8..5), 0..1_500),
    ) {
        let (mut map, mut model) = (SortedMap::default(), BTreeMap::new());
        for (key, step) in steps {
            match step {
                0 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                // Runs, now and then.
                4 if key % 64 == 0 => {
                    let new = (0..key).filter(|key| !model.contains_key(key));
                    let new: Vec<u16> = new.step_by(3).collect();
                    map.insert_all(new.iter().map(|key| (*key, step)));
                    model.extend(new.iter().map(|key| (*key, step)));
                }
                4 if key % 64 == 1 => {
                    let (from, by) = (key / 3, usize::from(key % 5) + 1);
                    map.remove_all((from..key).step_by(by));
                    (from..key).step_by(by).for_each(|key| _ = model.remove(&key));
                }
                4 if key % 64 == 3 => {
                    let mut keys: Vec<u16> = (key / 2..key).step_by(3).collect();
                    let mut others = keys.clone();
                    others.retain(|key| match model.get_mut(key) {
                        Some(value) => {
                            *value = step;
                            false
                        }
                        None => true,
                    });
                    map.replace_all(&mut keys, step);
                    prop_assert_eq!(keys, others);
                }
                4 if key % 64 == 4 => map.shrink_to_fit(),
                4 if key % 64 == 2 => {
                    map.retain(|own, value| own > key || value % 2 == 0);
                    model.retain(|own, value| *own > key || *value % 2 == 0);
                }
                _ => match (map.get_mut(key), model.get_mut(&key)) {
                    (None, None) => {
                        map.insert(key, step);
                        model.insert(key, step);
                    }
                    (Some(own), Some(other)) => {
                        prop_assert_eq!(*own, *other);
                        (*own, *other) = (step, step);
                    }
                    differ => prop_assert!(false, "{:?}", differ),
                },
            }
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.get(key), model.get(&key));
            let after = model.range((Bound::Excluded(key), Bound::Unbounded)).next();
            prop_assert_eq!(map.first_after(key), after.map(|(key, step)| (*key, *step)));
            let from = map.iter_from(key).map(|(key, _)| key).take(5);
            prop_assert!(from.eq(model.range(key..).map(|(key, _)| *key).take(5)));
            prop_assert_eq!(map.contains(key), model.contains_key(&key));
        }
        let own: Vec<_> = map.iter().collect();
        prop_assert_eq!(own, model.into_iter().collect::<Vec<_>>());
        map.clear();
        prop_assert_eq!((map.len(), map.iter().count()), (0, 0));
    }
}

type Map = SortedMap<u32, u64>;

/// Returns the number of entries for which there is memory, in use and to spare.
fn room(map: &Map) -> [usize; 2] {
    [&map.pieces, &map.spare].map(|pieces| pieces.iter().map(Vec::capacity).sum())
}

/// Memory is bounded by the entries: no piece is empty or too large, no neighbours are sparse.
fn assert_bounded(map: &Map) {
    let least = usize::from(!map.is_empty());
    assert!(map.pieces.iter().all(|piece| (least..PIECE).contains(&piece.len())));
    assert!(!map.is_empty() || map.pieces.len() <= 1);
    assert!(map.pieces.windows(2).all(|two| two[0].len() + two[1].len() > SPARSE));
    let [used, spare] = room(map);
    assert!(used <= 4 * map.len() + PIECE, "{used} for {}", map.len());
    assert!(spare <= SPARE * PIECE && map.spare.capacity() <= SPARE.next_power_of_two().max(4));
    assert!(map.spare.iter().all(Vec::is_empty));
    assert!(map.pieces.capacity() <= 4 * map.pieces.len().max(SPARE));
}

/// There is nothing to spare but up to half of each piece.
fn assert_fits(map: &Map) {
    assert_bounded(map);
    assert_eq!((map.spare.capacity(), map.pieces.capacity()), (0, map.pieces.len()));
    assert!(map.pieces.iter().all(|piece| piece.capacity() == piece.len().next_power_of_two()));
    assert!(!map.is_empty() || map.pieces.is_empty());
}

proptest! {
    /// Each wave adds or removes keys of a stretch, all of them or a part, in some order.
    #[test]
    fn memory_is_bounded_by_the_entries(
        waves in proptest::collection::vec(
            (0_u32..4_000, 1_u32..4_000, 1_u32..200, any::<bool>(), 0_u8..3), 1..12,
        ),
    ) {
        let (mut map, mut model) = (Map::default(), BTreeMap::new());
        for (from, count, spared, adds, order) in waves {
            for nth in 0..count {
                let nth = match order {
                    0 => nth,
                    1 => count - 1 - nth,
                    // A prime, so that all come.
                    _ => (u64::from(nth) * 2_654_435_761 % u64::from(count)) as u32,
                };
                let key = from + nth;
                if !adds && key % spared != 0 {
                    prop_assert_eq!(map.remove(key), model.remove(&key));
                } else if adds && model.insert(key, key.into()).is_none() {
                    map.insert(key, key.into());
                }
                // Looked at now and then: it is a walk.
                if nth % 256 == 0 {
                    assert_bounded(&map);
                }
            }
            assert_bounded(&map);
            prop_assert!(map.iter().eq(model.iter().map(|(key, value)| (*key, *value))));
            if order == 1 {
                map.shrink_to_fit();
                assert_fits(&map);
            }
        }
        map.clear();
        assert_bounded(&map);
        prop_assert_eq!(room(&map)[0], 0);
    }
}

proptest! {
    /// However long a run is against what is there, and however much of it goes.
    #[test]
    fn runs_come_and_go_in_bounded_memory(
        waves in proptest::collection::vec(
            (0_u32..4_000, 1_u32..1_000, 1_usize..40, any::<bool>()), 1..12,
        ),
    ) {
        let (mut map, mut model) = (Map::default(), BTreeMap::new());
        for (from, count, step, adds) in waves {
            let mut run: Vec<u32> = (from..from + count).step_by(step).collect();
            if adds {
                run.retain(|key| !model.contains_key(key));
                map.insert_all(run.iter().map(|key| (*key, 0)));
                model.extend(run.iter().map(|key| (*key, 0)));
            } else {
                map.remove_all(run.iter().copied());
                run.iter().for_each(|key| _ = model.remove(key));
            }
            assert_bounded(&map);
            prop_assert!(map.iter().eq(model.iter().map(|(key, value)| (*key, *value))));
            prop_assert_eq!(map.len(), model.len());
            if step % 4 == 0 {
                map.shrink_to_fit();
                assert_fits(&map);
            }
        }
    }
}

/// Neither one by one, nor where a run goes into much more, or into nothing.
#[test]
fn few_entries_move_for_each_that_comes_or_goes() {
    let mut map = Map::default();
    let moved = |call: &mut dyn FnMut()| steps::tests::moved(call);
    let all = moved(&mut || map.insert_all((0..20_000).map(|key| (key * 2, 0))));
    assert!(all <= 20_000, "{all}");
    for key in (0..10_000).rev() {
        let one = moved(&mut || map.insert(key * 4 + 1, 0));
        // Entries of a piece, and the table of them.
        assert!(one <= 2 * PIECE + 4 * 30_000 / PIECE, "{one}");
    }
    let some = moved(&mut || map.remove_all((0..10).map(|key| key * 1_000)));
    assert!(some <= 10 * (2 * PIECE + 4 * 30_000 / PIECE), "{some}");
    let many = moved(&mut || map.remove_all(0..30_000));
    assert!(many <= 30_000, "{many}");
    assert_bounded(&map);
}

/// In the order of their keys they take hardly more memory than they need.
#[test]
fn what_comes_in_order_fills_its_pieces() {
    let mut map = Map::default();
    (0..10_000).for_each(|key| map.insert(key, 0));
    assert!(room(&map)[0] <= 10_000 * PIECE / (PIECE - 1) + PIECE);
}

/// One entry is left in every so many, as where a crowd comes and all but a few go.
#[test]
fn what_is_left_of_a_crowd_takes_little() {
    for one_in in [2, PIECE as u32 / 2, PIECE as u32, 1_000] {
        let mut map = Map::default();
        (0..100_000).for_each(|key| map.insert(key, 0));
        (0..100_000).filter(|key| key % one_in != 0).for_each(|key| _ = map.remove(key));
        assert_eq!(map.len(), 100_000_usize.div_ceil(one_in as usize));
        assert_bounded(&map);
    }
}

/// A list that comes and goes around a bound neither splits nor merges each time.
#[test]
fn pieces_change_seldom() {
    let mut map = Map::default();
    let pieces = |map: &Map| map.pieces.len() + map.spare.len();
    (0..PIECE as u32).for_each(|key| map.insert(key * 2, 0));
    for key in 0..PIECE as u32 {
        let before = pieces(&map);
        for _ in 0..8 {
            map.insert(key * 2 + 1, 0);
            map.remove(key * 2 + 1);
        }
        assert!(pieces(&map) <= before + 1);
    }
    assert_bounded(&map);
}

/// As many as fit the spare pieces are noted again and again without anything allocated.
#[test]
fn memory_is_used_again_and_a_crowd_gives_it_back() {
    let mut map = Map::default();
    let short = 0..(SPARE * (PIECE - 1)) as u32;
    short.clone().for_each(|key| map.insert(key, 0));
    map.clear();
    let (spare, table) = (room(&map)[1], map.pieces.capacity());
    assert_eq!(spare, SPARE * PIECE);
    for crowd in [0, 0, 10_000, 0] {
        (0..crowd).for_each(|key| map.insert(key * 7_919 % 10_007, 0));
        map.clear();
        short.clone().for_each(|key| map.insert(key, 0));
        assert_eq!((room(&map), map.spare.len()), ([spare, 0], 0), "after {crowd}");
        assert!(map.pieces.capacity() >= table);
        map.clear();
        assert_eq!(room(&map), [0, spare]);
        assert_bounded(&map);
    }
}

/// Those in its own piece behind it, and if that is split those that go into the next one and
/// the pieces behind it.
#[test]
fn what_comes_or_goes_moves_only_those_behind_it() {
    const LAST: u32 = 10 * (PIECE as u32 - 1) - 1;
    let mut map = Map::default();
    let moved = |call: &mut dyn FnMut()| steps::tests::moved(call);
    (0..=LAST).for_each(|key| map.insert(2 * key, 0));
    // All pieces are full: it begins another one, behind which there is none.
    assert_eq!(moved(&mut || map.insert(2 * LAST + 1, 0)), 1 + 1);
    assert_eq!(moved(&mut || map.insert(2 * LAST + 2, 0)), 0);
    assert_eq!(moved(&mut || _ = map.remove(2 * LAST + 2)), 1);
    // All of the first piece but one, half of them once more, and the places of eleven pieces.
    assert_eq!(moved(&mut || map.insert(1, 0)), PIECE - 2 + PIECE / 2 + 11);
    assert_bounded(&map);
}

#[test]
fn a_run_gets_just_as_many_pieces_as_it_fills() {
    let mut map = Map::default();
    map.insert_all((0..(PIECE * (PIECE - 1)) as u32 * 8).map(|key| (key, 0)));
    assert_eq!((map.pieces.len(), map.pieces.capacity()), (8 * PIECE, 8 * PIECE));
}

/// Whether its entries come and go one by one or in runs.
#[test]
fn a_short_list_that_comes_and_goes_uses_the_same_memory() {
    const SHORT: u32 = if cfg!(feature = "shrunk") { 120 } else { 200 };
    let [even, odd] = [0, 1].map(|from| (from..SHORT).step_by(2));
    let mut map = Map::default();
    let memory = |map: &Map| {
        let pieces = map.pieces.iter().chain(&map.spare);
        pieces.map(Vec::as_ptr).collect::<alloc::collections::BTreeSet<_>>()
    };
    let mut warm = None;
    for nth in 0..8 {
        map.insert_all(even.clone().map(|key| (key, 0)));
        map.insert_all(odd.clone().map(|key| (key, 0)));
        let full = memory(&map);
        (0..SHORT).for_each(|key| _ = map.remove(key));
        assert!(nth < 4 || warm.get_or_insert_with(|| full.clone()) == &full);
        assert!(nth < 4 || memory(&map) == full, "what goes leaves its memory");
    }
}

#[test]
fn what_is_kept_of_many_lies_in_few_pieces() {
    for one_in in [2, 4, 16, PIECE as u32, 1_000] {
        let mut map = Map::default();
        (0..3_000).for_each(|key| map.insert(key, 0));
        for from in [1_500, 1_000, 0] {
            map.retain(|key, _| key < from || key % one_in == 0);
            assert_bounded(&map);
        }
        assert_eq!(map.len(), 3_000_usize.div_ceil(one_in as usize));
    }
}

/// So that pieces that come and go around a bound do not move the list of them each time.
#[test]
fn the_list_of_pieces_is_cut_down_seldom_and_not_to_the_last() {
    let mut map = Map::default();
    (0..10_000).for_each(|key| map.insert(key, 0));
    let (mut table, mut cuts) = (map.pieces.capacity(), 0);
    for key in (0..10_000).rev() {
        map.remove(key);
        if map.pieces.capacity() != table {
            let pieces = map.pieces.len().max(SPARE);
            table = map.pieces.capacity();
            assert!((2 * pieces..4 * pieces).contains(&table), "{table} for {pieces}");
            cuts += 1;
        }
    }
    assert!((1..=16).contains(&cuts), "{cuts} times");
}
