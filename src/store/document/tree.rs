//! The tree of an opened document.

use crate::store::{Fold, Value};

/// Why a value has no place in a document; a clause for "… cannot be kept: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Clash(pub String);

/// A step from a node to one below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seg {
    /// The item at a position, of a list or a map.
    At(usize),
    /// The entry of this name; in a list, the item of this number.
    Name(String),
}

/// A node of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// One value.
    Leaf(Leaf),
    /// Items in order.
    List(Vec<Node>),
    /// Named entries in order.
    Map(Vec<(Key, Node)>),
}

/// One value of a document, and how it is spelled there.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The value; `None`: nothing, or something that the format knows and we do not.
    pub value: Option<Value>,
    /// As it was stored; `None` for a value of ours.
    pub(super) raw: Option<String>,
}

/// The name of an entry, and how it is spelled there.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The name.
    pub(super) name: String,
    /// As it was stored; `None` for a name of ours.
    pub(super) raw: Option<String>,
}

/// Furthest that a list is filled up for a numbered field.
const MOST_FIELDS: usize = 1000;

impl Key {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), raw: None }
    }
}

impl Node {
    /// A value of ours.
    #[must_use]
    pub fn leaf(value: Value) -> Self {
        Self::Leaf(Leaf { value: Some(value), raw: None })
    }

