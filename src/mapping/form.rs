//! The three small forms of the language: V (a [`Template`]), COND (a [`Cond`])
//! and SET (a list of [`Assign`]ments). There is no other expression.
//!
//! Each evaluates in memory against a record; a condition also becomes a
//! [`Predicate`](crate::store::Predicate).

pub mod cond;
pub mod set;
pub mod template;

pub use self::{
    cond::{Cond, CondTest, PartTest},
    set::{Assign, AssignTarget, SetOp},
    template::Template,
};

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use time::OffsetDateTime;

use crate::{
    mapping::{
        record::Record,
        shape::{FieldRef, PartId, Shape},
    },
    store::Value,
};

/// A fact that only I/O can give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A text based on `stem` that no row holds in this field yet.
    Unique {
        /// Part whose rows are meant.
        part: PartId,
        /// Field of those rows.
        field: usize,
        /// The wished text.
        stem: String,
        /// What stands between the text and a number.
        separator: String,
    },
    /// The next value of a counter.
    Next {
        /// Its name.
        counter: String,
        /// The field and row that it is for: each gets a value of its own.
        place: String,
    },
    /// What a reference rule writes for a SCIM id: the answer is the field value.
    IdToBy {
        /// Index of the reference rule in the type mapping.
        reference: usize,
        /// The SCIM id.
        id: String,
    },
    /// The resource that a stored reference value points at: the answer is a [`Target`].
    ByToId {
        /// Index of the reference rule in the type mapping.
        reference: usize,
        /// Text of the stored value.
        by: String,
    },
    /// The resources that point at this one: the answer is a list.
    Inverse {
        /// Index of the inverse look-up in the type mapping.
        inverse: usize,
        /// Texts of the values that pointers at this resource hold, or, by the shortcut, that
        /// this resource holds of its holders.
        by: Vec<String>,
        /// Texts of the values that pointers hold, where the shortcut lists more than those.
        direct: Vec<String>,
    },
    /// The resources whose id, or whose attribute in our own database, is this: the answer is a
    /// list whose `id`s are their anchors.
    Anchors {
        /// `id`, `externalId`, or the path of what our own database keeps.
        attribute: String,
        /// The value.
        value: String,
    },
}

/// The resource a reference points at, or one that points here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointed {
    /// Its resource type.
    pub resource_type: String,
    /// The type's endpoint, with its leading slash.
    pub endpoint: String,
    /// Its SCIM id.
    pub id: String,
    /// A name for people, where cheap.
    pub display: Option<String>,
    /// True: not itself, but something that it holds points here.
    pub indirect: bool,
}

/// What the gateway found out so far. A pure computation asks here; what is
/// missing is noted, the gateway finds it, and the computation runs again.
#[derive(Debug)]
pub struct Answers {
    /// The instant of the request: one for all its values.
    pub now: OffsetDateTime,
    /// Name of the service account.
    pub actor: String,
    /// URL of the SCIM root without a trailing slash, for `$ref`.
    pub base_url: String,
    /// True: listed references to resources that do not exist are left out instead of refused.
    pub skip_unknown: bool,
    /// True: conditions on the time keep it open ([`Predicate::Clock`](crate::store::Predicate::Clock)),
    /// for what outlives the request.
    pub timeless: bool,
    /// Found values, by need.
    pub values: BTreeMap<Need, Option<Value>>,
    /// Found resources, by need.
    pub pointed: BTreeMap<Need, Option<Pointed>>,
    /// Found lists of resources, by need.
    pub lists: BTreeMap<Need, Vec<Pointed>>,
    /// Lists that would be too long to be of use.
    pub unbounded: BTreeSet<Need>,
    needs: RefCell<Vec<Need>>,
    uuids: RefCell<BTreeMap<String, String>>,
}

impl Answers {
    /// Knows the time and nothing else.
    #[must_use]
    pub fn new(now: OffsetDateTime, actor: &str) -> Self {
        Self {
            now,
            actor: actor.to_owned(),
            base_url: String::new(),
            skip_unknown: false,
            timeless: false,
            values: BTreeMap::new(),
            pointed: BTreeMap::new(),
            lists: BTreeMap::new(),
            unbounded: BTreeSet::new(),
            needs: RefCell::default(),
            uuids: RefCell::default(),
        }
    }

    /// The value for a need: `None` = not known yet (noted), `Some(None)` = there is none.
    #[must_use]
    pub fn value(&self, need: &Need) -> Option<Option<Value>> {
        let found = self.values.get(need).cloned();
        if found.is_none() {
            self.note(need);
        }
        found
    }

    /// The resource for a need: `None` = not known yet (noted), `Some(None)` = there is none.
    #[must_use]
    pub fn pointed(&self, need: &Need) -> Option<Option<Pointed>> {
        let found = self.pointed.get(need).cloned();
        if found.is_none() {
            self.note(need);
        }
        found
    }

    /// The resources for a need: `None` = not known yet (noted), or too many.
    #[must_use]
    pub fn list(&self, need: &Need) -> Option<&[Pointed]> {
        let found = self.lists.get(need);
        if found.is_none() && !self.unbounded.contains(need) {
            self.note(need);
        }
        found.map(Vec::as_slice)
    }

    /// A random UUID that stays the same for the same place through repeated runs.
    #[must_use]
    pub fn uuid(&self, place: &str) -> String {
        self.uuids
            .borrow_mut()
            .entry(place.to_owned())
            .or_insert_with(|| uuid::Uuid::new_v4().to_string())
            .clone()
    }

    /// Takes the needs noted since the last call.
    pub fn take_needs(&self) -> Vec<Need> {
        let mut needs = self.needs.take();
        needs.sort();
        needs.dedup();
        needs
    }

    fn note(&self, need: &Need) {
        self.needs.borrow_mut().push(need.clone());
    }
}

/// Where a form is evaluated.
#[derive(Clone, Copy)]
pub struct Eval<'a> {
    /// The layout.
    pub shape: &'a Shape,
    /// The rows.
    pub record: &'a Record,
    /// The row that bare names belong to.
    pub at: (PartId, usize),
    /// Time, and facts from I/O.
    pub answers: &'a Answers,
}

impl<'a> Eval<'a> {
    /// The values of a field, seen from the current row.
    #[must_use]
    pub fn values(&self, field: &FieldRef) -> &'a [Value] {
        self.record.values(self.shape, self.at, field)
    }
}
