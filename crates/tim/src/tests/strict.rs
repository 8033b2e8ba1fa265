//! Frames that must be refused as a whole, and say why without being quoted.

use super::*;

fn fault(bytes: &[u8]) -> (Fault, Option<&'static str>) {
    match inbound(bytes) {
        Err(error) => (error.fault(), error.field()),
        Ok(read) => panic!("read as {read:?}"),
    }
}

fn json_fault(body: &str) -> (Fault, Option<&'static str>) {
    fault(&json(Kind::PRESENCE, body))
}

fn thrift_fault(body: &str) -> (Fault, Option<&'static str>) {
    fault(&thrift(Kind::PRESENCE, body))
}

#[test]
fn nothing_at_all() {
    assert_eq!(fault(&[]), (Fault::Empty, None));
    assert_eq!(fault(&[0x90]), (Fault::Truncated, None));
    assert_eq!(fault(&[0x10]), (Fault::Truncated, None));
    // A type without a body is either whole, or ends too early; either can be answered.
    for first in 0..=255u8 {
        match inbound(&[first]) {
            Ok(Inbound::Ping | Inbound::OfflineMessages | Inbound::Other(_)) => {}
            other => assert_eq!(other.unwrap_err().fault(), Fault::Truncated, "{first}"),
        }
    }
    assert_eq!(ServerFrame::split(&[]).unwrap_err().fault(), Fault::Empty);
    assert_eq!(ServerFrame::split(&[0xda, 0, 0, 0]).unwrap_err().fault(), Fault::Truncated);
}

