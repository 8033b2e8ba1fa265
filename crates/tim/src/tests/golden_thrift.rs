//! Bytes that tim's own encoder made, and those of a session of its Go client.

use super::*;

fn both_ways<T: PartialEq + std::fmt::Debug>(
    bytes: &str,
    value: &T,
    decode: impl Fn(Form, &[u8], &Limits) -> Result<T, DecodeError>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    let bytes = hex(bytes);
    assert_eq!(&decode(Form::Thrift, &bytes, &Limits::default()).unwrap(), value);
    assert_eq!(encode(value)[1..], bytes[..], "{value:?}");
}

fn tid_alice() -> Tid {
    Tid {
        node: "M9Qvh4xSyhc".to_owned(),
        domain: text("dom"),
        resource: text("go"),
        termtyp: Some(3),
        extend: map([("ext", "1".to_owned())]),
    }
}

const BOB: &str = "HMTooZ8Tk2A";

#[test]
fn a_tid() {
    let tid = Tid {
        node: "abc".to_owned(),
        domain: text("d"),
        resource: text("r"),
        termtyp: Some(3),
        extend: map([("k", "v".to_owned())]),
    };
    both_ways("180361626318016418017213031b0188016b017600", &tid, Tid::decode, |tid| {
        tid.to_frame(Form::Thrift, Kind::AUTH)
    });
}

#[test]
fn presences() {
    let encode = |presence: &TimPresence| presence.to_frame(Form::Thrift, Kind::PRESENCE);
    both_ways(
        "16091113ff1c180161001c1801620019280178017914d704180268691b0188016b01761b0188016202010200",
        &full_presence(),
        TimPresence::decode,
        encode,
    );
    let not_offline = TimPresence { offline: Some(false), ..TimPresence::default() };
    both_ways("2200", &not_offline, TimPresence::decode, encode);
    let empties = TimPresence {
        to_list: Some(Vec::new()),
        status: text(""),
        extend: map([]),
        ..TimPresence::default()
    };
    both_ways("690828001b0000", &empties, TimPresence::decode, encode);
}

#[test]
fn logins() {
    let auth = TimAuth {
        name: text("n"),
        pwd: Some("p".into()),
        domain: text("d"),
        resource: text("r"),
        termtyp: Some(1),
        token: Some("t".into()),
        extend: map([("k", "v".to_owned())]),
    };
    both_ways(
        "18016e18017018016418017213011801741b0188016b017600",
        &auth,
        TimAuth::decode,
        |auth| auth.to_request(Form::Thrift, Kind::AUTH),
    );
}

#[test]
fn acks() {
    let encode = |ack: &TimAck| ack.to_frame(Form::Thrift, Kind::ACK);
    let done = TimAck {
        t: Some(-7),
        n: text("node"),
        t2: Some(9),
        n2: text("w"),
        ..TimAck::done(Kind::AUTH)
    };
    both_ways("111310260d18046e6f6465161218017700", &done, TimAck::decode, encode);
    both_ways(
        "12135b1c15944018116163636f756e7420696e636f72726563740000",
        &TimAck::refused(Kind::PRESENCE, Code::Account),
        TimAck::decode,
        encode,
    );
}

#[test]
fn rosters_and_requests() {
    let nodes = TimNodes {
        ntype: ntype::ROSTER,
        nodelist: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..TimNodes::default()
    };
    both_ways("150219280161016200", &nodes, TimNodes::decode, |nodes| {
        nodes.to_frame(Form::Thrift, Kind::NODES)
    });
    let request = |req: &TimReq| req.to_request(Form::Thrift, Kind::BUSINESS);
    let roster = TimReq { rtype: Some(rtype::ROSTER), ..TimReq::default() };
    both_ways("150200", &roster, TimReq::decode, request);
    let add = TimReq {
        rtype: Some(rtype::ADD_ROSTER),
        node: text("a"),
        req_str: text("hi"),
        ..TimReq::default()
    };
    both_ways("15081801614802686900", &add, TimReq::decode, request);
}

#[test]
fn names_asked_and_answered() {
    let asked = TimNodes {
        ntype: ntype::USER_INFO,
        nodelist: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..TimNodes::default()
    };
    assert_eq!(inbound(&hex("2a150819280161016200")), Ok(Inbound::Nodes(asked)));
    // tim's profile has more: what is not the name is passed over (here nickName 2, gender 5).
    let profile = hex("15082b018c01611803616e6e18017833010000");
    let nodes = TimNodes::decode(Form::Thrift, &profile, &Limits::default()).unwrap();
    let ann = TimUserBean { name: text("ann") };
    assert_eq!(nodes.usermap, map([("a", ann.clone())]));
    let answer =
        TimNodes { ntype: ntype::USER_INFO, usermap: map([("a", ann)]), ..TimNodes::default() };
    both_ways("15082b018c01611803616e6e0000", &answer, TimNodes::decode, |nodes| {
        nodes.to_frame(Form::Thrift, Kind::NODES)
    });
}

/// The device that ended goes with the receiver, where tim's clients do not look.
#[test]
fn another_device_shows_instead_of_the_one_that_ended() {
    let shown =
        TimPresence { from_tid: Some(Tid::of("a")), show: Some(2), ..TimPresence::default() };
    let ended = map([("ended", "r".to_owned())]).unwrap();
    let frame = shown.prepare_with(Form::Thrift, &ended).for_receiver("b");
    assert_eq!(frame, hex("5b4c180161001c1801624b018805656e646564017200240400"));
    let whole = TimPresence { to_tid: Some(Tid { extend: Some(ended), ..Tid::of("b") }), ..shown };
    assert_eq!(frame, whole.to_frame(Form::Thrift, Kind::PRESENCE));
}

