//! What is gathered of one resource type while its part of the file is read.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use crate::{
    mapping::{
        Delete, Ids, Rename, Settle, TypeMapping,
        codec::Codec,
        example::Example,
        form::{Assign, Cond, Template},
        lens::{Inverse, RefTarget, Rule},
        log::Log,
        node::Node,
        shape::{FieldRef, Opened, Part, PartId, Shape, Use},
    },
    scim::schema::{Mutability, ResourceType, Returned},
    store::{
        Bag, Field, FieldId, FieldKind, Predicate, Source, Value,
        document::{Document, Items},
    },
};

/// A place where names are read: bare names belong to the part's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) ty: usize,
    pub(super) part: PartId,
}

/// Where no field is in scope.
pub(super) const NOWHERE: Scope = Scope { ty: usize::MAX, part: 0 };

/// A resource type in the making.
pub(in crate::mapping) struct TypeDraft {
    pub(in crate::mapping) name: String,
    pub(in crate::mapping) span: Range<usize>,
    /// Its table in the file.
    pub(in crate::mapping) node: Node,
    /// Its schemas in full, before they are cut down to what is mapped.
    pub(in crate::mapping) declared: ResourceType,
    pub(super) published: ResourceType,
    pub(in crate::mapping) shape: Shape,
    /// Beside [`Shape::parts`], index by index.
    pub(in crate::mapping) extras: Vec<PartExtra>,
    /// Parts that this version cannot lay out; what names them is not reported again.
    pub(super) missing: Vec<String>,
    /// Something of it could not be read: what would follow from that is not reported.
    pub(in crate::mapping) broken: bool,
    pub(in crate::mapping) rules: Vec<RuleDraft>,
    pub(in crate::mapping) references: Vec<RefTarget>,
    pub(super) inverses: Vec<Option<Inverse>>,
    pub(super) pending: Vec<PendingInverse>,
    /// `[R.fields]`.
    pub(super) settings: Vec<(FieldRef, FieldSetting)>,
    pub(in crate::mapping) writes: Vec<WriteSite>,
    pub(in crate::mapping) states: Vec<StateSite>,
    pub(in crate::mapping) wheres: Vec<WhereSite>,
    pub(in crate::mapping) bys: Vec<BySite>,
    /// The bag and the field that hold the root's rows, if those lie in a document.
    pub(super) held: Option<(Arc<Bag>, FieldId)>,
    pub(super) version: Option<FieldId>,
    pub(in crate::mapping) ids: Ids,
    pub(in crate::mapping) protect: Option<Cond>,
    /// The root is a set of names.
    pub(in crate::mapping) is_names: bool,
    /// `adopt = "link"`.
    pub(super) adopts: bool,
    pub(in crate::mapping) settle: Vec<(Settle, Range<usize>)>,
    pub(super) touch: Vec<(PartId, Assign)>,
    pub(in crate::mapping) delete: Delete,
    pub(in crate::mapping) rename: Rename,
    pub(super) examples: Vec<Example>,
    pub(in crate::mapping) logs: Vec<LogSite>,
}

/// What is known of a part beside its compiled form.
#[derive(Default)]
pub(in crate::mapping) struct PartExtra {
    /// True for a part that no table of the file declares.
    pub(super) implicit: bool,
    /// A slot that names a field of another part: that part's name, the field's name, and the field here.
    pub(super) slot_in: Option<(String, String, FieldId, Range<usize>)>,
    /// Short names of slots.
    pub(super) alias: BTreeMap<String, Vec<Value>>,
    /// What its fields read as nothing.
    pub(super) nothing: Vec<Template>,
    /// Its `where`.
    pub(in crate::mapping) scope: Option<Cond>,
    pub(in crate::mapping) span: Range<usize>,
}

/// A compiled rule with what is published of it.
pub(in crate::mapping) struct RuleDraft {
    pub(in crate::mapping) rule: Rule,
    pub(in crate::mapping) face: Face,
    pub(in crate::mapping) span: Range<usize>,
}

