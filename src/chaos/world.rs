//! What the clients know together: which resources were asked for, their names and ids.

use std::{collections::HashMap, rc::Rc};

use super::{
    dice::Dice,
    history::{Attribute, Event, Image, Number, Sort, Values},
};

/// A resource that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) sort: Sort,
    /// Its id, once somebody was told.
    pub(super) id: Option<String>,
    /// The name that it was last asked to have.
    pub(super) name: String,
    /// True from the first request to delete it.
    pub(super) is_leaving: bool,
}

/// Everything that was asked for, and the history of it.
#[derive(Debug)]
pub(super) struct World {
    /// What all names begin with.
    pub(super) prefix: String,
    pub(super) domain: String,
    pub(super) known: Vec<Known>,
    pub(super) history: Vec<Event>,
    /// Attributes that the mapping has.
    pub(super) attributes: HashMap<Sort, Vec<Attribute>>,
    pub(super) has_groups: bool,
    pub(super) needs_password: bool,
    /// In a directory; a password that is not asked for is set apart there.
    pub(super) is_directory: bool,
    /// The last image of each resource, of those that show members and of those that do not.
    last: HashMap<(Number, bool), Rc<Image>>,
    by_id: HashMap<String, Number>,
    by_name: HashMap<(Sort, String), Number>,
    counter: usize,
}

impl World {
    pub(super) fn new(prefix: String, domain: String) -> Self {
        Self {
            prefix,
            domain,
            known: Vec::new(),
            history: Vec::new(),
            attributes: HashMap::new(),
            has_groups: false,
            needs_password: false,
            is_directory: false,
            last: HashMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            counter: 0,
        }
    }

    /// Notes that a resource is about to be asked for, under a name of its own.
    pub(super) fn plan(&mut self, sort: Sort) -> (Number, String) {
        let number = self.known.len();
        let name = self.fresh_name(number, sort);
        self.known.push(Known { sort, id: None, name: name.clone(), is_leaving: false });
        (number, name)
    }

    /// Notes that a resource is about to be asked for, under the name of another one.
    pub(super) fn plan_double(&mut self, sort: Sort, name: &str) -> Number {
        self.known.push(Known { sort, id: None, name: name.to_owned(), is_leaving: true });
        self.known.len() - 1
    }

    /// A name that no resource has or had.
    pub(super) fn fresh_name(&mut self, number: Number, sort: Sort) -> String {
        self.counter += 1;
        let Self { prefix, domain, counter, .. } = self;
        let name = match sort {
            Sort::User => format!("{prefix}u{counter}@{domain}"),
            Sort::Group => format!("{prefix}g{counter}"),
        };
        self.by_name.insert((sort, name.clone()), number);
        name
    }

    /// A value that no attribute has or had.
    pub(super) fn fresh_value(&mut self, attribute: Attribute, dice: &mut Dice) -> String {
        self.counter += 1;
        let Self { prefix, counter, .. } = self;
        match attribute {
            Attribute::Active => dice.chance(50).to_string(),
            Attribute::Display => format!("Kay {prefix} {counter}"),
            Attribute::Given => format!("Kay{counter}"),
            Attribute::Title => format!("Title {counter}"),
            Attribute::External | Attribute::Name => format!("{prefix}-{counter}"),
        }
    }

    /// All attributes that the mapping has, with new values.
    pub(super) fn fresh_values(&mut self, sort: Sort, dice: &mut Dice) -> Values {
        let attributes = self.attributes.get(&sort).cloned().unwrap_or_default();
        attributes.into_iter().map(|attribute| (attribute, self.fresh_value(attribute, dice))).collect()
    }

    /// Notes the id of a resource.
    pub(super) fn learn(&mut self, number: Number, id: &str) {
        self.by_id.entry(id.to_owned()).or_insert(number);
        if let Some(known) = self.known.get_mut(number) {
            known.id.get_or_insert_with(|| id.to_owned());
        }
    }

    /// Keeps an image; one that is the same as the last one is kept once.
    pub(super) fn keep(&mut self, image: Image) -> Rc<Image> {
        let Some(number) = image.number else { return Rc::new(image) };
        let key = (number, image.members.is_some());
        match self.last.get(&key).filter(|last| ***last == image) {
            Some(same) => Rc::clone(same),
            None => {
                let new = Rc::new(image);
                self.last.insert(key, Rc::clone(&new));
                new
            }
        }
    }

    /// Begins anew, with what is known of the mapping.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.history.clear();
        self.last.clear();
        self.by_id.clear();
        self.by_name.clear();
    }

    /// Notes the id of a resource whose creation was answered: what was seen of it before under another one has gone back.
    pub(super) fn made(&mut self, number: Number, id: &str) {
        self.by_id.insert(id.to_owned(), number);
        if let Some(known) = self.known.get_mut(number) {
            known.id = Some(id.to_owned());
        }
    }

    /// The resource with an id.
    pub(super) fn with_id(&self, id: &str) -> Option<Number> {
        self.by_id.get(id).copied()
    }

    /// The resource that was asked to have a name.
    pub(super) fn with_name(&self, sort: Sort, name: &str) -> Option<Number> {
        self.by_name.get(&(sort, name.to_owned())).copied()
    }

    /// Resources of a sort whose ids are known and that nobody has asked to delete.
    pub(super) fn living(&self, sort: Sort) -> Vec<Number> {
        let living = self.known.iter().enumerate();
        living.filter(|(_, k)| k.sort == sort && k.id.is_some() && !k.is_leaving).map(|(n, _)| n).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_creation_that_is_answered_tells_the_id() {
        let mut world = World::new("zz".to_owned(), "example.com".to_owned());
        let (number, _) = world.plan(Sort::User);
        let id = |world: &World| world.known[number].id.clone();
        world.learn(number, "seen");
        world.learn(number, "seen later");
        assert_eq!(id(&world).as_deref(), Some("seen"));
        world.made(number, "told");
        assert_eq!(id(&world).as_deref(), Some("told"));
        world.learn(number, "seen");
        assert_eq!(id(&world).as_deref(), Some("told"));
        assert_eq!([world.with_id("seen"), world.with_id("told")], [Some(number); 2]);
    }
}
