//! The log: lines on standard error, for people or as JSON.

use std::{io, str::FromStr as _};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    fmt::{MakeWriter, writer::BoxMakeWriter},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::config::{LogFormat, LogSettings};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.level` is neither a level nor a list of directives.
    #[error(
        "log.level: expected a level such as info, or directives such as info,scimgate::store=debug: {0}"
    )]
    Level(String),
    /// The log was started before.
    #[error("the log was started before")]
    Started,
}

/// What other people's modules say when we say nothing about them: `ldap3` logs
/// at `warn` what it then returns as an error, with the DNs in it.
const QUIET: &str = "ldap3=error,actix_server=warn";

/// Starts the log of this process.
///
/// # Errors
///
/// [`TelemetryError`].
pub fn init(settings: &LogSettings) -> Result<(), TelemetryError> {
    let subscriber = subscriber(settings, BoxMakeWriter::new(io::stderr))?;
    subscriber.try_init().map_err(|_| TelemetryError::Started)
}

fn subscriber<W>(settings: &LogSettings, writer: W) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = match settings.format {
        LogFormat::Human => lines(writer).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(writer)
            .boxed(),
    };
    Ok(tracing_subscriber::registry().with(layer).with(filter(&settings.level)?))
}

fn lines<S, W>(writer: W) -> impl tracing_subscriber::Layer<S> + Send + Sync
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // No colours: the journal and files keep what it is given.
    tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let level = if level.trim().is_empty() { "info" } else { level };
    // A word that is no level would be taken for a module's name, and silence everything else.
    if !level.contains(['=', ',']) && LevelFilter::from_str(level).is_err() {
        return Err(TelemetryError::Level(format!("`{level}` is no level")));
    }
    // Later directives win, so the operator can ask for more.
    EnvFilter::builder().parse(format!("{QUIET},{level}")).map_err(|e| TelemetryError::Level(e.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: LogFormat, level: &str) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let settings = LogSettings { format, level: level.to_owned() };
        let subscriber = subscriber(&settings, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(scim.resource_type = "User", "a line");
            tracing::debug!("a detail");
            tracing::warn!(target: "ldap3::conn", "chatter");
            tracing::error!(target: "ldap3::conn", "trouble");
        });
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn levels_and_directives_choose_the_lines() {
        let table = [
            ("", ["a line", "trouble"].as_slice()),
            ("info", &["a line", "trouble"]),
            ("debug", &["a line", "a detail", "trouble"]),
            ("warn,ldap3=warn", &["chatter", "trouble"]),
            ("error,scimgate::ops=debug", &["a line", "a detail", "trouble"]),
        ];
        for (level, expect) in table {
            let text = log(LogFormat::Human, level);
            assert_eq!(text.lines().count(), expect.len(), "{level}: {text}");
            assert!(expect.iter().all(|line| text.contains(line)), "{level}: {text}");
            assert!(!text.contains('\u{1b}'));
        }
    }

    #[test]
    fn json_lines_have_fields() {
        let text = log(LogFormat::Json, "info");
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["message"], "a line");
        assert_eq!(line["scim.resource_type"], "User");
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn a_mistyped_level_is_an_error() {
        for level in ["inof", "scimgate=loud", "a=b=c"] {
            assert!(filter(level).is_err(), "{level}");
        }
    }
}