/// What a lens says about its attribute.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::mapping) struct Face {
    /// Clients may change it.
    pub(in crate::mapping) writable: bool,
    /// The file's own word on mutability.
    pub(in crate::mapping) mutability: Option<Mutability>,
    pub(super) returned: Option<Returned>,
    pub(in crate::mapping) required: Option<bool>,
    pub(in crate::mapping) unique: bool,
    pub(super) case_exact: Option<bool>,
    /// Clients may filter by it.
    pub(super) searchable: bool,
    pub(super) canonical: Vec<String>,
    /// Names of the resource types a reference points at.
    pub(super) types: Vec<String>,
    /// Sub-attributes; `None`: all of the schema's.
    pub(in crate::mapping) subs: Option<Vec<(String, Face)>>,
}

impl Default for Face {
    fn default() -> Self {
        Self {
            writable: true,
            mutability: None,
            returned: None,
            required: None,
            unique: false,
            case_exact: None,
            searchable: true,
            canonical: Vec::new(),
            types: Vec::new(),
            subs: None,
        }
    }
}

/// A field's settings in `[R.fields]`.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldSetting {
    pub(super) codecs: Vec<Codec>,
    pub(super) nothing: Vec<Template>,
    pub(super) length: Option<usize>,
    /// Compiled by each lens that uses it: the pairs are of its attribute's type.
    pub(super) map: Option<Node>,
}

/// A field that a lens writes.
#[derive(Debug, Clone)]
pub(in crate::mapping) struct WriteSite {
    pub(in crate::mapping) field: FieldRef,
    pub(in crate::mapping) rule: String,
    pub(in crate::mapping) span: Range<usize>,
    /// Lenses of the same group write one field together and must agree (`type` and `primary` of a row).
    pub(in crate::mapping) group: Option<usize>,
    /// Under this condition only.
    pub(in crate::mapping) when: Option<Cond>,
}

/// A state lens, for the check of its SETs.
pub(in crate::mapping) struct StateSite {
    pub(in crate::mapping) at: PartId,
    pub(in crate::mapping) read: Cond,
    pub(in crate::mapping) on_true: Vec<Assign>,
    pub(in crate::mapping) on_false: Vec<Assign>,
    pub(in crate::mapping) true_span: Range<usize>,
    pub(in crate::mapping) false_span: Range<usize>,
}

/// One conjunct of a `where`.
pub(in crate::mapping) struct WhereSite {
    pub(in crate::mapping) part: PartId,
    pub(in crate::mapping) cond: Cond,
    pub(in crate::mapping) span: Range<usize>,
}

/// A log, and where each of its columns is given a value.
pub(in crate::mapping) struct LogSite {
    pub(in crate::mapping) log: Log,
    pub(in crate::mapping) spans: Vec<(FieldId, Range<usize>)>,
    pub(in crate::mapping) only: Range<usize>,
}

/// A field by which a reference finds its target.
pub(in crate::mapping) struct BySite {
    pub(in crate::mapping) target: usize,
    pub(in crate::mapping) field: FieldRef,
    pub(in crate::mapping) span: Range<usize>,
}

/// An inverse lens, before the lens it mirrors is known.
pub(super) struct PendingInverse {
    pub(super) index: usize,
    pub(super) holder: String,
    pub(super) attribute: String,
    pub(super) via: Option<(FieldRef, String, Range<usize>)>,
    pub(super) superset: bool,
    pub(super) nested: bool,
    /// The holders of every new resource, and where they are named.
    pub(super) initial: Vec<(Value, Range<usize>)>,
    pub(super) span: Range<usize>,
}

impl TypeDraft {
    pub(super) fn new(name: &str, span: Range<usize>, node: Node, declared: ResourceType) -> Self {
        Self {
            name: name.to_owned(),
            span,
            node,
            declared,
            published: ResourceType::default(),
            shape: Shape { parts: Vec::new(), forms: Vec::new() },
            extras: Vec::new(),
            missing: Vec::new(),
            broken: false,
            rules: Vec::new(),
            references: Vec::new(),
            inverses: Vec::new(),
            pending: Vec::new(),
            settings: Vec::new(),
            writes: Vec::new(),
            states: Vec::new(),
            wheres: Vec::new(),
            bys: Vec::new(),
            held: None,
            version: None,
            ids: Ids::default(),
            is_names: false,
            adopts: false,
            protect: None,
            settle: Vec::new(),
            touch: Vec::new(),
            delete: Delete::default(),
            rename: Rename::default(),
            examples: Vec::new(),
            logs: Vec::new(),
        }
    }

