//! What a client is told when the store refuses or fails. Never a DN, a table
//! or column name, or what the store said: that is for the log.

use crate::{
    mapping::{
        Mapping, Settle, TypeMapping,
        form::{AssignTarget, SetOp, Template},
        lens::{Lens, Rule},
        shape::{FieldRef, Part},
    },
    scim::error::ScimError,
    store::{Source, StoreError},
};

/// After how many seconds a client should come back.
const RETRY_AFTER_SECS: u32 = 30;

/// The answer to a failed read.
pub(super) fn reading(error: &StoreError) -> ScimError {
    match error {
        StoreError::LimitExceeded(_) => {
            ScimError::too_many("The directory refuses to return that many entries; narrow the filter.")
        }
        other => failure(other),
    }
}

fn failure(error: &StoreError) -> ScimError {
    match error {
        StoreError::Unavailable(_) | StoreError::Timeout(_) | StoreError::Denied(_) => {
            tracing::warn!(error = %error, "the store does not answer");
            ScimError::unavailable(
                "The store behind this service cannot be reached; try again later.",
                RETRY_AFTER_SECS,
            )
        }
        StoreError::Unsure(_) => {
            tracing::warn!(error = %error, "the store has not answered to a write");
            let said = "The store behind this service has not answered; try again later.";
            ScimError::unavailable(said, RETRY_AFTER_SECS).of_unknown_outcome()
        }
        _ => {
            tracing::error!(error = %error, "the store and the mapping do not fit");
            ScimError::internal("The store could not carry out the request.")
        }
    }
}

/// The answer to a failed write of a resource of this type.
pub(super) fn writing(error: &StoreError, mapping: &Mapping, ty: &TypeMapping) -> ScimError {
    let name = |constraint: &str| attribute_of(constraint, mapping, ty);
    match error {
        StoreError::NotFound { bag } if *bag == ty.bag().name => {
            ScimError::not_found("The resource does not exist (any more).")
        }
        // A row that it consists of: what is there now, reading again tells.
        StoreError::NotFound { .. } => ScimError::precondition_failed("The resource has changed meanwhile."),
        StoreError::NoSuchRow { bag } if names_slots(ty, bag) => {
            tracing::error!(store.rows = bag, "a slot of the mapping has no row with its name");
            ScimError::internal("The store lacks the field that a value of this request lies in.")
        }
        StoreError::NoSuchRow { bag } => {
            let attribute = rule_of_bag(ty, bag).map_or("a value", |r| r.attribute.as_str());
            ScimError::invalid_value(format!("`{attribute}` is not a value that the store knows."))
        }
        StoreError::AlreadyExists { constraint } => match name(constraint) {
            Some(attribute) => ScimError::uniqueness(format!("`{attribute}` is in use already.")),
            None => ScimError::uniqueness("A value that must be unique is in use already."),
        },
        StoreError::ConstraintViolated { constraint, reason } => {
            tracing::info!(store.constraint = constraint, store.reason = reason, "the store refused a value");
            match name(constraint) {
                Some(attribute) => ScimError::invalid_value(format!(
                    "The store does not accept this value of `{attribute}`."
                )),
                None => ScimError::invalid_value("The store does not accept these values."),
            }
        }
        StoreError::PreconditionFailed => {
            ScimError::precondition_failed("The resource has changed meanwhile.")
        }
        StoreError::LimitExceeded(_) => ScimError::too_large("The change is larger than the store accepts."),
        StoreError::Protected { bag } => {
            tracing::warn!(store.entry = bag, "a privileged entry was to be changed");
            ScimError::forbidden(
                "The directory's administrators alone change accounts and groups with administrative rights.",
            )
        }
        StoreError::Denied(reason) => {
            tracing::warn!(store.reason = reason, "the service account lacks a right");
            ScimError::forbidden("The store does not permit this change.")
        }
        other => failure(other),
    }
}

/// True if the rows of a bag are the names of slots: no client gives them.
fn names_slots(ty: &TypeMapping, bag: &str) -> bool {
    let named = |part: &Part| part.slot_in.is_some_and(|at| ty.shape.part(at.part).bag.name == bag);
    ty.shape.parts.iter().any(named)
}

