//! Rows that lie in a document of one fixed row: a store in front of the one
//! that holds the row.
//!
//! Such a bag is read as a whole and searched in memory. Changes of it become
//! one change of the holding row, in the same transaction as everything else,
//! on condition that the row still holds what was read; when another program
//! was faster, the change is made again from what there is now.

mod rewrite;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use self::rewrite::Rewrite;
use super::{
    Bag, Coverage, FieldId, Predicate, ReadStore, Report, Row, Select, Source, Step, Store, StoreError, Way,
    document::{Items, Node, Seg},
    memory::{compare_rows, predicate::matches},
};

/// How often a change is made again because another program was faster.
const ATTEMPTS: u32 = 20;

/// A document of one fixed row, whose items are the rows of a bag.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The bag whose scope selects the holding row.
    pub bag: Arc<Bag>,
    /// The field that holds the document.
    pub field: FieldId,
    /// How the rows lie in it.
    pub items: Items,
}

/// A store that knows bags of items.
pub struct OpenedStore {
    inner: Arc<dyn Store>,
}

impl OpenedStore {
    /// The store itself, or this in front of it if one of the bags lies in a document.
    #[must_use]
    pub fn around<'b>(inner: Arc<dyn Store>, mut bags: impl Iterator<Item = &'b Arc<Bag>>) -> Arc<dyn Store> {
        if bags.any(|bag| held(bag).is_some()) { Arc::new(Self { inner }) } else { inner }
    }

    /// The holding row as it is, and its document.
    async fn open(&self, held: &Held) -> Result<(Row, Node), StoreError> {
        let select = Select {
            bag: held.bag.clone(),
            predicate: Predicate::True,
            fields: (0..held.bag.fields.len()).collect(),
            order: Vec::new(),
            offset: 0,
            limit: Some(1),
        };
        let row = self.inner.select(select).await?.into_iter().next();
        let row = row
            .ok_or_else(|| StoreError::Unsupported(format!("no row holds the items of {}", held.bag.name)))?;
        let document = held.items.document.as_ref();
        let tree = document.map(|d| d.open(row.all(held.field))).transpose().map_err(|unreadable| {
            let column = held.bag.field_name(held.field);
            StoreError::Unsupported(format!("{column} of {} holds text that is {unreadable}", held.bag.name))
        })?;
        let start = || document.map_or_else(Node::nothing, super::document::Document::start);
        Ok((row, tree.flatten().unwrap_or_else(start)))
    }

    async fn rows(&self, bag: &Bag, held: &Held, predicate: &Predicate) -> Result<Vec<Row>, StoreError> {
        let (_, tree) = self.open(held).await?;
        Ok(find(bag, held, &tree, predicate).into_iter().map(|(_, row)| row).collect())
    }
}

/// What a bag lies in, if it is a document.
fn held(bag: &Bag) -> Option<&Held> {
    match &bag.source {
        Source::Items(held) => Some(held),
        Source::Table(_) | Source::Entries { .. } | Source::Names(_) => None,
    }
}

/// The rows of a bag that meet a predicate, with their addresses.
fn find(bag: &Bag, held: &Held, tree: &Node, predicate: &Predicate) -> Vec<(Vec<Seg>, Row)> {
    let meets = |row: &Row| {
        let none = |_: &super::Related, _: &Row| false;
        matches(&bag.scope, row, &none) && matches(predicate, row, &none)
    };
    let rows = held.items.addresses(tree, &[]).into_iter().map(|address| {
        let row = held.items.row(tree, &address);
        (address, row)
    });
    rows.filter(|(_, row)| meets(row)).collect()
}

impl ReadStore for OpenedStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        let bag = select.bag.clone();
        let Some(held) = held(&bag).cloned() else { return self.inner.select(select) };
        Box::pin(async move {
            let mut rows = self.rows(&bag, &held, &select.predicate).await?;
            rows.sort_by(|a, b| compare_rows(a, b, &select.order));
            let limit = select.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
            let offset = usize::try_from(select.offset).unwrap_or(usize::MAX);
            let asked = |row: Row| {
                let mut out = Row::new(&bag);
                select.fields.iter().for_each(|f| out.set(*f, row.all(*f).to_vec()));
                out
            };
            Ok(rows.into_iter().skip(offset).take(limit).map(asked).collect())
        })
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        if held(&select.bag).is_none() {
            return self.inner.select_texts(select, text);
        }
        Box::pin(async move { Ok(self.select(select).await?.iter().filter_map(text).collect()) })
    }

    fn select_by(
        &self,
        select: Select,
        way: Way,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        match held(&select.bag) {
            Some(_) => Box::pin(std::future::ready(Ok(None))),
            None => self.inner.select_by(select, way),
        }
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        let Some(held) = held(&bag).cloned() else { return self.inner.count(bag, predicate) };
        Box::pin(async move {
            let found = self.rows(&bag, &held, &predicate).await?.len();
            Ok(u64::try_from(found).unwrap_or(u64::MAX))
        })
    }

    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        let Some(held) = held(&select.bag) else { return self.inner.shown(select) };
        let fields = vec![held.field];
        let whole = Select { bag: held.bag.clone(), predicate: Predicate::True, fields, ..select.clone() };
        self.inner.shown(Select { order: Vec::new(), offset: 0, limit: Some(1), ..whole })
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        if held(bag).is_some() { Coverage::Exact } else { self.inner.coverage(bag, predicate) }
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.inner.probe()
    }
}

impl Store for OpenedStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        let mut documents: Vec<Held> = Vec::new();
        for held in steps.iter().filter_map(|step| held(step.bag())) {
            if !documents.iter().any(|known| known.bag == held.bag && known.field == held.field) {
                documents.push(held.clone());
            }
        }
        if documents.is_empty() {
            return self.inner.apply(steps);
        }
        Box::pin(async move {
            for _ in 0..ATTEMPTS {
                let mut opened = Vec::new();
                for held in &documents {
                    let (row, tree) = self.open(held).await?;
                    opened.push((held.clone(), row, tree));
                }
                let rows: Vec<Row> = opened.iter().map(|(_, row, _)| row.clone()).collect();
                let plan = Rewrite::new(opened).rewrite(&steps)?;
                match self.inner.apply(plan.steps).await {
                    Ok(reports) => {
                        return Ok(plan.places.into_iter().map(|place| place.report(&reports)).collect());
                    }
                    Err(StoreError::PreconditionFailed) => {
                        let mut same = true;
                        for (held, row) in documents.iter().zip(&rows) {
                            same &= self.open(held).await?.0 == *row;
                        }
                        if same {
                            return Err(StoreError::PreconditionFailed);
                        }
                    }
                    Err(other) => return Err(other),
                }
            }
            Err(StoreError::PreconditionFailed)
        })
    }

    fn is_settling(&self) -> bool {
        self.inner.is_settling()
    }
}
