//! The program itself: exit codes, findings, and a demo whose commands work as shown.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value as Json;

fn scimgate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scimgate")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const MAPPING: &str = r#"
[sql]
[User]
table = "people"
key = "id"
[User.attributes]
userName = { field = "login", unique = "fold" }
"#;

/// Writes settings for a mapping and returns the file's name.
fn settings(directory: &Path, mapping: &str, rest: &str) -> String {
    fs::write(directory.join("map.toml"), mapping).unwrap();
    let file = directory.join("scimgate.toml");
    let text = format!(
        "mapping = \"map.toml\"\n[server]\nlisten = \"127.0.0.1:0\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{rest}"
    );
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

const SQLITE: &str = "[stores.main.sql]\nurl = \"sqlite:store.db\"\n";

#[test]
fn check_reports_every_finding_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("map.toml");
    let broken = MAPPING.replace("table", "tabel").replace("unique = \"fold\"", "uniqe = \"fold\"");
    fs::write(&file, broken).unwrap();
    let output = scimgate(&["check", "--mapping", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let findings = text(&output.stderr);
    for place in ["map.toml:4:1", "map.toml:7:"] {
        assert!(findings.contains(place), "{place} in\n{findings}");
    }
    assert!(findings.contains("help"), "{findings}");
}

/// What a profile implies stands below the file that is fine; only for directories.
#[test]
fn check_tells_what_the_profile_implies() {
    let mappings = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let lines = |file: &str| {
        let file = mappings.join(file);
        let output = scimgate(&["check", "--mapping", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0));
        let lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
        assert!(lines[0].ends_with(": fine"), "{lines:?}");
        lines[1..].join("\n")
    };
    let ad = lines("active-directory.toml");
    for word in [
        "User: the id is made of `objectGUID`, the version is `uSNChanged`",
        "`whenCreated`",
        "in ranges of values",
        "administrative rights",
        "User: a password goes as `unicodePwd`, over TLS only",
        "User: `sAMAccountName` is unique",
    ] {
        assert!(ad.contains(word), "{word} in\n{ad}");
    }
    assert!(!ad.contains("Group: a password"), "{ad}");
    // What the file says itself is told, and what another profile implies is not.
    let freeipa = lines("freeipa.toml");
    assert!(
        freeipa.contains("User: the id is made of `ipaUniqueID`, the version is `entryusn`"),
        "{freeipa}"
    );
    assert!(freeipa.contains("RFC 4528") && !freeipa.contains("unicodePwd"), "{freeipa}");
    assert!(lines("openldap.toml").contains("entryUUID"));
    assert_eq!(lines("postgresql-hr.toml"), "");
}

/// A file with one example, which has these lines.
fn with_example(directory: &Path, lines: &str) -> String {
    let file = directory.join("map.toml");
    let text = format!(
        "[User]\ntable = \"people\"\nkey = \"id\"\n\n[User.attributes]\nuserName = \"login\"\n\
         name = {{ sub = {{ givenName = \"first\" }} }}\n\
         active = {{ field = \"state\", map = [[\"A\", true], [\"D\", false]], required = true }}\n\
         '{{E}}:manager' = {{ field = \"boss\", ref = \"User\" }}\n\n[[User.examples]]\n{lines}"
    );
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

const RECORD: &str = "record = { people = [{ id = 7, login = \"ann\", first = \"Ann\", state = \"A\" }] }\n";
const OFF: &str = "change = [{ op = \"replace\", path = \"active\", value = false }]\n";

#[test]
fn check_carries_out_the_examples_of_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let reads = "resource = { userName = \"ann\", name = { givenName = \"Ann\" }, active = true }\n";
    let sets = "sets = { people = [{ id = 7, login = \"ann\", first = \"Ann\", state = \"D\" }] }\n";
    let named = "resource = { id = \"{User 7}\", userName = \"ann\", name = { givenName = \"A…\" }, active = true }\n";
    for lines in
        [format!("{RECORD}{reads}{OFF}{sets}"), format!("{RECORD}{named}"), format!("{RECORD}{OFF}{sets}")]
    {
        let output = scimgate(&["check", "--mapping", &with_example(directory.path(), &lines)]);
        assert_eq!(output.status.code(), Some(0), "{lines}\n{}", text(&output.stderr));
    }
    let two = RECORD.replace("}] }", "}, { id = 8, login = \"bob\" }] }");
    let refused = OFF.replace("active", "nickNames");
    for (lines, code, said) in [
        (format!("{RECORD}{}", reads.replace("Ann", "Bob")), "example-reads", "\"givenName\": \"Ann\""),
        (format!("{two}{reads}"), "example-reads", "2 resources"),
        (format!("{RECORD}{OFF}{}", sets.replace("\"D\"", "\"A\"")), "example-sets", "\"state\": \"D\""),
        (format!("{RECORD}{OFF}{}", sets.replace("people", "others")), "example-sets", "leaves"),
        (format!("{RECORD}{}{sets}", refused.replace("replace", "jump")), "example-sets", "refused"),
    ] {
        let output = scimgate(&["check", "--mapping", &with_example(directory.path(), &lines)]);
        let findings = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{lines}\n{findings}");
        for part in [code, said, "map.toml:11:"] {
            assert!(findings.contains(part), "{part} in\n{findings}");
        }
    }
}

#[test]
fn map_schema_prints_the_schema_of_mapping_files() {
    let output = scimgate(&["map", "schema"]);
    assert_eq!(output.status.code(), Some(0));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, scimgate::mapping::schema::schema());
    assert!(printed["$defs"]["part"]["properties"].get("slot").is_some());
}

#[test]
fn check_passes_what_fits_together_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    for (rest, code) in [
        (SQLITE, 0),
        ("[stores.other.sql]\nurl = \"sqlite:store.db\"\n", 1),
        ("[stores.main.ldap]\nurls = \"ldap://127.0.0.1:1\"\nbind_dn = \"cn=x\"\npassword = \"y\"\n", 1),
        ("[stores.main.sql]\nurl = \"sqlite:store.db\"\nsurprise = 1\n", 1),
    ] {
        let output = scimgate(&["check", "--config", &settings(directory.path(), MAPPING, rest)]);
        assert_eq!(output.status.code(), Some(code), "{rest}\n{}", text(&output.stderr));
        assert_eq!(output.stderr.is_empty(), code == 0, "{rest}\n{}", text(&output.stderr));
    }
    assert_eq!(scimgate(&["check"]).status.code(), Some(2), "something to check must be named");
}

