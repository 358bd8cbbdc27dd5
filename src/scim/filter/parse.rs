//! Reads a filter from text (RFC 7644 §3.4.2.2, with errata 4690, 7319, 7322).
//!
//! ```text
//! filter    = or
//! or        = and  *( SP "or" SP and )
//! and       = unary *( SP "and" SP unary )
//! unary     = "not" *SP "(" filter ")" / "(" filter ")" / valuePath / attrExp
//! attrExp   = attrPath SP "pr" / attrPath SP compareOp SP compValue
//! valuePath = attrPath *SP "[" valFilter "]" [ "." subAttr SP ( "pr" / compareOp SP compValue ) ]
//! valFilter = filter without valuePath
//! attrPath  = [ URI ":" ] ATTRNAME [ "." subAttr ]
//! compValue = JSON string / number / "true" / "false" / "null"
//! ```
//!
//! The tail of `valuePath` is not in the RFC. Microsoft Entra ID sends it
//! (`emails[type eq "work"].value eq "x"`); it is read as one more condition
//! on the same element. Words and names compare without case.
//!
//! The parser recurses once per bracket and stops at a depth limit, so no
//! input can exhaust the stack.

use crate::scim::{
    Json,
    attribute::AttrPath,
    error::ScimError,
    filter::{CompareOp, Filter},
};

/// What the parser accepts, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterRules {
    /// True: a string value may stand without quotes (`userName eq bjensen`).
    pub bare_words: bool,
    /// Nested brackets of any kind.
    pub max_depth: usize,
    /// Comparisons in the whole filter.
    pub max_terms: usize,
    /// Bytes of text.
    pub max_length: usize,
}

impl Default for FilterRules {
    /// The RFC's grammar.
    fn default() -> Self {
        Self { bare_words: false, max_depth: 50, max_terms: 250, max_length: 16 * 1024 }
    }
}

impl FilterRules {
    /// The RFC's grammar and what real clients send besides.
    #[must_use]
    pub fn tolerant() -> Self {
        Self { bare_words: true, ..Self::default() }
    }
}

/// Why a text is not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The filter is not valid at position {at}: {problem}.")]
pub struct FilterError {
    /// Offset of the problem in the text, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        ScimError::invalid_filter(error.to_string())
    }
}

/// Reads a filter.
///
/// ```
/// use scimgate::scim::filter::parse::{FilterRules, parse};
///
/// let filter = parse(r#"title pr or userType eq "Intern" and active eq true"#, &FilterRules::default())?;
/// assert_eq!(filter.to_string(), r#"title pr or (userType eq "Intern" and active eq true)"#);
/// # Ok::<(), scimgate::scim::filter::parse::FilterError>(())
/// ```
///
/// # Errors
///
/// [`FilterError`] with the position of the first problem.
pub fn parse(text: &str, rules: &FilterRules) -> Result<Filter, FilterError> {
    let mut parser = Parser { text, at: 0, rules, terms: 0 };
    if text.len() > rules.max_length {
        return parser.fail(format!("it is longer than {} bytes", rules.max_length));
    }
    let filter = parser.or(0, Place::Resource)?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(filter),
        Some(c) => parser.fail(format!("`and`, `or` or the end was expected, `{c}` was found")),
    }
}