/// The answer to a failed removal of a resource of this type.
pub(super) fn removing(error: &StoreError, mapping: &Mapping, ty: &TypeMapping) -> ScimError {
    let StoreError::ConstraintViolated { constraint, reason } = error else {
        return writing(error, mapping, ty);
    };
    tracing::info!(store.constraint = constraint, store.reason = reason, "the store refused a removal");
    ScimError::conflict("The store does not let go of this resource: other data depends on it.")
}

/// The SCIM attribute that a constraint, column or attribute of the store is about.
fn attribute_of(constraint: &str, mapping: &Mapping, ty: &TypeMapping) -> Option<String> {
    if constraint.is_empty() {
        return None;
    }
    let (name, place) = constraint.rsplit_once(" of ").unwrap_or((constraint, constraint));
    if let Some((_, path)) = mapping.errors.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some(path.to_string());
    }
    let (table, column) = match place.rsplit_once('.') {
        Some((table, column)) => (Some(last_part(table)), column),
        None => (None, place),
    };
    let bag = |field: &FieldRef| &ty.shape.part(field.part).bag;
    // Values of a list lie in an attribute of the entry, which is the one that the store names.
    let holder = |field: &FieldRef| {
        let part = ty.shape.part(field.part);
        let above = &ty.shape.part(part.parent).bag;
        part.values_of().map(|values| above.field_name(values).eq_ignore_ascii_case(column))
    };
    let is_column = |field: &FieldRef| {
        holder(field).unwrap_or_else(|| bag(field).field_name(field.field).eq_ignore_ascii_case(column))
    };
    let is_in_table = |field: &FieldRef| match (&bag(field).source, table) {
        (Source::Table(name), Some(table)) => last_part(name).eq_ignore_ascii_case(table),
        _ => false,
    };
    let find = |test: &dyn Fn(&FieldRef) -> bool| {
        let mut found = ty.rules.iter().filter(|rule| {
            let mut fields = Vec::new();
            collect_fields(&rule.lens, &mut fields);
            fields.iter().any(|field| test(field))
        });
        let first = found.next()?;
        // Rows of names and values: the column alone does not tell whose value it is.
        let mut fields = Vec::new();
        collect_fields(&first.lens, &mut fields);
        let is_slot = fields.iter().any(|field| test(field) && field.slot.is_some());
        (!is_slot || found.next().is_none()).then(|| first.attribute.clone())
    };
    let found = find(&|field| is_column(field) && is_in_table(field)).or_else(|| find(&is_column));
    found.or_else(|| {
        // A name that follows from another one, as an entry's beside the resource's own does.
        let names = |settle: &&Settle| match &settle.assign.target {
            AssignTarget::Field(target) if is_column(target) => match &bag(target).source {
                Source::Entries { rdn, .. } => rdn.contains(&target.field),
                _ => false,
            },
            _ => false,
        };
        let SetOp::To(values) = &ty.settle.iter().find(names)?.assign.op else { return None };
        let source = values.iter().flat_map(Template::fields).next()?.clone();
        find(&|field| *field == source)
    })
}

/// A name without what it lies in.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn rule_of_bag<'a>(ty: &'a TypeMapping, bag: &str) -> Option<&'a Rule> {
    let part = ty.shape.parts.iter().position(|p| p.bag.name == bag)?;
    ty.rules.iter().find(|rule| {
        let mut fields = Vec::new();
        collect_fields(&rule.lens, &mut fields);
        fields.iter().any(|f| f.part == part)
    })
}

/// Every field that a lens is about.
fn collect_fields<'a>(lens: &'a Lens, out: &mut Vec<&'a FieldRef>) {
    match lens {
        Lens::Scalar(scalar) => out.extend(scalar.fields()),
        Lens::Complex(subs) => subs.iter().for_each(|s| collect_fields(&s.lens, out)),
        Lens::Rows(rows) => rows.each.iter().for_each(|s| collect_fields(&s.lens, out)),
        Lens::Slots(slots) => {
            slots.slots.iter().flat_map(|(_, s)| s).for_each(|s| collect_fields(&s.lens, out))
        }
        Lens::Reference(reference) => out.push(&reference.field),
        Lens::Pointers(pointers) => out.extend(pointers.places.iter().map(|p| &p.field)),
        Lens::Password(password) => out.push(&password.field),
        Lens::First(list) | Lens::Union(list) => list.iter().for_each(|l| collect_fields(l, out)),
        Lens::Guarded(guarded) => collect_fields(&guarded.lens, out),
        Lens::Search(search) => out.push(&search.field),
        Lens::Inverse(_) | Lens::Side => {}
    }
}