#[test]
fn serve_does_not_start_with_wrong_files() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("nothing.toml").display().to_string();
    assert_eq!(scimgate(&["serve", "--config", &missing]).status.code(), Some(1));
    let broken = settings(directory.path(), &MAPPING.replace("login", ""), SQLITE);
    let output = scimgate(&["serve", "--config", &broken]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn a_token_is_shown_once_beside_its_hash() {
    let output = scimgate(&["token", "new", "--client", "entra"]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    let token = shown.lines().find(|line| line.starts_with("sg_")).unwrap();
    assert_eq!(shown.matches(token).count(), 1);
    assert!(shown.contains(&scimgate::auth::token::hash(token)));
    assert!(shown.contains("name = \"entra\""));
}

/// A running `serve`; it ends with the test.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn start(config: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_scimgate"))
            .args(["serve", "--config", config])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended without listening");
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().to_owned();
            }
        };
        // Whatever comes later must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { process, address }
    }

    /// Status and `Retry-After` of an answer.
    fn get(&self, path: &str) -> (u16, bool) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.get(format!("{}{path}", self.address)).header("Authorization", "Bearer sg_test");
        let answer = request.call().unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn client() -> String {
    let hash = scimgate::auth::token::hash("sg_test");
    format!("[[clients]]\nname = \"test\"\ntokens = [\"{hash}\"]\nscopes = [\"all\"]\n")
}

