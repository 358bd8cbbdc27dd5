//! Queries (RFC 7644 §3.4.2): the filter is pushed to the store as far as its
//! lenses allow, the rest is decided in memory over a bounded set of
//! candidates; the store's collation or matching rule never has the last word.
//!
//! A query of one type and one over all types are answered alike: as a list of
//! questions, one for each type, whose matches are one listing.

mod joined;
mod matches;
mod page;
mod question;

use self::page::Place;
pub(super) use self::question::{Question, Reach};
use crate::{
    auth::Action,
    gateway::{
        Context, Gateway, TypeId,
        listing::{ListingKey, Listings},
    },
    scim::{
        Json,
        error::ScimError,
        message::{ListResponse, SearchRequest},
    },
};

impl Gateway {
    /// Answers a query with a page of resources of one type.
    ///
    /// # Errors
    ///
    /// 400 `invalidFilter`, `invalidValue`, `invalidCursor`, `expiredCursor`, `invalidCount` or
    /// `tooMany`, 403, 503.
    pub async fn search(&self, cx: &Context, ty: TypeId, query: &SearchRequest) -> Result<Json, ScimError> {
        self.permitted(cx, ty, Action::Read)?;
        self.answer(cx, &[ty], Reach::Type, query).await
    }

    /// Answers a query with a page of resources of all types that the caller may read (RFC 7644
    /// §3.4.2.1), in the order of the types unless `sortBy` says otherwise.
    ///
    /// # Errors
    ///
    /// As [`Self::search`].
    pub async fn search_all(&self, cx: &Context, query: &SearchRequest) -> Result<Json, ScimError> {
        let types = self.mapping.types.iter().enumerate();
        let types: Vec<TypeId> = types
            .filter(|(_, t)| cx.principal.may(Action::Read, &t.resource_type.name))
            .map(|(ty, _)| ty)
            .collect();
        if types.is_empty() {
            return Err(ScimError::forbidden("These credentials do not permit to read resources."));
        }
        self.answer(cx, &types, Reach::Everything, query).await
    }

    async fn answer(
        &self,
        cx: &Context,
        types: &[TypeId],
        reach: Reach,
        query: &SearchRequest,
    ) -> Result<Json, ScimError> {
        let asked = self.asked(cx, types, query).await?;
        let questions = self.questions(cx, types, reach, query).await?;
        let order = query.sort_order;
        if let [question] = questions.as_slice()
            && let Some(found) = self.few(cx, question, order, asked.count).await?
        {
            let (matches, known): (Vec<_>, Vec<_>) = found.into_iter().unzip();
            let (start, end) = asked.range(&matches, order, false);
            let known = known.get(start..end).unwrap_or_default();
            let resources = self.present(cx, question.ty, known, &question.selection).await?;
            let page = asked.page(&matches, (start, end), 0)?;
            return Ok(ListResponse { total_results: matches.len(), page, resources }.body());
        }
        let key = listing_key(cx, types, query);
        let open = match &asked.place {
            Place::Index(start) => self.listings.resume(&key, *start),
            Place::Cursor(cursor) => self.listings.find(&key, cursor.listing),
            Place::First => None,
        };
        let is_open = open.is_some();
        let (number, matches) = match open {
            Some(open) => open,
            None => (Listings::number(), self.matches(cx, &questions, query).await?),
        };
        let (start, end) = asked.range(&matches, order, is_open);
        let slice = matches.get(start..end).unwrap_or_default();
        let resources = self.load_page(cx, &questions, slice).await?;
        if asked.count > 0 {
            self.listings.keep(key, number, (start, end), &matches);
        }
        let page = asked.page(&matches, (start, end), number)?;
        Ok(ListResponse { total_results: matches.len(), page, resources }.body())
    }
}

fn listing_key(cx: &Context, types: &[TypeId], query: &SearchRequest) -> ListingKey {
    let text = |shown: Option<String>| shown.unwrap_or_default();
    let filter = text(query.filter.as_ref().map(ToString::to_string));
    let sort = text(query.sort_by.as_ref().map(ToString::to_string));
    ListingKey {
        client: cx.principal.client.clone(),
        query: format!("{types:?}\n{sort}\n{:?}\n{filter}", query.sort_order),
    }
}
