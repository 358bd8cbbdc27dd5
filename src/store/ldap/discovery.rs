//! The servers of a domain, as its name service tells (RFC 2782; for Active Directory MS-ADTS §6.3.6).

use std::net::SocketAddr;

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, rdata::SRV},
};

use super::open::Endpoint;
use crate::{config::ldap::LdapSettings, store::StoreError};

/// Where to look for servers.
#[derive(Debug)]
pub(super) struct Discovery {
    domain: String,
    site: Option<String>,
    name_servers: Vec<SocketAddr>,
    start_tls: bool,
}

/// A server that the name service tells of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Servers of the site that we are in come first.
    is_elsewhere: bool,
    priority: u16,
    host: String,
    port: u16,
    weight: u16,
}

impl Discovery {
    /// Where the settings say; `None` if they name the servers themselves.
    pub(super) fn new(settings: &LdapSettings) -> Option<Self> {
        let domain = settings.domain.as_deref()?.trim_end_matches('.').to_ascii_lowercase();
        let (site, name_servers) = (settings.site.clone(), settings.name_servers.clone());
        Some(Self { domain, site, name_servers, start_tls: settings.start_tls })
    }

    /// All servers of the domain, in no order that means anything.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the name service does not answer, or knows none.
    pub(super) async fn servers(&self) -> Result<Vec<Found>, StoreError> {
        let resolver = self.resolver().map_err(|e| self.unavailable(&e))?;
        let domain = &self.domain;
        let mut found = Vec::new();
        if let Some(site) = &self.site {
            let name = format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}.");
            found.extend(self.records(&resolver, &name, false).await?);
        }
        for name in [format!("_ldap._tcp.dc._msdcs.{domain}."), format!("_ldap._tcp.{domain}.")] {
            let is_elsewhere = self.site.is_some();
            for server in self.records(&resolver, &name, is_elsewhere).await? {
                if !found.iter().any(|f: &Found| f.host == server.host && f.port == server.port) {
                    found.push(server);
                }
            }
            if !found.is_empty() {
                found.sort();
                return Ok(found);
            }
        }
        Err(self.unavailable(&"the name service knows no server of it"))
    }

    /// Where one of them is reached.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] for a name that is no host's.
    pub(super) async fn endpoint(&self, server: &Found) -> Result<Endpoint, StoreError> {
        let Found { host, port, .. } = server;
        // The records tell the port of plain LDAP; LDAPS has one of its own.
        let url = match (self.start_tls, port) {
            (true, port) => format!("ldap://{host}:{port}"),
            (false, 389) => format!("ldaps://{host}:636"),
            (false, port) => format!("ldaps://{host}:{port}"),
        };
        let endpoint = Endpoint::parse(&url, self.start_tls).map_err(|e| self.unavailable(&e))?;
        if self.name_servers.is_empty() {
            return Ok(endpoint);
        }
        let resolver = self.resolver().map_err(|e| self.unavailable(&e))?;
        let addresses = resolver.lookup_ip(format!("{host}.")).await.map_err(|e| self.unavailable(&e))?;
        Ok(endpoint.at(addresses.iter().collect()))
    }

    async fn records(
        &self,
        resolver: &TokioResolver,
        name: &str,
        is_elsewhere: bool,
    ) -> Result<Vec<Found>, StoreError> {
        let answer = match resolver.srv_lookup(name).await {
            Ok(answer) => answer,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(Vec::new()),
            Err(error) => return Err(self.unavailable(&error)),
        };
        let records = answer.answers().iter().filter_map(|record| match &record.data {
            RData::SRV(record) => self.accept(record, is_elsewhere),
            _ => None,
        });
        Ok(records.collect())
    }

    /// A record's server. Who forges answers of the name service must not lead us, and the password, to a host
    /// of his own, for which he may well have a certificate: hosts outside of the domain do not count.
    fn accept(&self, record: &SRV, is_elsewhere: bool) -> Option<Found> {
        let host = record.target.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        if !host.strip_suffix(&self.domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) {
            tracing::warn!(host, domain = self.domain, "A server outside of its domain is left out.");
            return None;
        }
        Some(Found {
            is_elsewhere,
            priority: record.priority,
            host,
            port: record.port,
            weight: record.weight,
        })
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        if self.name_servers.is_empty() {
            return TokioResolver::builder_tokio()?.build();
        }
        let server = |at: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = at.port();
                connection
            });
            NameServerConfig::new(at.ip(), true, connections.into())
        };
        let servers = self.name_servers.iter().map(server).collect();
        let config = ResolverConfig::from_name_servers(servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
    }

    fn unavailable(&self, reason: &dyn std::fmt::Display) -> StoreError {
        StoreError::Unavailable(format!("the servers of {} cannot be found: {reason}", self.domain))
    }
}

