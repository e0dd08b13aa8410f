//! What callers are told when a call fails.

use cluster::StoreError;
use model::ErrorCode;
use tonic::Status;

/// A store's error as a status. An unavailable store is logged by its backend, once, not by every
/// call that finds it so.
pub(crate) fn failed(error: StoreError) -> Status {
    match error {
        StoreError::Refused(refusal) => rpc::status::from_refusal(refusal),
        StoreError::Unavailable(reason) => {
            tracing::debug!(%reason, "the store is unavailable");
            rpc::status::refuse(ErrorCode::RegisterSilent, "the register cannot reach its store")
        }
        StoreError::Late => {
            tracing::debug!("a call came too late");
            let why = "the call came too late and changed nothing";
            rpc::status::with_code(tonic::Code::Aborted, ErrorCode::RegisterSilent, why)
        }
    }
}

/// Refuses a batch that is too long.
pub(crate) fn bounded(field: &str, len: usize) -> Result<(), Status> {
    if len <= rpc::MAX_BATCH {
        return Ok(());
    }
    let message = format!("{field} has {len} entries, expected at most {}", rpc::MAX_BATCH);
    Err(rpc::status::with_code(tonic::Code::InvalidArgument, ErrorCode::Limit, message))
}
