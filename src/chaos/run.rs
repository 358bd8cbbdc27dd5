//! A run, from the first look at the store to the report.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use secrecy::ExposeSecret as _;
use tokio::time::sleep;

use super::{
    both::Differences,
    check::{Contradiction, check},
    client::{Client, Stage},
    dice::Dice,
    faults::Trouble,
    gauges::Gauges,
    history::Sort,
    process::{OwnFile, Process},
    proxy::Proxy,
    report::Report,
    settings::{by_way_of, derived, hidden_variables, servers},
    world::World,
};
use crate::{
    auth::token,
    config::Settings,
    gateway::{Gateway, survey::SurveyError},
    scim::error::ScimError,
};

/// How long writes that were cut short may stay open, once nothing goes wrong any more.
const SETTLING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// What a run is to be like.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The settings file of the copy.
    pub config: PathBuf,
    /// What it says.
    pub settings: Settings,
    /// The store that the mapping is for.
    pub store: String,
    /// The tenant of the ids.
    pub tenant: &'static str,
    /// The program to start as the gateway.
    pub program: PathBuf,
    /// How many requests.
    pub requests: u64,
    /// For how long, however many requests that are.
    pub time: Option<Duration>,
    /// Nothing goes wrong.
    pub is_calm: bool,
    /// How many clients at the same time.
    pub clients: usize,
    /// How many gateways on one database of ids.
    pub replicas: usize,
    /// What chooses requests and faults.
    pub seed: u64,
    /// Kills gateways, too.
    pub kills: bool,
    /// A command that restarts the store.
    pub restart: Option<String>,
    /// The part of logins behind the `@`.
    pub domain: String,
    /// The store may hold resources.
    pub is_copy: bool,
    /// What was made stays.
    pub keeps: bool,
    /// Where the gateways' log goes.
    pub log: PathBuf,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store holds what is not ours.
    #[error(
        "the store holds {0} resources; this command is for a throw-away copy, and --yes-this-is-a-copy says that it is one"
    )]
    NotEmpty(u64),
    /// The settings cannot be used for this.
    #[error("{0}")]
    Settings(String),
    /// The store refuses what this command makes.
    #[error("the mapping or the store refuses what this command makes: {0}")]
    Refused(String),
    /// The store or the database of ids cannot be looked at.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// The journal cannot be read.
    #[error("the journal: {}", .0.detail())]
    Journal(#[from] ScimError),
    /// A process, a port or a file.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Makes a run. `gateway` goes to the store without a detour.
///
/// # Errors
///
/// [`Failure`]; then nothing was found out.
pub async fn run(plan: &Plan, gateway: &Gateway) -> Result<Report, Failure> {
    let mut population = 0;
    for ty in 0..gateway.resource_types().len() {
        population += gateway.population(ty).await?;
    }
    if population > 0 && !plan.is_copy {
        return Err(Failure::NotEmpty(population));
    }
    let (token, hash) = token::new();
    let Some(store) = plan.settings.stores.get(&plan.store) else {
        return Err(Failure::Settings(format!("there is no store `{}`", plan.store)));
    };
    let (mut proxies, mut urls) = (Vec::new(), Vec::new());
    for (url, server) in servers(store) {
        let proxy = Proxy::to(server).await?;
        urls.push(by_way_of(&url, proxy.address));
        proxies.push(proxy);
    }
    let prefix = format!("zz{}", uuid::Uuid::new_v4().simple().to_string().get(..5).unwrap_or_default());
    let text = derived(&plan.config, &plan.settings, &plan.store, &urls, &hash).map_err(Failure::Settings)?;
    let directory = plan.config.parent().unwrap_or(Path::new(""));
    let file = OwnFile::with(&directory.join(format!(".scimgate-chaos-{prefix}.toml")), &text)?;
    let mut processes = Vec::new();
    for _ in 0..plan.replicas {
        let hidden = hidden_variables(&plan.store);
        let (program, log) = (plan.program.clone(), plan.log.clone());
        processes.push(Process::start(program, file.0.clone(), hidden, log).await?);
    }
    let mut world = World::new(prefix, plan.domain.clone());
    world.is_directory = store.ldap.is_some();
    let stage = Rc::new(Stage {
        world: RefCell::new(world),
        processes,
        token: token.expose_secret().to_owned(),
        left: Cell::new(plan.requests),
    });
    let trouble = Trouble {
        stage: Rc::clone(&stage),
        proxies,
        kills: plan.kills,
        restart: plan.restart.clone(),
        dice: Dice::new(plan.seed, 0),
        counts: RefCell::new(BTreeMap::new()),
    };
    let report = on_stage(plan, gateway, &stage, trouble).await;
    drop(file);
    report
}

async fn on_stage(
    plan: &Plan,
    gateway: &Gateway,
    stage: &Rc<Stage>,
    mut trouble: Trouble,
) -> Result<Report, Failure> {
    let mut checker = Client::new(plan.clients, Dice::new(plan.seed, u64::MAX), stage);
    checker.prepare().await.map_err(Failure::Refused)?;
    let correlation = &plan.settings.correlation;
    let before = Differences::now(gateway, correlation, plan.tenant).await?;
    let start = Instant::now();
    stage.left.set(if plan.time.is_some() { u64::MAX } else { plan.requests });
    let clients: Vec<_> = (0..plan.clients)
        .map(|number| Client::new(number, Dice::new(plan.seed, number as u64 + 1), stage))
        .map(|client| actix_web::rt::spawn(client.work()))
        .collect();
    let trouble_makes = async {
        let made = if plan.is_calm { Ok(()) } else { trouble.make().await };
        if made.is_err() {
            stage.left.set(0);
        }
        made
    };
    let watch = Gauges::watch(stage, plan.time.map(|time| start + time));
    let (made, gauges) = tokio::join!(trouble_makes, watch);
    for client in clients {
        client.await.map_err(io::Error::other)?;
    }
    made?;
    let last = stage.world.borrow().history.len();
    let mut found = Vec::new();
    if stage.processes.iter().any(Process::has_ended) {
        found.push(Contradiction::new(None, "a gateway ended without being killed", Vec::new()));
    }
    if !plan.kills {
        found.extend(gauges.leaks());
    }
    found.extend(settle(gateway).await?);
    let after = Differences::now(gateway, correlation, plan.tenant).await?;
    found.extend(after.since(&before).into_iter().map(|what| Contradiction::new(None, what, Vec::new())));
    // There is nothing left that goes wrong: whatever is asked now is insisted on.
    stage.left.set(u64::MAX);
    checker.look_at_all().await;
    found.extend(check(&stage.world.borrow(), last));
    if !plan.keeps {
        for sort in [Sort::Group, Sort::User] {
            found.extend(checker.clean_up(sort).await);
        }
    }
    let counts = trouble.counts.borrow().clone();
    Ok(Report::of(&stage.world.borrow(), plan.seed, start, (counts, gauges), &found, last))
}

/// Waits until every write that was cut short has come to its end.
async fn settle(gateway: &Gateway) -> Result<Vec<Contradiction>, Failure> {
    let start = Instant::now();
    loop {
        let entries = gateway.journal().await?;
        let open = entries.iter().filter(|entry| entry.record.state.name() == "open");
        let open: Vec<String> = open
            .map(|entry| {
                let record = &entry.record;
                format!("a {} of the journal stays open: {:?}", record.kind, record.problem)
            })
            .collect();
        if open.is_empty() {
            return Ok(Vec::new());
        }
        if start.elapsed() > SETTLING {
            return Ok(open.into_iter().map(|what| Contradiction::new(None, what, Vec::new())).collect());
        }
        sleep(PAUSE).await;
    }
}
