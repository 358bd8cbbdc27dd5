//! The URL of a database, made ready for its client library.

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    config::sql::SqlSettings,
    store::{StoreError, sql::dialect::Flavour},
};

/// Where to connect.
pub(super) struct Address {
    pub(super) flavour: Flavour,
    /// What diesel's `establish` takes; holds the password.
    pub(super) target: SecretString,
}

/// Reads the URL of the settings and puts the password in.
pub(super) fn parse(settings: &SqlSettings) -> Result<Address, StoreError> {
    let Some((scheme, rest)) = settings.url.split_once("://") else {
        return Err(StoreError::Unsupported(
            "the URL of a SQL store begins with sqlite://, postgresql:// or mysql://".into(),
        ));
    };
    let password = settings.password.as_ref().map(SecretString::expose_secret);
    let (flavour, target) = match scheme {
        "sqlite" => (Flavour::Sqlite, sqlite(rest)),
        "postgresql" | "postgres" => (Flavour::Postgres, postgres(settings, rest, password)),
        "mysql" | "mariadb" => (Flavour::Mysql, mysql(rest, password)?),
        other => {
            return Err(StoreError::Unsupported(format!(
                "no SQL store is reached by {other}://; there are sqlite://, postgresql:// and mysql://"
            )));
        }
    };
    let compiled_in = match flavour {
        Flavour::Sqlite => cfg!(feature = "sqlite"),
        Flavour::Postgres => cfg!(feature = "postgres"),
        Flavour::Mysql => cfg!(feature = "mysql"),
    };
    if !compiled_in {
        return Err(not_compiled_in(flavour));
    }
    Ok(Address { flavour, target: target.into() })
}

/// The error for a database that this program was built without.
pub(super) fn not_compiled_in(flavour: Flavour) -> StoreError {
    let feature = match flavour {
        Flavour::Sqlite => "sqlite",
        Flavour::Postgres => "postgres",
        Flavour::Mysql => "mysql",
    };
    StoreError::Unsupported(format!("this scimgate was built without the feature `{feature}`"))
}

/// A file that must exist: a mistyped path shall not make an empty database.
fn sqlite(path: &str) -> String {
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?mode=rw")
}

/// A server that vanished is noticed in about a minute instead of two hours, and sooner while it is asked
/// something: keepalives are not sent then.
fn postgres(settings: &SqlSettings, rest: &str, password: Option<&str>) -> String {
    let timeout = settings.connect_timeout_secs.max(2).to_string();
    // Linux goes by this one for keepalives too, so it must not be longer than they take.
    let unacknowledged = ((settings.statement_timeout_secs.max(1) + 5).min(60) * 1000).to_string();
    let ours = [
        ("connect_timeout", timeout.as_str()),
        ("keepalives_idle", "30"),
        ("keepalives_interval", "10"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", unacknowledged.as_str()),
        ("client_encoding", "UTF8"),
    ];
    let mut url = format!("postgresql://{rest}");
    for (name, value) in ours.into_iter().chain(password.map(|p| ("password", p))) {
        if name == "password" || !rest.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            push_encoded(&mut url, value);
        }
    }
    url
}

fn push_encoded(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push_str(&hex::encode_upper([byte]));
        }
    }
}

fn mysql(rest: &str, password: Option<&str>) -> Result<String, StoreError> {
    // The text of a parse error could show the password.
    let wrong = || StoreError::Unsupported("the URL reads mysql://user@host:port/database".into());
    let mut url = ::url::Url::parse(&format!("mysql://{rest}")).map_err(|_| wrong())?;
    if password.is_some() {
        url.set_password(password).map_err(|()| wrong())?;
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, password: Option<&str>) -> Result<String, StoreError> {
        let mut settings = SqlSettings::new(url);
        settings.password = password.map(|p| p.to_owned().into());
        parse(&settings).map(|a| a.target.expose_secret().to_owned())
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn sqlite_opens_existing_files_only() {
        assert_eq!(target("sqlite:///srv/a b?.db", None).unwrap(), "file:/srv/a b%3f.db?mode=rw");
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_gets_password_and_timeouts() {
        let url = target("postgresql://u@h/d?connect_timeout=9", Some("p&? ä")).unwrap();
        assert!(url.starts_with("postgresql://u@h/d?connect_timeout=9&keepalives_idle=30&"), "{url}");
        assert!(url.ends_with("&password=p%26%3F%20%C3%A4"), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1);
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_gives_up_what_is_not_acknowledged() {
        let url = |seconds, more| {
            let mut settings = SqlSettings::new(format!("postgresql://u@h/d{more}"));
            settings.statement_timeout_secs = seconds;
            parse(&settings).unwrap().target.expose_secret().to_owned()
        };
        assert!(url(10, "").contains("&tcp_user_timeout=15000"), "{}", url(10, ""));
        assert!(url(600, "").contains("&tcp_user_timeout=60000"), "{}", url(600, ""));
        let own = url(10, "?tcp_user_timeout=7");
        assert!(
            own.contains("?tcp_user_timeout=7&") && own.matches("tcp_user_timeout").count() == 1,
            "{own}"
        );
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn mysql_gets_its_password() {
        assert_eq!(target("mariadb://u@h:3306/d", Some("p@/:")).unwrap(), "mysql://u:p%40%2F%3A@h:3306/d");
    }

    #[test]
    fn other_urls_are_refused() {
        for url in ["/srv/x.db", "oracle://h/d", ""] {
            assert!(matches!(target(url, None), Err(StoreError::Unsupported(_))), "{url}");
        }
    }
}
