//! Requests of every kind from several clients, each of which must be answered truly or with "come back".

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::support::{Answer, Client, unique};

/// Clients that ask at the same time.
pub(super) const CLIENTS: usize = 5;
/// People that were there first; each client changes one of them.
pub(super) const PEOPLE: usize = 10;
/// Between two requests of a client; longer when it is told to come back.
const PAUSE: Duration = Duration::from_millis(10);
/// Kinds of requests: the whole round of a client.
pub(super) const KINDS: usize = 8;

/// Who and what is asked for.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) client: Client,
    /// Ids of the people that were there first.
    pub(super) people: Vec<String>,
    /// The group that all of them are in.
    pub(super) group: String,
    /// True if whatever server answers holds what any of them was told.
    pub(super) is_one_store: bool,
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    began: Instant,
    ended: Instant,
    is_fine: bool,
}

pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<Vec<Seen>>>,
}

/// What happened between two instants.
#[derive(Debug)]
pub(super) struct Report {
    /// Requests that succeeded.
    pub(super) fine: usize,
    /// Requests that were told to come back.
    pub(super) later: usize,
    /// The longest time in which no request succeeded.
    pub(super) gap: Duration,
    /// The longest time that one request took.
    pub(super) longest: Duration,
}

impl Load {
    pub(super) fn on(site: &Site) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|number| {
            let (site, stop) = (site.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                let mut person = Person::new(&site, number);
                let mut seen = Vec::new();
                // Not all of them ask the same at the same time.
                for round in number.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    let is_fine = person.ask(round);
                    seen.push(Seen { began, ended: Instant::now(), is_fine });
                    thread::sleep(if is_fine { PAUSE } else { 5 * PAUSE });
                }
                seen
            })
        });
        let clients = clients.collect();
        Self { stop, clients }
    }

    /// Ends it; fails if one of the answers was wrong.
    pub(super) fn end(self) -> Vec<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().flat_map(|client| client.join().expect("a wrong answer")).collect()
    }
}

/// What was answered between two instants.
pub(super) fn between(seen: &[Seen], from: Instant, to: Instant) -> Report {
    let among = |when: Instant| (from..=to).contains(&when);
    let mut successes: Vec<Instant> =
        seen.iter().filter(|s| s.is_fine && among(s.ended)).map(|s| s.ended).collect();
    let fine = successes.len();
    let later = seen.iter().filter(|s| !s.is_fine && among(s.ended)).count();
    successes.extend([from, to]);
    successes.sort();
    let gap = successes.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let took = seen.iter().filter(|s| among(s.ended)).map(|s| s.ended - s.began);
    Report { fine, later, gap, longest: took.max().unwrap_or_default() }
}

/// A client with the person that it alone changes, and with those that it makes.
pub(super) struct Person<'s> {
    site: &'s Site,
    id: String,
    /// What the title is known to be, and what it may be after writes of which nobody knows.
    title: Option<String>,
    perhaps: Vec<String>,
    /// A login that a request was to make, if that may have happened.
    uncertain: Option<String>,
    made: Vec<String>,
    /// True if the last deletion may have happened.
    is_perhaps_gone: bool,
    is_member: bool,
}

impl<'s> Person<'s> {
    pub(super) fn new(site: &'s Site, number: usize) -> Self {
        Self {
            site,
            id: site.people[number].clone(),
            title: None,
            perhaps: Vec::new(),
            uncertain: None,
            made: Vec::new(),
            is_perhaps_gone: false,
            is_member: true,
        }
    }

    /// True if the request succeeded, false if it shall be tried again; panics at any other answer.
    pub(super) fn ask(&mut self, round: usize) -> bool {
        match round % KINDS {
            0 => self.read(),
            1 => self.list(),
            2 => self.find(round),
            3 => self.change(round),
            4 => self.make(),
            5 => self.read_group(),
            6 => self.join_or_leave(),
            _ => self.remove(),
        }
    }

    /// One request of each kind; true if all of them succeeded.
    pub(super) fn whole_round(&mut self) -> bool {
        (0..KINDS).all(|kind| self.ask(kind))
    }

    fn read(&mut self) -> bool {
        let answer = self.site.client.get(&format!("/Users/{}", self.id));
        let is_fine = is_fine(&answer, &[200]);
        if is_fine {
            assert_eq!(answer.json["id"], json!(self.id), "{answer}");
            let title = answer.json["title"].as_str().map(str::to_owned);
            let is_right = self.title.is_none()
                || title == self.title
                || title.as_ref().is_some_and(|t| self.perhaps.contains(t));
            assert!(is_right || !self.site.is_one_store, "expected {:?}: {answer}", self.title);
        }
        is_fine
    }

