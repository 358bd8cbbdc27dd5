//! By which rules a server compares the values of an attribute (RFC 4512 §4.1.2).
//!
//! A directory that has no rule for an assertion calls it Undefined and finds nothing (RFC 4511 §4.5.1.7), and
//! one that minds case does not find what SCIM takes for the same. So nothing is asked that the schema has no
//! rule for. As long as the schema is not known, and where a server does not tell its rules, what is usual
//! stands in.

use crate::store::{
    FieldKind, Fold, Value,
    inventory::directory::{AttributeType, Schema},
    ldap::server::Vendor,
};

/// Attributes that usually have an ordering rule.
const ORDERED: &[&str] = &[
    "createTimestamp",
    "modifyTimestamp",
    "whenCreated",
    "whenChanged",
    "uSNChanged",
    "uSNCreated",
    "entryCSN",
    "uidNumber",
    "gidNumber",
    "pwdChangedTime",
    "pwdAccountLockedTime",
    "accountExpires",
    "pwdLastSet",
    "lastLogonTimestamp",
    "userAccountControl",
];

/// Those of them that have 32 bits in Active Directory, whose schema is not read for its rules.
const SHORT: &[&str] = &["uidNumber", "gidNumber", "userAccountControl"];

/// Attributes that are usually compared with case.
const CASE_EXACT: &[&str] = &["homeDirectory", "loginShell", "labeledURI", "automountInformation"];

/// Attributes that cannot be asked for by value: the standard schema gives them no matching rule (RFC 4519
/// §2.10, §2.36, §2.37).
const UNMATCHED: &[&str] = &["facsimileTelephoneNumber", "fax", "teletexTerminalIdentifier", "telexNumber"];

/// Times of Active Directory, which understands them in one form only: whole seconds and `.0`.
const WINDOWS_TIMES: &[&str] = &["whenCreated", "whenChanged"];

/// The syntax of ASCII text (RFC 4517 §3.3.15).
const IA5: &str = "1.3.6.1.4.1.1466.115.121.1.26";

/// The syntaxes of integers: that of the standard (RFC 4517 §3.3.16), and Active Directory's of large ones.
const INTEGERS: [&str; 2] = ["1.3.6.1.4.1.1466.115.121.1.27", "1.2.840.113556.1.4.906"];

/// What is known of a server's matching rules.
#[derive(Debug, Default)]
pub(super) struct Rules {
    schema: Schema,
    /// True if the schema names rules at all. AD's names none.
    tells: bool,
    /// True if an attribute has the rules that the schema names, and no others.
    is_complete: bool,
    /// True if the server has the rules of the standard to be named in an assertion.
    is_extensible: bool,
    /// The security identifier of Active Directory's domain, as bytes; empty if it is not known.
    domain: Vec<u8>,
}

impl Rules {
    /// The rules that a server's schema tells.
    pub(super) fn new(attributes: Vec<AttributeType>, vendor: Vendor) -> Self {
        let schema = Schema::new(Vec::new(), attributes);
        let tells = schema.find_attribute("cn").is_some_and(|cn| cn.equality.is_some());
        // 389-ds compares by the syntax where the schema names no rule.
        let is_complete = tells && matches!(vendor, Vendor::OpenLdap | Vendor::Other);
        Self { schema, tells, is_complete, is_extensible: vendor == Vendor::OpenLdap, domain: Vec::new() }
    }

    /// The rules of Active Directory, whose schema tells none, and the identifier of its domain.
    pub(super) fn of_domain(sid: Vec<u8>) -> Self {
        Self { domain: sid, ..Self::default() }
    }

    /// The security identifier of the domain's group or account with this number (MS-DTYP §2.4.2): what
    /// `primaryGroupToken` is made of, by which nothing can be found.
    pub(super) fn sid_of(&self, number: &str) -> Option<Vec<u8>> {
        let number: u32 = number.parse().ok()?;
        let (head, rest) = self.domain.split_at_checked(8)?;
        let [revision, count, authority @ ..] = head else { return None };
        let whole = [&[*revision, count + 1][..], authority, rest, &number.to_le_bytes()];
        Some(whole.concat())
    }

    fn known(&self, name: &str) -> Option<&AttributeType> {
        self.schema.find_attribute(name)
    }

    /// True if the attribute has a rule of a kind.
    fn has(&self, name: &str, rule: impl Fn(&AttributeType) -> &Option<String>) -> bool {
        match self.known(name).filter(|_| self.is_complete) {
            Some(of) => rule(of).is_some(),
            None => !is_among(UNMATCHED, name),
        }
    }

