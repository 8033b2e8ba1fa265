//! Topics: each verb is the engine's of the same name, and what it decides arrives as frames.

use adsum::host::{Application, Connection, ConnectionId, Host};
use adsum::{
    Changes, Config, Connect, Error, Join, Notice, Options, Rate, Snapshot, Time, TopicBlocks,
    TopicChange, TopicKey, TopicOptions, TopicSnapshot, View,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::sync_channel;

const NOW: Time = Time::from_millis(1_000);

/// Says in words what it is asked to say, and keeps what it notes.
#[derive(Default)]
struct Words {
    noted: Vec<String>,
}

impl Application<&'static str, u32> for Words {
    type Frame = String;

    fn notice(&mut self, notice: &Notice<'_, &'static str, u32>) -> Option<String> {
        Some(match *notice {
            Notice::Joined { topic, user, presence, .. } => {
                format!("{user} joined {topic}: {presence:?}")
            }
            Notice::Member { topic, user, presence, .. } => {
                format!("{user} in {topic}: {presence:?}")
            }
            Notice::Left { topic, user, reason, .. } => format!("{user} left {topic}: {reason:?}"),
            Notice::TopicClosed { topic, reason, .. } => format!("{topic} closed: {reason:?}"),
            Notice::Said { topic, user, presence, .. } => {
                format!("{user} said in {topic}: {presence}")
            }
            ref other => panic!("nothing else was expected: {other:?}"),
        })
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, &'static str, u32>) -> Option<String> {
        assert!(snapshot.is_empty(), "nobody is anybody's contact");
        None
    }

    fn topic(&mut self, snapshot: &TopicSnapshot<'_, &'static str, u32>) -> Option<String> {
        let users: Vec<_> = snapshot.entries().map(|entry| *entry.user).collect();
        Some(format!("{} is {users:?} of {}", snapshot.topic(), snapshot.counts().users))
    }

    fn topic_changes(&mut self, changes: &Changes<'_, &'static str, u32>) -> Option<String> {
        let changes: Vec<_> = changes
            .iter()
            .map(|change| match change {
                TopicChange::Member { user, presence, .. } => format!("{user} {presence:?}"),
                other => format!("{other:?}"),
            })
            .collect();
        Some(changes.join(", "))
    }

    fn topic_occupied(&mut self, topic: &&'static str, _: TopicKey) {
        self.noted.push(format!("{topic} is occupied"));
    }

    fn topic_vacated(&mut self, topic: &&'static str, _: TopicKey) {
        self.noted.push(format!("{topic} is vacant"));
    }
}

#[derive(Clone, Default)]
struct Frames(Rc<RefCell<Vec<String>>>);

impl Connection<String> for Frames {
    fn send(&mut self, frame: String) -> Result<(), String> {
        self.0.borrow_mut().push(frame);
        Ok(())
    }
}