    /// Those that were there first are all there, however many came and went since.
    fn list(&self) -> bool {
        let first = "filter=userName%20sw%20%22p%22";
        let answer = self.site.client.get(&format!("/Users?count=100&attributes=userName&{first}"));
        let is_fine = is_fine(&answer, &[200]);
        if is_fine {
            assert_eq!(answer.json["totalResults"], json!(PEOPLE), "{answer}");
            let ids = answer.json["Resources"].as_array().unwrap().iter().map(|user| &user["id"]);
            let ids: Vec<&str> = ids.filter_map(Json::as_str).collect();
            assert!(self.site.people.iter().all(|id| ids.contains(&id.as_str())), "{answer}");
        }
        is_fine
    }

    fn find(&self, round: usize) -> bool {
        let number = round % PEOPLE;
        let login = login(number);
        let answer = self.site.client.get(&format!("/Users?filter=userName%20eq%20%22{login}%22"));
        let is_fine = is_fine(&answer, &[200]);
        if is_fine {
            assert_eq!(answer.json["totalResults"], 1, "{answer}");
            assert_eq!(answer.json["Resources"][0]["id"], json!(self.site.people[number]), "{answer}");
        }
        is_fine
    }

    fn change(&mut self, round: usize) -> bool {
        let title = format!("T{round}");
        let change = json!([{ "op": "replace", "path": "title", "value": title }]);
        let is_fine = is_fine(&self.site.client.patch(&format!("/Users/{}", self.id), change), &[200, 204]);
        match is_fine {
            true => self.title = Some(title),
            false => self.perhaps.push(title),
        }
        is_fine
    }

    fn make(&mut self) -> bool {
        let login = self.uncertain.take();
        let is_repeated = login.is_some();
        let login = login.unwrap_or_else(|| format!("{}@example.com", unique("l")));
        let answer = self.site.client.post("/Users", &new_user(&login));
        let right: &[u16] = if is_repeated { &[201, 409] } else { &[201] };
        let is_fine = is_fine(&answer, right);
        match is_fine {
            true if answer.status == 201 => self.made.push(answer.id()),
            true => {}
            false => self.uncertain = Some(login),
        }
        is_fine
    }

    fn read_group(&self) -> bool {
        let answer = self.site.client.get(&format!("/Groups/{}", self.site.group));
        let is_fine = is_fine(&answer, &[200]);
        if is_fine {
            let members = answer.json["members"].as_array().map_or(0, Vec::len);
            // Each client is in or out, and so is whoever looks whether it works.
            assert!((PEOPLE - CLIENTS - 1..=PEOPLE).contains(&members), "{answer}");
        }
        is_fine
    }

    fn join_or_leave(&mut self) -> bool {
        let change = match self.is_member {
            true => json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", self.id) }]),
            false => json!([{ "op": "add", "path": "members", "value": [{ "value": self.id }] }]),
        };
        let answer = self.site.client.patch(&format!("/Groups/{}", self.site.group), change);
        let is_fine = is_fine(&answer, &[200, 204]);
        // What may have happened or not is asked for again.
        self.is_member ^= is_fine;
        is_fine
    }

    /// Only one store knows whom it was told to make, whichever server answers.
    fn remove(&mut self) -> bool {
        let Some(id) = self.made.last().filter(|_| self.site.is_one_store).cloned() else {
            return self.list();
        };
        let answer = self.site.client.delete(&format!("/Users/{id}"));
        let right: &[u16] = if self.is_perhaps_gone { &[204, 404] } else { &[204] };
        let is_fine = is_fine(&answer, right);
        self.is_perhaps_gone = !is_fine;
        if is_fine {
            self.made.pop();
        }
        is_fine
    }
}

/// The login of somebody that was there first.
pub(super) fn login(number: usize) -> String {
    format!("p{number}@example.com")
}

/// Somebody as every mapping takes them.
pub(super) fn new_user(login: &str) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login, "active": true,
        "displayName": login, "name": { "givenName": "P", "familyName": "Load" }, "password": "Start.Test1" })
}

/// True if it succeeded with one of these codes, false if it is told to come back; nothing else is right.
pub(super) fn is_fine(answer: &Answer, right: &[u16]) -> bool {
    if answer.status == 503 {
        let seconds: u64 = answer.header("retry-after").parse().unwrap_or(0);
        assert!(seconds > 0, "503 without Retry-After: {answer}");
        return false;
    }
    assert!(right.contains(&answer.status), "expected {right:?}: {answer}");
    true
}
