//! Settings files as people write them, right and wrong.

use std::fs;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;

const GOOD: &str = r#"
mapping = "people.toml"
[correlation]
url = "sqlite:ids.db"
[stores.main.sql]
url = "postgresql://gate@db.example/people?sslmode=verify-full"
password = "canary-one"
[[clients]]
name = "entra"
tokens = ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]
expires = 2027-01-31T00:00:00Z
scopes = ["all"]
profile = "entra"
"#;

struct Case {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Case {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), variables: Vec::new() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn load(&self, text: &str) -> Result<Settings, ConfigError> {
        let file = self.directory.path().join("scimgate.toml");
        fs::write(&file, text).unwrap();
        Settings::load_from(&file, Surroundings { variables: self.variables.iter().cloned().collect() })
    }

    fn error(&self, text: &str) -> String {
        let error = self.load(text).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn client_like(text: &str) -> &str {
    text.get(text.find("[[clients]]").unwrap()..).unwrap()
}

fn problem(text: &str) -> String {
    Case::new().error(text)
}

#[test]
fn a_small_file_loads_with_defaults() {
    let case = Case::new();
    let settings = case.load(GOOD).unwrap();
    assert_eq!(settings.server.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(settings.limits.max_results, 1000);
    assert_eq!(settings.mapping, case.directory.path().join("people.toml"));
    assert_eq!(settings.correlation.cache_policy(), CachePolicy::Rows);
    assert_eq!(settings.clients[0].expires.unwrap().year(), 2027);
    let file = secret::sqlite_file(&settings.correlation.url).unwrap();
    assert_eq!(Path::new(file), case.directory.path().join("ids.db"));
}

#[test]
fn the_environment_overrides_the_file() {
    let settings = Case::new()
        .variable("SCIMGATE__SERVER__WORKERS", "4")
        .variable("SCIMGATE__SERVER__LISTEN", "127.0.0.1:1, [::1]:2")
        .variable("SCIMGATE__STORES__MAIN__SQL__PASSWORD", "from the environment")
        .variable("SCIMGATE_TEST_POSTGRES", "is no setting")
        .load(GOOD)
        .unwrap();
    assert_eq!(settings.server.workers, Some(4));
    assert_eq!(settings.server.listen.len(), 2);
    let url = settings.stores["main"].sql.as_ref().unwrap().connection_url();
    assert_eq!(
        url.expose_secret(),
        "postgresql://gate:from%20the%20environment@db.example/people?sslmode=verify-full"
    );
}

#[test]
fn mistakes_in_the_file_are_named_with_their_place() {
    let table = [
        ("[server]\nlissen = \"x\"\n", "scimgate.toml:2:1: unknown field `lissen`"),
        ("[server]\nworkers = \"many\"\n", "scimgate.toml:2:11: invalid type: string \"many\""),
        ("[server\n", "scimgate.toml:1:8: "),
        ("[log]\nformat = \"xml\"\n", "scimgate.toml:2:10: unknown variant `xml`"),
        ("[[clients]]\nexpires = \"soon\"\n", "scimgate.toml:2:11: `soon` is no instant"),
        ("[server]\nlisten = [\"nowhere\"]\n", "scimgate.toml:2:10: `nowhere`: "),
    ];
    for (text, expect) in table {
        let error = problem(text);
        assert!(error.starts_with(expect), "{text}\n{error}\n{expect}");
    }
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let table = [
        ("SCIMGATE__SERVER__LISSEN", "x", "environment variable SCIMGATE__SERVER: unknown field `lissen`"),
        ("SCIMGATE__SERVER__WORKERS", "x", "environment variable SCIMGATE__SERVER__WORKERS: expected "),
        ("SCIMGATE__LOG__FORMAT", "xml", "environment variable SCIMGATE__LOG__FORMAT: "),
    ];
    for (name, value, expect) in table {
        let error = Case::new().variable(name, value).error(GOOD);
        assert!(error.starts_with(expect), "{error}\n{expect}");
    }
}

#[test]
fn all_unusable_values_are_reported_at_once() {
    let error =
        problem("[server]\nlisten = \"0.0.0.0:80\"\n[stores.a]\n[stores.b.ldap]\nurls = \"ldap://dir\"\n");
    let keys: Vec<&str> = error.lines().skip(1).map(|l| l.trim().split(": ").next().unwrap()).collect();
    assert_eq!(keys, ["server.listen", "correlation.url", "mapping", "stores.a"]);
}

#[test]
fn unsafe_settings_are_refused() {
    // S-01, S-02, S-03, S-04
    let server = |line: &str| format!("{GOOD}[server]\n{line}\n");
    let ldap =
        |lines: &str| format!("{GOOD}[stores.dir.ldap]\nbind_dn = \"cn=x\"\npassword = \"p\"\n{lines}\n");
    let table = [
        (server("listen = \"[::]:80\""), "  server.listen: expected a loopback address or [server.tls]"),
        (server("public_url = \"https://u:p@gate\""), "  server.public_url: expected no user or password"),
        (server("tls = {}"), "  server.tls.certificate_file: is missing"),
        (ldap("urls = \"ldap://dir.example\""), "  stores.dir.ldap.urls: expected ldaps:// or start_tls"),
        (ldap("urls = \"ldaps://cn:p@dir\""), "  stores.dir.ldap.urls: expected no user or password"),
        (
            ldap("urls = \"ldaps://dir\"\ncertificate_file = \"a.crt\""),
            "  stores.dir.ldap.key_file: is missing",
        ),
        (
            ldap("urls = \"ldaps://dir\"\nsasl = \"gssapi\""),
            "  stores.dir.ldap.bind_dn: expected either bind_dn or sasl, not both",
        ),
        (
            ldap("urls = \"ldap://127.0.0.1\"\nsasl = \"gssapi\""),
            "  stores.dir.ldap.sasl: expected ldaps:// or start_tls = true",
        ),
        (ldap("urls = \"ldaps://dir\"\nprincipal = \"gw@X.EXAMPLE\""), "  stores.dir.ldap.sasl: is missing"),
        (
            ldap("urls = \"ldap://127.0.0.1\"\ncertificate_file = \"a.crt\"\nkey_file = \"a.key\""),
            "  stores.dir.ldap.certificate_file: expected ldaps:// or start_tls = true",
        ),
        (ldap("urls = \"ldaps://dir\"\ndomain = \"d.example\""), "  stores.dir.ldap.domain: expected either"),
        (ldap("domain = \"dir\""), "  stores.dir.ldap.domain: expected a domain"),
        (ldap("urls = \"ldaps://dir\"\nsite = \"x\""), "  stores.dir.ldap.domain: is missing"),
        (ldap("domain = \"d.example\"\nsite = \"a.b\""), "  stores.dir.ldap.site: expected the name"),
        (ldap("urls = \"https://dir\""), "  stores.dir.ldap.urls: expected ldaps://, ldap:// or ldapi://"),
        (
            GOOD.replace("gate@", "gate:pass@"),
            "  stores.main.sql.url: expected no password in the URL; use password_file",
        ),
        (
            GOOD.replace("sqlite:ids.db", "mysql://h/d"),
            "  correlation.url: expected a URL starting with sqlite:",
        ),
        (GOOD.replace("sqlite:ids.db", "sqlite::memory:"), "  correlation.url: expected a file"),
        (GOOD.replace("sha256:0000", "sha256:00"), "  clients[0].tokens: expected sha256: and 64"),
        (format!("{GOOD}{}", client_like(GOOD)), "  clients[1].name: `entra` is another client's name"),
        (
            format!("{GOOD}{}", client_like(GOOD)),
            "  clients[1].tokens: a token stands here that stood before",
        ),
        (GOOD.replace("[\"all\"]", "[]"), "  clients[0].scopes: expected some of"),
        (GOOD.to_owned() + "[limits]\nmax_results = 5\n", "  limits.max_results: expected 100 to"),
    ];
    for (text, expect) in table {
        let error = problem(&text);
        assert!(error.lines().skip(1).any(|l| l.starts_with(expect)), "{error}\n{expect}");
    }
    for good in [
        server("listen = \"[::]:80\"\nallow_plain_http = true"),
        ldap("urls = \"ldap://127.0.0.1\""),
        ldap("urls = \"ldap://[::1]:1389\""),
        GOOD.replace("db.example/people?sslmode=verify-full", "127.0.0.1:5433/people"),
        GOOD.replace("gate@db.example/people?sslmode=verify-full", "/people?user=gate&host=/run/postgresql"),
        GOOD.replace("db.example/people?sslmode=verify-full", "%2Frun%2Fpostgresql/people"),
        ldap("urls = \"ldap://dir.example\"\nstart_tls = true"),
        ldap("domain = \"corp.example.com\"\nsite = \"Berlin-1\"\nname_servers = \"192.0.2.53:53\""),
        ldap("urls = [\"ldaps://dir.example\", \"ldaps://other.example\"]"),
    ] {
        Case::new().load(&good).unwrap();
    }
}

#[test]
fn a_secret_comes_from_a_credential_or_a_file_beside_the_settings() {
    let text = GOOD.replace("password = \"canary-one\"", "password_file = \"db-password\"");
    let case = Case::new().file("db-password", "beside\n");
    let password = |case: &Case| {
        let settings = case.load(&text).unwrap();
        settings.stores["main"].sql.as_ref().unwrap().password.clone().unwrap().expose_secret().to_owned()
    };
    assert_eq!(password(&case), "beside");
    let credentials = case.directory.path().join("credentials").display().to_string();
    let case =
        case.file("credentials/db-password", " from systemd").variable("CREDENTIALS_DIRECTORY", &credentials);
    assert_eq!(password(&case), " from systemd");
    assert!(problem(&text).contains("stores.main.sql.password_file: "), "a missing file is an error");
    let both = text.replace("password_file", "password = \"x\"\npassword_file");
    assert!(problem(&both).contains("found both"));
}

#[test]
fn token_files_hold_one_hash_per_line() {
    let hash = "ab".repeat(32);
    let text = GOOD.replace("scopes", "tokens_file = \"tokens\"\nscopes");
    let case =
        Case::new().file("tokens", &format!("# entra\nsha256:{hash} 2027-02-01T00:00:00Z # new one\n\n"));
    let settings = case.load(&text).unwrap();
    let token: TokenHash = settings.clients[0].tokens[1].parse().unwrap();
    assert_eq!((token.digest, token.expires.unwrap().year()), ([0xab; 32], 2027));
}

#[test]
fn no_output_shows_a_secret() {
    // S-06, S-13
    let case = Case::new();
    let settings = case.load(GOOD).unwrap();
    assert!(!format!("{settings:?}").contains("canary"));
    for text in [GOOD.replace("password =", "pasword ="), GOOD.replace("\"canary-one\"", "[\"canary-one\"]")]
    {
        let error = case.load(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    // A token in clear, put where its hash belongs.
    let error = case.load(&GOOD.replace("sha256:00", "sg_canary")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

/// The keys that a table may have, as the error about an unknown one lists them.
fn keys_of<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let Err(error) = toml::from_str::<T>("no-such-key = 1") else { panic!("an unknown key was accepted") };
    let message = error.message();
    let (_, list) = message.split_once("expected ").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_shipped_example_explains_every_key_with_its_default() {
    let text = include_str!("../../deploy/scimgate.toml");
    let is_setting = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let whole: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(is_setting).unwrap_or(line))
        // Two forms of a secret, of an account, or of naming servers, at once are an error.
        .filter(|line| {
            !["password =", "domain =", "site =", "name_servers =", "sasl =", "principal ="]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let case = [
        "ldap-password",
        "people-password",
        "tls.crt",
        "tls.key",
        "directory-ca.pem",
        "directory-client.crt",
        "directory-client.key",
    ]
    .into_iter()
    .fold(Case::new(), |case, name| case.file(name, "x"))
    .file("correlation-password", "x")
    .file("entra-tokens", &format!("sha256:{}\n", "ab".repeat(32)));
    let shown = case.load(&whole).unwrap();

    for (table, keys) in [
        ("", keys_of::<Settings>()),
        ("[server]", keys_of::<ServerSettings>()),
        ("[server.tls]", keys_of::<TlsSettings>()),
        ("[log]", keys_of::<LogSettings>()),
        ("[correlation]", keys_of::<CorrelationSettings>()),
        ("[stores.main.ldap]", keys_of::<LdapSettings>()),
        ("[stores.people.sql]", keys_of::<SqlSettings>()),
        ("[[clients]]", keys_of::<ClientSettings>()),
        ("[limits]", keys_of::<LimitSettings>()),
    ] {
        let start = text.find(table).unwrap();
        for key in keys.iter().filter(|k| !table.is_empty() || *k == "mapping") {
            let rest = text.get(start..).unwrap();
            let stated = [format!("\n{key} = "), format!("\n#{key} = ")];
            let is_table = rest.contains(&format!("#[server.{key}]"));
            assert!(is_table || stated.iter().any(|s| rest.contains(s)), "{table} {key} is not explained");
        }
    }

    // What is shown as the default is the default.
    let default = Settings::default();
    let ignoring_examples = |server: &ServerSettings| {
        format!("{:?}", ServerSettings { public_url: None, tls: None, workers: None, ..server.clone() })
    };
    assert_eq!(ignoring_examples(&shown.server), ignoring_examples(&default.server));
    assert_eq!(format!("{:?}", shown.limits), format!("{:?}", default.limits));
    let (own, own_default) = (&shown.correlation, &default.correlation);
    assert_eq!(
        (own.cache_rows, own.readers, own.queue, own.timeout_secs),
        (own_default.cache_rows, own_default.readers, own_default.queue, own_default.timeout_secs)
    );
    let ldap = LdapSettings {
        urls: Vec::new(),
        bind_dn: String::new(),
        password_file: None,
        domain: None,
        site: None,
        name_servers: Vec::new(),
        ca_file: None,
        sasl: None,
        principal: None,
        certificate_file: None,
        key_file: None,
        profile: None,
        ..shown.stores["main"].ldap.clone().unwrap()
    };
    assert_eq!(format!("{ldap:?}"), format!("{:?}", LdapSettings::default()));
    let sql = SqlSettings { url: String::new(), ..shown.stores["people"].sql.clone().unwrap() };
    assert_eq!(format!("{sql:?}"), format!("{:?}", SqlSettings::default()));
}
