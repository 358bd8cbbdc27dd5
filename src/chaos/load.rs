//! The mixed load: what a client does next.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::sleep;

use super::{
    client::{Client, Request},
    history::{Attribute, Kind, Members, Missing, Number, Outcome, Sort, Values},
    message,
};

/// How often each kind of request comes, while there is somebody to ask for.
const WEIGHTS: &[(Kind, u64)] = &[
    (Kind::CreateUser, 12),
    (Kind::CreateGroup, 3),
    (Kind::TakenName, 2),
    (Kind::Get, 13),
    (Kind::List, 5),
    (Kind::Find, 10),
    (Kind::Replace, 9),
    (Kind::Patch, 14),
    (Kind::Rename, 6),
    (Kind::Switch, 5),
    (Kind::AddMember, 10),
    (Kind::RemoveMember, 6),
    (Kind::Delete, 8),
];
/// Most resources of a sort that are alive; a listing shows all of them at once.
const MOST: [(Sort, usize); 2] = [(Sort::User, 40), (Sort::Group, 8)];
/// Every so-manieth resource keeps its name and is not deleted before the end.
const STAYS: Number = 12;
/// Most members that a request names.
const MEMBERS: u64 = 5;

impl Client {
    /// Sends requests for as long as there are some left.
    pub(super) async fn work(mut self) {
        while self.stage.left.get() > 0 {
            self.step().await;
            sleep(Duration::from_millis(self.dice.between(0, 20))).await;
        }
    }

    async fn step(&mut self) {
        let kind = self.dice.weighted(WEIGHTS).unwrap_or(Kind::List);
        let sort = match kind {
            Kind::CreateUser | Kind::TakenName | Kind::Switch => Sort::User,
            Kind::CreateGroup | Kind::AddMember | Kind::RemoveMember => Sort::Group,
            _ if self.dice.chance(30) => Sort::Group,
            _ => Sort::User,
        };
        if sort == Sort::Group && !self.stage.world.borrow().has_groups {
            return;
        }
        let living = self.stage.world.borrow().living(sort);
        let most = MOST.iter().find(|(known, _)| *known == sort).map_or(0, |(_, most)| *most);
        let is_crowded = living.len() >= most;
        match kind {
            Kind::CreateUser | Kind::CreateGroup if is_crowded => {}
            Kind::CreateUser | Kind::CreateGroup => {
                let members = if sort == Sort::Group { self.some_users() } else { BTreeSet::new() };
                self.create(sort, &members).await;
            }
            Kind::List => drop(self.list(sort).await),
            _ => {
                let stays = |number: &Number| number.is_multiple_of(STAYS);
                let choice: Vec<Number> = living
                    .into_iter()
                    .filter(|number| match kind {
                        Kind::Rename => !stays(number),
                        Kind::Delete => {
                            !stays(number) && (is_crowded || self.stage.left.get().is_multiple_of(2))
                        }
                        Kind::TakenName => stays(number),
                        _ => true,
                    })
                    .collect();
                if let Some(number) = self.dice.pick(&choice).copied() {
                    self.with(kind, sort, number).await;
                }
            }
        }
    }

    /// A request about a resource that is there, as far as anybody knows.
    async fn with(&mut self, kind: Kind, sort: Sort, number: Number) {
        let Some((id, name)) = self.known(number) else { return };
        let path = format!("{}/{id}", sort.endpoint());
        match kind {
            Kind::Get => {
                let request = Request::read(kind, sort, path, Some(number), Missing::Nothing);
                self.ask(&request, None).await;
            }
            Kind::Find => {
                self.find(number, sort, &name).await;
            }
            Kind::TakenName => self.take_name(number, sort, &name).await,
            Kind::Replace => self.replace(sort, number, path, &name).await,
            Kind::Rename => {
                let name = {
                    let mut world = self.stage.world.borrow_mut();
                    let name = world.fresh_name(number, sort);
                    if let Some(known) = world.known.get_mut(number) {
                        known.name.clone_from(&name);
                    }
                    name
                };
                self.change(kind, sort, number, path, vec![(Attribute::Name, name)]).await;
            }
            Kind::Patch | Kind::Switch => {
                let values = self.some_values(kind, sort);
                if !values.is_empty() {
                    self.change(kind, sort, number, path, values).await;
                }
            }
            Kind::AddMember => {
                let users = self.some_users();
                let ids = self.ids(&users);
                if !ids.is_empty() {
                    let mut request = Request::write(kind, sort, "PATCH", path, Some(message::join(&ids)));
                    (request.number, request.members) = (Some(number), Members::With(users));
                    self.insist(&request).await;
                }
            }
            Kind::RemoveMember => self.remove_member(number, path).await,
            Kind::Delete => {
                if let Some(known) = self.stage.world.borrow_mut().known.get_mut(number) {
                    known.is_leaving = true;
                }
                let mut request = Request::write(kind, sort, "DELETE", path, None);
                request.number = Some(number);
                self.insist(&request).await;
            }
            Kind::CreateUser | Kind::CreateGroup | Kind::List => {}
        }
    }

