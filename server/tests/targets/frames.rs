//! Any bytes as a frame, from a client and from a server: they are refused as a whole, or read as
//! something that can be said again in either form and is then read as the same. Reading takes no
//! more memory than the bytes are worth.

use adsum_tim::{
    Bytes, DecodeError, Form, Frame, Inbound, Kind, Limits, ServerFrame, Tid, TimAck, TimAuth,
    TimError, TimMessage, TimNodes, TimPresence, TimReq, receipt_frame,
};
use allocation_counter::measure;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most memory in use at any moment of reading, for each byte of a frame: an empty entry of a
/// list takes one byte on the wire and 24 here, with room for as many again, while it is moved.
const PER_BYTE: u64 = 80;
/// And whatever its length.
const AT_LEAST: u64 = 1_024;

const FORMS: [Form; 2] = [Form::Json, Form::Thrift];

/// Reads these bytes in every way there is; returns how often they were understood.
///
/// # Panics
/// Where what was read is not what is read again.
pub(crate) fn run(bytes: &[u8]) -> u64 {
    let limits = Limits::default();
    from_client(bytes, &limits) + from_server(bytes, &limits)
}

fn from_client(bytes: &[u8], limits: &Limits) -> u64 {
    let Ok(frame) = Frame::split(bytes) else {
        assert!(bytes.is_empty(), "every first byte is a type");
        return 0;
    };
    let (kind, form) = (frame.kind, frame.form);
    let read = match bounded(bytes, || frame.decode(limits)) {
        Ok(read) => read,
        Err(error) => {
            let ack = TimAck::refused(kind, error.code(kind));
            said_again(&ack, Kind::ACK, limits);
            return 0;
        }
    };
    match read {
        Inbound::Ack(id) => assert_eq!(receipt_frame(form, id), bytes),
        Inbound::Register(auth) | Inbound::Token(auth) | Inbound::Auth(auth) => {
            understood(&auth, form, kind, frame.body, limits);
        }
        Inbound::BroadPresence(presence) | Inbound::Presence(presence) => {
            understood(&*presence, form, kind, frame.body, limits);
            told_on(&presence);
        }
        Inbound::Business(request) => understood(&request, form, kind, frame.body, limits),
        Inbound::Nodes(nodes) => understood(&nodes, form, kind, frame.body, limits),
        Inbound::Ping | Inbound::OfflineMessages => {}
        Inbound::Other(other) => assert_eq!(other, kind),
    }
    1
}

fn from_server(bytes: &[u8], limits: &Limits) -> u64 {
    let Ok(frame) = ServerFrame::split(bytes) else {
        return 0;
    };
    // What it says its form is, only the login knows; and the smaller structs have no type.
    let mut read = 0;
    for form in FORMS {
        read += match frame.kind {
            Kind::ACK => read_body::<TimAck>(&frame, form, limits),
            Kind::NODES => read_body::<TimNodes>(&frame, form, limits),
            Kind::MESSAGE => read_body::<TimMessage>(&frame, form, limits),
            Kind::PRESENCE => read_body::<TimPresence>(&frame, form, limits),
            Kind::PING => read_body::<Tid>(&frame, form, limits),
            _ => read_body::<TimError>(&frame, form, limits),
        };
    }
    read
}

fn read_body<T: Struct>(frame: &ServerFrame<'_>, form: Form, limits: &Limits) -> u64 {
    let Ok(message) = bounded(frame.body, || T::decode(form, frame.body, limits)) else {
        return 0;
    };
    understood(&message, form, frame.kind, frame.body, limits);
    if let Some(id) = frame.sync {
        let bytes = message.to_sync_frame(form, frame.kind, id);
        let again = ServerFrame::split(&bytes).expect("it is not empty");
        assert_eq!((again.kind, again.sync), (frame.kind, frame.sync));
        assert_eq!(&message.to_frame(form, frame.kind)[1..], again.body);
    }
    1
}

fn bounded<T>(
    bytes: &[u8],
    read: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut result = None;
    let used = measure(|| result = Some(read()));
    let most = bytes.len() as u64 * PER_BYTE + AT_LEAST;
    assert!(used.bytes_max <= most, "{} bytes for a frame of {}", used.bytes_max, bytes.len());
    result.expect("it was read")
}

fn understood<T: Struct>(message: &T, form: Form, kind: Kind, body: &[u8], limits: &Limits) {
    said_again(message, kind, limits);
    if form == Form::Json {
        is_what_is_there(message, body);
    }
}

/// Writes what was read and reads it again: in either form, and from one to the other.
fn said_again<T: Struct>(message: &T, kind: Kind, limits: &Limits) {
    for form in FORMS {
        let again = reread(message, form, kind, limits);
        for other in FORMS {
            reread(&again, other, kind, limits);
        }
    }
}

