//! Before and after the load: what the mapping has, what is there at the end, and the removal of all that was made.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    check::Contradiction,
    client::{Client, Request},
    history::{Attribute, Kind, Missing, Number, Outcome, Sort},
    message,
};

/// How long a gateway may take until it serves.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);
/// How often everything that is left is removed once more.
const ROUNDS: usize = 100;

impl Client {
    /// Finds out which attributes the mapping has, by a user and a group that stay out of the history.
    ///
    /// # Errors
    ///
    /// What the gateway says to them.
    pub(super) async fn prepare(&mut self) -> Result<(), String> {
        let mut made = Vec::new();
        let user = match self.try_out(Sort::User, &BTreeSet::new()).await {
            Err(_) => {
                // Some directories let nobody be active without a password.
                self.stage.world.borrow_mut().needs_password = true;
                self.try_out(Sort::User, &BTreeSet::new()).await?
            }
            Ok(user) => user,
        };
        made.push((Sort::User, user));
        if let Ok(group) = self.try_out(Sort::Group, &[user].into()).await {
            made.push((Sort::Group, group));
            self.stage.world.borrow_mut().has_groups = true;
        }
        for (sort, number) in made.into_iter().rev() {
            let id = self.stage.world.borrow().known.get(number).and_then(|known| known.id.clone());
            let path = format!("{}/{}", sort.endpoint(), id.unwrap_or_default());
            self.settled(&Request::write(Kind::Delete, sort, "DELETE", path, None)).await?;
        }
        let mut world = self.stage.world.borrow_mut();
        world.forget();
        Ok(())
    }

    /// Makes a resource with everything that may be mapped, and looks what of it is.
    async fn try_out(&mut self, sort: Sort, members: &BTreeSet<Number>) -> Result<Number, String> {
        let (optional, needs_password) = match sort {
            Sort::User => (&Attribute::OPTIONAL[..], self.stage.world.borrow().needs_password),
            Sort::Group => (&[Attribute::External][..], false),
        };
        let (number, name, values, ids) = {
            let mut world = self.stage.world.borrow_mut();
            world.attributes.insert(sort, optional.to_vec());
            let (number, name) = world.plan(sort);
            let mut values = world.fresh_values(sort, &mut self.dice);
            for (attribute, value) in &mut values {
                if *attribute == Attribute::Active {
                    "true".clone_into(value);
                }
            }
            let ids: Vec<String> = members.iter().filter_map(|m| world.known.get(*m)?.id.clone()).collect();
            (number, name, values, ids)
        };
        let mut body = message::whole(sort, &name, &values, needs_password);
        if sort == Sort::Group {
            body = message::with_members(body, &ids);
        }
        let kind = if sort == Sort::User { Kind::CreateUser } else { Kind::CreateGroup };
        let mut request = Request::write(kind, sort, "POST", sort.endpoint().to_owned(), Some(body));
        request.number = Some(number);
        self.settled(&request).await?;
        let mut world = self.stage.world.borrow_mut();
        let shown = world.history.last().and_then(|event| event.seen.first()).cloned();
        let shown = shown.ok_or("a creation shows no resource")?;
        let has = |attribute: &Attribute| {
            values.iter().any(|(a, v)| a == attribute && shown.values.contains(&(*a, v.clone())))
        };
        let attributes: Vec<Attribute> = optional.iter().copied().filter(has).collect();
        world.attributes.insert(sort, attributes);
        match &shown.members {
            Some(members) if members.len() != ids.len() => Err("members are not shown".to_owned()),
            _ => Ok(number),
        }
    }

    /// Asks until the answer is not to come back.
    async fn settled(&mut self, request: &Request) -> Result<(), String> {
        let start = Instant::now();
        loop {
            match self.ask(request, None).await {
                Outcome::Done => return Ok(()),
                Outcome::Later if start.elapsed() < PATIENCE => sleep(PAUSE).await,
                other => return Err(format!("{}: {other}", request.kind.word())),
            }
        }
    }

    /// Reads everything that is there, and everything that may be.
    pub(super) async fn look_at_all(&mut self) {
        for sort in [Sort::User, Sort::Group] {
            if sort == Sort::Group && !self.stage.world.borrow().has_groups {
                continue;
            }
            drop(self.until_told(sort).await);
            let known: Vec<(Number, String)> = {
                let world = self.stage.world.borrow();
                let all = world.known.iter().enumerate().filter(|(_, known)| known.sort == sort);
                all.filter_map(|(number, known)| Some((number, known.id.clone()?))).collect()
            };
            for (number, id) in known {
                let path = format!("{}/{id}", sort.endpoint());
                let request = Request::read(Kind::Get, sort, path, Some(number), Missing::Nothing);
                drop(self.settled(&request).await);
            }
        }
    }

    /// Lists a sort, and lists it again while it is told to come back. Returns what it is told.
    async fn until_told(&mut self, sort: Sort) -> Outcome {
        let start = Instant::now();
        loop {
            match self.list(sort).await {
                Outcome::Later if start.elapsed() < PATIENCE => sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
    }

    /// Removes all resources with names of ours.
    pub(super) async fn clean_up(&mut self, sort: Sort) -> Option<Contradiction> {
        if sort == Sort::Group && !self.stage.world.borrow().has_groups {
            return None;
        }
        for _ in 0..ROUNDS {
            let outcome = self.until_told(sort).await;
            let seen: Vec<String> = {
                let world = self.stage.world.borrow();
                let images = world.history.last().into_iter().flat_map(|event| &event.seen);
                images.map(|image| image.id.clone()).collect()
            };
            if seen.is_empty() && outcome == Outcome::Done {
                return None;
            }
            for id in seen {
                let path = format!("{}/{id}", sort.endpoint());
                drop(self.settled(&Request::write(Kind::Delete, sort, "DELETE", path, None)).await);
            }
        }
        Some(Contradiction::new(None, "what was made cannot be removed", Vec::new()))
    }
}