    /// All resources of a sort with names of ours.
    pub(super) async fn list(&mut self, sort: Sort) -> Outcome {
        let filter = format!("{} sw \"{}\"", sort.name(), self.stage.world.borrow().prefix);
        let path = message::query(sort, &filter, &[("count", "100")]);
        self.ask(&Request::read(Kind::List, sort, path, None, Missing::OthersOf(sort)), None).await
    }

    async fn take_name(&mut self, owner: Number, sort: Sort, name: &str) {
        let number = self.stage.world.borrow_mut().plan_double(sort, name);
        let needs_password = self.stage.world.borrow().needs_password;
        let values = self.stage.world.borrow_mut().fresh_values(sort, &mut self.dice);
        let body = message::whole(sort, name, &values, needs_password);
        let mut request =
            Request::write(Kind::TakenName, sort, "POST", sort.endpoint().to_owned(), Some(body));
        request.number = Some(number);
        request.writes = values;
        self.ask(&request, None).await;
        // Whoever had the name has it still.
        self.find(owner, sort, name).await;
    }

    async fn replace(&mut self, sort: Sort, number: Number, path: String, name: &str) {
        let writes = self.stage.world.borrow_mut().fresh_values(sort, &mut self.dice);
        let mut body = message::whole(sort, name, &writes, false);
        let mut members = Members::Same;
        if sort == Sort::Group {
            let users = self.some_users();
            body = message::with_members(body, &self.ids(&users));
            members = Members::All(users);
        }
        let mut request = Request::write(Kind::Replace, sort, "PUT", path, Some(body));
        (request.number, request.writes, request.members) = (Some(number), writes, members);
        request.writes.push((Attribute::Name, name.to_owned()));
        self.insist(&request).await;
    }

    async fn change(&mut self, kind: Kind, sort: Sort, number: Number, path: String, values: Values) {
        let body = message::change(sort, &values);
        let mut request = Request::write(kind, sort, "PATCH", path, Some(body));
        (request.number, request.writes) = (Some(number), values);
        self.insist(&request).await;
    }

    async fn remove_member(&mut self, group: Number, path: String) {
        // Somebody who was a member when it was last seen.
        let seen: Vec<Number> = {
            let world = self.stage.world.borrow();
            let images = world.history.iter().rev().flat_map(|event| &event.seen);
            let last = images.filter(|image| image.number == Some(group)).find_map(|i| i.members.as_ref());
            last.into_iter().flatten().filter_map(|id| world.with_id(id)).collect()
        };
        let Some(user) = self.dice.pick(&seen).copied() else { return };
        let Some((id, _)) = self.known(user) else { return };
        let body = message::leave(&id);
        let mut request = Request::write(Kind::RemoveMember, Sort::Group, "PATCH", path, Some(body));
        (request.number, request.members) = (Some(group), Members::Without(user));
        self.insist(&request).await;
    }

    fn known(&self, number: Number) -> Option<(String, String)> {
        let world = self.stage.world.borrow();
        let known = world.known.get(number)?;
        Some((known.id.clone()?, known.name.clone()))
    }

    fn ids(&self, numbers: &BTreeSet<Number>) -> Vec<String> {
        numbers.iter().filter_map(|number| self.known(*number)).map(|(id, _)| id).collect()
    }

    fn some_users(&mut self) -> BTreeSet<Number> {
        let living = self.stage.world.borrow().living(Sort::User);
        let number = self.dice.between(0, MEMBERS + 1);
        (0..number).filter_map(|_| self.dice.pick(&living).copied()).collect()
    }

    /// New values for one to three attributes.
    fn some_values(&mut self, kind: Kind, sort: Sort) -> Values {
        let mut world = self.stage.world.borrow_mut();
        let all = world.attributes.get(&sort).cloned().unwrap_or_default();
        let is_switch = |attribute: &Attribute| *attribute == Attribute::Active;
        let choice: Vec<Attribute> =
            all.into_iter().filter(|a| is_switch(a) == (kind == Kind::Switch)).collect();
        let number = if kind == Kind::Switch { 1 } else { self.dice.between(1, 4) };
        let mut picked: Vec<Attribute> =
            (0..number).filter_map(|_| self.dice.pick(&choice).copied()).collect();
        picked.sort_unstable();
        picked.dedup();
        picked.into_iter().map(|a| (a, world.fresh_value(a, &mut self.dice))).collect()
    }
}
