//! One user on several nodes: devices that come and go, what is said to it, and its lists.

use super::world::World;
use super::{config, options};
use adsum::{Event, Join, LostCause, Options, View};
use std::collections::BTreeSet;

fn quiet(options: &Options) -> World {
    let mut world = World::new(3, options, 11);
    world.wait(500);
    world
}

/// What happens to the two devices of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    ConnectSecond,
    DisconnectFirst,
    LoseSecond,
    KillSecondNode,
}

fn orders() -> Vec<[Step; 4]> {
    use Step::{ConnectSecond, DisconnectFirst, KillSecondNode, LoseSecond};
    let all = [ConnectSecond, DisconnectFirst, LoseSecond, KillSecondNode];
    let mut orders = Vec::new();
    for code in 0..256_usize {
        let picked = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
        if picked.iter().collect::<BTreeSet<_>>().len() == 4 {
            orders.push(picked.map(|nth| all[nth]));
        }
    }
    orders
}

/// Rule C10: two devices of one user on two nodes, in all orders of connect, disconnect, loss and
/// the death of a node. A contact hears that the user is offline when it is, and only then.
/// Rules C10 and C17: whoever comes to another node before its session here ends is not seen to go,
/// though both are heard of at once.
#[test]
fn rule_c10_who_moves_is_not_seen_to_go_though_a_host_is_slow() {
    for loses in [false, true] {
        let mut world = quiet(&Options { skew_ms: 0, ..options() });
        world.weather.delay_ms = 0;
        world.log_in(0, 1);
        let session = world.log_in(0, 2);
        world.publish(0, session, 5);
        world.wait(50);
        let (offline, posts) = (world.offline_notices, world.posts.len());
        let new = world.log_in(2, 2);
        world.publish(2, new, 6);
        world.hear_all(0);
        let (cause, grace_ms) = (LostCause::GoingAway, Some(0));
        match loses {
            true => world.does(0, Event::Lost { session, cause, grace_ms }),
            false => world.does(0, Event::Disconnect { session }),
        }
        world.wait(500);
        assert_eq!((world.offline_notices, world.posts.len()), (offline, posts));
        assert_eq!([0, 1, 2].map(|at| world.shown(at, 2)), [(); 3].map(|()| vec![Some(6)]));
        world.agree().expect("all are the same");
    }
}

/// An end that waits for what was heard before it is the end all the same: who has logged out does
/// not resume, and who was lost does.
#[test]
fn a_resume_comes_after_an_end_that_waits() {
    for is_lost in [false, true] {
        let mut world = quiet(&options());
        world.weather.delay_ms = 0;
        let session = world.log_in(0, 2);
        world.wait(50);
        world.log_in(2, 2);
        world.hear_all(0);
        let (now, cause) = (world.clock(0), LostCause::ConnectionError);
        let cluster = &mut world.nodes[0].cluster;
        let end = match is_lost {
            true => Event::Lost { session, cause, grace_ms: None },
            false => Event::Disconnect { session },
        };
        drop(cluster.apply(now, end).expect("it is there"));
        assert!(cluster.engine().is_attached(session), "what was heard comes first");
        let resumed = cluster.apply(now, Event::Resume { session });
        let key = resumed.map(|outputs| outputs.session());
        while let Some(next) = cluster.next(now) {
            drop(next);
        }
        let own: Vec<_> = cluster.engine().sessions(&2).filter(|key| !key.is_remote()).collect();
        if is_lost {
            let key = key.expect("it is in grace").expect("a resume gives a key");
            assert_eq!((own, cluster.engine().is_attached(key)), (vec![key], true));
        } else {
            assert_eq!((key, own), (Err(adsum::Error::UnknownSession), vec![]));
        }
    }
}

