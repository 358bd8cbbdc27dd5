//! Connections: fail-over, broken and silent servers, TLS, credentials.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use scimgate::{
    config::ldap::LdapSettings,
    store::{
        Change, Predicate, ReadStore as _, Step, Store as _, StoreError, Target, ldap::LdapSetupError,
        ldap::LdapStore,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, LocalSet},
};

use super::lab::{Lab, Product, SUFFIX, cell, f, in_lab_below, open, run, select, settings, users_in};

/// What a relay does to what passes.
#[derive(Clone, Default)]
struct Switches {
    is_frozen: Cell<bool>,
    /// How many connections are frozen, the oldest first.
    frozen_connections: Cell<usize>,
    is_disguised: Cell<bool>,
    loses_changes: Cell<bool>,
    /// How many listings still lose their place.
    spoiled_cookies: Cell<u32>,
}

/// A TCP relay in front of the directory whose connections can be cut or frozen.
struct Relay {
    address: SocketAddr,
    upstream: SocketAddr,
    switches: Rc<Switches>,
    connections: Rc<RefCell<Vec<AbortHandle>>>,
    listener: Option<AbortHandle>,
}

impl Relay {
    async fn start(settings: &LdapSettings) -> (Self, LdapSettings) {
        let url = url::Url::parse(&settings.urls[0]).unwrap();
        let host = (url.host_str().unwrap(), url.port().unwrap_or(389));
        let upstream = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
        let mut relay = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            upstream,
            switches: Rc::default(),
            connections: Rc::default(),
            listener: None,
        };
        relay.listen().await;
        let urls = vec![format!("ldap://{}", relay.address)];
        (relay, LdapSettings { urls, ..settings.clone() })
    }

    async fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (upstream, connections) = (self.upstream, self.connections.clone());
        let switches = self.switches.clone();
        let accept = tokio::task::spawn_local(async move {
            while let Ok((client, _)) = listener.accept().await {
                let switches = switches.clone();
                let number = connections.borrow().len();
                let relay = tokio::task::spawn_local(async move {
                    let server = TcpStream::connect(upstream).await.unwrap();
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let up = pump(&mut from_client, &mut to_server, &switches, number);
                    let down = pump(&mut from_server, &mut to_client, &switches, number);
                    tokio::select! { () = up => {}, () = down => {} }
                });
                connections.borrow_mut().push(relay.abort_handle());
            }
        });
        self.listener = Some(accept.abort_handle());
    }

    /// Breaks the open connections.
    fn cut(&self) {
        self.connections.borrow_mut().drain(..).for_each(|c| c.abort());
    }

    /// Breaks the open connections and refuses new ones.
    async fn stop(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.abort();
        }
        self.cut();
        tokio::task::yield_now().await;
    }

    fn opened(&self) -> usize {
        self.connections.borrow().len()
    }
}

/// What a disguised server does not show, and what stands there instead, of equal length.
const DISGUISE: [(&[u8], &[u8]); 4] = [
    (b"OpenLDAProotDSE", b"somebodyElseDSE"),
    (b"1.3.6.1.1.12", b"1.3.6.1.9.99"),
    (b"1.3.6.1.1.13.2", b"1.3.6.1.9.99.9"),
    (b"1.2.840.113556.1.4.319", b"1.2.840.113556.1.9.999"),
];

fn disguise(bytes: &mut [u8]) {
    for (shown, hidden) in DISGUISE {
        while let Some(at) = bytes.windows(shown.len()).position(|w| w == shown) {
            bytes[at..at + shown.len()].copy_from_slice(hidden);
        }
    }
}

