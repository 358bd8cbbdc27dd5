//! Files that settings point to: where relative names are looked up, and how a
//! secret is read from one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::config::error::Problems;

/// Where relative file names are looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// The directory that the service manager put credentials into (systemd's `LoadCredential=`).
    pub(crate) credentials: Option<PathBuf>,
    /// The directory of the settings file.
    pub(crate) settings: PathBuf,
}

impl Places {
    /// The file that a name stands for: the credential of this name if there is one, else
    /// relative to the settings file.
    pub(crate) fn find(&self, name: &Path) -> PathBuf {
        if let Some(directory) = &self.credentials {
            let file = directory.join(name);
            if file.exists() {
                return file;
            }
        }
        self.settings.join(name)
    }

    /// Replaces a file name by the file it stands for, and says if it cannot be opened.
    pub(crate) fn settle(&self, key: &str, name: &mut PathBuf, problems: &mut Problems) {
        *name = self.find(name);
        if let Err(e) = fs::File::open(&*name) {
            problems.add(key, format!("{}: {e}", name.display()));
        }
    }

    /// Reads `<key>_file` into `<key>`; both at once is a problem.
    ///
    /// One line end at the end of the file is dropped, since editors put it there.
    pub(crate) fn read_secret(
        &self,
        key: &str,
        file: Option<&Path>,
        secret: &mut Option<SecretString>,
        problems: &mut Problems,
    ) {
        let Some(file) = file else { return };
        if secret.is_some() {
            return problems.add(key, format!("expected either {key} or {key}_file, found both"));
        }
        let file = self.find(file);
        match fs::read_to_string(&file) {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                if text.is_empty() {
                    problems.add(format!("{key}_file"), format!("{}: is empty", file.display()));
                }
                *secret = Some(text.into());
            }
            Err(e) => problems.add(format!("{key}_file"), format!("{}: {e}", file.display())),
        }
    }
}

/// Checks the URL of a database: one of `schemes`, and no password inside (S-03).
///
/// A user name may stand in it: it is how these URLs name the role.
pub(crate) fn check_database_url(key: &str, url: &str, schemes: &[&str], problems: &mut Problems) {
    let scheme = url.split(':').next().unwrap_or("");
    if url.is_empty() {
        problems.add(key, "is missing");
    } else if !schemes.contains(&scheme) {
        problems.add(key, format!("expected a URL starting with {}", schemes.join(":, ") + ":"));
    } else if scheme != "sqlite" {
        match Url::parse(url) {
            Ok(url) if url.password().is_some() => {
                problems.add(key, "expected no password in the URL; use password_file");
            }
            Ok(url) => check_database_tls(key, &url, problems),
            Err(e) => problems.add(key, format!("is no URL: {e}")),
        }
    }
}

/// Has the operator say how far the server is to be trusted (S-02).
///
/// The client libraries' own default takes whatever certificate comes, or none.
fn check_database_tls(key: &str, url: &Url, problems: &mut Problems) {
    let (parameter, strict) =
        if url.scheme() == "mysql" { ("ssl_mode", "verify_identity") } else { ("sslmode", "verify-full") };
    let is_said = url.query_pairs().any(|(name, _)| name == parameter);
    // libpq: a host that starts with a slash is the directory of a socket, and the query may name it.
    let is_socket = |host: &str| host.is_empty() || host.starts_with('/') || host.starts_with("%2F");
    let in_query = url.query_pairs().find(|(name, _)| name == "host");
    let is_near = is_loopback(url) || is_socket(url.host_str().unwrap_or_default());
    let is_far = !is_near || in_query.is_some_and(|(_, host)| !is_socket(&host));
    if is_far && !is_said {
        problems.add(
            key,
            format!(
                "expected ?{parameter}={strict}, since the host is another machine \
                 (a weaker {parameter} is accepted, if it stands there)"
            ),
        );
    }
}

/// True if the host of a URL is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    // The host of a URL whose scheme is not one of the web's is kept as text.
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// The URL with the password in it, as database client libraries take it.
#[must_use]
pub fn url_with_password(url: &str, password: Option<&SecretString>) -> SecretString {
    let Some(password) = password else { return url.into() };
    let Ok(mut parsed) = Url::parse(url) else { return url.into() };
    if parsed.set_password(Some(password.expose_secret())).is_ok() {
        return String::from(parsed).into();
    }
    if !parsed.scheme().starts_with("postgres") {
        // `sqlite:` has none.
        return url.into();
    }
    // A URL without a host (a socket) has no place for it but the query, where libpq knows no `+`.
    let query: String = url::form_urlencoded::Serializer::new(parsed.query().unwrap_or_default().to_owned())
        .append_pair("password", password.expose_secret())
        .finish();
    parsed.set_query(Some(&query.replace('+', "%20")));
    String::from(parsed).into()
}

/// The file of a `sqlite:` URL; `sqlite:///var/lib/x.db` and `sqlite:x.db` (relative) both work.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("sqlite:")?;
    Some(rest.strip_prefix("//").unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_finds_its_place_in_a_url() {
        let password = SecretString::from("a b/@+é");
        let table = [
            ("postgresql://u@h/d", "postgresql://u:a%20b%2F%40+%C3%A9@h/d"),
            ("mysql://u@h/d?ssl_mode=x", "mysql://u:a%20b%2F%40+%C3%A9@h/d?ssl_mode=x"),
            ("postgresql:///d?host=/run", "postgresql:///d?host=/run&password=a%20b%2F%40%2B%C3%A9"),
            ("sqlite:///x.db", "sqlite:///x.db"),
        ];
        for (url, expect) in table {
            assert_eq!(url_with_password(url, Some(&password)).expose_secret(), expect);
            assert_eq!(url_with_password(url, None).expose_secret(), url);
        }
    }

    #[test]
    fn the_file_of_an_sqlite_url() {
        let table = [
            ("sqlite:///var/x.db", Some("/var/x.db")),
            ("sqlite:/var/x.db", Some("/var/x.db")),
            ("sqlite:x.db", Some("x.db")),
            ("postgresql://h/d", None),
        ];
        for (url, expect) in table {
            assert_eq!(sqlite_file(url), expect);
        }
    }
}