    /// Adds a part with an empty bag.
    pub(super) fn add_part(
        &mut self,
        name: &str,
        parent: PartId,
        source: Source,
        extra: PartExtra,
    ) -> PartId {
        let id = self.shape.parts.len();
        let path = if id == 0 { self.name.clone() } else { format!("{}.part.{name}", self.name) };
        let bag = Bag { name: path, source, fields: Vec::new(), key: Vec::new(), scope: Predicate::True };
        self.shape.parts.push(Part {
            name: name.to_owned(),
            bag: Arc::new(bag),
            parent,
            on: Vec::new(),
            beside: Vec::new(),
            hook: None,
            upward: false,
            close: Vec::new(),
            revive: Vec::new(),
            revive_by: Vec::new(),
            past: None,
            replace: false,
            remember: false,
            rename: None,
            points: Vec::new(),
            identity: Vec::new(),
            named: Vec::new(),
            fresh: Vec::new(),
            opened: None,
            many: false,
            usage: Use::Own,
            always: false,
            slot: Vec::new(),
            slot_in: None,
            value: None,
            constants: Vec::new(),
            initial: Vec::new(),
            touch: Vec::new(),
            order: Vec::new(),
            floor: None,
            row_floor: None,
            make: Vec::new(),
            find_by: None,
            nothing: Vec::new(),
            aux: Vec::new(),
            ties: Vec::new(),
        });
        self.extras.push(extra);
        id
    }

    /// Finds a part that the file declares.
    pub(super) fn find_part(&self, name: &str) -> Option<PartId> {
        let parts = self.shape.parts.iter().zip(&self.extras).enumerate().skip(1);
        parts.filter(|(_, (_, x))| !x.implicit).find(|(_, (p, _))| p.name == name).map(|(id, _)| id)
    }

    /// Names of the parts that the file declares.
    pub(super) fn part_names(&self) -> Vec<&str> {
        let parts = self.shape.parts.iter().zip(&self.extras).skip(1);
        parts.filter(|(_, x)| !x.implicit).map(|(p, _)| p.name.as_str()).collect()
    }

    /// The field of this name in a part's bag; it is there from now on.
    pub(super) fn intern(&mut self, part: PartId, name: &str) -> FieldId {
        let Some(part) = self.shape.parts.get_mut(part) else { return 0 };
        if let Some(id) = part.bag.find_field(name) {
            return id;
        }
        let kind = match name {
            "dn" | "container" if matches!(part.bag.source, Source::Entries { .. }) => FieldKind::Dn,
            _ => FieldKind::Any,
        };
        let bag = Arc::make_mut(&mut part.bag);
        bag.fields.push(Field { name: name.to_owned(), kind, many: false });
        bag.fields.len() - 1
    }

    /// Changes a field; for an opened part also the field of the parent that it lies in.
    pub(super) fn change_field(&mut self, at: &FieldRef, change: &dyn Fn(&mut Field)) {
        let Some(part) = self.shape.parts.get_mut(at.part) else { return };
        let above = part.values_of().map(|field| FieldRef { part: part.parent, field, slot: None });
        if let Some(field) = Arc::make_mut(&mut part.bag).fields.get_mut(at.field) {
            change(field);
        }
        if let Some(above) = above {
            self.change_field(&above, change);
        }
    }

    /// Declares the type of a field, unless it is declared already.
    pub(super) fn declare(&mut self, at: &FieldRef, kind: FieldKind) {
        self.change_field(at, &|field| {
            if field.kind == FieldKind::Any {
                field.kind = kind;
            }
        });
    }

