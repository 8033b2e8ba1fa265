//! Users whose sessions belong to a life of a node that is over, and edits on their way.

use super::world::World;
use super::{config, options};
use crate::{Body, Next};
use adsum::{DeviceKind, Event, Join, Options, View};

/// Three nodes that know each other; user 2's contacts are users 0, 1 and 3.
fn world(options: &Options) -> World {
    let mut world = World::new(3, options, 5);
    world.wait(500);
    world
}

fn connect(user: u32, audience: Vec<u32>, blocked: Vec<u32>) -> Event<u32, u32> {
    Event::Connect { user, kind: DeviceKind(0), audience, blocked }
}

impl World {
    fn blocked(&self, at: usize, user: u32) -> Vec<u32> {
        let mut all: Vec<_> = self.nodes[at].cluster.engine().blocked(&user).copied().collect();
        all.sort_unstable();
        all
    }

    fn audience(&self, at: usize, user: u32) -> Vec<u32> {
        let mut all: Vec<_> = self.nodes[at].cluster.engine().audience(&user).copied().collect();
        all.sort_unstable();
        all
    }

    fn restart(&mut self, at: usize) {
        self.kill(at);
        self.start(at);
        self.pump(at).expect("nothing goes wrong");
    }
}

/// Rules 10 and C13: the wish of whoever hides outlives the node, as long as its sessions do.
#[test]
fn rule_c13_a_restart_shows_nobody_who_hides() {
    let mut world = world(&options());
    for user in [0, 1] {
        world.log_in(0, user);
    }
    let key = world.log_in(1, 2);
    world.publish(1, key, 7);
    world.does(1, Event::Invisible { session: key });
    world.wait(50);
    world.restart(1);
    world.wait(100);
    let told = world.notices;
    let again = world.log_in(1, 2);
    world.publish(1, again, 8);
    world.wait(20);
    for at in [0, 2] {
        assert!(world.nodes[at].cluster.engine().is_invisible(&2), "at {at}");
    }
    world.wait(4 * config().beat_ms);
    assert!(world.nodes[1].cluster.engine().is_invisible(&2), "it hears of that");
    assert_eq!(world.notices, told);
    // When all that there was is over, it hides on: its session does.
    world.wait(options().grace.node_loss_ms + config().suspect_ms);
    world.does(1, Event::Visible { session: again });
    world.wait(50);
    assert!(world.notices > told);
    world.agree().expect("all are the same");
}

/// Rule C13: an edit of a user who is nowhere but in the past of a node holds at all nodes.
#[test]
fn rule_c13_an_edit_in_the_grace_of_a_restart_holds_everywhere() {
    let mut world = world(&options());
    world.log_in(0, 1);
    let key = world.log_in(1, 2);
    world.publish(1, key, 7);
    world.wait(50);
    world.restart(1);
    world.wait(100);
    world.does(0, Event::Block { user: 2, other: 1 });
    world.does(0, Event::AudienceRemove { user: 2, contacts: vec![3] });
    world.wait(50);
    for at in [0, 2] {
        assert_eq!(world.blocked(at, 2), [1], "at {at}");
        assert!(!world.audience(at, 2).contains(&3), "at {at}");
    }
    // It is over with the sessions: nothing is left of the user.
    world.wait(options().grace.node_loss_ms + config().suspect_ms);
    for at in 0..3 {
        let node = &world.nodes[at].cluster;
        assert!(!node.engine().is_online(&2));
        assert!(node.desk.people.get(&2).is_none(), "at {at}: {:?}", node.desk.people.get(&2));
    }
    world.agree().expect("all are the same");
}

/// Who comes in the grace with lists of its own has these.
#[test]
fn rule_c13_a_login_after_such_an_edit_has_its_own_lists() {
    let mut world = world(&options());
    let key = world.log_in(1, 2);
    world.publish(1, key, 7);
    world.wait(50);
    world.restart(1);
    world.wait(100);
    world.does(0, Event::Block { user: 2, other: 1 });
    world.wait(50);
    world.does(2, connect(2, vec![1, 4], vec![5]));
    world.wait(4 * config().beat_ms);
    for at in 0..3 {
        assert_eq!((world.blocked(at, 2), world.audience(at, 2)), (vec![5], vec![1, 4]), "{at}");
    }
    world.agree().expect("all are the same");
}

/// Rule C13: all that is passed on to the node that knows the user is done.
#[test]
fn rule_c13_each_of_several_edits_that_are_passed_on_holds() {
    let mut world = world(&options());
    world.forget_versions();
    world.cut_between(0, 2);
    world.log_in(2, 2);
    // By way of the third node the clock of the first gets to be later.
    world.wait(2 * config().beat_ms);
    for other in [1, 4, 5] {
        world.does(0, Event::Block { user: 2, other });
    }
    world.does(0, Event::AudienceRemove { user: 2, contacts: vec![3] });
    world.does(0, Event::Unblock { user: 2, other: 4 });
    world.heal();
    world.wait(4 * config().beat_ms);
    for at in 0..3 {
        assert_eq!(world.blocked(at, 2), [1, 5], "at {at}");
        assert!(!world.audience(at, 2).contains(&3), "at {at}");
    }
    world.wait(5 * config().suspect_ms);
    assert!(world.nodes[2].cluster.desk.ordered.is_empty());
    // What the node itself was told later is newer than what was ordered before.
    world.cut_between(0, 2);
    world.does(0, Event::Block { user: 2, other: 4 });
    world.does(2, Event::Unblock { user: 2, other: 1 });
    world.heal();
    world.agree().expect("all are the same");
}

