//! What comes late or again: a part of an answer, an order; and orders that cannot be carried out.

use super::world::{Weather, World};
use super::{config, options};
use crate::{Body, ClusterConfig, Message};
use adsum::{Event, Join, View};

/// Two nodes, of which the first has five users and says everything in parts of two.
fn in_parts() -> (World, Vec<adsum::SessionKey>) {
    let config = ClusterConfig { max_batch: 2, ..config() };
    let mut world = World::with_config(2, &options(), config, 3);
    world.wait(500);
    let keys = (0..5).map(|user| world.log_in(0, user)).collect();
    world.wait(200);
    (world, keys)
}

fn first_part(world: &World) -> Option<Message<u32, u32>> {
    let is_it = |message: &Message<u32, u32>| match &message.body {
        Body::Sync(sync) => sync.since == 0 && sync.start.is_some(),
        _ => false,
    };
    world.under_way(0, 1).find(|message| is_it(message)).cloned()
}

/// Rule C3: the first part of an answer that comes once more, when all of it is known, begins
/// nothing: the rest of it would not come.
#[test]
fn rule_c3_a_part_that_comes_again_begins_nothing() {
    let (mut world, keys) = in_parts();
    world.cut(1);
    world.wait(options().grace.node_loss_ms + 700);
    world.heal();
    let mut first = None;
    for _ in 0..400 {
        world.wait(1);
        first = first.or_else(|| first_part(&world));
    }
    world.arrive(0, 1, first.expect("everything is asked for"));
    world.publish(0, keys[0], 7);
    world.wait(300);
    assert_eq!(world.shown(1, 0), [Some(7)]);
    let known = world.nodes[1].cluster.known_until();
    world.weather.lost = 100;
    world.publish(0, keys[1], 8);
    world.weather.lost = 0;
    world.wait(500);
    assert_eq!(world.shown(1, 1), [Some(8)], "what was lost is asked for");
    assert!(world.nodes[1].cluster.known_until() > known);
    world.agree().expect("all are the same");
}

/// Rule C4: a checksum that is wrong heals though the node has something to say all the time, and
/// more than one message says everything.
#[test]
pub(super) fn rule_c4_a_wrong_digest_heals_while_much_happens() {
    let (mut world, keys) = in_parts();
    world.nodes[1].cluster.desk.peers.at_mut(0).sum.digest ^= 1;
    for nth in 0..200 {
        world.publish(0, keys[nth % 5], 1_000 + nth as u32);
        world.wait(5);
    }
    world.wait(300);
    let wrong = world.nodes[1].cluster.stats().wrong_digests;
    world.wait(1_000);
    let peer = world.nodes[1].cluster.desk.peers.at(0);
    assert!(peer.chain.is_none() && peer.held == peer.seq, "{peer:?}");
    assert_eq!(world.nodes[1].cluster.stats().wrong_digests, wrong, "it is right by now");
    assert_eq!(world.shown(1, 4), [Some(1_199)]);
}

/// What one node has no room for does not keep others' orders from being carried out, and whoever
/// gives it is told where that can be known.
#[test]
fn an_order_that_cannot_be_carried_out_stands_in_nobodys_way() {
    let mut world = World::new(3, &options(), 11);
    world.wait(500);
    world.log_in(2, 5);
    world.log_in(2, 2);
    world.wait(50);
    let contacts: Vec<u32> = (10..=10 + options().max_audience).collect();
    let now = world.clock(1);
    let long = Event::AudienceReplace { user: 7, contacts: contacts.clone() };
    let refused = world.nodes[1].cluster.apply(now, long).map(drop);
    assert_eq!(refused, Err(adsum::Error::AudienceLimit { limit: options().max_audience }));
    // Each fits, and both together do not.
    let (half, rest) = contacts.split_at(contacts.len() / 2);
    world.cut(1);
    for part in [half, rest] {
        let contacts = part.to_vec();
        world.give(1, Event::AudienceAdd { user: 9, contacts }).expect("it is right");
    }
    world.give(1, Event::Expel { user: 5 }).expect("it is right");
    world.heal();
    world.log_in(2, 9);
    world.wait(2_000);
    assert!(world.keys(2, 5).is_empty(), "it is expelled");
    world.agree().expect("all are the same");
}

/// Rule C1: where somebody is, its own node says. One that closes a topic late takes somebody out
/// who has come again since, and hears of that.
#[test]
pub(super) fn rule_c1_who_joins_again_before_a_late_close_stays() {
    for closes in [true, false] {
        let mut world = World::new(3, &options(), 11);
        world.wait(500);
        let (one, other) = (world.log_in(0, 1), world.log_in(2, 3));
        world.wait(50);
        let join = |session| {
            let join = Join::Member { presence: None, view: View::All };
            Event::Join { session, topic: 100, join }
        };
        world.give(2, join(other)).expect("it is right");
        world.give(0, join(one)).expect("it is right");
        world.wait(50);
        world.cut_between(0, 1);
        let order = match closes {
            true => Event::Close { topic: 100 },
            false => Event::Remove { topic: 100, user: 3 },
        };
        world.give(0, order).expect("it is right");
        world.wait(50);
        world.give(2, join(other)).expect("it is right");
        world.wait(50);
        world.heal();
        world.wait(500);
        let there = [0, 1, 2].map(|at| {
            let topic = world.nodes[at].cluster.engine().topic(&100);
            topic.map(|topic| topic.users().copied().collect::<Vec<_>>())
        });
        let expected = if closes { vec![3] } else { vec![1, 3] };
        for there in there {
            let mut there = there.expect("somebody is there");
            there.sort_unstable();
            assert_eq!(there, expected, "closes: {closes}");
        }
        world.agree().expect("all are the same");
    }
}