/// What the Go client sent and was sent, byte for byte: here and in the next two.
#[test]
fn the_go_client_logs_in() {
    let limits = Limits::default();
    let login = TimAuth {
        name: text("alice"),
        pwd: Some("pw-alice".into()),
        domain: text("dom"),
        resource: text("go"),
        termtyp: Some(3),
        token: None,
        extend: map([("ext", "1".to_owned())]),
    };
    let sent =
        hex("101805616c696365180870772d616c6963651803646f6d1802676f13032b018803657874013100");
    assert_eq!(inbound(&sent), Ok(Inbound::Auth(login.clone())));
    assert_eq!(login.to_request(Form::Thrift, Kind::AUTH), sent);

    let told = hex("0c111310269598fddc01180b4d39517668347853796863280b655932466a46613958364800");
    let frame = ServerFrame::split(&told).unwrap();
    assert_eq!((frame.kind, frame.sync), (Kind::ACK, None));
    let ack = TimAck {
        t: Some(-231_712_267),
        n: text("M9Qvh4xSyhc"),
        n2: text("eY2FjFa9X6H"),
        ..TimAck::done(Kind::AUTH)
    };
    assert_eq!(TimAck::decode(Form::Thrift, frame.body, &limits), Ok(ack.clone()));
    assert_eq!(ack.to_frame(Form::Thrift, Kind::ACK), told);

    let registration = hex("0e18026761180270771803646f6d00");
    let wanted = TimAuth {
        name: text("ga"),
        pwd: Some("pw".into()),
        domain: text("dom"),
        ..TimAuth::default()
    };
    assert_eq!(inbound(&registration), Ok(Inbound::Register(wanted)));
}

#[test]
fn the_go_client_speaks() {
    let broad = TimPresence {
        sub_status: Some(1),
        show: Some(2),
        status: text("from timgo"),
        ..TimPresence::default()
    };
    let sent = hex("1333014404180a66726f6d2074696d676f00");
    assert_eq!(inbound(&sent), Ok(Inbound::BroadPresence(Box::new(broad.clone()))));
    let told = TimPresence { from_tid: Some(tid_alice()), to_tid: Some(Tid::of(BOB)), ..broad };
    let bytes =
        hex("5b33011c180b4d395176683478537968631803646f6d1802676f13031b0188036578740131001c180\
         b484d546f6f\
         5a38546b3241002404180a66726f6d2074696d676f00");
    assert_eq!(told.to_frame(Form::Thrift, Kind::PRESENCE), bytes);
    assert_eq!(told.prepare(Form::Thrift).for_receiver(BOB), bytes);

    let direct =
        hex("5b33022c180b484d546f6f5a38546b324100240618066469726563741b0188016b01761b018801620\
         301020300");
    let wanted = TimPresence {
        sub_status: Some(2),
        to_tid: Some(Tid::of(BOB)),
        show: Some(3),
        status: text("direct"),
        extend: map([("k", "v".to_owned())]),
        extra: map([("b", Bytes(vec![1, 2, 3]))]),
        ..TimPresence::default()
    };
    assert_eq!(inbound(&direct), Ok(Inbound::Presence(Box::new(wanted.clone()))));
    let told =
        TimPresence { id: Some(-727_259_999_338_675_595), from_tid: Some(tid_alice()), ..wanted };
    let bytes =
        hex("5b1695f6f5feb7c7df971423021c180b4d395176683478537968631803646f6d1802676f13031b018\
         80365787401\
         31001c180b484d546f6f5a38546b324100240618066469726563741b0188016b01761b018801620301020300");
    assert_eq!(told.prepare(Form::Thrift).for_receiver(BOB), bytes);
}

#[test]
fn the_go_client_speaks_to_a_list_asks_for_its_roster_and_goes() {
    let limits = Limits::default();
    let to_list = hex("5b69280b484d546f6f5a38546b32410b4d39517668347853796863140818046c69737400");
    let Ok(Inbound::Presence(presence)) = inbound(&to_list) else { panic!("not a presence") };
    assert_eq!(presence.to_list.as_deref(), Some(&[BOB.to_owned(), "M9Qvh4xSyhc".to_owned()][..]));
    assert_eq!(presence.to_request(Form::Thrift, Kind::PRESENCE), to_list);

    let gone =
        hex("5b16d1eaf591958cb1d6bf01112c180b4d395176683478537968631803646f6d1802676f13031b018\
         80365787401\
         31001c180b484d546f6f5a38546b32410000");
    let notice = TimPresence::decode(Form::Thrift, &gone[1..], &limits).unwrap();
    assert_eq!(notice.offline, Some(true));
    assert_eq!(notice.from_tid, Some(tid_alice()));
    assert_eq!(notice.prepare(Form::Thrift).for_receiver(BOB), gone);

    let asked = TimReq { rtype: Some(rtype::ROSTER), ..TimReq::default() };
    assert_eq!(inbound(&hex("29150200")), Ok(Inbound::Business(asked)));
    let roster = TimNodes {
        ntype: ntype::ROSTER,
        nodelist: Some(vec![BOB.to_owned()]),
        ..TimNodes::default()
    };
    let bytes = hex("2a150219180b484d546f6f5a38546b324100");
    assert_eq!(roster.to_frame(Form::Thrift, Kind::NODES), bytes);
}
