//! Groups with one member or none, in front of every directory, to which others add somebody just before our change.

use std::sync::Arc;

use scimgate::scim::{patch::PATCH_OP, precondition::Preconditions, resource::Selection};
use serde_json::{Value as Json, json};

use crate::{
    every_store::login,
    in_process::Counted,
    support::{Backend, TestStore},
};

/// The DN of a person of the seed.
fn dn(store: &TestStore, number: usize) -> String {
    let name = if store.backend() == Backend::ActiveDirectory { "sAMAccountName" } else { "uid" };
    let login = login(store, number);
    let login = login.split('@').next().unwrap();
    let found = store.directory().search(&format!("({name}={login})"));
    found.into_iter().next().unwrap_or_else(|| panic!("nobody is called {login}")).dn
}

#[test]
fn who_is_added_meanwhile_stays() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for backend in [Backend::OpenLdap, Backend::Ds389, Backend::ActiveDirectory] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        eprintln!("in front of {}", backend.name());
        let store = Arc::new(store);
        runtime.block_on(async {
            let counted = Counted::over(&store);
            let class = if backend == Backend::ActiveDirectory { "group" } else { "groupOfNames" };
            let filter = format!("userName eq \"{}\"", login(&store, 1));
            let found = counted.list("Users", &[("filter", &filter)]).await;
            let first = found["Resources"][0]["id"].clone();
            let (one, other) = (dn(&store, 1), dn(&store, 2));
            for (name, is_removed) in [("small-removed", true), ("small-added", false)] {
                let group = format!("cn={name},ou=groups,{}", store.suffix());
                // OpenLDAP's class needs a member.
                let held = match (is_removed, backend) {
                    (true, _) => format!("member: {one}\n"),
                    (false, Backend::OpenLdap) => format!("member: cn=nobody,{}\n", store.suffix()),
                    (false, _) => String::new(),
                };
                store.directory().add(&format!("dn: {group}\nobjectClass: {class}\ncn: {name}\n{held}"));
                let found =
                    counted.list("Groups", &[("filter", &format!("displayName eq \"{name}\""))]).await;
                let id = found["Resources"][0]["id"].as_str().unwrap().to_owned();
                let directory = Arc::clone(&store);
                let ldif = format!("dn: {group}\nchangetype: modify\nadd: member\nmember: {other}\n");
                counted.store.before_next_write(move || directory.directory().modify(&ldif));
                let members: Json = match is_removed {
                    true => json!({ "op": "remove", "path": format!("members[value eq {first}]") }),
                    false => json!({ "op": "add", "path": "members", "value": [{ "value": first }] }),
                };
                let also = json!({ "op": "replace", "path": "externalId", "value": name });
                let body = json!({ "schemas": [PATCH_OP], "Operations": [also, members] });
                let (ty, always, all) =
                    (counted.ty("Groups"), Preconditions::default(), Selection::default());
                counted.gateway.patch(&counted.context, ty, &id, &always, &body, &all).await.unwrap();
                let left = store.directory().values(&group, "member").unwrap();
                let has = |dn: &str| left.iter().any(|value| value.eq_ignore_ascii_case(dn));
                assert!(has(&other), "{name}: {left:?}");
                assert_eq!(has(&one), !is_removed, "{name}: {left:?}");
            }
        });
    }
}
