//! tim's structs, each written down once: from one table of ids, names and types come its fields,
//! its JSON and its Thrift.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use thrift::protocol::{TOutputProtocol, TType};

use crate::code::Code;
use crate::error::{DecodeError, Fault};
use crate::form::Form;
use crate::json_reader::{Context, FieldName, Skip};
use crate::kind::Kind;
use crate::limits::Limits;
use crate::thrift_reader::Reader;
use crate::values::{Bytes, Secret};
use crate::wire::Wire;
use crate::{body, json, thrift_form, thrift_writer};

/// A struct that can write a part of its fields.
pub(crate) trait Parts {
    /// Writes those fields whose ids lie between the two, both included.
    fn write_fields(&self, out: &mut dyn TOutputProtocol, from: i16, to: i16)
    -> thrift::Result<()>;

    /// Writes the same fields in JSON.
    fn json_fields<M: SerializeMap>(&self, map: &mut M, from: i16, to: i16)
    -> Result<(), M::Error>;
}

/// Reads a struct that is serialised as bytes.
struct InBytes<T>(PhantomData<T>);

impl<T: Wire> Visitor<'_> for InBytes<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a struct in bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        thrift_form::decode(bytes, &Limits::default()).map_err(E::custom)
    }
}

/// The type of a field: an optional one is an `Option`, a required one is there in every frame.
macro_rules! field_type {
    (opt $type:ty) => { Option<$type> };
    (req $type:ty) => { $type };
}

/// Refers to a field's value, if there is one to write.
macro_rules! present {
    (opt $value:expr) => {
        $value.as_ref()
    };
    (req $value:expr) => {
        Some(&$value)
    };
}

macro_rules! thrift_found {
    (opt $value:ident $wire:literal) => {
        $value
    };
    (req $value:ident $wire:literal) => {
        $value.ok_or(DecodeError::new(Fault::Missing).within($wire))?
    };
}

macro_rules! json_found {
    (opt $value:ident $wire:literal $context:expr) => {
        $value
    };
    (req $value:ident $wire:literal $context:expr) => {
        json::required($value, $context, $wire)?
    };
}

