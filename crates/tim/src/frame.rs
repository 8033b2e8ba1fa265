//! Frames: a type byte and a body, taken apart.

use crate::body::{decode, request_byte};
use crate::error::{DecodeError, Fault};
use crate::form::Form;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::message::{TimAuth, TimNodes, TimPresence, TimReq};

/// A frame from a client: its parts, the body not yet read.
///
/// The type is known before anything is decoded, so that a host can refuse by type, by rate or
/// before login at no cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// How its body is encoded.
    pub form: Form,
    /// The rest.
    pub body: &'a [u8],
}

/// A client's frame, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// The receipt for the sync frame with this id.
    Ack(u32),
    /// A heartbeat.
    Ping,
    /// A request for a new account (over HTTP).
    Register(TimAuth),
    /// A request for a login token (over HTTP).
    Token(TimAuth),
    /// A login.
    Auth(TimAuth),
    /// A request for messages kept while the user was away; its body is not looked at.
    OfflineMessages,
    /// A presence to the whole roster, unless it names receivers.
    BroadPresence(Box<TimPresence>),
    /// A presence to those it names.
    Presence(Box<TimPresence>),
    /// A request, mostly about the roster.
    Business(TimReq),
    /// A question about users or rooms.
    Nodes(TimNodes),
    /// A service that is not offered here, or no service at all: tim answers 4104.
    Other(Kind),
}

impl<'a> Frame<'a> {
    /// Takes a frame apart. In this direction the top bit of the first byte means JSON.
    ///
    /// # Errors
    /// [`Fault::Empty`] if there is no first byte.
    pub fn split(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (&first, body) = bytes.split_first().ok_or(DecodeError::new(Fault::Empty))?;
        let form = if first & 0x80 == 0 { Form::Thrift } else { Form::Json };
        Ok(Self { kind: Kind::from_byte(first), form, body })
    }

    /// Reads the body, all of it or nothing.
    ///
    /// # Errors
    /// What is wrong with it; [`DecodeError::code`] says what to answer.
    pub fn decode(&self, limits: &Limits) -> Result<Inbound, DecodeError> {
        Ok(match self.kind {
            Kind::ACK => Inbound::Ack(receipt(self.body)?),
            Kind::PING => Inbound::Ping,
            Kind::REGISTER => Inbound::Register(decode(self.form, self.body, limits)?),
            Kind::TOKEN => Inbound::Token(decode(self.form, self.body, limits)?),
            Kind::AUTH => Inbound::Auth(decode(self.form, self.body, limits)?),
            Kind::OFFLINE_MESSAGES => Inbound::OfflineMessages,
            Kind::BROAD_PRESENCE => {
                Inbound::BroadPresence(Box::new(decode(self.form, self.body, limits)?))
            }
            Kind::PRESENCE => Inbound::Presence(Box::new(decode(self.form, self.body, limits)?)),
            Kind::BUSINESS => Inbound::Business(decode(self.form, self.body, limits)?),
            Kind::NODES => Inbound::Nodes(decode(self.form, self.body, limits)?),
            other => Inbound::Other(other),
        })
    }
}

/// A frame from a server, taken apart as a client does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerFrame<'a> {
    /// What it is.
    pub kind: Kind,
    /// The id that the receipt must repeat, if one is wanted.
    pub sync: Option<u32>,
    /// The rest, in the form of the login.
    pub body: &'a [u8],
}

impl<'a> ServerFrame<'a> {
    /// Takes a frame apart. In this direction the top bit of the first byte means that a receipt
    /// is wanted, and that its id comes before the body.
    ///
    /// # Errors
    /// [`Fault::Empty`], and [`Fault::Truncated`] within the id.
    pub fn split(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (&first, rest) = bytes.split_first().ok_or(DecodeError::new(Fault::Empty))?;
        let kind = Kind::from_byte(first);
        if first & 0x80 == 0 {
            return Ok(Self { kind, sync: None, body: rest });
        }
        let (id, body) = rest.split_first_chunk().ok_or(DecodeError::new(Fault::Truncated))?;
        Ok(Self { kind, sync: Some(u32::from_be_bytes(*id)), body })
    }
}

/// Returns a frame that is nothing but its type: a ping, the end of messages.
#[must_use]
pub const fn bare(kind: Kind) -> [u8; 1] {
    [kind.number()]
}

/// Returns a client's receipt for a sync frame.
#[must_use]
pub fn receipt_frame(form: Form, id: u32) -> [u8; 5] {
    let [a, b, c, d] = id.to_be_bytes();
    [request_byte(form, Kind::ACK), a, b, c, d]
}

fn receipt(body: &[u8]) -> Result<u32, DecodeError> {
    let (id, rest) = body.split_first_chunk().ok_or(DecodeError::new(Fault::Truncated))?;
    if rest.is_empty() {
        Ok(u32::from_be_bytes(*id))
    } else {
        Err(DecodeError::new(Fault::Trailing))
    }
}
