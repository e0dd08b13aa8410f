//! Answers to the operator, as JSON.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A refusal, and why.
pub(super) struct No(pub(super) StatusCode, pub(super) String);

impl IntoResponse for No {
    fn into_response(self) -> Response {
        json(self.0, &serde_json::json!({ "error": self.1 }))
    }
}

/// What was asked for cannot be.
pub(super) fn bad(why: String) -> No {
    No(StatusCode::BAD_REQUEST, why)
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer to the operator could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