impl Frames {
    fn read(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

type House = Host<&'static str, u32, Words, Frames>;

fn connect(host: &mut House, user: &'static str) -> (ConnectionId, Frames) {
    let frames = Frames::default();
    let connect = Connect::new(user).audience(vec![]).blocked(vec![]);
    let id = host.connect(NOW, connect, frames.clone()).expect("there is room");
    (id, frames)
}

/// Ann and Bob in a topic, of which they have heard everything so far.
fn ann_and_bob(
    options: Options,
) -> (House, (ConnectionId, Frames), (ConnectionId, Frames), TopicKey) {
    let config = Config::new(options).expect("the options are in range");
    let mut host = Host::new(config, Words::default());
    let [ann, bob] = ["ann", "bob"].map(|user| connect(&mut host, user));
    let member = Join::Member { presence: None, view: View::All };
    let topic = host.join(NOW, ann.0, "room", member).expect("there is room");
    assert_eq!(ann.1.read(), [r#"room is ["ann"] of 1"#]);
    assert_eq!(host.join(NOW, bob.0, "room", member), Ok(topic));
    assert_eq!(ann.1.read(), ["bob joined room: None"]);
    assert_eq!(bob.1.read(), [r#"room is ["ann", "bob"] of 2"#]);
    (host, ann, bob, topic)
}

#[test]
fn what_is_shown_and_said_in_a_topic_arrives() {
    let rate = Some(Rate { burst: 1, interval_ms: 500 });
    let options = Options { topic_rate: rate, ..Options::default() };
    let (mut host, ann, bob, topic) = ann_and_bob(options);
    assert_eq!(host.update(NOW, ann.0, topic, 7), Ok(None));
    assert_eq!(bob.1.read(), ["ann in room: Some(7)"]);
    let later = NOW.saturating_add(500);
    assert_eq!(host.update(NOW, ann.0, topic, 8), Ok(Some(later)), "it waits for a token");
    assert_eq!(bob.1.read(), [""; 0]);
    host.advance(later);
    assert_eq!(bob.1.read(), ["ann in room: Some(8)"]);
    assert_eq!(host.say(later, bob.0, topic, 9, None), Ok(()));
    assert_eq!(ann.1.read().last().map(String::as_str), Some("bob said in room: 9"));
}

#[test]
fn whoever_leaves_is_told_of_and_hears_no_more() {
    let (mut host, ann, bob, topic) = ann_and_bob(Options::default());
    assert_eq!(host.leave(NOW, bob.0, topic), Ok(()));
    assert_eq!(ann.1.read(), ["bob left room: Left"]);
    assert_eq!(host.update(NOW, bob.0, topic, 1), Err(Error::UnknownTopic));
    host.remove(NOW, &"room", &"ann");
    assert_eq!(ann.1.read(), ["room closed: Removed"]);
    assert_eq!(host.application().noted, ["room is occupied", "room is vacant"]);
    assert_eq!(bob.1.read(), [""; 0]);
}

#[test]
fn a_topic_is_closed_to_all() {
    let (mut host, ann, bob, _) = ann_and_bob(Options::default());
    host.close(NOW, &"room");
    for (_, frames) in [ann, bob] {
        assert!(frames.read().concat().starts_with("room closed: "));
    }
    assert!(host.engine().topic("room").is_none());
}

#[test]
fn a_view_is_changed() {
    let (mut host, ann, bob, topic) = ann_and_bob(Options::default());
    assert_eq!(host.look(NOW, ann.0, topic, View::Nothing), Ok(()));
    host.update(NOW, bob.0, topic, 1).expect("bob is a member");
    assert_eq!(ann.1.read(), [""; 0]);
    // Named, a member is shown all the same.
    assert_eq!(host.look_at(NOW, ann.0, topic, ["bob"]), Ok(()));
    assert_eq!(ann.1.read(), [r#"room is ["bob"] of 2"#]);
}

#[test]
fn a_topic_has_options_of_its_own_and_tells_in_ticks() {
    let (mut host, ann, bob, topic) = ann_and_bob(Options::default());
    let slow = TopicOptions { coalesce_ms: 100, ..TopicOptions::default() };
    assert_eq!(host.topic_options(NOW, &"room", slow), Ok(()));
    assert_eq!(host.engine().topic("room").map(|room| room.options()), Some(slow));
    assert_eq!(ann.1.read(), [r#"room is ["ann", "bob"] of 2"#]);
    host.update(NOW, bob.0, topic, 1).expect("bob is a member");
    assert_eq!(ann.1.read(), [""; 0]);
    host.advance(host.deadline().expect("a tick is due"));
    assert_eq!(ann.1.read(), ["bob Some(1)"]);
    let hidden = TopicOptions { blocks: TopicBlocks::Hidden, ..slow };
    let refused = host.topic_options(NOW, &"room", hidden);
    assert!(refused.is_err(), "an occupied topic keeps to its way with blocks");
}

/// A session that comes back is told of all its topics, however short its queue is: what is dropped
/// there would be made good by telling it everything, for ever.
#[test]
fn a_short_queue_keeps_nobody_from_hearing_of_its_topics() {
    const TOPICS: [&str; 4] = ["attic", "bar", "cellar", "den"];
    let mut host = Host::new(Config::default(), Words::default()).outbox_limit(1);
    let newcomer = || Connect::new("ann").audience(vec![]).blocked(vec![]);
    let (to_ann, reads) = sync_channel(1);
    let mut ann = host.connect(NOW, newcomer(), to_ann).expect("there is room");
    for topic in TOPICS {
        let member = Join::Member { presence: None, view: View::All };
        host.join(NOW, ann, topic, member).expect("there is room");
        while reads.try_recv().is_ok() {
            host.flush(NOW, ann);
        }
    }
    let (to_ann, reads) = sync_channel(1);
    ann = host.resume(NOW, ann, to_ann).expect("it is there");
    let mut heard = Vec::new();
    while let Ok(frame) = reads.try_recv() {
        heard.push(frame);
        assert!(heard.len() < 100, "it is told for ever: {heard:?}");
        host.flush(NOW, ann);
    }
    assert_eq!(heard, TOPICS.map(|topic| format!(r#"{topic} is ["ann"] of 1"#)));
}

/// Nor one that was slow in all of them.
#[test]
fn a_short_queue_keeps_nobody_from_catching_up_on_topics() {
    const TOPICS: [&str; 4] = ["attic", "bar", "cellar", "den"];
    let mut host = Host::new(Config::default(), Words::default()).outbox_limit(1);
    let newcomer = |name| Connect::new(name).audience(vec![]).blocked(vec![]);
    let (to_ann, reads) = sync_channel(1);
    let (to_bob, _heard) = sync_channel(100);
    let ann = host.connect(NOW, newcomer("ann"), to_ann).expect("there is room");
    let bob = host.connect(NOW, newcomer("bob"), to_bob).expect("there is room");
    let mut keys = Vec::new();
    for topic in TOPICS {
        let member = |view| Join::Member { presence: None, view };
        keys.push(host.join(NOW, bob, topic, member(View::Nothing)).expect("there is room"));
        host.join(NOW, ann, topic, member(View::All)).expect("there is room");
        while reads.try_recv().is_ok() {
            host.flush(NOW, ann);
        }
    }
    // One is in the queue, one waits, and the rest she is too slow for.
    for key in [keys[0]].into_iter().chain(keys) {
        host.update(NOW, bob, key, 1).expect("he is a member");
    }
    let mut heard = Vec::new();
    while let Ok(frame) = reads.try_recv() {
        heard.push(frame);
        assert!(heard.len() < 100, "it is told for ever: {heard:?}");
        host.flush(NOW, ann);
    }
    let caught_up = heard.split_off(2);
    assert_eq!(caught_up.len(), 3, "{heard:?} {caught_up:?}");
}
