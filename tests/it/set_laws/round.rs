//! One round: somebody is replaced by a resource of other values, read, and sent back as read.

use std::collections::BTreeSet;

use scimgate::{
    mapping::{
        CounterKind, Mapping,
        codec::Class,
        lens::{Lens, Source},
    },
    scim::{
        Json, Object,
        error::ScimError,
        precondition::Preconditions,
        schema::{DataType, Mutability, Returned, SchemaAttribute},
    },
    store,
};
use serde_json::json;
use tokio::{runtime::Runtime, task::LocalSet};

use crate::{
    in_process::{Counted, compile_file},
    support::TestStore,
};

const AWKWARD: &[&str] = &[
    "Zoë O'Neil",
    "a\"b\\c",
    "100% _x_",
    "Straße 5",
    "x",
    "Ωμέγα",
    "{\"a\":1}",
    "a:1:{i:0;s:1:\"x\";}",
    "--'; #",
];
/// What comes with every element or pointer.
const COMES_ALONG: &[&str] = &["primary", "$ref", "display", "displayName"];

/// How much was checked.
#[derive(Default)]
pub(super) struct Tally {
    /// Attributes that were put and read back.
    pub(super) attributes: usize,
    puts: usize,
    refused: usize,
    sent_back: usize,
    sent_attributes: usize,
    framed: usize,
}

pub(super) struct Rounds {
    pub(super) seed: u64,
    pub(super) tally: Tally,
    state: u64,
    gateway: Counted,
    mapping: Mapping,
    lossy: &'static [&'static str],
    runtime: Runtime,
    local: LocalSet,
}

