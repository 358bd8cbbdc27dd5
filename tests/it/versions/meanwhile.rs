//! Another program writes between the moment when a version is checked and the moment when the change
//! is made.

use std::sync::Arc;

use scimgate::scim::{
    Object,
    error::ScimError,
    filter::parse::FilterRules,
    message::SearchRequest,
    precondition::{Preconditions, version_of},
    resource::Selection,
};
use serde_json::{Value as Json, json};

use super::{USER, replace};
use crate::{
    every_store::login,
    in_process::Counted,
    support::{Backend, TestStore},
};

/// Gives somebody another title, as other programs of the house do.
fn retitle(store: &TestStore, number: usize) {
    match store.backend() {
        Backend::Sqlite => store
            .tables()
            .execute(&format!("update employees set job_title = 'Theirs' where emp_no = {number}")),
        Backend::Postgres => store.tables().execute(&format!(
            "update hr.employee set job_title = 'Theirs', updated_at = clock_timestamp() \
             where employee_id = {number}"
        )),
        Backend::MariaDb => store.tables().execute(&format!(
            "update person set job = 'Theirs', changed = now(6) where person_id = {number}"
        )),
        Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => store.directory().modify(&format!(
            "dn: {}\nchangetype: modify\nreplace: title\ntitle: Theirs\n",
            // A display name may be that of the entry.
            store
                .directory()
                .search(&format!("(|(uid={0})(userPrincipalName={0}))", login(store, number)))
                .remove(0)
                .dn
        )),
    }
}

struct Site {
    store: Arc<TestStore>,
    counted: Counted,
    id: String,
    version: String,
}

impl Site {
    async fn new(store: TestStore) -> Self {
        let counted = Counted::over(&store);
        let filter = format!("userName eq \"{}\"", login(&store, 4));
        let query = [("filter".to_owned(), filter)];
        let query = SearchRequest::from_query(&query, &FilterRules::default()).unwrap();
        let found = counted.gateway.search(&counted.context, counted.ty("Users"), &query).await.unwrap();
        let user = &found["Resources"][0];
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let (id, version) = (text(&user["id"]), text(&user["meta"]["version"]));
        Self { store: Arc::new(store), counted, id, version }
    }

    /// Somebody else writes just before our next change.
    fn interrupt(&self) {
        let store = Arc::clone(&self.store);
        self.counted.store.before_next_write(move || retitle(&store, 4));
    }

    async fn patch(&self, attribute: &str, if_match: Option<&str>) -> Result<Object, ScimError> {
        let (gateway, context) = (&self.counted.gateway, &self.counted.context);
        let (conditions, all) = (Preconditions::if_match(if_match), Selection::default());
        let body = replace(attribute, "Ours");
        let ty = self.counted.ty("Users");
        gateway.patch(context, ty, &self.id, &conditions, &body, &all).await.map(Option::unwrap)
    }

    async fn put(&self, if_match: &str) -> Result<Object, ScimError> {
        let (gateway, context) = (&self.counted.gateway, &self.counted.context);
        let conditions = Preconditions::if_match(Some(if_match));
        let body = json!({ "schemas": [USER], "userName": login(&self.store, 4), "displayName": "Ours" });
        let ty = self.counted.ty("Users");
        gateway.replace(context, ty, &self.id, &conditions, &body, &Selection::default()).await
    }

    async fn delete(&self, if_match: &str) -> Result<(), ScimError> {
        let (gateway, context) = (&self.counted.gateway, &self.counted.context);
        let conditions = Preconditions::if_match(Some(if_match));
        gateway.delete(context, self.counted.ty("Users"), &self.id, &conditions).await
    }

    fn stored(&self, field: [&str; 4]) -> Vec<String> {
        // The last one is that of all directories.
        let at = Backend::EVERY.iter().position(|b| *b == self.store.backend()).unwrap();
        self.store.user(&login(&self.store, 4), field[at.min(3)]).unwrap()
    }

    fn title(&self) -> Vec<String> {
        self.stored(["job_title", "job_title", "job", "title"])
    }

    fn display_name(&self) -> Vec<String> {
        self.stored(["display_name", "display_name", "full_name", "displayName"])
    }
}

fn everywhere<F: Future<Output = ()>>(test: impl Fn(Site) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        runtime.block_on(async { test(Site::new(store).await).await });
    }
}

#[test]
fn a_version_that_is_gone_when_the_change_is_made_is_no_match() {
    // 7644-3.14-c, 7644-3.14-d, D-15
    everywhere(async |site| {
        let name = site.display_name();
        site.interrupt();
        let patched = site.patch("displayName", Some(&site.version)).await;
        assert_eq!(patched.unwrap_err().status(), 412);
        assert_eq!((site.title(), site.display_name()), (vec!["Theirs".to_owned()], name.clone()));
        // With the version of now, it passes; the one before does not.
        assert_eq!(site.patch("displayName", Some(&site.version)).await.unwrap_err().status(), 412);
        let now = site.patch("displayName", Some("*")).await.unwrap();
        let version = version_of(&now).unwrap().to_owned();
        assert_eq!(site.display_name(), ["Ours"]);
        let done = site.patch("title", Some(&version)).await.unwrap();
        let version = version_of(&done).unwrap().to_owned();
        site.interrupt();
        assert_eq!(site.put(&version).await.unwrap_err().status(), 412);
        assert_eq!(site.title(), ["Theirs"]);
        let now = site.patch("title", Some("*")).await.unwrap();
        site.interrupt();
        assert_eq!(site.delete(version_of(&now).unwrap()).await.unwrap_err().status(), 412);
        assert_eq!(site.title(), ["Theirs"]);
        let now = site.patch("title", None).await.unwrap();
        site.delete(version_of(&now).unwrap()).await.unwrap();
        assert_eq!(site.store.user(&login(&site.store, 4), "1"), None);
    });
}

#[test]
fn without_a_condition_changes_of_different_attributes_both_count() {
    everywhere(async |site| {
        site.interrupt();
        let patched = site.patch("displayName", None).await.unwrap();
        assert_eq!((&patched["displayName"], &patched["title"]), (&json!("Ours"), &json!("Theirs")));
        assert_eq!((site.title(), site.display_name()), (vec!["Theirs".to_owned()], vec!["Ours".to_owned()]));
    });
}
