//! The two encodings of a body.

/// How a body is encoded. A session is answered in the form of its login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A JSON object.
    Json,
    /// A struct in Thrift's compact protocol.
    Thrift,
}
