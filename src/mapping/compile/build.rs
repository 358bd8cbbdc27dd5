//! Closes the bags: default types of fields, and which rows are ours.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    mapping::{
        compile::{Compiler, TypeDraft, forms::is_of_the_classes},
        form::{Answers, Cond, Eval},
        record::Record,
        shape::{FieldRef, PartId},
    },
    store::{FieldKind, Fold, Predicate, Source, Test, Value, opened::Held},
};

impl Compiler {
    /// Closes the bags of every type.
    pub(super) fn build(&mut self) {
        let ldap = self.is_ldap();
        for draft in &mut self.types {
            draft.share_kinds();
            for part in &mut draft.shape.parts {
                for field in &mut Arc::make_mut(&mut part.bag).fields {
                    if ldap && field.kind == FieldKind::Any {
                        field.kind = FieldKind::Text;
                    }
                }
            }
            draft.hold();
            draft.settle_names();
            // Children first: a parent's scope holds the bags of parts that it tests.
            for part in (0..draft.shape.parts.len()).rev() {
                let scope = draft.row_scope(part);
                if let Some(part) = draft.shape.parts.get_mut(part) {
                    Arc::make_mut(&mut part.bag).scope = scope;
                }
                draft.settle_floor(part);
            }
            draft.settle_history();
        }
    }
}

impl TypeDraft {
    /// Rows that lie in a document are looked for there, now that all their fields are known.
    fn hold(&mut self) {
        let Some((bag, field)) = self.held.clone() else { return };
        let Some(root) = self.shape.parts.first_mut() else { return };
        if let Some(items) = root.items().cloned() {
            Arc::make_mut(&mut root.bag).source = Source::Items(Box::new(Held { bag, field, items }));
        }
    }

    /// A value of an opened part has the type of the field it lies in.
    fn share_kinds(&mut self) {
        for id in 1..self.shape.parts.len() {
            let part = self.shape.part(id);
            let Some(opened) = part.values_of() else { continue };
            let above = self.shape.part(part.parent).bag.fields.get(opened).map(|f| f.kind);
            if let (Some(kind), Some(part)) = (above, self.shape.parts.get_mut(id)) {
                Arc::make_mut(&mut part.bag).fields.iter_mut().for_each(|f| f.kind = kind);
            }
        }
    }

    /// What `where` asks of the root's own fields, as far as what is written there is what is read. Superior
    /// classes, spellings of DNs and keys that the database makes are the store's.
    pub(super) fn asked(&self) -> Vec<Cond> {
        let root = self.shape.root();
        let is_plain = |field: &FieldRef| {
            let name = root.bag.field_name(field.field);
            field.part == 0
                && root.bag.kind(field.field) != FieldKind::Dn
                && !root.bag.key.contains(&field.field)
                && !is_of_the_classes(name)
        };
        let own = self.wheres.iter().filter(|site| site.part == 0 && site.cond.parts().is_empty());
        own.filter(|site| site.cond.fields().into_iter().all(is_plain))
            .map(|site| site.cond.clone())
            .collect()
    }

    /// Which rows of a part are ours, beside how they hang on the parent.
    fn row_scope(&self, id: PartId) -> Predicate {
        self.scope_of(id, self.extras.get(id).and_then(|x| x.scope.as_ref()))
    }

    /// Which rows of a part a COND selects.
    pub(super) fn scope_of(&self, id: PartId, given: Option<&Cond>) -> Predicate {
        let part = self.shape.part(id);
        if part.values_of().is_some() {
            return Predicate::True;
        }
        let record = Record::create(&self.shape);
        let mut answers = Answers::new(OffsetDateTime::UNIX_EPOCH, "");
        answers.timeless = true;
        let eval = Eval { shape: &self.shape, record: &record, at: (0, 0), answers: &answers };
        let scope = given.map_or(Predicate::True, |cond| cond.to_predicate(id, &eval));
        let Source::Entries { classes, .. } = &part.bag.source else { return scope };
        if part.opened.is_some() {
            return scope;
        }
        let class = part.bag.find_field("objectClass");
        let tested = given.is_some_and(|c| c.fields().iter().any(|f| f.part == id && Some(f.field) == class));
        match (class, classes.first()) {
            // The first class tells our entries, unless `where` says more about classes.
            (Some(class), Some(first)) if !tested => {
                let is = Test::OneOf(vec![Value::from(first.as_str())], Fold::Case);
                Predicate::Field(class, is).and(scope)
            }
            _ => scope,
        }
    }
}
