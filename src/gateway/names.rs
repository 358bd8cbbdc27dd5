//! Names that stay although no row holds them: those of resources that a client has made or changed. Our own
//! database knows them by a mark in the sidecar.

use futures_util::future::LocalBoxFuture;

use crate::{
    correlation::{Correlation, Row},
    gateway::identity::{side, unside},
    mapping::TypeMapping,
    scim::{Json, Object},
    store::{Bag, StoreError, names::Kept},
};

/// The mark. No attribute can have this name.
const KEPT: &str = "@kept";

/// Our own database, as far as it knows names.
pub(super) struct KeptNames(pub(super) Correlation);

impl Kept for KeptNames {
    fn kept<'a>(
        &'a self,
        bag: &'a Bag,
        among: Option<Vec<String>>,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            let rows = match among {
                Some(names) => self.0.find_by_anchors(&bag.name, &names).await,
                None => self.0.find_by_kept(&bag.name, KEPT, "true").await,
            };
            let rows = rows.map_err(|e| StoreError::Unavailable(e.to_string()))?;
            Ok(rows.iter().filter(|row| is_kept(row)).map(|row| row.anchor.clone()).collect())
        })
    }
}

fn is_kept(row: &Row) -> bool {
    side(row).get(KEPT) == Some(&Json::Bool(true))
}

impl TypeMapping {
    /// Marks what our own database keeps of a resource that a client has made or changed: a name stays
    /// from then on, until a client deletes it.
    pub(super) fn keep_name(&self, side: &mut Object) {
        if self.is_names() {
            side.insert(KEPT.to_owned(), Json::Bool(true));
        }
    }

    /// As [`Self::keep_name`], in the row itself.
    pub(super) fn keep_name_of(&self, row: &mut Row) {
        if self.is_names() {
            let mut side = side(row);
            self.keep_name(&mut side);
            (row.external_id, row.sidecar) = unside(side);
        }
    }
}
