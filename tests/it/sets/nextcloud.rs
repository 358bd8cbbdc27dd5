//! Nextcloud's accounts on SQLite.

use serde_json::json;

use super::harness::Set;
use crate::support::Backend;

const NEXTCLOUD: Set = Set { name: "nextcloud", backend: Backend::Sqlite, variant: "" };

#[test]
fn everybody_reads_as_expected() {
    NEXTCLOUD.reads_as_expected();
}

#[test]
fn a_change_of_the_profile_keeps_the_rest_of_the_document() {
    NEXTCLOUD.each(|site| {
        let key = if site.own { "Greta" } else { "aoife.obrien" };
        let path = site.user(key);
        let data = || site.sql("data", &format!("oc_accounts where uid = '{key}'"))[0].clone();
        let (before, old) = (site.look(), data());
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Smith \"of\" Å" }]));
        let title = if site.own { "Physicist" } else { "Principal Engineer" };
        assert_eq!(data(), old.replace(&format!("\"{title}\""), "\"Smith \\\"of\\\" Å\""));
        site.assert_changes(
            &before,
            &[
                &format!("oc_accounts[{key}].data: …"),
                &format!("oc_accounts_data[…].value: {title} → Smith \"of\" Å"),
            ],
        );
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Smith \"of\" Å" }]));
        site.assert_changes(&before, &[]);
    });
}
