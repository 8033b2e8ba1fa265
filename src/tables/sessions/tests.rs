use super::*;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use proptest::prelude::*;

fn add(sessions: &mut Sessions<()>) -> (SessionIndex, SessionKey) {
    let index = sessions.insert((User(0), Place(0)), None, DeviceKind(0), (Time::ZERO, 0));
    (index, sessions.key(index))
}

fn generation(generation: u32) -> NonZeroU32 {
    NonZeroU32::new(generation).expect("it is not zero")
}

#[test]
fn a_record_whose_generations_are_used_up_is_retired() {
    let mut sessions = Sessions::<()>::new();
    let (first, _) = add(&mut sessions);
    sessions.records[first.0 as usize].generation = generation(LAST_BIRTH - 1);
    let mut keys = alloc::vec![sessions.key(first)];
    sessions.remove(first);
    let (second, key) = add(&mut sessions);
    assert_eq!((second, key.generation), (first, generation(LAST_BIRTH)));
    keys.push(key);
    sessions.remove(second);
    let (third, key) = add(&mut sessions);
    assert_ne!(third, first, "the record must not come back with a generation used before");
    assert_eq!(sessions.find(key), Some(third));
    assert!(keys.iter().all(|stale| sessions.find(*stale).is_none()));
    assert_eq!(sessions.len(), 1);
}

#[test]
fn a_session_is_resumed_until_its_keys_are_used_up_and_keeps_its_id() {
    let mut sessions = Sessions::<()>::new();
    let (index, first) = add(&mut sessions);
    let id = sessions.id(index);
    assert_eq!(sessions.begin_attachment(index), Some(()));
    assert_eq!((sessions.find(first), sessions.id(index)), (None, id));
    sessions.records[index.0 as usize].generation = NonZeroU32::MAX;
    assert_eq!(sessions.begin_attachment(index), None);
    assert_eq!(sessions.find_id(id), Some(index));
    sessions.remove(index);
    assert_eq!((sessions.find_id(id), sessions.retired), (None, 1));
}

#[test]
fn a_key_with_another_slot_is_no_key() {
    let mut sessions = Sessions::<()>::new();
    let near = Some(Slot::near(4, 1));
    let index = sessions.insert((User(4), Place(0)), near, DeviceKind(0), (Time::ZERO, 0));
    let key = sessions.key(index);
    assert_eq!(sessions.find(key), Some(index));
    assert_eq!(sessions.find(SessionKey { slot: Slot::near(4, 0), ..key }), None);
    assert_eq!(sessions.find(SessionKey { index: 1, ..key }), None);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Resume(usize),
    Remove(usize),
    Shrink,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u32..8).prop_map(Step::Insert),
        2 => any::<usize>().prop_map(Step::Resume),
        8 => any::<usize>().prop_map(Step::Remove),
        2 => Just(Step::Shrink),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    /// Whatever is dropped in between, no key and no id is given out twice, and those of the
    /// past find nothing.
    #[test]
    fn keys_and_ids_are_not_used_again(steps in steps()) {
        let mut sessions = Sessions::<u8>::new();
        let (mut there, mut keys, mut ids) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Insert(count) => {
                    for nth in 0..count {
                        let near = (nth % 2 == 0).then_some(Slot::near(nth, 0));
                        let now = (Time::ZERO, 0);
                        let index = sessions.insert((User(7), Place(0)), near, DeviceKind(0), now);
                        there.push(index);
                        prop_assert!(ids.insert(sessions.id(index)));
                        prop_assert!(keys.insert(sessions.attachment(index)));
                    }
                }
                Step::Resume(at) if !there.is_empty() => {
                    let index = there[at % there.len()];
                    prop_assert_eq!(sessions.begin_attachment(index), Some(()));
                    prop_assert!(keys.insert(sessions.attachment(index)));
                }
                Step::Remove(at) if !there.is_empty() => {
                    let index = there.swap_remove(at % there.len());
                    sessions.set_presence(index, 1);
                    sessions.set_waiting(index, 2);
                    prop_assert_eq!(sessions.remove(index), [Some(1), Some(2)]);
                }
                Step::Shrink => sessions.shrink_to_fit(),
                Step::Resume(_) | Step::Remove(_) => {}
            }
            let all: BTreeSet<_> = there.iter().copied().collect();
            prop_assert!(sessions.iter().eq(all));
            prop_assert_eq!(sessions.len(), there.len());
            let current = keys.iter().filter_map(|key| sessions.find_attachment(*key));
            prop_assert_eq!(current.count(), there.len());
            let by_id = ids.iter().filter_map(|id| sessions.find_id(*id));
            prop_assert_eq!(by_id.count(), there.len());
        }
    }
}

