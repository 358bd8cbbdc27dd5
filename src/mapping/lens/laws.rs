//! The laws of lenses, for each kind of lens by itself, on random rows and
//! random values.
//!
//! - *PutGet*: what is written reads back, in its normal form; or the write is
//!   refused with a 400 that names the attribute. Never silently something else.
//! - *GetPut*: writing what was read changes nothing.
//! - *FilterRead*: the rows that a pushed predicate selects are exactly (or, for
//!   a superset, at least) those whose reading meets the filter.
//! - *Frame*: columns and rows that are not the lens's own stay; rows whose
//!   elements stay are not touched.
//!
//! A [`Case`] is a mapping with one lens of interest, and strategies for what
//! may be stored and sent. Where a lens cannot keep a law in full, its case
//! says how it is weakened: `reads_as` is the normal form, `refuses` what the
//! store has no form of. PATCH's smallest change (the delta face) is measured
//! against the store in `tests/it/lens_laws`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; the lints' own exception does not reach the helpers of tests"
)]

mod codecs;
mod lists;
mod simple;
mod values;
mod world;

use proptest::{
    option,
    prelude::*,
    sample::select as pick,
    test_runner::{Config, TestCaseResult, TestRunner},
};

use self::world::{Stored, World};
use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    filter::{CompareOp, Filter},
};

/// One lens under the laws.
struct Case {
    /// The mapping's lines after the head that [`World`] writes.
    mapping: &'static str,
    /// The attribute whose lens it is: a name of the core schema, or of [`world::ATTRIBUTES`].
    attribute: &'static str,
    /// What may be stored.
    stored: BoxedStrategy<Stored>,
    /// What a client may send.
    wanted: BoxedStrategy<Json>,
    /// The normal form of a sent value.
    reads_as: fn(&Json) -> Option<Json>,
    /// True if there is no stored form of a value.
    refuses: fn(&Json) -> bool,
    /// True if there is always a value: it cannot be cleared.
    always: bool,
    /// True if the order of a list's elements means something.
    ordered: bool,
    /// The columns of the root that the lens may change.
    columns: &'static [&'static str],
    /// Paths of filters, relative to the attribute; empty = the attribute itself.
    paths: &'static [&'static str],
    /// What filters compare with.
    literals: BoxedStrategy<Json>,
}

impl Case {
    /// A lens with columns `c`, `d` and `e` of the root.
    fn of(
        attribute: &'static str,
        mapping: &'static str,
        cell: BoxedStrategy<Vec<crate::store::Value>>,
        wanted: BoxedStrategy<Json>,
    ) -> Self {
        Self {
            mapping,
            attribute,
            stored: world::people(cell),
            wanted: wanted.clone(),
            reads_as: |json| Some(json.clone()),
            refuses: |_| false,
            always: false,
            ordered: false,
            columns: &["c"],
            paths: &[""],
            literals: wanted,
        }
    }

