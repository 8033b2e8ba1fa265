//! Ids that compare equal and are spelt differently.

use crate::common::{at, config};
use adsum::{Connect, Decision, Engine, LostCause, Notice, Replica, SessionKey, View};
use std::hash::{Hash, Hasher};

/// A name in which upper and lower case are the same.
#[derive(Clone, Copy, Debug)]
struct Folded(&'static str);

impl PartialEq for Folded {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Folded {}

impl Hash for Folded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes().for_each(|byte| byte.to_ascii_lowercase().hash(state));
    }
}

type Folding = Engine<Folded, u32>;

/// Connects, and returns the key and how those are spelt whom the snapshot shows.
fn connect(
    engine: &mut Folding,
    user: &'static str,
    contact: &'static str,
) -> (SessionKey, Vec<&'static str>) {
    let connect = Connect::new(Folded(user)).audience([Folded(contact)]);
    let (key, mut decisions) = engine.connect(at(0), connect).expect("there is room");
    let mut shown = Vec::new();
    while let Some(decision) = decisions.next() {
        match decision {
            Decision::Snapshot(snapshot) => shown.extend(snapshot.entries().map(|e| e.user.0)),
            Decision::Online { user: online, .. } => assert_eq!(online.0, user, "the host too"),
            _ => {}
        }
    }
    (key, shown)
}

/// Publishes, and returns how the sender is spelt to the others.
fn publish(engine: &mut Folding, session: SessionKey) -> Vec<&'static str> {
    let mut spelt = Vec::new();
    let mut decisions = engine.publish(at(0), session, 1).expect("it is attached");
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { notice: Notice::Presence { user, .. }, .. } = decision {
            spelt.push(user.0);
        }
    }
    spelt
}

/// A user is spelt as it spelt itself when it came online, whoever has it in a list, and however
/// (rule 1, case 53).
#[test]
fn a_user_is_spelt_as_it_spells_itself() {
    let mut engine = Folding::new(config(|options| options.publish_rate = None));
    let (bob, _) = connect(&mut engine, "bob", "ANN");
    let (ann, _) = connect(&mut engine, "Ann", "BOB");
    assert_eq!(publish(&mut engine, ann), ["Ann"]);
    assert_eq!(publish(&mut engine, bob), ["bob"]);
    assert_eq!(connect(&mut engine, "BOB", "aNN").1, ["Ann", "bob"], "she, and his other device");
    let contacts = |engine: &Folding| engine.audience(&Folded("bob")).next().map(|id| id.0);
    assert_eq!(contacts(&engine), Some("Ann"), "he spelt her otherwise");

    // Another device of hers is the same user, and changes nothing about it.
    let (second, shown) = connect(&mut engine, "aNN", "bob");
    assert_eq!(shown, ["bob", "Ann"]);
    assert_eq!(engine.counts().users_online, 2);
    assert_eq!(publish(&mut engine, second), ["Ann"]);

    // She goes, and comes back in other letters; he has had her in his list all along.
    engine.expel(at(0), &Folded("ann")).for_each(|_| {});
    let (ann, _) = connect(&mut engine, "ann", "Bob");
    assert_eq!(publish(&mut engine, ann), ["ann"]);
    assert_eq!(contacts(&engine), Some("ann"));
    assert_eq!((engine.counts().users_known, engine.verify()), (2, Ok(())));
}

/// A receiver has heard of bob, misses that he goes and comes back as BOB, and gets a snapshot.
#[test]
fn a_receiver_spells_a_user_as_it_was_told_last() {
    let mut engine = Folding::new(config(|options| options.publish_rate = None));
    let (eve, _) = connect(&mut engine, "eve", "bob");
    let mut replica = Replica::<Folded, u32>::new(4);
    let spelt = |replica: &Replica<Folded, u32>| {
        let users = replica.users().map(|user| user.0);
        users.collect::<Vec<_>>()
    };
    let (bob, _) = connect(&mut engine, "bob", "eve");
    let mut decisions = engine.publish(at(0), bob, 1).expect("it is attached");
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { notice, to } = decision
            && to.contains(&eve.slot())
        {
            replica.apply(&notice).expect("there is room");
        }
    }
    drop(decisions);
    assert_eq!(spelt(&replica), ["bob"]);
    let lost = engine.lost(at(0), eve, LostCause::ConnectionError);
    lost.expect("it is attached").for_each(|_| {});
    engine.expel(at(0), &Folded("bob")).for_each(|_| {});
    let (bob, _) = connect(&mut engine, "BOB", "eve");
    publish(&mut engine, bob);
    let (eve, mut decisions) = engine.resume(at(0), eve).expect("it is there");
    while let Some(decision) = decisions.next() {
        if let Decision::Snapshot(snapshot) = decision {
            replica.apply_snapshot(&snapshot).expect("there is room");
        }
    }
    drop(decisions);
    assert_eq!((spelt(&replica), replica.differs_from(&engine, eve)), (vec!["BOB"], None));

    // By whatever names them: a presence, what is directed, a topic, and its members.
    let mut replica = Replica::<Folded, u32, u32>::new(4);
    let users = |replica: &Replica<Folded, u32, u32>| replica.users().next().map(|user| user.0);
    replica.set_presence(Folded("bob"), 1, 1).expect("there is room");
    replica.set_presence(Folded("Bob"), 1, 2).expect("it is there");
    assert_eq!(users(&replica), Some("Bob"));
    replica.set_directed(Folded("BOB"), 2, 2).expect("there is room");
    assert_eq!((users(&replica), replica.users().count()), (Some("BOB"), 1));
    replica.end_user(&Folded("bob"));
    for topic in ["room", "Room"] {
        replica.begin_topic_snapshot(Folded(topic), View::All).expect("there is room");
    }
    assert_eq!(replica.topics().map(|topic| topic.0).collect::<Vec<_>>(), ["Room"]);
    for user in ["bob", "Bob"] {
        replica.set_member(&Folded("ROOM"), Folded(user), 1, None).expect("there is room");
    }
    let members = replica.members(&Folded("room")).map(|(user, ..)| user.0);
    assert_eq!(members.collect::<Vec<_>>(), ["Bob"]);
}
