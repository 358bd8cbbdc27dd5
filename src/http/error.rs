//! The one way an error becomes an HTTP answer (RFC 7644 §3.12).

use std::fmt;

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    },
};

use crate::{http::media, scim::error::ScimError};

/// A SCIM error on its way out, with the headers its status asks for.
#[derive(Debug)]
pub(crate) struct Failure {
    error: ScimError,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    /// Adds a header, such as `Allow` or `WWW-Authenticate`.
    pub(crate) fn with_header(error: ScimError, name: HeaderName, value: HeaderValue) -> Self {
        Self { error, header: Some((name, value)) }
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self { error, header: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponseBuilder::new(self.status_code());
        answer.insert_header((CONTENT_TYPE, media::SCIM));
        if let Some(secs) = self.error.retry_after_secs() {
            answer.insert_header((RETRY_AFTER, secs.to_string()));
        }
        if let Some((name, value)) = &self.header {
            answer.insert_header((name.clone(), value.clone()));
        }
        answer.body(self.error.body().to_string())
    }
}