impl Rounds {
    pub(super) fn new(store: &TestStore, lossy: &'static [&'static str], seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let (gateway, mapping) = (Counted::over(store), compile_file(store.mapping()));
        let local = LocalSet::new();
        Self { seed, tally: Tally::default(), state, gateway, mapping, lossy, runtime, local }
    }

    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap() % below.max(1)
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.local.block_on(&self.runtime, future)
    }

    fn all(&self) -> Vec<Object> {
        let found = self.wait(self.gateway.list("Users", &[("count", "500")]));
        let list = found["Resources"].as_array().cloned().unwrap_or_default();
        list.into_iter().map(|r| r.as_object().unwrap().clone()).collect()
    }

    fn put(&self, id: &str, body: &Object) -> Result<Object, ScimError> {
        let (ty, whole) = (self.gateway.ty("Users"), self.gateway.without("Users", "password"));
        let body = Json::Object(body.clone());
        let cx = &self.gateway.context;
        self.wait(self.gateway.gateway.replace(cx, ty, id, &Preconditions::default(), &body, &whole))
    }

    /// One resource is changed and put; or an error that says what was wrong.
    pub(super) fn one(&mut self) -> Result<(), String> {
        let before = self.all();
        let who = self.random(before.len());
        let now = before[who].clone();
        let id = now["id"].as_str().unwrap().to_owned();
        let wanted = self.changed(&now, &before);
        self.gateway.store.take();
        self.tally.puts += 1;
        match self.put(&id, &wanted) {
            Err(error) if error.status() >= 500 => {
                let (log, _) = self.gateway.store.take();
                return Err(format!(
                    "{error}\nfor {}\ninstead of {}\n{}",
                    shown(&wanted),
                    shown(&now),
                    log.join("\n")
                ));
            }
            Err(error) => {
                self.tally.refused += 1;
                let after = self.all();
                let gone = before.iter().zip(&after).find(|(a, b)| bare(a) != bare(b));
                return match gone {
                    Some((a, b)) => {
                        Err(format!("refused ({error}), and yet\n{}\nbecame\n{}", shown(a), shown(b)))
                    }
                    None if before.len() != after.len() => {
                        Err("refused, and yet somebody came or went".into())
                    }
                    None => Ok(()),
                };
            }
            Ok(_) => {}
        }
        let after = self.all();
        let read = after.iter().find(|r| r["id"] == now["id"]).ok_or("the resource is gone")?.clone();
        self.compare(&wanted, &read)?;
        for other in after.iter().filter(|r| r["id"] != now["id"]) {
            let old = before.iter().find(|r| r["id"] == other["id"]).ok_or("somebody came")?;
            if bare(old) != bare(other) {
                return Err(format!("beside it\n{}\nbecame\n{}", shown(old), shown(other)));
            }
            self.tally.framed += 1;
        }
        self.gateway.store.take();
        self.put(&id, &read).map_err(|e| format!("what was read is refused: {e}\n{}", shown(&read)))?;
        let (log, _) = self.gateway.store.take();
        if let Some(write) = log.iter().find(|line| line.starts_with("apply")) {
            return Err(format!("what was read, sent back, writes: {write}\n{}", shown(&read)));
        }
        self.tally.sent_back += 1;
        self.tally.sent_attributes +=
            read.values().map(|v| v.as_object().map_or(1, Object::len)).sum::<usize>();
        Ok(())
    }

    /// Every attribute that clients can write, with its extension.
    fn attributes(&self) -> Vec<(Option<String>, SchemaAttribute)> {
        let ty = self.gateway.gateway.resource_types()[self.gateway.ty("Users")].clone();
        let core = ty.core.attributes.iter().map(|a| (None, a.clone()));
        let more = ty.extensions.iter().flat_map(|(schema, _)| {
            schema.attributes.iter().map(|a| (Some(schema.id.clone()), a.clone())).collect::<Vec<_>>()
        });
        let fixed = ["id", "schemas", "meta", "userName", "externalId", "groups"];
        core.chain(more)
            .filter(|(_, a)| {
                matches!(a.mutability, Mutability::ReadWrite)
                    && a.returned != Returned::Never
                    && !a.required
                    && !fixed.contains(&a.name.as_str())
                    && !self.lossy.contains(&a.name.as_str())
            })
            .collect()
    }

    fn lens(&self, urn: Option<&str>, attribute: &str) -> &Lens {
        &self.mapping.types[self.gateway.ty("Users")].find_rule(urn, attribute).unwrap().lens
    }

    /// The resource with some attributes taken from others, some new, some gone.
    fn changed(&mut self, now: &Object, everybody: &[Object]) -> Object {
        let mut wanted = now.clone();
        wanted.remove("meta");
        for (urn, attribute) in self.attributes() {
            let name = &attribute.name;
            let value = match self.random(12) {
                0 => None,
                1 | 2 => {
                    let from = self.random(everybody.len());
                    of(&everybody[from], urn.as_deref(), name).cloned()
                }
                3 if is_exact(self.lens(urn.as_deref(), name)) => self.fresh(&attribute),
                _ => continue,
            };
            // A truth always reads as something.
            if value.is_some() || attribute.data_type != DataType::Boolean {
                place(&mut wanted, urn.as_deref(), name, value);
            }
        }
        wanted
    }

    /// A text that nobody has, for what is text without a list of values.
    fn fresh(&mut self, attribute: &SchemaAttribute) -> Option<Json> {
        let is_free = |a: &SchemaAttribute| {
            a.data_type == DataType::String && a.canonical_values.is_empty() && !a.multi_valued
        };
        if is_free(attribute) {
            return Some(AWKWARD[self.random(AWKWARD.len())].into());
        }
        if attribute.multi_valued || attribute.find_sub("$ref").is_some() {
            return None;
        }
        let mut object = Object::new();
        for sub in attribute.sub_attributes.iter().filter(|s| is_free(s)) {
            if sub.mutability == Mutability::ReadWrite && self.random(2) == 0 {
                object.insert(sub.name.clone(), AWKWARD[self.random(AWKWARD.len())].into());
            }
        }
        (!object.is_empty()).then_some(Json::Object(object))
    }

    fn compare(&mut self, wanted: &Object, read: &Object) -> Result<(), String> {
        for (urn, attribute) in self.attributes() {
            let (sent, found) =
                (of(wanted, urn.as_deref(), &attribute.name), of(read, urn.as_deref(), &attribute.name));
            // What a client leaves out may be shown from elsewhere.
            let lens = self.lens(urn.as_deref(), &attribute.name);
            if sent.is_none() && matches!(lens, Lens::First(_)) {
                continue;
            }
            let from_elsewhere = match lens {
                Lens::Complex(subs) => subs.iter().filter(|sub| matches!(sub.lens, Lens::First(_))).collect(),
                _ => Vec::new(),
            };
            let mut own = found.cloned();
            if let Some(object) = own.as_mut().and_then(Json::as_object_mut) {
                let is_sent = |name: &str| sent.is_some_and(|sent| sent.get(name).is_some());
                object.retain(|name, _| is_sent(name) || !from_elsewhere.iter().any(|sub| sub.name == *name));
            }
            if plain(sent, &attribute) != plain(own.as_ref(), &attribute) {
                return Err(format!(
                    "`{}` was put as {}, and reads as {}\nof {}",
                    attribute.name,
                    json!(sent),
                    json!(found),
                    shown(wanted)
                ));
            }
            self.tally.attributes += 1;
        }
        Ok(())
    }

    /// The classes of entries that are resources.
    pub(super) fn classes(&self) -> impl Iterator<Item = &str> {
        self.mapping.types.iter().filter_map(|ty| match &ty.bag().source {
            store::Source::Entries { classes, .. } => classes.first().map(String::as_str),
            _ => None,
        })
    }

    /// The attributes of entries that the mapping names, in lower case.
    pub(super) fn fields(&self) -> BTreeSet<String> {
        let parts = self.mapping.types.iter().flat_map(|ty| &ty.shape.parts);
        parts.flat_map(|part| &part.bag.fields).map(|field| field.name.to_lowercase()).collect()
    }

    /// True for the tables that the mapping names.
    pub(super) fn names(&self, table: &str) -> bool {
        let parts = self.mapping.types.iter().flat_map(|ty| &ty.shape.parts);
        let counters = self.mapping.counters.values().map(|counter| match &counter.kind {
            CounterKind::Highest { bag, .. } | CounterKind::Cell { bag, .. } => bag,
        });
        parts.map(|part| &part.bag).chain(counters).any(|bag| match &bag.source {
            store::Source::Table(name) => name.eq_ignore_ascii_case(table),
            _ => false,
        })
    }

    pub(super) fn tell(&self, name: &str, foreign: usize) {
        use std::io::Write as _;
        let t = &self.tally;
        let line = format!(
            "set laws, {name}: {} attributes in {} PUTs read back ({} PUTs refused, nothing changed), {} attributes of {} \
             resources sent back without a write, {} others and {foreign} rows of other tables unchanged, 0 failures\n",
            t.attributes, t.puts, t.refused, t.sent_attributes, t.sent_back, t.framed
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// True if every text has a form of its own in the store, as far as the store takes it.
fn is_exact(lens: &Lens) -> bool {
    match lens.bare() {
        Lens::Scalar(scalar) => match &scalar.source {
            Source::Field { codecs, .. } => codecs.iter().all(|codec| codec.class() == Class::Exact),
            Source::Text { .. } => true,
            _ => false,
        },
        Lens::Complex(subs) => subs.iter().all(|sub| is_exact(&sub.lens)),
        Lens::First(list) => list.iter().all(is_exact),
        Lens::Side => true,
        _ => false,
    }
}

fn of<'j>(resource: &'j Object, urn: Option<&str>, name: &str) -> Option<&'j Json> {
    match urn {
        None => resource.get(name),
        Some(urn) => resource.get(urn)?.get(name),
    }
}

