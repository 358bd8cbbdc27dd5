//! Servers that a name service tells of: dnsmasq in front of a real domain controller.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use scimgate::{
    config::ldap::LdapSettings,
    store::{ReadStore as _, StoreError},
};

use super::lab::{open, run};

/// A name service for `lab.example`.
struct NameService {
    child: Child,
    port: u16,
}

impl NameService {
    /// Starts one with these options: `srv-host=…`, `host-record=…`.
    fn start(options: &[String]) -> Self {
        for _ in 0..5 {
            let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new("dnsmasq");
            command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap()));
            command.args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--pid-file",
            ]);
            command.args(["--bind-interfaces", "--listen-address=127.0.0.1", "--local=/example/"]);
            command.args(["--user=", "--group="]).arg(format!("--port={port}"));
            command.args(options.iter().map(|option| format!("--{option}")));
            let mut child = command.stdin(Stdio::null()).spawn().expect("dnsmasq is not installed");
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(10) && child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { child, port };
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            child.kill().ok();
            child.wait().unwrap();
        }
        panic!("dnsmasq does not start");
    }
}

impl Drop for NameService {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A domain's settings, and the address of its controller.
fn domain() -> Option<(LdapSettings, String)> {
    let variable = |name: &str| std::env::var(format!("SCIMGATE_TEST_AD{name}")).ok();
    let Some(url) = variable("") else {
        eprintln!("SKIPPED: SCIMGATE_TEST_AD is not set, domains are NOT tested");
        return None;
    };
    let settings = LdapSettings {
        domain: Some("lab.example".to_owned()),
        bind_dn: variable("_BIND_DN").unwrap(),
        password: variable("_PASSWORD").unwrap().into(),
        ca_file: Some(PathBuf::from(variable("_CA").unwrap())),
        ..Default::default()
    };
    Some((settings, url.strip_prefix("ldaps://").unwrap().to_owned()))
}

fn record(service: &str, host: &str, priority: u16) -> String {
    format!("srv-host={service}.lab.example,{host},389,{priority},100")
}

fn at(settings: &LdapSettings, service: &NameService) -> LdapSettings {
    LdapSettings { name_servers: vec![([127, 0, 0, 1], service.port).into()], ..settings.clone() }
}

#[test]
fn a_domain_leads_to_its_servers() {
    let Some((settings, address)) = domain() else { return };
    let service = NameService::start(&[
        // Nobody listens there: the next one is tried.
        record("_ldap._tcp.dc._msdcs", "dc0.lab.example", 0),
        record("_ldap._tcp.dc._msdcs", "dc1.lab.example", 10),
        "host-record=dc0.lab.example,127.255.255.254".to_owned(),
        format!("host-record=dc1.lab.example,{address}"),
    ]);
    for start_tls in [false, true] {
        let settings = LdapSettings { start_tls, ..at(&settings, &service) };
        let told = run(open(&settings).probe()).unwrap();
        assert!(told.contains("Active Directory") || told.contains("Samba"), "{told}");
    }
}

#[test]
fn servers_of_the_site_come_first() {
    let Some((settings, address)) = domain() else { return };
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let service = NameService::start(&[
        record("_ldap._tcp.Berlin._sites.dc._msdcs", "dc1.lab.example", 50),
        // It answers nobody, and would be tried first.
        format!(
            "srv-host=_ldap._tcp.dc._msdcs.lab.example,hole.lab.example,{},0,100",
            hole.local_addr().unwrap().port()
        ),
        "host-record=hole.lab.example,127.0.0.1".to_owned(),
        format!("host-record=dc1.lab.example,{address}"),
    ]);
    let settings = LdapSettings { site: Some("Berlin".to_owned()), ..at(&settings, &service) };
    run(open(&settings).probe()).unwrap();
    hole.set_nonblocking(true).unwrap();
    assert!(hole.accept().is_err(), "the server of another site was asked");
}

#[test]
fn hosts_outside_of_the_domain_do_not_count() {
    let Some((settings, address)) = domain() else { return };
    let service = NameService::start(&[
        record("_ldap._tcp", "evil.example", 0),
        record("_ldap._tcp", "notlab.example", 0),
        format!("host-record=evil.example,{address}"),
        format!("host-record=notlab.example,{address}"),
    ]);
    match run(open(&at(&settings, &service)).probe()).unwrap_err() {
        StoreError::Unavailable(text) => assert!(text.contains("knows no server"), "{text}"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_domain_without_servers_or_name_service_is_unavailable() {
    let Some((settings, _)) = domain() else { return };
    let service = NameService::start(&[]);
    let nowhere = LdapSettings { connect_timeout_secs: 1, ..at(&settings, &service) };
    assert!(matches!(run(open(&nowhere).probe()), Err(StoreError::Unavailable(_))));
    drop(service);
    assert!(matches!(run(open(&nowhere).probe()), Err(StoreError::Unavailable(_) | StoreError::Timeout(_))));
}