/// Rule C13: who logs in at one node, which hears in that moment that its session at another is
/// over, is there with the lists of the login.
#[test]
fn rule_c13_a_login_outlives_an_end_that_is_heard_with_it() {
    for dies in [false, true] {
        let mut world = World::new(3, &options(), 5);
        world.wait(500);
        let key = world.log_in(1, 2);
        world.log_in(0, 1);
        world.wait(50);
        match dies {
            false => world.give(1, Event::Disconnect { session: key }).expect("it is right"),
            true => {
                world.kill(1);
                world.start(1);
                world.pump(1).expect("nothing goes wrong");
            }
        }
        let (user, kind) = (2, adsum::DeviceKind(0));
        let event = Event::Connect { user, kind, audience: vec![1], blocked: vec![3] };
        world.give_and_hear(0, event);
        let session = *world.keys(0, 2).first().expect("it has logged in");
        world.publish(0, session, 9);
        world.wait(50);
        for node in &world.nodes {
            let blocked: Vec<_> = node.cluster.engine().blocked(&2).collect();
            assert_eq!(blocked, [&3], "{dies}");
        }
        world.wait(options().grace.node_loss_ms + config().suspect_ms);
        let asked = |world: &World, at: usize| world.nodes[at].cluster.stats().syncs_sent;
        let before = [0, 1, 2].map(|at| asked(&world, at));
        world.wait(5 * config().beat_ms);
        assert_eq!([0, 1, 2].map(|at| asked(&world, at)), before, "{dies}");
        for at in 0..3 {
            assert_eq!(world.shown(at, 2), [Some(9)], "{dies}, at {at}");
        }
    }
}

#[test]
fn rule_c10_a_user_is_offline_when_no_node_has_a_session() {
    let orders = orders();
    assert_eq!(orders.len(), 24);
    for (order, pause_ms) in orders.iter().flat_map(|order| [(order, 0), (order, 150)]) {
        let mut world = quiet(&options());
        // The contact is at the third node.
        world.log_in(2, 1);
        let first = world.log_in(0, 2);
        world.publish(0, first, 7);
        world.wait(100);
        let (mut has_first, mut second, mut is_up) = (true, None, true);
        for step in order {
            match step {
                Step::ConnectSecond if is_up => {
                    let session = world.log_in(1, 2);
                    world.publish(1, session, 8);
                    second = Some(session);
                }
                Step::DisconnectFirst => {
                    world.give(0, Event::Disconnect { session: first }).expect("it is right");
                    has_first = false;
                }
                Step::LoseSecond if is_up => {
                    let cause = LostCause::ConnectionError;
                    if let Some(session) = second {
                        let lost = Event::Lost { session, cause, grace_ms: None };
                        world.give(1, lost).expect("it is right");
                    }
                }
                Step::KillSecondNode => {
                    world.kill(1);
                    is_up = false;
                }
                _ => {}
            }
            world.wait(pause_ms);
            if has_first {
                assert_eq!(world.offline_notices, 0, "{order:?}: its first device is there");
            }
        }
        world.wait(4_000);
        assert!(world.shown(2, 2).is_empty(), "{order:?}");
        let place = |step| order.iter().position(|one| *one == step).expect("it is one of four");
        let connects = place(Step::ConnectSecond);
        let came_again = pause_ms > 0
            && (place(Step::DisconnectFirst)..place(Step::KillSecondNode)).contains(&connects);
        let (count, expected) = (world.offline_notices, 1 + usize::from(came_again));
        // What a node said last may have died with it.
        let is_right = count == expected || (count == 0 && pause_ms == 0);
        assert!(is_right, "{order:?} with {pause_ms} ms between: {count}, not {expected}");
    }
}

/// Rule C10: a device that changes nodes at once is not seen to go.
#[test]
fn rule_c10_who_changes_nodes_at_once_is_not_seen_to_go() {
    let mut world = quiet(&options());
    world.log_in(2, 1);
    let first = world.log_in(0, 2);
    world.publish(0, first, 7);
    world.wait(100);
    world.give(0, Event::Disconnect { session: first }).expect("it is right");
    world.wait(options().skew_ms / 2);
    let second = world.log_in(1, 2);
    world.publish(1, second, 8);
    world.wait(200);
    assert_eq!((world.shown(2, 2), world.nodes[2].cluster.stats().faults), (vec![Some(8)], 0));
    assert_eq!(world.offline_notices, 0);
}