    /// True if the server can be asked whether the attribute has a value.
    pub(super) fn has_equality(&self, name: &str) -> bool {
        self.has(name, |of| &of.equality)
    }

    /// True if the server can be asked for a part of a value.
    pub(super) fn has_substrings(&self, name: &str) -> bool {
        self.has(name, |of| &of.substring)
    }

    /// True if the server orders the attribute's values as we do.
    pub(super) fn has_ordering(&self, name: &str, kind: FieldKind) -> bool {
        let Some(of) = self.known(name).filter(|_| self.is_complete) else { return is_among(ORDERED, name) };
        match of.ordering.as_deref() {
            Some("integerOrderingMatch") => kind == FieldKind::Int,
            Some("generalizedTimeOrderingMatch") => matches!(kind, FieldKind::Time | FieldKind::Date),
            Some(_) => is_among(ORDERED, name),
            None => false,
        }
    }

    /// True if the server cannot compare the attribute's values with this one: Active Directory's integers have 32 bits, and
    /// nothing is found by a greater number.
    pub(super) fn is_beyond(&self, name: &str, value: &Value) -> bool {
        let is_short = match self.known(name) {
            Some(of) => of.syntax == INTEGERS[0],
            None => is_among(SHORT, name),
        };
        let number = value.to_text().trim().parse::<i128>();
        !self.tells && is_short && number.is_ok_and(|number| i32::try_from(number).is_err())
    }

    /// True if the server can be asked for bits of the attribute's values.
    pub(super) fn has_bits(&self, name: &str) -> bool {
        let known = self.known(name).filter(|of| !of.syntax.is_empty());
        known.is_none_or(|of| INTEGERS.contains(&of.syntax.as_str()))
    }

    /// True if the server tells apart what the caller takes for the same.
    pub(super) fn loses_case(&self, name: &str, text: &str, fold: Fold) -> bool {
        fold == Fold::Case && self.minds_case(name) && text.chars().any(char::is_alphabetic)
    }

    fn minds_case(&self, name: &str) -> bool {
        match self.known(name).filter(|_| self.tells) {
            Some(of) => match of.equality.as_deref() {
                Some(rule) => rule.starts_with("caseExact") || rule == "octetStringMatch",
                None => of.syntax == IA5,
            },
            None => is_among(CASE_EXACT, name),
        }
    }

    /// A rule to name in an assertion (RFC 4515 §3), which compares the attribute without case.
    pub(super) fn folding(&self, name: &str) -> Option<&'static str> {
        match self.known(name).filter(|_| self.is_extensible)?.equality.as_deref()? {
            "caseExactMatch" => Some("caseIgnoreMatch"),
            "caseExactIA5Match" => Some("caseIgnoreIA5Match"),
            _ => None,
        }
    }
}

/// True if the attribute is a time in Active Directory's form.
pub(super) fn is_windows_time(name: &str) -> bool {
    is_among(WINDOWS_TIMES, name)
}

/// True if the attribute is the number of a group of Active Directory (`primaryGroupID` holds such a one).
pub(super) fn is_group_number(name: &str) -> bool {
    name.eq_ignore_ascii_case("primaryGroupToken")
}

