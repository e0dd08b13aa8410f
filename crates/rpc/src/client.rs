//! Clients with this project's size limits. The deadline is the channel's.

use tonic::transport::Channel;

use crate::proto::register_client::RegisterClient;
use crate::proto::sfu_client::SfuClient;
use crate::proto::signal_client::SignalClient;
use crate::{MAX_REPLY_BYTES, MAX_REQUEST_BYTES};

/// Speaks to a register.
#[must_use]
pub fn register(channel: Channel) -> RegisterClient<Channel> {
    RegisterClient::new(channel)
        .max_encoding_message_size(MAX_REQUEST_BYTES)
        .max_decoding_message_size(MAX_REPLY_BYTES)
}

/// Speaks to an SFU.
#[must_use]
pub fn sfu(channel: Channel) -> SfuClient<Channel> {
    SfuClient::new(channel)
        .max_encoding_message_size(MAX_REQUEST_BYTES)
        .max_decoding_message_size(MAX_REPLY_BYTES)
}

/// Speaks to a signalling node.
#[must_use]
pub fn signal(channel: Channel) -> SignalClient<Channel> {
    SignalClient::new(channel)
        .max_encoding_message_size(MAX_REQUEST_BYTES)
        .max_decoding_message_size(MAX_REPLY_BYTES)
}
