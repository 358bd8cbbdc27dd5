//! Random filters over what a resource type publishes, with values that its resources have.

use proptest::{collection::vec, option, prelude::*, sample::select, strategy::Union};
use scimgate::{
    mapping::{TypeMapping, lens::Lens},
    scim::{
        Json, Object,
        attribute::AttrPath,
        filter::{CompareOp, Filter},
        message::SortOrder,
        schema::{DataType, Returned, SchemaAttribute},
        value,
    },
};

use super::pages::{Ask, Pages};

/// A path that can be compared.
struct Leaf {
    path: AttrPath,
    data_type: DataType,
    /// Values that it has somewhere.
    samples: Vec<Json>,
    /// True if the store holds it, not our own database.
    stored: bool,
}

/// What filters can speak of.
pub(super) struct Vocabulary {
    leaves: Vec<Leaf>,
    /// Complex attributes whose elements can be filtered, and what can be said of an element.
    elements: Vec<(AttrPath, Vec<Leaf>)>,
}

impl Vocabulary {
    /// Everything that the type publishes.
    pub(super) fn of(mapping: &TypeMapping, resources: &[Object]) -> Self {
        let ty = &mapping.resource_type;
        let mut words = Self { leaves: Vec::new(), elements: Vec::new() };
        let core = std::iter::once((None, &ty.core));
        let schemas = core.chain(ty.extensions.iter().map(|(schema, _)| (Some(schema.id.clone()), schema)));
        for (urn, schema) in schemas {
            for attribute in schema.attributes.iter().filter(|a| a.returned != Returned::Never) {
                let path = AttrPath { urn: urn.clone(), ..AttrPath::new(&attribute.name) };
                let lens = mapping.find_rule(urn.as_deref(), &attribute.name).map(|rule| &rule.lens);
                let stored = lens.is_some_and(|lens| *lens != Lens::Side);
                words.add(path, attribute, resources, stored);
            }
        }
        words
    }

    fn add(&mut self, path: AttrPath, attribute: &SchemaAttribute, resources: &[Object], stored: bool) {
        let leaf = |path: AttrPath, attribute: &SchemaAttribute, samples: &AttrPath| Leaf {
            samples: values(resources, samples),
            data_type: attribute.data_type,
            path,
            stored,
        };
        if attribute.data_type != DataType::Complex {
            self.leaves.push(leaf(path.clone(), attribute, &path));
            return;
        }
        let mut of_element = Vec::new();
        for sub in attribute.sub_attributes.iter().filter(|s| s.returned != Returned::Never) {
            let full = AttrPath { sub: Some(sub.name.clone()), ..path.clone() };
            of_element.push(leaf(AttrPath::new(&sub.name), sub, &full));
            // `emails eq "x"` means the addresses.
            if sub.name == "value" {
                self.leaves.push(leaf(path.clone(), sub, &full));
            }
            self.leaves.push(leaf(full.clone(), sub, &full));
        }
        if of_element.iter().any(|leaf| !leaf.samples.is_empty()) {
            self.elements.push((path, of_element));
        }
    }

    /// Filters, each with an order and a way to ask for the pages of its answer.
    pub(super) fn asks(&self) -> BoxedStrategy<Ask> {
        let mut sortable: Vec<AttrPath> = Vec::new();
        for leaf in self.leaves.iter().filter(|l| l.data_type != DataType::Complex && !l.samples.is_empty()) {
            if !sortable.contains(&leaf.path) {
                sortable.push(leaf.path.clone());
            }
        }
        let order = select(vec![SortOrder::Ascending, SortOrder::Descending]);
        let sort = option::weighted(0.6, (select(sortable), order));
        let pages = prop_oneof![2 => Just(Pages::One), 1 => Just(Pages::ByIndex), 1 => Just(Pages::ByCursor)];
        (self.filters(), sort, pages)
            .prop_map(|(filter, sort, pages)| Ask { filter: Some(filter), sort, pages })
            .boxed()
    }

    /// Filters of every form, three levels deep.
    pub(super) fn filters(&self) -> BoxedStrategy<Filter> {
        let elements = self.elements.iter().map(|(path, leaves)| {
            let path = path.clone();
            let inner = nested(any_of(leaves), 2);
            let weight = leaves.iter().map(Leaf::weight).max().unwrap_or(1);
            let element = inner.prop_map(move |inner| Filter::Element(path.clone(), Box::new(inner)));
            (weight, element.boxed())
        });
        let elements = Union::new_weighted(elements.collect::<Vec<_>>());
        nested(prop_oneof![3 => any_of(&self.leaves), 1 => elements].boxed(), 3)
    }
}

