//! The history sorted by resource: what was asked of each value and what was shown of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{
    history::{Attribute, Event, Kind, Members, Missing, Number, Outcome, Sort},
    register::{Read, Register, Write},
    world::World,
};

/// Later than everything that happened.
const AFTER_ALL: Duration = Duration::from_secs(3600);

/// When a resource came and went.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    /// Requests to make it: when they began and when they were over.
    pub(super) creations: Vec<(Instant, Instant)>,
    /// They come with a password that is set apart, and what they made goes back if they are cut short before.
    pub(super) goes_back: bool,
    /// When somebody was first told that it is there.
    pub(super) sure: Option<Instant>,
    /// Requests to delete it: when they began, when they were over if that was acknowledged, event.
    pub(super) deletions: Vec<(Instant, Option<Instant>, usize)>,
    /// Answers that showed it: beginning, end, event.
    pub(super) shown: Vec<(Instant, Instant, usize)>,
    /// Answers that say that it is not there.
    pub(super) denied: Vec<Denial>,
    /// Its ids, each with the first event that showed it.
    pub(super) ids: BTreeMap<String, usize>,
}

/// An answer that says that a resource is not there.
#[derive(Debug, Clone)]
pub(super) struct Denial {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) event: usize,
    /// By its id: 404. Otherwise by an answer that it would be in.
    pub(super) by_id: bool,
    /// The name by which it would have been found.
    pub(super) name: Option<String>,
}

impl Life {
    /// True if it is there for certain from one instant to another.
    pub(super) fn is_surely_there(&self, from: Instant, to: Instant) -> bool {
        self.sure.is_some_and(|sure| sure < from) && !self.may_go_before(to)
    }

    /// True if somebody asked for it after that, who would have made another one.
    pub(super) fn is_made_after(&self, when: Instant) -> bool {
        self.creations.iter().any(|(_, over)| *over > when)
    }

    /// How many ids it may have had: another one each time that it was made anew.
    pub(super) fn possible_ids(&self) -> usize {
        let again = self.deletions.iter().any(|(began, ..)| self.is_made_after(*began));
        if again || self.goes_back { self.creations.len().max(1) } else { 1 }
    }

    /// True if somebody has asked to delete it by then.
    pub(super) fn may_go_before(&self, when: Instant) -> bool {
        self.deletions.iter().any(|(began, ..)| *began < when)
    }
}

/// All that is known of all resources.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) lives: Vec<Life>,
    pub(super) values: BTreeMap<(Number, Attribute), Register>,
    /// Whether a user is a member of a group: `(group, user)`.
    pub(super) members: BTreeMap<(Number, Number), Register>,
    /// Ids in member lists that nobody has.
    pub(super) strangers: Vec<(Number, String, usize)>,
}

impl Facts {
    pub(super) fn of(world: &World) -> Self {
        let mut facts = Self { lives: vec![Life::default(); world.known.len()], ..Self::default() };
        for (at, event) in world.history.iter().enumerate() {
            facts.take_request(at, event);
            facts.take_answer(at, event, world);
        }
        facts.take_members(world);
        facts.order_creations(world);
        facts.values.values_mut().chain(facts.members.values_mut()).for_each(Register::sort);
        facts
    }

    fn take_request(&mut self, at: usize, event: &Event) {
        let Some(number) = event.number else { return };
        let ended = event.is_done().then_some(event.ended);
        if let Some(life) = self.lives.get_mut(number) {
            match (event.kind, &event.outcome) {
                (_, Outcome::Refused { status: 404, .. }) => life.denied.push(Denial {
                    began: event.began,
                    ended: event.ended,
                    event: at,
                    by_id: true,
                    name: None,
                }),
                // It was made by a request before this one.
                (kind, Outcome::Refused { status: 409, .. })
                    if kind.creates() && event.is_repeated() && life.sure.is_none() =>
                {
                    life.sure = Some(event.ended);
                }
                (_, Outcome::Refused { .. }) => {}
                (Kind::Delete, _) => life.deletions.push((event.began, ended, at)),
                (kind, _) if kind.creates() => {
                    life.creations.push((event.began, event.ended));
                    life.goes_back |= event.sets_password;
                }
                _ => {}
            }
            let tells = event.is_done() && !matches!(event.kind, Kind::Delete | Kind::Find | Kind::Get);
            if tells && life.sure.is_none() {
                life.sure = Some(event.ended);
            }
        }
        if event.may_be_done() {
            for (attribute, value) in &event.writes {
                let register = self.values.entry((number, *attribute)).or_default();
                // What two stores keep of it does not come at the same moment, before anybody is told of it; and a password
                // that is set apart may be what activates.
                let is_activated = *attribute == Attribute::Active && event.sets_password;
                if event.kind.creates() || register.initial.is_none() {
                    register.initial = match attribute {
                        Attribute::Name => None,
                        _ => Some(if is_activated { true.to_string() } else { String::new() }),
                    };
                }
                let (value, began) = (value.clone(), event.may_be_since());
                register.writes.push(Write { value, began, ended, first_until: None, event: at });
            }
        }
    }

