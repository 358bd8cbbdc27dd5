//! A Kerberos ticket in place of a password (SASL GSSAPI), at a Samba domain with a KDC of its own. Built only
//! with the feature: `tests/run --only-servers -- cargo test --features full,gssapi --test it gssapi`.

use std::{fs, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Gateway, Options, TestStore};

const PRINCIPAL: &str = "gateway@LAB.EXAMPLE";

struct Realm {
    store: TestStore,
    folder: TempDir,
}

impl Realm {
    fn start() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mapping = folder.path().join("mapping.toml");
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/active-directory.toml");
        fs::write(&mapping, format!("extends = \"{shipped}\"\n")).unwrap();
        let units = "dn: OU=Corp,DC=lab,DC=example\nobjectClass: organizationalUnit\n\n\
                     dn: OU=People,OU=Corp,DC=lab,DC=example\nobjectClass: organizationalUnit\n\n\
                     dn: OU=Groups,OU=Corp,DC=lab,DC=example\nobjectClass: organizationalUnit\n";
        Some(Self { store: TestStore::of_realm(units, mapping)?, folder })
    }

    /// The part of the settings, with a ticket in place of the password.
    fn settings(&self) -> String {
        let lines = self.store.settings();
        let kept = lines.lines().filter(|line| !line.starts_with("bind_dn") && !line.starts_with("password"));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        format!("{kept}sasl = \"gssapi\"\nprincipal = \"{PRINCIPAL}\"\n")
    }

    fn server_file(&self, name: &str) -> PathBuf {
        self.store.directory().server_file(name)
    }

    fn environment(&self, keytab: &str) -> Vec<(&'static str, String)> {
        let cache = self.folder.path().join("tickets");
        vec![
            ("KRB5_CONFIG", self.server_file("krb5.conf").display().to_string()),
            ("KRB5_CLIENT_KTNAME", format!("FILE:{keytab}")),
            ("KRB5CCNAME", format!("FILE:{}", cache.display())),
        ]
    }
}

#[test]
fn a_ticket_stands_for_the_account() {
    let Some(realm) = Realm::start() else { return };
    let keytab = realm.server_file("gateway.keytab").display().to_string();
    let options = Options { environment: realm.environment(&keytab), ..Options::default() };
    // A connection lives for a second: the next request asks for a ticket again.
    let settings = format!("{}recycle_secs = 1\n", realm.settings());
    let gateway = Gateway::start_with(&realm.store, &settings, &options);
    let client = gateway.client();
    let user = json!({ "userName": "neo@lab.example", "displayName": "Neo", "password": "Correct-Horse7",
        "active": true });
    let made = client.post("/Users", &user);
    assert_eq!(made.status, 201, "{made}");
    let dn = "CN=Neo,OU=People,OU=Corp,DC=lab,DC=example";
    let directory = realm.store.directory();
    assert_eq!(directory.values(dn, "userAccountControl").unwrap(), ["512"]);
    assert!(directory.accepts("neo@lab.example", "Correct-Horse7"));

    // Tickets that are gone are asked for again, and so are the connections that they opened.
    let tickets = realm.folder.path().join("tickets");
    for title in ["Cook", "Baker"] {
        fs::remove_file(&tickets).expect("the cache of tickets that the library made");
        while !tickets.exists() {
            let answer = client.get("/Users");
            assert_eq!((answer.status, &answer.json["totalResults"]), (200, &json!(1)), "{answer}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let change = json!([{ "op": "replace", "path": "title", "value": title }]);
        let answer = client.patch(&format!("/Users/{}", made.id()), change);
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        assert_eq!(directory.values(dn, "title").unwrap(), [title]);
    }
}

#[test]
fn without_a_ticket_the_start_fails_in_words() {
    let Some(realm) = Realm::start() else { return };
    let options = Options { environment: realm.environment("/nowhere/keytab"), ..Options::default() };
    let (code, said) = Gateway::fail_to_start_in(&realm.store, &realm.settings(), &options);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no Kerberos ticket"), "{said}");
}
