//! `scimgate token new`: makes a bearer token. The token is shown once; what
//! stands in the settings is its hash.

use secrecy::ExposeSecret as _;

use crate::{auth::token, cli::Outcome};

/// What `token` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token: print it once, and the lines for the settings.
    New {
        /// The client that will use it.
        #[arg(long, default_value = "idp")]
        client: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Command::New { client } = &arguments.command;
    let (token, hash) = token::new();
    println!("Bearer token, for the client's settings; it is not shown again:\n");
    println!("{}\n", token.expose_secret());
    println!("For ours, in place of or beside the client's other tokens:\n");
    println!("{}", settings(client, &hash));
    Ok(())
}

/// The client as a table of the settings file.
fn settings(client: &str, hash: &str) -> String {
    let name = toml::Value::from(client);
    format!(
        "[[clients]]\nname = {name}\ntokens = [\"{hash}\"]\nscopes = [\"all\"]   # or some of read, users, groups"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientSettings;

    #[test]
    fn the_printed_lines_are_settings() {
        #[derive(serde::Deserialize)]
        struct File {
            clients: Vec<ClientSettings>,
        }
        let (_, hash) = token::new();
        let file: File = toml::from_str(&settings("the \"main\" one", &hash)).unwrap();
        assert_eq!(file.clients[0].name, "the \"main\" one");
        assert_eq!(file.clients[0].tokens, [hash]);
    }
}
