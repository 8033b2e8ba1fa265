//! Frames that tim and its JavaScript client exchanged.

use super::*;

const ALICE: &str = "M9Qvh4xSyhc";
const BOB: &str = "HMTooZ8Tk2A";

fn alice() -> Tid {
    Tid {
        node: ALICE.to_owned(),
        domain: text("dom"),
        resource: text("node-web"),
        termtyp: Some(3),
        extend: None,
    }
}

fn body(frame: &[u8]) -> &str {
    std::str::from_utf8(&frame[1..]).unwrap()
}

#[test]
fn what_the_client_says_at_login() {
    let sent = json(
        Kind::AUTH,
        concat!(
            r#"{"name":"alice","pwd":"pw-alice","domain":"dom","resource":"node-web","#,
            r#""termtyp":3,"token":null,"extend":null}"#,
        ),
    );
    assert_eq!(sent[0], 0x90);
    let wanted = TimAuth {
        name: text("alice"),
        pwd: Some("pw-alice".into()),
        domain: text("dom"),
        resource: text("node-web"),
        termtyp: Some(3),
        ..TimAuth::default()
    };
    assert_eq!(inbound(&sent), Ok(Inbound::Auth(wanted)));
    let by_token = json(
        Kind::AUTH,
        concat!(
            r#"{"name":"alice","pwd":"","domain":"dom","resource":"web","termtyp":3,"#,
            r#""token":"3QuAgjtb7WH","extend":null}"#,
        ),
    );
    let Ok(Inbound::Auth(auth)) = inbound(&by_token) else { panic!("not a login") };
    assert_eq!(auth.token, Some("3QuAgjtb7WH".into()));
    assert_eq!(auth.pwd, Some("".into()));
    assert_eq!(inbound(&[0x8d]), Ok(Inbound::Ping));
    assert_eq!(inbound(&[0x0d]), Ok(Inbound::Ping));
    assert_eq!(bare(Kind::PING), [0x0d]);
}

#[test]
fn acks() {
    let ack = TimAck {
        t: Some(-1_478_316_703),
        n: text(ALICE),
        n2: text("Wf9TzZPzqJE"),
        ..TimAck::done(Kind::AUTH)
    }
    .to_frame(Form::Json, Kind::ACK);
    assert_eq!(ack[0], 0x0c);
    assert_eq!(
        body(&ack),
        r#"{"ok":true,"timType":16,"t":-1478316703,"n":"M9Qvh4xSyhc","n2":"Wf9TzZPzqJE"}"#
    );
    let refused =
        |kind, code| body(&TimAck::refused(kind, code).to_frame(Form::Json, Kind::ACK)).to_owned();
    assert_eq!(
        refused(Kind::AUTH, Code::Permission),
        r#"{"ok":false,"timType":16,"error":{"code":4105,"info":"permission denied"}}"#
    );
    assert_eq!(
        refused(Kind::REGISTER, Code::Exists),
        r#"{"ok":false,"timType":14,"error":{"code":4101,"info":"has exist"}}"#
    );
    assert_eq!(
        refused(Kind::PRESENCE, Code::Format),
        r#"{"ok":false,"timType":91,"error":{"code":4113,"info":"format error"}}"#
    );
    assert_eq!(
        refused(Kind::from_byte(0xb7), Code::Parameter),
        r#"{"ok":false,"timType":55,"error":{"code":4104,"info":"parameter incorrect"}}"#
    );
    assert_eq!(
        refused(Kind::BUSINESS, Code::Repetitive),
        r#"{"ok":false,"timType":41,"error":{"code":4117,"info":"error repetitive operation"}}"#
    );
    assert_eq!(
        refused(Kind::AUTH, Code::OverEntry),
        r#"{"ok":false,"timType":16,"error":{"code":4111,"info":"over entry"}}"#
    );
    assert_eq!(
        refused(Kind::AUTH, Code::Token),
        r#"{"ok":false,"timType":16,"error":{"code":4115,"info":"error token"}}"#
    );
}

