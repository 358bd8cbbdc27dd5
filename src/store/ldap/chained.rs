//! Finds entries that lead to others by way of entries between, such as the groups above a group.

use super::{filter::Filter, plan::Plan, pool::Pool, select::Selection, server::Vendor};
use crate::store::{FieldId, Row, Select, StoreError};

/// The rows of a selection that lead to one of these names; `None` if the server does not follow names itself.
pub(super) async fn rows(
    pool: &Pool,
    select: &Select,
    mut plan: Plan,
    field: FieldId,
    names: &[String],
) -> Result<Option<Vec<Row>>, StoreError> {
    if pool.server().await?.vendor != Vendor::ActiveDirectory {
        return Ok(None);
    }
    let attribute = select.bag.field_name(field);
    let any = Filter::or(names.iter().map(|name| Filter::leading_to(attribute, name)).collect());
    plan.filter = Filter::and(vec![plan.filter, any]);
    plan.is_selective = true;
    let selection = Selection { pool, bag: &select.bag, plan: &plan, fields: &select.fields, limit: None };
    selection.kept(&Some).await.map(Some)
}
