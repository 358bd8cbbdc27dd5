//! People and groups that tell stores apart.

use std::{fmt::Write as _, sync::OnceLock};

use scimgate::{
    mapping::Mapping,
    scim::Json,
    store::{
        Cell, Source, Step, Store, Value,
        memory::{MemoryStore, Rules},
    },
};
use serde_json::json;

use crate::support::Backend;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the enterprise extension.
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Names that differ in case, accents, blanks, or in what filters and patterns are written with.
const NAMES: &[&str] = &[
    "Ann",
    "ann",
    "ANN",
    "Anna",
    "Jörg",
    "JÖRG",
    "jorg",
    "Straße",
    "STRASSE",
    "Élan",
    "élan",
    "e\u{301}lan",
    "*",
    "(x)",
    "a*b",
    "back\\slash",
    "\"quoted\"",
    "100%_!",
    "O'Neil",
    "two  blanks",
    "two blanks",
    "İstanbul",
    "ıstanbul",
    "tieſ",
    "ties",
    "\u{212A}elvin",
    "kelvin",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "😀 smile",
    "#5",
    "a,b+c=d;e",
    "-",
    "true",
    "0",
    "007",
    "7",
    "李伟",
    "x",
];

/// As [`name`], without what stands for no surname in directories.
fn surname(index: usize) -> &'static str {
    Some(name(index)).filter(|name| *name != "-").unwrap_or("dash")
}

const TITLES: &[&str] = &["Engineer", "engineer", "Head (acting)", "*", "Ärztin", "Engineer II"];
const CITIES: &[&str] = &["Dún Laoghaire", "Dublin 4", "dublin 4", "Köln", "KÖLN"];

/// What makes this run's people differ from the last one's; `FILTER_LAW_SEED` brings a run back.
pub(super) fn data_seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    let given = || std::env::var("FILTER_LAW_SEED").ok()?.parse().ok();
    *SEED.get_or_init(|| given().unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0))
}

/// A name, another one in each run.
fn name(index: usize) -> &'static str {
    // Splitmix: neighbours have nothing in common.
    let mut z = data_seed().wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    NAMES[usize::try_from((z ^ (z >> 31)) % NAMES.len() as u64).unwrap()]
}

/// About sixty people.
pub(super) fn people() -> Vec<Json> {
    (0..58).map(person).collect()
}

fn person(n: usize) -> Json {
    let every = |step: usize, value: Json| if n.is_multiple_of(step) { value } else { Json::Null };
    let unless = |step: usize, value: Json| if n.is_multiple_of(step) { Json::Null } else { value };
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": format!("{}{n}", name(n)),
        "externalId": unless(3, json!(format!("Ext-{}", n / 2))),
        "displayName": unless(7, name(n + 1).into()),
        "nickName": unless(2, name(n + 2).into()),
        "title": unless(4, TITLES[n % TITLES.len()].into()),
        "userType": unless(5, ["Employee", "Contractor", "Intern"][n % 3].into()),
        "preferredLanguage": unless(6, ["de-DE", "en-IE", "EN-ie"][n % 3].into()),
        "profileUrl": every(8, json!(format!("https://people.example/{n}"))),
        "active": n % 5 != 1,
        "name": unless(9, json!({
            "givenName": name(n + 3), "familyName": unless(4, surname(n + 4).into()),
            "middleName": every(4, name(n + 5).into()), "honorificPrefix": every(6, "Dr.".into()),
            "formatted": every(10, "As the client says".into()),
        })),
        "emails": emails(n),
        "phoneNumbers": phones(n),
        "addresses": unless(3, json!([{
            "type": "work", "locality": CITIES[n % CITIES.len()], "streetAddress": unless(4, json!("Main St (rear)")),
            "postalCode": every(2, json!(format!("D0{}", n % 7))), "country": every(4, "IE".into()),
        }])),
        "roles": every(6, json!([{ "value": name(n), "primary": n.is_multiple_of(4) }, { "value": "reader", "type": "app" }])),
        ENTERPRISE: unless(8, json!({
            "employeeNumber": json!(format!("{:03}", n)), "costCenter": unless(3, ["4100", "41*", "A-1"][n % 3].into()),
            "department": unless(2, ["Finance", "Engineering", "Research (new)"][n % 3].into()),
        })),
    })
}

fn emails(n: usize) -> Json {
    let first =
        json!({ "value": format!("Person{n}@Example.com"), "type": "work", "primary": n.is_multiple_of(2) });
    let second = json!({ "value": format!("p{n}@home.example"), "type": "home" });
    let third = json!({ "value": format!("o'{n}*@example.org"), "type": "other" });
    match n % 5 {
        0 => Json::Null,
        1 => json!([first]),
        2 => json!([first, second]),
        3 => json!([second]),
        _ => json!([first, second, third]),
    }
}

fn phones(n: usize) -> Json {
    let number =
        |kind: &str, area: usize| json!({ "value": format!("+353 {area} 555 {n:04}"), "type": kind });
    match n % 4 {
        0 => Json::Null,
        1 => json!([number("work", 1)]),
        2 => json!([number("work", 1), number("mobile", 85)]),
        _ => json!([number("mobile", 86), number("fax", 1)]),
    }
}

