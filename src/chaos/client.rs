//! A client: it asks for this and that, one request at a time, and asks again when it does not know what became of it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    dice::Dice,
    history::{Attribute, Event, Image, Kind, Members, Missing, Number, Outcome, Sort, Values},
    http::{Answer, Http, NoAnswer},
    message,
    process::Process,
    world::World,
};
use crate::scim::Json;

/// What all clients share.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) world: RefCell<World>,
    /// The gateways; any of them may be asked.
    pub(super) processes: Vec<Process>,
    /// The token of all clients.
    pub(super) token: String,
    /// Requests that are left.
    pub(super) left: Cell<u64>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) sort: Sort,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Json>,
    pub(super) number: Option<Number>,
    pub(super) writes: Values,
    /// It creates in a directory, with a password that is set apart.
    pub(super) sets_password: bool,
    pub(super) members: Members,
    pub(super) missing: Missing,
}

impl Request {
    /// A request that changes nothing.
    pub(super) fn read(
        kind: Kind,
        sort: Sort,
        path: String,
        number: Option<Number>,
        missing: Missing,
    ) -> Self {
        let (writes, members) = (Vec::new(), Members::Same);
        let sets_password = false;
        Self { kind, sort, method: "GET", path, body: None, number, writes, sets_password, members, missing }
    }

    /// A request that changes a resource.
    pub(super) fn write(
        kind: Kind,
        sort: Sort,
        method: &'static str,
        path: String,
        body: Option<Json>,
    ) -> Self {
        Self { method, body, ..Self::read(kind, sort, path, None, Missing::Nothing) }
    }
}

/// A client with a connection to each gateway.
pub(super) struct Client {
    pub(super) number: usize,
    pub(super) dice: Dice,
    pub(super) stage: Rc<Stage>,
    connections: Vec<Http>,
}

impl Client {
    pub(super) fn new(number: usize, dice: Dice, stage: &Rc<Stage>) -> Self {
        let connections = stage.processes.iter().map(|process| Http::new(process.address, &stage.token));
        Self { number, dice, stage: Rc::clone(stage), connections: connections.collect() }
    }

    /// Asks until it is told, or loses patience.
    pub(super) async fn insist(&mut self, request: &Request) -> Outcome {
        let mut asked = None;
        loop {
            let began = Instant::now();
            let outcome = self.ask(request, asked).await;
            let is_open = matches!(outcome, Outcome::Later | Outcome::Lost { .. });
            if is_open {
                // Nobody may be there for a while.
                let pause = if matches!(outcome, Outcome::Lost { .. }) { 600 } else { 250 };
                sleep(Duration::from_millis(self.dice.between(20, pause))).await;
            }
            if !is_open || self.stage.left.get() == 0 || self.dice.chance(20) {
                return outcome;
            }
            asked = asked.or(Some(began));
        }
    }

    /// Asks once, and notes what was answered. `asked`: when the same was asked for the first time.
    pub(super) async fn ask(&mut self, request: &Request, asked: Option<Instant>) -> Outcome {
        self.stage.left.set(self.stage.left.get().saturating_sub(1));
        let replica = usize::try_from(self.dice.between(0, self.connections.len() as u64)).unwrap_or(0);
        let began = Instant::now();
        let answer = match self.connections.get_mut(replica) {
            Some(http) => http.send(request.method, &request.path, request.body.as_ref()).await,
            None => Err(NoAnswer { why: std::io::ErrorKind::NotConnected.into(), since: began }),
        };
        let ended = Instant::now();
        let (outcome, seen) = match answer {
            Ok(answer) => self.understood(request, answer),
            Err(NoAnswer { why, since }) => {
                let process = self.stage.processes.get(replica);
                let is_excused = process.is_some_and(|process| process.was_away(since, ended));
                (Outcome::Lost { is_excused, why: why.to_string() }, Vec::new())
            }
        };
        let is_done = outcome == Outcome::Done;
        self.stage.world.borrow_mut().history.push(Event {
            client: self.number,
            kind: request.kind,
            replica,
            asked: asked.unwrap_or(began),
            number: request.number,
            writes: request.writes.clone(),
            sets_password: request.sets_password,
            members: request.members.clone(),
            began,
            ended,
            outcome: outcome.clone(),
            seen,
            missing: if is_done { request.missing.clone() } else { Missing::Nothing },
        });
        outcome
    }

