//! Ids that compare equal and are spelt differently.

use crate::common::{at, config};
use adsum::{Connect, Decision, Engine, Join, LostCause, Notice, Replica, Scope, SessionKey, View};
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

/// Has her watch these, and returns how the snapshot names them, and how those whom it shows.
fn watch(
    engine: &mut Folding,
    session: SessionKey,
    users: &[&'static str],
) -> (Vec<&'static str>, Vec<&'static str>) {
    let users = users.iter().map(|user| Folded(user));
    let mut decisions = engine.watch(at(1), session, users).expect("it is attached");
    let Some(Decision::Snapshot(snapshot)) = decisions.next() else { panic!("there is one") };
    assert_eq!(snapshot.scope(), Scope::Users);
    let mut named: Vec<_> = snapshot.named().map(|user| user.0).collect();
    assert_eq!(snapshot.named().len(), named.len());
    named.sort_unstable();
    (named, snapshot.entries().map(|entry| entry.user.0).collect())
}

/// Whoever watches somebody is told of it as it named that one itself: nothing of whether the other
/// is there, or stands in a stranger's list (rule 1, case 53).
#[test]
fn whom_a_snapshot_is_about_is_spelt_as_who_asked_for_it_did() {
    let what_came_before: [fn(&mut Folding); 4] = [
        |_| {},
        |engine| {
            let (bob, _) = connect(engine, "Bob", "ann");
            engine.invisible(at(0), bob).expect("he is attached").for_each(|_| {});
        },
        |engine| _ = connect(engine, "cyd", "BOB"),
        |engine| _ = connect(engine, "Bob", "BOb"),
    ];
    for come_before in what_came_before {
        let mut engine = Folding::new(config(|options| options.publish_rate = None));
        come_before(&mut engine);
        let (eve, _) = connect(&mut engine, "eve", "dan");
        assert_eq!(watch(&mut engine, eve, &["bOB"]), (vec!["bOB"], vec![]));
        // Of several spellings in one call the first counts; her own is none of them.
        let twice = ["Eve", "boB", "DAN", "bOb", "dan", "EVE"];
        assert_eq!(watch(&mut engine, eve, &twice), (vec!["DAN", "boB"], vec![]));
        assert_eq!(engine.verify(), Ok(()));
    }
    let mut engine = Folding::new(config(|options| options.publish_rate = None));
    let (bob, _) = connect(&mut engine, "Bob", "BOb");
    publish(&mut engine, bob);
    let (eve, _) = connect(&mut engine, "eve", "dan");
    assert_eq!(watch(&mut engine, eve, &["boB"]), (vec!["boB"], vec!["Bob"]), "he shows himself");
}

/// Joins, and returns how the topic is spelt to who does.
fn join(engine: &mut Folding, session: SessionKey, topic: &'static str, join: Join<u32>) -> String {
    let (_, mut decisions) = engine.join(at(1), session, Folded(topic), join).expect("it may");
    let mut spelt = String::new();
    while let Some(decision) = decisions.next() {
        if let Decision::Topic(snapshot) = decision {
            assert_eq!(snapshot.to(), [session.slot()]);
            spelt = snapshot.topic().0.into();
        }
    }
    drop(decisions);
    assert_eq!(engine.verify(), Ok(()));
    spelt
}

/// A topic in which nobody is shown is spelt as who joins it does: nobody learns how somebody
/// invisible has spelt it (rules 1 and T1, case 53).
#[test]
fn a_topic_in_which_nobody_is_shown_is_spelt_anew() {
    const MEMBER: Join<u32> = Join::Member { presence: Some(1), view: View::All };
    let observer = Join::Observer { view: View::All };
    let mut engine = Folding::new(config(|options| options.own_echo = true));
    let (bob, _) = connect(&mut engine, "bob", "eve");
    let (eve, _) = connect(&mut engine, "eve", "bob");
    let (dan, _) = connect(&mut engine, "dan", "bob");
    engine.invisible(at(0), bob).expect("he is attached").for_each(|_| {});
    assert_eq!(join(&mut engine, bob, "ROOM", MEMBER), "ROOM", "nobody came before him");
    assert_eq!(join(&mut engine, eve, "Room", observer), "Room", "nobody whom she may see");
    assert_eq!(join(&mut engine, dan, "rOOM", MEMBER), "Room", "she did, though she observes");
    let room = engine.topic(&Folded("room")).expect("they are there").key();
    for key in [eve, dan] {
        engine.leave(at(2), key, room).expect("it is there").for_each(|_| {});
    }
    assert_eq!(join(&mut engine, dan, "rooM", MEMBER), "rooM", "he is alone, but for bob");
    assert_eq!(join(&mut engine, eve, "ROom", MEMBER), "rooM", "dan is there");
    engine.visible(at(3), bob).expect("he is attached").for_each(|_| {});
    for key in [eve, dan] {
        engine.leave(at(4), key, room).expect("it is there").for_each(|_| {});
    }
    assert_eq!(join(&mut engine, eve, "ROom", MEMBER), "rooM", "bob is there");
}