#[test]
fn a_store_that_is_down_does_not_keep_the_gateway_from_starting() {
    // R-02
    let directory = tempfile::tempdir().unwrap();
    let mapping = "[ldap]\n[User]\nbase = \"ou=people,dc=example,dc=com\"\nclasses = [\"inetOrgPerson\"]\n\
                   rdn = \"uid\"\n[User.attributes]\nuserName = \"uid\"\n";
    let rest = format!(
        "[stores.main.ldap]\nurls = \"ldap://127.0.0.1:1\"\nbind_dn = \"cn=x\"\npassword = \"y\"\n{}",
        client()
    );
    let served = Served::start(&settings(directory.path(), mapping, &rest));
    assert_eq!(served.get("/health/live"), (200, false));
    assert_eq!(served.get("/health/ready").0, 503);
    assert_eq!(served.get("/scim/v2/Schemas"), (200, false));
    assert_eq!(served.get("/scim/v2/Users?filter=userName%20eq%20%22x%22"), (503, true));
}

#[test]
fn sigterm_ends_the_process_in_order() {
    // R-10
    let directory = tempfile::tempdir().unwrap();
    let mut served = Served::start(&settings(directory.path(), MAPPING, &format!("{SQLITE}{}", client())));
    assert_eq!(served.get("/health/live").0, 200);
    let id = served.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(served.process.wait().unwrap().code(), Some(0));
}

