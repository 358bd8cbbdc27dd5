//! What a mapping does with each field: which attributes read and write it, and
//! which values the mapping itself puts there.

use std::collections::BTreeSet;

use crate::{
    mapping::{
        Mapping, TypeMapping,
        codec::Codec,
        form::{Assign, SetOp, Template, set::AssignTarget},
        lens::{Lens, Reference, Rule, Scalar, Scheme, Source, Sub, ValueMap, Write, text},
        shape::{FieldRef, PartId},
    },
    scim::schema::{DataType, SchemaAttribute},
    store::{Fold, Value},
};

/// All uses of the fields of a type.
pub(crate) struct Uses<'m> {
    /// By attributes.
    pub(crate) fields: Vec<FieldUse<'m>>,
    /// By the mapping itself.
    pub(crate) made: Vec<Made<'m>>,
    /// Fields that an attribute changes in part: bits that are set, values that are taken away.
    pub(crate) touched: Vec<(&'m FieldRef, String)>,
}

/// A field that an attribute lies in.
pub(crate) struct FieldUse<'m> {
    /// The attribute: `name.givenName`.
    pub(crate) path: String,
    /// The address of its line in the file.
    pub(crate) rule: &'m str,
    pub(crate) field: &'m FieldRef,
    pub(crate) role: Role<'m>,
    /// Clients may write it.
    pub(crate) writable: bool,
    /// Each new row has a value of it.
    pub(crate) always: bool,
    pub(crate) unique: Option<Fold>,
}

/// How an attribute lies in a field.
pub(crate) enum Role<'m> {
    Value {
        codecs: &'m [Codec],
        map: Option<&'m ValueMap>,
        nothing: &'m [Template],
        data_type: DataType,
        case_exact: bool,
    },
    /// One field of a composed text.
    Piece,
    /// A field that a truth is read from.
    Tested,
    /// A pointer at another resource.
    Pointer,
    /// A search for other resources.
    Search,
    Password(Scheme),
}

/// A value that the mapping itself puts into a field.
pub(crate) struct Made<'m> {
    pub(crate) field: &'m FieldRef,
    pub(crate) template: &'m Template,
    /// The attribute whose lens says so; empty if the record layer does.
    pub(crate) path: String,
    /// Each new row gets it.
    pub(crate) always: bool,
}

impl FieldUse<'_> {
    /// How the field becomes the attribute, in words.
    pub(crate) fn lens_words(&self) -> String {
        match &self.role {
            Role::Piece => "a part of a text".to_owned(),
            Role::Tested => "tested".to_owned(),
            Role::Pointer => "a reference".to_owned(),
            Role::Search => "a search".to_owned(),
            Role::Password(_) => "a password".to_owned(),
            Role::Value { codecs, map, .. } => {
                let mut through: Vec<String> = codecs.iter().map(Codec::name).collect();
                through.extend(map.map(|_| "map".to_owned()));
                match through.is_empty() {
                    true => "as it is".to_owned(),
                    false => format!("through {}", through.join(", ")),
                }
            }
        }
    }
}

impl<'m> Uses<'m> {
    pub(crate) fn of(ty: &'m TypeMapping) -> Self {
        let mut uses = Self { fields: Vec::new(), made: Vec::new(), touched: Vec::new() };
        for rule in &ty.rules {
            let published = attribute(ty, rule);
            let required = published.is_some_and(|a| a.required);
            let site =
                Site { rule, path: rule.attribute.clone(), published, always: required, written: true };
            uses.lens(&rule.lens, &site);
        }
        for settle in &ty.settle {
            uses.assign(&settle.assign, true, "");
        }
        for (_, assign) in &ty.touch {
            uses.assign(assign, true, "");
        }
        uses.assigns(&ty.delete.set, "");
        uses
    }

    /// What the other sides of references write as well: members that each person keeps.
    pub(crate) fn with_inverses(mut self, mapping: &Mapping, ty: usize) -> Self {
        let inverses = mapping.types.iter().flat_map(|of| &of.inverses);
        for inverse in inverses.filter(|i| i.writable && i.holder == ty) {
            for used in self.fields.iter_mut().filter(|u| *u.field == inverse.pointer) {
                (used.writable, used.always) = (true, true);
            }
        }
        self
    }

