//! Lenses: how one SCIM attribute lies in the store.
//!
//! Each kind of lens has five faces, side by side in its own file: read
//! (record → JSON), write (JSON → record), delta (a PATCH of it → the smallest
//! change), filter (a comparison → predicate) and schema (what it says about
//! the attribute). This file holds the compiled form that all of them share.

pub mod face;
pub mod guarded;
pub mod json;
pub mod kinds;
#[cfg(test)]
mod laws;
pub mod password;
pub mod pointers;
pub mod reference;
pub mod rows;
pub mod scalar;
pub mod search;
pub mod slots;
pub mod text;
pub mod tree;
pub mod writer;

pub use self::{password::scheme::Scheme, tree::Tree};

use crate::{
    mapping::{
        codec::Codec,
        form::{Assign, Cond, Template, template::Piece},
        shape::{FieldRef, PartId},
    },
    scim::{Json, schema::DataType},
    store::{Fold, Value},
};

/// One line of `[X.attributes]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its address in the file: `User.userName`.
    pub name: String,
    /// URN of the extension it belongs to; `None` for the core schema.
    pub urn: Option<String>,
    /// The SCIM attribute, in the schema's spelling.
    pub attribute: String,
    /// True if the attribute is multi-valued.
    pub many: bool,
    /// How it lies in the store.
    pub lens: Lens,
}

/// A compiled lens.
#[derive(Debug, Clone, PartialEq)]
pub enum Lens {
    /// A simple value.
    Scalar(Scalar),
    /// A complex value: its sub-attributes.
    Complex(Vec<Sub>),
    /// The rows of a part, one element each.
    Rows(Rows),
    /// Fixed elements by type.
    Slots(Slots),
    /// A pointer at another resource. As an attribute, or as the `value` of a row.
    Reference(Reference),
    /// A list of pointers, each in a field of its own.
    Pointers(Pointers),
    /// The resources that point here; index into [`TypeMapping::inverses`](super::TypeMapping::inverses).
    Inverse(usize),
    /// The resources that a search finds which the entry holds as a URL; read-only.
    Search(Search),
    /// A password.
    Password(Password),
    /// Kept in our own database. Also the whole of a multi-valued or complex attribute.
    Side,
    /// Single-valued: the first that reads as something; written to the first writable one.
    First(Vec<Lens>),
    /// Multi-valued: all elements of all of them; added to the first writable one, removed wherever found.
    Union(Vec<Lens>),
    /// One with terms of its own.
    Guarded(Box<Guarded>),
}

/// A lens with terms of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded {
    /// The lens.
    pub lens: Lens,
    /// It applies while this holds; else it reads as nothing and takes no value.
    pub when: Option<Cond>,
    /// Carried out after a write that changed something, for kinds that do not do it themselves.
    pub also: Vec<Assign>,
    /// Values may go, but none may come.
    pub removes_only: bool,
    /// A value that has no form here is dropped instead of refused.
    pub ignore: bool,
}

/// Sub-attributes of an element that one field of its row tells together.
#[derive(Debug, Clone, PartialEq)]
pub struct Kinds {
    /// The field.
    pub field: FieldRef,
    /// Stored value, `None` for NULL, and what it says. A row with another value is not ours.
    pub pairs: Vec<(Option<Value>, crate::scim::Object)>,
    /// The stored value that one row has and no other: that of the element which is the main one.
    pub one: Option<Value>,
    /// What is stored for an element that no pair says.
    pub other: Option<Value>,
}

/// A sub-attribute and its lens.
#[derive(Debug, Clone, PartialEq)]
pub struct Sub {
    /// Name, in the schema's spelling.
    pub name: String,
    /// How it lies in the store.
    pub lens: Lens,
}

/// A simple value.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// Where it comes from.
    pub source: Source,
    /// SCIM data type of the attribute or sub-attribute.
    pub data_type: DataType,
    /// True if SCIM compares it with case.
    pub case_exact: bool,
    /// What goes for every lens.
    pub common: Common,
}