fn is_among(names: &[&str], name: &str) -> bool {
    let bare = name.split(';').next().unwrap_or(name);
    names.iter().any(|known| known.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ldap::inventory::attribute_type;

    fn rules(vendor: Vendor) -> Rules {
        let lines = [
            "( 1 NAME 'name' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.15 )",
            "( 2 NAME ( 'cn' 'commonName' ) SUP name )",
            "( 3 NAME 'labeledURI' EQUALITY caseExactMatch SYNTAX 1.15 )",
            "( 4 NAME 'shell' EQUALITY caseExactIA5Match SYNTAX 1.26 )",
            "( 5 NAME 'photo' SYNTAX 1.28 )",
            "( 6 NAME 'badge' EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.27 )",
            "( 7 NAME 'uidNumber' EQUALITY integerMatch SYNTAX 1.27 )",
            "( 8 NAME 'flags' SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )",
        ];
        Rules::new(lines.iter().filter_map(|line| attribute_type(line)).collect(), vendor)
    }

    #[test]
    fn numbers_of_32_bits_are_not_compared_with_greater_ones() {
        let short = "( 1 NAME 'flags' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )";
        let long = "( 2 NAME 'pwdLastSet' SYNTAX 1.2.840.113556.1.4.906 )";
        let known = [short, long].iter().filter_map(|line| attribute_type(line)).collect();
        let rules = Rules::new(known, Vendor::ActiveDirectory);
        assert!(rules.is_beyond("flags", &Value::Int(1 << 31)));
        assert!(!rules.is_beyond("flags", &Value::Int(-1 << 31)));
        assert!(!rules.is_beyond("pwdLastSet", &Value::Int(1 << 40)));
        let domain = Rules::of_domain(vec![1]);
        assert!(domain.is_beyond("uidNumber", &Value::Int(1 << 31)));
        assert!(!domain.is_beyond("uidNumber", &Value::Int(7)));
        assert!(!domain.is_beyond("pwdLastSet", &Value::Int(1 << 40)));
    }

    #[test]
    fn what_the_schema_has_no_rule_for_is_not_asked() {
        let open = rules(Vendor::OpenLdap);
        for (name, equality, substrings) in [
            ("cn", true, true),
            ("CommonName;lang-de", true, true),
            ("labeledURI", true, false),
            ("photo", false, false),
            ("unheardOf", true, true),
            ("fax", false, false),
        ] {
            let told = (open.has_equality(name), open.has_substrings(name));
            assert_eq!(told, (equality, substrings), "{name}");
        }
        let is_ordered = |name, kind| open.has_ordering(name, kind);
        assert!(is_ordered("badge", FieldKind::Int) && !is_ordered("badge", FieldKind::Text));
        assert!(!is_ordered("uidNumber", FieldKind::Int) && is_ordered("gidNumber", FieldKind::Int));
        // 389-ds goes by the syntax.
        assert!(rules(Vendor::Ds389).has_substrings("labeledURI"));
        assert!(rules(Vendor::Ds389).has_ordering("uidNumber", FieldKind::Int));
    }

    #[test]
    fn integers_have_bits() {
        let line = |name: &str, syntax: &str| format!("( 1 NAME '{name}' SYNTAX {syntax} )");
        let [standard, large] = INTEGERS;
        let lines = [line("control", standard), line("expires", large), line("cn", IA5)];
        let rules = Rules::new(
            lines.iter().filter_map(|line| attribute_type(line)).collect(),
            Vendor::ActiveDirectory,
        );
        assert_eq!(
            ["control", "expires", "cn", "unheardOf"].map(|n| rules.has_bits(n)),
            [true, true, false, true]
        );
    }

    #[test]
    fn case_is_minded_where_the_rule_says_so() {
        for vendor in [Vendor::OpenLdap, Vendor::Ds389] {
            let rules = rules(vendor);
            let minded = |name| rules.loses_case(name, "Ann", Fold::Case);
            assert_eq!(["cn", "labeledURI", "shell", "flags"].map(minded), [false, true, true, true]);
            assert!(
                !rules.loses_case("shell", "42", Fold::Case) && !rules.loses_case("shell", "a", Fold::Exact)
            );
        }
        let open = rules(Vendor::OpenLdap);
        let folding = ["cn", "labeledURI", "shell"].map(|name| open.folding(name));
        assert_eq!(folding, [None, Some("caseIgnoreMatch"), Some("caseIgnoreIA5Match")]);
        assert_eq!(rules(Vendor::Ds389).folding("labeledURI"), None);
    }

    #[test]
    fn groups_of_the_domain_have_its_identifier_and_a_number() {
        let domain = hex::decode("010400000000000515000000b72a1388194fea58cd40140e").unwrap();
        let users = "010500000000000515000000b72a1388194fea58cd40140e01020000";
        assert_eq!(Rules::of_domain(domain).sid_of("513").map(hex::encode).as_deref(), Some(users));
        assert_eq!(Rules::of_domain(Vec::new()).sid_of("513"), None);
        assert_eq!(Rules::of_domain(vec![1; 24]).sid_of("x"), None);
    }

    #[test]
    fn without_a_schema_what_is_usual_holds() {
        let rules = Rules::default();
        assert!(rules.has_substrings("cn") && !rules.has_equality("telexNumber"));
        assert!(
            rules.has_ordering("entryCSN", FieldKind::Text) && !rules.has_ordering("cn", FieldKind::Text)
        );
        assert!(
            rules.loses_case("homeDirectory", "/A", Fold::Case) && !rules.loses_case("cn", "A", Fold::Case)
        );
    }
}
