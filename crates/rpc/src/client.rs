//! Clients with this project's size limits. The deadline is the channel's.

use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::{Body as HttpBody, Bytes, StdError};

use crate::proto::register_client::RegisterClient;
use crate::proto::sfu_client::SfuClient;
use crate::proto::signal_client::SignalClient;
use crate::{MAX_REPLY_BYTES, MAX_REQUEST_BYTES};

/// Speaks to a register.
#[must_use]
pub fn register<T>(channel: T) -> RegisterClient<T>
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    RegisterClient::new(channel)
        .max_encoding_message_size(MAX_REQUEST_BYTES)
        .max_decoding_message_size(MAX_REPLY_BYTES)
}

/// Speaks to an SFU.
#[must_use]
pub fn sfu<T>(channel: T) -> SfuClient<T>
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    SfuClient::new(channel)
        .max_encoding_message_size(MAX_REQUEST_BYTES)
        .max_decoding_message_size(MAX_REPLY_BYTES)
}

/// Speaks to a signalling node.
#[must_use]
pub fn signal<T>(channel: T) -> SignalClient<T>
where
    T: GrpcService<Body>,
    T::Error: Into<StdError>,
    T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    SignalClient::new(channel)
        .max_encoding_message_size(MAX_REQUEST_BYTES)
        .max_decoding_message_size(MAX_REPLY_BYTES)
}
