//! SCIM errors (RFC 7644 §3.12): the status, the `scimType` and one sentence.
//!
//! A [`ScimError`] is made only by the constructors below, so a `scimType`
//! cannot travel with a status that the RFC does not pair it with.

use serde_json::json;

use crate::scim::Json;

/// The `scimType` values of RFC 7644 Table 9 and RFC 9865 §2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the keywords of RFC 7644 Table 9 and RFC 9865")]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidVers,
    Sensitive,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
}

impl ScimType {
    /// The keyword on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// An error as a SCIM client sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {detail}")]
pub struct ScimError {
    status: u16,
    scim_type: Option<ScimType>,
    detail: String,
    retry_after_secs: Option<u32>,
    is_unknown: bool,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $status:expr, $kind:expr;)*) => {
        impl ScimError { $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(detail: impl Into<String>) -> Self {
                Self { status: $status, scim_type: $kind, detail: detail.into(), retry_after_secs: None, is_unknown: false }
            }
        )* }
    };
}

constructors! {
    /// 400 `invalidFilter`: the filter cannot be parsed or the attribute cannot be compared so.
    invalid_filter => 400, Some(ScimType::InvalidFilter);
    /// 400 `tooMany`: the query yields more candidates than the server examines.
    too_many => 400, Some(ScimType::TooMany);
    /// 409 `uniqueness`: a value is in use.
    uniqueness => 409, Some(ScimType::Uniqueness);
    /// 400 `mutability`: the change conflicts with the attribute's mutability.
    mutability => 400, Some(ScimType::Mutability);
    /// 400 `invalidSyntax`: the body's structure is not that of the message.
    invalid_syntax => 400, Some(ScimType::InvalidSyntax);
    /// 400 `invalidPath`: a PATCH path is malformed or names no attribute.
    invalid_path => 400, Some(ScimType::InvalidPath);
    /// 400 `noTarget`: a PATCH path has no target.
    no_target => 400, Some(ScimType::NoTarget);
    /// 400 `invalidValue`: a value is missing or does not fit its attribute.
    invalid_value => 400, Some(ScimType::InvalidValue);
    /// 403 `sensitive`: the query would put sensitive data into a URI.
    sensitive => 403, Some(ScimType::Sensitive);
    /// 400 `invalidCursor`: the cursor was not made for this query (RFC 9865 §2.1).
    invalid_cursor => 400, Some(ScimType::InvalidCursor);
    /// 400 `expiredCursor`: the cursor is too old (RFC 9865 §2.1).
    expired_cursor => 400, Some(ScimType::ExpiredCursor);
    /// 400 `invalidCount`: a page of this size is not served, or the size has changed (RFC 9865 §2.1).
    invalid_count => 400, Some(ScimType::InvalidCount);
    /// 401: no valid credentials.
    unauthorized => 401, None;
    /// 403: valid credentials without the right.
    forbidden => 403, None;
    /// 404: no such resource or endpoint.
    not_found => 404, None;
    /// 405: the method is not allowed here.
    method_not_allowed => 405, None;
    /// 406: no acceptable representation.
    not_acceptable => 406, None;
    /// 409 without `scimType`: a conflict that is not about uniqueness.
    conflict => 409, None;
    /// 412: a precondition failed.
    precondition_failed => 412, None;
    /// 413: the body or the list is larger than the limit.
    too_large => 413, None;
    /// 415: the body's media type is not SCIM or JSON.
    unsupported_media_type => 415, None;
    /// 500: a fault of ours.
    internal => 500, None;
    /// 501: the feature does not exist here.
    not_implemented => 501, None;
}

impl ScimError {
    /// 503: the store cannot be reached; the client should retry after `secs` seconds.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>, secs: u32) -> Self {
        Self {
            status: 503,
            scim_type: None,
            detail: detail.into(),
            retry_after_secs: Some(secs),
            is_unknown: false,
        }
    }

    /// The same answer to a request that may have been carried out, or a part of it.
    #[must_use]
    pub fn of_unknown_outcome(self) -> Self {
        Self { is_unknown: true, ..self }
    }

    /// True if the request may have been carried out.
    #[must_use]
    pub fn has_unknown_outcome(&self) -> bool {
        self.is_unknown
    }

    /// True if trying again later may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.status == 503
    }

    /// The HTTP status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// True if what was to be changed is not what it was expected to be.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.status == 412
    }

    /// The `scimType`, if the RFC gives one.
    #[must_use]
    pub fn scim_type(&self) -> Option<ScimType> {
        self.scim_type
    }

    /// The sentence for the client.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Seconds for the `Retry-After` header.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u32> {
        self.retry_after_secs
    }

    /// The error message body (RFC 7644 §3.12); `status` is a string.
    #[must_use]
    pub fn body(&self) -> Json {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let (Some(kind), Some(object)) = (self.scim_type, body.as_object_mut()) {
            object.insert("scimType".into(), kind.as_str().into());
        }
        body
    }
}
