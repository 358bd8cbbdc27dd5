//! The three small forms of the language: V (a [`Template`]), COND (a [`Cond`])
//! and SET (a list of [`Assign`]ments). There is no other expression.
//!
//! Each evaluates in memory against a record; a condition also becomes a
//! [`Predicate`](crate::store::Predicate).

mod compare;
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
        shape::{FieldRef, Part, PartId, Shape, Use},
    },
    store::{FieldId, Row, Value},
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
        /// For a name of an entry: the DN of the entry below which it is to be free.
        container: Option<String>,
    },
    /// The next value of a counter.
    Next {
        /// Its name.
        counter: String,
        /// The field and row that it is for: each gets a value of its own.
        place: String,
    },
    /// A row of a looked-up part: the answer is a row.
    Row {
        /// The part.
        part: PartId,
        /// What its fields hold, as text.
        holds: Vec<(FieldId, String)>,
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
    /// The resources that a search finds: the answer is a list.
    Search {
        /// The resource types among which is searched.
        types: Vec<usize>,
        /// The search as a URL (RFC 4516).
        url: String,
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

impl Need {
    /// The looked-up row that a new row of the part stands for.
    #[must_use]
    pub fn row(part: PartId, layout: &Part, now: &Row) -> Self {
        Self::Row { part, holds: layout.named_by(part, now).map(|(f, v)| (f, v.to_text())).collect() }
    }
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
    /// Found rows, by need.
    pub rows: BTreeMap<Need, Option<Row>>,
    /// Lists that would be too long to be of use.
    pub unbounded: BTreeSet<Need>,
    needs: RefCell<Vec<Need>>,
    uuids: RefCell<BTreeMap<String, String>>,
    made: RefCell<BTreeMap<String, Hash>>,
}

/// A password's stored form and, apart from it, its salt; never printed.
#[derive(Clone)]
pub struct Hash {
    /// The stored form.
    pub hash: String,
    /// The salt.
    pub salt: Option<String>,
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(…)")
    }
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
            rows: BTreeMap::new(),
            unbounded: BTreeSet::new(),
            needs: RefCell::default(),
            uuids: RefCell::default(),
            made: RefCell::default(),
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

    /// The row for a need, if it is known and there is one; what is not known is noted.
    #[must_use]
    pub fn row(&self, need: &Need) -> Option<&Row> {
        let found = self.rows.get(need);
        if found.is_none() {
            self.note(need);
        }
        found?.as_ref()
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

    /// The stored form of a password, made once for the same place through repeated runs.
    pub fn once(&self, place: &str, make: impl FnOnce() -> Option<Hash>) -> Option<Hash> {
        if let Some(known) = self.made.borrow().get(place) {
            return Some(known.clone());
        }
        let made = make()?;
        self.made.borrow_mut().insert(place.to_owned(), made.clone());
        Some(made)
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
        let values = self.record.values(self.shape, self.at, field);
        match values.is_empty() {
            true => self.looked_up(field).or_else(|| self.linked(field)).unwrap_or(values),
            false => values,
        }
    }

    /// What a column of `on` will hold in a new row: what its parent's does.
    fn linked(&self, field: &FieldRef) -> Option<&'a [Value]> {
        let layout = self.shape.part(field.part);
        if field.slot.is_some() || !layout.is_tie(field.field) {
            return None;
        }
        let row = self.record.find_row(self.shape, self.at, field).filter(|_| field.part != 0)?;
        let draft = self.record.row(field.part, row).filter(|d| d.was.is_none())?;
        match layout.on.iter().find(|(own, _)| *own == field.field) {
            Some((_, above)) => Some(self.record.row(layout.parent, draft.parent)?.now.all(*above)),
            None => {
                let (_, other) = layout.beside.iter().find(|(own, _)| *own == field.field)?;
                Some(self.record.values(self.shape, (field.part, row), other))
            }
        }
    }

    /// The values of a field of a looked-up row that was chosen just now, by another field of it.
    fn looked_up(&self, field: &FieldRef) -> Option<&'a [Value]> {
        let layout = self.shape.part(field.part);
        if !matches!(layout.usage, Use::Find | Use::FindOrAdd) {
            return None;
        }
        let row = self.record.find_row(self.shape, self.at, field)?;
        let draft = self.record.row(field.part, row).filter(|d| d.was.is_none())?;
        Some(self.answers.row(&Need::row(field.part, layout, &draft.now))?.all(field.field))
    }
}
