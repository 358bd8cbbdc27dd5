//! Small mapping files, one per rule of the language. The first line of each
//! says what its compilation reports: `# expect: code at line, …` or `nothing`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::{fs, io, path::PathBuf};

use scimgate::{
    mapping::{
        Counter, CounterKind, Delete, Ids, Mapping, StoreKind, TypeMapping,
        codec::Codec,
        compile::compile,
        diagnostic::{Diagnostics, position},
        form::{Answers, Template, set::AssignTarget},
        lens::{self, Lens, Scalar},
        record::Record,
        shape::{Part, Use},
    },
    scim::{ENTERPRISE, Object, attribute::AttrPath, schema::Mutability},
    store::{Field, FieldKind, Fold, Predicate, Profile, Source, Test},
};
use serde_json::json;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mapping")
}

fn load(name: &str) -> io::Result<String> {
    fs::read_to_string(folder().join(name))
}

fn compile_file(name: &str) -> (String, Result<(Mapping, Diagnostics), Diagnostics>) {
    let source = load(name).unwrap();
    let result = compile(&source, &load);
    (source, result)
}

fn files(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with(prefix))
        .collect();
    names.sort();
    names
}

/// What a file's first line expects, as `code at line`, sorted.
fn expected(source: &str) -> Vec<String> {
    let line = source
        .lines()
        .next()
        .and_then(|l| l.strip_prefix("# expect: "))
        .expect("a first line with `# expect: `");
    let mut list: Vec<String> = line.split(", ").filter(|e| *e != "nothing").map(str::to_owned).collect();
    list.sort();
    list
}

fn found(source: &str, diagnostics: &Diagnostics) -> Vec<String> {
    let mut list: Vec<String> =
        diagnostics.0.iter().map(|d| format!("{} at {}", d.code, position(source, d.span.start).0)).collect();
    list.sort();
    list
}