    /// What an answer means, and what it shows.
    fn understood(&self, request: &Request, answer: Answer) -> (Outcome, Vec<Rc<Image>>) {
        let Answer { status, retry_after, body } = answer;
        let detail = || message::found(&body, "detail");
        let outcome = match status {
            200 | 201 | 204 => Outcome::Done,
            429 | 503 if retry_after.is_some_and(|seconds| seconds > 0) => Outcome::Later,
            400..=499 => Outcome::Refused { status, detail: detail() },
            _ => Outcome::Wrong { status, detail: detail() },
        };
        if outcome != Outcome::Done || body.is_null() {
            return (outcome, Vec::new());
        }
        let mut world = self.stage.world.borrow_mut();
        if let (true, Some(number), Some(id)) =
            (request.kind.creates(), request.number, body.get("id").and_then(Json::as_str))
        {
            world.made(number, id);
        }
        let list = body.get("totalResults").and_then(Json::as_u64);
        let resources: Vec<&Json> = match list {
            Some(_) => body.get("Resources").and_then(Json::as_array).into_iter().flatten().collect(),
            None => vec![&body],
        };
        let images: Option<Vec<Image>> = resources
            .iter()
            .map(|resource| message::image(&world, request.sort, resource, list.is_none()))
            .collect();
        for image in images.iter().flatten() {
            if let Some(number) = image.number {
                world.learn(number, &image.id);
            }
        }
        let is_list = matches!(request.kind, Kind::List | Kind::Find);
        match images {
            // Of those that were counted some may be gone when they are read.
            Some(images) if list.is_some() == is_list && list.is_none_or(|n| n >= images.len() as u64) => {
                (outcome, images.into_iter().map(|image| world.keep(image)).collect())
            }
            _ => (Outcome::Wrong { status, detail: "not what was asked for".to_owned() }, Vec::new()),
        }
    }

    /// Looks for a resource by its name, after it was said to be there.
    pub(super) async fn find(&mut self, number: Number, sort: Sort, name: &str) -> Outcome {
        let path = message::query(sort, &format!("{} eq \"{name}\"", sort.name()), &[]);
        let missing = Missing::Name(sort, name.to_owned());
        self.insist(&Request::read(Kind::Find, sort, path, Some(number), missing)).await
    }

    /// Creates a resource, and finds out its id.
    pub(super) async fn create(&mut self, sort: Sort, members: &BTreeSet<Number>) -> (Number, Outcome) {
        let with_password = sort == Sort::User && {
            let needs = self.stage.world.borrow().needs_password;
            needs || self.dice.chance(5)
        };
        let (number, name, writes, ids) = {
            let mut world = self.stage.world.borrow_mut();
            let (number, name) = world.plan(sort);
            let writes = world.fresh_values(sort, &mut self.dice);
            let ids: Vec<String> = members.iter().filter_map(|m| world.known.get(*m)?.id.clone()).collect();
            (number, name, writes, ids)
        };
        let mut body = message::whole(sort, &name, &writes, with_password);
        let mut request_members = Members::Same;
        if sort == Sort::Group {
            body = message::with_members(body, &ids);
            request_members = Members::All(members.clone());
        }
        let kind = if sort == Sort::User { Kind::CreateUser } else { Kind::CreateGroup };
        let mut request = Request::write(kind, sort, "POST", sort.endpoint().to_owned(), Some(body));
        request.number = Some(number);
        request.members = request_members;
        request.writes = writes;
        request.writes.push((Attribute::Name, name.clone()));
        request.sets_password = with_password && {
            let world = self.stage.world.borrow();
            world.is_directory && !world.needs_password
        };
        let outcome = self.insist(&request).await;
        if matches!(outcome, Outcome::Refused { status: 409, .. }) {
            // It was made by a request whose answer was lost.
            self.find(number, sort, &name).await;
        }
        (number, outcome)
    }
}