async fn pump(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    switches: &Switches,
    number: usize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if switches.is_disguised.get() {
            disguise(&mut buffer[..n]);
        }
        if let Some(left) = switches.spoiled_cookies.get().checked_sub(1)
            && spoil_cookie(&mut buffer[..n], left)
        {
            switches.spoiled_cookies.set(left);
        }
        while number < switches.frozen_connections.get() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let is_lost = switches.is_frozen.get() || switches.loses_changes.get() && is_modify(&buffer[..n]);
        if !is_lost && to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// Spoils the cookie of a listing that goes on (RFC 2696 §3); OpenLDAP's are the last eight octets. A listing
/// that begins ends in an empty one.
fn spoil_cookie(message: &mut [u8], turn: u32) -> bool {
    let paged = b"1.2.840.113556.1.4.319";
    let is_paged = message.windows(paged.len()).any(|w| w == paged);
    if !is_paged || message.ends_with(&[0x04, 0x00]) {
        return false;
    }
    // An older place than the one where the listing is, or a place where it has not been.
    let place: [u8; 8] = if turn.is_multiple_of(2) { 1_u64.to_le_bytes() } else { [0xff; 8] };
    let start = message.len() - place.len();
    message[start..].copy_from_slice(&place);
    true
}

/// True for a modify request (RFC 4511 §4.6): its tag stands behind the message's length and number.
fn is_modify(message: &[u8]) -> bool {
    let skip_length = |at: usize| match message.get(at) {
        Some(&n) if n > 0x80 => at + 1 + usize::from(n - 0x80),
        _ => at + 1,
    };
    let number = skip_length(1);
    let digits = message.get(number + 1).copied().map_or(0, usize::from);
    message.first() == Some(&0x30) && message.get(number + 2 + digits) == Some(&0x66)
}

/// Runs a test behind a relay, with short time-outs.
fn behind_a_relay(name: &str, test: impl AsyncFnOnce(&mut Lab, &mut Relay)) {
    in_lab_below(Product::OpenLdap, SUFFIX, name, async |lab| {
        let tasks = LocalSet::new();
        tasks
            .run_until(async {
                let quick = LdapSettings {
                    connect_timeout_secs: 2,
                    operation_timeout_secs: 1,
                    ..lab.settings.clone()
                };
                let (mut relay, settings) = Relay::start(&quick).await;
                lab.store = open(&settings);
                test(lab, &mut relay).await;
            })
            .await;
    });
}

async fn list(lab: &Lab) -> Result<usize, StoreError> {
    lab.store.select(select(&lab.users(), Predicate::True, &[f::UID])).await.map(|rows| rows.len())
}

async fn change(lab: &Lab, target: &Target, text: &str) -> Result<(), StoreError> {
    let changes = vec![Change::Set(f::DESCRIPTION, cell(f::DESCRIPTION, &[text]).1)];
    let step = Step::Update { bag: lab.users(), target: target.clone(), changes, required: true };
    lab.apply(step).await.map(|_| ())
}

#[test]
fn reads_survive_a_broken_connection() {
    behind_a_relay("broken", async |lab, relay| {
        lab.add_person("ann", &[]).await;
        for _ in 0..3 {
            assert_eq!(list(lab).await, Ok(1));
            relay.cut();
        }
        // Broken while the answer is awaited: asked once more on a new connection.
        assert_eq!(list(lab).await, Ok(1));
        relay.switches.is_frozen.set(true);
        let (answer, ()) = tokio::join!(list(lab), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            relay.switches.is_frozen.set(false);
            relay.cut();
        });
        assert_eq!(answer, Ok(1));
    });
}

#[test]
fn a_listing_that_lost_its_place_begins_again() {
    behind_a_relay("place", async |lab, relay| {
        for uid in ["a", "b", "c", "d", "e"] {
            lab.add_person(uid, &[]).await;
        }
        let urls = vec![format!("ldap://{}", relay.address)];
        lab.store = open(&LdapSettings { urls, page_size: 2, ..lab.settings.clone() });
        relay.switches.spoiled_cookies.set(2);
        assert_eq!(list(lab).await, Ok(5), "each entry comes once");
        assert_eq!(relay.switches.spoiled_cookies.get(), 0);
        // A server that never knows where it was is at fault, and no reason to go on forever.
        relay.switches.spoiled_cookies.set(100);
        assert!(list(lab).await.is_err());
    });
}

#[test]
fn a_server_that_is_down_is_unavailable_until_it_is_back() {
    behind_a_relay("down", async |lab, relay| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        assert_eq!(list(lab).await, Ok(1));
        relay.stop().await;
        let start = Instant::now();
        assert!(matches!(list(lab).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(change(lab, &target, "x").await, Err(StoreError::Unavailable(_))));
        assert!(matches!(lab.store.probe().await, Err(StoreError::Unavailable(_))));
        assert!(start.elapsed() < Duration::from_secs(1), "a refused connection is no reason to wait");
        relay.listen().await;
        assert_eq!(list(lab).await, Ok(1));
        change(lab, &target, "back").await.unwrap();
        assert_eq!(lab.read(&dn, "description").await.unwrap(), ["back"]);
    });
}

