//! The same questions to each kind of database: always SQLite, and PostgreSQL
//! where `SCIMGATE_TEST_POSTGRES` names one (a URL with the password in it).

mod turns;

use std::collections::HashSet;

use diesel::{connection::SimpleConnection as _, prelude::*};
use futures_util::future::{join_all, try_join_all};
use tempfile::TempDir;
use time::{Duration, macros::datetime};

use super::*;

const T0: OffsetDateTime = datetime!(2026-11-24 10:11:12.345678 UTC);

/// A database of the test's own, which goes away with it.
struct Database {
    settings: CorrelationSettings,
    _directory: TempDir,
    #[cfg(feature = "postgres")]
    schema: Option<(String, String)>,
}

impl Database {
    fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("ids.db").display());
        let settings = CorrelationSettings { url, ..CorrelationSettings::default() };
        Self {
            settings,
            _directory: directory,
            #[cfg(feature = "postgres")]
            schema: None,
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(url: &str) -> Self {
        let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut connection = diesel::PgConnection::establish(url).unwrap();
        connection.batch_execute(&format!("CREATE SCHEMA {schema}")).unwrap();
        let and = if url.contains('?') { '&' } else { '?' };
        let mut database = Self::sqlite();
        database.settings.url = format!("{url}{and}options=-csearch_path%3D{schema}");
        database.schema = Some((url.to_owned(), schema));
        database
    }

    fn all() -> Vec<Self> {
        #[cfg_attr(not(feature = "postgres"), expect(unused_mut, reason = "there is no other"))]
        let mut all = vec![Self::sqlite()];
        #[cfg(feature = "postgres")]
        match std::env::var("SCIMGATE_TEST_POSTGRES") {
            Ok(url) => all.push(Self::postgres(&url)),
            Err(_) => eprintln!("SKIPPED on PostgreSQL: SCIMGATE_TEST_POSTGRES is not set"),
        }
        all
    }

    fn open(&self) -> Correlation {
        Correlation::open(&self.settings, "main").unwrap()
    }
}

#[cfg(feature = "postgres")]
impl Drop for Database {
    fn drop(&mut self) {
        if let Some((url, schema)) = &self.schema {
            let mut connection = diesel::PgConnection::establish(url).unwrap();
            connection.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).unwrap();
        }
    }
}

fn new(anchor: &str) -> NewRow {
    NewRow::new(derived_id("main", "User", anchor), anchor, format!("uid={anchor},dc=x"), T0)
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|t| (*t).to_owned()).collect()
}

async fn insert(correlation: &Correlation, anchor: &str, buried: Buried) -> Arc<Row> {
    let rows = correlation.insert_missing("User", vec![new(anchor)], buried).await.unwrap();
    assert_eq!(rows.len(), 1);
    Arc::clone(&rows[0])
}

#[test]
fn migrations_go_up_down_and_up_again() {
    for database in Database::all() {
        let pool = Manager::pool(&database.settings).unwrap();
        let mut connection = pool.get().unwrap();
        connection.migrate().unwrap();
        connection.migrate().unwrap();
        connection.unmigrate();
        let gone = schema::resource::table.count().get_result::<i64>(&mut *connection);
        assert!(gone.is_err(), "the table is gone");
        connection.migrate().unwrap();
        assert_eq!(schema::resource::table.count().get_result::<i64>(&mut *connection), Ok(0));
    }
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    for database in Database::all() {
        let pool = Manager::pool(&database.settings).unwrap();
        let mut connection = pool.get().unwrap();
        connection.migrate().unwrap();
        connection
            .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')")
            .unwrap();
        let error = connection.migrate().unwrap_err().to_string();
        assert!(error.contains("newer version of this program (to 99990101000000)"), "{error}");
    }
}

