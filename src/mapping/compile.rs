//! From the written mapping file to the compiled [`Mapping`], with every
//! mistake of the file reported in one run.
//!
//! The file is a tree of [`Node`]s. Work goes in phases, each of which leaves
//! what it could not make out and goes on: the file level (constants, store,
//! counters, schemas), the record layer of every type (parts, `where`, SETs),
//! the attribute layer of every type (lenses), what crosses types (inverses),
//! then the published schema and the checks of `mapping::check`. A
//! shape grows while names are read: a field exists once somebody names it.
//!
//! No I/O: the text behind `extends` comes from a loader of the caller.
//!
//! # Custom schemas and resource types
//!
//! Characteristics have the names of RFC 7643 §7; a string is short for `{ type = … }`:
//!
//! ```toml
//! [schema."urn:example:schemas:Badge"]
//! name = "Badge"
//! [schema."urn:example:schemas:Badge".attributes]
//! number = { type = "string", required = true, uniqueness = "server" }
//! colour = "string"
//! doors = { type = "complex", multiValued = true, subAttributes = { value = "string", type = "string" } }
//!
//! [type.Badge]
//! schema = "urn:example:schemas:Badge"
//! endpoint = "/Badges"                     # default: the name's plural
//! schemaExtensions = [{ schema = "urn:example:schemas:Canteen", required = true }]
//!
//! [Badge]                                  # its record and attribute layers
//! ```
//!
//! Without `schemaExtensions` every schema that is no type's core schema may extend the type: keys below
//! its URN in `[X.attributes]` add it to `X`.

mod attribute;
mod build;
mod compare;
mod cond;
mod draft;
mod examples;
mod file;
mod floor;
pub(super) mod forms;
mod grammar;
mod history;
mod key;
mod keys;
mod lens;
mod like;
mod log;
mod name;
mod names;
mod part;
mod path;
mod publish;
mod root;
mod schema;
mod set;
mod settle;
mod sources;
mod types;
mod value;

use std::{collections::BTreeMap, io};

pub(super) use self::{
    draft::{LogSite, RuleDraft, StateSite, TypeDraft, WhereSite},
    grammar::{Grammar, grammar},
    keys::{nearest, suggest},
};

use crate::{
    mapping::{
        Counter, Mapping, StoreKind, check,
        diagnostic::{Diagnostics, Severity},
        node::Node,
        place::{Named, Places},
    },
    scim::{
        attribute::AttrPath,
        schema::{ResourceType, Schema},
    },
    store::Value,
};

/// Compiles a mapping file. `load` gives the text of a base file named by `extends`.
///
/// Beside the mapping it returns warnings.
///
/// # Errors
///
/// Every mistake of the file, and the warnings found so far.
pub fn compile(
    source: &str,
    load: &dyn Fn(&str) -> io::Result<String>,
) -> Result<(Mapping, Diagnostics), Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let (tree, sources) = sources::read(source, load, &mut diagnostics);
    let mut compiler = Compiler::new(diagnostics);
    compiler.read_file(&tree);
    compiler.read_roots();
    compiler.read_attributes();
    compiler.link_inverses();
    compiler.publish();
    compiler.spread_values();
    compiler.order_settles();
    compiler.types.iter_mut().for_each(TypeDraft::settle_nothing);
    compiler.build();
    check::run(&compiler.types, &mut compiler.diagnostics);
    let mut diagnostics = sources.place(std::mem::take(&mut compiler.diagnostics));
    sources::quieten(source, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let mut mapping = compiler.finish();
    sources.place_names(&mut mapping.places);
    for example in mapping.types.iter_mut().flat_map(|ty| &mut ty.examples) {
        sources.place_one(&mut example.place);
    }
    Ok((mapping, diagnostics))
}

/// What is known so far of the file being compiled.
struct Compiler {
    diagnostics: Diagnostics,
    /// `[let]`.
    constants: BTreeMap<String, Value>,
    counters: BTreeMap<String, Counter>,
    errors: BTreeMap<String, AttrPath>,
    store: StoreKind,
    store_name: String,
    /// `[schema.URN]`.
    schemas: Vec<Schema>,
    /// Names of the types that a reference may lead to.
    type_names: Vec<String>,
    /// `[type.Name]`; `None` if it could not be made out.
    declared: Vec<(String, Option<ResourceType>)>,
    types: Vec<TypeDraft>,
    places: Places,
    /// The words of a log that mean something where a V is read.
    log_words: &'static [&'static str],
    /// While the `where` of a set of names is read.
    in_where_of_names: bool,
}

impl Compiler {
    fn new(diagnostics: Diagnostics) -> Self {
        Self {
            diagnostics,
            constants: BTreeMap::new(),
            counters: BTreeMap::new(),
            errors: BTreeMap::new(),
            store: StoreKind::Sql { session: BTreeMap::new() },
            store_name: "main".to_owned(),
            schemas: Vec::new(),
            type_names: Vec::new(),
            declared: Vec::new(),
            types: Vec::new(),
            places: Places::default(),
            log_words: &[],
            in_where_of_names: false,
        }
    }

    fn is_ldap(&self) -> bool {
        matches!(self.store, StoreKind::Ldap { .. })
    }

    fn error(
        &mut self,
        code: &'static str,
        node: &Node,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.diagnostics.error(code, &node.span, message, help);
    }

    /// Reads something of a type, and notes whether that went well.
    fn reading(&mut self, ty: usize, read: impl FnOnce(&mut Self)) {
        let errors = |c: &Self| c.diagnostics.0.iter().filter(|d| d.severity == Severity::Error).count();
        let before = errors(self);
        read(self);
        if errors(self) > before
            && let Some(draft) = self.types.get_mut(ty)
        {
            draft.broken = true;
        }
    }

    fn finish(mut self) -> Mapping {
        for (ty, draft) in self.types.iter().enumerate() {
            for rule in &draft.rules {
                self.places.note(Named::Rule(ty, rule.rule.name.clone()), &rule.span);
            }
        }
        Mapping {
            places: self.places,
            types: self.types.into_iter().map(TypeDraft::finish).collect(),
            counters: self.counters,
            errors: self.errors,
            store: self.store,
            store_name: self.store_name,
        }
    }
}
