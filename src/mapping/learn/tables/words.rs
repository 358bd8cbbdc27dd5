//! What tables and columns are called, by people who build databases.

/// Tables of people, with how much the name says.
const PEOPLE: [(&str, u32); 20] = [
    ("user", 50),
    ("account", 45),
    ("employee", 45),
    ("person", 45),
    ("people", 45),
    ("borrower", 45),
    ("patron", 45),
    ("staff", 40),
    ("teacher", 35),
    ("student", 35),
    ("member", 30),
    ("login", 30),
    ("customer", 25),
    ("contact", 20),
    ("worker", 40),
    ("personnel", 40),
    ("identity", 35),
    ("profile", 20),
    ("mitarbeiter", 40),
    ("principal", 30),
];
/// Tables of groups.
const GROUPS: [(&str, u32); 8] = [
    ("group", 50),
    ("team", 40),
    ("circle", 35),
    ("role", 30),
    ("club", 25),
    ("crew", 25),
    ("list", 10),
    ("project", 10),
];
/// What makes a table another thing than its other words say.
const BESIDE: [&str; 16] = [
    "deleted",
    "old",
    "former",
    "archive",
    "log",
    "history",
    "session",
    "token",
    "audit",
    "tmp",
    "temp",
    "backup",
    "meta",
    "setting",
    "preference",
    "permission",
];
/// What copies and traces of rows are called.
const TRACES: [&str; 11] =
    ["deleted", "old", "former", "archive", "log", "history", "session", "token", "audit", "tmp", "backup"];
/// What is never read.
const SECRET: [&str; 14] = [
    "pass",
    "pwd",
    "hash",
    "secret",
    "token",
    "salt",
    "otp",
    "session",
    "cookie",
    "private",
    "activationkey",
    "apikey",
    "credential",
    "pin",
];

