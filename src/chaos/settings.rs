//! The settings of the gateway under test: those of the operator, with the proxies in the store's place, a client of
//! our own, and time-outs that the faults exceed.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use toml::{Table, Value};
use url::{Position, Url};

use crate::config::{Settings, StoreSettings, secret::sqlite_file};

/// Name of the client that we are.
const CLIENT: &str = "scimgate-chaos";
/// Longest time-outs of the store, in seconds.
const TIME_OUT: i64 = 3;
/// Variables of the environment that would override what stands in the file.
const OURS: &[&str] =
    &["SERVER__LISTEN", "SERVER__PUBLIC_URL", "SERVER__TLS__CERTIFICATE_FILE", "SERVER__TLS__KEY_FILE"];

/// Host and port of each server of the store, by its URL. None of a file or a socket.
pub(super) fn servers(store: &StoreSettings) -> Vec<(String, String)> {
    let urls: Vec<&str> = match (&store.ldap, &store.sql) {
        (Some(ldap), _) => ldap.urls.iter().map(String::as_str).collect(),
        (_, Some(sql)) if sqlite_file(&sql.url).is_none() => vec![&sql.url],
        _ => Vec::new(),
    };
    urls.into_iter().filter_map(|url| Some((url.to_owned(), host_and_port(url)?))).collect()
}

fn host_and_port(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let host = parsed.host_str().filter(|host| !host.is_empty() && !host.starts_with("%2F"))?;
    let usual = match parsed.scheme() {
        "ldap" => 389,
        "ldaps" => 636,
        "postgres" | "postgresql" => 5432,
        "mysql" => 3306,
        _ => return None,
    };
    Some(format!("{host}:{}", parsed.port().unwrap_or(usual)))
}

/// A URL by which the server is reached through a proxy. PostgreSQL's library still looks for the server's name in its
/// certificate.
pub(super) fn by_way_of(url: &str, proxy: SocketAddr) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.to_owned() };
    let is_named = parsed.host_str().is_some_and(|host| host.parse::<IpAddr>().is_err());
    if parsed.scheme().starts_with("postgres") && is_named && parsed.set_port(Some(proxy.port())).is_ok() {
        parsed.query_pairs_mut().append_pair("hostaddr", &proxy.ip().to_string());
        return parsed.into();
    }
    let (before, after) = (&parsed[..Position::BeforeHost], &parsed[Position::AfterPort..]);
    format!("{before}{proxy}{after}")
}

/// The text of the settings file, for a store whose URLs are replaced by these, and a token's hash.
///
/// # Errors
///
/// What is wrong with the operator's file.
pub(super) fn derived(
    file: &Path,
    settings: &Settings,
    store: &str,
    urls: &[String],
    hash: &str,
) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| e.message().to_owned())?;
    let server = section(&mut table, "server")?;
    for key in ["tls", "public_url", "listen"] {
        server.remove(key);
    }
    if let Some(known) = settings.stores.get(store) {
        let stores = section(&mut table, "stores")?;
        let kind = if known.ldap.is_some() { "ldap" } else { "sql" };
        let store = section(section(stores, store)?, kind)?;
        let operation =
            if known.ldap.is_some() { "operation_timeout_secs" } else { "statement_timeout_secs" };
        for key in ["connect_timeout_secs", operation] {
            let told = store.get(key).and_then(Value::as_integer).unwrap_or(TIME_OUT);
            store.insert(key.to_owned(), told.min(TIME_OUT).into());
        }
        if !urls.is_empty() {
            let urls: Vec<Value> = urls.iter().map(|url| Value::from(url.as_str())).collect();
            match known.ldap.is_some() {
                true => store.insert("urls".to_owned(), urls.into()),
                false => urls.into_iter().next().and_then(|url| store.insert("url".to_owned(), url)),
            };
        }
    }
    let client: Table = [
        ("name".to_owned(), CLIENT.into()),
        ("tokens".to_owned(), Value::Array(vec![hash.into()])),
        ("scopes".to_owned(), Value::Array(vec!["all".into()])),
    ]
    .into_iter()
    .collect();
    table.insert("clients".to_owned(), Value::Array(vec![client.into()]));
    Ok(table.to_string())
}

/// Names of variables that the gateway under test must not see.
pub(super) fn hidden_variables(store: &str) -> Vec<String> {
    let store = store.to_uppercase();
    let more = ["LDAP__URLS", "SQL__URL", "LDAP__DOMAIN"].map(|key| format!("STORES__{store}__{key}"));
    OURS.iter().map(|key| (*key).to_owned()).chain(more).map(|key| format!("SCIMGATE__{key}")).collect()
}

fn section<'t>(table: &'t mut Table, key: &str) -> Result<&'t mut Table, String> {
    let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    entry.as_table_mut().ok_or_else(|| format!("`{key}` is no table"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_takes_the_place_of_the_server() {
        let proxy = "127.0.0.1:999".parse().unwrap();
        let table = [
            ("ldap://10.0.0.1", "ldap://127.0.0.1:999", Some("10.0.0.1:389")),
            ("ldaps://h.example:6360/", "ldaps://127.0.0.1:999/", Some("h.example:6360")),
            (
                "postgresql://u@h.example/d?sslmode=verify-full",
                "postgresql://u@h.example:999/d?sslmode=verify-full&hostaddr=127.0.0.1",
                Some("h.example:5432"),
            ),
            ("mysql://u@[::1]:1/d", "mysql://u@127.0.0.1:999/d", Some("[::1]:1")),
            ("ldapi://%2Frun%2Fldapi", "ldapi://127.0.0.1:999", None),
            ("postgresql:///d?host=/run", "", None),
        ];
        for (url, expect, server) in table {
            assert_eq!(host_and_port(url).as_deref(), server, "{url}");
            if server.is_some() {
                assert_eq!(by_way_of(url, proxy), expect, "{url}");
            }
        }
    }
}