/// A running demo; it ends with the test.
struct Demo {
    process: Child,
    base_url: String,
    token: String,
    /// What it showed to try.
    commands: Vec<String>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_scimgate"))
            .arg("demo")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let shown: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
        let after = |label: &str| {
            let line = shown.iter().find_map(|line| line.strip_prefix(label));
            line.unwrap_or_else(|| panic!("no {label} in {shown:?}")).to_owned()
        };
        let (base_url, token) = (after("SCIM base URL: "), after("Bearer token: "));
        let commands = shown.join("\n");
        let commands = commands.split("\n\n").map(str::to_owned).filter(|c| c.contains("curl")).collect();
        Self { process, base_url, token, commands }
    }

    fn get(&self, path: &str) -> Json {
        let url = format!("{}{path}", self.base_url);
        let request = ureq::get(url).header("Authorization", format!("Bearer {}", self.token));
        request.call().unwrap().body_mut().read_json().unwrap()
    }

    /// Pastes a command into a shell.
    fn paste(&self, command: &str) -> String {
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}\n{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn the_commands_of_the_demo_work_as_shown() {
    let demo = Demo::start(&["--listen", "127.0.0.1:0"]);
    assert!(demo.base_url.starts_with("http://127.0.0.1:"), "{}", demo.base_url);
    assert!(demo.get("/Users?count=0")["totalResults"].as_u64().unwrap() >= 200);
    let [list, filter, create, change, add, remove, delete] = &demo.commands[..] else {
        panic!("other commands: {:?}", demo.commands);
    };
    let json = |command: &str| -> Json {
        let answer = demo.paste(command);
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{command}\n{answer}"))
    };
    assert_eq!(json(list)["Resources"].as_array().unwrap().len(), 3);
    assert_eq!(json(filter)["totalResults"], 1);
    let created = json(create);
    assert_eq!(created["emails"].as_array().unwrap().len(), 2, "{created}");
    let enterprise = &created["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert!(enterprise["manager"]["value"].is_string(), "{created}");
    let changed = json(change);
    assert_eq!(
        (&changed["active"], &changed["name"]["familyName"]),
        (&Json::from(false), &Json::from("Changed"))
    );
    let user = &changed["id"];
    let has_user = |group: &Json| {
        let group = demo.get(&format!("/Groups/{}", group["id"].as_str().unwrap()));
        group["members"].as_array().is_some_and(|m| m.iter().any(|m| m["value"] == *user))
    };
    let group = json(add);
    assert!(has_user(&group));
    assert!(group["members"].as_array().unwrap().len() < 240, "a group of which the user was no member");
    json(remove);
    assert!(!has_user(&group));
    assert!(demo.paste(delete).starts_with("HTTP/1.1 204"));
}

#[test]
fn a_kept_demo_keeps_its_people_and_their_ids() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("kept");
    let arguments = ["--listen", "127.0.0.1:0", "--dir", kept.to_str().unwrap()];
    let first = Demo::start(&arguments);
    let before = first.get("/Users?count=5&attributes=userName");
    first.paste(&first.commands[6]);
    drop(first);
    let second = Demo::start(&arguments);
    let after = second.get("/Users?count=5&attributes=userName");
    assert_eq!(after["totalResults"].as_u64(), before["totalResults"].as_u64().map(|n| n - 1));
    let ids = |page: &Json| -> Vec<String> {
        page["Resources"].as_array().unwrap().iter().map(|r| r["id"].to_string()).collect()
    };
    let common = ids(&after).iter().filter(|id| ids(&before).contains(id)).count();
    assert!(common >= 4, "{before}\n{after}");
}

#[test]
fn explain_shows_what_a_filter_asks_of_the_store() {
    // D-8, S-22
    let directory = tempfile::tempdir().unwrap();
    let mapping = format!(
        "{MAPPING}displayName = \"name\"\nexternalId = \"@side\"\n'name.formatted' = {{ text = \"{{name}} ({{login}})\", write = \"no\" }}\n"
    );
    let config = settings(directory.path(), &mapping, SQLITE);
    let store = directory.path().join("store.db");
    let sql = "create table people (id integer primary key, login text unique, name text)";
    diesel::connection::SimpleConnection::batch_execute(
        &mut <diesel::SqliteConnection as diesel::Connection>::establish(store.to_str().unwrap()).unwrap(),
        sql,
    )
    .unwrap();
    let explain = |more: &[&str]| {
        let output = scimgate(&[&["explain", "--config", &config] as &[&str], more].concat());
        (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
    };
    let exact = explain(&["--type", "user", "--filter", "displayName pr and id eq \"nobody\""]);
    assert_eq!(exact.0, Some(0), "{exact:?}");
    assert!(exact.1.contains("nothing can meet this"), "{}", exact.1);
    let (code, shown, errors) =
        explain(&["--type", "User", "--filter", "userName eq \"ann\" and name.formatted co \"secret\""]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{shown}");
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    assert_eq!(lines[0], "User");
    assert!(lines[1].starts_with("userName eq \"ann\" ") && lines[1].contains("store"), "{shown}");
    assert!(lines[2].starts_with("name.formatted co") && lines[2].ends_with("decided in memory"), "{shown}");
    assert!(
        lines[3].starts_with("SELECT ") && lines[3].contains('?') && !lines[3].contains("ann"),
        "{shown}"
    );
    assert_eq!(lines[4], "examined in memory: at most 10000 candidates, more are 400 tooMany");
    let all = explain(&[]).1;
    assert!(all.contains("the store's answer stands"), "{all}");
    let by_name = explain(&["--sort-by", "displayName"]).1;
    assert!(by_name.contains("sorted by displayName, read with the keys of all matches"), "{by_name}");
    assert!(by_name.contains("the store's answer stands"), "{by_name}");
    let by_side = explain(&["--sort-by", "externalId"]).1;
    assert!(by_side.contains("at most 10000 candidates"), "{by_side}");
    for wrong in [
        &["--type", "Robot"] as &[&str],
        &["--filter", "userName eq"],
        &["--filter", "nonsense pr"],
        &["--sort-by", "name"],
    ] {
        let (code, _, errors) = explain(wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {errors}");
        assert!(errors.starts_with("scimgate: "), "{errors}");
    }
}

/// Which product it is stands in the mapping; settings that say another one are refused by name.
#[cfg(feature = "ldap")]
#[test]
fn a_profile_that_contradicts_the_mapping_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mapping = "[ldap]\nprofile = \"ad\"\n[User]\nbase = \"dc=x\"\nclasses = [\"user\"]\ninitial = { cn = \"{sAMAccountName}\" }\n\
        [User.attributes]\nuserName = { field = \"sAMAccountName\", unique = \"fold\" }\n";
    for (word, code) in [("389ds", 1), ("ad", 0), ("active_directory", 0)] {
        let store = format!(
            "[stores.main.ldap]\nurls = \"ldap://127.0.0.1:1\"\nbind_dn = \"cn=x\"\npassword = \"y\"\nprofile = \"{word}\"\n"
        );
        let output = scimgate(&["check", "--config", &settings(directory.path(), mapping, &store)]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{word}: {said}");
        if code != 0 {
            assert!(said.contains("`profile = \"ad\"`") && said.contains("`profile = \"389ds\"`"), "{said}");
        }
    }
}
