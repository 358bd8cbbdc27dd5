//! What the lenses write into: a record that changes in memory, and what goes
//! elsewhere (our own database, a password channel).

use std::collections::BTreeMap;

use crate::{
    mapping::{
        TypeMapping,
        form::{Answers, Eval},
        record::Record,
        shape::{FieldRef, PartId, Shape},
    },
    scim::Object,
    store::{Channel, Secret, Value},
};

/// A write in progress.
pub struct Writer<'a> {
    /// The resource type.
    pub ty: &'a TypeMapping,
    /// The rows as they shall become.
    pub record: Record,
    /// What our own database keeps of the resource.
    pub side: Object,
    /// A new password that goes by a channel of its own.
    pub password: Option<(Secret, Channel)>,
    /// References that are set, and the targets' ids, where that asks for something at the target.
    pub there: Vec<(usize, String)>,
    /// The paths of wanted parents, by reference; `None`: at the top.
    pub parents: BTreeMap<usize, Option<String>>,
    /// Time, and facts from I/O.
    pub answers: &'a Answers,
}

impl<'a> Writer<'a> {
    /// The layout of the rows.
    #[must_use]
    pub fn shape(&self) -> &'a Shape {
        &self.ty.shape
    }

    /// The forms' view of the record, from a row.
    #[must_use]
    pub fn eval(&self, at: (PartId, usize)) -> Eval<'_> {
        Eval { shape: &self.ty.shape, record: &self.record, at, answers: self.answers }
    }

    /// Assigns the values of a field, seen from a row.
    pub fn assign(&mut self, at: (PartId, usize), field: &FieldRef, values: Vec<Value>) {
        self.record.assign(&self.ty.shape, at, field, values);
    }
}
