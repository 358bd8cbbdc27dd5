//! What in a history cannot be true.

use std::collections::BTreeSet;

use super::{
    facts::{Denial, Facts, Life},
    history::{Attribute, Event, Image, Kind, Members, Number, Outcome},
    register::{Fault, Register},
    world::World,
};

/// Something that cannot be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contradiction {
    /// Whose history tells it.
    pub(super) number: Option<Number>,
    pub(super) what: String,
    /// Events that show it.
    pub(super) events: Vec<usize>,
}

impl Contradiction {
    pub(super) fn new(number: Option<Number>, what: impl Into<String>, events: Vec<usize>) -> Self {
        Self { number, what: what.into(), events }
    }
}

/// Everything that cannot be true. `last` is the first event of the reading at the end, when all is still.
pub(super) fn check(world: &World, last: usize) -> Vec<Contradiction> {
    let facts = Facts::of(world);
    let mut found = Vec::new();
    for (at, event) in world.history.iter().enumerate() {
        answer(&mut found, &facts, at, event);
    }
    for (number, life) in facts.lives.iter().enumerate() {
        existence(&mut found, &facts, number, life);
    }
    for ((number, attribute), register) in &facts.values {
        value(&mut found, *number, &format!("{attribute:?}"), register);
    }
    for ((group, user), register) in &facts.members {
        value(&mut found, *group, &format!("member #{user}"), register);
    }
    for (group, id, event) in &facts.strangers {
        found.push(Contradiction::new(Some(*group), format!("the member {id} is nobody"), vec![*event]));
    }
    halves(&mut found, world, &facts, last);
    both_sides(&mut found, world, last);
    found
}

/// Answers that are neither true nor an invitation to come back.
fn answer(found: &mut Vec<Contradiction>, facts: &Facts, at: usize, event: &Event) {
    let mut wrong = |what: String| found.push(Contradiction::new(event.number, what, vec![at]));
    match &event.outcome {
        Outcome::Done if event.kind == Kind::TakenName => wrong("a name was given twice".to_owned()),
        Outcome::Lost { is_excused: false, why } => {
            wrong(format!("no answer, although the gateway was not killed: {why}"));
        }
        Outcome::Wrong { status, detail } => wrong(format!("{status} is no answer: {detail}")),
        Outcome::Refused { status, detail } if !is_true(facts, event, *status) => {
            wrong(format!("{status} is not true: {detail}"));
        }
        _ => {}
    }
    let numbers: Vec<Number> = event.seen.iter().filter_map(|image| image.number).collect();
    let distinct: BTreeSet<&Number> = numbers.iter().collect();
    if distinct.len() < numbers.len() || (event.kind == Kind::Find && event.seen.len() > 1) {
        wrong("one resource is shown twice".to_owned());
    }
    for image in event.seen.iter().filter(|image| image.number.is_none()) {
        wrong(format!("nobody asked for {}", image.id));
    }
}

/// True if a refusal may be true. Whether a 404 is, its resource tells.
fn is_true(facts: &Facts, event: &Event, status: u16) -> bool {
    let may_be_nobody = |user: &Number| {
        facts.lives.get(*user).is_none_or(|life| !life.is_surely_there(event.began, event.ended))
    };
    match (status, event.kind) {
        (409, Kind::TakenName) => true,
        (409, kind) => kind.creates() && event.is_repeated(),
        (404, kind) => !kind.creates() && event.number.is_some() && kind != Kind::Find,
        (400, _) => match &event.members {
            Members::With(users) | Members::All(users) => users.iter().any(may_be_nobody),
            Members::Same | Members::Without(_) => false,
        },
        _ => false,
    }
}

/// What is said of a resource's being there.
fn existence(found: &mut Vec<Contradiction>, facts: &Facts, number: Number, life: &Life) {
    let mut wrong =
        |what: &str, events: Vec<usize>| found.push(Contradiction::new(Some(number), what, events));
    for (began, ended, event) in &life.shown {
        if life.creations.iter().all(|(creation, _)| creation > ended) {
            wrong("it is shown before anybody asked for it", vec![*event]);
        }
        let gone = life
            .deletions
            .iter()
            .find(|(_, over, _)| over.is_some_and(|over| over < *began && !life.is_made_after(over)));
        if let Some((.., deletion)) = gone {
            wrong("it is shown after its deletion was acknowledged", vec![*deletion, *event]);
        }
        // Who asked before a creation was answered may have asked for what went back.
        if let Some(denial) = life
            .denied
            .iter()
            .find(|denial| denial.by_id && denial.ended < *began && !life.is_made_after(denial.began))
        {
            wrong("it is shown after it was said to be gone", vec![denial.event, *event]);
        }
    }
    for denial in &life.denied {
        let Denial { began, ended, event, name, .. } = denial;
        let register = facts.values.get(&(number, Attribute::Name));
        let is_named = name
            .as_ref()
            .is_none_or(|name| register.is_some_and(|register| register.is_surely(name, *began, *ended)));
        if is_named && life.is_surely_there(*began, *ended) {
            wrong("it is there, and is said not to be", vec![*event]);
        }
    }
    if life.ids.len() > life.possible_ids() {
        let ids: Vec<&String> = life.ids.keys().collect();
        wrong(&format!("it has several ids: {ids:?}"), life.ids.values().copied().collect());
    }
}