/// The name of a table without its schema.
pub(super) fn base(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// The words of a name, in small letters and the singular.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in base(name).chars() {
        let starts = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() || starts {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    let singular = |word: String| match word.strip_suffix('s') {
        Some(rest) if !rest.ends_with(['s', 'u']) && rest.len() > 2 => rest.to_owned(),
        _ => word,
    };
    words.into_iter().filter(|word| !word.is_empty()).map(singular).collect()
}

/// How much a table's name speaks for people.
pub(super) fn of_people(table: &str) -> u32 {
    score(table, &PEOPLE)
}

/// How much a table's name speaks for groups.
pub(super) fn of_groups(table: &str) -> u32 {
    score(table, &GROUPS)
}

/// True if a table's rows are copies or traces of others.
pub(super) fn is_trace(table: &str) -> bool {
    words(table).iter().any(|word| TRACES.iter().any(|trace| word.starts_with(trace)))
}

fn score(table: &str, known: &[(&str, u32)]) -> u32 {
    let words = words(table);
    if words.iter().any(|word| BESIDE.iter().any(|beside| word.starts_with(beside))) {
        return 0;
    }
    let says = |word: &String| known.iter().find(|(own, _)| word == own).map_or(0, |(_, score)| *score);
    // The last word says what the thing is; words before it are a prefix of the application's or an owner.
    match words.split_last() {
        Some((last, _)) if says(last) > 0 => says(last).saturating_sub(words.len() as u32),
        Some((_, before)) => before.iter().map(says).max().unwrap_or(0) / 4,
        None => 0,
    }
}

/// A name as one word in small letters: `user_name` is `username`.
pub(super) fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// True if a column of this name may hold what must not be read.
pub(super) fn is_secret(column: &str) -> bool {
    let bare = bare(column);
    SECRET.iter().any(|word| {
        if word.len() > 3 { bare.contains(word) } else { words(column).iter().any(|w| w == word) }
    }) || bare.contains("pwd")
}

/// True if a column holds passwords.
pub(super) fn is_password(column: &str) -> bool {
    let bare = bare(column);
    ["password", "passwd", "passwordhash", "passhash", "pwhash", "pwd", "pass"]
        .iter()
        .any(|word| bare.ends_with(word))
}

/// Names of SCIM attributes in columns, the likeliest first.
pub(super) fn names_of(path: &str) -> &'static [&'static str] {
    match path {
        "userName" => &[
            "login",
            "username",
            "userlogin",
            "loginname",
            "logon",
            "logonname",
            "userid",
            "uid",
            "accountname",
            "account",
            "screenname",
            "handle",
            "nick",
            "name",
        ],
        "name.givenName" => &["firstname", "givenname", "forename", "first", "given", "vorname", "fname"],
        "name.familyName" => {
            &["lastname", "surname", "familyname", "last", "family", "nachname", "lname", "sn"]
        }
        "name.middleName" => &["middlename", "middle"],
        "name.honorificPrefix" => &["salutation", "honorificprefix", "nameprefix"],
        "displayName" => {
            &["displayname", "fullname", "realname", "commonname", "cn", "name", "shown", "display"]
        }
        "nickName" => &["nickname", "othernames", "nick"],
        "title" => &["jobtitle", "job", "title", "position", "occupation"],
        "profileUrl" => &["profileurl", "url", "website", "homepage", "webpage"],
        "preferredLanguage" => &["preferredlanguage", "language", "lang"],
        "locale" => &["locale"],
        "timezone" => &["timezone", "tz"],
        "externalId" => &["externalid", "externalref", "extid", "extkey", "externalkey"],
        "email" => &["email", "mail", "emailaddress", "mailaddress", "primaryemail", "workemail"],
        "email.home" => &["privateemail", "homeemail", "personalemail"],
        "phone.work" => {
            &["phone", "telephone", "phonenumber", "workphone", "officephone", "tel", "telephonenumber"]
        }
        "phone.mobile" => &["mobile", "mobilephone", "cellphone", "cell", "mobilenumber", "handy"],
        "phone.fax" => &["fax", "faxnumber"],
        "phone.home" => &["homephone", "privatephone"],
        "streetAddress" => &["street", "streetaddress", "address", "address1", "addressline1"],
        "locality" => &["city", "town", "locality"],
        "region" => &["region", "province", "county"],
        "postalCode" => &["postalcode", "zip", "zipcode", "postcode", "plz"],
        "country" => &["country", "countrycode"],
        "employeeNumber" => &[
            "employeenumber",
            "personnelno",
            "personnelnumber",
            "badgeno",
            "staffno",
            "staffnumber",
            "cardnumber",
            "employeeno",
            "empno",
            "employeeid",
        ],
        "costCenter" => &["costcenter", "costcentre", "cost"],
        "organization" => &["organization", "organisation", "company"],
        "division" => &["division"],
        "department" => &["department", "dept", "departmentname"],
        "created" => {
            &["createdat", "created", "createdon", "datecreated", "creationdate", "registered", "joined"]
        }
        "lastModified" => &[
            "updatedat",
            "updated",
            "updatedon",
            "modifiedat",
            "modified",
            "lastmodified",
            "changedat",
            "changed",
            "dateupdated",
            "lastupdated",
        ],
        "group" => {
            &["displayname", "name", "groupname", "title", "rolename", "teamname", "label", "description"]
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_people_are_told_from_those_beside_them() {
        let best =
            |tables: &[&'static str]| tables.iter().copied().max_by_key(|table| of_people(table)).unwrap();
        assert_eq!(best(&["wp_usermeta", "wp_users", "wp_posts"]), "wp_users");
        assert_eq!(best(&["borrowers", "deletedborrowers", "userflags"]), "borrowers");
        assert_eq!(best(&["hr.employee_email", "hr.employee", "hr.team"]), "hr.employee");
        assert_eq!(of_people("user_permissions"), 0);
        assert!(of_groups("oc_groups") > of_groups("oc_group_user"));
    }

    #[test]
    fn words_are_singular_and_small() {
        assert_eq!(words("hr.teamMembers"), ["team", "member"]);
        assert_eq!(words("status"), ["status"]);
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in ["password_hash", "user_pass", "passwd", "api_key_secret", "user_activation_key", "pin"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("shipping") && !is_secret("login") && !is_secret("user_registered"));
    }
}
