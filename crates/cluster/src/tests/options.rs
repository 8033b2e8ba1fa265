//! Options of single topics, which hold at all nodes (rule C12).

use super::world::World;
use super::{config, options};
use crate::ClusterConfig;
use adsum::{Event, Join, SessionKey, TopicOptions, View};

const TOPIC: u32 = 100;

fn join(session: SessionKey, topic: u32) -> Event<u32, u32> {
    let join = Join::Member { presence: None, view: View::All };
    Event::Join { session, topic, join }
}

fn with_sample(topic: u32, sample: u16) -> Event<u32, u32> {
    Event::TopicOptions { topic, options: TopicOptions { sample, ..options().topics } }
}

impl World {
    fn sample_of(&self, at: usize, topic: u32) -> Option<u16> {
        let topic = self.nodes[at].cluster.engine().topic(&topic);
        topic.map(|topic| topic.options().sample)
    }

    fn samples(&self) -> Vec<Option<u16>> {
        (0..self.nodes.len()).map(|at| self.sample_of(at, TOPIC)).collect()
    }
}

/// Three nodes with a user each, of which the first is in a topic.
fn world(config: ClusterConfig) -> (World, [SessionKey; 3]) {
    let mut world = World::with_config(3, &options(), config, 7);
    world.wait(500);
    let keys = [0, 1, 2].map(|at| world.log_in(at, at as u32));
    world.does(0, join(keys[0], TOPIC));
    world.wait(50);
    (world, keys)
}

#[test]
fn rule_c12_a_node_that_starts_later_has_the_options_too() {
    let (mut world, _) = world(config());
    world.does(0, with_sample(TOPIC, 3));
    world.wait(50);
    assert_eq!(world.samples(), [Some(3); 3]);
    world.kill(2);
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    world.start(2);
    world.wait(config().join_ms);
    assert_eq!(world.samples(), [Some(3); 3], "as soon as clients may connect");
    world.agree().expect("all are the same");
}

/// Options come before who is in the topic is known.
#[test]
fn rule_c12_options_wait_for_a_topic_that_is_not_open_yet() {
    let (mut world, keys) = world(config());
    world.cut_between(1, 2);
    world.does(1, join(keys[1], 101));
    world.wait(20);
    assert_eq!([0, 2].map(|at| world.sample_of(at, 101)), [Some(options().topics.sample), None]);
    // Whoever knows of it gives them to those who do not.
    world.does(0, with_sample(101, 5));
    world.wait(20);
    world.heal();
    world.wait(2 * config().beat_ms + 20);
    assert_eq!([0, 1, 2].map(|at| world.sample_of(at, 101)), [Some(5); 3]);
}

/// Of two that are given at once the same holds at all nodes, in a split too.
#[test]
fn rule_c12_the_newest_options_hold_at_all_nodes() {
    let (mut world, keys) = world(config());
    world.cut(2);
    world.does(2, join(keys[2], TOPIC));
    for (at, sample) in [(2, 9), (2, 8), (0, 7), (1, 6)] {
        world.does(at, with_sample(TOPIC, sample));
    }
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    assert_ne!(world.sample_of(0, TOPIC), world.sample_of(2, TOPIC));
    world.heal();
    world.wait(5 * config().beat_ms + 20);
    let one = world.sample_of(0, TOPIC);
    assert_eq!(world.samples(), [one; 3], "though what was ordered is lost");
    assert_eq!(one, Some(6));
    // Whoever was told something older does not go back to it.
    world.does(2, with_sample(TOPIC, 4));
    world.wait(500);
    assert_eq!(world.samples(), [Some(4); 3]);
}

/// One node hears that the last has left before it hears that another has come.
#[test]
fn rule_c12_options_outlive_a_moment_in_which_a_node_sees_nobody() {
    let (mut world, keys) = world(config());
    world.does(0, with_sample(TOPIC, 3));
    world.wait(50);
    world.cut_between(1, 2);
    world.does(1, join(keys[1], TOPIC));
    world.wait(20);
    let topic = world.nodes[0].cluster.engine().topic(&TOPIC).expect("it is open").key();
    world.does(0, Event::Leave { session: keys[0], topic });
    world.wait(20);
    assert_eq!(world.samples(), [Some(3), Some(3), None]);
    world.heal();
    world.wait(2 * config().beat_ms + 20);
    assert_eq!(world.samples(), [Some(3); 3]);
}

