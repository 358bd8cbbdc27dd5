//! Pieces that several routes share, and the names of routes.
//!
//! actix matches a path with a variable, and each of several paths of one
//! resource, by a regular expression. Whatever stands in front of the most
//! frequent routes is therefore a literal.

use actix_web::{
    HttpResponse, Resource, ResponseError as _, Route, Scope, guard,
    http::header::{ALLOW, HeaderValue},
    web,
};

use crate::{
    http::{base_url::ROOT, error::Failure},
    scim::{error::ScimError, schema::ResourceType},
};

/// Serves a resource under a path, and under the same path with a slash at its end.
pub(crate) fn serve(scope: Scope, path: &str, resource: impl Fn(Resource) -> Resource) -> Scope {
    let with_slash = format!("{path}/");
    scope.service(resource(web::resource(path))).service(resource(web::resource(with_slash)))
}

/// The patterns of all routes.
///
/// actix knows them too, but finds the one of a request by matching everything once more.
pub(crate) struct Patterns(Vec<String>);

impl Patterns {
    /// The patterns of the fixed routes and of those of each resource type.
    pub(crate) fn new(types: &[&ResourceType]) -> Self {
        let of_type =
            |ty: &&ResourceType| ["", "/.search", "/{id}"].map(|end| format!("{}{end}", ty.endpoint));
        let fixed = [
            "",
            "/ServiceProviderConfig",
            "/ResourceTypes",
            "/ResourceTypes/{name}",
            "/Schemas",
            "/Schemas/{urn}",
            "/Me",
            "/Bulk",
            "/.search",
        ];
        let scim = types.iter().flat_map(of_type).chain(fixed.map(str::to_owned));
        let health = ["/health/live", "/health/ready"].map(str::to_owned);
        Self(scim.map(|path| format!("{ROOT}{path}")).chain(health).collect())
    }

    /// The pattern that a path is of; a slash at its end does not matter.
    pub(crate) fn find(&self, path: &str) -> Option<&str> {
        let path = path.strip_suffix('/').unwrap_or(path);
        self.0.iter().map(String::as_str).find(|pattern| is_of(path, pattern))
    }
}

fn is_of(path: &str, pattern: &str) -> bool {
    let (mut path, mut pattern) = (path.split('/'), pattern.split('/'));
    loop {
        match (path.next(), pattern.next()) {
            (None, None) => return true,
            (Some(given), Some(known)) if given == known || (known.starts_with('{') && !given.is_empty()) => {
            }
            _ => return false,
        }
    }
}

/// A route for GET and for HEAD, whose answer the server sends without the body (RFC 9110 §9.3.2).
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Answers 405 and names the methods that are allowed (7644-3.2-d).
pub(crate) fn not_allowed(allow: &'static str) -> Route {
    web::to(move || async move { answer(&method_not_allowed(allow)) })
}

/// The refusal of a method, which names those that are allowed.
pub(crate) fn method_not_allowed(allow: &'static str) -> Failure {
    let error = ScimError::method_not_allowed(format!("Allowed here: {allow}."));
    Failure::with_header(error, ALLOW, HeaderValue::from_static(allow))
}

/// Answers 404 for a path that nothing serves.
pub(crate) async fn unknown() -> HttpResponse {
    answer(&ScimError::not_found("There is no such endpoint.").into())
}

fn answer(failure: &Failure) -> HttpResponse {
    failure.error_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schemas::user_type;

    #[test]
    fn the_pattern_of_a_path_holds_none_of_its_values() {
        let patterns = Patterns::new(&[&user_type()]);
        for (path, expected) in [
            ("/scim/v2/Users", Some("/scim/v2/Users")),
            ("/scim/v2/Users/", Some("/scim/v2/Users")),
            ("/scim/v2/Users/secret", Some("/scim/v2/Users/{id}")),
            ("/scim/v2/Users/secret/", Some("/scim/v2/Users/{id}")),
            ("/scim/v2/Users/.search", Some("/scim/v2/Users/.search")),
            ("/scim/v2/Users/secret/more", None),
            ("/scim/v2/Users//", None),
            ("/scim/v2/users", None),
            ("/scim/v2/Schemas/urn:x", Some("/scim/v2/Schemas/{urn}")),
            ("/scim/v2", Some("/scim/v2")),
            ("/scim", None),
            ("/", None),
            ("/health/live", Some("/health/live")),
        ] {
            assert_eq!(patterns.find(path), expected, "{path}");
        }
    }
}
