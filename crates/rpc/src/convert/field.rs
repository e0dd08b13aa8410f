//! Single fields of a message, checked.

use model::{ErrorCode, JsonText, MediaInfo, NodeId, Owner, RoomId, StreamId, SubscriptionId, UserId};

use crate::proto;

/// A field of a message that is missing or invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct InvalidField {
    /// The field's name.
    pub field: &'static str,
    /// What a client gets to see.
    pub code: ErrorCode,
    /// What was wrong and what was expected. Repeats nothing of the field.
    pub why: String,
}

impl InvalidField {
    fn new(field: &'static str, code: ErrorCode, why: impl Into<String>) -> Self {
        Self { field, code, why: why.into() }
    }
}

/// A field that a message must have.
///
/// # Errors
/// Names the field where it is missing.
pub fn present<T>(value: Option<T>, field: &'static str) -> Result<T, InvalidField> {
    value.ok_or_else(|| InvalidField::new(field, ErrorCode::Internal, "is missing"))
}

/// Reads a room id.
///
/// # Errors
/// Says what is wrong with it.
pub fn room_id(text: &str) -> Result<RoomId, InvalidField> {
    RoomId::parse(text).map_err(|why| InvalidField::new("rid", ErrorCode::Rid, why.to_string()))
}

/// Reads a user id.
///
/// # Errors
/// Says what is wrong with it.
pub fn user_id(text: &str) -> Result<UserId, InvalidField> {
    UserId::parse(text).map_err(|why| InvalidField::new("uid", ErrorCode::Uid, why.to_string()))
}

/// Reads a stream id.
///
/// # Errors
/// Says what is wrong with it.
pub fn stream_id(text: &str) -> Result<StreamId, InvalidField> {
    StreamId::parse(text).map_err(|why| InvalidField::new("mid", ErrorCode::Mid, why.to_string()))
}

/// Reads a subscription id.
///
/// # Errors
/// Says what is wrong with it.
pub fn subscription_id(text: &str) -> Result<SubscriptionId, InvalidField> {
    SubscriptionId::parse(text).map_err(|why| InvalidField::new("sid", ErrorCode::Sid, why.to_string()))
}

/// Reads a node id, of the field named.
///
/// # Errors
/// Says what is wrong with it.
pub fn node_id(text: &str, field: &'static str) -> Result<NodeId, InvalidField> {
    NodeId::parse(text).map_err(|why| InvalidField::new(field, ErrorCode::Internal, why.to_string()))
}

/// Reads media info.
///
/// # Errors
/// Says what is wrong with it.
pub fn media_info(text: &str) -> Result<MediaInfo, InvalidField> {
    MediaInfo::parse(text).map_err(|why| InvalidField::new("minfo_json", ErrorCode::Minfo, why.to_string()))
}

/// Reads the data of a broadcast.
///
/// # Errors
/// Says what is wrong with it.
pub fn json(text: &str) -> Result<JsonText, InvalidField> {
    JsonText::parse(text).map_err(|why| InvalidField::new("data_json", ErrorCode::Data, why.to_string()))
}

/// Reads an owner.
///
/// # Errors
/// Says what is missing or wrong.
pub fn connection_owner(owner: Option<proto::Owner>) -> Result<Owner, InvalidField> {
    let owner = present(owner, "owner")?;
    Ok(Owner { signal: node_id(&owner.signal_id, "owner.signal_id")?, connection: owner.connection })
}