/// The order in which servers are tried (RFC 2782): by priority, and among equals by chance, in which the
/// heavier come first more often.
pub(super) fn in_order(servers: &[Found], mut random: impl FnMut() -> u64) -> Vec<Found> {
    let mut keyed: Vec<_> = servers
        .iter()
        .map(|server| {
            // A race of exponential clocks: the first is chosen with a chance proportional to its weight, and so
            // is the next among the rest. A weight of 0 has a very small one.
            #[expect(clippy::cast_precision_loss, reason = "a random number")]
            let uniform = (random() >> 11) as f64 / (1_u64 << 53) as f64;
            let rate = f64::from(server.weight).max(0.001);
            let time = -(1.0 - uniform).ln() / rate;
            ((server.is_elsewhere, server.priority), time, server)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    keyed.into_iter().map(|(.., server)| server.clone()).collect()
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Name;

    use super::*;

    fn found(host: &str, is_elsewhere: bool, priority: u16, weight: u16) -> Found {
        Found { is_elsewhere, priority, host: host.to_owned(), port: 389, weight }
    }

    fn hosts(order: &[Found]) -> Vec<&str> {
        order.iter().map(|f| f.host.as_str()).collect()
    }

    #[test]
    fn the_site_goes_before_priority_and_priority_before_weight() {
        let servers = [found("far", true, 0, 9), found("b", false, 20, 65_535), found("a", false, 10, 0)];
        for chance in [0, 1 << 40, u64::MAX] {
            assert_eq!(hosts(&in_order(&servers, || chance)), ["a", "b", "far"]);
        }
    }

    #[test]
    fn the_heavier_come_first_more_often_and_the_weightless_hardly_ever() {
        let servers =
            [found("zero", false, 0, 0), found("light", false, 0, 10), found("heavy", false, 0, 30)];
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ (state >> 33)
        };
        let mut first = std::collections::HashMap::new();
        for _ in 0..4000 {
            let order = in_order(&servers, &mut random);
            assert_eq!(order.len(), 3);
            *first.entry(order[0].host.clone()).or_insert(0) += 1;
        }
        assert!((2700..3300).contains(&first["heavy"]), "{first:?}");
        assert!(first.get("zero").is_none_or(|n| *n < 20), "{first:?}");
    }

    #[test]
    fn only_hosts_of_the_domain_are_accepted() {
        let settings = LdapSettings { domain: Some("Corp.Example.".to_owned()), ..Default::default() };
        let discovery = Discovery::new(&settings).unwrap();
        let accept = |host: &str| {
            let record = SRV::new(0, 100, 389, Name::from_ascii(host).unwrap());
            discovery.accept(&record, false).map(|f| f.host)
        };
        assert_eq!(accept("DC1.corp.EXAMPLE.").unwrap(), "dc1.corp.example");
        assert_eq!(accept("corp.example.").unwrap(), "corp.example");
        for host in ["dc1.evilcorp.example.", "dc1.corp.example.evil.", "."] {
            assert_eq!(accept(host), None, "{host}");
        }
    }
}
