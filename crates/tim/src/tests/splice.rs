//! Putting a receiver into a prepared frame gives what encoding it whole gives.

use super::*;

const NODES: [&str; 12] = [
    "HMTooZ8Tk2A",
    "",
    "\"",
    "\\",
    "a\"},\"offline\":true,\"x\":{\"y\":\"",
    "line\nbreak\ttab\u{0}\u{1f}\u{7f}",
    "grüße 😄 \u{2028} \u{feff}",
    "</script>&amp;",
    "\u{10ffff}",
    "__proto__",
    "{{node}}",
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789\
     01234567890123456789012345678901234567890123456789012345678901234567890123456789",
];

fn presences() -> Vec<TimPresence> {
    let full = full_presence();
    let mut all = vec![
        TimPresence::default(),
        TimPresence { to_list: None, ..full.clone() },
        TimPresence { id: Some(9_007_199_254_740_991), ..TimPresence::default() },
        TimPresence { status: text("\"\\ </b> \u{1}"), ..TimPresence::default() },
        // Lists and maps that are there and empty: written in Thrift, left out in JSON.
        TimPresence { extend: map([]), extra: map([]), ..TimPresence::default() },
        TimPresence { offline: Some(false), show: Some(0), ..TimPresence::default() },
    ];
    // Each field alone decides where the commas stand and how far apart the ids are.
    all.push(TimPresence { from_tid: full.from_tid, ..TimPresence::default() });
    all.push(TimPresence { extra: full.extra, ..TimPresence::default() });
    all
}

#[test]
fn spliced_is_as_encoded_whole_for_the_nastiest_names() {
    for form in [Form::Json, Form::Thrift] {
        for presence in presences() {
            let prepared = presence.prepare(form);
            assert_eq!(prepared.form(), form);
            for node in NODES {
                let whole = TimPresence { to_tid: Some(Tid::of(node)), ..presence.clone() };
                let frame = prepared.for_receiver(node);
                assert_eq!(frame, whole.to_frame(form, Kind::PRESENCE), "{form:?} {node:?}");
                // And what a receiver reads is that presence.
                let read = TimPresence::decode(form, &frame[1..], &Limits::default()).unwrap();
                assert_eq!(read.to_tid, whole.to_tid);
                assert_eq!((read.show, read.status), (whole.show, whole.status));
                // The same with what the server adds for the receiver.
                let extend = map([("ended", node.to_owned()), ("\"", "\\".to_owned())]);
                let frame =
                    presence.prepare_with(form, extend.as_ref().unwrap()).for_receiver(node);
                let to_tid = Some(Tid { extend, ..Tid::of(node) });
                let whole = TimPresence { to_tid, ..presence.clone() };
                assert_eq!(frame, whole.to_frame(form, Kind::PRESENCE), "{form:?} {node:?}");
            }
        }
    }
}

#[test]
fn receivers_of_a_request_never_show() {
    let presence = TimPresence {
        to_tid: Some(Tid { resource: text("forged"), ..Tid::of("somebody") }),
        to_list: Some(vec!["somebody".to_owned(), "else".to_owned()]),
        show: Some(1),
        ..TimPresence::default()
    };
    let plain = TimPresence { show: Some(1), ..TimPresence::default() };
    for form in [Form::Json, Form::Thrift] {
        assert_eq!(presence.prepare(form), plain.prepare(form));
    }
}

#[test]
fn frames_can_share_a_buffer() {
    let prepared = full_presence().prepare(Form::Json);
    let mut buffer = b"before".to_vec();
    prepared.write_for("a", &mut buffer);
    prepared.write_for("b", &mut buffer);
    let apart = [b"before".to_vec(), prepared.for_receiver("a"), prepared.for_receiver("b")];
    assert_eq!(buffer, apart.concat());
}

#[test]
fn one_allocation_a_receiver_is_enough_for_a_plain_name() {
    let prepared = full_presence().prepare(Form::Thrift);
    let frame = prepared.for_receiver("HMTooZ8Tk2A");
    assert!(frame.capacity() < frame.len() + 8, "{} of {}", frame.len(), frame.capacity());
}
