//! Active Directory (Samba in its place): names, ranges of values, its own refusals.

use std::{collections::HashSet, sync::Arc};

use ldap3::{Ldap, Scope, SearchEntry};
use scimgate::{
    config::ldap::LdapSettings,
    store::{
        Bag, Cell, Change, Field, FieldId, FieldKind, Fold, Order, Predicate, ReadStore as _, Source, Step,
        Store as _, StoreError, Target, Test, Value, dn::Dn, ldap::LdapStore,
    },
};

use super::lab::{cell, one_of, open, run, select, texts};

const DN: FieldId = 0;
const GUID: FieldId = 1;
const CN: FieldId = 2;
const LOGIN: FieldId = 3;
const MEMBER: FieldId = 4;
const CONTROL: FieldId = 5;
const DESCRIPTION: FieldId = 6;
const MANAGER: FieldId = 7;
const DISPLAY: FieldId = 8;
const UNKNOWN: FieldId = 9;
const SN: FieldId = 10;
const PASSWORD: FieldId = 11;
const PRINCIPAL: FieldId = 12;
const CONTAINER: FieldId = 13;
const CREATED: FieldId = 14;

const FIELDS: &[(&str, FieldKind)] = &[
    ("dn", FieldKind::Dn),
    ("objectGUID", FieldKind::Bytes),
    ("cn", FieldKind::Text),
    ("sAMAccountName", FieldKind::Text),
    ("member", FieldKind::Dn),
    ("userAccountControl", FieldKind::Int),
    ("description", FieldKind::Text),
    ("manager", FieldKind::Dn),
    ("displayName", FieldKind::Text),
    ("noSuchAttribute", FieldKind::Text),
    ("sn", FieldKind::Text),
    ("unicodePwd", FieldKind::Bytes),
    ("userPrincipalName", FieldKind::Text),
    ("container", FieldKind::Dn),
    ("whenCreated", FieldKind::Time),
];

