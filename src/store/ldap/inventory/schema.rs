//! Descriptions of object classes and attribute types (RFC 4512 §4.1):
//!
//! ```text
//! ObjectClassDescription = "(" numericoid ["NAME" qdescrs] … ["SUP" oids] [kind] ["MUST" oids] ["MAY" oids] … ")"
//! AttributeTypeDescription = "(" numericoid ["NAME" qdescrs] … ["SUP" oid] ["EQUALITY" oid] … ["SYNTAX" noidlen]
//!                            ["SINGLE-VALUE"] … ["NO-USER-MODIFICATION"] ["USAGE" usage] … ")"
//! ```
//! Read kindly: some servers quote OIDs, and leave spaces out.

use crate::store::inventory::directory::{AttributeType, ClassKind, ObjectClass};

/// Reads an object class; `None` if it is none.
pub(super) fn object_class(text: &str) -> Option<ObjectClass> {
    let tokens = tokens(text);
    let mut class = ObjectClass::default();
    let mut rest = Rest::of(&tokens)?;
    while let Some(word) = rest.next() {
        match word {
            "NAME" => class.names = rest.list(),
            "SUP" => class.sup = rest.list(),
            "ABSTRACT" => class.kind = ClassKind::Abstract,
            "STRUCTURAL" => class.kind = ClassKind::Structural,
            "AUXILIARY" => class.kind = ClassKind::Auxiliary,
            "MUST" => class.must = rest.list(),
            "MAY" => class.may = rest.list(),
            "OBSOLETE" => {}
            _ => drop(rest.list()),
        }
    }
    (!class.names.is_empty()).then_some(class)
}

/// Reads an attribute type; `None` if it is none.
pub(in crate::store::ldap) fn attribute_type(text: &str) -> Option<AttributeType> {
    let tokens = tokens(text);
    let mut of = AttributeType::default();
    let mut rest = Rest::of(&tokens)?;
    while let Some(word) = rest.next() {
        match word {
            "NAME" => of.names = rest.list(),
            "SUP" => of.sup = rest.first(),
            "EQUALITY" => of.equality = rest.first(),
            "ORDERING" => of.ordering = rest.first(),
            "SUBSTR" => of.substring = rest.first(),
            // The number in braces is a bound that a server must at least take (§4.1.2), and no limit.
            "SYNTAX" => {
                let syntax = rest.first().unwrap_or_default();
                of.syntax = syntax.split('{').next().unwrap_or_default().to_owned();
            }
            "SINGLE-VALUE" => of.single = true,
            "NO-USER-MODIFICATION" => of.fixed = true,
            "USAGE" => of.operational = rest.first().is_some_and(|usage| usage != "userApplications"),
            "OBSOLETE" | "COLLECTIVE" => {}
            _ => drop(rest.list()),
        }
    }
    (!of.names.is_empty()).then_some(of)
}

/// A token, and whether it stood in quotes.
type Token = (String, bool);

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    let end = |word: &mut String, tokens: &mut Vec<Token>| {
        if !word.is_empty() {
            tokens.push((std::mem::take(word), false));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '(' | ')' | '$' => {
                end(&mut word, &mut tokens);
                tokens.push((c.to_string(), false));
            }
            '\'' => {
                end(&mut word, &mut tokens);
                tokens.push((chars.by_ref().take_while(|c| *c != '\'').collect(), true));
            }
            c if c.is_whitespace() => end(&mut word, &mut tokens),
            c => word.push(c),
        }
    }
    end(&mut word, &mut tokens);
    tokens
}

/// The tokens behind the OID.
struct Rest<'t> {
    tokens: std::iter::Peekable<std::slice::Iter<'t, Token>>,
}

impl<'t> Rest<'t> {
    fn of(tokens: &'t [Token]) -> Option<Self> {
        let mut tokens = tokens.iter().peekable();
        tokens.next().filter(|(token, _)| token == "(")?;
        tokens.next()?;
        Some(Self { tokens })
    }

    /// The next key word.
    fn next(&mut self) -> Option<&'t str> {
        self.tokens.next().filter(|(token, _)| token != ")").map(|(token, _)| token.as_str())
    }

    /// One value, or several in parentheses.
    fn list(&mut self) -> Vec<String> {
        // An extension without a value has a key word behind it.
        let Some((token, quoted)) = self.tokens.peek() else { return Vec::new() };
        if token == ")" && !quoted {
            return Vec::new();
        }
        self.tokens.next();
        if token != "(" || *quoted {
            return vec![token.clone()];
        }
        let inner = self.tokens.by_ref().take_while(|(token, quoted)| *quoted || token != ")");
        inner.filter(|(token, quoted)| *quoted || token != "$").map(|(token, _)| token.clone()).collect()
    }

    fn first(&mut self) -> Option<String> {
        self.list().into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_every_server_are_read() {
        let class = object_class(
            "( 2.5.6.9 NAME 'groupOfNames' DESC 'RFC2256: (a group) of $ names' SUP top STRUCTURAL \
             MUST ( member $ cn ) MAY ( businessCategory $ seeAlso ) X-ORIGIN 'RFC 4519' )",
        )
        .unwrap();
        assert_eq!(class.names, ["groupOfNames"]);
        assert_eq!((class.sup, class.kind), (vec!["top".to_owned()], ClassKind::Structural));
        assert_eq!((class.must, class.may.len()), (vec!["member".to_owned(), "cn".to_owned()], 2));
        let samba =
            object_class("( 1.2 NAME 'group' SUP top STRUCTURAL MUST (groupType ) MAY (a $ b ) )").unwrap();
        assert_eq!(
            (samba.must, samba.may),
            (vec!["groupType".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
        let aux = object_class("( 1.3 NAME ( 'a' 'b' ) AUXILIARY )").unwrap();
        assert_eq!((aux.names.len(), aux.kind), (2, ClassKind::Auxiliary));
        assert_eq!(object_class("nonsense"), None);
        assert_eq!(object_class("( 1.3 SUP top )"), None);
    }

    #[test]
    fn attributes_of_every_server_are_read() {
        let of = attribute_type(
            "( 2.5.4.4 NAME ( 'sn' 'surName' )  SUP name EQUALITY caseIgnoreMatch SYNTAX \
             1.3.6.1.4.1.1466.115.121.1.15{32768} X-DEPRECATED 'surName' )",
        )
        .unwrap();
        assert_eq!((of.names.len(), of.sup.as_deref()), (2, Some("name")));
        assert_eq!(of.syntax, "1.3.6.1.4.1.1466.115.121.1.15");
        assert_eq!((of.equality.as_deref(), of.single), (Some("caseIgnoreMatch"), false));
        let of = attribute_type(
            "( 1.2 NAME 'objectGUID' SYNTAX '1.3.6.1.4.1.1466.115.121.1.40' SINGLE-VALUE \
             NO-USER-MODIFICATION USAGE directoryOperation )",
        )
        .unwrap();
        assert!(of.single && of.fixed && of.operational && of.syntax.ends_with(".40"));
    }
}
