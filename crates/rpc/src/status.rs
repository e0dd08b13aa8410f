//! Refusals between nodes: a gRPC status that carries the error code a client will see.

use model::{ErrorCode, Refusal};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::convert::InvalidField;

/// The status metadata with the client protocol's error code, in decimal.
pub const CODE_KEY: &str = "anabranch-code";

/// A refusal with the protocol's error code. The message is for people and reaches the client: it
/// says what was wrong and what was expected.
pub fn refuse(error: ErrorCode, message: impl Into<String>) -> Status {
    with_code(grpc_code(error), error, message)
}

/// A refusal with the protocol's error code where its usual gRPC code ([`grpc_code`]) says too
/// little.
pub fn with_code(code: Code, error: ErrorCode, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(CODE_KEY, MetadataValue::from(u16::from(error.number())));
    status
}

/// The protocol's error code that a status carries. None where the other side attached none: a
/// transport's own error (deadline, no connection), for which the caller knows the code that fits
/// whom it called.
#[must_use]
pub fn error_code(status: &Status) -> Option<ErrorCode> {
    ErrorCode::from_number(status.metadata().get(CODE_KEY)?.to_str().ok()?.parse().ok()?)
}

/// What came of a call, in one word for operators: the protocol's error code where the status carries one, or
/// else gRPC's.
#[must_use]
pub fn name(status: &Status) -> &'static str {
    error_code(status).map_or(code_name(status.code()), ErrorCode::name)
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => metrics::OK,
        Code::Cancelled => metrics::CANCELLED,
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

/// The gRPC code that goes with an error code.
#[must_use]
pub fn grpc_code(error: ErrorCode) -> Code {
    match error {
        ErrorCode::Uid
        | ErrorCode::Rid
        | ErrorCode::Mid
        | ErrorCode::Sid
        | ErrorCode::Jsep
        | ErrorCode::Sdp
        | ErrorCode::Minfo
        | ErrorCode::Data => Code::InvalidArgument,
        ErrorCode::NoSuchStream | ErrorCode::NoSuchSubscription => Code::NotFound,
        ErrorCode::NoSfu
        | ErrorCode::NoRegister
        | ErrorCode::SfuSilent
        | ErrorCode::RegisterSilent
        | ErrorCode::Draining => Code::Unavailable,
        ErrorCode::Internal => Code::Internal,
        ErrorCode::NotJoined => Code::FailedPrecondition,
        ErrorCode::NotAllowed => Code::PermissionDenied,
        ErrorCode::Limit | ErrorCode::TooMany => Code::ResourceExhausted,
    }
}

/// A room's refusal as a status.
#[must_use]
pub fn from_refusal(refusal: Refusal) -> Status {
    match refusal {
        Refusal::StreamExists => with_code(Code::AlreadyExists, refusal.error_code(), refusal.to_string()),
        _ => refuse(refusal.error_code(), refusal.to_string()),
    }
}

impl From<InvalidField> for Status {
    fn from(invalid: InvalidField) -> Self {
        with_code(Code::InvalidArgument, invalid.code, invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_status() {
        for &code in ErrorCode::ALL {
            let status = refuse(code, "why");
            assert_eq!(error_code(&status), Some(code));
            assert_eq!(status.message(), "why");
            assert_ne!(status.code(), Code::Ok);
            assert_eq!(name(&status), format!("{code:?}"));
        }
    }

    #[test]
    fn a_status_without_a_known_code_has_none() {
        assert_eq!(error_code(&Status::cancelled("Timeout expired")), None);
        for text in ["", "99", "-1", "five"] {
            let mut status = Status::internal("");
            status.metadata_mut().insert(CODE_KEY, text.parse().unwrap());
            assert_eq!(error_code(&status), None, "{text:?}");
            assert_eq!(name(&status), "Internal");
        }
    }
}
