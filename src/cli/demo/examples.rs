//! The commands that `scimgate demo` shows. Ids are those of the running data,
//! so that each command works when it is pasted.

/// What the commands speak of.
pub(super) struct Subjects {
    /// A user to find, to change and to put into the group.
    pub(super) user: Subject,
    /// A user to be somebody's manager.
    pub(super) manager: Subject,
    /// A user to delete.
    pub(super) leaver: Subject,
    /// A group.
    pub(super) group: Subject,
}

/// A resource.
pub(super) struct Subject {
    /// Its id.
    pub(super) id: String,
    /// Its `userName` or `displayName`.
    pub(super) name: String,
}

/// The commands, each under a line that says what it does.
pub(super) fn commands(base_url: &str, token: &str, subjects: &Subjects) -> String {
    let Subjects { user, manager, leaver, group } = subjects;
    // Each command stands alone, so that any of them can be pasted by itself.
    let curl = |title: &str, options: &str, path: &str| {
        format!("# {title}\ncurl -sS{options} -H 'Authorization: Bearer {token}' \\\n  '{base_url}{path}'")
    };
    let get =
        |title: &str, path: &str, parameter: &str| format!("{} {parameter}\n", curl(title, " -G", path));
    let send = |title: &str, method: &str, path: &str, body: &str| {
        let options = format!(" -X {method} -H 'Content-Type: application/scim+json'");
        format!("{} \\\n  -d '{body}'\n", curl(title, &options, path))
    };
    let (the_user, the_group) = (format!("/Users/{}", user.id), format!("/Groups/{}", group.id));
    [
        get("The first users", "/Users", "-d count=3"),
        get(
            "The user whose login is known",
            "/Users",
            &format!("--data-urlencode 'filter=userName eq \"{}\"'", user.name),
        ),
        send("A new user with a manager and two e-mail addresses", "POST", "/Users", &new_user(manager)),
        send(
            &format!("A change as Entra ID sends it: dotted names, booleans as text ({})", user.name),
            "PATCH",
            &the_user,
            &patch(r#"{"op":"Replace","value":{"name.familyName":"Changed","active":"False"}}"#),
        ),
        send(
            &format!("{} becomes a member of {}", user.name, group.name),
            "PATCH",
            &the_group,
            &patch(&format!(r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#, user.id)),
        ),
        send(
            &format!("{} leaves {}", user.name, group.name),
            "PATCH",
            &the_group,
            &patch(&format!(r#"{{"op":"remove","path":"members[value eq \"{}\"]"}}"#, user.id)),
        ),
        format!(
            "{}\n",
            curl(&format!("{} goes", leaver.name), " -i -X DELETE", &format!("/Users/{}", leaver.id))
        ),
    ]
    .join("\n")
}

fn patch(operation: &str) -> String {
    format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{operation}]}}"#)
}

fn new_user(manager: &Subject) -> String {
    let user = serde_json::json!({
        "schemas": [crate::scim::USER, crate::scim::ENTERPRISE],
        "userName": "ada.lovelace",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "displayName": "Ada Lovelace",
        "active": true,
        "emails": [
            {"value": "ada.lovelace@example.com", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
        ],
        crate::scim::ENTERPRISE: {"manager": {"value": manager.id}},
    });
    user.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_and_ids_are_those_of_the_subjects() {
        let subject = |id: &str| Subject { id: id.to_owned(), name: format!("name-of-{id}") };
        let subjects = Subjects {
            user: subject("user"),
            manager: subject("manager"),
            leaver: subject("leaver"),
            group: subject("group"),
        };
        let text = commands("http://127.0.0.1:1/scim/v2", "sg_x", &subjects);
        let bodies: Vec<serde_json::Value> = text
            .lines()
            .filter_map(|line| line.split_once("-d '")?.1.strip_suffix('\''))
            .map(|body| serde_json::from_str(body).unwrap())
            .collect();
        assert_eq!(bodies.len(), 4);
        assert_eq!(bodies[0][crate::scim::ENTERPRISE]["manager"]["value"], "manager");
        assert_eq!(bodies[3]["Operations"][0]["path"], "members[value eq \"user\"]");
        assert!(text.contains("'http://127.0.0.1:1/scim/v2/Users/leaver'"));
        assert!(text.contains("filter=userName eq \"name-of-user\""));
    }
}