#[test]
fn a_change_whose_answer_is_lost_is_not_repeated() {
    behind_a_relay("lost", async |lab, relay| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        change(lab, &target, "before").await.unwrap();
        relay.switches.loses_changes.set(true);
        let (answer, ()) = tokio::join!(change(lab, &target, "lost"), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            relay.switches.loses_changes.set(false);
            relay.cut();
        });
        assert!(matches!(answer, Err(StoreError::Unsure(_))), "{answer:?}");
        assert_eq!(
            lab.read(&dn, "description").await.unwrap(),
            ["before"],
            "it was sent once, into the void"
        );
        change(lab, &target, "after").await.unwrap();
    });
}

#[test]
fn a_silent_server_times_out_and_its_connection_is_replaced() {
    behind_a_relay("silent", async |lab, relay| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        change(lab, &target, "x").await.unwrap();
        let before = relay.opened();
        relay.switches.is_frozen.set(true);
        for _ in 0..3 {
            let start = Instant::now();
            assert!(matches!(change(lab, &target, "y").await, Err(StoreError::Timeout(_))));
            assert!(start.elapsed() < Duration::from_millis(1900));
        }
        relay.switches.is_frozen.set(false);
        change(lab, &target, "z").await.unwrap();
        assert_eq!(relay.opened(), before + 1, "three time-outs in a row end a connection");
        assert_eq!(lab.read(&dn, "description").await.unwrap(), ["z"]);
    });
}

#[test]
fn a_server_without_optional_controls_is_served_too() {
    behind_a_relay("plain", async |lab, relay| {
        relay.switches.is_disguised.set(true);
        assert_eq!(lab.store.probe().await.unwrap(), "an unknown LDAP server");
        let dn = lab.dn_of("ann");
        let cells =
            vec![cell(f::DN, &[&dn]), cell(f::CN, &["C"]), cell(f::SN, &["S"]), cell(f::DESCRIPTION, &["a"])];
        let report = vec![f::UUID, f::DN];
        let insert = Step::Insert { bag: lab.users(), cells, report, unless_exists: false };
        let reported = lab.apply(insert).await.unwrap();
        let anchor = lab.anchor(&dn).await;
        assert_eq!(reported, [vec![anchor.clone()], vec![dn.as_str().into()]]);
        assert_eq!(list(lab).await, Ok(1));

        let target = Target::Entry { dn: dn.clone(), anchor };
        let add = Change::Add(f::DESCRIPTION, vec!["A".into(), "b".into()]);
        let remove = Change::Remove(f::MAIL, vec!["z@x.org".into()]);
        let both = Step::Update {
            bag: lab.users(),
            target: target.clone(),
            changes: vec![add, remove],
            required: true,
        };
        lab.apply(both).await.unwrap();
        assert_eq!(lab.read(&dn, "description").await.unwrap(), ["a", "b"]);

        lab.raw.modifydn(&dn, "uid=moved", true, None).await.unwrap().success().unwrap();
        lab.add_person("ann", &[("description", &["another"])]).await;
        change(lab, &target, "found").await.unwrap();
        assert_eq!(lab.read(&lab.dn_of("moved"), "description").await.unwrap(), ["found"]);
        assert_eq!(lab.read(&dn, "description").await.unwrap(), ["another"]);

        lab.raw.delete(&lab.dn_of("moved")).await.unwrap().success().unwrap();
        let gone = change(lab, &target, "lost").await;
        assert_eq!(gone, Err(StoreError::NotFound { bag: "User".into() }));
        let delete = Step::Delete { bag: lab.users(), target, required: true };
        assert_eq!(lab.apply(delete).await, Err(StoreError::NotFound { bag: "User".into() }));
        assert_eq!(lab.read(&dn, "description").await.unwrap(), ["another"]);
    });
}

#[test]
fn refused_credentials_are_not_tried_again_at_once() {
    let Some(settings) = settings() else { return };
    run(LocalSet::new().run_until(async {
        let wrong = LdapSettings { password: "wrong".to_owned().into(), ..settings };
        let (relay, wrong) = Relay::start(&wrong).await;
        let store = open(&wrong);
        for _ in 0..5 {
            assert!(matches!(store.probe().await, Err(StoreError::Denied(_))));
        }
        assert_eq!(relay.opened(), 1);
    }));
}