/// Rule C12: what is said to named users reaches those at other nodes, once; and they hear that it
/// is over when the sender goes.
#[test]
fn rule_c12_directed_presence_reaches_other_nodes() {
    let mut world = quiet(&options());
    world.log_in(1, 1);
    world.log_in(2, 3);
    let session = world.log_in(0, 2);
    world.wait(50);
    let before = world.notices;
    let users = vec![1, 3, 5];
    world.give(0, Event::Direct { session, users, presence: 70 }).expect("it is right");
    world.wait(20);
    assert_eq!(world.notices, before + 2, "users 1 and 3 are its contacts and are there");
    world.give(0, Event::Disconnect { session }).expect("it is right");
    world.wait(200);
    assert_eq!((world.notices, world.offline_notices), (before + 4, 2));
}

/// Rule C12: directed presence that ends by itself is over at other nodes too.
#[test]
fn rule_c12_directed_presence_ends_by_itself_at_other_nodes() {
    let mut world = quiet(&options());
    world.log_in(1, 1);
    let session = world.log_in(0, 2);
    world.wait(50);
    let before = world.notices;
    let typing = Event::DirectFor { session, users: vec![1], presence: 70, for_ms: 100 };
    world.give(0, typing).expect("it is right");
    world.wait(90);
    assert_eq!(world.notices, before + 1);
    world.wait(30);
    assert_eq!(world.notices, before + 2);
}

fn audience(world: &World, at: usize, user: u32) -> BTreeSet<u32> {
    world.nodes[at].cluster.engine().audience(&user).copied().collect()
}

/// Rule C13: lists are the user's: an edit at a node that has no session of it holds at all.
#[test]
fn rule_c13_an_edit_at_any_node_holds_at_all() {
    let mut world = quiet(&options());
    world.log_in(0, 2);
    world.wait(50);
    world.give(1, Event::AudienceReplace { user: 2, contacts: vec![4] }).expect("it is right");
    world.wait(20);
    for at in 0..3 {
        assert_eq!(audience(&world, at, 2), BTreeSet::from([4]), "at {at}");
    }
    // The node that has the session says it from now on, and the other is silent.
    world.wait(50);
    let person = world.nodes[1].cluster.desk.people.get(&2).expect("user 2 is known");
    assert!(person.own.is_none());
}

/// Rule C13: an edit at a node that has not heard of the user reaches the one that has it.
#[test]
fn rule_c13_an_edit_of_a_user_who_is_not_known_is_passed_on() {
    let mut world = quiet(&options());
    world.cut(1);
    world.log_in(0, 2);
    world.wait(50);
    assert!(!world.nodes[1].cluster.engine().is_online(&2));
    world.give(1, Event::AudienceReplace { user: 2, contacts: vec![4] }).expect("it is right");
    world.heal();
    world.wait(500);
    for at in 0..3 {
        assert_eq!(audience(&world, at, 2), BTreeSet::from([4]), "at {at}");
    }
}

/// Rule C13: of two edits the one with the greater version holds, whichever is heard of last.
#[test]
pub(super) fn rule_c13_the_greatest_version_holds() {
    let mut world = quiet(&options());
    world.log_in(0, 2);
    world.wait(50);
    let edit = |contact| Event::AudienceReplace { user: 2, contacts: vec![contact] };
    for (at, version, contact) in [(1, 90, 4), (2, 80, 5)] {
        let now = world.clock(at);
        let outputs = world.nodes[at].cluster.apply_version(now, version, edit(contact));
        drop(outputs.expect("it is right"));
    }
    world.wait(300);
    for at in 0..3 {
        assert_eq!(audience(&world, at, 2), BTreeSet::from([4]), "at {at}");
    }
    // An older one does nothing where the newer one is known.
    let now = world.clock(0);
    drop(world.nodes[0].cluster.apply_version(now, 85, edit(1)).expect("it is right"));
    world.wait(100);
    assert_eq!(audience(&world, 2, 2), BTreeSet::from([4]));
}

/// Whoever is expelled goes at all nodes, and may come again at once.
#[test]
fn whoever_is_expelled_goes_at_all_nodes() {
    let mut world = quiet(&options());
    world.log_in(0, 2);
    world.log_in(1, 2);
    world.wait(50);
    world.give(2, Event::Expel { user: 2 }).expect("it is right");
    let again = world.log_in(2, 2);
    world.publish(2, again, 9);
    world.wait(300);
    for at in 0..3 {
        assert_eq!(world.shown(at, 2), [Some(9)], "at {at}");
    }
}