fn place(resource: &mut Object, urn: Option<&str>, name: &str, value: Option<Json>) {
    let object = match urn {
        None => resource,
        Some(urn) => resource.entry(urn).or_insert_with(|| json!({})).as_object_mut().unwrap(),
    };
    match value {
        Some(value) => drop(object.insert(name.to_owned(), value)),
        None => drop(object.remove(name)),
    }
}

/// What counts of an attribute: without what comes along, without what is read-only, lists without order.
fn plain(json: Option<&Json>, attribute: &SchemaAttribute) -> Vec<Json> {
    let strip = |json: &Json| match json {
        Json::Object(object) => {
            let counts = |name: &str| {
                let sub = attribute.find_sub(name);
                !COMES_ALONG.contains(&name) && sub.is_some_and(|s| s.mutability != Mutability::ReadOnly)
            };
            let kept: Object =
                object.iter().filter(|(n, _)| counts(n)).map(|(n, v)| (n.clone(), v.clone())).collect();
            Json::Object(kept)
        }
        other => other.clone(),
    };
    let mut list: Vec<Json> = match json {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(list)) => list.iter().map(strip).collect(),
        Some(one) => vec![strip(one)],
    };
    list.retain(|json| json.as_object().is_none_or(|object| !object.is_empty()));
    list.sort_by_key(Json::to_string);
    list.dedup();
    list
}

/// A resource without what changes with others: their names, and marks of time and version.
fn bare(resource: &Object) -> Json {
    fn strip(json: &mut Json) {
        match json {
            Json::Object(object) => {
                if object.contains_key("$ref") {
                    object.remove("display");
                    object.remove("displayName");
                }
                object.values_mut().for_each(strip);
            }
            Json::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut json = Json::Object(resource.clone());
    strip(&mut json);
    json.as_object_mut().unwrap().remove("meta");
    json
}

fn shown(resource: &Object) -> String {
    Json::Object(resource.clone()).to_string()
}