#[test]
fn a_black_hole_costs_no_more_than_the_time_allowed() {
    run(async {
        let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = LdapSettings {
            urls: vec![format!("ldap://{}", hole.local_addr().unwrap())],
            bind_dn: "cn=x".into(),
            password: "y".to_owned().into(),
            connect_timeout_secs: 1,
            ..Default::default()
        };
        for start_tls in [false, true] {
            let store = open(&LdapSettings { start_tls, ..settings.clone() });
            let start = Instant::now();
            // All who wait for the connection share the failure of one attempt.
            for answer in futures_util::future::join_all((0..50).map(|_| store.probe())).await {
                assert!(matches!(answer, Err(StoreError::Timeout(_))), "{answer:?}");
            }
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        }
    });
}

#[test]
fn the_next_server_takes_over() {
    let Some(settings) = settings() else { return };
    run(async {
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let urls = [vec![format!("ldap://{dead}")], settings.urls.clone()].concat();
        let store = open(&LdapSettings { urls, ..settings });
        assert_eq!(store.probe().await.unwrap(), "OpenLDAP");
    });
}

/// What answers on other connections is there, however long one answer takes.
#[test]
fn a_slow_operation_is_no_reason_to_leave_a_server() {
    behind_a_relay("slow", async |lab, relay| {
        lab.add_person("ann", &[]).await;
        // The server may be busy with other tests, and takes its time to tell that it is there.
        let slow = LdapSettings { operation_timeout_secs: 60, patience_secs: 60, ..lab.settings.clone() };
        let (other, _) = Relay::start(&slow).await;
        let urls = vec![format!("ldap://{}", relay.address), format!("ldap://{}", other.address)];
        lab.store = open(&LdapSettings { urls, ..slow });
        assert_eq!(list(lab).await, Ok(1));
        let before = relay.opened();
        relay.switches.frozen_connections.set(before);
        let (answer, ()) = tokio::join!(list(lab), async {
            for _ in 0..600 {
                if relay.opened() > before {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(relay.opened() > before, "nobody asked whether it is there");
            tokio::time::sleep(Duration::from_millis(500)).await;
            relay.switches.frozen_connections.set(0);
        });
        assert_eq!(answer, Ok(1));
        assert_eq!(other.opened(), 0, "nobody else was turned to");
    });
}

/// One that lets nobody in is left: also while it is asked for the first time.
#[test]
fn a_server_that_lets_nobody_in_is_left() {
    behind_a_relay("shut", async |lab, relay| {
        lab.add_person("ann", &[]).await;
        let slow = LdapSettings { operation_timeout_secs: 60, ..lab.settings.clone() };
        let (other, _) = Relay::start(&slow).await;
        let urls = vec![format!("ldap://{}", relay.address), format!("ldap://{}", other.address)];
        lab.store = open(&LdapSettings { urls, ..slow });
        relay.switches.is_frozen.set(true);
        assert_eq!(list(lab).await, Ok(1));
        assert!(other.opened() > 0);
        assert_eq!(list(lab).await, Ok(1));
    });
}

#[test]
fn each_thread_has_its_own_connections() {
    let Some(settings) = settings() else { return };
    let store = std::sync::Arc::new(open(&settings));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let store = std::sync::Arc::clone(&store);
            std::thread::spawn(move || run(async { store.probe().await }))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap(), "OpenLDAP");
    }
    // A later runtime on the same thread finds the connection of the earlier one dead.
    for _ in 0..2 {
        assert_eq!(run(store.probe()).unwrap(), "OpenLDAP");
    }
}

#[test]
fn old_connections_are_replaced() {
    let Some(settings) = settings() else { return };
    run(LocalSet::new().run_until(async {
        let (relay, settings) = Relay::start(&LdapSettings { recycle_secs: 1, ..settings }).await;
        let store = open(&settings);
        store.probe().await.unwrap();
        store.probe().await.unwrap();
        assert_eq!(relay.opened(), 1);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        store.probe().await.unwrap();
        assert_eq!(relay.opened(), 2);
    }));
}

#[test]
fn wrong_credentials_are_denied_in_words() {
    let Some(settings) = settings() else { return };
    run(async {
        for (bind_dn, password) in
            [(settings.bind_dn.as_str(), "wrong"), ("cn=nobody,dc=example,dc=com", "x")]
        {
            let wrong = LdapSettings {
                bind_dn: bind_dn.to_owned(),
                password: password.to_owned().into(),
                ..settings.clone()
            };
            match open(&wrong).probe().await.unwrap_err() {
                StoreError::Denied(text) => assert!(text.contains("service account"), "{text}"),
                other => panic!("{other}"),
            }
        }
    });
}