/// Rule C12: whoever may have been taken out by a late order is said again by its node, and nobody
/// else of that node is: one that has many would take long.
#[test]
fn rule_c12_who_joins_again_is_said_again_alone() {
    for closes in [true, false] {
        let mut world = World::new(3, &options(), 11);
        world.wait(500);
        let other = world.log_in(2, 3);
        for user in [0, 1, 2, 4] {
            world.log_in(2, user);
        }
        let join = Join::Member { presence: None, view: View::All };
        let join = Event::Join { session: other, topic: 100, join };
        world.does(2, join.clone());
        world.wait(50);
        world.cut_between(0, 1);
        let order = match closes {
            true => Event::Close { topic: 100 },
            false => Event::Remove { topic: 100, user: 3 },
        };
        world.does(0, order);
        world.wait(50);
        world.does(2, join);
        world.wait(50);
        let stats = |world: &World| [0, 1, 2].map(|at| world.nodes[at].cluster.stats());
        let before = stats(&world);
        world.heal();
        world.wait(500);
        assert!(world.nodes[1].cluster.engine().topic(&100).is_some(), "closes: {closes}");
        let after = stats(&world);
        assert_eq!([0, 1, 2].map(|at| after[at].syncs_sent - before[at].syncs_sent), [0; 3]);
        assert_eq!(after[2].ops_sent, before[2].ops_sent + 1);
        assert!(world.nodes[1].cluster.desk.unsaid.is_empty());
    }
}

/// Rule C12: who is asked to say a user again is asked until it has, and says the lists as well.
#[test]
fn rule_c12_a_node_is_asked_to_say_a_user_again_until_it_has() {
    let mut world = World::new(2, &options(), 11);
    world.wait(500);
    world.log_in(1, 5);
    world.wait(200);
    let said = |world: &World| world.nodes[1].cluster.stats().ops_sent;
    let before = said(&world);
    let desk = &mut world.nodes[0].cluster.desk;
    let life = desk.peers.at(0).life;
    desk.ask_anew(life, &5);
    desk.ask_anew(life, &5);
    world.weather.lost = 100;
    world.wait(3 * config().beat_ms);
    assert_eq!((said(&world), world.nodes[0].cluster.desk.unsaid.len()), (before, 1));
    world.weather = Weather { delay_ms: 40, ..Weather::FINE };
    let mut lists = 0;
    for _ in 0..4 * config().beat_ms {
        world.wait(1);
        lists += world.under_way(1, 0).filter(|message| has_lists(message)).count();
    }
    assert!(lists > 0);
    assert_eq!((said(&world), world.nodes[0].cluster.desk.unsaid.len()), (before + 1, 0));
}

fn has_lists(message: &Message<u32, u32>) -> bool {
    matches!(&message.body, Body::Ops(ops) if ops.iter().all(|op| op.state.lists.is_some()))
}

/// Rule C12: to take somebody out of a topic, again and again, who is in it at one node and is at
/// another too, keeps nobody from being heard.
#[test]
fn rule_c12_to_take_out_whoever_is_elsewhere_too_holds_up_no_node() {
    let config = ClusterConfig { max_batch: 1, ..config() };
    let mut world = World::with_config(2, &options(), config, 7);
    world.weather.delay_ms = 40;
    let here = world.log_in(0, 0);
    let join = Join::Member { presence: None, view: View::All };
    world.does(0, Event::Join { session: here, topic: 100, join });
    let keys: Vec<_> = (1..6).map(|user| world.log_in(1, user)).collect();
    world.wait(1_000);
    let times = |world: &World| world.nodes[0].cluster.desk.peers.at(0).epoch;
    let (mut stale, before) = (0, times(&world));
    for round in 0..40 {
        world.does(0, Event::Remove { topic: 100, user: 2 });
        world.publish(1, keys[4], round);
        world.wait(50);
        stale += usize::from(world.shown(0, 5) != [Some(round)]);
        world.wait(50);
    }
    // Two messages may change places on the way, and what is missing is asked for then.
    assert!(stale < 10, "{stale} of 40");
    assert_eq!(times(&world), before, "everything is asked for");
}

