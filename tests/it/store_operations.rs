//! What requests cost, in operations on the store: counted, not timed.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::{
    in_process::Counted,
    support::{Backend, TestStore},
};

const MEMBERS: usize = 10_000;
const BIG: &str = "Ten Thousand";
/// Where members may be nobody's. Active Directory has a crowd of its own in `many_members`.
const WITH_CROWDS: [Backend; 5] =
    [Backend::Sqlite, Backend::Postgres, Backend::MariaDb, Backend::OpenLdap, Backend::Ds389];

/// A group of ten thousand, by its id, somebody who is not in it, and what the requests ask the store.
struct Big {
    counted: Counted,
    group: String,
    user: String,
    backend: Backend,
}

impl Big {
    async fn new(store: &TestStore) -> Self {
        let (counted, backend) = (Counted::over(store), store.backend());
        let filter = format!("displayName eq \"{}\"", fill_group(store));
        let query = [("filter", filter.as_str()), ("excludedAttributes", "members")];
        let found = counted.list("Groups", &query).await;
        let group = found["Resources"][0]["id"].as_str().unwrap().to_owned();
        let (asked, rows) = counted.store.take();
        assert!(!touches_members(&asked), "{backend:?}: {asked:?}");
        assert_eq!(rows, 1, "{backend:?}: only the group itself is read");
        let people = counted.list("Users", &[("filter", "title pr"), ("count", "1")]).await;
        let user = people["Resources"][0]["id"].as_str().unwrap_or_else(|| panic!("{people}")).to_owned();
        counted.store.take();
        Self { counted, group, user, backend }
    }

    /// Changes one member; the store is asked for one step, besides the group's time of change, and
    /// nobody else in the group is looked at.
    async fn change_one_member(&self, operation: &Json, step: &str) {
        self.counted.patch_group(&self.group, operation).await;
        let (asked, rows) = self.counted.store.take();
        let writes: Vec<&String> = asked.iter().filter(|line| line.starts_with("apply")).collect();
        let [write] = writes.as_slice() else { panic!("{:?}: one write in {asked:?}", self.backend) };
        let mut steps: Vec<&str> = write.lines().filter(|line| line.contains(step)).collect();
        assert_eq!(steps.len(), 1, "{:?}: {write}", self.backend);
        steps.extend(write.lines().filter(|line| line.contains("update Group: set ")));
        assert_eq!(steps.len(), write.lines().count(), "{:?}: {write}", self.backend);
        // The group, the user, perhaps the one row that links them, the group's answer.
        assert!(rows <= 4, "{:?}: {rows} rows were read: {asked:?}", self.backend);
        if matches!(self.backend, Backend::OpenLdap | Backend::Ds389) {
            let reads: Vec<&String> = asked.iter().filter(|line| line.starts_with("select")).collect();
            assert!(reads.iter().all(|line| !line.contains("member")), "{asked:?}");
        }
    }
}

/// True if memberships were asked for: the link table, or the attribute with the members.
fn touches_members(asked: &[String]) -> bool {
    asked.iter().any(|line| line.contains("Group.part.link") || line.contains("member"))
}

#[test]
fn a_member_more_or_less_is_one_step_whatever_the_size_of_the_group() {
    for backend in WITH_CROWDS {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let (add, remove) = match backend {
            Backend::OpenLdap | Backend::Ds389 => {
                ("update Group (one entry): add to member;", "remove from member;")
            }
            _ => ("find or add a row of Group.part.link", "delete from Group.part.link"),
        };
        run(async {
            let big = Big::new(&store).await;
            let members = json!([{ "value": big.user }]);
            let joins = json!({ "op": "add", "path": "members", "value": members });
            big.change_one_member(&joins, add).await;
            assert_eq!(count_members(&store), MEMBERS + 1, "{backend:?}");
            let leaves = format!("members[value eq \"{}\"]", big.user);
            big.change_one_member(&json!({ "op": "remove", "path": leaves }), remove).await;
            assert_eq!(count_members(&store), MEMBERS, "{backend:?}");
        });
    }
}

