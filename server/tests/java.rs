//! Frames as tim's Java client makes them: it sends the whole buffer that it has encoded into, so
//! that zeros stand behind the struct.

mod support;

use adsum_tim::{Form, Kind, Limits, TimAck};
use support::{Client, Server, Told, auth};

/// The account `ann`, with the password `java`.
const REGISTER: &str = "0e1803616e6e18046a617661180000000000000000";
const TOKEN: &str = "0f1803616e6e18046a617661180000000000000000";
/// From a device called `phone`, of kind 1.
const LOGIN: &str = "101803616e6e18046a6176611800180570686f6e6513012b0188016b01760000000000000000\
                     000000";
const ROSTER: &str = "2915020000";
/// `subStatus` 1, `show` 300, `busy`.
const BROAD: &str = "13330144d8041804627573790000000000";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().map(|digit| (digit as char).to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

async fn post(server: &Server, frame: &str) -> TimAck {
    let head = "POST /tim2 HTTP/1.1\r\n";
    let (status, answer) = support::request_bytes(server.address(), head, &hex(frame)).await;
    assert_eq!((status, answer[0]), (200, Kind::ACK.number()));
    TimAck::decode(Form::Thrift, &answer[1..], &Limits::default()).unwrap()
}

#[tokio::test]
async fn it_registers_and_gets_a_token() {
    let server = Server::start();
    let registered = post(&server, REGISTER).await;
    assert!(registered.ok && registered.n.is_some(), "{registered:?}");
    let token = post(&server, TOKEN).await;
    assert!(token.ok && token.n.is_some(), "{token:?}");
    server.host.stop().await;
}

#[tokio::test]
async fn it_logs_in_lists_its_friends_and_tells_them() {
    let server = Server::start();
    let node = post(&server, REGISTER).await.n.expect("an account");
    let friend = server.account("bob");
    server.befriend(&node, &friend);
    let mut bob = server.login_as("bob", Form::Json, auth("bob")).await;
    let mut ann = Client::connect(server.address(), Form::Thrift).await;
    ann.send(hex(LOGIN)).await;
    let Told::Ack(ack) = ann.next().await else { panic!("no answer to the login") };
    assert_eq!((ack.ok, ack.n.as_ref()), (true, Some(&node)), "{ack:?}");

    ann.send(hex(ROSTER)).await;
    let Told::Nodes(roster) = ann.next().await else { panic!("no roster") };
    assert_eq!(roster.nodelist, Some(vec![friend]));

    ann.send(hex(BROAD)).await;
    let told = bob.presence().await;
    assert_eq!(
        (told.sub_status, told.show, told.status.as_deref()),
        (Some(1), Some(300), Some("busy"))
    );
    let from = told.from_tid.expect("somebody's");
    assert_eq!((from.node, from.resource.as_deref(), from.termtyp), (node, Some("phone"), Some(1)));
    assert_eq!(from.extend.unwrap()["k"], "v");
    server.host.stop().await;
}