#[test]
fn a_broad_presence_and_what_a_friend_is_told() {
    let sent = json(
        Kind::BROAD_PRESENCE,
        concat!(
            r#"{"id":null,"offline":false,"subStatus":1,"fromTid":null,"toTid":null,"#,
            r#""toList":null,"show":null,"status":"happy 😄","extend":null,"extra":null}"#,
        ),
    );
    assert_eq!(sent[0], 0x93);
    let Ok(Inbound::BroadPresence(presence)) = inbound(&sent) else { panic!("not a presence") };
    let wanted = TimPresence {
        offline: Some(false),
        sub_status: Some(1),
        status: text("happy 😄"),
        ..TimPresence::default()
    };
    assert_eq!(*presence, wanted);
    let told = TimPresence { offline: None, from_tid: Some(alice()), ..wanted };
    let frame = told.prepare(Form::Json).for_receiver(BOB);
    assert_eq!(frame[0], 0x5b);
    assert_eq!(
        body(&frame),
        concat!(
            r#"{"subStatus":1,"fromTid":{"node":"M9Qvh4xSyhc","domain":"dom","#,
            r#""resource":"node-web","termtyp":3},"toTid":{"node":"HMTooZ8Tk2A"},"#,
            r#""status":"happy 😄"}"#,
        )
    );
}

#[test]
fn directed_presence() {
    let sent = json(
        Kind::PRESENCE,
        concat!(
            r#"{"id":null,"offline":false,"subStatus":2,"fromTid":null,"#,
            r#""toTid":{"node":"HMTooZ8Tk2A","domain":null,"resource":null,"termtyp":null},"#,
            r#""toList":null,"show":3,"status":"away","extend":null,"extra":null}"#,
        ),
    );
    assert_eq!(sent[0], 0xdb);
    let Ok(Inbound::Presence(presence)) = inbound(&sent) else { panic!("not a presence") };
    assert_eq!(presence.to_tid, Some(Tid::of(BOB)));
    let told = TimPresence {
        id: Some(8_748_167_863_753_001_791),
        offline: None,
        from_tid: Some(alice()),
        to_tid: None,
        ..*presence
    };
    assert_eq!(
        body(&told.prepare(Form::Json).for_receiver(BOB)),
        concat!(
            r#"{"id":8748167863753001791,"subStatus":2,"fromTid":{"node":"M9Qvh4xSyhc","#,
            r#""domain":"dom","resource":"node-web","termtyp":3},"#,
            r#""toTid":{"node":"HMTooZ8Tk2A"},"show":3,"status":"away"}"#,
        )
    );
    let sent = json(
        Kind::BROAD_PRESENCE,
        concat!(
            r#"{"id":44,"offline":true,"toList":["HMTooZ8Tk2A","4FYVdaqpYtU","zzz"],"show":9,"#,
            r#""extra":{"bin":"AQID"},"extend":{"k":"v"}}"#,
        ),
    );
    let Ok(Inbound::BroadPresence(presence)) = inbound(&sent) else { panic!("not a presence") };
    assert_eq!(presence.to_list.as_ref().map(Vec::len), Some(3));
    assert_eq!(presence.extra, map([("bin", Bytes(vec![1, 2, 3]))]));
    let told = TimPresence {
        id: None,
        offline: None,
        from_tid: Some(alice()),
        to_list: None,
        ..*presence
    };
    assert_eq!(
        body(&told.prepare(Form::Json).for_receiver(BOB)),
        concat!(
            r#"{"fromTid":{"node":"M9Qvh4xSyhc","domain":"dom","resource":"node-web","#,
            r#""termtyp":3},"toTid":{"node":"HMTooZ8Tk2A"},"show":9,"extend":{"k":"v"},"#,
            r#""extra":{"bin":"AQID"}}"#,
        )
    );
}

