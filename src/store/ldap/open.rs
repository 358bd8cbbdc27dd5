//! Opening a connection: URL, socket, TLS, bind and root DSE, all within one time-out.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, StdStream};
use secrecy::ExposeSecret as _;
use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinHandle,
};
use url::{Host, Url};

use super::{
    link::Link,
    request::Query,
    result::{Operation, Refusal, to_error},
    server::{ROOT_DSE, Server},
};
use crate::{
    config::ldap::{LdapSettings, SaslMechanism},
    store::StoreError,
};

/// Settings from which no store can be made.
#[derive(Debug, thiserror::Error)]
pub enum LdapSetupError {
    /// There is no server to talk to.
    #[error("`urls` is empty, and there is no `domain`")]
    NoUrl,
    /// Not a URL of a directory.
    #[error("`{url}`: {reason}")]
    BadUrl {
        /// As written.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service account is not named.
    #[error("`bind_dn` is empty; only ldapi:// and certificate_file can do without")]
    NoAccount,
    /// Kerberos proves who we are, and protects nothing.
    #[error("`{0}`: with sasl = \"gssapi\" expected ldaps:// or start_tls = true")]
    TicketInTheClear(String),
    /// The password is empty, which many servers take for an anonymous bind.
    #[error("the password of `{0}` is empty")]
    EmptyPassword(String),
    /// A file of certificates, or of a key, cannot be used.
    #[error("`{key}` {path}: {reason}")]
    File {
        /// The setting that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// rustls refuses its own defaults.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A server to connect to.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    start_tls: bool,
    /// Where the host is; empty: where the system says.
    addresses: Vec<IpAddr>,
}

impl Endpoint {
    /// Checks a URL; what ldap3 would panic on is found here.
    pub(super) fn parse(text: &str, start_tls: bool) -> Result<Self, LdapSetupError> {
        let bad = |reason: &str| LdapSetupError::BadUrl { url: text.to_owned(), reason: reason.to_owned() };
        let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
        let host = url.host_str().unwrap_or_default();
        let start_tls = match url.scheme() {
            "ldap" => start_tls,
            "ldaps" | "ldapi" => false,
            _ => return Err(bad("not an ldap://, ldaps:// or ldapi:// URL")),
        };
        if host.is_empty() {
            return Err(bad("names no host"));
        }
        if host.starts_with('[') && (start_tls || url.scheme() == "ldaps") {
            return Err(bad("TLS needs a name here, not an IPv6 address"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("credentials do not belong into a URL"));
        }
        Ok(Self { url, start_tls, addresses: Vec::new() })
    }

    /// The same, its host being at these addresses.
    pub(super) fn at(self, addresses: Vec<IpAddr>) -> Self {
        Self { addresses, ..self }
    }

    fn is_unix_socket(&self) -> bool {
        self.url.scheme() == "ldapi"
    }

    /// True if TLS protects it.
    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "ldaps" || self.start_tls
    }

    /// True if the password would cross a network readable by others.
    pub(super) fn is_in_the_clear(&self) -> bool {
        let is_local = match self.url.host() {
            Some(Host::Domain(name)) => {
                name == "localhost" || name.parse().is_ok_and(|a: std::net::IpAddr| a.is_loopback())
            }
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.url.scheme() == "ldap" && !self.start_tls && !is_local
    }
}

/// Connects, binds and reads the root DSE.
pub(super) async fn open(
    endpoint: &Endpoint,
    settings: &LdapSettings,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Link, StoreError> {
    let limit = Duration::from_secs(settings.connect_timeout_secs);
    match tokio::time::timeout(limit, open_unbounded(endpoint, settings, tls)).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Timeout(format!("{} did not let us in within {limit:?}", endpoint.url))),
    }
}

async fn open_unbounded(
    endpoint: &Endpoint,
    settings: &LdapSettings,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Link, StoreError> {
    let (ldap, driver) = let_in(endpoint, settings, tls).await?;
    let link = Link::new(ldap, driver, settings, endpoint.is_encrypted());
    let dse = link.root_dse(&Query::base("", "(objectClass=*)", &ROOT_DSE)).await?;
    Ok(link.with_server(Server::from_root_dse(dse.texts()).known_as(settings.profile)))
}

/// Asks a server whether it lets us in and answers a search, on a connection for this purpose.
///
/// # Errors
///
/// As [`open`]; [`StoreError::Timeout`] after `limit`.
pub(super) async fn answers(
    endpoint: &Endpoint,
    settings: &LdapSettings,
    tls: &Arc<rustls::ClientConfig>,
    limit: Duration,
) -> Result<(), StoreError> {
    let ask = async {
        let (mut ldap, driver) = let_in(endpoint, settings, tls).await?;
        let answer = ldap.search("", Scope::Base, "(objectClass=*)", vec!["1.1"]).await;
        drop(driver);
        match answer.map_err(|e| unreachable(endpoint, &e))?.1.rc {
            51 | 52 => Err(StoreError::Unavailable(format!("{} is busy or unavailable", endpoint.url))),
            _ => Ok(()),
        }
    };
    match tokio::time::timeout(limit, ask).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Timeout(format!("{} did not answer within {limit:?}", endpoint.url))),
    }
}

/// Connects and binds.
async fn let_in(
    endpoint: &Endpoint,
    settings: &LdapSettings,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<(Ldap, Driver), StoreError> {
    let mut options = LdapConnSettings::new().set_config(Arc::clone(tls)).set_starttls(endpoint.start_tls);
    if !endpoint.is_unix_socket() {
        let socket = connect(endpoint).await.map_err(|e| unreachable(endpoint, &e))?;
        options = options.set_std_stream(StdStream::Tcp(socket));
    }
    let (connection, mut ldap) = LdapConnAsync::from_url_with_settings(options, &endpoint.url)
        .await
        .map_err(|e| unreachable(endpoint, &e))?;
    // On the caller's runtime, so on the same worker thread; unlike a local task it
    // may also be started where no LocalSet runs.
    let driver = Driver(tokio::spawn(async move {
        if let Err(error) = connection.drive().await {
            tracing::debug!(%error, "An LDAP connection ended with an error.");
        }
    }));
    bind(&mut ldap, endpoint, settings).await?;
    Ok((ldap, driver))
}

/// The task that moves a connection's bytes. It ends with its owner, also when it is stuck in a write to a
/// dead peer.
pub(super) struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A socket without Nagle's delay that notices a vanished peer.
async fn connect(endpoint: &Endpoint) -> std::io::Result<std::net::TcpStream> {
    let Endpoint { url, addresses, .. } = endpoint;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port().unwrap_or(if url.scheme() == "ldaps" { 636 } else { 389 });
    let mut failure = std::io::Error::other("the name has no address");
    let addresses = match addresses.is_empty() {
        true => lookup_host((host, port)).await?.collect(),
        false => addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>(),
    };
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                let keepalive = socket2::TcpKeepalive::new()
                    .with_time(Duration::from_secs(60))
                    .with_interval(Duration::from_secs(15));
                socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
                return stream.into_std();
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn bind(ldap: &mut Ldap, endpoint: &Endpoint, settings: &LdapSettings) -> Result<(), StoreError> {
    let answer = match settings.sasl {
        #[cfg(feature = "gssapi")]
        Some(SaslMechanism::Gssapi) => {
            let host = endpoint.url.host_str().unwrap_or_default();
            Ok(super::gssapi::bind(ldap, host, settings.principal.as_deref()).await?)
        }
        #[cfg(not(feature = "gssapi"))]
        Some(SaslMechanism::Gssapi) => {
            return Err(StoreError::Unsupported("this program was built without Kerberos".to_owned()));
        }
        None if settings.bind_dn.is_empty() => ldap.sasl_external_bind().await,
        None => ldap.simple_bind(&settings.bind_dn, settings.password.expose_secret()).await,
    };
    let answer = answer.map_err(|e| unreachable(endpoint, &e))?;
    match answer.rc {
        0 => Ok(()),
        code => {
            let refusal = Refusal { code: code.into(), matched: answer.matched, text: answer.text };
            Err(to_error(&refusal, Operation::Bind, "", ""))
        }
    }
}

fn unreachable(endpoint: &Endpoint, error: &dyn std::error::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot connect to {}: {error}", endpoint.url))
}

impl From<LdapError> for StoreError {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::Timeout { .. } => Self::Timeout("the directory did not answer in time".to_owned()),
            LdapError::FilterParsing => Self::Corrupt("a search filter came out malformed".to_owned()),
            other => Self::Unavailable(format!("the connection to the directory broke: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_cannot_work_are_refused() {
        for (url, start_tls) in [
            ("", false),
            ("ldap.example.com", false),
            ("http://a", false),
            ("ldap://", false),
            ("ldaps:/x", false),
            ("ldap:x", false),
            ("ldapi:///", false),
            ("ldaps://[::1]", false),
            ("ldap://[::1]", true),
            ("ldap://admin:secret@a", false),
        ] {
            assert!(Endpoint::parse(url, start_tls).is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_in_the_clear_is_noticed() {
        for (url, start_tls, in_the_clear) in [
            ("ldap://ldap.example.com", false, true),
            ("ldap://10.0.0.1", false, true),
            ("ldap://ldap.example.com", true, false),
            ("ldaps://ldap.example.com", false, false),
            ("ldap://127.0.0.1:3890", false, false),
            ("ldap://localhost", false, false),
            ("ldap://[::1]", false, false),
            ("ldapi://%2Frun%2Fldapi", false, false),
        ] {
            assert_eq!(Endpoint::parse(url, start_tls).unwrap().is_in_the_clear(), in_the_clear, "{url}");
        }
    }
}