/// Rule C1: who was taken out by an order that came late is asked for when its node is back.
#[test]
fn rule_c1_who_was_taken_out_is_asked_for_when_its_node_is_back() {
    let mut world = world(&options());
    let (one, other) = (world.log_in(0, 1), world.log_in(1, 3));
    world.wait(50);
    let join = |session| {
        let join = Join::Member { presence: None, view: View::All };
        Event::Join { session, topic: 100, join }
    };
    world.does(0, join(one));
    world.does(1, join(other));
    world.wait(50);
    world.cut_between(0, 2);
    world.does(0, Event::Close { topic: 100 });
    world.wait(20);
    world.does(1, join(other));
    world.wait(20);
    world.cut_between(1, 2);
    world.wait(config().suspect_ms + config().beat_ms);
    // Only the node that has closed it is heard, and so the order, again and again.
    world.heal_between(0, 2);
    world.wait(3 * config().beat_ms);
    world.heal();
    world.wait(5 * config().beat_ms);
    let users = |world: &World, at: usize| {
        let topic = world.nodes[at].cluster.engine().topic(&100);
        topic.map(|topic| topic.users().copied().collect::<Vec<_>>())
    };
    assert_eq!([0, 1, 2].map(|at| users(&world, at)), [(); 3].map(|()| Some(vec![3])));
}

/// Rule C13: who has come and gone at another node, unheard as yet, changes no lists of a login.
#[test]
fn rule_c13_what_came_and_went_unheard_changes_no_login() {
    let mut world = world(&options());
    world.log_in(0, 1);
    world.wait(50);
    // All of it comes in its order.
    world.weather.delay_ms = 0;
    let at = 1;
    world.does(at, connect(2, vec![1, 3], vec![4]));
    let key = *world.keys(at, 2).first().expect("it has logged in");
    world.publish(at, key, 7);
    world.does(at, Event::Disconnect { session: key });
    world.hear_all(0);
    world.does(0, connect(2, vec![1], vec![5]));
    world.wait(50);
    for at in 0..3 {
        assert_eq!((world.blocked(at, 2), world.audience(at, 2)), (vec![5], vec![1]), "at {at}");
    }
    let key = *world.keys(0, 2).first().expect("it has logged in");
    world.does(0, Event::Disconnect { session: key });
    world.wait(500);
    for node in &world.nodes {
        assert!(node.cluster.desk.people.get(&2).is_none());
        assert_eq!(node.cluster.desk.parting_count(), 0);
    }
}

/// Rule C7: a node that leaves has clients yet, whom what is ordered concerns.
#[test]
fn rule_c7_a_node_that_leaves_does_what_it_is_ordered() {
    let mut world = world(&options());
    for user in 2..5 {
        world.log_in(1, user);
    }
    world.wait(50);
    let now = world.clock(1);
    world.nodes[1].cluster.leave(now);
    world.pump(1).expect("nothing goes wrong");
    world.wait(20);
    let lost = world.nodes[0].cluster.stats().orders_lost;
    world.does(0, Event::Expel { user: 2 });
    for _ in 0..100 {
        world.does(0, Event::Expel { user: 9 });
    }
    world.does(0, Event::Expel { user: 3 });
    let told = world.notices;
    world.does(0, Event::System { users: vec![4], presence: 1 });
    world.wait(50);
    assert_eq!([2, 3, 4].map(|user| world.keys(1, user).len()), [0, 0, 1]);
    assert_eq!(world.notices, told + 1, "the notice has come");
    // It says nothing more of them, and what it has is over in the end.
    world.kill(1);
    world.wait(options().grace.node_loss_ms + config().suspect_ms);
    assert_eq!(world.nodes[0].cluster.stats().orders_lost, lost);
    assert!(!world.nodes[0].cluster.engine().is_online(&4));
}

/// Rule C7: who hides at a node that leaves is hidden at all of them, where it connects next too.
#[test]
fn rule_c7_who_hides_at_a_node_that_leaves_is_hidden() {
    let mut world = world(&options());
    for user in [0, 1] {
        world.log_in(0, user);
    }
    let key = world.log_in(1, 2);
    world.publish(1, key, 7);
    world.wait(50);
    let now = world.clock(1);
    world.nodes[1].cluster.leave(now);
    world.pump(1).expect("nothing goes wrong");
    world.wait(20);
    let told = world.offline_notices;
    world.does(1, Event::Invisible { session: key });
    world.wait(20);
    assert!([0, 2].iter().all(|at| world.nodes[*at].cluster.engine().is_invisible(&2)));
    assert_eq!(world.offline_notices, told + 1, "as a logout looks, to the one who sees it");
    let told = world.notices;
    let again = world.log_in(2, 2);
    world.publish(2, again, 8);
    world.wait(4 * config().beat_ms);
    assert_eq!(world.notices, told);
    // And who says there that it is to be seen is seen.
    world.does(1, Event::Visible { session: key });
    world.wait(50);
    assert!([0, 2].iter().all(|at| !world.nodes[*at].cluster.engine().is_invisible(&2)));
    assert!(world.notices > told);
    world.kill(1);
    world.agree().expect("all are the same");
}

/// Many orders of one moment are a message for each node.
#[test]
fn orders_of_one_moment_go_out_once() {
    let mut world = world(&options());
    let now = world.clock(0);
    for user in 100..150 {
        let cluster = &mut world.nodes[0].cluster;
        drop(cluster.apply(now, Event::Block { user, other: 1 }).expect("it is right"));
    }
    let mut messages = Vec::new();
    while let Some(next) = world.nodes[0].cluster.next(now) {
        if let Next::Send { message, .. } = next
            && let Body::Orders(orders) = message.body
        {
            messages.push(orders.orders.len());
        }
    }
    assert_eq!(messages, [50, 50]);
}