/// Rule C6: who is expelled is so as far as it was there. An order that comes late spares whoever
/// came after it, though the node that had it is in another life by then.
#[test]
fn rule_c6_a_late_order_to_expel_spares_a_later_session_of_a_life_that_is_over() {
    let mut world = World::new(3, &options(), 11);
    world.wait(options().grace.node_loss_ms + 500);
    world.log_in(2, 1);
    world.wait(100);
    world.cut_between(0, 2);
    world.give(0, Event::Expel { user: 2 }).expect("it is right");
    world.wait(100);
    let later = world.log_in(1, 2);
    world.publish(1, later, 5);
    world.wait(50);
    world.kill(1);
    world.start(1);
    world.wait(150);
    let before = world.offline_notices;
    world.heal();
    world.wait(150);
    assert_eq!([0, 2].map(|at| world.shown(at, 2)), [[Some(5)]; 2]);
    assert_eq!(world.offline_notices, before);
    // And one that is given now is for it.
    world.give(0, Event::Expel { user: 2 }).expect("it is right");
    world.wait(150);
    assert_eq!([0, 2].map(|at| world.shown(at, 2).len()), [0; 2]);
}

/// Promise 2: a notice of the application's does not wait for a node that is not heard.
#[test]
fn rule_c12_a_notice_does_not_wait_for_a_node_that_is_suspected() {
    for is_suspected in [true, false] {
        let mut world = World::new(3, &options(), 11);
        world.wait(500);
        world.log_in(1, 2);
        world.wait(100);
        world.cut(1);
        let notice = Event::System { users: vec![2], presence: 99 };
        let give = |world: &mut World| world.give(0, notice.clone()).expect("it is right");
        if !is_suspected {
            give(&mut world);
        }
        world.wait(config().suspect_ms + 200);
        if is_suspected {
            give(&mut world);
        }
        world.wait(100);
        let before = world.notices;
        world.heal();
        world.wait(500);
        assert_eq!(world.notices, before, "suspected before: {is_suspected}");
        assert!(world.nodes[0].cluster.stats().orders_lost > 0);
        // What is given from then on comes.
        give(&mut world);
        world.wait(100);
        assert_eq!(world.notices, before + 1);
    }
}

/// Rule C5: what a node has said is over with the grace of what it had, done or not.
#[test]
fn rule_c5_what_was_heard_before_the_grace_was_over_is_not_done_after_it() {
    let mut world = World::new(2, &options(), 11);
    world.wait(500);
    world.log_in(1, 5);
    let message = world.under_way(1, 0).next().expect("it says who is there").clone();
    world.cut(1);
    world.clear();
    world.wait(config().suspect_ms + 300);
    let ends = world.nodes[0].cluster.desk.peers.at(0).ends.expect("it is lost");
    let before = adsum::Time::from_millis(ends.as_millis() - 1);
    world.nodes[0].cluster.receive(before, super::name(1), message).expect("it is right");
    drop(world.nodes[0].cluster.advance(ends));
    while world.nodes[0].cluster.next(ends).is_some() {}
    assert!(!world.nodes[0].cluster.engine().is_online(&5));
    assert_eq!(world.nodes[0].cluster.engine().counts().remote, 0);
}

/// Rule C16: who comes and goes before anything is said of it leaves nothing behind.
#[test]
fn rule_c16_who_comes_and_goes_at_once_leaves_nothing() {
    let mut world = World::new(2, &options(), 11);
    world.wait(500);
    let now = world.clock(0);
    let cluster = &mut world.nodes[0].cluster;
    for user in 10..20 {
        let (kind, audience, blocked) = (adsum::DeviceKind(0), vec![1], Vec::new());
        drop(cluster.apply(now, Event::Connect { user, kind, audience, blocked }).expect("room"));
        let session = cluster.engine().sessions(&user).next().expect("it is there");
        drop(cluster.apply(now, Event::Disconnect { session }).expect("it is right"));
    }
    while cluster.next(now).is_some() {}
    assert_eq!((cluster.desk.people.all.len(), cluster.desk.parting_count()), (0, 0));
}

/// Rule 8: whoever is removed from an audience watches the user no longer, at whichever node,
/// though no list has ever had it.
#[test]
fn rule_c13_whoever_is_removed_watches_at_no_node() {
    let mut world = World::new(3, &options(), 11);
    world.wait(500);
    let phone = world.log_in(0, 2);
    let watchers = [(0, world.log_in(0, 5)), (1, world.log_in(1, 5))];
    world.wait(50);
    for (at, session) in watchers {
        world.give(at, Event::Watch { session, users: vec![2] }).expect("it is right");
    }
    world.publish(0, phone, 7);
    world.wait(50);
    let sees = |world: &World| {
        watchers.map(|(at, session)| world.nodes[at].cluster.engine().session_sees(session, &2))
    };
    assert_eq!(sees(&world), [true; 2]);
    world.give(0, Event::AudienceRemove { user: 2, contacts: vec![5, 4] }).expect("it is right");
    world.wait(100);
    assert_eq!(sees(&world), [false; 2]);
    let before = world.notices;
    world.publish(0, phone, 8);
    world.wait(100);
    // Its contacts are at no node here.
    assert_eq!(world.notices, before);
    world.agree().expect("all are the same");
}
