//! The mapping between SCIM resources and a store: the only place where SCIM
//! words and store words meet. Pure and synchronous; no I/O.
//!
//! A file is read as a tree with positions ([`node`]), checked as a whole
//! ([`diagnostic`]) and compiled into a [`Mapping`]. A compiled resource type
//! has two layers: the [`shape`] of its rows, and the [`lens`]es that bind
//! SCIM attributes to fields of them. The three small forms of the language
//! are in [`form`], the value codecs in [`codec`].
//!
//! What only I/O can tell (ids behind references, counters, free names) is
//! asked through [`form::Answers`]: a pure computation notes its needs, the
//! gateway finds them, and the computation runs again.

mod check;
pub mod codec;
pub mod compile;
pub mod diagnostic;
pub mod diff;
pub mod directory;
pub mod example;
pub mod expect;
mod findings;
pub mod floor;
pub mod form;
pub mod identity;
mod implied;
pub mod learn;
pub mod lens;
pub mod live;
pub mod log;
pub mod node;
pub mod origin;
mod ours;
pub mod pack;
pub mod place;
pub mod query;
pub mod record;
pub mod schema;
pub mod shape;
pub mod uses;
pub mod write;

use std::collections::BTreeMap;

use crate::{
    mapping::{
        example::Example,
        form::{Assign, Cond, Template},
        lens::{Inverse, RefTarget, Rule},
        log::Log,
        place::Places,
        shape::{FieldRef, PartId, Shape},
    },
    scim::{attribute::AttrPath, schema::ResourceType},
    store::{Bag, FieldId, Profile},
};

/// A compiled mapping file.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Resource types in the file's order.
    pub types: Vec<TypeMapping>,
    /// Counters, by name.
    pub counters: BTreeMap<String, Counter>,
    /// Store constraint → SCIM attribute, from `[errors]`.
    pub errors: BTreeMap<String, AttrPath>,
    /// What kind of store the file is for.
    pub store: StoreKind,
    /// Name of the store in the settings.
    pub store_name: String,
    /// Where the names of all this stand in the file.
    pub places: Places,
}

/// The kinds of store.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreKind {
    /// Tables.
    Sql {
        /// Session settings (`sql_mode`, `time_zone`, `search_path`).
        session: BTreeMap<String, String>,
    },
    /// Entries.
    Ldap {
        /// What the directory is.
        profile: Profile,
    },
}

/// A compiled resource type.
#[derive(Debug, Clone)]
pub struct TypeMapping {
    /// What is published of it: schema, extensions, endpoint.
    pub resource_type: ResourceType,
    /// Its rows.
    pub shape: Shape,
    /// Its attributes, in the file's order.
    pub rules: Vec<Rule>,
    /// What its reference lenses point at; lenses hold an index.
    pub references: Vec<RefTarget>,
    /// Its inverse lenses' look-ups; lenses hold an index.
    pub inverses: Vec<Inverse>,
    /// Field of the root that changes with every change of the row.
    pub version: Option<FieldId>,
    /// Field of the root with the time of creation or of the last change, if the file names none in `meta`.
    pub ids: Ids,
    /// True: a POST takes over a resource that has its name and that no client has made.
    pub adopts: bool,
    /// Rows that are invisible and untouchable.
    pub protect: Option<Cond>,
    /// What `where` asks of the root's own fields.
    pub asked: Vec<Cond>,
    /// `initial` and `derived` assignments of the root and all parts, in the order of their dependencies.
    pub settle: Vec<Settle>,
    /// `touch` assignments, by part.
    pub touch: Vec<(PartId, Assign)>,
    /// What a deletion does.
    pub delete: Delete,
    /// What happens when the root's natural key or RDN changes.
    pub rename: Rename,
    /// True if a client gives a new resource its key, or a part of it.
    pub has_given_key: bool,
    /// History tables that are told of changes.
    pub logs: Vec<Log>,
    /// Fields that no log tells of: keys and links, what `touch` sets, passwords.
    pub unlogged: Vec<FieldRef>,
    /// Examples, which `check` carries out.
    pub examples: Vec<Example>,
}

