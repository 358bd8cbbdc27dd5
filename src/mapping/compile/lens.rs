//! Lenses from their tables: which kind a table means, and the keys that go
//! with every kind.

mod guard;
mod link;
mod many;
mod password;
mod simple;
mod stored;
mod tree;

use std::ops::Range;

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::{Face, Scope, WriteSite},
            keys::{Keys, suggest},
            schema::{MUTABILITIES, RETURNED},
        },
        lens::{Common, Lens, Write},
        node::{Kind, Node},
        shape::FieldRef,
    },
    scim::schema::{DataType, Mutability, Returned, SchemaAttribute, Uniqueness},
    store::Fold,
};

/// What a lens is made for.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) scope: Scope,
    /// Address of the rule.
    pub(super) rule: &'a str,
    pub(super) attribute: &'a SchemaAttribute,
    /// True for the elements of a multi-valued attribute and for sub-attributes.
    pub(super) inner: bool,
    /// Sub-attributes of a row that may share a field.
    pub(super) group: Option<usize>,
    /// The schema forbids clients to change what this is a part of.
    pub(super) fixed: bool,
}

impl<'a> Site<'a> {
    pub(super) fn new(scope: Scope, rule: &'a str, attribute: &'a SchemaAttribute) -> Self {
        let fixed = attribute.mutability == Mutability::ReadOnly;
        Self { scope, rule, attribute, inner: false, group: None, fixed }
    }

    /// The same place for a sub-attribute.
    fn sub(&self, attribute: &'a SchemaAttribute) -> Self {
        Self {
            attribute,
            inner: true,
            fixed: self.fixed || attribute.mutability == Mutability::ReadOnly,
            ..*self
        }
    }

    /// True if a list is wanted here.
    fn is_list(&self) -> bool {
        self.attribute.multi_valued && !self.inner
    }
}

/// A lens and what is published of it.
pub(super) struct Made {
    pub(super) lens: Lens,
    pub(super) face: Face,
}

/// The keys that go with every lens.
struct Shared {
    common: Common,
    face: Face,
    /// `accept_loss` is there.
    accepted: bool,
    case_exact: bool,
}

const COMMON: &[&str] = &[
    "initial",
    "also",
    "write",
    "mutability",
    "returned",
    "refuse",
    "required",
    "unique",
    "match",
    "filter",
    "accept_loss",
    "when",
];

/// What inverses have no use for.
const BARE: &[&str] = &["also", "write", "mutability", "refuse", "unique", "match", "when"];
/// What searches have no use for.
const FOUND: &[&str] = &["initial", "also", "write", "mutability", "refuse", "unique", "match", "when"];
/// What passwords have no use for.
const SECRET: &[&str] = &["initial", "write", "mutability", "returned", "unique", "match", "filter"];

/// A kind of lens: the keys that tell it, and the keys it may have.
struct Form {
    by: &'static [&'static str],
    what: &'static str,
    keys: &'static [&'static str],
    later: &'static [&'static str],
    /// Keys of every lens that this kind does not carry out.
    without: &'static [&'static str],
    /// Keys of every lens that are carried out around it; see [`Guarded`](crate::mapping::lens::Guarded).
    around: &'static [&'static str],
    make: fn(&mut Compiler, &Site<'_>, &Node) -> Option<Made>,
}

