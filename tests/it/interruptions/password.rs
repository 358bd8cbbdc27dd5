//! A new password of somebody who is deactivated: OpenLDAP takes the lock away with the old one, and it comes back in a
//! request of its own.

use std::{thread, time::Duration};

use serde_json::{Value as Json, json};

use super::{fuses, is_success};
use crate::support::{Answer, Client, Gateway, Options, TestStore, Wire, unique};

const LOCK: &str = "pwdAccountLockedTime";
const FOR_GOOD: &str = "000001010000Z";

/// The password, and the lock again.
const CHANGES: usize = 2;

/// A directory behind a wire, with a gateway before it.
struct World {
    store: TestStore,
    wire: Wire,
    _gateway: Gateway,
    client: Client,
}

/// Somebody who is deactivated.
struct Leaver {
    path: String,
    dn: String,
}

impl World {
    fn new() -> Option<Self> {
        let store = TestStore::loaded("")?;
        let wire = Wire::to(store.address());
        let store = store.by_way_of(wire.address).with_settings("grace_ms = 0\n");
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        Some(Self { store, wire, _gateway: gateway, client })
    }

    fn leaver(&self) -> Leaver {
        let name = unique("leaver");
        let made = self.client.post(
            "/Users",
            &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
                "displayName": "Una", "active": false, "password": "Long.Enough1" }),
        );
        assert_eq!((made.status, &made.json["active"]), (201, &json!(false)), "{made}");
        let dn = format!("uid={name},ou=people,dc=example,dc=com");
        let leaver = Leaver { path: format!("/Users/{}", made.id()), dn };
        assert!(self.is_locked(&leaver));
        leaver
    }

    fn is_locked(&self, leaver: &Leaver) -> bool {
        self.store.directory().values(&leaver.dn, LOCK).unwrap() == [FOR_GOOD]
    }

    fn set(&self, leaver: &Leaver, values: &[(&str, Json)]) -> Answer {
        let operation =
            |(path, value): &(&str, Json)| json!({ "op": "replace", "path": path, "value": value });
        self.client.patch(&leaver.path, values.iter().map(operation).collect())
    }

    /// Nobody is activated by a new password, and it is the one that they have once they are.
    fn assert_done(&self, leaver: &Leaver, what: &str) {
        assert!(self.is_locked(leaver), "{what}");
        assert_eq!(self.client.get(&leaver.path).json["active"], false, "{what}");
        let activated = self.set(leaver, &[("active", json!(true))]);
        assert!(is_success(&activated), "{what}: {activated}");
        assert!(self.store.directory().accepts(&leaver.dn, "Long.Enough2"), "{what}");
    }
}

#[test]
fn a_new_password_that_is_cut_short_does_not_activate() {
    let Some(world) = World::new() else { return };
    let password = ("password", json!("Long.Enough2"));
    for (values, changes) in
        [(vec![password.clone()], CHANGES), (vec![("title", json!("Cook")), password], CHANGES + 1)]
    {
        for fuse in fuses(changes) {
            let what = format!("{values:?}, {fuse:?}");
            let leaver = world.leaver();
            world.wire.arm(Some(fuse));
            let first = world.set(&leaver, &values);
            assert!(world.wire.is_broken(), "{what}: {first}");
            world.wire.mend();
            if !is_success(&first) {
                assert_eq!(first.status, 503, "{what}: {first}");
                let second = world.set(&leaver, &values);
                assert!(is_success(&second), "{what}: {first}\nthen: {second}");
            }
            world.assert_done(&leaver, &format!("{what}: {first}"));
        }
    }
}

/// Nobody has to ask again for the lock to come back.
#[test]
fn the_lock_comes_back_without_another_request() {
    let Some(world) = World::new() else { return };
    for fuse in fuses(CHANGES) {
        let leaver = world.leaver();
        world.wire.arm(Some(fuse));
        let first = world.set(&leaver, &[("password", json!("Long.Enough2"))]);
        assert!(world.wire.is_broken(), "{fuse:?}: {first}");
        world.wire.mend();
        let came_back = (0..100).any(|round| {
            thread::sleep(Duration::from_millis(if round == 0 { 0 } else { 100 }));
            world.is_locked(&leaver)
        });
        assert!(came_back, "{fuse:?}: {first}");
    }
}
