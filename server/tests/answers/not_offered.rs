//! What of tim is not offered here.

use adsum_tim::{Form, Kind, TimNodes, TimReq};

use crate::support::Server;

const PARAMETER: i32 = 4104;
const NOT_OFFERED: i32 = 4107;

/// Messages, rooms, streams and big data of tim's, and what tim does not know either, are said not
/// to be offered, so that a client does not look for a mistake in what it sent.
#[tokio::test]
async fn s19_what_is_not_offered_is_said_to_be_so() {
    let server = Server::run(&[]);
    server.account("ann");
    for form in [Form::Json, Form::Thrift] {
        let mut ann = server.login_as("ann", form, crate::support::auth("ann")).await;
        ann.until_pong().await;
        let empty = TimNodes::default().to_request(form, Kind::NODES)[1..].to_vec();
        for number in [20, 21, 22, 43, 90, 92, 93, 94, 95, 96, 97, 127] {
            let mut frame = first_byte(form, number);
            frame.extend(&empty);
            ann.send(frame).await;
            assert_eq!(ann.refusal().await, (number as i8, NOT_OFFERED), "type {number}");
        }
        // The kinds of request within a type that is offered: a new room, one's permissions.
        for rtype in [2, 3, 8, 21, 1_000] {
            let request = TimReq { rtype: Some(rtype), ..TimReq::default() };
            ann.send(request.to_request(form, Kind::BUSINESS)).await;
            let expected = (Kind::BUSINESS.tim_type(), NOT_OFFERED);
            assert_eq!(ann.refusal().await, expected, "request {rtype}");
        }
        for ntype in [2, 3, 5, 6, 7, 1_000] {
            let asked = TimNodes { ntype, ..TimNodes::default() };
            ann.send(asked.to_request(form, Kind::NODES)).await;
            let expected = (Kind::NODES.tim_type(), NOT_OFFERED);
            assert_eq!(ann.refusal().await, expected, "list {ntype}");
        }
        // What lacks something is still a wrong parameter.
        ann.send(TimReq::default().to_request(form, Kind::BUSINESS)).await;
        assert_eq!(ann.refusal().await, (Kind::BUSINESS.tim_type(), PARAMETER));
        ann.close().await;
    }
}

/// The first byte of a frame of this type.
fn first_byte(form: Form, number: u8) -> Vec<u8> {
    match form {
        Form::Json => vec![number | 0x80],
        Form::Thrift => vec![number],
    }
}
