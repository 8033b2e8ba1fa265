//! Why a request is refused, as RFC 9457 has it.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::host::v1::code::{Code, Fault};

const PROBLEM_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// The longest detail, in bytes: it may repeat what the request says.
const LONGEST_DETAIL: usize = 256;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// What a program goes by.
    code: &'static str,
    /// What a person reads.
    detail: Cow<'static, str>,
    /// After how long the same may succeed.
    retry_ms: Option<u64>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, detail: detail.into(), retry_ms: None }
    }

    /// Returns the answer to what is not as the description of the API has it.
    pub(super) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    pub(super) fn conflict(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Returns the answer when the engine's thread gives none, as the server ends.
    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is stopping")
    }

    /// Returns what the engine's refusal is here.
    pub(super) fn of_fault(fault: &Fault) -> Self {
        let (status, detail) = match fault.code {
            Code::Rate => (StatusCode::TOO_MANY_REQUESTS, "this user directs too much"),
            Code::DirectLimit => (StatusCode::BAD_REQUEST, "too many users for the server"),
            Code::ExpiryLimit => (StatusCode::BAD_REQUEST, "longer than the server lets it hold"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the server cannot do it now"),
        };
        Self { retry_ms: fault.retry_ms, ..Self::new(status, fault.code.text(), detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, detail, retry_ms } = self;
        let mut end = detail.len().min(LONGEST_DETAIL);
        while !detail.is_char_boundary(end) {
            end -= 1;
        }
        let mut body = json!({
            "title": status.canonical_reason().unwrap_or_default(), "status": status.as_u16(),
            "code": code, "detail": detail[..end],
        });
        if let Some(retry_ms) = retry_ms {
            body["retry_ms"] = retry_ms.into();
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_TYPE);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(retry_ms) = retry_ms {
            headers.insert(header::RETRY_AFTER, retry_ms.div_ceil(1_000).into());
        }
        response
    }
}