    /// Fields of a part that have a value in each new row.
    pub(crate) fn always(&self, ty: &TypeMapping, part: PartId) -> BTreeSet<usize> {
        let layout = ty.shape.part(part);
        let mut always: BTreeSet<usize> = layout.constants.iter().map(|(field, _)| *field).collect();
        always.extend(layout.ties());
        always.extend(&layout.slot);
        always.extend(layout.value);
        // The key behind a slot's name is looked up for each row.
        let names = layout.slot_in.map(|at| ty.shape.part(at.part));
        always.extend(names.iter().flat_map(|names| &names.on).map(|(_, above)| *above));
        let written = self.fields.iter().filter(|u| u.writable && u.field.part == part);
        // A row of a part is there for its only value.
        let fields: BTreeSet<usize> = written.clone().map(|u| u.field.field).collect();
        let is_only = part != 0 && fields.len() == 1;
        always.extend(written.filter(|u| u.always || is_only).map(|u| u.field.field));
        let made = self.made.iter().filter(|m| m.always && m.field.part == part);
        // What is made of other fields is there if one of them is.
        for _ in 0..4 {
            let here: Vec<usize> =
                made.clone().filter(|m| is_given(m.template, part, &always)).map(|m| m.field.field).collect();
            always.extend(here);
        }
        always
    }

    /// Fields of a part that may have a value in a new row.
    pub(crate) fn sometimes(&self, part: PartId) -> BTreeSet<usize> {
        let written = self.fields.iter().filter(|u| u.writable && u.field.part == part);
        let made = self.made.iter().filter(|m| m.field.part == part);
        written.map(|u| u.field.field).chain(made.map(|m| m.field.field)).collect()
    }

    fn lens(&mut self, lens: &'m Lens, site: &Site<'m>) {
        match lens {
            Lens::Scalar(scalar) => self.scalar(scalar, site),
            Lens::Complex(subs) => self.subs(subs, site, false),
            Lens::Rows(rows) => {
                self.assigns(&rows.common.also, &site.path);
                let site = Site { always: true, ..site.clone() }.allow(rows.common.write);
                self.subs(&rows.each, &site, true);
            }
            Lens::Slots(slots) => {
                self.assigns(&slots.common.also, &site.path);
                let site = site.clone().allow(slots.common.write);
                for (_, subs) in &slots.slots {
                    self.subs(subs, &Site { always: false, ..site.clone() }, false);
                }
            }
            Lens::Reference(reference) => self.reference(reference, site),
            Lens::Pointers(pointers) => pointers.places.iter().for_each(|p| self.reference(p, site)),
            Lens::Password(password) => self.fields.push(FieldUse {
                path: site.path.clone(),
                rule: &site.rule.name,
                field: &password.field,
                role: Role::Password(password.scheme),
                writable: true,
                always: site.always,
                unique: None,
            }),
            Lens::First(list) | Lens::Union(list) => {
                for lens in list {
                    self.lens(lens, &Site { always: false, ..site.clone() });
                }
            }
            Lens::Guarded(guarded) => {
                self.assigns(&guarded.also, &site.path);
                self.lens(&guarded.lens, &Site { always: false, ..site.clone() });
            }
            Lens::Search(search) => self.fields.push(FieldUse {
                path: format!("{}.value", site.path),
                rule: &site.rule.name,
                field: &search.field,
                role: Role::Search,
                writable: false,
                always: false,
                unique: None,
            }),
            Lens::Inverse(_) | Lens::Side => {}
        }
    }

    fn subs(&mut self, subs: &'m [Sub], site: &Site<'m>, of_rows: bool) {
        for sub in subs {
            let published = site.published.and_then(|a| a.find_sub(&sub.name));
            let required = published.is_some_and(|a| a.required) || (of_rows && sub.name == "value");
            let simple = site.published.is_some_and(|a| a.sub_attributes.is_empty());
            let inner = Site {
                path: if simple { site.path.clone() } else { format!("{}.{}", site.path, sub.name) },
                published: if simple { site.published } else { published },
                always: site.always && required,
                ..site.clone()
            };
            self.lens(&sub.lens, &inner);
        }
    }