#[tokio::test]
async fn a_row_is_found_by_each_of_its_names() {
    for database in Database::all() {
        let ids = database.open();
        let row = insert(&ids, "a", Buried::Report).await;
        let changed = Row {
            external_id: Some("ext".to_owned()),
            sidecar: Some("{\"title\":\"é\"}".to_owned()),
            version: Some("2".to_owned()),
            locator: "uid=b,dc=x".to_owned(),
            last_modified: T0 + Duration::SECOND,
            ..(*row).clone()
        };
        assert_eq!(*ids.update(changed.clone()).await.unwrap().unwrap(), changed);
        // From memory, and by somebody who has nothing in memory.
        for ids in [ids, database.open()] {
            let by_id = ids.find_by_ids("User", &texts(&[&row.id, "other", &row.id])).await.unwrap();
            let by_anchor = ids.find_by_anchors("User", &texts(&["a", "other"])).await.unwrap();
            let by_place = ids.find_by_locators("User", &texts(&["uid=b,dc=x"])).await.unwrap();
            let by_external = ids.find_by_external_id("User", "ext").await.unwrap();
            for found in [by_id, by_anchor, by_place, by_external] {
                assert_eq!(found.len(), 1);
                assert_eq!(*found[0], changed);
            }
            assert!(ids.find_by_locators("User", &texts(&["uid=a,dc=x"])).await.unwrap().is_empty());
            assert!(ids.find_by_ids("Group", &texts(&[&row.id])).await.unwrap().is_empty());
            let other_tenant = Correlation::open(&database.settings, "other").unwrap();
            // S-10
            assert!(other_tenant.find_by_ids("User", &texts(&[&row.id])).await.unwrap().is_empty());
            ids.probe().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_same_external_id_may_stand_at_two_resources() {
    // 7643-3.1-ext
    for database in Database::all() {
        let ids = database.open();
        let list = ["a", "b"].map(|anchor| NewRow { external_id: Some("same".to_owned()), ..new(anchor) });
        ids.insert_missing("User", list.to_vec(), Buried::Report).await.unwrap();
        assert_eq!(ids.find_by_external_id("User", "same").await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn concurrent_inserts_of_an_anchor_make_one_row() {
    // R-06; the second handle stands for another replica
    for database in Database::all() {
        let replicas = [database.open(), database.open()];
        let tasks = (0..64).map(|n| {
            let ids = replicas[n % 2].clone();
            let own = NewRow { id: minted_id(), ..new(&format!("own-{n}")) };
            let list = vec![NewRow { id: minted_id(), ..new("shared") }, own];
            tokio::spawn(async move { ids.insert_missing("User", list, Buried::Report).await.unwrap() })
        });
        let answers = try_join_all(tasks).await.unwrap();
        let shared: HashSet<&str> = answers.iter().map(|rows| rows[0].id.as_str()).collect();
        assert_eq!(shared.len(), 1, "everybody was told the same id");
        for ids in &replicas {
            assert_eq!(ids.count("User").await.unwrap(), 65);
        }
    }
}

#[tokio::test]
async fn an_answer_has_the_order_of_the_question_whatever_is_known() {
    for database in Database::all() {
        let ids = database.open();
        let known = insert(&ids, "b", Buried::Report).await;
        let list = ["c", "b", "a", "c"].map(new).to_vec();
        let rows = ids.insert_missing("User", list, Buried::Report).await.unwrap();
        assert_eq!(rows.iter().map(|r| r.anchor.as_str()).collect::<Vec<_>>(), ["c", "b", "a", "c"]);
        assert_eq!(rows[1], known);
        assert!(ids.insert_missing("User", Vec::new(), Buried::Report).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_deleted_resource_is_gone_but_its_id_stays_taken() {
    // 7643-3.1-id, R-11
    for database in Database::all() {
        let ids = database.open();
        let row = insert(&ids, "a", Buried::Report).await;
        assert!(ids.tombstone(&row, T0).await.unwrap());
        assert!(!ids.tombstone(&row, T0).await.unwrap(), "only once");
        assert!(ids.find_by_ids("User", &texts(&[&row.id])).await.unwrap().is_empty());
        assert!(ids.find_by_anchors("User", &texts(&["a"])).await.unwrap().is_empty());
        assert_eq!(ids.update((*row).clone()).await.unwrap(), None);
        assert_eq!(ids.count("User").await.unwrap(), 0);

        let reported = insert(&ids, "a", Buried::Report).await;
        assert_eq!((&reported.id, reported.deleted_at), (&row.id, Some(T0)));
        assert!(ids.find_by_ids("User", &texts(&[&row.id])).await.unwrap().is_empty());

        let minted = insert(&ids, "a", Buried::Mint).await;
        assert_ne!(minted.id, row.id, "another resource never gets the id");
        assert_eq!(minted.deleted_at, None);
        assert_eq!(insert(&ids, "a", Buried::Revive).await.id, minted.id, "the living one counts");
    }
}

/// A login that is the key is given to another resource, of which somebody has seen a row already.
#[tokio::test]
async fn a_key_is_of_the_resource_that_got_it_last() {
    for database in Database::all() {
        let correlation = database.open();
        let (ann, lee) = (
            insert(&correlation, "ann", Buried::Mint).await,
            insert(&correlation, "lee", Buried::Mint).await,
        );
        let renamed = Row { anchor: "lee".to_owned(), ..(*ann).clone() };
        let renamed = correlation.update(renamed).await.unwrap().unwrap();
        assert_eq!((&renamed.id, renamed.anchor.as_str()), (&ann.id, "lee"));
        for correlation in [&correlation, &database.open()] {
            let found = correlation.find_by_anchors("User", &texts(&["lee", "ann"])).await.unwrap();
            assert_eq!(found.iter().map(|row| &row.id).collect::<Vec<_>>(), [&ann.id]);
            assert!(correlation.find_by_ids("User", std::slice::from_ref(&lee.id)).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn who_has_another_anchor_by_now_is_not_gone() {
    for database in Database::all() {
        let ids = database.open();
        let row = insert(&ids, "ann", Buried::Report).await;
        let renamed = Row { anchor: "bob".to_owned(), ..(*row).clone() };
        let renamed = ids.update(renamed).await.unwrap().unwrap();
        assert!(!ids.tombstone(&row, T0).await.unwrap());
        assert_eq!(ids.find_by_ids("User", &texts(&[&row.id])).await.unwrap(), [Arc::clone(&renamed)]);
        assert!(ids.tombstone(&renamed, T0).await.unwrap());
        assert!(ids.find_by_ids("User", &texts(&[&row.id])).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_restored_entry_gets_its_row_back() {
    for database in Database::all() {
        let ids = database.open();
        let row = insert(&ids, "a", Buried::Report).await;
        let known = Row { external_id: Some("ext".to_owned()), ..(*row).clone() };
        ids.update(known).await.unwrap().unwrap();
        ids.tombstone(&row, T0).await.unwrap();
        let back = NewRow { locator: "uid=a,ou=new,dc=x".to_owned(), ..new("a") };
        let rows = ids.insert_missing("User", vec![back], Buried::Revive).await.unwrap();
        assert_eq!((&rows[0].id, rows[0].deleted_at), (&row.id, None));
        assert_eq!(rows[0].external_id.as_deref(), Some("ext"));
        assert_eq!(rows[0].locator, "uid=a,ou=new,dc=x");
        assert_eq!(ids.find_by_ids("User", &texts(&[&row.id])).await.unwrap(), rows);
    }
}

#[tokio::test]
async fn an_id_of_somebody_else_is_not_given_out_again() {
    // 7643-3.1-id
    for database in Database::all() {
        for buried in [Buried::Report, Buried::Revive, Buried::Mint] {
            let ids = database.open();
            let (anchor, other) = (format!("a{buried:?}"), format!("b{buried:?}"));
            let row = insert(&ids, &anchor, Buried::Report).await;
            let thief = NewRow { id: row.id.clone(), ..new(&other) };
            let made = ids.insert_missing("User", vec![thief.clone()], buried).await.unwrap();
            assert_eq!((made.len(), &made[0].anchor, made[0].deleted_at), (1, &other, None));
            assert_ne!(made[0].id, row.id);
            // It keeps what it got.
            let again = ids.insert_missing("User", vec![thief], buried).await.unwrap();
            assert_eq!(again[0].id, made[0].id);
            let of_other_type = ids.insert_missing("Group", vec![new(&anchor)], buried).await.unwrap();
            assert_ne!(of_other_type[0].id, row.id);
            assert_eq!(ids.find_by_ids("User", &texts(&[&row.id])).await.unwrap(), [row]);
        }
    }
}

#[tokio::test]
async fn rows_outlive_the_process() {
    //
    for database in Database::all() {
        let list: Vec<NewRow> = (0..2500).map(|n| new(&format!("a{n}"))).collect();
        let rows = database.open().insert_missing("User", list, Buried::Report).await.unwrap();
        let ids = database.open();
        assert_eq!(ids.count("User").await.unwrap(), 2500);
        let all: Vec<String> = rows.iter().map(|r| r.id.clone()).collect();
        let found = ids.find_by_ids("User", &all).await.unwrap();
        let sort = |mut rows: Vec<Arc<Row>>| {
            rows.sort_by(|a, b| a.id.cmp(&b.id));
            rows
        };
        assert_eq!(sort(found), sort(rows));
    }
}

#[tokio::test]
async fn moved_entries_are_found_at_their_new_places() {
    for database in Database::all() {
        let ids = database.open();
        let a = insert(&ids, "a", Buried::Report).await;
        let b = insert(&ids, "b", Buried::Report).await;
        let places = vec![
            (a.id.clone(), b.locator.clone()),
            (b.id.clone(), a.locator.clone()),
            ("unknown".to_owned(), "x".to_owned()),
        ];
        ids.set_locators("User", places).await.unwrap();
        for ids in [ids, database.open()] {
            let at_a = ids.find_by_locators("User", std::slice::from_ref(&a.locator)).await.unwrap();
            assert_eq!(at_a.iter().map(|r| &r.id).collect::<Vec<_>>(), [&b.id]);
        }
    }
}

#[tokio::test]
async fn beside_other_replicas_only_ids_come_from_memory() {
    for mut database in Database::all() {
        database.settings.cache = Some(CachePolicy::Ids);
        let (one, two) = (database.open(), database.open());
        let row = insert(&one, "a", Buried::Report).await;
        let id = std::slice::from_ref(&row.id);
        assert_eq!(one.find_by_ids("User", id).await.unwrap()[0].version, None);
        two.update(Row { version: Some("2".to_owned()), ..(*row).clone() }).await.unwrap();
        assert_eq!(one.find_by_ids("User", id).await.unwrap()[0].version.as_deref(), Some("2"));
        two.tombstone(&row, T0).await.unwrap();
        assert!(one.find_by_ids("User", id).await.unwrap().is_empty());
        let pair = Identity { id: row.id.clone(), anchor: "a".to_owned() };
        assert_eq!(one.find_identities_by_ids("User", id).await.unwrap(), [pair], "remembered");
        assert!(two.find_identities_by_anchors("User", &texts(&["a"])).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_known_resource_is_read_without_the_database() {
    let database = Database::sqlite();
    let ids = database.open();
    let row = insert(&ids, "a", Buried::Report).await;
    // Behind the back of the memory, to see which of the two answers.
    let mut file =
        diesel::SqliteConnection::establish(database.settings.url.strip_prefix("sqlite:").unwrap());
    file.as_mut().unwrap().batch_execute("DROP TABLE resource").unwrap();
    assert_eq!(ids.find_by_ids("User", std::slice::from_ref(&row.id)).await.unwrap(), [Arc::clone(&row)]);
    assert_eq!(ids.find_by_anchors("User", &texts(&["a"])).await.unwrap(), [Arc::clone(&row)]);
    let unknown = ids.find_by_anchors("User", &texts(&["b"])).await;
    assert!(matches!(unknown, Err(CorrelationError::Refused(_))));
    let place = ids.find_by_locators("User", std::slice::from_ref(&row.locator)).await;
    assert!(matches!(place, Err(CorrelationError::Refused(_))), "only the database knows who is at a place");
}

#[tokio::test]
async fn a_locked_or_absent_database_is_unavailable() {
    //
    let mut database = Database::sqlite();
    database.settings.timeout_secs = 1;
    let ids = database.open();
    let file = database.settings.url.strip_prefix("sqlite:").unwrap().to_owned();
    let mut other = diesel::SqliteConnection::establish(&file).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let refused = ids.insert_missing("User", vec![new("a")], Buried::Report).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    assert!(ids.find_by_anchors("User", &texts(&["a"])).await.unwrap().is_empty(), "reading goes on");
    other.batch_execute("ROLLBACK").unwrap();
    insert(&ids, "a", Buried::Report).await;

    database.settings.url = "sqlite:/nowhere/ids.db".to_owned();
    assert!(Correlation::open(&database.settings, "main").unwrap_err().is_unavailable());
    database.settings.url = "mysql://h/d".to_owned();
    let unsupported = Correlation::open(&database.settings, "main").unwrap_err();
    assert!(matches!(unsupported, CorrelationError::Unsupported(kind) if kind == "mysql"));
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    let Ok(url) = std::env::var("SCIMGATE_TEST_POSTGRES") else {
        return eprintln!("SKIPPED: SCIMGATE_TEST_POSTGRES is not set");
    };
    let mut database = Database::postgres(&url);
    let (_, schema) = database.schema.clone().unwrap();
    database.settings.url.push_str(&format!("&application_name={schema}"));
    let ids = database.open();
    insert(&ids, "a", Buried::Report).await;
    let mut other = diesel::PgConnection::establish(&database.settings.url).unwrap();
    other
        .batch_execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{schema}' AND pid <> pg_backend_pid()"
        ))
        .unwrap();
    insert(&ids, "b", Buried::Report).await;
    assert_eq!(ids.count("User").await.unwrap(), 2);
}

#[tokio::test]
async fn a_key_is_made_once_and_shared() {
    // 9865-e: cursors are good at every replica and after a restart
    use secrecy::ExposeSecret as _;
    for database in Database::all() {
        let (one, other) = (database.open(), database.open());
        let keys = join_all([one.secret("a"), other.secret("a"), one.secret("a")]).await;
        let keys: Vec<Vec<u8>> = keys.into_iter().map(|k| k.unwrap().expose_secret().to_vec()).collect();
        assert!(keys.iter().all(|key| key.len() == 32 && *key == keys[0]));
        assert_ne!(one.secret("b").await.unwrap().expose_secret(), keys[0]);
        drop((one, other));
        assert_eq!(database.open().secret("a").await.unwrap().expose_secret(), keys[0]);
    }
}