    fn with_paths(self, paths: &'static [&'static str], literals: BoxedStrategy<Json>) -> Self {
        Self { paths, literals, ..self }
    }

    fn path(&self, sub: &str) -> AttrPath {
        let (urn, name) = world::address(self.attribute);
        AttrPath {
            urn: urn.map(str::to_owned),
            name: name.to_owned(),
            sub: (!sub.is_empty()).then(|| sub.to_owned()),
        }
    }

    /// A resource as it is compared: an element that is not primary may say so or not (RFC 7643 §2.4).
    fn seen(&self, resource: &Object) -> Json {
        let mut resource = resource.clone();
        resource.values_mut().for_each(forget_not_primary);
        if self.ordered { Json::Object(resource) } else { world::unordered(&resource) }
    }

    /// Filters on the attribute: comparisons, presence, on one element, and combined.
    fn filters(&self) -> BoxedStrategy<Filter> {
        let list: Vec<(AttrPath, AttrPath)> =
            self.paths.iter().map(|sub| (self.path(sub), AttrPath::new(sub))).collect();
        let compared = (pick(list), pick(&CompareOp::ALL), option::weighted(0.9, self.literals.clone()));
        let comparison = |path: AttrPath, op, literal: Option<Json>| match literal {
            Some(literal) => Filter::Compare(path, op, literal),
            None => Filter::Present(path),
        };
        let leaf = compared.clone().prop_map(move |((path, _), op, json)| comparison(path, op, json));
        if self.paths.contains(&"") {
            return combined(leaf.boxed());
        }
        let inner = compared.prop_map(move |((_, path), op, json)| comparison(path, op, json)).boxed();
        let attribute = self.path("");
        let element = combined(inner).prop_map(move |f| Filter::Element(attribute.clone(), Box::new(f)));
        combined(prop_oneof![leaf, element].boxed())
    }

    /// Checks all laws.
    fn holds(&self) {
        let mapping = world::mapping(self.mapping);
        self.run(&(self.stored.clone(), option::weighted(0.8, self.wanted.clone())), |(stored, wanted)| {
            let world = World::new(&mapping, &stored);
            self.get_put(&world)?;
            self.put_get(&world, wanted.as_ref())?;
            self.create(&World::new(&mapping, &stored), wanted.as_ref())
        });
        self.run(&(self.stored.clone(), self.filters()), |(stored, filter)| {
            let world = World::new(&mapping, &stored);
            world.filter_read(&filter)?;
            self.shown_values(&world).iter().try_for_each(|filter| world.filter_read(filter))
        });
    }

    /// Comparisons with what is there.
    fn shown_values(&self, world: &World<'_>) -> Vec<Filter> {
        let mut filters = Vec::new();
        let ops = [CompareOp::Eq, CompareOp::Ew, CompareOp::Gt, CompareOp::Le];
        for id in [1, 2] {
            let resource = world.read(&world.load(id).expect("a person"), &Object::new());
            let elements = match world::find(&resource, self.attribute) {
                Some(Json::Array(list)) => list.clone(),
                other => other.cloned().into_iter().collect(),
            };
            for sub in self.paths {
                let value = |e: &Json| if sub.is_empty() { Some(e.clone()) } else { e.get(sub).cloned() };
                for value in elements.iter().filter_map(value) {
                    filters.extend(ops.map(|op| Filter::Compare(self.path(sub), op, value.clone())));
                }
            }
        }
        filters
    }

    fn run<S: Strategy>(&self, strategy: &S, law: impl Fn(S::Value) -> TestCaseResult) {
        // Each of many cases is small; `PROPTEST_CASES` asks for more.
        let cases = Config::default().cases / 2;
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
        if let Err(error) = TestRunner::new(config).run(strategy, law) {
            panic!("{} by {}\n{error}", self.attribute, self.mapping);
        }
    }

    /// Writing what was read changes nothing, whatever the lens above it would skip.
    fn get_put(&self, world: &World<'_>) -> TestCaseResult {
        let record = world.load(1).expect("the first person");
        let resource = world.read(&record, &Object::new());
        let now = world::find(&resource, self.attribute);
        let plan = world.put(&record, self.attribute, now).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(plan.steps.is_empty(), "GetPut: {now:?} changes\n{plan}\n{:?}", plan.steps);
        Ok(())
    }

    fn put_get(&self, world: &World<'_>, wanted: Option<&Json>) -> TestCaseResult {
        let before = world.dump();
        let record = world.load(1).expect("the first person");
        let current = world.read(&record, &Object::new());
        let mut target = current.clone();
        world::set(&mut target, self.attribute, wanted.cloned());
        let side = match world.write(&record, &current, &target) {
            Ok(side) => side,
            Err(error) => return self.refused(&error, wanted),
        };
        let record = world.load(1).expect("the first person");
        let after = world.read(&record, &side);
        let unchanged = wanted == world::find(&current, self.attribute);
        let expected = if unchanged { wanted.cloned() } else { wanted.and_then(self.reads_as) };
        if wanted.is_some() || !self.always {
            world::set(&mut target, self.attribute, expected);
            prop_assert_eq!(self.seen(&after), self.seen(&target), "PutGet");
        }
        let now = world::find(&after, self.attribute).cloned();
        self.get_put(world)?;
        world.frame(&before, self.columns, world::find(&current, self.attribute), now.as_ref())
    }

    fn create(&self, world: &World<'_>, wanted: Option<&Json>) -> TestCaseResult {
        let before = world.dump();
        let mut target = Object::new();
        target.insert("userName".into(), "new".into());
        world::set(&mut target, self.attribute, wanted.cloned());
        let nothing = Object::new();
        let side = match world.write(&world.new_record(), &nothing, &target) {
            Ok(side) => side,
            Err(error) => return self.refused(&error, wanted),
        };
        let record = world.load(world::NEW).expect("the new person");
        let after = world.read(&record, &side);
        if wanted.is_some() || !self.always {
            world::set(&mut target, self.attribute, wanted.and_then(self.reads_as));
            prop_assert_eq!(self.seen(&after), self.seen(&target), "create");
        }
        let gone = before.iter().find(|row| !world.dump().contains(row));
        prop_assert!(gone.is_none(), "create changed {gone:?}");
        Ok(())
    }

    fn refused(&self, error: &crate::scim::error::ScimError, wanted: Option<&Json>) -> TestCaseResult {
        let name = world::address(self.attribute).1;
        prop_assert_eq!(error.status(), 400);
        prop_assert!(error.detail().contains(name), "{} does not name {}", error.detail(), name);
        prop_assert!(wanted.is_some_and(self.refuses), "refused without need: {error}");
        Ok(())
    }
}

fn forget_not_primary(json: &mut Json) {
    match json {
        Json::Array(list) => list.iter_mut().for_each(forget_not_primary),
        Json::Object(object) => {
            object.retain(|name, value| name != "primary" || *value != false);
            object.values_mut().for_each(forget_not_primary);
        }
        _ => {}
    }
}

fn combined(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|f| Filter::Not(Box::new(f))),
            proptest::collection::vec(inner.clone(), 2).prop_map(Filter::And),
            proptest::collection::vec(inner, 2).prop_map(Filter::Or),
        ]
    })
    .boxed()
}