/// Where a simple value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A field.
    Field {
        /// Which.
        field: FieldRef,
        /// Store → SCIM, in this order.
        codecs: Vec<Codec>,
        /// Pairs of store value and SCIM value.
        map: Option<ValueMap>,
        /// What reads as nothing; [`Template::Nothing`] is NULL. The first is written. Never empty.
        nothing: Vec<Template>,
    },
    /// Text composed of fields. More than one alternative: the first whose holes are all there.
    Text {
        /// The alternatives.
        texts: Vec<Vec<Piece>>,
        /// The text by which a written value is taken apart; `None`: read-only.
        parse: Option<Vec<Vec<Piece>>>,
    },
    /// A truth over several fields.
    State {
        /// True if this holds.
        read: Cond,
        /// Makes it true.
        on_true: Vec<Assign>,
        /// Makes it false.
        on_false: Vec<Assign>,
    },
    /// Always the same.
    Const(Json),
    /// By position in the list of rows; the last one repeats.
    Place(Vec<Json>),
    /// The latest or earliest of several fields; read-only.
    Extreme {
        /// True: the latest.
        latest: bool,
        /// Fields with their codecs.
        fields: Vec<(FieldRef, Vec<Codec>)>,
    },
}

/// Pairs of store value and SCIM value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueMap {
    /// In the file's order; `None` on the store side is NULL.
    pub pairs: Vec<(Option<Value>, Json)>,
    /// What a stored value that no pair names reads as.
    pub otherwise: Otherwise,
}

/// What a stored value reads as that no pair of a map names.
#[derive(Debug, Clone, PartialEq)]
pub enum Otherwise {
    /// As nothing; writing a value that no pair names is refused.
    Reject,
    /// As itself, both ways.
    Keep,
    /// As this value; never written.
    Value(Json),
}

/// What goes for every lens.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Common {
    /// Whether clients may change it.
    pub write: Write,
    /// Value when the client gives none on create: store side.
    pub initial: Vec<Template>,
    /// Carried out whenever it is written.
    pub also: Vec<Assign>,
    /// Values are unique among all resources of the type, under this folding.
    pub unique: Option<Fold>,
    /// Among those only that hold the same in all of these fields.
    pub within: Vec<FieldRef>,
    /// What a write to something that cannot be written does: true = ignored, false = refused.
    pub ignore: bool,
}

/// Whether clients may change an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Write {
    /// Yes.
    #[default]
    Yes,
    /// No.
    No,
}

/// The rows of a part, one element each.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Which part.
    pub part: PartId,
    /// Sub-attributes; a single sub named `value` for plain lists. A [`Lens::Reference`] as
    /// `value` also gives `$ref`, `type` and `display`.
    pub each: Vec<Sub>,
    /// True if the elements are simple values, not objects.
    pub simple: bool,
    /// Sub-attributes that one field tells together.
    pub kinds: Option<Kinds>,
    /// Sub-attribute by which an element of a request is matched with a row; usually `value`.
    pub by: String,
    /// True: rows that a PUT does not name stay.
    pub keeps_unmatched: bool,
    /// What goes for every lens.
    pub common: Common,
}

/// Fixed elements by type.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    /// Type → sub-attributes of that element.
    pub slots: Vec<(String, Vec<Sub>)>,
    /// Types in the order in which the first present one is `primary`; empty: no primary is shown.
    pub primary: Vec<String>,
    /// Elements of other types: true = kept in our own database, false = refused.
    pub rest_side: bool,
    /// What goes for every lens.
    pub common: Common,
}

/// A field that holds searches (RFC 4516).
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The field.
    pub field: FieldRef,
    /// The resource types among which is searched, as indexes into [`Mapping::types`](super::Mapping::types).
    pub types: Vec<usize>,
}

