//! Rows that leave the scope, go, or become somebody else's between reading and writing.

use std::{sync::Arc, thread};

use scimgate::scim::{
    Object, error::ScimError, message::SearchRequest, patch::PATCH_OP, precondition::Preconditions,
    resource::Selection,
};
use serde_json::{Value as Json, json};

use super::{SERVERS, SQL, Site, USER, fresh};
use crate::{in_process::Counted, support::TestStore};

/// A gateway in this process: others can act just before it writes.
struct Inside {
    store: Arc<TestStore>,
    counted: Counted,
    ann: String,
}

impl Inside {
    async fn new(store: TestStore) -> Self {
        let counted = Counted::over(&store);
        let query = [("filter".to_owned(), "userName eq \"ann\"".to_owned())];
        let query = SearchRequest::from_query(&query, &Default::default()).unwrap();
        let found = counted.gateway.search(&counted.context, counted.ty("Users"), &query).await.unwrap();
        let ann = found["Resources"][0]["id"].as_str().unwrap().to_owned();
        Self { store: Arc::new(store), counted, ann }
    }

    fn meanwhile(&self, statements: &'static str) {
        let store = Arc::clone(&self.store);
        self.counted.store.before_next_write(move || store.tables().execute(statements));
    }

    async fn patch(&self, operations: Json) -> Result<Option<Object>, ScimError> {
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        let (counted, all) = (&self.counted, Selection::default());
        let (ty, always) = (counted.ty("Users"), Preconditions::default());
        counted.gateway.patch(&counted.context, ty, &self.ann, &always, &body, &all).await
    }

    async fn put(&self, body: Json) -> Result<Object, ScimError> {
        let (counted, all) = (&self.counted, Selection::default());
        let (ty, always) = (counted.ty("Users"), Preconditions::default());
        counted.gateway.replace(&counted.context, ty, &self.ann, &always, &body, &all).await
    }

    async fn delete(&self) -> Result<(), ScimError> {
        let (counted, always) = (&self.counted, Preconditions::default());
        counted.gateway.delete(&counted.context, counted.ty("Users"), &self.ann, &always).await
    }

    fn rows(&self, select: &str) -> Vec<String> {
        self.store.tables().query(select).into_iter().flatten().collect()
    }

    /// `ID PERSON ADDRESS MARK STATE` of each mail.
    fn mails(&self) -> Vec<String> {
        let lines = self.store.dump();
        let rows = lines.iter().filter_map(|line| line.strip_prefix("mail: "));
        let values = |row: &str| -> Vec<String> {
            row.split(", ").map(|cell| cell.split_once('=').unwrap().1.to_owned()).collect()
        };
        rows.map(|row| {
            let [address, id, mark, person, state] = &values(row)[..] else { panic!("{row}") };
            format!("{id} {person} {address} {mark} {state}")
        })
        .collect()
    }
}

fn everywhere<F: Future<Output = ()>>(test: impl Fn(Inside) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for store in SQL.into_iter().filter_map(fresh) {
        eprintln!("in front of {}", store.backend().name());
        runtime.block_on(async { test(Inside::new(store).await).await });
    }
}

