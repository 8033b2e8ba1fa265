use super::*;
use crate::hasher::tests::Plain;
use crate::key::DeviceKind;
use crate::tables::Tables;
use crate::time::Time;

type Rooms = Tables<u64, u32, Plain>;

const TOPIC: TopicIndex = TopicIndex(0);

fn open(tables: &mut Rooms, name: u64) -> TopicIndex {
    let topic = tables.open_topic(name, &TopicOptions::default()).expect("there is room");
    tables.forget_fresh();
    topic
}

/// Joins a topic as a member who is shown.
fn join(tables: &mut Rooms, session: u32, topic: TopicIndex) -> MembershipIndex {
    let one = tables.join_topic(SessionIndex(session), topic, true, View::All);
    tables.show_in_topic(topic, one);
    tables.seat_in_topic(one, false);
    one
}

fn leave(tables: &mut Rooms, topic: TopicIndex, one: MembershipIndex) {
    tables.hide_in_topic(topic, one);
    tables.leave_topic(topic, one);
}

/// So many users with a session each, who are all in one topic, and what they are there.
fn room<const N: usize>() -> (Rooms, [MembershipIndex; N]) {
    let mut tables = Rooms::new(Plain);
    for id in 0..N as u64 {
        let user = tables.intern(id).expect("there is room");
        let place = tables.go_online(user, &[], &[]);
        tables.add_session((user, place), DeviceKind(0), (Time::ZERO, 0));
    }
    tables.forget_fresh();
    open(&mut tables, 7);
    let all = core::array::from_fn(|nth| join(&mut tables, nth as u32, TOPIC));
    assert_eq!(tables.verify(), Ok(()));
    (tables, all)
}

/// It had gone meanwhile: only those are known by the snapshot who have been there since.
#[test]
fn who_comes_again_after_a_snapshot_is_not_known_by_it() {
    let (mut tables, all) = room::<4>();
    let topics = &mut tables.topics;
    all[..3].iter().for_each(|one| topics.arrive(TOPIC, *one));
    topics.tell_to_all(TOPIC);
    topics.arrive(TOPIC, all[3]);
    topics.arrive(TOPIC, all[0]);
    let known = all.map(|one| topics.arrival(TOPIC, one));
    assert_eq!(known, [(true, false), (true, true), (true, true), (true, false)]);
}

/// Where a little is swept for each that is added.
#[test]
fn who_comes_and_goes_between_two_ticks_leaves_little_behind() {
    for is_slow in [false, true] {
        let (mut tables, all) = room::<2>();
        tables.topics.note_changed(TOPIC, all[0], is_slow, false);
        let mut one = all[1];
        for _ in 0..100 {
            tables.topics.note_changed(TOPIC, one, is_slow, false);
            tables.topics.sweep_pending(TOPIC, is_slow);
            leave(&mut tables, TOPIC, one);
            one = join(&mut tables, 1, TOPIC);
        }
        let waits = tables.topics.pending_len(TOPIC, is_slow);
        assert!(waits <= 4, "{waits} wait");
        assert!(tables.topics.channels.span() <= 8, "{}", tables.topics.channels.span());
        assert_eq!(tables.verify(), Ok(()));
    }
}

/// Nothing of what happens from then on.
#[test]
fn for_a_tick_that_tells_everything_nothing_is_noted() {
    for is_slow in [false, true] {
        let (mut tables, all) = room::<2>();
        tables.topics.set_everything(TOPIC, is_slow);
        assert!(!tables.topics.note_changed(TOPIC, all[0], is_slow, false));
        assert_eq!(tables.topics.gathered(TOPIC, is_slow), 0);
        assert_eq!(tables.verify(), Ok(()));
    }
}

#[test]
fn what_need_not_be_looked_up_is_forgotten_when_memory_is_given_back() {
    const MANY: u64 = 40;
    let (mut tables, [first]) = room::<1>();
    let topics: Vec<_> = (0..MANY).map(|name| open(&mut tables, 100 + name)).collect();
    let all: Vec<_> = topics.iter().map(|topic| join(&mut tables, 0, *topic)).collect();
    let looked_up = |tables: &Rooms| tables.topics.beyond().count();
    let before = looked_up(&tables);
    tables.topics.shrink_to_fit(1);
    assert_eq!((looked_up(&tables), before > 1), (before, true));
    // The last one is the only one that is left, but for that of the room.
    for (topic, one) in topics.iter().zip(&all).take(MANY as usize - 1) {
        leave(&mut tables, *topic, *one);
        tables.close_topic(*topic);
    }
    assert_eq!(looked_up(&tables), 1);
    leave(&mut tables, TOPIC, first);
    tables.close_topic(TOPIC);
    tables.topics.shrink_to_fit(1);
    assert_eq!(looked_up(&tables), 0);
    let last = topics.last().and_then(|topic| tables.membership_in(SessionIndex(0), *topic));
    assert_eq!(last, all.last().copied());
}

#[test]
fn a_sample_that_is_asked_for_again_takes_no_other_walk() {
    let (tables, all) = room::<8>();
    let mut seats = Seats::default();
    let walks = [3, 3, 5, 5, 2].map(|users| {
        let end = tables.topics.sample_end(TOPIC, users, &mut seats);
        assert_eq!(end, tables.topics.seat_number(all[users as usize - 1]));
        seats.gone_over()
    });
    assert_eq!(walks, [3, 3, 5, 5, 7]);
}

#[test]
fn what_is_broken_is_seen() {
    let breaks: [fn(&mut Rooms); 2] = [
        // What is looked up is not there any more.
        |tables| {
            tables.topics.beyond.insert((SessionIndex(0), TopicIndex(9)), MembershipIndex(9));
        },
        // Another is noted to be looked at by name than the one who is.
        |tables| {
            let one = MembershipIndex(0);
            tables.set_named(TOPIC, one, &[User(1)]);
            tables.set_view(TOPIC, one, View::All);
            tables.seat_in_topic(one, false);
            assert_eq!(tables.verify(), Ok(()));
            tables.topics.note_looker(TOPIC, (User(1), one), false);
            tables.topics.note_looker(TOPIC, (User(2), one), true);
        },
    ];
    for (nth, break_it) in breaks.iter().enumerate() {
        let (mut tables, _) = room::<3>();
        break_it(&mut tables);
        assert!(tables.verify().is_err(), "the break number {nth} is not seen");
    }
}