/// Whether the parser stands inside the brackets of a value path.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Resource,
    Element,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    rules: &'a FilterRules,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self, depth: usize, place: Place) -> Result<Filter, FilterError> {
        let mut parts = vec![self.and(depth, place)?];
        while self.take_word("or") {
            parts.push(self.and(depth, place)?);
        }
        Ok(if parts.len() > 1 { Filter::Or(parts) } else { parts.remove(0) })
    }

    fn and(&mut self, depth: usize, place: Place) -> Result<Filter, FilterError> {
        let mut parts = vec![self.unary(depth, place)?];
        while self.take_word("and") {
            parts.push(self.unary(depth, place)?);
        }
        Ok(if parts.len() > 1 { Filter::And(parts) } else { parts.remove(0) })
    }

    fn unary(&mut self, depth: usize, place: Place) -> Result<Filter, FilterError> {
        self.skip_space();
        if self.take("(") {
            return self.group(depth, place);
        }
        let start = self.at;
        if self.take_word("not") {
            self.skip_space();
            if self.take("(") {
                return Ok(Filter::Not(Box::new(self.group(depth, place)?)));
            }
            // An attribute may be called `not`.
            self.at = start;
        }
        self.term(depth, place)
    }

    /// The rest of `( filter )`, after the opening bracket.
    fn group(&mut self, depth: usize, place: Place) -> Result<Filter, FilterError> {
        self.check_depth(depth)?;
        let filter = self.or(depth + 1, place)?;
        self.close(")")?;
        Ok(filter)
    }

    fn term(&mut self, depth: usize, place: Place) -> Result<Filter, FilterError> {
        self.terms += 1;
        if self.terms > self.rules.max_terms {
            return self.fail(format!("it has more than {} comparisons", self.rules.max_terms));
        }
        let path = self.path()?;
        self.skip_space();
        if !self.take("[") {
            return self.condition(path);
        }
        if place == Place::Element {
            return self.fail("a value path must not contain another one");
        }
        self.check_depth(depth)?;
        let inner = self.or(depth + 1, Place::Element)?;
        self.close("]")?;
        if !self.take(".") {
            return Ok(Filter::Element(path, Box::new(inner)));
        }
        let sub = self.path()?;
        if sub.urn.is_some() || sub.sub.is_some() {
            return self.fail("one sub-attribute was expected after `]`");
        }
        let last = self.condition(sub)?;
        let mut parts = match inner {
            Filter::And(parts) => parts,
            other => vec![other],
        };
        parts.push(last);
        Ok(Filter::Element(path, Box::new(Filter::And(parts))))
    }

    /// `pr`, or an operator and a value.
    fn condition(&mut self, path: AttrPath) -> Result<Filter, FilterError> {
        self.skip_space();
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphanumeric());
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let Some(op) = CompareOp::ALL.into_iter().find(|op| op.as_str().eq_ignore_ascii_case(word)) else {
            self.at = start;
            return self.fail(match word {
                "" => format!("an operator was expected after `{path}`"),
                _ => format!("`{word}` is not an operator"),
            });
        };
        let value = self.value()?;
        Ok(Filter::Compare(path, op, value))
    }

    fn path(&mut self) -> Result<AttrPath, FilterError> {
        let start = self.at;
        let text = self.take_while(|c| !c.is_whitespace() && !matches!(c, '[' | ']' | '(' | ')' | '"'));
        AttrPath::parse(text).ok_or_else(|| FilterError {
            at: start,
            problem: match text {
                "" => "an attribute was expected".to_owned(),
                _ => format!("`{text}` is not an attribute path"),
            },
        })
    }

    fn value(&mut self) -> Result<Json, FilterError> {
        self.skip_space();
        let start = self.at;
        if self.peek() == Some('"') {
            return self.string();
        }
        let word = self.take_while(|c| !c.is_whitespace() && !matches!(c, ')' | ']'));
        if let Some(value) = literal(word, self.rules.bare_words) {
            return Ok(value);
        }
        self.at = start;
        match word {
            "" => self.fail("a value was expected"),
            _ => self.fail(format!("`{word}` is not a value; text stands in double quotes")),
        }
    }

    /// A JSON string, with the escapes of JSON.
    fn string(&mut self) -> Result<Json, FilterError> {
        let mut escaped = false;
        let end = self.rest().char_indices().skip(1).find_map(|(i, c)| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes.then_some(i + 1)
        });
        let Some(token) = end.and_then(|end| self.rest().get(..end)) else {
            return self.fail("the quote is not closed");
        };
        match serde_json::from_str::<Json>(token) {
            Ok(value) => {
                self.at += token.len();
                Ok(value)
            }
            Err(_) => self.fail("the text has an escape or a character that JSON does not know"),
        }
    }

    fn close(&mut self, bracket: &str) -> Result<(), FilterError> {
        self.skip_space();
        if self.take(bracket) {
            return Ok(());
        }
        match self.peek() {
            None => self.fail(format!("`{bracket}` is missing")),
            Some(c) => self.fail(format!("`and`, `or` or `{bracket}` was expected, `{c}` was found")),
        }
    }

    fn check_depth(&self, depth: usize) -> Result<(), FilterError> {
        if depth < self.rules.max_depth {
            return Ok(());
        }
        self.fail(format!("brackets are nested deeper than {} levels", self.rules.max_depth))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Takes a whole word without case, with the spaces before it; takes nothing if another word stands there.
    fn take_word(&mut self, word: &str) -> bool {
        let start = self.at;
        self.skip_space();
        let found = self.take_while(|c| !c.is_whitespace() && !matches!(c, '[' | ']' | '(' | ')' | '"'));
        if found.eq_ignore_ascii_case(word) {
            return true;
        }
        self.at = start;
        false
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, FilterError> {
        Err(FilterError { at: self.at, problem: problem.into() })
    }
}

/// Reads an unquoted value.
///
/// In bare-word mode a number whose spelling would not survive (`007`, `1.50`)
/// is text, because it is likely an identifier that lost its quotes.
fn literal(word: &str, bare_words: bool) -> Option<Json> {
    let value = match serde_json::from_str::<Json>(word) {
        Ok(value @ (Json::Null | Json::Bool(_) | Json::Number(_))) => Some(value),
        _ => None,
    };
    if !bare_words || value.as_ref().is_some_and(|v| v.to_string() == word) {
        return value;
    }
    if word.is_empty() || word.starts_with('\'') || word.contains(['"', '(', '[']) {
        return None;
    }
    if word.eq_ignore_ascii_case("null") {
        return Some(Json::Null);
    }
    Some(crate::scim::value::boolean(word).map_or_else(|| Json::from(word), Json::from))
}

#[cfg(test)]
mod tests;