    fn take_answer(&mut self, at: usize, event: &Event, world: &World) {
        let (began, ended) = (event.began, event.ended);
        let mut seen = BTreeSet::new();
        for image in &event.seen {
            let Some(number) = image.number else { continue };
            seen.insert(number);
            if let Some(life) = self.lives.get_mut(number) {
                life.shown.push((began, ended, at));
                life.ids.entry(image.id.clone()).or_insert(at);
            }
            for (attribute, value) in &image.values {
                let register = self.values.entry((number, *attribute)).or_default();
                register.reads.push(Read { value: value.clone(), began, ended, event: at });
            }
        }
        let lacks: Vec<(Number, Option<String>)> = match &event.missing {
            Missing::Nothing => return,
            Missing::OthersOf(sort) => {
                let all = world.known.iter().enumerate();
                all.filter(|(_, known)| known.sort == *sort).map(|(number, _)| (number, None)).collect()
            }
            Missing::Name(_, name) => {
                event.number.map(|number| (number, Some(name.clone()))).into_iter().collect()
            }
        };
        for (number, name) in lacks.into_iter().filter(|(number, _)| !seen.contains(number)) {
            if let Some(life) = self.lives.get_mut(number) {
                life.denied.push(Denial { began, ended, event: at, by_id: false, name });
            }
        }
    }

    /// Who changes a resource by its id comes behind its creation, also if nobody was told of that: nothing of it is done
    /// afterwards, unless the resource was deleted and asked for anew.
    fn order_creations(&mut self, world: &World) {
        let Some(end) = world.history.last().map(|event| event.ended + AFTER_ALL) else { return };
        let of_values = self.values.iter_mut().map(|((number, _), register)| (number, register));
        let of_members = self.members.iter_mut().map(|((group, _), register)| (group, register));
        for (number, register) in of_values.chain(of_members) {
            let deletions = self.lives.get(*number).map_or(&[][..], |life| &life.deletions);
            let until = deletions.iter().map(|(began, ..)| *began).min().unwrap_or(end);
            for write in &mut register.writes {
                let is_creation = world.history.get(write.event).is_some_and(|event| event.kind.creates());
                write.first_until = is_creation.then_some(until);
            }
        }
    }

    /// Memberships: each pair of a group and a user that was asked for or shown.
    fn take_members(&mut self, world: &World) {
        let groups = world.known.iter().enumerate().filter(|(_, known)| known.sort == Sort::Group);
        for (group, _) in groups {
            let events: Vec<(usize, &Event)> = world.history.iter().enumerate().collect();
            let about =
                || events.iter().filter(|(_, event)| event.number == Some(group) && event.may_be_done());
            let mut shown: Vec<(usize, &Event, BTreeSet<Number>)> = Vec::new();
            for (at, event) in &events {
                let images = event.seen.iter().filter(|image| image.number == Some(group));
                for ids in images.filter_map(|image| image.members.as_ref()) {
                    let strange = ids.iter().filter(|id| world.with_id(id).is_none());
                    self.strangers.extend(strange.map(|id| (group, id.clone(), *at)));
                    shown.push((*at, event, ids.iter().filter_map(|id| world.with_id(id)).collect()));
                }
            }
            let mut users: BTreeSet<Number> =
                shown.iter().flat_map(|(.., members)| members).copied().collect();
            for (_, event) in about() {
                match &event.members {
                    Members::With(some) | Members::All(some) => users.extend(some),
                    Members::Same | Members::Without(_) => {}
                }
            }
            for user in users {
                let mut register = Register { initial: Some(false.to_string()), ..Register::default() };
                let mut write = |value: bool, began, ended, event| {
                    let value = value.to_string();
                    register.writes.push(Write { value, began, ended, first_until: None, event });
                };
                for (at, event) in about() {
                    let value = match &event.members {
                        Members::With(some) if some.contains(&user) => true,
                        Members::Without(one) if *one == user => false,
                        Members::All(some) => some.contains(&user),
                        _ => continue,
                    };
                    write(value, event.may_be_since(), event.is_done().then_some(event.ended), *at);
                }
                for (began, ended, at) in self.lives.get(user).into_iter().flat_map(|life| &life.deletions) {
                    write(false, *began, *ended, *at);
                }
                for (at, event, members) in &shown {
                    let value = members.contains(&user).to_string();
                    register.reads.push(Read { value, began: event.began, ended: event.ended, event: *at });
                }
                self.members.insert((group, user), register);
            }
        }
    }
}
