//! `Replica::differs_in_topics` finds each way in which a replica can be wrong about a topic, and
//! a replica takes in what is told of one.

use adsum::{
    Config, Connect, Decision, Decisions, Engine, Join, Options, Replica, SessionKey, Time,
    TopicKey, View,
};

const ROOM: u32 = 100;
/// When every tick of those who join at the beginning has come.
const NOW: Time = Time::from_millis(10_000);

struct House {
    engine: Engine<u32, u32>,
    ann: SessionKey,
    bobs: [SessionKey; 2],
    topic: TopicKey,
    /// What ann believes.
    replica: Replica<u32, u32>,
}

/// Takes in what is told to a session.
fn believe(
    replica: &mut Replica<u32, u32>,
    key: SessionKey,
    mut decisions: Decisions<'_, u32, u32>,
) {
    while let Some(decision) = decisions.next() {
        let taken = match &decision {
            Decision::Deliver { notice, to } if to.contains(&key.slot()) => replica.apply(notice),
            Decision::Topic(topic) if topic.to().contains(&key.slot()) => {
                replica.apply_topic(topic)
            }
            Decision::Changes(changes) if changes.to().contains(&key.slot()) => {
                replica.apply_changes(changes)
            }
            _ => Ok(()),
        };
        taken.expect("it has room for everything");
    }
}

/// Ann, and bob by two sessions, in a topic of which ann is told this much.
fn house(view: View) -> House {
    let config = Config::new(Options::default()).expect("the options are in range");
    let mut engine = Engine::new(config);
    let mut replica = Replica::new(100);
    let [ann, one, other] = [1, 2, 2].map(|user| {
        let (key, decisions) =
            engine.connect(Time::ZERO, Connect::new(user).audience([])).expect("there is room");
        decisions.for_each(|_| {});
        key
    });
    let mut topic = None;
    for (key, view) in [(ann, view), (one, View::Nothing), (other, View::Nothing)] {
        let join = Join::Member { presence: Some(5), view };
        let (joined, decisions) = engine.join(Time::ZERO, key, ROOM, join).expect("there is room");
        believe(&mut replica, ann, decisions);
        topic = Some(joined);
    }
    believe(&mut replica, ann, engine.advance(NOW));
    let topic = topic.expect("all have joined");
    let house = House { engine, ann, bobs: [one, other], topic, replica };
    assert_eq!(house.wrong(), None, "{:?}", house.replica);
    house
}

impl House {
    fn wrong(&self) -> Option<u32> {
        self.replica.differs_in_topics(&self.engine, self.ann).copied()
    }
}

#[test]
fn what_is_shown_and_was_not_told_is_wrong() {
    let mut house = house(View::All);
    let (bob, topic) = (house.bobs[0], house.topic);
    house.engine.update(NOW, bob, topic, 6).expect("a member").for_each(|_| {});
    assert_eq!(house.wrong(), Some(ROOM));
    let id = house.engine.id_of(bob).expect("it is there");
    house.replica.set_member(&ROOM, 2, id, Some(6)).expect("there is room");
    assert_eq!(house.wrong(), None);
    house.replica.forget_topic(&ROOM);
    assert_eq!(house.wrong(), Some(ROOM), "it knows nothing of it");
}

#[test]
fn whoever_is_no_member_is_a_ghost() {
    let mut house = house(View::All);
    let id = house.engine.id_of(house.bobs[0]).expect("it is there");
    house.replica.set_member(&ROOM, 3, id, None).expect("there is room");
    assert_eq!(house.wrong(), Some(ROOM));
    house.replica.end_member(&ROOM, &3);
    assert_eq!(house.wrong(), None);
    house.replica.begin_topic_snapshot(ROOM + 1, View::All).expect("there is room");
    assert_eq!(house.wrong(), Some(ROOM + 1), "she is not in that topic");
}

#[test]
fn whoever_is_told_how_many_there_are_has_to_know() {
    let mut house = house(View::Count);
    let (mut counts, view) = house.replica.topic_counts(&ROOM).expect("it is known");
    assert_eq!((counts.users, view), (2, View::Count));
    counts.observers += 1;
    house.replica.set_topic_counts(&ROOM, counts);
    assert_eq!(house.wrong(), Some(ROOM));
}

#[test]
fn what_is_said_is_believed_until_its_session_ends_and_another_stays() {
    let mut house = house(View::All);
    let [bob, other] = house.bobs;
    let House { engine, ann, topic, replica, .. } = &mut house;
    let said = engine.say(NOW, bob, *topic, 9, None).expect("a member");
    believe(replica, *ann, said);
    let id = engine.id_of(bob).expect("it is there");
    assert_eq!(replica.said(&ROOM).collect::<Vec<_>>(), [(&2, id, &9)]);
    let ended = engine.disconnect(NOW, bob).expect("it is there");
    believe(replica, *ann, ended);
    assert_eq!(replica.said(&ROOM).count(), 0);
    let others = engine.id_of(other).expect("it is there");
    assert!(replica.members(&ROOM).any(|(user, id, _)| (*user, id) == (2, others)));
    assert_eq!(house.wrong(), None);
}