macro_rules! messages {
    ($(
        $(#[$about:meta])*
        $name:ident {
            $(
                $(#[$field_about:meta])*
                $id:literal $need:ident $field:ident $wire:literal $type:ty;
            )*
        }
    )*) => { $(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_about])* pub $field: field_type!($need $type), )*
        }

        impl Parts for $name {
            fn write_fields(
                &self,
                out: &mut dyn TOutputProtocol,
                from: i16,
                to: i16,
            ) -> thrift::Result<()> {
                $( if let Some(value) = present!($need self.$field)
                    .filter(|_| from <= $id && $id <= to)
                {
                    thrift_form::write_field(out, $id, value)?;
                } )*
                Ok(())
            }

            fn json_fields<M: SerializeMap>(
                &self,
                map: &mut M,
                from: i16,
                to: i16,
            ) -> Result<(), M::Error> {
                $( if let Some(value) = present!($need self.$field)
                    .filter(|value| from <= $id && $id <= to && !value.left_out_of_json())
                {
                    map.serialize_entry($wire, value)?;
                } )*
                Ok(())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                // Where nobody reads along, the shorter form.
                if !to.is_human_readable() {
                    let mut bytes = Vec::new();
                    thrift_form::encode(self, &mut bytes);
                    return to.serialize_bytes(&bytes);
                }
                let mut map = to.serialize_map(None)?;
                self.json_fields(&mut map, 1, i16::MAX)?;
                map.end()
            }
        }

        /// From what is serialised where nobody reads along. JSON is read by `decode`, which says
        /// more about what is wrong with it.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_bytes(InBytes(PhantomData))
            }
        }

        impl Wire for $name {
            const TYPE: TType = TType::Struct;

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                $( let mut $field: Option<$type> = None; )*
                reader.begin_struct()?;
                while let Some((id, found)) = reader.field()? {
                    match id {
                        $( $id => {
                            let value = thrift_form::value(reader, found, $field.as_ref());
                            $field = Some(value.map_err(|error| error.within($wire))?);
                        } )*
                        _ => reader.skip(found)?,
                    }
                }
                reader.end_struct()?;
                Ok(Self { $( $field: thrift_found!($need $field $wire), )* })
            }

            fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
                thrift_writer::begin_struct(out)?;
                self.write_fields(out, 1, i16::MAX)?;
                thrift_writer::end_struct(out)
            }

            fn from_json<'de, D: Deserializer<'de>>(
                from: D,
                context: &Context<'_>,
            ) -> Result<Self, D::Error> {
                struct Fields<'a>(&'a Context<'a>);

                impl<'de> Visitor<'de> for Fields<'_> {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(stringify!($name))
                    }

                    fn visit_map<M: MapAccess<'de>>(self, mut from: M) -> Result<$name, M::Error> {
                        $( let mut $field: Option<$type> = None; )*
                        while let Some(name) = from.next_key_seed(FieldName(&[$($wire),*]))? {
                            match name {
                                $( Some(name @ $wire) => {
                                    json::value(&mut from, self.0, name, &mut $field)?;
                                } )*
                                _ => from.next_value_seed(Skip(self.0))?,
                            }
                        }
                        Ok($name { $( $field: json_found!($need $field $wire self.0), )* })
                    }
                }

                from.deserialize_map(Fields(context))
            }
        }

        impl $name {
            /// Reads a body, all of it or nothing.
            ///
            /// # Errors
            /// What is wrong with it, and in which field.
            pub fn decode(form: Form, body: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
                body::decode(form, body, limits)
            }

            /// Returns the frame in which a server sends it.
            #[must_use]
            pub fn to_frame(&self, form: Form, kind: Kind) -> Vec<u8> {
                body::encode(form, kind.number(), &[], self)
            }

            /// Returns the frame in which a server sends it to get a receipt that repeats `id`.
            #[must_use]
            pub fn to_sync_frame(&self, form: Form, kind: Kind, id: u32) -> Vec<u8> {
                body::encode(form, kind.number() | 0x80, &id.to_be_bytes(), self)
            }

            /// Returns the frame in which a client sends it.
            #[must_use]
            pub fn to_request(&self, form: Form, kind: Kind) -> Vec<u8> {
                body::encode(form, body::request_byte(form, kind), &[], self)
            }
        }
    )* };
}