fn change() -> Json {
    json!([
        { "op": "replace", "path": "title", "value": "Baker" },
        { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@x.org" },
    ])
}

fn ann(mails: Json) -> Json {
    json!({ "schemas": [USER], "userName": "ann", "title": "Cook", "emails": mails })
}

/// What others do to ann's row, so that it is not ours any more.
const LEAVES: [&str; 3] = [
    "update person set state = 'X' where person_id = 1",
    "delete from person where person_id = 1",
    // The name lives on, for somebody else.
    "delete from person where person_id = 1;
     insert into person values (9, 'ann', 'Nurse', 'A');
     update mail set person_id = 9 where person_id = 1",
];

#[test]
fn a_resource_that_left_is_not_found_and_nothing_is_touched() {
    for leaves in LEAVES {
        for request in ["patch", "put", "delete"] {
            everywhere(async |inside| {
                let twin = fresh(inside.store.backend()).unwrap();
                twin.tables().execute(leaves);
                inside.meanwhile(leaves);
                let mails = json!([{ "value": "new@x.org", "type": "work" }]);
                let error = match request {
                    "patch" => inside.patch(change()).await.unwrap_err(),
                    "put" => inside.put(ann(mails)).await.unwrap_err(),
                    _ => inside.delete().await.unwrap_err(),
                };
                assert_eq!(error.status(), 404, "{request} after {leaves}: {error}");
                assert_eq!(inside.store.dump(), twin.dump(), "{request} after {leaves}");
            });
        }
    }
}

#[test]
fn a_row_below_that_left_is_not_touched_and_the_change_is_made_all_the_same() {
    for (leaves, stays) in [
        ("update mail set state = 'X' where mail_id = 11", Some("11 1 ann@x.org W X")),
        ("update mail set person_id = 2 where mail_id = 11", Some("11 2 ann@x.org W A")),
        ("delete from mail where mail_id = 11", None),
    ] {
        everywhere(async |inside| {
            inside.meanwhile(leaves);
            let mails =
                json!([{ "value": "new@x.org", "type": "work" }, { "value": "ann@home", "type": "home" }]);
            let answer = inside.put(ann(mails.clone())).await.unwrap();
            let mut found: Vec<Json> = answer["emails"].as_array().unwrap().clone();
            found.sort_by_key(|mail| mail["type"] == "home");
            assert_eq!(Json::from(found), mails, "after {leaves}");
            let mut expected: Vec<&str> = stays.into_iter().collect();
            expected.extend(["12 1 ann@home H A", "21 2 bob@x.org W A", "22 1 new@x.org W A"]);
            assert_eq!(inside.mails(), expected, "after {leaves}");
        });
    }
}

#[test]
fn what_goes_with_a_resource_is_only_what_is_its_own() {
    for (leaves, stays) in [
        ("update mail set state = 'X' where mail_id = 11", "11 1 ann@x.org W X"),
        ("update mail set person_id = 2 where mail_id = 11", "11 2 ann@x.org W A"),
    ] {
        everywhere(async |inside| {
            inside.meanwhile(leaves);
            inside.delete().await.unwrap();
            assert_eq!(inside.mails(), [stays, "21 2 bob@x.org W A"], "after {leaves}");
            assert_eq!(inside.rows("select login as v from person order by login"), ["bob", "old"]);
        });
    }
}

#[test]
fn a_name_that_somebody_takes_meanwhile_is_in_use() {
    everywhere(async |inside| {
        inside.meanwhile("insert into person values (9, 'eve', 'Nurse', 'A')");
        let error = inside.patch(json!([{ "op": "replace", "path": "userName", "value": "eve" }])).await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.status(), error.scim_type().map(|t| t.as_str())),
            (409, Some("uniqueness")),
            "{error}"
        );
        assert!(error.detail().contains("`userName`"), "{error}");
        // A key that the gateway thought was free.
        inside.meanwhile("insert into mail values (22, 2, 'two@x.org', 'H', 'A')");
        let add = json!([{ "op": "replace", "path": "title", "value": "Baker" },
                         { "op": "add", "path": "emails", "value": [{ "value": "three@x.org", "type": "work" }] }]);
        let before = inside.rows("select title as v from person where person_id = 1");
        if let Err(error) = inside.patch(add).await {
            assert!([409, 503].contains(&error.status()), "{error}");
            assert_eq!(inside.rows("select title as v from person where person_id = 1"), before);
        }
        assert!(inside.mails().contains(&"22 2 two@x.org H A".to_owned()), "theirs stays");
    });
}

#[test]
fn a_row_that_leaves_while_we_wait_for_it_is_not_found() {
    for backend in SERVERS {
        for (request, level) in
            [("PATCH", "read committed"), ("DELETE", "repeatable read"), ("PATCH", "serializable")]
        {
            let Some(store) = fresh(backend) else { continue };
            let store = store.with_session(&format!("isolation = \"{level}\""));
            let site = Site::new(&store);
            let twin = fresh(backend).unwrap();
            let leaves = "UPDATE person SET state = 'X' WHERE person_id = 1";
            twin.tables().execute(leaves);
            let mut other = store.tables().session();
            other.begin(leaves);
            thread::scope(|scope| {
                let running = scope.spawn(|| match request {
                    "PATCH" => site.change("Baker"),
                    _ => site.client.delete(&site.ann),
                });
                store.tables().until_somebody_waits();
                other.execute("COMMIT");
                let answer = running.join().unwrap();
                assert_eq!(answer.status, 404, "{request}, {level}: {answer}");
            });
            assert_eq!(store.dump(), twin.dump(), "{request}, {level}");
            site.is_calm();
        }
    }
}