/// Rule T13: nothing is left of a topic in the end.
#[test]
fn rule_c12_options_of_a_topic_that_nobody_is_in_are_forgotten() {
    let (mut world, keys) = world(ClusterConfig { max_gone: 4, ..config() });
    for topic in 101..121 {
        world.does(0, join(keys[0], topic));
        world.does(0, with_sample(topic, 3));
        let key = world.nodes[0].cluster.engine().topic(&topic).expect("it is open").key();
        world.does(0, Event::Leave { session: keys[0], topic: key });
        world.wait(5);
        for node in &world.nodes {
            let kept = node.cluster.desk.topics.len();
            // With each that was left, one leaving that counts no more may be remembered.
            assert!(kept <= 3 * 4 + 1, "{kept}: max_gone thrice, and one that may be open");
        }
    }
    world.does(0, with_sample(TOPIC, 3));
    world.wait(config().suspect_ms + 2 * config().beat_ms);
    for node in &world.nodes {
        assert_eq!(node.cluster.desk.topics.len(), 1, "what somebody is in");
    }
    let key = world.nodes[0].cluster.engine().topic(&TOPIC).expect("it is open").key();
    world.does(0, Event::Leave { session: keys[0], topic: key });
    world.wait(config().suspect_ms + 2 * config().beat_ms);
    for node in &world.nodes {
        assert_eq!((node.cluster.desk.topics.len(), node.cluster.desk.topics.digest), (0, 0));
    }
    world.does(0, join(keys[0], TOPIC));
    world.wait(50);
    assert_eq!(world.samples(), [Some(options().topics.sample); 3]);
}

/// There is no room for all of them among the orders, and all of them come.
#[test]
fn rule_c12_many_options_come_one_after_the_other() {
    let config = ClusterConfig { max_orders: 3, ..config() };
    let (mut world, keys) = world(config.clone());
    for topic in 101..111 {
        world.does(0, join(keys[0], topic));
        world.does(0, with_sample(topic, (topic - 90) as u16));
        world.wait(10);
    }
    world.kill(2);
    world.start(2);
    world.wait(12 * config.beat_ms);
    for topic in 101..111 {
        assert_eq!(world.sample_of(2, topic), Some((topic - 90) as u16));
    }
    world.agree().expect("all are the same");
    let before: Vec<_> = world.nodes.iter().map(|one| one.cluster.stats().orders_lost).collect();
    world.wait(10 * config.beat_ms);
    let after: Vec<_> = world.nodes.iter().map(|one| one.cluster.stats().orders_lost).collect();
    assert_eq!(before, after);
}

/// Options by which blocks hide wait until no more are in a topic than they allow.
#[test]
fn rule_c12_options_that_do_not_fit_hold_when_they_do() {
    let (mut world, keys) = world(config());
    world.cut_between(1, 2);
    world.does(1, join(keys[1], TOPIC));
    world.wait(20);
    world.cut_between(0, 1);
    world.does(2, join(keys[2], TOPIC));
    let own = world.nodes[0].cluster.engine().topic(&TOPIC).expect("it is open").key();
    world.does(0, Event::Leave { session: keys[0], topic: own });
    world.wait(20);
    // Node 2 sees its own alone, and node 0 the user of node 1 as well.
    let blocks = adsum::TopicBlocks::Hidden;
    let options = TopicOptions { full_up_to: 1, sample: 2, blocks, ..options().topics };
    world.does(2, Event::TopicOptions { topic: TOPIC, options });
    world.wait(20);
    assert_eq!([0, 2].map(|at| world.sample_of(at, TOPIC)), [Some(20), Some(2)]);
    let own = world.nodes[1].cluster.engine().topic(&TOPIC).expect("it is open").key();
    world.does(1, Event::Leave { session: keys[1], topic: own });
    world.heal();
    world.wait(3 * config().beat_ms + 20);
    assert_eq!(world.samples(), [Some(2); 3]);
}

/// A topic that comes and goes is one of those that were left, and no more.
#[test]
fn rule_c12_a_topic_that_comes_and_goes_leaves_room_for_others() {
    let (mut world, keys) = world(ClusterConfig { max_gone: 3, ..config() });
    let leave = |world: &mut World, name: u32| {
        let topic = world.nodes[0].cluster.engine().topic(&name).expect("it is open").key();
        world.does(0, Event::Leave { session: keys[0], topic });
    };
    world.does(0, with_sample(TOPIC, 3));
    leave(&mut world, TOPIC);
    for _ in 0..30 {
        world.does(0, join(keys[0], 101));
        world.does(0, with_sample(101, 4));
        leave(&mut world, 101);
    }
    world.does(0, join(keys[0], TOPIC));
    world.wait(50);
    assert_eq!(world.sample_of(0, TOPIC), Some(3));
    assert!(world.nodes[0].cluster.desk.topics.len() < 8, "what is over is not kept");
}
