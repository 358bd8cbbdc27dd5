//! The resource that stands for a caller at `/Me` (RFC 7644 §3.11): the only
//! one that meets the filter in the caller's settings. It is looked up for each
//! request, since the store may be changed by others.

use crate::{
    auth::Principal,
    config::MeSettings,
    gateway::{Context, Gateway, TypeId},
    mapping::Mapping,
    scim::{
        Json,
        error::ScimError,
        filter::{
            Filter, eval,
            parse::{FilterRules, parse},
        },
        message::SearchRequest,
    },
};

/// Finds the type that a setting means, and reads its filter.
///
/// # Errors
///
/// 501 if the mapping has no such type, 400 `invalidFilter`.
pub fn check(mapping: &Mapping, me: &MeSettings) -> Result<(TypeId, Filter), ScimError> {
    let mut types = mapping.types.iter().enumerate();
    let found = types.find(|(_, ty)| ty.resource_type.name == me.resource_type);
    let (ty, mapping) =
        found.ok_or_else(|| ScimError::not_implemented("The mapping has no resource type of this name."))?;
    let filter = parse(&me.filter, &FilterRules::default())?;
    eval::check(&filter, &mapping.resource_type)?;
    Ok((ty, filter))
}

impl Gateway {
    /// The type of the resource that stands for a caller.
    ///
    /// # Errors
    ///
    /// 501 if there is no setting for it.
    pub fn type_of_me(&self, principal: &Principal) -> Result<TypeId, ScimError> {
        let me = principal.me.as_ref().ok_or_else(not_set)?;
        check(&self.mapping, me).map(|(ty, _)| ty)
    }

    /// The id of the resource that stands for the caller.
    ///
    /// # Errors
    ///
    /// 404 if none, or more than one, meets the filter; 403, 501, 503.
    pub async fn find_me(&self, cx: &Context) -> Result<String, ScimError> {
        let me = cx.principal.me.as_ref().ok_or_else(not_set)?;
        let (ty, filter) = check(&self.mapping, me)?;
        let attributes = Some("id".to_owned());
        let query =
            SearchRequest { filter: Some(filter), attributes, count: Some(2), ..SearchRequest::default() };
        let found = self.search(cx, ty, &query).await?;
        let resources = found.get("Resources").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        match resources {
            [one] => {
                let id = one.get("id").and_then(Json::as_str);
                Ok(id.ok_or_else(super::identity::not_found)?.to_owned())
            }
            [] => Err(ScimError::not_found("No resource stands for this client.")),
            _ => {
                tracing::warn!(client = cx.principal.client, "several resources meet the filter of `me`");
                Err(ScimError::not_found("No single resource stands for this client."))
            }
        }
    }
}

fn not_set() -> ScimError {
    ScimError::not_implemented("No resource stands for this client: `/Me` is not set up for it.")
}