/// A word that no other test uses.
fn unique(prefix: &str) -> String {
    format!("{prefix}{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

/// A unit of the domain that the test owns.
struct Domain {
    store: LdapStore,
    raw: Ldap,
    unit: String,
}

fn in_domain(test: impl AsyncFnOnce(&mut Domain)) {
    let Ok(url) = std::env::var("SCIMGATE_TEST_AD") else {
        eprintln!("SKIPPED: SCIMGATE_TEST_AD is not set, the LDAP store is NOT tested with Active Directory");
        return;
    };
    let variable = |name: &str| std::env::var(format!("SCIMGATE_TEST_AD_{name}")).unwrap();
    let settings = LdapSettings {
        urls: vec![url.clone()],
        bind_dn: variable("BIND_DN"),
        password: variable("PASSWORD").into(),
        ca_file: Some(variable("CA").into()),
        ..Default::default()
    };
    run(async {
        let options = ldap3::LdapConnSettings::new().set_no_tls_verify(true);
        let (connection, mut raw) = ldap3::LdapConnAsync::with_settings(options, &url).await.unwrap();
        tokio::spawn(connection.drive());
        raw.simple_bind(&variable("BIND_DN"), &variable("PASSWORD")).await.unwrap().success().unwrap();
        let unit = format!("OU={},{}", unique("srv"), variable("BASE"));
        let mut domain = Domain { store: open(&settings), raw, unit };
        domain.add(&domain.unit.clone(), &[("objectClass", &["organizationalUnit"])]).await;
        test(&mut domain).await;
        domain.remove().await;
    });
}

impl Domain {
    fn bag(&self, class: &str) -> Arc<Bag> {
        let field =
            |(name, kind): &(&str, FieldKind)| Field { name: (*name).into(), kind: *kind, many: false };
        Arc::new(Bag {
            name: class.into(),
            source: Source::Entries {
                bases: vec![self.unit.clone()],
                subtree: true,
                classes: vec![class.into()],
                rdn: vec![CN],
            },
            fields: FIELDS.iter().map(field).collect(),
            key: vec![GUID],
            scope: Predicate::True,
        })
    }

    fn users(&self) -> Arc<Bag> {
        self.bag("user")
    }

    fn dn_of(&self, cn: &str) -> String {
        Dn::parse(&self.unit).unwrap().child(&[("CN", cn)]).to_string()
    }

    async fn add(&mut self, dn: &str, attributes: &[(&str, &[&str])]) {
        let set = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<HashSet<_>>();
        let attributes = attributes.iter().map(|(name, values)| ((*name).to_owned(), set(values))).collect();
        self.raw.add(dn, attributes).await.unwrap().success().unwrap_or_else(|e| panic!("{dn}: {e}"));
    }

    fn insert(&self, cn: &str, more: Vec<(FieldId, Cell)>) -> Step {
        let mut cells = vec![cell(DN, &[&self.dn_of(cn)]), cell(CN, &[cn])];
        cells.retain(|(field, _)| !more.iter().any(|(m, _)| m == field));
        cells.extend(more);
        Step::Insert { bag: self.users(), cells, report: vec![GUID], unless_exists: false }
    }

    async fn apply(&self, step: Step) -> Result<Vec<Vec<Value>>, StoreError> {
        self.store.apply(vec![step]).await.map(|mut reports| reports.remove(0))
    }

    async fn insert_user(&self, cn: &str) -> Target {
        let reported = self.apply(self.insert(cn, vec![])).await.unwrap_or_else(|e| panic!("{cn}: {e}"));
        Target::Entry { dn: self.dn_of(cn), anchor: reported[0][0].clone() }
    }

    fn update(&self, target: &Target, changes: Vec<Change>) -> Step {
        Step::Update { bag: self.users(), target: target.clone(), changes, required: true }
    }

    async fn names(&self, predicate: Predicate) -> Vec<String> {
        texts(&self.store.select(select(&self.users(), predicate, &[CN])).await.unwrap(), CN)
    }

    async fn values(&mut self, dn: &str, attribute: &str) -> Vec<String> {
        let found = self.raw.search(dn, Scope::Base, "(objectClass=*)", [attribute]).await.unwrap();
        let entry = found.0.into_iter().next().map(SearchEntry::construct).unwrap();
        entry.attrs.into_values().next().unwrap_or_default()
    }

    async fn remove(&mut self) {
        self.raw.with_controls(ldap3::controls::RawControl {
            ctype: "1.2.840.113556.1.4.805".into(),
            crit: true,
            val: None,
        });
        self.raw.delete(&self.unit.clone()).await.unwrap().success().unwrap();
    }
}

fn set(field: FieldId, texts: &[&str]) -> Change {
    Change::Set(field, cell(field, texts).1)
}

#[test]
fn hostile_names_stay_names() {
    in_domain(async |domain| {
        let names = ["a=b", "x,y+z=\"q\"\\<>;", "#hash", "O'Neil", "Zoë", "日本", "🦊 fox", "*)(cn=*", "a/b"];
        for name in names {
            domain.insert_user(name).await;
        }
        for name in names {
            for predicate in [
                one_of(CN, &[name]),
                one_of(DN, &[&domain.dn_of(name)]),
                Predicate::Field(CN, Test::Contains(name.into(), Fold::Exact)),
            ] {
                assert_eq!(domain.names(predicate.clone()).await, [name], "{predicate:?}");
            }
        }
        let all: Vec<String> = names.iter().map(|n| domain.dn_of(n)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(domain.names(one_of(DN, &all)).await.len(), names.len());
        let inside = one_of(CONTAINER, &[&domain.unit]);
        assert_eq!(domain.names(inside).await.len(), names.len());
    });
}

#[test]
fn tests_select_what_they_should() {
    in_domain(async |domain| {
        let ann = domain.insert_user("ann").await;
        domain.insert_user("ben").await;
        let report_to_ben = vec![set(MANAGER, &[&domain.dn_of("ben")]), set(DESCRIPTION, &["d"])];
        domain.apply(domain.update(&ann, report_to_ben)).await.unwrap();
        let Target::Entry { anchor, .. } = &ann else { unreachable!() };
        let (t, not) = (Predicate::Field, |p| Predicate::Not(Box::new(p)));
        let bits = |mask| t(CONTROL, Test::BitsSet(mask));
        let now = time::OffsetDateTime::now_utc();
        let since = |hours| {
            let bound = Value::Time(now + time::Duration::hours(hours));
            t(CREATED, Test::Order(Order::Ge, bound, Fold::Exact))
        };
        let cases: Vec<(Predicate, &[&str])> = vec![
            (Predicate::True, &["ann", "ben"]),
            (Predicate::equals(GUID, anchor.clone()), &["ann"]),
            (one_of(CN, &["ANN"]), &["ann"]),
            (one_of(MANAGER, &[&domain.dn_of("BEN")]), &["ann"]),
            (t(MANAGER, Test::Absent), &["ben"]),
            (bits(0x2), &["ann", "ben"]),
            (t(CONTROL, Test::BitsClear(0x2)), &[]),
            (bits(0x10000), &[]),
            (not(t(DESCRIPTION, Test::Present)), &["ben"]),
            (Predicate::Any(vec![one_of(CN, &["ben"]), t(DESCRIPTION, Test::Present)]), &["ann", "ben"]),
            (since(-24), &["ann", "ben"]),
            (since(24), &[]),
        ];
        for (predicate, expect) in cases {
            assert_eq!(domain.names(predicate.clone()).await, expect, "{predicate:?}");
        }
    });
}

#[test]
fn many_members_are_read_in_ranges_and_changed_one_by_one() {
    const MEMBERS: usize = 1_600;
    in_domain(async |domain| {
        let mut members = Vec::with_capacity(MEMBERS);
        for i in 0..MEMBERS {
            let dn = format!("CN=m{i},{}", domain.unit);
            domain.add(&dn, &[("objectClass", &["contact"])]).await;
            members.push(dn);
        }
        let dn = domain.dn_of("crowd");
        domain.add(&dn, &[("objectClass", &["group"]), ("sAMAccountName", &[&unique("crowd")])]).await;
        for part in members[1..].chunks(1000) {
            let part = part.iter().cloned().collect();
            let mods = vec![ldap3::Mod::Add("member".to_owned(), part)];
            domain.raw.modify(&dn, mods).await.unwrap().success().unwrap();
        }
        let bag = domain.bag("group");
        let read = async |domain: &Domain| {
            let rows =
                domain.store.select(select(&bag, one_of(CN, &["crowd"]), &[MEMBER, GUID])).await.unwrap();
            let all: HashSet<String> = texts(&rows, MEMBER).into_iter().collect();
            (all, rows[0].first(GUID).unwrap().clone())
        };
        let (all, anchor) = read(domain).await;
        assert_eq!(all.len(), MEMBERS - 1);
        let update = |changes| Step::Update {
            bag: Arc::clone(&bag),
            target: Target::Entry { dn: dn.clone(), anchor: anchor.clone() },
            changes,
            required: true,
        };
        let value = |i: usize| Value::from(members[i].as_str());
        // What is there already and what is not there any more are no errors, even for linked attributes.
        let changes = vec![
            Change::Add(MEMBER, vec![value(0), value(1)]),
            Change::Remove(MEMBER, vec![value(MEMBERS - 1)]),
        ];
        domain.apply(update(changes)).await.unwrap();
        let last = members[MEMBERS - 1].as_str();
        domain.apply(update(vec![Change::Remove(MEMBER, vec![last.into()])])).await.unwrap();
        let (all, _) = read(domain).await;
        assert_eq!(all.len(), MEMBERS - 1);
        assert!(all.contains(&members[0]) && !all.contains(last));
    });
}

#[test]
fn refusals_name_what_is_wrong() {
    in_domain(async |domain| {
        let ann = domain.insert_user("ann").await;
        let login = unique("l");
        let named = vec![cell(LOGIN, &[&login]), cell(PRINCIPAL, &[&format!("{login}@lab.example")])];
        domain.apply(domain.insert("ben", named)).await.unwrap();
        let orphan = format!("CN=x,OU=nowhere,{}", domain.unit);
        let quoted: Vec<u8> = "\"short\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let principal = format!("{login}@LAB.example");
        let update = |changes| domain.update(&ann, changes);
        let nobody = domain.dn_of("nobody");
        let password = |octets: Vec<u8>| Change::Set(PASSWORD, Cell::Values(vec![Value::Bytes(octets)]));
        let cases: Vec<(Step, &str)> = vec![
            (domain.insert("ann", vec![]), "exists CN"),
            (domain.insert("cid", vec![cell(LOGIN, &[&login.to_uppercase()])]), "exists samAccountName"),
            (domain.insert("cid", vec![cell(PRINCIPAL, &[&principal])]), "exists userPrincipalName"),
            (domain.insert("x", vec![cell(DN, &[&orphan])]), "violated container"),
            (domain.insert("x", vec![cell(UNKNOWN, &["x"])]), "violated noSuchAttribute"),
            (update(vec![set(UNKNOWN, &["x"])]), "violated noSuchAttribute"),
            (update(vec![set(DISPLAY, &["a", "b"])]), "violated displayName"),
            (update(vec![set(DISPLAY, &[""])]), "violated displayName"),
            (update(vec![set(SN, &["x".repeat(65).as_str()])]), "violated sn"),
            (update(vec![set(MANAGER, &[&nobody])]), "violated manager"),
            (update(vec![set(MANAGER, &["no name"])]), "violated manager"),
            (update(vec![set(GUID, &["a"])]), "violated objectGUID"),
            (update(vec![password(quoted)]), "violated unicodePwd"),
            (update(vec![password(b"in the clear".to_vec())]), "violated unicodePwd"),
            (
                Step::Rename { bag: domain.users(), target: ann.clone(), dn: orphan.clone() },
                "violated container",
            ),
        ];
        for (step, expect) in cases {
            let shown = format!("{step:?}");
            let said = match domain.apply(step).await.unwrap_err() {
                StoreError::ConstraintViolated { constraint, .. } => format!("violated {constraint}"),
                StoreError::AlreadyExists { constraint } => format!("exists {constraint}"),
                other => other.to_string(),
            };
            assert_eq!(said, expect, "{shown}");
        }
    });
}

#[test]
fn an_entry_is_renamed_moved_found_again_and_deleted() {
    in_domain(async |domain| {
        let ann = domain.insert_user("ann").await;
        let leavers = format!("OU=Leavers,{}", domain.unit);
        domain.add(&leavers, &[("objectClass", &["organizationalUnit"])]).await;
        let moved = format!("CN=Ann\\, gone,{leavers}");
        let rename = Step::Rename { bag: domain.users(), target: ann.clone(), dn: moved.clone() };
        domain.apply(rename).await.unwrap();
        // The target still has the old name: the entry is found by its GUID.
        domain.apply(domain.update(&ann, vec![set(DESCRIPTION, &["d"])])).await.unwrap();
        assert_eq!(domain.values(&moved, "description").await, ["d"]);
        domain.insert_user("ann").await;
        let delete = Step::Delete { bag: domain.users(), target: ann.clone(), required: true };
        domain.apply(delete.clone()).await.unwrap();
        assert_eq!(domain.names(Predicate::True).await, ["ann"], "who took the name is not touched");
        assert_eq!(domain.apply(delete).await, Err(StoreError::NotFound { bag: "user".into() }));
    });
}

/// A plan that was made before somebody got rights is refused after it: each entry is asked again in the moment in
/// which it would be changed.
#[test]
fn who_is_privileged_by_now_is_not_changed() {
    in_domain(async |domain| {
        let ann = domain.insert_user("ann").await;
        let ben = domain.insert_user("ben").await;
        let group = |name: &str| (domain.dn_of(name), unique("g"));
        let (inner, outer) = (group("inner"), group("outer"));
        domain
            .add(
                &inner.0,
                &[
                    ("objectClass", &["group"]),
                    ("sAMAccountName", &[&inner.1]),
                    ("member", &[&domain.dn_of("ann")]),
                ],
            )
            .await;
        domain
            .add(
                &outer.0,
                &[("objectClass", &["group"]), ("sAMAccountName", &[&outer.1]), ("member", &[&inner.0])],
            )
            .await;
        let describe = |target: &Target| domain.update(target, vec![set(DESCRIPTION, &["d"])]);
        let whole = [describe(&ben), describe(&ann)];
        domain.apply(describe(&ann)).await.unwrap();

        let operators = "CN=Backup Operators,CN=Builtin,DC=lab,DC=example";
        let member = |dn: &str| HashSet::from([dn.to_owned()]);
        let added = ldap3::Mod::Add("member".to_owned(), member(&outer.0));
        domain.raw.clone().modify(operators, vec![added]).await.unwrap().success().unwrap();
        let password = || scimgate::store::Secret("Correct-Horse7".to_owned().into());
        let named = |name: &str| domain.dn_of(name);
        let groups = domain.bag("group");
        let select = |dn: &str| select(&groups, one_of(DN, &[dn]), &[DN, GUID]);
        let row = domain.store.select(select(&inner.0)).await.unwrap().remove(0);
        let nested = Target::Entry { dn: inner.0.clone(), anchor: row.first(GUID).unwrap().clone() };
        let channel = scimgate::store::Channel::UnicodePwd;
        let bag = domain.users();
        let refused = [
            whole.to_vec(),
            vec![describe(&ann)],
            vec![Step::Rename { bag: bag.clone(), target: ann.clone(), dn: named("other") }],
            vec![Step::Password { bag: bag.clone(), target: ann.clone(), password: password(), channel }],
            vec![Step::Delete { bag: bag.clone(), target: ann.clone(), required: true }],
            vec![Step::Update {
                bag: groups.clone(),
                target: nested.clone(),
                changes: vec![Change::Add(MEMBER, vec![named("ben").into()])],
                required: true,
            }],
            vec![Step::Update {
                bag: groups.clone(),
                target: nested.clone(),
                changes: vec![Change::Remove(MEMBER, vec![named("ann").into()])],
                required: true,
            }],
            vec![Step::Delete { bag: groups.clone(), target: nested.clone(), required: true }],
        ];
        let ben_dn = named("ben");
        let mut answers = Vec::new();
        for steps in refused {
            answers.push(domain.store.apply(steps).await);
        }
        let removed = ldap3::Mod::Delete("member".to_owned(), member(&outer.0));
        domain.raw.clone().modify(operators, vec![removed]).await.unwrap().success().unwrap();
        for (number, answer) in answers.iter().enumerate() {
            assert!(matches!(answer, Err(StoreError::Protected { .. })), "{number}: {answer:?}");
        }
        // Nothing of the two changes has happened, and what is an ordinary account again is changed again.
        assert_eq!(domain.values(&ben_dn, "description").await, [""; 0]);
        domain.store.apply(whole.to_vec()).await.unwrap();
        assert_eq!(domain.values(&ben_dn, "description").await, ["d"]);
    });
}

/// What comes behind a password is refused: the old one stays, and so does the rest of the entry.
#[test]
fn a_password_is_set_when_nothing_else_can_fail() {
    in_domain(async |domain| {
        let password = |text: &str| scimgate::store::Secret(text.to_owned().into());
        let channel = scimgate::store::Channel::UnicodePwd;
        let (ann, ben) = (domain.insert_user("ann").await, domain.insert_user("ben").await);
        let bag = domain.users();
        let set_password = |text: &str| Step::Password {
            bag: bag.clone(),
            target: ann.clone(),
            password: password(text),
            channel,
        };
        domain.apply(set_password("First-Horse7")).await.unwrap();
        let (ann_dn, ben_dn) = (domain.dn_of("ann"), domain.dn_of("ben"));
        let describe = |target: &Target, text: &str| domain.update(target, vec![set(DESCRIPTION, &[text])]);
        let refused = domain.update(&ben, vec![set(MANAGER, &["CN=Nobody,DC=lab,DC=example"])]);
        let switched = || domain.update(&ann, vec![set(CONTROL, &["514"])]);
        let mut outcomes = Vec::new();
        let of_ann = domain.raw.clone();
        let set_at = async || {
            let found =
                of_ann.clone().search(&ann_dn, Scope::Base, "(objectClass=*)", ["pwdLastSet"]).await.unwrap();
            SearchEntry::construct(found.0.into_iter().next().unwrap()).attrs["pwdLastSet"].clone()
        };
        let first = set_at().await;
        for steps in [
            vec![describe(&ann, "x"), refused.clone(), set_password("Second-Horse7")],
            vec![describe(&ann, "x"), set_password("Second-Horse7"), refused.clone()],
            vec![set_password("Second-Horse7"), refused.clone()],
            vec![describe(&ann, "x"), describe(&ben, "x"), set_password("short")],
        ] {
            outcomes.push(domain.store.apply(steps).await);
        }
        let whole = [describe(&ann, "y"), set_password("Third-Horse7"), describe(&ben, "y"), switched()];
        assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
        for dn in [&ann_dn, &ben_dn] {
            assert_eq!(domain.values(dn, "description").await, [""; 0]);
        }
        // Disabled, so nobody can log in: what tells is when the password was set.
        assert_eq!(set_at().await, first);
        domain.store.apply(whole.to_vec()).await.unwrap();
        assert_ne!(set_at().await, first);
        assert_eq!(domain.values(&ben_dn, "description").await, ["y"]);
    });
}
