//! A directory has no transactions: a request of several changes can be cut short behind any of them. Whatever is there by then does no
//! harm, and the same request sent again comes to the end that it was meant to come to.
//!
//! Memberships lie in two, three and four places here (`interruptions/world.rs`). Each request is carried out once
//! undisturbed, which tells how many changes it makes, and then once for each place where it can be cut.

use serde_json::{Value as Json, json};

use self::world::{Scene, World};
use crate::support::{Answer, Backend, Client, Fuse, Gateway, Loss, Options, TestStore, Wire, unique};

mod password;
mod world;

/// A request about ann, bob and the group g, in which bob is.
struct Case {
    name: &'static str,
    send: fn(&Client, &Scene) -> Answer,
    /// What a repetition of it may say, besides that it succeeded, if it had succeeded before.
    again: &'static [u16],
}

const CASES: &[Case] = &[
    Case { name: "a member comes", send: join, again: &[] },
    Case { name: "a member goes", send: leave, again: &[] },
    Case { name: "one member in place of another", send: swap, again: &[] },
    Case { name: "a new login", send: rename_user, again: &[] },
    Case { name: "a new name of a group", send: rename_group, again: &[] },
    Case { name: "a user goes", send: delete_user, again: &[404] },
    Case { name: "a group goes", send: delete_group, again: &[404] },
    Case { name: "a group comes", send: make_group, again: &[409] },
];

fn group_path(scene: &Scene) -> String {
    format!("/Groups/{}", scene.group)
}

fn join(client: &Client, scene: &Scene) -> Answer {
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": scene.ann }] }]);
    client.patch(&group_path(scene), add)
}

fn leave(client: &Client, scene: &Scene) -> Answer {
    let path = format!("members[value eq \"{}\"]", scene.bob);
    client.patch(&group_path(scene), json!([{ "op": "remove", "path": path }]))
}

fn swap(client: &Client, scene: &Scene) -> Answer {
    client.put(&group_path(scene), &world::group(&scene.name("g"), &[&scene.ann]))
}

fn rename_user(client: &Client, scene: &Scene) -> Answer {
    let name = json!([{ "op": "replace", "path": "userName", "value": scene.name("rob") }]);
    client.patch(&format!("/Users/{}", scene.bob), name)
}

fn rename_group(client: &Client, scene: &Scene) -> Answer {
    let name = json!([{ "op": "replace", "path": "displayName", "value": scene.name("h") }]);
    client.patch(&group_path(scene), name)
}

fn delete_user(client: &Client, scene: &Scene) -> Answer {
    client.delete(&format!("/Users/{}", scene.bob))
}

fn delete_group(client: &Client, scene: &Scene) -> Answer {
    client.delete(&group_path(scene))
}

fn make_group(client: &Client, scene: &Scene) -> Answer {
    client.post("/Groups", &world::group(&scene.name("new"), &[&scene.ann, &scene.bob]))
}

/// Every place where a request of so many changes can be cut. If the network does not come back, it is all the same to the
/// directory whether an answer is lost or the next request.
fn fuses(changes: usize) -> Vec<Fuse> {
    let answers = |comes_back| (1..=changes).map(move |after| Fuse { after, loss: Loss::Answer, comes_back });
    let requests = (0..changes).map(|after| Fuse { after, loss: Loss::Request, comes_back: true });
    answers(false).chain(answers(true)).chain(requests).collect()
}

fn is_success(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 201 | 204)
}

/// Cuts each request everywhere.
fn cut_everywhere(places: usize) {
    let Some(world) = World::of(places) else { return };
    let mut cuts = 0;
    for case in CASES {
        let scene = world.scene();
        let before = world.entries(&scene);
        world.wire.arm(None);
        let answer = (case.send)(&world.client, &scene);
        assert!(is_success(&answer), "{}: {answer}", case.name);
        let changes = world.wire.answered();
        let asked = world.entries(&scene);
        assert_ne!(before, asked, "{}", case.name);
        world::assert_agree(&asked, places);
        eprintln!("{places} places, {}: {changes} changes", case.name);
        for fuse in fuses(changes) {
            let what = format!("{places} places, {}, {fuse:?}", case.name);
            cut(&world, case, fuse, &asked, &what);
            cuts += 1;
        }
        world.clear(&scene);
    }
    eprintln!("{places} places: {cuts} cuts");
}