#[test]
fn lacking_rights_are_denied() {
    in_lab_below(Product::OpenLdap, SUFFIX, "rights", async |lab| {
        let dn = lab.add_person("ann", &[("userPassword", &["an-own-password"])]).await;
        let target = lab.target(&dn).await;
        let store = open(&LdapSettings {
            bind_dn: dn.clone(),
            password: "an-own-password".to_owned().into(),
            ..lab.settings.clone()
        });
        let step = Step::Delete { bag: lab.users(), target, required: true };
        assert!(matches!(store.apply(vec![step]).await, Err(StoreError::Denied(_))));
        assert!(lab.read(&dn, "cn").await.is_some());
    });
}

#[test]
fn tls_is_used_and_verified() {
    let Some(settings) = settings() else { return };
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(ca_file), Some(ldaps)) = (variable("SCIMGATE_TEST_LDAP_CA"), variable("SCIMGATE_TEST_LDAPS"))
    else {
        eprintln!("SKIPPED: SCIMGATE_TEST_LDAP_CA or _LDAPS is not set, TLS to the directory is NOT tested");
        return;
    };
    run(async {
        for (urls, start_tls) in [(settings.urls.clone(), true), (vec![ldaps], false)] {
            let trusting =
                LdapSettings { urls, start_tls, ca_file: Some(ca_file.clone().into()), ..settings.clone() };
            assert_eq!(open(&trusting).probe().await.unwrap(), "OpenLDAP");
            let bag = users_in(&[SUFFIX]);
            let few = scimgate::store::Select { limit: Some(1), ..select(&bag, Predicate::True, &[f::UID]) };
            assert!(open(&trusting).select(few).await.is_ok());
            let strange = LdapSettings { ca_file: None, ..trusting };
            match open(&strange).probe().await.unwrap_err() {
                StoreError::Unavailable(text) => assert!(text.contains("certificate"), "{text}"),
                other => panic!("{other}"),
            }
        }
    });
}

#[test]
fn a_certificate_stands_for_the_account() {
    let Some(settings) = settings() else { return };
    let variable = |name: &str| std::env::var(format!("SCIMGATE_TEST_{name}")).ok();
    let (Some(ca_file), Some(ldaps), Some(client)) =
        (variable("LDAP_CA"), variable("LDAPS"), variable("LDAP_CLIENT"))
    else {
        eprintln!("SKIPPED: SCIMGATE_TEST_LDAP_CLIENT is not set, client certificates are NOT tested");
        return;
    };
    let by_certificate = LdapSettings {
        urls: vec![ldaps],
        ca_file: Some(ca_file.into()),
        bind_dn: String::new(),
        password: String::new().into(),
        certificate_file: Some(format!("{client}.crt").into()),
        key_file: Some(format!("{client}.key").into()),
        ..settings.clone()
    };
    let encrypted = LdapSettings { start_tls: true, urls: settings.urls, ..by_certificate.clone() };
    for by_certificate in [by_certificate, encrypted] {
        in_lab_below(Product::OpenLdap, SUFFIX, "certificate", async |lab| {
            let dn = lab.add_person("ann", &[]).await;
            let target = lab.target(&dn).await;
            lab.store = open(&by_certificate);
            change(lab, &target, "by certificate").await.unwrap();
            assert_eq!(lab.read(&dn, "description").await.unwrap(), ["by certificate"]);
        });
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let good = LdapSettings {
        urls: vec!["ldap://127.0.0.1".into()],
        bind_dn: "cn=x".into(),
        password: "y".to_owned().into(),
        ..Default::default()
    };
    assert!(LdapStore::new(good.clone()).is_ok());
    let none = LdapSettings { urls: vec![], ..good.clone() };
    assert!(matches!(LdapStore::new(none), Err(LdapSetupError::NoUrl)));
    let empty = LdapSettings { password: String::new().into(), ..good.clone() };
    assert!(matches!(LdapStore::new(empty), Err(LdapSetupError::EmptyPassword(_))));
    let nobody = LdapSettings { bind_dn: String::new(), ..good.clone() };
    assert!(matches!(LdapStore::new(nobody), Err(LdapSetupError::NoAccount)));
    let socket = LdapSettings { urls: vec!["ldapi://%2Frun%2Fx".into()], bind_dn: String::new(), ..good };
    assert!(LdapStore::new(socket).is_ok());
}