// 7644-3.9: what is excluded is not even read.
#[test]
fn memberships_that_nobody_wants_are_not_touched() {
    for backend in WITH_CROWDS {
        let Some(store) = TestStore::fresh(backend) else { continue };
        run(async {
            let big = Big::new(&store).await;
            let selection = big.counted.without("Groups", "members");
            let (gateway, context) = (&big.counted.gateway, &big.counted.context);
            let group = gateway.retrieve(context, big.counted.ty("Groups"), &big.group, &selection).await;
            assert!(!group.unwrap().contains_key("members"));
            big.counted.list("Groups", &[("excludedAttributes", "members")]).await;
            big.counted.list("Groups", &[("attributes", "displayName")]).await;
            let (asked, _) = big.counted.store.take();
            assert!(!touches_members(&asked), "{backend:?}: {asked:?}");
            // Members are seen by those who ask for them.
            big.counted.list("Groups", &[("attributes", "members"), ("count", "1")]).await;
            assert!(touches_members(&big.counted.store.take().0), "{backend:?}");
        });
    }
}

#[test]
fn a_page_costs_as_many_requests_as_one_resource() {
    for backend in Backend::ALL {
        let Some(store) = TestStore::fresh(backend) else { continue };
        run(async {
            let counted = Counted::over(&store);
            let mut costs = Vec::new();
            for count in ["3", "12"] {
                let page = counted.list("Users", &[("count", count)]).await;
                assert_eq!(page["itemsPerPage"].to_string(), count);
                costs.push(counted.store.take().0.len());
            }
            assert_eq!(costs[0], costs[1], "{backend:?}");
        });
    }
}

/// The members of the big group, counted by the store's own means.
fn count_members(store: &TestStore) -> usize {
    match store.backend() {
        Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => {
            store.group(BIG, "member").unwrap().len()
        }
        Backend::Postgres => number(store, "hr.team_member join hr.team using (team_id) where name"),
        Backend::MariaDb => number(store, "circle_person join circle using (circle_id) where title"),
        Backend::Sqlite => number(store, "team_members join teams using (team_id) where name"),
    }
}

fn number(store: &TestStore, rows: &str) -> usize {
    let text = if store.backend() == Backend::MariaDb { "char" } else { "text" };
    let found = store.tables().query(&format!("select cast(count(*) as {text}) as v from {rows} = '{BIG}'"));
    found[0].as_ref().unwrap().parse().unwrap()
}

/// Makes a group of many members by the store's own means, and tells its name.
fn fill_group(store: &TestStore) -> &'static str {
    let name = BIG;
    match store.backend() {
        Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => {
            let suffix = store.suffix();
            let mut ldif = format!("dn: cn={name},ou=groups,{suffix}\nobjectClass: groupOfNames\n");
            for number in 0..MEMBERS {
                writeln!(ldif, "member: uid=many{number},ou=people,{suffix}").unwrap();
            }
            store.directory().add(&ldif);
        }
        Backend::Postgres => store.tables().execute(&format!(
            "insert into hr.employee (user_name) select 'many' || n from generate_series(1, {MEMBERS}) n; \
             insert into hr.team (name) values ('{name}'); \
             insert into hr.team_member (team_id, employee_id) select team_id, employee_id \
             from hr.team, hr.employee where name = '{name}' and user_name like 'many%'"
        )),
        Backend::MariaDb => store.tables().execute(&format!(
            "insert into person (login, created, changed) select concat('many', seq), now(6), now(6) \
             from seq_1_to_{MEMBERS}; \
             insert into circle (title, created, changed) values ('{name}', now(6), now(6)); \
             insert into circle_person (circle_id, person_id) select circle_id, person_id \
             from circle, person where title = '{name}' and login like 'many%'"
        )),
        Backend::Sqlite => store.tables().execute(&format!(
            "insert into employees (login, created_at, updated_at) with recursive n (i) as \
             (select 1 union all select i + 1 from n where i < {MEMBERS}) \
             select 'many' || i, '2026-01-01 00:00:00', '2026-01-01 00:00:00' from n; \
             insert into teams (name, created_at, updated_at) \
             values ('{name}', '2026-01-01 00:00:00', '2026-01-01 00:00:00'); \
             insert into team_members (team_id, emp_no, joined_on) select team_id, emp_no, '2026-01-01' \
             from teams, employees where name = '{name}' and login like 'many%'"
        )),
    }
    name
}

/// Runs on a single-threaded runtime, as a worker has one.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}
