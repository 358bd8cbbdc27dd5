//! The database and the store differ, in each way that there is.

use super::{correlate, ends, execute, exported, user};
use crate::support::{Backend, Gateway, Options, TestStore};

#[test]
fn each_difference_is_counted_and_put_right_where_that_is_safe() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let made: Vec<String> = ["a", "b", "c", "d", "e", "f"]
        .map(|login| client.post("/Users", &user(login, &format!("ext-{login}"))).id())
        .to_vec();
    assert_eq!(client.get("/Groups").status, 200);
    assert_eq!(client.get("/Users").status, 200);
    gateway.restart_after(|directory| {
        assert!(!ends(&correlate(directory, &["verify"]), 0).contains("put right"));
        let whole = exported(directory, "whole.jsonl");
        let people = format!("ou=people,{}", store.suffix());
        store.directory().delete(&[&format!("uid=b,{people}")]);
        store
            .directory()
            .modify(&format!("dn: uid=c,{people}\nchangetype: modrdn\nnewrdn: uid=cc\ndeleteoldrdn: 1\n"));
        let [a, _, _, d, e, f] = made.as_slice() else { panic!("six") };
        execute(
            directory,
            &format!(
                "delete from resource where id = '{a}';
                 update resource set sidecar = '[1' where id = '{d}';
                 update resource set external_id = 'ext-f' where id = '{e}';
                 insert into kept (tenant, resource_type, path, value, id)
                 values ('default', 'User', 'nickname', 'x', '{f}');"
            ),
        );
        let kinds = [
            "1 in the store, without a row",
            "1 rows of what the store does not have",
            "1 rows that tell an old place",
            "1 externalIds that several have",
            "1 rows with an unreadable sidecar",
            "1 rows with a wrong index",
        ];
        let said = ends(&correlate(directory, &["verify"]), 5);
        for kind in kinds {
            assert!(said.contains(kind), "{kind}: {said}");
        }
        assert!(said.contains(&format!("uid=a,{people}")), "{said}");

        let said = ends(&correlate(directory, &["verify", "--fix"]), 5);
        assert_eq!(said.matches("1 put right").count(), 4, "{said}");
        let said = ends(&correlate(directory, &["verify"]), 5);
        for (kind, is_left) in kinds.iter().zip([false, false, false, true, true, false]) {
            assert_eq!(said.contains(kind), is_left, "{kind}: {said}");
        }
        // An export has what only the database knew; what was made wrong by hand contradicts it.
        let said = ends(&correlate(directory, &["import", "whole.jsonl"]), 1);
        assert!(said.contains("whole.jsonl:"), "{said}");
        ends(&correlate(directory, &["import", "whole.jsonl", "--keep"]), 0);
        let row = ends(&correlate(directory, &["find", a]), 0);
        assert!(row.contains("ext-a"), "{row}");
        assert_eq!(whole.len(), exported(directory, "now.jsonl").len());
    });
}

#[test]
fn many_that_are_gone_at_once_are_not_believed() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let count = gateway.client().get("/Users?attributes=id").json["totalResults"].as_u64().unwrap();
    let people = store.logins().len() as u64;
    assert_eq!(count, people);
    let dns: Vec<String> = store
        .logins()
        .iter()
        .take(5)
        .map(|login| format!("uid={login},ou=people,{}", store.suffix()))
        .collect();
    store.directory().delete(&dns.iter().map(String::as_str).collect::<Vec<_>>());
    let directory = gateway.directory();
    let said = ends(&correlate(directory, &["verify", "--fix", "--type", "User"]), 5);
    assert!(said.contains("nothing was marked"), "{said}");
    assert_eq!(ends(&correlate(directory, &["list", "--deleted"]), 0), "");
    let said = ends(&correlate(directory, &["verify", "--fix", "--yes", "--type", "User"]), 0);
    assert!(said.contains("5 put right"), "{said}");
    assert_eq!(ends(&correlate(directory, &["list", "--deleted"]), 0).lines().count(), 5);
    ends(&correlate(directory, &["verify", "--type", "User"]), 0);
}
