//! Resources that were given up because the store did not have them when they were asked for, and that it has all the same:
//! a server was behind, or an entry was elsewhere for a while. Who asks for the id finds them, as a listing does.

use std::sync::Arc;

use crate::{
    correlation::{Buried, Row},
    gateway::{Gateway, TypeId, identity::failed, survey::roots},
    scim::error::ScimError,
};

impl Gateway {
    /// The rows of those of these ids whose resources have come back. The store is asked only if an id was given up, and
    /// where an anchor is never another one's.
    pub(super) async fn come_back(&self, ty: TypeId, ids: &[String]) -> Result<Vec<Arc<Row>>, ScimError> {
        let mapping = self.ty(ty)?;
        if ids.is_empty() || mapping.buried() != Buried::Revive {
            return Ok(Vec::new());
        }
        let name = &mapping.resource_type.name;
        let buried = self.correlation.find_buried(name, ids).await.map_err(|e| failed(&e))?;
        if buried.is_empty() {
            return Ok(Vec::new());
        }
        let there = mapping.anchor_predicate(buried.iter().map(|row| row.anchor.as_str()));
        let records = self.load(ty, there, &roots(mapping), None).await?;
        // Which looks up ids itself.
        let known = Box::pin(self.correlate(ty, records)).await?;
        Ok(known.into_iter().map(|known| known.row).filter(|row| ids.contains(&row.id)).collect())
    }
}