    fn scalar(&mut self, scalar: &'m Scalar, site: &Site<'m>) {
        self.assigns(&scalar.common.also, &site.path);
        let writable = site.written && scalar.is_writable();
        let usual = |field, role, always| FieldUse {
            path: site.path.clone(),
            rule: &site.rule.name,
            field,
            role,
            writable,
            always: always && writable && site.always,
            unique: scalar.common.unique,
        };
        match &scalar.source {
            Source::Field { field, codecs, map, nothing } => {
                let role = Role::Value {
                    codecs,
                    map: map.as_ref(),
                    nothing,
                    data_type: scalar.data_type,
                    case_exact: scalar.case_exact,
                };
                self.fields.push(usual(field, role, true));
                // What is written for "no value" is a value of its own.
                if let Some(first) = nothing.first().filter(|t| **t != Template::Nothing) {
                    let path = site.path.clone();
                    self.made.push(Made { field, template: first, path, always: writable });
                }
                let initial = scalar.common.initial.iter();
                let path = || site.path.clone();
                self.made.extend(initial.map(|template| Made {
                    field,
                    template,
                    path: path(),
                    always: true,
                }));
            }
            Source::Text { texts, .. } => {
                let fields = texts.iter().flat_map(|t| text::fields(t));
                self.fields.extend(fields.map(|field| usual(field, Role::Piece, false)));
            }
            Source::State { read, on_true, on_false } => {
                let tested = read
                    .fields()
                    .into_iter()
                    .map(|field| FieldUse { writable: false, ..usual(field, Role::Tested, false) });
                self.fields.extend(tested);
                self.assigns(on_true, &site.path);
                self.assigns(on_false, &site.path);
            }
            Source::Extreme { fields, .. } => {
                for (field, codecs) in fields {
                    let role = Role::Value {
                        codecs,
                        map: None,
                        nothing: &[],
                        data_type: scalar.data_type,
                        case_exact: scalar.case_exact,
                    };
                    self.fields.push(usual(field, role, false));
                }
            }
            Source::Const(_) | Source::Place(_) => {}
        }
    }

    fn reference(&mut self, reference: &'m Reference, site: &Site<'m>) {
        self.assigns(&reference.here, &site.path);
        self.assigns(&reference.common.also, &site.path);
        let field = &reference.field;
        let initial = reference.common.initial.iter();
        let path = || site.path.clone();
        self.made.extend(initial.map(|template| Made { field, template, path: path(), always: true }));
        self.fields.push(FieldUse {
            path: site.path.clone(),
            rule: &site.rule.name,
            field,
            role: Role::Pointer,
            writable: site.written && reference.common.write != Write::No,
            always: site.always,
            unique: None,
        });
    }

    fn assigns(&mut self, set: &'m [Assign], path: &str) {
        set.iter().for_each(|assign| self.assign(assign, false, path));
    }

    fn assign(&mut self, assign: &'m Assign, always: bool, path: &str) {
        let AssignTarget::Field(field) = &assign.target else { return };
        if let SetOp::To(list) | SetOp::Add(list) = &assign.op {
            let made = |template| Made { field, template, path: path.to_owned(), always };
            self.made.extend(list.iter().map(made));
        } else if !path.is_empty() {
            self.touched.push((field, path.to_owned()));
        }
    }
}

/// An attribute on the way to its fields.
#[derive(Clone)]
struct Site<'m> {
    rule: &'m Rule,
    path: String,
    published: Option<&'m SchemaAttribute>,
    always: bool,
    written: bool,
}

impl Site<'_> {
    fn allow(mut self, write: Write) -> Self {
        self.written &= write != Write::No;
        self
    }
}

/// What is published of a rule's attribute.
pub(crate) fn attribute<'m>(ty: &'m TypeMapping, rule: &Rule) -> Option<&'m SchemaAttribute> {
    match &rule.urn {
        None => ty.resource_type.core.find(&rule.attribute),
        Some(urn) => {
            let own =
                |(schema, _): &&(crate::scim::schema::Schema, bool)| schema.id.eq_ignore_ascii_case(urn);
            ty.resource_type.extensions.iter().find(own)?.0.find(&rule.attribute)
        }
    }
}

/// True if a template always gives a value, these fields of the part having one.
fn is_given(template: &Template, part: PartId, always: &BTreeSet<usize>) -> bool {
    match template {
        Template::Nothing | Template::Some => false,
        Template::Literal(Value::Text(text)) => !text.is_empty(),
        Template::Text(_) | Template::Unique { .. } => {
            let fields = template.fields();
            fields.is_empty() || fields.iter().any(|f| f.part != part || always.contains(&f.field))
        }
        _ => true,
    }
}