/// The values that a path leads to, without duplicates.
fn values(resources: &[Object], path: &AttrPath) -> Vec<Json> {
    let mut found: Vec<Json> = Vec::new();
    for resource in resources {
        let container = match &path.urn {
            None => Some(resource),
            Some(urn) => resource.get(urn).and_then(Json::as_object),
        };
        let stored = container.and_then(|c| c.get(&path.name));
        let each = |value: &Json| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in stored.map(each).unwrap_or_default() {
            let value = match &path.sub {
                None => Some(value),
                Some(sub) => value.get(sub).cloned(),
            };
            found.extend(value.filter(|v| !found.contains(v)));
        }
    }
    found
}

fn nested(leaf: BoxedStrategy<Filter>, depth: u32) -> BoxedStrategy<Filter> {
    let compound = leaf.clone().prop_recursive(depth, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Filter::And),
            vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    });
    prop_oneof![leaf, compound].boxed()
}

fn any_of(leaves: &[Leaf]) -> BoxedStrategy<Filter> {
    Union::new_weighted(leaves.iter().map(|leaf| (leaf.weight(), leaf.comparison())).collect()).boxed()
}

impl Leaf {
    /// What has values in the store is asked for most.
    fn weight(&self) -> u32 {
        match (self.stored, self.samples.is_empty()) {
            (true, false) => 8,
            (false, false) => 2,
            (_, true) => 1,
        }
    }

    fn comparison(&self) -> BoxedStrategy<Filter> {
        let path = self.path.clone();
        let presence = select(vec![
            Filter::Present(path.clone()),
            Filter::Compare(path.clone(), CompareOp::Eq, Json::Null),
            Filter::Compare(path.clone(), CompareOp::Ne, Json::Null),
        ]);
        if self.data_type == DataType::Complex {
            return presence.boxed();
        }
        let comparison = (select(self.operators()), self.literal());
        let comparison = comparison.prop_map(move |(op, json)| Filter::Compare(path.clone(), op, json));
        prop_oneof![1 => presence, 8 => comparison].boxed()
    }

    fn operators(&self) -> Vec<CompareOp> {
        use CompareOp as Op;
        match self.data_type {
            DataType::String | DataType::Reference => Op::ALL.to_vec(),
            DataType::Boolean | DataType::Binary | DataType::Complex => vec![Op::Eq, Op::Ne],
            DataType::Decimal | DataType::Integer | DataType::DateTime => {
                vec![Op::Eq, Op::Ne, Op::Gt, Op::Ge, Op::Lt, Op::Le]
            }
        }
    }

    fn literal(&self) -> BoxedStrategy<Json> {
        let mut samples = self.samples.clone();
        match self.data_type {
            DataType::Boolean => any::<bool>().prop_map(Json::Bool).boxed(),
            DataType::Binary => {
                samples.push("aGVsbG8=".into());
                select(samples).boxed()
            }
            DataType::DateTime => {
                samples.push("2025-01-01T10:00:00Z".into());
                (select(samples), -1..2_i64, any::<bool>()).prop_map(|(at, d, z)| moved(&at, d, z)).boxed()
            }
            DataType::Integer | DataType::Decimal => {
                samples.push(7.into());
                (select(samples), -1..2_i64)
                    .prop_map(|(n, d)| n.as_i64().map_or(n, |n| (n + d).into()))
                    .boxed()
            }
            DataType::String | DataType::Reference | DataType::Complex => {
                samples.extend(["x".into(), "*".into()]);
                (select(samples), 0..MUTATIONS).prop_map(|(text, how)| mutated(&text, how).into()).boxed()
            }
        }
    }
}

/// An instant some seconds away, in another zone if asked for.
fn moved(at: &Json, seconds: i64, elsewhere: bool) -> Json {
    let at = value::instant(at.as_str().unwrap()).unwrap() + time::Duration::seconds(seconds);
    let offset = time::UtcOffset::from_hms(i8::from(elsewhere) * 2, 0, 0).unwrap();
    at.to_offset(offset).format(&time::format_description::well_known::Rfc3339).unwrap().into()
}

const MUTATIONS: usize = 16;

/// A text that is like a stored one. The first mutations shrink to the text itself.
fn mutated(text: &Json, how: usize) -> String {
    let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
    let chars: Vec<char> = text.chars().collect();
    let half = chars.len().div_ceil(2);
    let part = |from: usize, to: usize| chars.iter().skip(from).take(to.saturating_sub(from)).collect();
    match how {
        0..=4 => text,
        5 => text.to_uppercase(),
        6 => text.to_lowercase(),
        7 => part(0, half),
        8 => part(half, chars.len()),
        9 => part(1, chars.len().saturating_sub(1)),
        10 => part(half.saturating_sub(1), half + 1),
        11 => part(half, half + 1),
        12 => format!("{text} "),
        13 => format!(" {text}"),
        14 => format!("{text}*"),
        _ => String::new(),
    }
}
