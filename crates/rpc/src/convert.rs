//! Between the wire and the model. Reading checks every field and names the one that is wrong;
//! writing cannot fail.

mod field;
mod media;
mod read;
mod write;

pub use field::{
    InvalidField, connection_owner, json, media_info, node_id, present, room_id, stream_id, subscription_id,
    user_id,
};

#[cfg(test)]
mod tests;
