//! One page of a listing: which one is asked for, and its resources.

use std::collections::HashMap;

use super::question::Question;
use crate::{
    gateway::{
        Context, Gateway, TypeId,
        cursor::{Binding, Cursor, Sealer},
        identity::failed,
        listing::Match,
        present::wanted,
    },
    scim::{
        Object,
        error::ScimError,
        message::{Page, SearchRequest, SortOrder},
    },
};

/// Where a page begins.
pub(super) enum Place {
    /// At this index; the first one is 0.
    Index(usize),
    /// At the beginning; further pages have cursors.
    First,
    /// Where a cursor says.
    Cursor(Cursor),
}

/// The page that a client asks for.
pub(super) struct Asked<'g> {
    /// Most resources in it.
    pub(super) count: usize,
    /// Where it begins.
    pub(super) place: Place,
    /// Makes the cursors of other pages, if they have any.
    cursors: Option<(&'g Sealer, Binding)>,
    now: i64,
}

impl Gateway {
    /// Reads which page is asked for.
    pub(super) async fn asked(
        &self,
        cx: &Context,
        types: &[TypeId],
        query: &SearchRequest,
    ) -> Result<Asked<'_>, ScimError> {
        let most = self.limits.max_results;
        let count =
            query.count.map_or(self.limits.default_page, |c| usize::try_from(c).unwrap_or(usize::MAX));
        let now = crate::ops::clock::now().unix_timestamp();
        let Some(cursor) = &query.cursor else {
            let start = usize::try_from(query.start_index.saturating_sub(1)).unwrap_or(0);
            // D-16
            return Ok(Asked { count: count.min(most), place: Place::Index(start), cursors: None, now });
        };
        if count > most {
            return Err(ScimError::invalid_count(format!("`count` must be between 0 and {most}.")));
        }
        let sealer = self.sealer().await?;
        let binding = self.binding(cx, types, query)?;
        let place = if cursor.is_empty() {
            Place::First
        } else {
            let cursor = sealer.open(cursor, &binding, now, self.limits.cursor_timeout_secs)?;
            if cursor.count != count {
                return Err(ScimError::invalid_count(format!(
                    "`count` must be the same on each page; the cursor was given out for {}.",
                    cursor.count
                )));
            }
            Place::Cursor(cursor)
        };
        Ok(Asked { count, place, cursors: Some((sealer, binding)), now })
    }

    async fn sealer(&self) -> Result<&Sealer, ScimError> {
        let make = || async { self.correlation.secret("cursor").await.map(|key| Sealer::new(&key)) };
        self.sealer.get_or_try_init(make).await.map_err(|e| failed(&e))
    }

    /// Everything that must be the same on each page, but for `count`, which has an error of its own.
    fn binding(&self, cx: &Context, types: &[TypeId], query: &SearchRequest) -> Result<Binding, ScimError> {
        let scopes = format!("{:?}", cx.principal.scopes);
        let mut names = Vec::new();
        for ty in types {
            names.push(self.ty(*ty)?.resource_type.name.as_str());
        }
        let filter = query.filter.as_ref().map(ToString::to_string);
        let sort = query.sort_by.as_ref().map(ToString::to_string);
        let order = format!("{:?}", query.sort_order);
        let tenant = self.correlation.tenant();
        let texts = [
            Some(tenant),
            Some(cx.principal.client.as_str()),
            Some(&scopes),
            filter.as_deref(),
            sort.as_deref(),
            Some(&order),
            query.attributes.as_deref(),
            query.excluded_attributes.as_deref(),
        ];
        // A parameter that is absent and one that is empty are the same query.
        Ok(Binding::new(texts.into_iter().map(Option::unwrap_or_default).chain(names)))
    }

    /// The resources of a part of a listing, in its order; one that vanished meanwhile is left out.
    pub(super) async fn load_page(
        &self,
        cx: &Context,
        questions: &[Question],
        matches: &[Match],
    ) -> Result<Vec<Object>, ScimError> {
        let mut resources: Vec<Option<Object>> = vec![None; matches.len()];
        for question in questions {
            let own = matches.iter().enumerate().filter(|(_, m)| m.ty == question.ty);
            let places: HashMap<&str, usize> = own.map(|(index, m)| (&*m.anchor, index)).collect();
            if places.is_empty() {
                continue;
            }
            let mapping = self.ty(question.ty)?;
            let reads = mapping.reads_for(&wanted(&question.selection));
            let predicate = mapping.anchor_predicate(places.keys().copied());
            let records = self.load(question.ty, predicate, &reads, None).await?;
            let known = self.correlate(question.ty, records).await?;
            let shown = self.present(cx, question.ty, &known, &question.selection).await?;
            for (known, resource) in known.iter().zip(shown) {
                let place = places.get(known.row.anchor.as_str()).and_then(|i| resources.get_mut(*i));
                if let Some(place) = place {
                    *place = Some(resource);
                }
            }
        }
        Ok(resources.into_iter().flatten().collect())
    }
}

impl Asked<'_> {
    /// Where the page starts and ends in a listing. `is_open`: it is the listing that the page belongs
    /// to; otherwise a cursor's place must be looked for.
    pub(super) fn range(&self, matches: &[Match], order: SortOrder, is_open: bool) -> (usize, usize) {
        let start = match &self.place {
            Place::Index(start) => *start,
            Place::First => 0,
            Place::Cursor(cursor) if is_open => cursor.offset,
            Place::Cursor(cursor) => cursor.after.as_ref().map_or(0, |after| after.find(matches, order)),
        };
        (start, start.saturating_add(self.count).min(matches.len()))
    }

    /// What the answer says of the page; `number` is that of the listing.
    pub(super) fn page(
        &self,
        matches: &[Match],
        (start, end): (usize, usize),
        number: u64,
    ) -> Result<Page, ScimError> {
        let Some((sealer, binding)) = &self.cursors else { return Ok(Page::Index(start.saturating_add(1))) };
        let cursor = |offset: usize| {
            let before = offset.checked_sub(1).and_then(|i| matches.get(i));
            let cursor = Cursor {
                issued: self.now,
                count: self.count,
                listing: number,
                offset,
                after: before.map(Match::position),
            };
            sealer.seal(&cursor, binding)
        };
        let next = if self.count > 0 && end < matches.len() { Some(cursor(end)?) } else { None };
        let has_previous = self.count > 0 && start > 0;
        let previous = if has_previous { Some(cursor(start.saturating_sub(self.count))?) } else { None };
        Ok(Page::Cursor { next, previous })
    }
}
