//! Lists that every new resource comes into (`initial` of an inverse lens): it is
//! added to each in the plan that makes it.

use crate::{
    gateway::{Gateway, TypeId, error},
    mapping::lens::Inverse,
    plan::Plan,
    scim::error::ScimError,
    store::{Change, Fold, Predicate, Select, Step, Target, Test, Value},
};

impl Gateway {
    /// The steps that put the resource which a plan makes into the lists of all new ones.
    pub(super) async fn joining(&self, ty: TypeId, plan: &Plan) -> Result<Vec<Step>, ScimError> {
        let mut steps = Vec::new();
        let Some(dn) = &plan.dn else { return Ok(steps) };
        for inverse in self.ty(ty)?.inverses.iter().filter(|inverse| inverse.initial.is_some()) {
            steps.extend(self.joining_one(inverse, dn).await?);
        }
        Ok(steps)
    }

    /// One modify of each holder, without reading its list.
    async fn joining_one(&self, inverse: &Inverse, dn: &str) -> Result<Vec<Step>, ScimError> {
        let Some((by, wanted)) = &inverse.initial else { return Ok(Vec::new()) };
        let holder = self.ty(inverse.holder)?;
        let (bag, dn_field) = (holder.bag(), holder.find_root("dn"));
        let select = Select {
            bag: bag.clone(),
            predicate: Predicate::Field(by.field, Test::OneOf(wanted.clone(), Fold::Exact)),
            fields: bag.key.iter().copied().chain(dn_field).collect(),
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        if rows.len() < wanted.len() {
            tracing::error!(scim.attribute = %inverse.attribute, "a list of the mapping's `initial` is not there");
            return Err(ScimError::internal("A list that every new resource belongs to does not exist."));
        }
        let list = holder.shape.part(inverse.part).values_of().unwrap_or(inverse.pointer.field);
        let pointer = inverse.stored(dn).map(Value::Text).into_iter();
        let changes: Vec<Change> = pointer.map(|value| Change::Add(list, vec![value])).collect();
        let steps = rows.iter().filter_map(|row| {
            let dn = row.first(dn_field?)?.to_text();
            let anchor = row.first(*bag.key.first()?)?.clone();
            let target = Target::Entry { dn, anchor };
            Some(Step::Update { bag: bag.clone(), target, changes: changes.clone(), required: true })
        });
        Ok(steps.collect())
    }
}