/// Who reports to whom: the ids of people, and the change that says so.
pub(super) fn managers(ids: &[Json]) -> Vec<(String, Json)> {
    let pairs = ids.iter().enumerate().filter(|(n, _)| n % 3 != 0);
    pairs
        .map(|(n, id)| {
            let manager = &ids[n / 6];
            let operation = json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": { "value": manager } });
            (id.as_str().unwrap().to_owned(), json!({ "schemas": [PATCH], "Operations": [operation] }))
        })
        .collect()
}

/// Groups of some of the people; one is empty.
pub(super) fn groups(ids: &[Json]) -> Vec<Json> {
    let group = |n: usize| {
        let members = ids.iter().skip(n).step_by(n + 1).take(if n == 4 { 0 } else { 12 });
        json!({
            "schemas": [GROUP], "displayName": format!("{} {n}", name(n * 2)),
            "externalId": if n.is_multiple_of(2) { json!(format!("G-{n}")) } else { Json::Null },
            "members": members.map(|id| json!({ "value": id })).collect::<Vec<_>>(),
        })
    };
    (0..14).map(group).collect()
}

/// Rows as only other programs write them: blanks at the ends, empty texts, codes without a meaning.
pub(super) fn awkward_rows(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => {
            "update employees set display_name = '' where emp_no % 11 = 0;
             update employees set display_name = ' Ann ', status_code = 'L' where emp_no % 13 = 0;
             update employees set first_name = '', last_name = null where emp_no % 17 = 0;
             update employees set job_title = 'ann ', city = '' where emp_no % 19 = 0;
             update employees set created_at = '2025-01-01 10:00:00' where emp_no % 7 = 0;
             update employees set created_at = '2025-01-01 10:00:00.500' where emp_no % 7 = 1;
             update employee_emails set is_primary = 1 - is_primary where email_id % 9 = 0;
             update employee_emails set address = '' where email_id % 23 = 0;"
        }
        Backend::Postgres => {
            "update hr.employee set display_name = '' where employee_id % 11 = 0;
             update hr.employee set display_name = ' Ann ', status = 'L' where employee_id % 13 = 0;
             update hr.employee set given_name = '', family_name = null where employee_id % 17 = 0;
             update hr.employee set job_title = 'ann ' where employee_id % 19 = 0;
             update hr.employee set created_at = '2025-01-01 10:00:00.5+00' where employee_id % 7 = 0;"
        }
        Backend::MariaDb => {
            "update person set full_name = '' where person_id % 11 = 0;
             update person set full_name = ' Ann ' where person_id % 13 = 0;
             update person set first = '' where person_id % 17 = 0;
             update person set job = 'ann ' where person_id % 19 = 0;
             update person set created = '2025-01-01 10:00:00' where person_id % 7 = 0;"
        }
        Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => "",
    }
}

/// Entries as only other programs write them: several values where SCIM has one.
pub(super) fn awkward_entries(suffix: &str) -> String {
    let mut ldif = String::new();
    let mut change = |person: usize, attribute: &str, values: &[String]| {
        writeln!(ldif, "dn: uid=person{person},ou=people,{suffix}\nchangetype: modify\nreplace: {attribute}")
            .unwrap();
        values.iter().for_each(|v| writeln!(ldif, "{attribute}: {v}").unwrap());
        ldif.push('\n');
    };
    let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    change(3, "title", &texts(&["Engineer", "Ärztin", "*"]));
    change(4, "title", &texts(&["Head (acting)", "engineer  ii"]));
    change(5, "sn", &texts(&["-"]));
    change(6, "sn", &texts(&["-", "Ann"]));
    change(7, "telephoneNumber", &texts(&["+353 1 555 0001", "+353 (1) 555-0009"]));
    change(4, "employeeType", &texts(&["Contractor", "Employee"]));
    change(
        7,
        "manager",
        &[format!("uid=person1,ou=people,{suffix}"), format!("uid=person2,ou=people,{suffix}")],
    );
    change(6, "manager", &[format!("uid=nobody,ou=people,{suffix}")]);
    change(5, "pwdAccountLockedTime", &texts(&["20250101100000Z"]));
    change(2, "mail", &texts(&["Ann@Example.com", "ann@example.org", "b@example.com"]));
    ldif
}

/// The rules of the demo's tables, for the store that has none of its own.
pub(super) fn define(store: &MemoryStore) {
    let rules = |generated: &str| Rules { generated: Some(generated.to_owned()), ..Rules::default() };
    for (table, generated) in [
        ("employees", "emp_no"),
        ("employee_emails", "email_id"),
        ("employee_phones", "phone_id"),
        ("departments", "dept_id"),
        ("teams", "team_id"),
    ] {
        store.define(table, rules(generated));
    }
}

/// The kinds of employment of the demo.
pub(super) async fn seed(mapping: &Mapping, store: &dyn Store) {
    let shape = &mapping.types[mapping.find_type("User").unwrap()].shape;
    let is_kinds = |source: &Source| *source == Source::Table("employment_kinds".into());
    let bag = shape.parts.iter().map(|part| &part.bag).find(|bag| is_kinds(&bag.source)).unwrap();
    let cell =
        |name: &str, text: &str| (bag.find_field(name).unwrap(), Cell::Values(vec![Value::from(text)]));
    let kinds = [("E", "Employee"), ("C", "Contractor"), ("I", "Intern")];
    let steps = kinds.map(|(code, label)| Step::Insert {
        bag: bag.clone(),
        cells: vec![cell("kind_code", code), cell("label", label)],
        report: Vec::new(),
        unless_exists: false,
    });
    store.apply(steps.to_vec()).await.unwrap();
}