/// tim delivered these with `offline` as the client had set it.
#[test]
fn b3_an_offline_mark_does_not_survive_a_broken_frame() {
    let cases = [
        (r#"{"offline":true,"toTid":{"node":"victim"},"show":70000}"#, Fault::OutOfRange, "show"),
        (r#"{"offline":true,"toTid":{"node":"victim"},"status":5}"#, Fault::WrongType, "status"),
    ];
    for (body, wrong, field) in cases {
        for kind in [Kind::PRESENCE, Kind::BROAD_PRESENCE] {
            assert_eq!(fault(&json(kind, body)), (wrong, Some(field)));
        }
    }
    // The Thrift frame without its stop byte.
    assert_eq!(thrift_fault("213c180676696374696d00"), (Fault::Truncated, None));
    assert!(inbound(&thrift(Kind::PRESENCE, "213c180676696374696d0000")).is_ok());
}

#[test]
fn json_that_is_none() {
    assert_eq!(json_fault(""), (Fault::Truncated, None));
    assert_eq!(json_fault("{"), (Fault::Truncated, None));
    assert_eq!(json_fault(r#"{"status":"abc"#), (Fault::Truncated, Some("status")));
    assert_eq!(json_fault("}"), (Fault::Syntax, None));
    assert_eq!(json_fault(r#"{"show":1,}"#), (Fault::Syntax, None));
    assert_eq!(json_fault(r#"{"show":01}"#).0, Fault::Syntax);
    assert_eq!(json_fault("null"), (Fault::WrongType, None));
    assert_eq!(json_fault("[]"), (Fault::WrongType, None));
    assert_eq!(json_fault("3"), (Fault::WrongType, None));
    assert_eq!(json_fault("{}{}"), (Fault::Trailing, None));
    assert_eq!(json_fault("{} x"), (Fault::Trailing, None));
    assert_eq!(fault(&[0xdb, b'{', b'"', 0xff, b'"', b':', b'1', b'}']), (Fault::NotUtf8, None));
    assert_eq!(json_fault(r#"{"status":"\ud83d"}"#), (Fault::Syntax, Some("status")));
}

#[test]
fn numbers_that_do_not_fit() {
    let cases = [
        (r#"{"show":32768}"#, Fault::OutOfRange),
        (r#"{"show":-32769}"#, Fault::OutOfRange),
        (r#"{"show":1.5}"#, Fault::WrongType),
        (r#"{"show":1e3}"#, Fault::WrongType),
        (r#"{"show":"1"}"#, Fault::WrongType),
        (r#"{"show":true}"#, Fault::WrongType),
        (r#"{"show":[1]}"#, Fault::WrongType),
    ];
    for (body, wrong) in cases {
        assert_eq!(json_fault(body), (wrong, Some("show")), "{body}");
    }
    assert_eq!(json_fault(r#"{"subStatus":128}"#), (Fault::OutOfRange, Some("subStatus")));
    assert_eq!(json_fault(r#"{"id":9223372036854775808}"#), (Fault::OutOfRange, Some("id")));
    for (body, show) in [(r#"{"show":32767}"#, 32_767), (r#"{"show":-32768}"#, -32_768)] {
        let Ok(Inbound::Presence(presence)) = inbound(&json(Kind::PRESENCE, body)) else {
            panic!("{body}")
        };
        assert_eq!(presence.show, Some(show));
    }
    // Thrift: 70,000 zigzagged in the field of `show`; the library alone would cut it to 4,464.
    assert_eq!(thrift_fault("74e0c50800"), (Fault::OutOfRange, Some("show")));
    // A number of more than ten bytes, and an i32 that is none.
    assert_eq!(thrift_fault("16ffffffffffffffffffffff0100"), (Fault::Syntax, Some("id")));
    let req = thrift(Kind::BUSINESS, "1580808080100000");
    assert_eq!(fault(&req).0, Fault::OutOfRange);
}

#[test]
fn other_types_than_the_fields() {
    let cases = [
        (r#"{"offline":1}"#, "offline"),
        (r#"{"toList":"a"}"#, "toList"),
        (r#"{"toList":[1]}"#, "toList"),
        (r#"{"toTid":"a"}"#, "toTid"),
        (r#"{"toTid":{"node":1}}"#, "node"),
        (r#"{"extend":[]}"#, "extend"),
        (r#"{"extend":{"k":1}}"#, "extend"),
        (r#"{"extra":{"k":"not base64"}}"#, "extra"),
        (r#"{"extra":{"k":"AQI"}}"#, "extra"),
    ];
    for (body, field) in cases {
        assert_eq!(json_fault(body), (Fault::WrongType, Some(field)), "{body}");
    }
    // Thrift: a string for `id`, a list of numbers for `toList`, numbers for texts in `extend`.
    assert_eq!(thrift_fault("18016100"), (Fault::WrongType, Some("id")));
    assert_eq!(thrift_fault("6915020400"), (Fault::WrongType, Some("toList")));
    assert_eq!(thrift_fault("9b01850161020000"), (Fault::WrongType, Some("extend")));
    // Types that no encoder writes, and text that is no text.
    assert_eq!(thrift_fault("1e"), (Fault::Syntax, None));
    assert_eq!(thrift_fault("8801ff00"), (Fault::NotUtf8, Some("status")));
}

#[test]
fn fields_that_are_missing_or_there_twice() {
    assert_eq!(json_fault(r#"{"toTid":{}}"#), (Fault::Missing, Some("node")));
    assert_eq!(json_fault(r#"{"toTid":{"node":null}}"#), (Fault::Missing, Some("node")));
    assert_eq!(json_fault(r#"{"show":1,"SHOW":2}"#), (Fault::Duplicate, Some("show")));
    assert_eq!(thrift_fault("5c0000"), (Fault::Missing, Some("node")));
    // `show` by its distance, then once more by its number.
    assert_eq!(thrift_fault("7402040e0400"), (Fault::Duplicate, Some("show")));
}

#[test]
fn receipts_are_four_bytes() {
    assert_eq!(fault(&[0x8c, 0, 0, 0]), (Fault::Truncated, None));
    assert_eq!(fault(&[0x0c, 0, 0, 0, 1, 0]), (Fault::Trailing, None));
}

#[test]
fn every_cut_of_a_good_frame_is_refused_and_every_addition_too() {
    for form in [Form::Json, Form::Thrift] {
        let whole = full_presence().to_request(form, Kind::PRESENCE);
        assert!(inbound(&whole).is_ok());
        for end in 1..whole.len() {
            assert!(inbound(&whole[..end]).is_err(), "{form:?} cut to {end}");
        }
        // Zeros after a struct are the unused rest of a buffer.
        let zero = if form == Form::Thrift { None } else { Some(0) };
        for extra in [1, b'}', b'{', 0xff].into_iter().chain(zero) {
            for zeros in 0..3 {
                let longer = [&whole[..], &vec![0; zeros], &[extra]].concat();
                assert!(inbound(&longer).is_err(), "{form:?}, {zeros} zeros and {extra}");
            }
        }
    }
}

#[test]
fn zeros_after_a_struct_change_nothing() {
    let whole = full_presence().to_request(Form::Thrift, Kind::PRESENCE);
    for zeros in 1..=2 * whole.len() {
        let padded = [&whole[..], &vec![0; zeros]].concat();
        assert_eq!(inbound(&padded), inbound(&whole), "{zeros} zeros");
    }
}

#[test]
fn every_changed_byte_is_refused_or_read_as_something_that_can_be_said_again() {
    let (mut read, mut refused) = (0, 0);
    for form in [Form::Json, Form::Thrift] {
        let whole = full_presence().to_request(form, Kind::PRESENCE);
        for at in 1..whole.len() {
            for value in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = value;
                let Ok(Inbound::Presence(presence)) = inbound(&changed) else {
                    refused += 1;
                    continue;
                };
                read += 1;
                let again = presence.to_request(form, Kind::PRESENCE);
                assert_eq!(inbound(&again), Ok(Inbound::Presence(presence)), "{changed:x?}");
            }
        }
    }
    assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
}

#[test]
fn a_hundred_thousand_deep() {
    let deep = |open: &str, close: &str| {
        format!(r#"{{"unknown":{}{}}}"#, open.repeat(100_000), close.repeat(100_000))
    };
    assert_eq!(json_fault(&deep("[", "]")), (Fault::TooDeep, None));
    assert_eq!(
        json_fault(&format!(r#"{{"unknown":{}"#, "[".repeat(100_000))),
        (Fault::TooDeep, None)
    );
    assert_eq!(json_fault(&deep(r#"{"toTid":"#, "}")), (Fault::TooDeep, None));
    assert_eq!(json_fault(&r#"{"toTid":"#.repeat(100_000)).0, Fault::TooDeep);
    // Within the bound an unknown field may be what it likes.
    let shallow = format!(r#"{{"unknown":{}{}}}"#, "[".repeat(30), "]".repeat(30));
    assert!(inbound(&json(Kind::PRESENCE, &shallow)).is_ok());
    // Thrift: structs in structs in the unknown field 14, and lists in lists.
    assert_eq!(thrift_fault(&format!("ec{}", "1c".repeat(100_000))), (Fault::TooDeep, None));
    assert_eq!(thrift_fault(&format!("e9{}", "19".repeat(100_000))), (Fault::TooDeep, None));
    assert!(inbound(&thrift(Kind::PRESENCE, "ec1c1c00000000")).is_ok());
}

#[test]
fn more_entries_than_allowed() {
    let limits = Limits { list: 3, map: 2 };
    let read = |bytes: &[u8]| Frame::split(bytes).unwrap().decode(&limits).map(drop);
    let four = TimPresence { to_list: Some(vec!["x".to_owned(); 4]), ..TimPresence::default() };
    let three = TimPresence { to_list: Some(vec!["x".to_owned(); 3]), ..TimPresence::default() };
    let keys = |keys: &[&'static str]| TimPresence {
        extend: map(keys.iter().map(|key| (*key, String::new()))),
        ..TimPresence::default()
    };
    for form in [Form::Json, Form::Thrift] {
        let send = |presence: &TimPresence| read(&presence.to_request(form, Kind::PRESENCE));
        assert_eq!(send(&three), Ok(()));
        let error = send(&four).unwrap_err();
        assert_eq!((error.fault(), error.field()), (Fault::TooMany, Some("toList")));
        assert_eq!(send(&keys(&["a", "b"])), Ok(()));
        let error = send(&keys(&["a", "b", "c"])).unwrap_err();
        assert_eq!((error.fault(), error.field()), (Fault::TooMany, Some("extend")));
    }
    let names = vec!["HMTooZ8Tk2A".to_owned(); 100_000];
    let many = TimPresence { to_list: Some(names), ..TimPresence::default() };
    for form in [Form::Json, Form::Thrift] {
        let error = inbound(&many.to_request(form, Kind::PRESENCE)).unwrap_err();
        assert_eq!((error.fault(), error.code(Kind::PRESENCE)), (Fault::TooMany, Code::Format));
    }
}

#[test]
fn declared_sizes_are_only_claims() {
    // Strings of 4 GiB, 2 GiB and a little more than is there.
    assert_eq!(thrift_fault("88ffffffff0f61"), (Fault::Truncated, Some("status")));
    assert_eq!(thrift_fault("88ffffffff0761"), (Fault::Truncated, Some("status")));
    assert_eq!(thrift_fault("88036161"), (Fault::Truncated, Some("status")));
    // Lists and maps of 2^31 - 1 and of more than 2^31 entries.
    assert_eq!(thrift_fault("69f8ffffffff07"), (Fault::TooMany, Some("toList")));
    assert_eq!(thrift_fault("69f8ffffffff0f"), (Fault::TooMany, Some("toList")));
    assert_eq!(thrift_fault("9bffffffff0788"), (Fault::TooMany, Some("extend")));
    // The same in a field that nobody knows.
    assert_eq!(thrift_fault("e9f8ffffffff07"), (Fault::TooMany, None));
    assert_eq!(thrift_fault("e8ffffffff0f"), (Fault::Truncated, None));
    // As many entries as are allowed, and none of them there.
    assert_eq!(thrift_fault("69f8e807"), (Fault::Truncated, Some("toList")));
}

#[test]
fn an_error_never_quotes_the_frame() {
    let secret = "hunter2-hunter2";
    let bodies = [
        format!(r#"{{"termtyp":"{secret}"}}"#),
        format!(r#"{{"pwd":{{"{secret}":1}}}}"#),
        format!(r#"{{"pwd":"{secret}"#),
        format!(r#"{{"pwd":"{secret}","pwd":"{secret}"}}"#),
        format!(r#"{{"extend":{{"{secret}":5}}}}"#),
        secret.to_owned(),
    ];
    for body in bodies {
        let error = inbound(&json(Kind::AUTH, &body)).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let auth = TimAuth {
        name: text("alice"),
        pwd: Some(secret.into()),
        token: Some(secret.into()),
        ..TimAuth::default()
    };
    let said = format!("{auth:?}");
    assert!(said.contains("alice") && !said.contains("hunter2"), "{said}");
}