/// In the order in which the kinds are told apart.
const FORMS: &[Form] = &[
    Form {
        by: &["rows"],
        what: "a rows lens",
        keys: &[
            "rows",
            "each",
            "type",
            "primary",
            "kinds",
            "by",
            "ref",
            "dangling",
            "here",
            "there",
            "unmatched",
        ],
        later: &[],
        without: &["unique"],
        around: &["also", "refuse"],
        make: Compiler::rows_lens,
    },
    Form {
        by: &["slots"],
        what: "a slots lens",
        keys: &["slots", "primary", "rest"],
        later: &[],
        without: &["initial", "unique", "match"],
        around: &["also", "refuse"],
        make: Compiler::slots_lens,
    },
    Form {
        by: &["sub"],
        what: "a complex value",
        keys: &["sub"],
        later: &[],
        without: &["initial", "unique", "match"],
        around: &["also", "refuse"],
        make: Compiler::sub_lens,
    },
    Form {
        by: &["inverse"],
        what: "an inverse lens",
        keys: &["inverse", "via", "superset", "nested"],
        later: &[],
        without: BARE,
        around: &[],
        make: Compiler::inverse_lens,
    },
    Form {
        by: &["search"],
        what: "a search",
        keys: &["search", "ref"],
        later: &[],
        without: FOUND,
        around: &[],
        make: Compiler::search_lens,
    },
    Form {
        by: &["read", "true", "false"],
        what: "a state lens",
        keys: &["read", "true", "false"],
        later: &[],
        without: &["unique", "match"],
        around: &["refuse"],
        make: Compiler::state_lens,
    },
    Form {
        by: &["text"],
        what: "a text lens",
        keys: &["text", "parse"],
        later: &[],
        without: &["initial", "unique"],
        around: &["refuse"],
        make: Compiler::text_lens,
    },
    Form {
        by: &["const"],
        what: "a constant",
        keys: &["const"],
        later: &[],
        without: &["initial", "also", "unique"],
        around: &[],
        make: Compiler::const_lens,
    },
    Form {
        by: &["place"],
        what: "a place lens",
        keys: &["place"],
        later: &[],
        without: &["initial", "also", "unique"],
        around: &["refuse"],
        make: Compiler::place_lens,
    },
    Form {
        by: &["latest", "earliest"],
        what: "an extreme of fields",
        keys: &["latest", "earliest", "codec"],
        later: &[],
        without: &["initial", "also", "unique", "refuse"],
        around: &[],
        make: Compiler::extreme_lens,
    },
    Form {
        by: &["scheme"],
        what: "a password",
        keys: &["field", "scheme", "salt", "prefix"],
        later: &[],
        without: SECRET,
        around: &["also", "refuse"],
        make: Compiler::password_lens,
    },
    Form {
        by: &["tree"],
        what: "a tree",
        keys: &["tree", "sep", "around", "by", "ref", "dangling"],
        later: &[],
        without: &["unique", "match", "initial"],
        around: &["also", "refuse"],
        make: Compiler::tree_lens,
    },
    Form {
        by: &["ref"],
        what: "a reference",
        keys: &["field", "codec", "ref", "by", "dangling", "here", "there"],
        later: &[],
        without: &["unique", "match"],
        around: &["refuse"],
        make: Compiler::reference_lens,
    },
    Form {
        by: &["field"],
        what: "a field lens",
        keys: &["field", "codec", "nothing", "map", "else"],
        later: &[],
        without: &[],
        around: &["refuse"],
        make: Compiler::field_lens,
    },
];

/// The keys that a lens may have, of every kind.
pub(super) fn lens_keys() -> Vec<&'static str> {
    let mut keys: Vec<&str> = FORMS.iter().flat_map(|form| form.keys).chain(COMMON).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