#[test]
fn wrong_files_are_refused_with_exactly_the_expected_reports() {
    let names = files("fail_");
    assert!(names.len() >= 25, "the fixtures were found");
    let mut wrong = Vec::new();
    for name in names {
        let (source, result) = compile_file(&name);
        let Err(diagnostics) = result else {
            wrong.push(format!("{name}: compiled"));
            continue;
        };
        if found(&source, &diagnostics) != expected(&source) {
            wrong.push(format!(
                "{name}: expected {:?}\n{}",
                expected(&source),
                diagnostics.render(&name, &source)
            ));
        }
        for d in &diagnostics.0 {
            assert!(!d.help.is_empty() && !d.message.is_empty(), "{name}: {d:?}");
            assert!(source.get(d.span.clone()).is_some(), "{name}: {d:?} points outside the file");
            let ((line, column), text) =
                (position(&source, d.span.start), diagnostics.render(&name, &source));
            assert!(text.contains(&format!("[{}] {name}:{line}:{column}:", d.code)), "{name}: {text}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn right_files_compile() {
    let names = files("pass_");
    assert!(names.len() >= 5, "the fixtures were found");
    let mut wrong = Vec::new();
    for name in names {
        let (source, result) = compile_file(&name);
        match result {
            Err(diagnostics) => wrong.push(format!("{name}\n{}", diagnostics.render(&name, &source))),
            Ok((_, warnings)) if found(&source, &warnings) != expected(&source) => {
                wrong.push(format!("{name}\n{}", warnings.render(&name, &source)));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compiled(name: &str) -> Mapping {
    let (source, result) = compile_file(name);
    result.unwrap_or_else(|d| panic!("{}", d.render(name, &source))).0
}

/// Names of the fields that assignments settle, in their order.
fn settled(ty: &TypeMapping) -> Vec<String> {
    let name = |target: &AssignTarget| match target {
        AssignTarget::Field(field) => ty.shape.field_name(field),
        AssignTarget::Part(part) => ty.shape.part(*part).name.clone(),
    };
    ty.settle.iter().map(|s| name(&s.assign.target)).collect()
}

fn field(ty: &TypeMapping, part: usize, name: &str) -> Field {
    let bag = &ty.shape.part(part).bag;
    bag.fields[bag.find_field(name).unwrap()].clone()
}

#[test]
fn a_directory_is_laid_out_by_its_profile() {
    let mapping = compiled("pass_rfc2307bis.toml");
    assert_eq!(mapping.store, StoreKind::Ldap { profile: Profile::OpenLdap });
    let (user, group) = (&mapping.types[0], &mapping.types[1]);
    let bag = user.bag();
    assert_eq!(bag.key, [bag.find_field("entryUUID").unwrap()]);
    assert_eq!(user.version, bag.find_field("entryCSN"));
    let Source::Entries { bases, subtree, classes, rdn } = &bag.source else { panic!("entries") };
    assert_eq!(bases, &["ou=People,dc=corp,dc=example,dc=org"]);
    assert!(*subtree);
    assert_eq!(classes, &["inetOrgPerson", "posixAccount"]);
    assert_eq!(rdn, &[bag.find_field("uid").unwrap()]);
    // `where` speaks of classes itself; the group's first class tells its entries.
    let class = bag.find_field("objectClass").unwrap();
    assert_eq!(bag.scope, Predicate::equals(class, "inetOrgPerson".into()));
    let class = group.bag().find_field("objectClass").unwrap();
    let first = Test::OneOf(vec!["groupOfNames".into()], Fold::Case);
    assert_eq!(group.bag().scope, Predicate::Field(class, first));
    // Classes of a new entry come from the bag, not from constants.
    assert!(user.shape.root().constants.is_empty());
    for name in ["manager", "memberOf", "container"] {
        assert_eq!(field(user, 0, name).kind, FieldKind::Dn, "{name}");
    }
    assert_eq!(field(user, 0, "uid").kind, FieldKind::Text);
    assert!(field(user, 0, "mail").many && !field(user, 0, "uid").many);
    let link = group.shape.part(group.shape.find("link").unwrap());
    assert_eq!(link.values_of(), group.bag().find_field("member"));
    assert_eq!(link.bag.fields[0].kind, FieldKind::Dn);
    assert_eq!(link.floor, Some(Template::Literal("cn=nobody,dc=corp,dc=example,dc=org".into())));
    let Counter { kind: CounterKind::Highest { bag, fields }, from: 10000, .. } = &mapping.counters["uid"]
    else {
        panic!("{:?}", mapping.counters)
    };
    assert_eq!(bag.field_name(fields[0]), "uidNumber");
}

#[test]
fn sources_are_settled_before_what_is_made_of_them() {
    let mapping = compiled("pass_rfc2307bis.toml");
    let order = settled(&mapping.types[0]);
    let at = |name: &str| order.iter().position(|n| n == name).unwrap();
    assert!(at("sn") < at("displayName") && at("displayName") < at("cn"), "{order:?}");
    let plain = compiled("pass_plain_ldap.toml");
    assert_eq!(settled(&plain.types[0]), ["cn", "sn"]);
}

#[test]
fn the_published_schema_holds_what_is_mapped_and_nothing_else() {
    let mapping = compiled("pass_rfc2307bis.toml");
    let user = &mapping.types[0].resource_type;
    let find = |path: &str| user.resolve(&AttrPath::parse(path).unwrap()).map(|r| r.leaf().clone());
    for absent in ["profileUrl", "ims", "emails.display", "name.honorificPrefix", "addresses.country"] {
        assert_eq!(find(absent), None, "{absent}");
    }
    for present in ["id", "meta.created", "externalId", "name.middleName", "nickName", "emails.primary"] {
        assert!(find(present).is_some(), "{present}");
    }
    assert_eq!(find("groups").unwrap().mutability, Mutability::ReadOnly);
    assert_eq!(find("phoneNumbers.type").unwrap().canonical_values, ["work", "mobile", "fax"]);
    let names: Vec<&str> = user.extensions[0].0.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["employeeNumber", "organization", "department", "manager"]);
    let group = &mapping.types[1].resource_type;
    let reference = group.resolve(&AttrPath::parse("members.$ref").unwrap()).unwrap().leaf().clone();
    assert_eq!(reference.reference_types, ["User", "Group"]);
    assert_eq!(group.endpoint, "/Groups");

    let sql = compiled("pass_sql_rows.toml");
    let user = &sql.types[0].resource_type;
    let name = user.resolve(&AttrPath::parse("name.formatted").unwrap()).unwrap().leaf().clone();
    assert_eq!(name.mutability, Mutability::ReadOnly);
    let login = user.resolve(&AttrPath::parse("userName").unwrap()).unwrap().leaf().clone();
    assert_eq!(login.mutability, Mutability::Immutable);
}

#[test]
fn groups_are_the_inverse_of_members() {
    let mapping = compiled("pass_rfc2307bis.toml");
    let (user, group) = (&mapping.types[0], &mapping.types[1]);
    let Lens::Inverse(index) = user.find_rule(None, "groups").unwrap().lens else { panic!("an inverse") };
    let inverse = &user.inverses[index];
    assert_eq!((inverse.holder, inverse.attribute.as_str()), (1, "members"));
    assert_eq!(group.shape.field_name(&inverse.pointer), "link.it");
    assert_eq!(user.shape.field_name(&inverse.by), "dn");
    let (here, there) = inverse.via.clone().unwrap();
    assert_eq!(
        (user.shape.field_name(&here), group.shape.field_name(&there)),
        ("memberOf".into(), "dn".into())
    );
    // Without a word about it, too.
    let sql = compiled("pass_sql_rows.toml");
    let inverse = &sql.types[0].inverses[0];
    assert_eq!(sql.types[1].shape.field_name(&inverse.pointer), "link.person_id");
    assert_eq!(sql.types[0].shape.field_name(&inverse.by), "id");
}

#[test]
fn tables_hang_together_by_their_columns() {
    let mapping = compiled("pass_sql_rows.toml");
    let user = &mapping.types[0];
    let bag = user.bag();
    let kind = bag.find_field("kind").unwrap();
    assert_eq!(user.shape.root().constants, [(kind, "person".into())]);
    assert_eq!(bag.scope, Predicate::equals(kind, "person".into()));
    let part = |name: &str| user.shape.part(user.shape.find(name).unwrap());
    let names = |p: &Part| {
        p.on.iter()
            .map(|(a, b)| {
                (p.bag.field_name(*a).to_owned(), user.shape.part(p.parent).bag.field_name(*b).to_owned())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(names(part("dept")), [("id".to_owned(), "department_id".to_owned())]);
    assert_eq!(part("dept").usage, Use::Find);
    assert_eq!(part("dept").find_by, part("dept").bag.find_field("name"));
    assert_eq!(part("mail").order.len(), 2);
    assert!(part("mail").many && part("mail").order[0].1);
    assert_eq!(user.touch.len(), 6, "the root's and every part's");
    // A slot with a dot in its name, and a short name of a slot.
    assert!(settled(user).contains(&"attr.ui.theme".to_owned()));
    let Lens::Scalar(Scalar { source: lens::Source::Field { field, nothing, .. }, .. }) =
        &user.find_rule(None, "nickName").unwrap().lens
    else {
        panic!("a field")
    };
    assert_eq!(user.shape.field_name(field), "attr.badge-number");
    assert_eq!(nothing, &[Template::Nothing]);
    assert!(
        matches!(&user.delete, Delete { refuse: Some(_), keep: true, set, archive: None } if set.len() == 1)
    );
    assert_eq!(mapping.errors["people_login_key"].name, "userName");
}

#[test]
fn keys_of_one_attribute_become_one_rule() {
    let mapping = compiled("pass_sql_rows.toml");
    let user = &mapping.types[0];
    let lens = |name: &str| &user.find_rule(None, name).unwrap().lens;
    let Lens::Complex(subs) = lens("name") else { panic!("a complex value") };
    assert_eq!(
        subs.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["givenName", "familyName", "formatted"]
    );
    let Lens::Slots(slots) = lens("phoneNumbers") else { panic!("slots") };
    assert_eq!(slots.slots.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["work", "mobile"]);
    // `[User.fields]` go with the field wherever it is used.
    let Lens::Scalar(Scalar { source: lens::Source::Field { codecs, nothing, .. }, .. }) =
        &slots.slots[0].1[0].lens
    else {
        panic!("a field")
    };
    assert_eq!((codecs.as_slice(), nothing.len()), (&[Codec::Trim][..], 2));
    assert!(matches!(lens("displayName"), Lens::First(list) if list.len() == 2));
    assert!(matches!(lens("addresses"), Lens::Slots(slots) if slots.rest_side));
    let manager = user.find_rule(Some(scimgate::scim::ENTERPRISE), "manager").unwrap();
    let Lens::Reference(reference) = &manager.lens else { panic!("a reference") };
    assert_eq!(user.references[reference.target].types[0].0, 0);
    assert_eq!(user.references[reference.target].display, "displayName");
}

#[test]
fn own_schemas_and_types_are_published() {
    let mapping = compiled("pass_own_type.toml");
    let badge = &mapping.types[mapping.find_type("Badge").unwrap()];
    assert_eq!(badge.resource_type.endpoint, "/Badges");
    assert_eq!(badge.ids, Ids::Minted);
    let number = badge.resource_type.core.find("number").unwrap();
    assert!(number.required && number.case_exact);
    assert!(matches!(&badge.find_rule(None, "colours").unwrap().lens, Lens::Rows(rows) if rows.simple));
    // A column of the root, reached through the part between.
    let paint = badge.shape.part(badge.shape.find("paint").unwrap());
    assert_eq!(badge.shape.part(paint.parent).name, "colour");
    assert_eq!(paint.on.len(), 2);
    let user = &mapping.types[0];
    assert!(user.find_rule(Some("urn:example:schemas:Canteen"), "diet").is_some());
    assert!(matches!(user.find_rule(None, "emails").unwrap().lens, Lens::Side));
    assert!(user.find_rule(None, "password").is_none(), "a password is never kept by us");
}

#[test]
fn values_inside_of_a_container_are_escaped_by_their_place() {
    let text = r#"
        [User]
        base = "ou=people,dc=corp"
        classes = ["inetOrgPerson"]
        rdn = "uid"
        derived = { cn = "{uid}", container = "ou={departmentNumber},ou=people,dc=corp" }
        [User.attributes]
        userName = "uid"
        name = { sub = { familyName = "sn" } }
        '{E}' = { sub = { department = "departmentNumber" } }
    "#;
    let mapping = compile(text, &load).unwrap_or_else(|d| panic!("{d}")).0;
    let user = &mapping.types[0];
    let answers = Answers::new(time::OffsetDateTime::UNIX_EPOCH, "https://scim.example");
    let container = |department: &str| {
        let wanted = json!({
            "userName": "u", "name": { "familyName": "U" }, ENTERPRISE: { "department": department },
        });
        let (base, nothing) = (Record::create(&user.shape), Object::new());
        let written = user.write(&base, &nothing, &nothing, wanted.as_object().unwrap(), &answers).unwrap();
        user.diff(&written).unwrap().dn.unwrap()
    };
    assert_eq!(container("IT"), "uid=u,ou=IT,ou=people,dc=corp");
    assert_eq!(container("x,ou=admins"), "uid=u,ou=x\\,ou\\=admins,ou=people,dc=corp");
    assert_eq!(container(" #a+b=c\\"), "uid=u,ou=\\ #a\\+b\\=c\\\\,ou=people,dc=corp");
}