    /// Nothing at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Leaf(Leaf { value: None, raw: None })
    }

    pub(super) fn raw(value: Option<Value>, raw: &str) -> Self {
        Self::Leaf(Leaf { value, raw: Some(raw.to_owned()) })
    }

    /// True for nothing of ours: there is no document.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Leaf(Leaf { value: None, raw: None }))
    }

    /// The number of items or entries.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::List(items) => items.len(),
            Self::Map(entries) => entries.len(),
        }
    }

    /// True if there is neither item nor entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value, if this is one.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Leaf(leaf) => leaf.value.as_ref(),
            _ => None,
        }
    }

    fn place(&self, seg: &Seg) -> Option<usize> {
        let place = match (self, seg) {
            (Self::Leaf(_), _) => return None,
            (_, Seg::At(place)) => *place,
            (Self::List(_), Seg::Name(name)) => name.parse().ok()?,
            // Of entries with one name, readers of JSON take the last.
            (Self::Map(entries), Seg::Name(name)) => {
                entries.iter().rposition(|(key, _)| key.name == *name)?
            }
        };
        (place < self.len()).then_some(place)
    }

    fn child(&self, seg: &Seg) -> Option<&Node> {
        let place = self.place(seg)?;
        match self {
            Self::Leaf(_) => None,
            Self::List(items) => items.get(place),
            Self::Map(entries) => entries.get(place).map(|(_, node)| node),
        }
    }

    fn child_mut(&mut self, seg: &Seg) -> Option<&mut Node> {
        let place = self.place(seg)?;
        match self {
            Self::Leaf(_) => None,
            Self::List(items) => items.get_mut(place),
            Self::Map(entries) => entries.get_mut(place).map(|(_, node)| node),
        }
    }

    /// The node at the end of a path.
    #[must_use]
    pub fn at(&self, path: &[Seg]) -> Option<&Node> {
        path.iter().try_fold(self, |node, seg| node.child(seg))
    }

    /// The name of the entry at the end of a path; `None` for the items of a list.
    #[must_use]
    pub fn key(&self, path: &[Seg]) -> Option<&str> {
        let (last, above) = path.split_last()?;
        let above = self.at(above)?;
        match above {
            Self::Map(entries) => entries.get(above.place(last)?).map(|(key, _)| key.name.as_str()),
            _ => None,
        }
    }

    /// Gives the node at the end of a path a value, or takes it away. Missing entries on the way are made.
    ///
    /// # Errors
    ///
    /// [`Clash`] if something else lies there or on the way.
    pub fn set(&mut self, path: &[Seg], value: Option<&Value>) -> Result<(), Clash> {
        let Some((first, rest)) = path.split_first() else { return self.set_here(value) };
        if rest.is_empty() && value.is_none() {
            self.remove(path);
            return Ok(());
        }
        if self.child(first).is_none() {
            if value.is_none() {
                return Ok(());
            }
            self.make(first)?;
        }
        match self.child_mut(first) {
            Some(child) => child.set(rest, value),
            None => Err(Clash("there is no such place in the document".to_owned())),
        }
    }

    /// True for a value that the format knows and we do not, such as an object of PHP.
    fn is_foreign(&self) -> bool {
        let nothing = |raw: &str| matches!(raw.trim(), "" | "null" | "N;");
        matches!(self, Self::Leaf(Leaf { value: None, raw: Some(raw) }) if !nothing(raw))
    }

    fn set_here(&mut self, value: Option<&Value>) -> Result<(), Clash> {
        match self {
            Self::Leaf(_) if self.is_foreign() => {
                Err(Clash("the document holds something there that is no text, number or truth".to_owned()))
            }
            Self::Leaf(leaf) => {
                let same = match (&leaf.value, value) {
                    (Some(old), Some(new)) => old.same(new, Fold::Exact),
                    (None, None) => true,
                    _ => false,
                };
                if !same {
                    let value = value.map(|new| alike(leaf.value.as_ref(), new));
                    *leaf = Leaf { value, raw: None };
                }
                Ok(())
            }
            // What PHP writes for no entries is an empty list.
            _ if self.is_empty() => {
                *self = value.map_or_else(Self::nothing, |v| Self::leaf(v.clone()));
                Ok(())
            }
            _ => Err(Clash("the document holds more than one value there".to_owned())),
        }
    }

    /// Makes an entry that is not there.
    fn make(&mut self, seg: &Seg) -> Result<(), Clash> {
        let clash = || Clash("the document holds something else there".to_owned());
        let Seg::Name(name) = seg else { return Err(clash()) };
        if self.is_foreign() {
            return Err(clash());
        }
        let number = name.parse::<usize>().ok();
        match self {
            Self::Leaf(Leaf { value: None, .. }) => {
                *self = Self::Map(vec![(Key::new(name), Self::nothing())]);
                Ok(())
            }
            Self::List(items) if items.is_empty() && number.is_none() => {
                *self = Self::Map(vec![(Key::new(name), Self::nothing())]);
                Ok(())
            }
            Self::List(items) => match number.filter(|n| *n < MOST_FIELDS) {
                Some(number) => {
                    items.resize(number + 1, Self::nothing());
                    Ok(())
                }
                None => Err(clash()),
            },
            Self::Map(entries) => {
                entries.push((Key::new(name), Self::nothing()));
                Ok(())
            }
            Self::Leaf(_) => Err(clash()),
        }
    }

    /// Adds an item at the end of the node at a path, which is made if it is missing; gives its position.
    ///
    /// # Errors
    ///
    /// [`Clash`] if something else lies there, or the item's name is missing or taken.
    pub fn push(&mut self, path: &[Seg], key: Option<&str>) -> Result<usize, Clash> {
        if let Some((first, rest)) = path.split_first() {
            if self.child(first).is_none() {
                self.make(first)?;
            }
            let child = self.child_mut(first);
            return child.ok_or_else(|| Clash("there is no such place".to_owned()))?.push(rest, key);
        }
        let empty =
            self.is_empty() && !self.is_foreign() && !matches!(self, Self::Leaf(Leaf { value: Some(_), .. }));
        match (&mut *self, key) {
            (Self::List(items), None) => items.push(Self::nothing()),
            (Self::Map(entries), None) if !entries.is_empty() => {
                // An array of PHP goes on with the number behind the largest one.
                let numbers: Option<Vec<i64>> =
                    entries.iter().map(|(key, _)| key.name.parse().ok()).collect();
                let next = numbers.and_then(|n| n.into_iter().max()).and_then(|n| n.max(-1).checked_add(1));
                let next = next.ok_or_else(|| Clash("an item of this document needs a name".to_owned()))?;
                entries.push((Key::new(&next.to_string()), Self::nothing()));
            }
            (_, None) if empty => *self = Self::List(vec![Self::nothing()]),
            (Self::Map(entries), Some(key)) => {
                if entries.iter().any(|(k, _)| k.name == key) {
                    return Err(Clash("an item with this name is there already".to_owned()));
                }
                entries.push((Key::new(key), Self::nothing()));
            }
            (_, Some(key)) if empty => *self = Self::Map(vec![(Key::new(key), Self::nothing())]),
            _ => return Err(Clash("the document holds something else there".to_owned())),
        }
        Ok(self.len() - 1)
    }

    /// Gives an entry another name, at its place.
    ///
    /// # Errors
    ///
    /// [`Clash`] if it has no name, or the new one is taken.
    pub fn rename(&mut self, path: &[Seg], name: &str) -> Result<(), Clash> {
        let clash = || Clash("an item of this document has no name".to_owned());
        let Some((last, above)) = path.split_last() else { return Err(clash()) };
        let above = above.iter().try_fold(self, |node, seg| node.child_mut(seg)).ok_or_else(clash)?;
        let place = above.place(last).ok_or_else(clash)?;
        let Self::Map(entries) = above else { return Err(clash()) };
        if entries.iter().enumerate().any(|(i, (key, _))| i != place && key.name == name) {
            return Err(Clash("an item with this name is there already".to_owned()));
        }
        if let Some((key, _)) = entries.get_mut(place).filter(|(key, _)| key.name != name) {
            *key = Key::new(name);
        }
        Ok(())
    }

    /// Takes away the node at the end of a path, if it is there.
    pub fn remove(&mut self, path: &[Seg]) {
        let Some((last, above)) = path.split_last() else {
            *self = Self::nothing();
            return;
        };
        let Some(above) = above.iter().try_fold(self, |node, seg| node.child_mut(seg)) else { return };
        let Some(place) = above.place(last) else { return };
        match above {
            Self::List(items) => drop(items.remove(place)),
            Self::Map(entries) => drop(entries.remove(place)),
            Self::Leaf(_) => {}
        }
    }
}

/// The new value in the type of the old one, if it has such a form: a number stays a number.
fn alike(old: Option<&Value>, new: &Value) -> Value {
    match (old, new) {
        (Some(Value::Int(_)), Value::Text(text)) => match text.parse::<i64>() {
            Ok(number) if number.to_string() == *text => Value::Int(number),
            _ => new.clone(),
        },
        (Some(Value::Text(_)), Value::Int(_) | Value::Bool(_)) => Value::Text(new.to_text()),
        _ => new.clone(),
    }
}
