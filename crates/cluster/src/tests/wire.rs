//! Messages as they are sent.

use super::{config, name, node, options};
use crate::{Body, Message, Next};
use adsum::{DeviceKind, Event, Time};

/// What is encoded and decoded is what was said.
#[test]
fn messages_survive_the_wire() {
    let now = Time::from_millis(1_000_000);
    let (mut a, mut b) = (node(0, 1, &options(), config()), node(1, 1, &options(), config()));
    let (kind, audience) = (DeviceKind(1), vec![2, 3]);
    let connect = Event::Connect { user: 1, kind, audience, blocked: vec![4] };
    let outputs = a.apply(now, connect).expect("it is right");
    let session = outputs.session().expect("a connect gives a key");
    drop(outputs);
    let until = now.saturating_add(500);
    let publish = Event::PublishUntil { session, presence: 5, until, then: Some(6) };
    drop(a.apply(now, publish).expect("it is right"));
    drop(a.advance(now));
    let mut kinds = 0;
    while let Some(next) = a.next(now) {
        let Next::Send { message, .. } = next else { continue };
        kinds += usize::from(matches!(message.body, Body::Ops(_) | Body::Beat(_)));
        let encoded = serde_json::to_string(&message).expect("it can be encoded");
        let decoded: Message<u32, u32> = serde_json::from_str(&encoded).expect("it was encoded");
        assert_eq!(decoded, message);
        b.receive(now, name(0), decoded).expect("it is right");
    }
    assert_eq!(kinds, 2, "the changes, and a beat");
    while b.next(now).is_some() {}
    assert_eq!(b.engine().blocked(&1).collect::<Vec<_>>(), [&4]);
    assert!(serde_json::from_str::<crate::NodeId>("\"a.b\"").is_err());
}