fn value(found: &mut Vec<Contradiction>, number: Number, name: &str, register: &Register) {
    let shown = |event: usize| {
        let read = register.reads.iter().find(|read| read.event == event);
        read.map_or("", |read| read.value.as_str()).to_owned()
    };
    for fault in register.faults() {
        let (what, events) = match fault {
            Fault::Unasked { read } => (format!("{name}: nobody asked for `{}`", shown(read)), vec![read]),
            Fault::Stale { read, lost } => (
                format!("{name}: `{}` is shown, and an acknowledged change of it is lost", shown(read)),
                vec![lost, read],
            ),
            Fault::BackAndForth { first, second } => {
                (format!("{name}: two values are shown by turns"), vec![first, second])
            }
        };
        found.push(Contradiction::new(Some(number), what, events));
    }
}

/// The last images of all resources.
fn final_images(world: &World, last: usize) -> impl Iterator<Item = (Number, &Image)> {
    let events = world.history.iter().skip(last).filter(|event| event.kind == Kind::Get);
    events.filter_map(|event| Some((event.number?, &**event.seen.first()?)))
}

/// Requests that were carried out by half, as the values tell that only they gave.
fn halves(found: &mut Vec<Contradiction>, world: &World, facts: &Facts, last: usize) {
    for (number, image) in final_images(world, last) {
        let value_of =
            |attribute: Attribute| image.values.iter().find(|(a, _)| *a == attribute).map(|(_, v)| v);
        for (at, event) in world.history.iter().enumerate().filter(|(_, event)| event.number == Some(number))
        {
            let is_partly = event.writes.iter().any(|(a, v)| is_own(event, *a) && value_of(*a) == Some(v));
            if !event.may_be_done() || !is_partly || event.is_repeated() {
                continue;
            }
            for (attribute, value) in &event.writes {
                let Some(now) = value_of(*attribute).filter(|now| *now != value) else { continue };
                let writes =
                    facts.values.get(&(number, *attribute)).map_or(&[][..], |register| &register.writes);
                // Only what was surely over before cannot have come after it.
                let is_later = |w: &&super::register::Write| {
                    w.value == *now && w.ended.is_none_or(|over| over >= event.began)
                };
                if !writes.iter().any(|write| is_later(&write)) {
                    let what = format!("{attribute:?} is `{now}`: a request is carried out by half");
                    found.push(Contradiction::new(Some(number), what, vec![at]));
                }
            }
        }
    }
}

/// True if no other request gives an attribute the value that this one gives it.
fn is_own(event: &Event, attribute: Attribute) -> bool {
    match attribute {
        Attribute::Active => false,
        Attribute::Name => event.kind == Kind::Rename,
        _ => true,
    }
}

/// Groups of users are those that have them as members.
fn both_sides(found: &mut Vec<Contradiction>, world: &World, last: usize) {
    let images: Vec<(Number, &Image)> = final_images(world, last).collect();
    let groups: Vec<&Image> =
        images.iter().map(|(_, image)| *image).filter(|i| i.members.is_some()).collect();
    for (number, image) in &images {
        let Some(shown) = &image.groups else { continue };
        for group in &groups {
            let is_member = group.members.as_ref().is_some_and(|members| members.contains(&image.id));
            if is_member != shown.contains(&group.id) {
                let what = format!("the group {} and the user's groups differ", group.id);
                found.push(Contradiction::new(Some(*number), what, Vec::new()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::chaos::history::{Missing, Sort};

    /// What is found in a history of one user, of lines such as `3 4 create a done`: beginning, end, kind, display
    /// name, outcome, and, of a request that is sent again, when it was sent first.
    fn found(lines: &[&str]) -> Vec<String> {
        let start = Instant::now();
        let at = |text: &str| start + Duration::from_secs(text.parse().unwrap());
        let mut world = World::new("zz".to_owned(), "example.com".to_owned());
        let (number, _) = world.plan(Sort::User);
        world.learn(number, "id");
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let [began, ended, kind, value, outcome] = words[..5] else { panic!("{line}") };
            let values = vec![(Attribute::Display, value.to_owned())];
            let (kind, is_read) = match kind {
                "create" => (Kind::CreateUser, false),
                "patch" => (Kind::Patch, false),
                _ => (Kind::Get, true),
            };
            let seen =
                Image { id: "id".to_owned(), number: Some(number), values, members: None, groups: None };
            world.history.push(Event {
                client: 0,
                kind,
                replica: 0,
                asked: words.get(5).map_or(at(began), |asked| at(asked)),
                number: Some(number),
                sets_password: false,
                writes: if is_read { Vec::new() } else { seen.values.clone() },
                members: Members::Same,
                began: at(began),
                ended: at(ended),
                outcome: if outcome == "done" { Outcome::Done } else { Outcome::Later },
                seen: if is_read { vec![seen.into()] } else { Vec::new() },
                missing: Missing::Nothing,
            });
        }
        check(&world, world.history.len()).into_iter().map(|found| found.what).collect()
    }

    #[test]
    fn a_creation_that_is_asked_for_again_is_made_once() {
        let changed = ["1 2 create a later", "3 4 patch b done", "5 6 create a done 1", "7 8 get b done"];
        assert_eq!(found(&changed), [""; 0]);
        let set_back = ["1 2 create a later", "3 4 patch b done", "5 6 get a done"];
        assert_eq!(found(&set_back).len(), 1);
        let lost = ["1 2 create a done", "3 4 patch b done", "7 8 get a done"];
        assert_eq!(found(&lost).len(), 1);
        let patched_again = [
            "1 2 create a done",
            "3 4 patch c later",
            "5 6 patch b done",
            "7 8 patch c done 3",
            "9 9 get b done",
        ];
        assert_eq!(found(&patched_again).len(), 1);
    }
}
