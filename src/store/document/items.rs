//! The rows of a document: which of its nodes are rows, and where their fields lie.

use super::{
    Document, Format,
    tree::{Clash, Node, Seg},
};
use crate::store::{FieldId, Fold, Row, Value};

/// Where a field of a row lies, seen from the row's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The node itself, if it is one value.
    It,
    /// The name of the entry.
    Key,
    /// Its position; read only.
    Pos,
    /// At the end of a path.
    Path(Vec<String>),
}

/// The rows that lie in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Items {
    /// The document; `None`: they lie in the document that their parent's rows lie in.
    pub document: Option<Document>,
    /// From the parent's node, or from the whole document, to what holds the items.
    pub path: Vec<String>,
    /// True: its items are the rows; false: what lies there is one row.
    pub many: bool,
    /// True: each value of the field is a document of its own, and one row.
    pub each: bool,
    /// Where each field of the rows lies.
    pub places: Vec<Place>,
    /// The field that tells the position of a row when it was read.
    pub pos: FieldId,
}

impl Items {
    /// Where a field called `name` lies; `segments` are those of its name.
    #[must_use]
    pub fn place_of(&self, segments: &[String]) -> Place {
        let tagged = self.document.as_ref().is_some_and(|d| matches!(d.format, Format::Tag(_)));
        match segments {
            [one] if one == "pos" => Place::Pos,
            [one] if one == "key" && self.many => Place::Key,
            [one] if one == "it" && !tagged => Place::It,
            path => Place::Path(path.to_vec()),
        }
    }

    /// The addresses of the rows below a node.
    #[must_use]
    pub fn addresses(&self, tree: &Node, above: &[Seg]) -> Vec<Vec<Seg>> {
        let base = self.base(above);
        let Some(node) = tree.at(&base) else { return Vec::new() };
        if !self.takes_items() {
            return vec![base];
        }
        let at = |place: usize| base.iter().cloned().chain([Seg::At(place)]).collect::<Vec<_>>();
        let mut all: Vec<Vec<Seg>> = (0..node.len()).map(at).collect();
        if let Node::List(items) = node {
            // Nothing is no item; what stands there stays.
            let is_item = |place: &usize| {
                items.get(*place).is_some_and(|i| !matches!(i, Node::Leaf(l) if l.value.is_none()))
            };
            all = (0..items.len()).filter(is_item).map(at).collect();
        }
        if !self.many {
            all.truncate(1);
        }
        all
    }

    /// The path of what holds the items, or of the one row.
    #[must_use]
    pub fn base(&self, above: &[Seg]) -> Vec<Seg> {
        above.iter().cloned().chain(self.path.iter().cloned().map(Seg::Name)).collect()
    }

    /// True if rows are items of what lies at the base, not the base itself.
    #[must_use]
    pub fn takes_items(&self) -> bool {
        !self.each && (self.many || self.document.as_ref().is_some_and(|d| !d.is_one_row()))
    }

    /// The row that one of several values is; `None` if it is not of the format.
    #[must_use]
    pub fn row_of(&self, value: &Value, place: usize) -> Option<Row> {
        let tree = self.document.as_ref()?.open(std::slice::from_ref(value)).ok()??;
        let mut row = self.row(&tree, &[]);
        row.set(self.pos, i64::try_from(place).ok().map(Value::Int).into_iter().collect());
        Some(row)
    }

    /// The value that a row is: `stored` with what the row changes in it.
    ///
    /// # Errors
    ///
    /// [`Clash`] if a value has no place in the format.
    pub fn value_of(
        &self,
        stored: Option<&Value>,
        was: Option<&Row>,
        now: &Row,
    ) -> Result<Option<Value>, Clash> {
        let Some(document) = &self.document else { return Ok(None) };
        let like = stored.map(std::slice::from_ref).unwrap_or_default();
        let mut tree = document.open(like).ok().flatten().unwrap_or_else(|| document.start());
        self.change(&mut tree, &[], was, now)?;
        let closed = document.close(&tree, like)?.into_iter().next();
        Ok(closed.filter(|value| !value.to_text().is_empty()))
    }

    /// The row at an address.
    #[must_use]
    pub fn row(&self, tree: &Node, address: &[Seg]) -> Row {
        let node = tree.at(address);
        let cells = self.places.iter().map(|place| {
            let value = match place {
                Place::It => node.and_then(Node::value).cloned(),
                Place::Key => tree.key(address).map(Value::from),
                Place::Pos => match address.last() {
                    Some(Seg::At(place)) => i64::try_from(*place).ok().map(Value::Int),
                    _ => None,
                },
                Place::Path(path) => {
                    let path: Vec<Seg> = path.iter().cloned().map(Seg::Name).collect();
                    node.and_then(|n| n.at(&path)).and_then(Node::value).cloned()
                }
            };
            value.into_iter().collect()
        });
        Row { cells: cells.collect() }
    }

    /// Adds a row below a node; gives its address.
    ///
    /// # Errors
    ///
    /// [`Clash`] if there is no place for it.
    pub fn add(&self, tree: &mut Node, above: &[Seg], now: &Row) -> Result<Vec<Seg>, Clash> {
        let mut address = self.base(above);
        if self.takes_items() {
            let key = self.places.iter().position(|p| *p == Place::Key).and_then(|field| now.first(field));
            let place = tree.push(&address, key.map(Value::to_text).as_deref())?;
            address.push(Seg::At(place));
        }
        self.change(tree, &address, None, now)?;
        if tree.key(&address).is_none()
            && self.takes_items()
            && tree.at(&address).is_some_and(Node::is_nothing)
        {
            return Err(Clash("an item has no value".to_owned()));
        }
        Ok(address)
    }

    /// Changes what differs between a row as it was and as it shall be; of a new row, all that it has.
    ///
    /// # Errors
    ///
    /// [`Clash`] if a value has no place.
    pub fn change(
        &self,
        tree: &mut Node,
        address: &[Seg],
        was: Option<&Row>,
        now: &Row,
    ) -> Result<(), Clash> {
        for (field, place) in self.places.iter().enumerate() {
            let (old, new) = (was.and_then(|w| w.first(field)), now.first(field));
            let same = match (old, new) {
                (Some(old), Some(new)) => old.same(new, Fold::Exact),
                (None, None) => true,
                _ => false,
            };
            if same {
                continue;
            }
            match place {
                Place::Pos => {}
                Place::It => tree.set(address, new)?,
                Place::Key if was.is_none() => {}
                Place::Key => match new {
                    Some(new) => tree.rename(address, &new.to_text())?,
                    None => return Err(Clash("an item of this document needs a name".to_owned())),
                },
                Place::Path(path) => {
                    let path: Vec<Seg> =
                        address.iter().cloned().chain(path.iter().cloned().map(Seg::Name)).collect();
                    tree.set(&path, new)?;
                }
            }
        }
        Ok(())
    }
}