fn cut(world: &World, case: &Case, fuse: Fuse, asked: &[String], what: &str) {
    let scene = world.scene();
    let before = world.entries(&scene);
    world.wire.arm(Some(fuse));
    let first = (case.send)(&world.client, &scene);
    assert!(world.wire.is_broken(), "{what}: {first}");
    let left = world.entries(&scene);
    let state = || format!("{what}\nbefore: {before:#?}\nleft: {left:#?}\nasked: {asked:#?}\n{first}");
    if is_success(&first) {
        assert_eq!(left, asked, "{}", state());
    } else {
        assert_eq!(first.status, 503, "{}", state());
        assert_ne!(first.header("retry-after"), "", "{}", state());
        world::assert_harmless(&before, &left, asked, &state);
    }
    world.wire.mend();
    let second = (case.send)(&world.client, &scene);
    let is_told = case.again.contains(&second.status);
    if second.status == 409 && world.entries(&scene) != asked {
        // An entry beside the new one is missing, which the client cannot know: it goes, and comes again.
        world.remake(&scene);
    }
    assert!(is_success(&second) || is_told, "{}\nthen: {second}", state());
    let end = world.entries(&scene);
    assert_eq!(end, asked, "{}\nthen: {second}", state());
    world.clear(&scene);
}

#[test]
fn two_places() {
    cut_everywhere(2);
}

#[test]
fn three_places() {
    cut_everywhere(3);
}

#[test]
fn four_places() {
    cut_everywhere(4);
}

/// What a renaming left behind is mended by whatever is written next, too, and goes with who is deleted.
#[test]
fn the_next_write_mends_what_a_renaming_left() {
    let Some(world) = World::of(2) else { return };
    let fuse = |after| Fuse { after, loss: Loss::Answer, comes_back: false };
    // The list has both logins, and the entry the old one; then the entry has the new one.
    for after in [1, 2] {
        for is_deleted in [false, true] {
            let scene = world.scene();
            let path = format!("/Users/{}", scene.bob);
            world.wire.arm(Some(fuse(after)));
            assert_eq!(rename_user(&world.client, &scene).status, 503);
            world.wire.mend();
            let (members, logins) = (|| world.members(&scene), [scene.name("bob"), scene.name("rob")]);
            assert_eq!(members(), logins, "cut after {after}");
            let title = json!([{ "op": "replace", "path": "title", "value": "Cook" }]);
            match is_deleted {
                true => assert_eq!(world.client.delete(&path).status, 204),
                false => assert!(is_success(&world.client.patch(&path, title))),
            }
            // What was begun comes to its end before anything else.
            let left = if is_deleted { vec![] } else { vec![scene.name("rob")] };
            assert_eq!(members(), left, "cut after {after}");
            world.clear(&scene);
        }
    }
}

/// A name that somebody else took meanwhile is theirs.
#[test]
fn a_name_that_somebody_else_has_by_then_is_left_alone() {
    let Some(world) = World::of(2) else { return };
    let scene = world.scene();
    world.wire.arm(Some(Fuse { after: 2, loss: Loss::Answer, comes_back: false }));
    assert_eq!(rename_user(&world.client, &scene).status, 503);
    world.wire.mend();
    let made = world.client.post("/Users", &world::user(&scene.name("bob")));
    assert_eq!(made.status, 201, "{made}");
    assert!(is_success(&rename_user(&world.client, &scene)));
    assert_eq!(world.members(&scene), [scene.name("bob"), scene.name("rob")]);
    let read = world.client.get(&group_path(&scene)).json;
    let mut members: Vec<&str> =
        read["members"].as_array().into_iter().flatten().filter_map(|m| m["value"].as_str()).collect();
    members.sort_unstable();
    let mut expected = [made.json["id"].as_str().unwrap(), scene.bob.as_str()];
    expected.sort_unstable();
    assert_eq!(members, expected, "{}", Json::to_string(&read));
}

/// The connection breaks under a creation, which arrives all the same, when nothing of it was to be seen yet.
#[test]
fn what_arrives_late_is_waited_for() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let wire = Wire::to(store.address());
    let store = store.by_way_of(wire.address);
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let name = unique("late");
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
        "displayName": "Late", "externalId": name });
    wire.arm(Some(Fuse { after: 0, loss: Loss::Late, comes_back: true }));
    let first = client.post("/Users", &user);
    assert!(wire.is_broken(), "{first}");
    let mut made = first;
    for _ in 0..100 {
        if made.status != 503 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        made = client.post("/Users", &user);
    }
    assert_eq!((made.status, &made.json["externalId"]), (201, &json!(name)), "{made}");
}
