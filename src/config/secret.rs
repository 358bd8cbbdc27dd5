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
            Ok(_) => {}
            Err(e) => problems.add(key, format!("is no URL: {e}")),
        }
    }
}

/// The URL with the password in it, as database client libraries take it.
#[must_use]
pub fn url_with_password(url: &str, password: Option<&SecretString>) -> SecretString {
    let Some(password) = password else { return url.into() };
    let Ok(mut parsed) = Url::parse(url) else { return url.into() };
    // A URL that cannot hold one (`sqlite:…`) needs none.
    match parsed.set_password(Some(password.expose_secret())) {
        Ok(()) => String::from(parsed).into(),
        Err(()) => url.into(),
    }
}

/// The file of a `sqlite:` URL; `sqlite:///var/lib/x.db` and `sqlite:x.db` (relative) both work.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("sqlite:")?;
    Some(rest.strip_prefix("//").unwrap_or(rest))
}
