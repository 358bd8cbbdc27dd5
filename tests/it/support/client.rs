//! A small SCIM client: every status is an answer, none is an error.

use std::{fmt, time::Duration};

use serde_json::Value as Json;
use ureq::http::{HeaderMap, Method, Request};

/// Sends requests to one base URL with one token.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    authorization: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// The body; null if there was none.
    pub(crate) json: Json,
}

impl Client {
    /// A client of `base` (which ends in `/scim/v2`).
    pub(crate) fn new(base: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build();
        let authorization = Some(format!("Bearer {token}"));
        Self { agent: config.into(), base: base.to_owned(), authorization }
    }

    /// The same client with another `Authorization` header, or none.
    pub(crate) fn with_authorization(&self, authorization: Option<&str>) -> Self {
        Self { authorization: authorization.map(str::to_owned), ..self.clone() }
    }

    /// `GET`; the path starts with a slash and may have a query string.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[])
    }

    /// `POST`.
    pub(crate) fn post(&self, path: &str, body: &Json) -> Answer {
        self.send(Method::POST, path, Some(body), &[])
    }

    /// `PUT`.
    pub(crate) fn put(&self, path: &str, body: &Json) -> Answer {
        self.send(Method::PUT, path, Some(body), &[])
    }

    /// `PATCH` with these operations.
    pub(crate) fn patch(&self, path: &str, operations: Json) -> Answer {
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let body = serde_json::json!({ "schemas": [schema], "Operations": operations });
        self.send(Method::PATCH, path, Some(&body), &[])
    }

    /// `DELETE`.
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[])
    }

    /// Any request, with further headers.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut all = headers.to_vec();
        if body.is_some() {
            all.push(("content-type", "application/scim+json"));
        }
        let text = body.map(Json::to_string);
        self.send_text(&method, path, text.as_deref().map(str::as_bytes), &all)
    }

    /// Any request with any text as its body, and only these headers besides the token.
    pub(crate) fn send_text(
        &self,
        method: &Method,
        path: &str,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.try_text(method, path, body, headers).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Any request, to a server that may die or be unreachable meanwhile: then, what went wrong.
    pub(crate) fn try_send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Answer, String> {
        let headers: &[_] = if body.is_some() { &[("content-type", "application/scim+json")] } else { &[] };
        let text = body.map(Json::to_string);
        self.try_text(method, path, text.as_deref().map(str::as_bytes), headers)
    }

    fn try_text(
        &self,
        method: &Method,
        path: &str,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method.clone()).uri(format!("{}{path}", self.base));
        let token = self.authorization.as_deref().map(|value| ("authorization", value));
        for (name, value) in headers.iter().copied().chain(token) {
            request = request.header(name, value);
        }
        let answer = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut answer = answer.map_err(|error| format!("{method} {path}: {error}"))?;
        let text = answer.body_mut().read_to_string().map_err(|error| format!("{method} {path}: {error}"))?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            json: if text.is_empty() {
                Json::Null
            } else {
                serde_json::from_str(&text).unwrap_or(Json::String(text))
            },
        })
    }
}

impl Answer {
    /// The `id` of the resource.
    pub(crate) fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("the answer has no id: {self}")).to_owned()
    }

    /// A header as text; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:#}", self.status, self.json)
    }
}