#[test]
fn the_offline_notice() {
    let gone = TimPresence {
        id: Some(5_807_618_082_900_954_899),
        offline: Some(true),
        from_tid: Some(alice()),
        ..TimPresence::default()
    };
    assert_eq!(
        body(&gone.prepare(Form::Json).for_receiver(BOB)),
        concat!(
            r#"{"id":5807618082900954899,"offline":true,"fromTid":{"node":"M9Qvh4xSyhc","#,
            r#""domain":"dom","resource":"node-web","termtyp":3},"#,
            r#""toTid":{"node":"HMTooZ8Tk2A"}}"#,
        )
    );
}

#[test]
fn the_roster_and_its_changes() {
    let sent = json(
        Kind::BUSINESS,
        concat!(
            r#"{"rtype":4,"node":"HMTooZ8Tk2A","node2":null,"reqInt":null,"reqInt2":null,"#,
            r#""reqStr":"be my friend","reqStr2":null}"#,
        ),
    );
    assert_eq!(sent[0], 0xa9);
    let wanted = TimReq {
        rtype: Some(rtype::ADD_ROSTER),
        node: text(BOB),
        req_str: text("be my friend"),
        ..TimReq::default()
    };
    assert_eq!(inbound(&sent), Ok(Inbound::Business(wanted)));
    let asked = TimMessage {
        ms_type: 2,
        od_type: 4,
        id: Some(1_915_384_607_607_245_038),
        bn_type: Some(rtype::ADD_ROSTER),
        from_tid: Some(alice()),
        to_tid: Some(Tid::of(BOB)),
        data_string: text("be my friend"),
        timestamp: Some(1_795_387_985_683_503_312),
        ..TimMessage::default()
    };
    let frame = asked.to_sync_frame(Form::Json, Kind::MESSAGE, 1);
    assert_eq!(frame[..5], [0xda, 0, 0, 0, 1]);
    assert_eq!(
        std::str::from_utf8(&frame[5..]).unwrap(),
        concat!(
            r#"{"msType":2,"odType":4,"id":1915384607607245038,"bnType":4,"#,
            r#""fromTid":{"node":"M9Qvh4xSyhc","domain":"dom","resource":"node-web","#,
            r#""termtyp":3},"toTid":{"node":"HMTooZ8Tk2A"},"dataString":"be my friend","#,
            r#""timestamp":1795387985683503312}"#,
        )
    );
    let told = ServerFrame::split(&frame).unwrap();
    assert_eq!((told.kind, told.sync), (Kind::MESSAGE, Some(1)));
    assert_eq!(TimMessage::decode(Form::Json, told.body, &Limits::default()), Ok(asked));
    assert_eq!(receipt_frame(Form::Json, 1), [0x8c, 0, 0, 0, 1]);
    assert_eq!(receipt_frame(Form::Thrift, 0x0102_0304), [0x0c, 1, 2, 3, 4]);
    assert_eq!(inbound(&[0x8c, 0, 0, 0, 1]), Ok(Inbound::Ack(1)));
    assert_eq!(inbound(&[0x0c, 1, 2, 3, 4]), Ok(Inbound::Ack(0x0102_0304)));

    let list = |ntype, node: &str| {
        let nodes =
            TimNodes { ntype, nodelist: Some(vec![node.to_owned()]), ..TimNodes::default() };
        body(&nodes.to_frame(Form::Json, Kind::NODES)).to_owned()
    };
    assert_eq!(list(ntype::ROSTER, BOB), r#"{"ntype":1,"nodelist":["HMTooZ8Tk2A"]}"#);
    assert_eq!(
        list(ntype::BLOCK_ROSTER_LIST, "4FYVdaqpYtU"),
        r#"{"ntype":8,"nodelist":["4FYVdaqpYtU"]}"#
    );
    let blocked = TimAck {
        t: Some(rtype::BLOCK_ROSTER.into()),
        n: text("4FYVdaqpYtU"),
        ..TimAck::done(Kind::BUSINESS)
    };
    assert_eq!(
        body(&blocked.to_frame(Form::Json, Kind::ACK)),
        r#"{"ok":true,"timType":41,"t":7,"n":"4FYVdaqpYtU"}"#
    );
}

#[test]
fn names_asked_and_answered() {
    let sent = json(
        Kind::NODES,
        r#"{"ntype":4,"nodelist":["HMTooZ8Tk2A"],"usermap":null,"roommap":null,"node":null}"#,
    );
    assert_eq!(sent[0], 0xaa);
    let asked = TimNodes {
        ntype: ntype::USER_INFO,
        nodelist: Some(vec![BOB.to_owned()]),
        ..TimNodes::default()
    };
    assert_eq!(inbound(&sent), Ok(Inbound::Nodes(asked)));
    let answer = TimNodes {
        ntype: ntype::USER_INFO,
        usermap: map([(BOB, TimUserBean { name: text("bob") })]),
        ..TimNodes::default()
    };
    let frame = answer.to_frame(Form::Json, Kind::NODES);
    assert_eq!(frame[0], 0x2a);
    assert_eq!(body(&frame), r#"{"ntype":4,"usermap":{"HMTooZ8Tk2A":{"name":"bob"}}}"#);
}

/// The device that ended goes with the receiver, where tim's clients do not look.
#[test]
fn another_device_shows_instead_of_the_one_that_ended() {
    let shown = TimPresence {
        id: Some(7),
        from_tid: Some(alice()),
        status: text("at the desk"),
        ..TimPresence::default()
    };
    let ended = map([("ended", "phone \"2\"".to_owned())]).unwrap();
    assert_eq!(
        body(&shown.prepare_with(Form::Json, &ended).for_receiver(BOB)),
        concat!(
            r#"{"id":7,"fromTid":{"node":"M9Qvh4xSyhc","domain":"dom","resource":"node-web","#,
            r#""termtyp":3},"toTid":{"node":"HMTooZ8Tk2A","extend":{"ended":"phone \"2\""}},"#,
            r#""status":"at the desk"}"#,
        )
    );
}

#[test]
fn messages_kept_while_away_are_answered_by_one_byte() {
    assert_eq!(inbound(&[0x91]), Ok(Inbound::OfflineMessages));
    assert_eq!(inbound(&[0x11]), Ok(Inbound::OfflineMessages));
    assert_eq!(bare(Kind::OFFLINE_MESSAGES_END), [0x12]);
}

#[test]
fn services_that_are_not_offered_keep_their_number() {
    for number in [22u8, 55, 90, 94, 127] {
        assert_eq!(inbound(&[number, 1, 2]), Ok(Inbound::Other(Kind::from_byte(number))));
    }
}

#[test]
fn names_in_any_case_and_unknown_fields_as_tim_takes_them() {
    let sent = json(
        Kind::PRESENCE,
        concat!(
            r#" {"TOTID":{"Node":"m1","new":{"a":[1,-2,2.5,"s",null,true,{}]}},"Show":3,"#,
            r#""later":[[]]} "#,
        ),
    );
    let Ok(Inbound::Presence(presence)) = inbound(&sent) else { panic!("not a presence") };
    assert_eq!((presence.to_tid, presence.show), (Some(Tid::of("m1")), Some(3)));
}

#[test]
fn null_entries_are_empty_as_in_go() {
    let sent =
        json(Kind::PRESENCE, r#"{"toList":["a",null],"extend":{"k":null},"extra":{"b":null}}"#);
    let Ok(Inbound::Presence(presence)) = inbound(&sent) else { panic!("not a presence") };
    assert_eq!(presence.to_list, Some(vec!["a".to_owned(), String::new()]));
    assert_eq!(presence.extend, map([("k", String::new())]));
    assert_eq!(presence.extra, map([("b", Bytes::default())]));
}