fn reread<T: Struct>(message: &T, form: Form, kind: Kind, limits: &Limits) -> T {
    let bytes = message.to_request(form, kind);
    let frame = Frame::split(&bytes).expect("it is not empty");
    assert_eq!((frame.kind, frame.form), (kind, form));
    // JSON leaves empty lists and maps out, as Go does.
    let expected = if form == Form::Json { message.without_empties() } else { message.clone() };
    assert_eq!(T::decode(form, frame.body, limits).as_ref(), Ok(&expected));
    expected
}

/// Checks that a reader that knows nothing of the protocol finds in a JSON body what was read.
fn is_what_is_there<T: Struct>(message: &T, body: &[u8]) {
    let said = message.to_request(Form::Json, Kind::PING);
    let said: Value = serde_json::from_slice(&said[1..]).expect("it was written as JSON");
    let there: Value = serde_json::from_slice(body).expect("it was read as JSON");
    assert!(is_within(&said, &there), "{said} was not said in {there}");
}

/// Returns whether one value is what another one says, where fields may be spelt in any case,
/// `null` stands for an empty entry, and unknown fields stand between the others.
fn is_within(said: &Value, there: &Value) -> bool {
    match (said, there) {
        (Value::Object(said), Value::Object(there)) => said.iter().all(|(name, value)| {
            let mut fields = there.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
            fields.any(|(_, found)| is_within(value, found))
        }),
        (Value::Array(said), Value::Array(there)) => {
            said.len() == there.len() && said.iter().zip(there).all(|(a, b)| is_within(a, b))
        }
        (Value::String(said), Value::Null) => said.is_empty(),
        _ => said == there,
    }
}

/// Checks that a presence prepared for receivers of either form is the one that was read, but for
/// who is told.
fn told_on(presence: &TimPresence) {
    let named = presence.to_tid.as_ref().map(|tid| tid.node.clone());
    let node = named.or_else(|| presence.status.clone()).unwrap_or_default();
    let told = TimPresence { to_tid: Some(Tid::of(&*node)), to_list: None, ..presence.clone() };
    for form in FORMS {
        let prepared = presence.prepare(form);
        assert_eq!(prepared.for_receiver(&node), told.to_frame(form, Kind::PRESENCE));
    }
}

/// What all structs of the protocol can do.
trait Struct: Clone + PartialEq + std::fmt::Debug {
    fn decode(form: Form, body: &[u8], limits: &Limits) -> Result<Self, DecodeError>;
    fn to_frame(&self, form: Form, kind: Kind) -> Vec<u8>;
    fn to_sync_frame(&self, form: Form, kind: Kind, id: u32) -> Vec<u8>;
    fn to_request(&self, form: Form, kind: Kind) -> Vec<u8>;
    /// Returns it without those lists, maps and bytes that are there and empty.
    fn without_empties(&self) -> Self;
}

macro_rules! structs {
    ($($name:ident { $($empty:ident $emptied:ident),* })*) => { $(
        impl Struct for $name {
            fn decode(form: Form, body: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
                $name::decode(form, body, limits)
            }

            fn to_frame(&self, form: Form, kind: Kind) -> Vec<u8> {
                $name::to_frame(self, form, kind)
            }

            fn to_sync_frame(&self, form: Form, kind: Kind, id: u32) -> Vec<u8> {
                $name::to_sync_frame(self, form, kind, id)
            }

            fn to_request(&self, form: Form, kind: Kind) -> Vec<u8> {
                $name::to_request(self, form, kind)
            }

            fn without_empties(&self) -> Self {
                Self { $($empty: $emptied(&self.$empty),)* ..self.clone() }
            }
        }
    )* };
}

structs! {
    Tid { extend map }
    TimAuth { extend map }
    TimError {}
    TimAck {}
    TimPresence { from_tid tid, to_tid tid, to_list list, extend map, extra map }
    TimReq {}
    TimNodes { nodelist list, usermap map }
    TimMessage {
        from_tid tid, to_tid tid, room_tid tid, to_list list, extend map, extra map,
        data_binary bytes
    }
}

fn map<T: Clone>(map: &Option<BTreeMap<String, T>>) -> Option<BTreeMap<String, T>> {
    map.clone().filter(|map| !map.is_empty())
}

fn list(list: &Option<Vec<String>>) -> Option<Vec<String>> {
    list.clone().filter(|list| !list.is_empty())
}

fn bytes(bytes: &Option<Bytes>) -> Option<Bytes> {
    bytes.clone().filter(|bytes| !bytes.0.is_empty())
}

fn tid(tid: &Option<Tid>) -> Option<Tid> {
    tid.as_ref().map(Tid::without_empties)
}