/// A node that hears of a user by an answer hears of its lists too (rule C13).
#[test]
pub(super) fn rule_c13_lists_come_with_an_answer() {
    let mut world = quiet(&options());
    let said = |world: &World| world.nodes[0].cluster.stats().ops_sent;
    world.weather.lost = 100;
    world.log_in(0, 2);
    world.weather.lost = 0;
    let before = said(&world);
    world.wait(250);
    assert_eq!(said(&world), before, "the answer is enough");
    for at in 0..3 {
        assert_eq!(audience(&world, at, 2), BTreeSet::from([0, 1, 3]), "at {at}");
    }
}

/// A notice of the application's reaches whoever it names at each node, and once.
#[test]
pub(super) fn a_system_notice_reaches_each_node_once() {
    let mut world = quiet(&options());
    (0..3).for_each(|at| _ = world.log_in(at, at as u32));
    world.wait(50);
    let before = world.notices;
    world.weather.repeated = 100;
    let system = Event::System { users: vec![0, 1, 2, 5], presence: 9 };
    world.give(0, system).expect("it is right");
    world.wait(300);
    assert_eq!(world.notices, before + 3);
}

/// An order that is lost and sent again spares who has come since.
#[test]
pub(super) fn an_order_that_comes_late_spares_who_came_later() {
    let mut world = quiet(&options());
    let other = world.log_in(2, 5);
    world.log_in(0, 2);
    world.wait(20);
    world.weather.lost = 100;
    world.give(2, Event::Expel { user: 2 }).expect("it is right");
    world.weather.lost = 0;
    // The first node hears of the time at the other, and then somebody comes.
    world.publish(2, other, 1);
    world.wait(4);
    let newer = world.log_in(0, 2);
    world.publish(0, newer, 9);
    world.wait(300);
    assert_eq!((world.shown(0, 2), world.shown(1, 2)), (vec![Some(9)], vec![Some(9)]));
}

/// Rule C14: a session of another node is seen, no verb takes its key, and it has no slot at which
/// it could be told anything. (Whatever is told in these tests goes to somebody who is there.)
#[test]
fn rule_c14_a_session_of_another_node_can_do_nothing_here() {
    let mut world = quiet(&options());
    world.log_in(0, 2);
    world.wait(50);
    let engine = world.nodes[1].cluster.engine();
    let session = engine.sessions(&2).next().expect("it is seen");
    assert!(session.is_remote() && !engine.is_attached(session));
    let now = world.clock(1);
    let cluster = &mut world.nodes[1].cluster;
    let refused = |given: Result<crate::Outputs<'_, u32, u32>, adsum::Error>| given.err();
    for event in [
        Event::Publish { session, presence: 1 },
        Event::Invisible { session },
        Event::Disconnect { session },
        Event::Direct { session, users: vec![1], presence: 1 },
        Event::Resume { session },
    ] {
        let given = refused(cluster.apply(now, event));
        assert_eq!(given, Some(adsum::Error::UnknownSession));
    }
}

/// What is said in a topic is heard at other nodes, and is over when its time is (rule C12).
#[test]
fn what_is_said_in_a_topic_is_heard_at_other_nodes() {
    let mut world = quiet(&options());
    let sessions = [world.log_in(0, 0), world.log_in(1, 3)];
    for (at, session) in sessions.into_iter().enumerate() {
        let join = Join::Member { presence: None, view: View::All };
        world.give(at, Event::Join { session, topic: 100, join }).expect("it is right");
        world.wait(20);
    }
    let topic = world.nodes[0].cluster.engine().topic(&100).expect("it is there").key();
    let before = world.notices;
    let [session, _] = sessions;
    let say = Event::Say { session, topic, presence: 9, for_ms: Some(100) };
    world.give(0, say).expect("it is right");
    world.wait(20);
    assert_eq!(world.notices, before + 1);
    world.wait(100);
    assert_eq!(world.notices, before + 2, "it is over");
}