/// How SCIM ids come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ids {
    /// UUIDv5 of tenant, resource type and anchor.
    #[default]
    Derived,
    /// UUIDv7, kept in the correlation database only.
    Minted,
}

/// A default or a kept-in-step value of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Settle {
    /// The part whose rows it is about.
    pub part: PartId,
    /// What is assigned.
    pub assign: Assign,
    /// True: kept in step with its sources (`derived`); false: for new rows without a value (`initial`).
    pub derived: bool,
    /// True: one value for each of a source with several values, in a directory.
    pub spread: bool,
}

/// What a deletion does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delete {
    /// If this holds, 409.
    pub refuse: Option<Cond>,
    /// Assignments instead of, or before, removal.
    pub set: Vec<Assign>,
    /// True: the row stays.
    pub keep: bool,
    /// SQL: the table that the row moves to.
    pub archive: Option<String>,
}

/// What happens when a natural key or RDN changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum Rename {
    #[default]
    Update,
    Copy,
    Refuse,
}

/// A counter (`[next.NAME]`).
#[derive(Debug, Clone, PartialEq)]
pub struct Counter {
    /// How its next value is found.
    pub kind: CounterKind,
    /// Smallest value.
    pub from: i64,
    /// Largest value.
    pub to: Option<i64>,
    /// Distance between values.
    pub step: i64,
    /// What stands around the number; `None`: the number itself is given.
    pub text: Option<CounterText>,
}

/// The text that a counter gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterText {
    /// Before the number.
    pub before: String,
    /// Least number of digits, with zeros in front.
    pub width: usize,
    /// Behind the number.
    pub after: String,
}

/// How a counter's next value is found.
#[derive(Debug, Clone, PartialEq)]
pub enum CounterKind {
    /// Largest used value of a field, plus one step.
    Highest {
        /// Where it is used.
        bag: std::sync::Arc<Bag>,
        /// In which fields: one in SQL.
        fields: Vec<FieldId>,
    },
    /// A row holds the next value; taken by compare-and-swap.
    Cell {
        /// The table or entry; its scope selects one row.
        bag: std::sync::Arc<Bag>,
        /// The field that holds the number.
        field: FieldId,
        /// True: the value before the increment is given out; false: the one after.
        before: bool,
    },
}

impl Mapping {
    /// Finds a resource type by name.
    #[must_use]
    pub fn find_type(&self, name: &str) -> Option<usize> {
        self.types.iter().position(|t| t.resource_type.name == name)
    }
}

impl TypeMapping {
    /// The root's bag.
    #[must_use]
    pub fn bag(&self) -> &std::sync::Arc<Bag> {
        &self.shape.root().bag
    }

    /// Finds the rule for an attribute; `urn` is `None` or the core schema's for core attributes.
    #[must_use]
    pub fn find_rule(&self, urn: Option<&str>, attribute: &str) -> Option<&Rule> {
        let urn = urn.filter(|u| !u.eq_ignore_ascii_case(&self.resource_type.core.id));
        self.rules.iter().find(|r| {
            r.attribute.eq_ignore_ascii_case(attribute)
                && match (&r.urn, urn) {
                    (None, None) => true,
                    (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                    _ => false,
                }
        })
    }

    /// True if its resources have no rows of their own: they are names that rows hold.
    #[must_use]
    pub fn is_names(&self) -> bool {
        matches!(self.bag().source, crate::store::Source::Names(_))
    }

    /// A field of the root.
    #[must_use]
    pub fn root_field(&self, field: FieldId) -> FieldRef {
        FieldRef { part: 0, field, slot: None }
    }

    /// The LDAP field of this name in the root (`dn`, `container`), if the bag has it.
    #[must_use]
    pub fn find_root(&self, name: &str) -> Option<FieldId> {
        self.bag().find_field(name)
    }
}

/// A value with its place, for templates that are not assigned to a field.
#[must_use]
pub fn no_place() -> FieldRef {
    FieldRef { part: 0, field: usize::MAX, slot: None }
}

/// True if a template gives a different value each time or needs I/O.
#[must_use]
pub fn is_generated(template: &Template) -> bool {
    matches!(template, Template::Uuid | Template::Next(_) | Template::Unique { .. })
}
