//! `scimgate chaos`: breaks the way to a throw-away copy of a store, and the gateway itself, under a random load, and
//! looks whether every answer was true.

use std::{path::PathBuf, time::Duration};

use crate::{
    chaos::{self, Failure, Plan},
    cli::{BROKEN, DIFFERS, Outcome, REFUSED, WRONG_COMMAND, WRONG_FILES, fail, mapping, serve},
    config::{Settings, secret::sqlite_file},
};

/// What `chaos` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Settings file, of a copy that may be thrown away.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Requests to send.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    requests: u64,
    /// Go on for so long, however many requests that are.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: Option<u64>,
    /// Let nothing go wrong, for a look at what the gateway holds over hours.
    #[arg(long, conflicts_with_all = ["kill_gateway", "restart_store"])]
    calm: bool,
    /// Clients that ask at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=64))]
    clients: u64,
    /// What chooses requests and faults; without it another one each time.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Gateways on the one PostgreSQL database of ids; clients ask any of them.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=8))]
    replicas: u64,
    /// Kill and start gateways, too.
    #[arg(long)]
    kill_gateway: bool,
    /// A shell command that restarts the store and comes to its end when the store answers.
    #[arg(long, value_name = "COMMAND")]
    restart_store: Option<String>,
    /// The part behind the `@` of the logins that are made.
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    domain: String,
    /// The store holds resources, and is a copy nevertheless.
    #[arg(long)]
    yes_this_is_a_copy: bool,
    /// Leave what was made in the store.
    #[arg(long)]
    keep: bool,
    /// File that the log of the gateway is added to; without it one among the temporary files.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let settings = Settings::load(&arguments.config).map_err(|e| fail(WRONG_FILES, e))?;
    if arguments.replicas > 1 && sqlite_file(&settings.correlation.url).is_some() {
        return Err(fail(WRONG_COMMAND, "several replicas need a PostgreSQL database in [correlation]"));
    }
    let mapping = mapping::load(&settings.mapping)?;
    let id = uuid::Uuid::new_v4();
    let log = std::env::temp_dir().join(format!("scimgate-chaos-{id}.log"));
    let plan = Plan {
        config: arguments.config.clone(),
        store: mapping.store_name.clone(),
        tenant: serve::TENANT,
        program: std::env::current_exe().map_err(|e| fail(BROKEN, e))?,
        requests: arguments.requests,
        time: arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes)),
        is_calm: arguments.calm,
        clients: usize::try_from(arguments.clients).unwrap_or(1),
        replicas: usize::try_from(arguments.replicas).unwrap_or(1),
        seed: arguments.seed.unwrap_or_else(|| id.as_u64_pair().0 % 1_000_000),
        kills: arguments.kill_gateway,
        restart: arguments.restart_store.clone(),
        domain: arguments.domain.clone(),
        is_copy: arguments.yes_this_is_a_copy,
        keeps: arguments.keep,
        log: arguments.log.clone().unwrap_or(log),
        settings: settings.clone(),
    };
    let report = actix_web::rt::System::new().block_on(async {
        let gateway = serve::build_gateway(&settings, mapping).await?;
        chaos::run(&plan, &gateway).await.map_err(|failure| {
            let code = match &failure {
                Failure::NotEmpty(_) => WRONG_COMMAND,
                Failure::Settings(_) => WRONG_FILES,
                Failure::Refused(_) | Failure::Survey(_) | Failure::Journal(_) => REFUSED,
                Failure::System(_) => BROKEN,
            };
            fail(code, failure)
        })
    })?;
    print!("{report}");
    if report.contradictions > 0 {
        println!("the log of the gateway: {}", plan.log.display());
        return Err(DIFFERS);
    }
    if arguments.log.is_none() {
        // Nobody needs it, and nobody misses it.
        drop(std::fs::remove_file(&plan.log));
    }
    Ok(())
}
