//! Where the names of a mapping stand in its file, for findings that come up
//! after it was compiled: when it is held against a live store.

use std::{collections::BTreeMap, ops::Range};

use crate::{mapping::shape::PartId, store::FieldId};

/// Something that a file names. Types are indexes into [`Mapping::types`](super::Mapping::types).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// The table or base of a part.
    Source(usize, PartId),
    /// A key of a part's own table in the file: `key`, `on`, `where`.
    Setting(usize, PartId, &'static str),
    /// A field, where it is named first.
    Field(usize, PartId, FieldId),
    /// A field, where it is named last: attributes come after all else.
    Bound(usize, PartId, FieldId),
    /// A line of the attribute layer, by its address `User.userName`.
    Rule(usize, String),
    /// A counter.
    Counter(String),
    /// A constraint in `[errors]`.
    Constraint(String),
    /// A session setting.
    Session(String),
    /// The profile of a directory.
    Profile,
}

/// Where a name stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte range in the file; of `extends`, if it stands in a base file.
    pub span: Range<usize>,
    /// `in base.toml:3:4: `, if it stands in a base file.
    pub base: String,
}

/// The places of all names.
#[derive(Debug, Clone, Default)]
pub struct Places {
    places: BTreeMap<Named, Place>,
}

impl Places {
    /// Notes where something is named first.
    pub fn note(&mut self, named: Named, span: &Range<usize>) {
        let place = || Place { span: span.clone(), base: String::new() };
        self.places.entry(named).or_insert_with(place);
    }

    /// Notes where something is named last.
    pub fn note_last(&mut self, named: Named, span: &Range<usize>) {
        self.places.insert(named, Place { span: span.clone(), base: String::new() });
    }

    /// Where something is named; the beginning of the file if that is not known.
    #[must_use]
    pub fn find(&self, named: &Named) -> Place {
        self.places.get(named).cloned().unwrap_or_default()
    }

    /// True if the file names it.
    #[must_use]
    pub fn has(&self, named: &Named) -> bool {
        self.places.contains_key(named)
    }

    /// Every place, to be moved.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.places.values_mut()
    }
}