impl Compiler {
    /// Compiles a lens.
    pub(super) fn lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        match &node.kind {
            Kind::Text(text) if text == "@side" => Self::side_lens(site),
            Kind::Text(name) => self.named_field(site, name, node),
            Kind::Array(items) => self.alternatives(site, items, node),
            Kind::Table(_) => self.table_lens(site, node),
            _ => {
                self.wrong_type(
                    node,
                    &format!("`{}`", site.attribute.name),
                    "a field name, a lens table or an array of lenses",
                );
                None
            }
        }
    }

    fn side_lens(site: &Site<'_>) -> Option<Made> {
        // Our own database has the values of all: see `gateway::unique`.
        let unique = site.attribute.uniqueness != Uniqueness::None;
        Some(Made { lens: Lens::Side, face: Face { unique, ..Face::default() } })
    }

    fn table_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let Some(form) = FORMS.iter().find(|f| f.by.iter().any(|k| node.get(k).is_some())) else {
            self.no_lens(site, node);
            return None;
        };
        let mut known = form.keys.to_vec();
        known.extend(COMMON.iter().filter(|k| !form.without.contains(k)));
        let later = [form.later, form.without].concat();
        self.check_keys(node, &Keys { what: form.what, known: &known, later: &later });
        let mark = self.diagnostics.0.len();
        let made = self.guarded(site, node, form);
        if made.is_none() && self.diagnostics.0.len() == mark && !self.diagnostics.has_errors() {
            self.error(
                "no-lens",
                node,
                format!("{} cannot be made of this", form.what),
                "compare it with the documentation",
            );
        }
        made
    }

    fn no_lens(&mut self, site: &Site<'_>, node: &Node) {
        let kinds: Vec<&str> = FORMS.iter().flat_map(|f| f.by).copied().collect();
        let inner = site.attribute.sub_attributes.iter().any(|s| node.get(&s.name).is_some());
        let (span, message, help) = match node.entries().first() {
            Some((key, _)) if inner => {
                let message = format!("`{}` is no key of a lens", key.name);
                let help = format!(
                    "write `{{ sub = {{ {} = … }} }}`, or quote the key: `'{}.{}'`",
                    key.name, site.attribute.name, key.name
                );
                (key.span.clone(), message, help)
            }
            Some((key, _)) => {
                let message = format!("`{}` does not say which lens is meant", key.name);
                (key.span.clone(), message, suggest(&key.name, kinds.into_iter(), "a lens has one of"))
            }
            None => (
                node.span.clone(),
                "an empty lens".to_owned(),
                suggest("", kinds.into_iter(), "a lens has one of"),
            ),
        };
        self.diagnostics.error("no-lens", &span, message, help);
    }

    /// An array of lenses: the first that reads as something, or the union of lists.
    fn alternatives(&mut self, site: &Site<'_>, items: &[Node], node: &Node) -> Option<Made> {
        if items.is_empty() {
            self.error("no-lens", node, "an empty array of lenses", "write at least one lens");
            return None;
        }
        let mut lenses = Vec::new();
        let mut face: Option<Face> = None;
        // One that is written whatever the resource holds; those after it never are.
        let mut settled = false;
        for item in items {
            let mark = self.types.get(site.scope.ty).map_or(0, |t| t.writes.len());
            let Some(made) = self.lens(site, item) else { continue };
            let written = settled;
            settled |= made.face.writable && !made.lens.is_conditional();
            if written && !site.is_list() {
                // Only the first writable one is written.
                if let Some(draft) = self.types.get_mut(site.scope.ty) {
                    draft.writes.truncate(mark);
                }
            }
            face = Some(match face {
                None => made.face,
                Some(mut face) => {
                    face.writable |= made.face.writable;
                    face.searchable &= made.face.searchable;
                    face.subs = match (face.subs, made.face.subs) {
                        (Some(a), Some(b)) => Some(union(a, b)),
                        _ => None,
                    };
                    face
                }
            });
            lenses.push(made.lens);
        }
        if lenses.len() != items.len() {
            return None;
        }
        let lens = match site.is_list() {
            true => together(lenses),
            false => Lens::First(lenses),
        };
        Some(Made { lens, face: face.unwrap_or_default() })
    }

    /// Reads the keys that go with every lens.
    fn shared(&mut self, site: &Site<'_>, node: &Node) -> Shared {
        let attribute = site.attribute;
        let matching = self.word_key(node, "match", &[("exact", true), ("fold", false)]);
        let case_exact = matching.unwrap_or(attribute.case_exact);
        let by_case = if case_exact { Fold::Exact } else { Fold::Case };
        let unique = match node.get("unique") {
            Some(Node { kind: Kind::Bool(true), .. }) => Some(by_case),
            Some(Node { kind: Kind::Bool(false), .. }) => None,
            Some(n) if n.text() == Some("fold") => Some(Fold::Case),
            // For a file that lies over another one, where false takes the key away.
            Some(n) if n.text() == Some("no") => None,
            Some(n) if matches!(n.kind, Kind::Table(_)) => Some(by_case),
            Some(n) => {
                self.wrong_type(n, "`unique`", "true, false, \"fold\" or \"no\"");
                None
            }
            None => (attribute.uniqueness != Uniqueness::None && !attribute.multi_valued).then_some(by_case),
        };
        let within = node.get("unique").map(|n| self.within(site, n)).unwrap_or_default();
        let mutability = self.word_key(node, "mutability", MUTABILITIES);
        let returned = self.word_key(node, "returned", RETURNED);
        let is_secret = mutability.unwrap_or(attribute.mutability) == Mutability::WriteOnly;
        if let (Some(at), true) = (node.get("returned"), is_secret && returned != Some(Returned::Never)) {
            let message = format!("`{}` is writeOnly, so it is never returned", attribute.name);
            self.error("bad-value", at, message, "remove `returned`, or the mutability");
        }
        let write =
            self.word_key(node, "write", &[("yes", Write::Yes), ("no", Write::No), ("remove", Write::Yes)]);
        let fixed = mutability.map_or(site.fixed, |m| m == Mutability::ReadOnly);
        let write = write.unwrap_or(if fixed { Write::No } else { Write::Yes });
        let accepted = self.text_key(node, "accept_loss").is_some_and(|t| !t.trim().is_empty());
        let common = Common {
            write,
            initial: node.get("initial").map(|n| self.values(site.scope, n)).unwrap_or_default(),
            also: node.get("also").map(|n| self.set(site.scope, n)).unwrap_or_default(),
            unique,
            within,
            ignore: self.word_key(node, "refuse", &[("reject", false), ("ignore", true)]).unwrap_or_default(),
        };
        let face = Face {
            writable: write != Write::No,
            mutability,
            returned,
            required: self.bool_key(node, "required"),
            unique: unique.is_some(),
            case_exact: matching,
            searchable: self.word_key(node, "filter", &[("yes", true), ("no", false)]).unwrap_or(true),
            ..Face::default()
        };
        Shared { common, face, accepted, case_exact }
    }

    /// Reports a lens that does not fit its attribute.
    fn wrong_lens(&mut self, node: &Node, site: &Site<'_>, why: &str) {
        let a = site.attribute;
        let help = match (site.is_list(), a.data_type == DataType::Complex) {
            (true, true) => {
                "write `{ rows = \"…\" }` for a list, or `{ slots = { work = \"…\" } }` for fixed types"
            }
            (true, false) => "write `{ rows = \"…\" }`",
            (false, true) if a.find_sub("$ref").is_some() => "write `{ field = \"…\", ref = \"User\" }`",
            (false, true) => "write `{ sub = { … = \"…\" } }`",
            (false, false) => "write a field name or `{ field = \"…\" }`",
        };
        self.error("wrong-lens", node, format!("`{}` {why}", a.name), help);
    }

    /// Notes that clients may write a field.
    fn note_write(&mut self, site: &Site<'_>, write: Write, field: &FieldRef, span: &Range<usize>) {
        if write == Write::No {
            return;
        }
        if let Some(draft) = self.types.get_mut(site.scope.ty) {
            draft.writes.push(WriteSite {
                field: field.clone(),
                rule: if site.inner {
                    format!("{}.{}", site.rule, site.attribute.name)
                } else {
                    site.rule.to_owned()
                },
                span: span.clone(),
                group: site.group,
                when: None,
            });
        }
    }

    /// Reports something that cannot be undone by reading, unless the file accepts it.
    fn lossy(&mut self, shared: &Shared, span: &Range<usize>, what: &str) {
        if !shared.accepted {
            let help = "write `accept_loss = \"why that is all right\"`, or `write = \"no\"`";
            self.diagnostics.error(
                "needs-accept-loss",
                span,
                format!("{what}: what is written does not read back"),
                help,
            );
        }
    }
}

/// A list of several lenses; pointers in fields of their own are one.
fn together(lenses: Vec<Lens>) -> Lens {
    let mut out: Vec<Lens> = Vec::new();
    for lens in lenses {
        match (out.last_mut(), lens) {
            (Some(Lens::Pointers(mine)), Lens::Pointers(more)) => mine.places.extend(more.places),
            (_, lens) => out.push(lens),
        }
    }
    match out.as_slice() {
        [Lens::Pointers(all)] => Lens::Pointers(all.clone()),
        _ => Lens::Union(out),
    }
}

fn union(mut a: Vec<(String, Face)>, b: Vec<(String, Face)>) -> Vec<(String, Face)> {
    for (name, face) in b {
        match a.iter_mut().find(|(n, _)| *n == name) {
            Some((_, mine)) => {
                mine.writable |= face.writable;
                mine.canonical.extend(face.canonical);
                mine.canonical.dedup();
            }
            None => a.push((name, face)),
        }
    }
    a
}