    /// Opens a multi-valued field as a part of its own: a bag of rows with the one field `it`.
    pub(super) fn open(&mut self, at: &FieldRef, name: Option<&str>, extra: PartExtra) -> PartId {
        let opened = |p: &Part| p.parent == at.part && p.values_of() == Some(at.field);
        if name.is_none()
            && let Some(id) =
                self.shape.parts.iter().zip(&self.extras).position(|(p, x)| x.implicit && opened(p))
        {
            return id;
        }
        let bag = self.shape.part(at.part).bag.clone();
        let kind = bag.fields.get(at.field).map_or(FieldKind::Any, |f| f.kind);
        let name = name.map_or_else(|| bag.field_name(at.field).to_owned(), str::to_owned);
        let id = self.add_part(&name, at.part, bag.source.clone(), extra);
        self.intern(id, "it");
        if let Some(part) = self.shape.parts.get_mut(id) {
            part.opened = Some(Opened { field: at.field, slot: None, items: None });
            part.many = true;
            let bag = Arc::make_mut(&mut part.bag);
            bag.key = vec![0];
            bag.fields.iter_mut().for_each(|f| f.kind = kind);
        }
        self.change_field(at, &|f| f.many = true);
        id
    }

    /// Opens a document in a field as a part of its own.
    pub(super) fn open_document(
        &mut self,
        at: &FieldRef,
        name: &str,
        items: Items,
        extra: PartExtra,
    ) -> PartId {
        let source = self.shape.part(at.part).bag.source.clone();
        let id = self.add_part(name, at.part, source, extra);
        let is_item = items.takes_items() || items.each;
        // A document may lie in a column of bytes, which is to be searched as a text.
        if items.document.as_ref().is_some_and(Document::is_searched) && at.slot.is_none() {
            self.declare(at, FieldKind::Text);
        }
        if let Some(part) = self.shape.parts.get_mut(id) {
            part.many = items.many;
            part.opened = Some(Opened { field: at.field, slot: at.slot.clone(), items: Some(items) });
        }
        if is_item {
            self.intern_path(id, &["pos".to_owned()]);
            if let Some(part) = self.shape.parts.get_mut(id) {
                Arc::make_mut(&mut part.bag).key = vec![0];
            }
        }
        id
    }

    /// The field of this path in the rows of a document; it is there from now on.
    pub(super) fn intern_path(&mut self, part: PartId, path: &[String]) -> FieldId {
        let Some(layout) = self.shape.parts.get_mut(part) else { return 0 };
        let Some(items) = layout.opened.as_mut().and_then(|o| o.items.as_mut()) else { return 0 };
        let place = items.place_of(path);
        if let Some(known) = items.places.iter().position(|p| *p == place) {
            return known;
        }
        items.places.push(place);
        let bag = Arc::make_mut(&mut layout.bag);
        bag.fields.push(Field { name: super::name::joined(path), kind: FieldKind::Any, many: false });
        bag.fields.len() - 1
    }

    /// The field that a value lies in: for a value of a multi-valued attribute, that attribute.
    pub(in crate::mapping) fn stored_at(&self, at: &FieldRef) -> FieldRef {
        let part = self.shape.part(at.part);
        match part.values_of() {
            Some(field) => self.stored_at(&FieldRef { part: part.parent, field, slot: None }),
            None => at.clone(),
        }
    }

    /// What stands for nothing in each part, and in single fields.
    pub(super) fn settle_nothing(&mut self) {
        for (part, extra) in self.shape.parts.iter_mut().zip(&self.extras) {
            part.nothing = extra.nothing.iter().map(|t| (None, t.clone())).collect();
        }
        for (field, setting) in &self.settings {
            let Some(part) = self.shape.parts.get_mut(field.part) else { continue };
            part.nothing.extend(setting.nothing.iter().map(|t| (Some(field.clone()), t.clone())));
        }
    }

    pub(super) fn finish(self) -> TypeMapping {
        let unlogged = if self.logs.is_empty() { Vec::new() } else { self.unlogged() };
        let asked = self.asked();
        let has_given_key = self.has_given_key();
        TypeMapping {
            logs: self.logs.into_iter().map(|site| site.log).collect(),
            unlogged,
            resource_type: self.published,
            shape: self.shape,
            rules: self.rules.into_iter().map(|r| r.rule).collect(),
            references: self.references,
            inverses: self.inverses.into_iter().flatten().collect(),
            version: self.version,
            ids: self.ids,
            adopts: self.adopts,
            protect: self.protect,
            asked,
            settle: self.settle.into_iter().map(|(s, _)| s).collect(),
            touch: self.touch,
            delete: self.delete,
            rename: self.rename,
            has_given_key,
            examples: self.examples,
        }
    }
}