#[test]
fn what_a_crowd_needed_is_given_back_even_if_one_stays() {
    let mut sessions = Sessions::<()>::new();
    let all: Vec<SessionIndex> = (0..5_000).map(|_| add(&mut sessions).0).collect();
    for session in &all[1..] {
        sessions.set_waiting(*session, ());
        sessions.remove(*session);
    }
    sessions.shrink_to_fit();
    assert_eq!((sessions.len(), sessions.records.len(), sessions.details.len()), (1, 1, 1));
    assert_eq!((sessions.far.len(), sessions.extras.len(), sessions.free.len()), (1, 0, 0));
    assert!(sessions.records.capacity() < 8, "{}", sessions.records.capacity());
    // A record that has been used too often stays: all after it would begin there.
    let (used, _) = add(&mut sessions);
    sessions.records[used.0 as usize].generation = generation(LAST_DROPPED);
    sessions.remove(used);
    sessions.shrink_to_fit();
    assert_eq!((sessions.records.len(), sessions.first_generation), (2, generation(2)));
}

#[test]
fn what_a_crowd_needed_is_given_back_wherever_a_few_stay() {
    const CROWD: usize = 5_000;
    let (mut sessions, is_staying) = (Sessions::<u8>::new(), |at| at == 2_500 || at == CROWD - 1);
    let come = |sessions: &mut Sessions<u8>| {
        let index = sessions.insert((User(0), Place(0)), None, DeviceKind(0), (Time::ZERO, 0));
        (index, sessions.key(index))
    };
    let all: Vec<_> = (0..CROWD).map(|_| come(&mut sessions)).collect();
    all.iter().for_each(|(session, _)| _ = sessions.set_waiting(*session, session.0 as u8));
    // So all that is made anew begins after that.
    sessions.begin_attachment(all[1_500].0).expect("there is another key");
    let past = (0..).zip(&all).filter(|(at, _)| !is_staying(*at)).map(|(_, session)| *session);
    past.clone().for_each(|(session, _)| _ = sessions.remove(session));
    sessions.shrink_to_fit();
    assert!(sessions.are_free_lists_right());
    let left = [sessions.records.entries().count(), sessions.details.entries().count()];
    assert!(left.iter().all(|left| *left < 2_048), "{left:?} places are left");
    assert_eq!((sessions.far.entries().count() < CROWD, sessions.extras.len()), (true, 2));
    for (at, (session, key)) in all.iter().enumerate() {
        let there = is_staying(at).then_some(*session);
        assert_eq!(sessions.find(*key), there);
        let waiting = there.and_then(|session| sessions.take_waiting(session));
        assert_eq!(waiting, there.map(|session| session.0 as u8));
    }
    // New ones come to where the others were, the first first, and none has a key of the past.
    let new: Vec<SessionKey> = (2..CROWD).map(|_| come(&mut sessions).1).collect();
    assert!(new.is_sorted_by_key(|key| key.index) && sessions.records.len() == CROWD);
    // A record that has been resumed stays with the shrunk constants.
    let first = generation(if cfg!(feature = "shrunk") { 2 } else { 3 });
    assert!(new.iter().all(|key| key.generation >= first));
    assert!(past.clone().all(|(_, key)| sessions.find(key).is_none()));
    assert!(sessions.are_free_lists_right());
}

#[test]
fn a_wrong_list_of_what_is_free_is_seen() {
    let breaks: [fn(&mut Sessions<()>); 4] = [
        |sessions| sessions.free.push(0),
        |sessions| sessions.free_far.push(1),
        |sessions| sessions.free_extras.push(0),
        |sessions| sessions.retired += 1,
    ];
    for (nth, break_it) in breaks.iter().enumerate() {
        let mut sessions = Sessions::new();
        let [(first, _), _] = [add(&mut sessions), add(&mut sessions)];
        sessions.set_waiting(first, ());
        assert!(sessions.are_free_lists_right());
        break_it(&mut sessions);
        assert!(!sessions.are_free_lists_right(), "the break number {nth} is not seen");
    }
}

#[cfg(feature = "shrunk")]
#[test]
fn there_is_room_until_the_table_is_full() {
    let mut sessions = Sessions::<()>::new();
    assert!(sessions.has_room_for(MAX_SESSIONS) && !sessions.has_room_for(MAX_SESSIONS + 1));
    for left in (0..MAX_SESSIONS).rev() {
        assert!(sessions.has_room());
        add(&mut sessions);
        assert!(sessions.has_room_for(left) && !sessions.has_room_for(left + 1));
    }
    assert!(!sessions.has_room());
    for gone in 1..=3 {
        sessions.remove(SessionIndex(gone));
        assert!(sessions.has_room() && sessions.has_room_for(gone as usize));
        assert!(!sessions.has_room_for(gone as usize + 1));
    }
}