/// A pointer at another resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The field that holds the pointer.
    pub field: FieldRef,
    /// Store → SCIM, in this order, before the pointer is followed.
    pub codecs: Vec<Codec>,
    /// Index into [`TypeMapping::references`](super::TypeMapping::references).
    pub target: usize,
    /// For an attribute of the type `reference`, whose value is the target's URI: the endpoints of the types
    /// it may point at (`/Users`). Empty: a complex value with the target's id.
    pub endpoints: Vec<String>,
    /// The field holds no pointer but the path to this resource, on which the target is the one before.
    pub tree: Option<Tree>,
    /// Carried out on the resource itself when a pointer is set; undone when it is cleared.
    pub here: Vec<Assign>,
    /// What goes for every lens.
    pub common: Common,
}

/// A list of pointers, each in a field of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointers {
    /// The fields, in the order in which they are filled.
    pub places: Vec<Reference>,
    /// True: an element's `type` is `direct`, as groups of a user have; false: the target's resource type.
    pub direct: bool,
}

/// What a reference points at.
#[derive(Debug, Clone, PartialEq)]
pub struct RefTarget {
    /// Resource types, as indexes into [`Mapping::types`](super::Mapping::types), each with the field of
    /// its root (or of one of its parts) that the pointer holds. The first is written.
    pub types: Vec<(usize, FieldRef)>,
    /// What a pointer at nothing does.
    pub dangling: Dangling,
    /// Carried out on a target, in the same transaction, when a pointer at it is set.
    pub there: Vec<Assign>,
    /// Name of the sub-attribute that shows the target's name: `displayName` for managers, `display` for members.
    pub display: &'static str,
}

/// What a pointer at nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dangling {
    /// It is not shown.
    #[default]
    Hide,
    /// It is not shown, and the resource is not changed while it holds it.
    Reject,
    /// It is shown as it is stored.
    Show,
}

/// How the resources that point here are found.
#[derive(Debug, Clone, PartialEq)]
pub struct Inverse {
    /// The type that points, as an index into [`Mapping::types`](super::Mapping::types).
    pub holder: usize,
    /// Name of the holder's attribute (`members`).
    pub attribute: String,
    /// True: clients change this side, and with it each holder.
    pub writable: bool,
    /// True: an element's `type` is the holder's resource type; false: `direct`, as groups of a user have.
    pub shows_type: bool,
    /// The part whose rows hold the pointers, in the holder's shape.
    pub part: PartId,
    /// The field of that part's rows that holds the pointer.
    pub pointer: FieldRef,
    /// Store → SCIM: what is between the pointer and the value that it is.
    pub codecs: Vec<Codec>,
    /// Further fields of the holder itself that may hold one.
    pub more: Vec<FieldRef>,
    /// Fields of the holder with searches that may find this type.
    pub searches: Vec<FieldRef>,
    /// The field of this type that a pointer at it equals.
    pub by: FieldRef,
    /// Shortcut: a field of this type that lists the holders, and the holder's field whose value it holds.
    pub via: Option<(FieldRef, FieldRef)>,
    /// True: the shortcut also lists holders that do not point here themselves.
    pub superset: bool,
    /// How holders hold each other: who holds a holder is one, too, though an indirect one.
    pub nested: Option<Box<Inverse>>,
    /// The holders that every new resource of this type comes into: a field of theirs, and what it holds.
    pub initial: Option<(FieldRef, Vec<Value>)>,
}

impl Inverse {
    /// How a pointer at the resource with this value is stored; `None` if none can be.
    #[must_use]
    pub fn stored(&self, by: &str) -> Option<String> {
        let stored = self.codecs.iter().rev().try_fold(Value::from(by), |v, codec| codec.encode(v).ok());
        stored.map(|value| value.to_text())
    }
}

/// A password.
#[derive(Debug, Clone, PartialEq)]
pub struct Password {
    /// The field it is written to.
    pub field: FieldRef,
    /// In which form.
    pub scheme: Scheme,
    /// What stands before that form.
    pub prefix: String,
    /// The field of the salt, if it has one of its own.
    pub salt: Option<FieldRef>,
}