messages! {
    /// A user and one of their devices.
    Tid {
        /// The account's id.
        1 req node "node" String;
        /// A namespace for accounts.
        2 opt domain "domain" String;
        /// What the device calls itself.
        3 opt resource "resource" String;
        /// The device kind, as the application numbers them.
        4 opt termtyp "termtyp" i8;
        /// Whatever the application adds.
        5 opt extend "extend" BTreeMap<String, String>;
    }

    /// A login, or a request for an account or a token.
    TimAuth {
        /// The account's name.
        1 opt name "name" String;
        /// Its password.
        2 opt pwd "pwd" Secret;
        /// A namespace for accounts.
        3 opt domain "domain" String;
        /// What the device calls itself.
        4 opt resource "resource" String;
        /// The device kind, as the application numbers them.
        5 opt termtyp "termtyp" i8;
        /// A token in place of the password.
        6 opt token "token" Secret;
        /// Whatever the application adds; it goes out with every presence of the session.
        7 opt extend "extend" BTreeMap<String, String>;
    }

    /// Why something was refused.
    TimError {
        /// See [`Code`].
        1 opt code "code" i32;
        /// The same in words.
        2 opt info "info" String;
    }

    /// The server's answer.
    TimAck {
        /// Whether it was done.
        1 req ok "ok" bool;
        /// The type of the frame that is answered.
        2 req tim_type "timType" i8;
        /// Why it was not.
        3 opt error "error" TimError;
        /// Depends on the type: the rtype of a roster change, a server's hash at login.
        4 opt t "t" i64;
        /// Depends on the type: a node, a token.
        5 opt n "n" String;
        /// Depends on the type.
        6 opt t2 "t2" i64;
        /// Depends on the type: the session's id at login.
        7 opt n2 "n2" String;
    }

    /// A presence.
    TimPresence {
        /// Its number, the server's: a client's own is not kept.
        1 opt id "id" i64;
        /// Whether this is the notice that the user has gone: the server says so, never a client.
        2 opt offline "offline" bool;
        /// By convention 1 asks for the receiver's own, 2 answers.
        3 opt sub_status "subStatus" i8;
        /// Who it is from: taken from the session's login, never from the client.
        4 opt from_tid "fromTid" Tid;
        /// Who is told.
        5 opt to_tid "toTid" Tid;
        /// Who is to be told, in a request; receivers never see it.
        6 opt to_list "toList" Vec<String>;
        /// Online, away, busy: a number of the application's.
        7 opt show "show" i16;
        /// What the user says.
        8 opt status "status" String;
        /// Whatever the application adds.
        9 opt extend "extend" BTreeMap<String, String>;
        /// The same in bytes.
        10 opt extra "extra" BTreeMap<String, Bytes>;
    }

    /// A request, mostly about the roster.
    TimReq {
        /// What is asked for: see [`rtype`](crate::rtype).
        1 opt rtype "rtype" i32;
        /// Whom it is about.
        2 opt node "node" String;
        /// Not used for rosters.
        3 opt node2 "node2" String;
        /// Not used for rosters.
        4 opt req_int "reqInt" i64;
        /// Not used for rosters.
        5 opt req_int2 "reqInt2" i64;
        /// The words that go with a request to be friends.
        6 opt req_str "reqStr" String;
        /// Not used for rosters.
        7 opt req_str2 "reqStr2" String;
    }

    /// What is known of a user. (Of tim's profile only the name; the rest is passed over.)
    TimUserBean {
        /// What the user is called.
        1 opt name "name" String;
    }

    /// A list of nodes, or what is known of them. (tim's profiles of rooms, field 4, are passed
    /// over.)
    TimNodes {
        /// What it lists: see [`ntype`](crate::ntype).
        1 req ntype "ntype" i32;
        /// The nodes.
        2 opt nodelist "nodelist" Vec<String>;
        /// What is known of each.
        3 opt usermap "usermap" BTreeMap<String, TimUserBean>;
        /// Whose list it is, where that is not plain.
        5 opt node "node" String;
    }

    /// A message; here only what tells a user of a change to the roster.
    TimMessage {
        /// 2 from a user.
        1 req ms_type "msType" i8;
        /// 4 for a matter of the roster.
        2 req od_type "odType" i8;
        /// Its number.
        3 opt id "id" i64;
        /// Its number in a conversation.
        4 opt mid "mid" i64;
        /// What has happened: see [`rtype`](crate::rtype).
        5 opt bn_type "bnType" i32;
        /// Who did it.
        6 opt from_tid "fromTid" Tid;
        /// Who is told.
        7 opt to_tid "toTid" Tid;
        /// A room.
        8 opt room_tid "roomTid" Tid;
        /// Content as bytes.
        9 opt data_binary "dataBinary" Bytes;
        /// Content as text: the words that go with a request to be friends.
        10 opt data_string "dataString" String;
        /// Whether it was kept while the user was away.
        11 opt is_offline "isOffline" bool;
        /// Nanoseconds since 1970.
        12 opt timestamp "timestamp" i64;
        /// The application's.
        13 opt udtype "udtype" i16;
        /// The application's.
        14 opt udshow "udshow" i16;
        /// Whatever the application adds.
        15 opt extend "extend" BTreeMap<String, String>;
        /// The same in bytes.
        16 opt extra "extra" BTreeMap<String, Bytes>;
        /// Who is to be told, in a request. (tim's capital letter.)
        17 opt to_list "ToList" Vec<String>;
    }
}

impl Tid {
    /// Returns a user without a device.
    #[must_use]
    pub fn of(node: impl Into<String>) -> Self {
        Self { node: node.into(), ..Self::default() }
    }
}

impl TimAck {
    /// Returns the ack that something is done.
    #[must_use]
    pub fn done(kind: Kind) -> Self {
        Self { ok: true, tim_type: kind.tim_type(), ..Self::default() }
    }

    /// Returns the ack that something is refused.
    #[must_use]
    pub fn refused(kind: Kind, code: Code) -> Self {
        let error = TimError { code: Some(code.number()), info: Some(code.info().to_owned()) };
        Self { tim_type: kind.tim_type(), error: Some(error), ..Self::default() }
    }
}
