//! Documents in a field: one text that holds fields or items of its own (JSON,
//! YAML, serialized PHP, delimited lists, flags of an integer, tagged texts).
//!
//! A document is opened into a [`Node`] tree, changed there, and closed again.
//! A tree keeps what it does not understand, the order of everything, and the
//! spelling of each value that nobody changes. No input makes it panic; a text
//! that is not of its format is an [`Unreadable`].

mod items;
mod json;
mod pattern;
mod php;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod yaml;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use self::{
    items::{Items, Place},
    pattern::Pattern,
    tree::{Clash, Leaf, Node, Seg},
};
use crate::store::{Predicate, Test, Value};

/// Why a stored text cannot be opened; a clause for "… holds text that is no …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {0}")]
pub struct Unreadable(pub &'static str);

/// What a document is written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// JSON (RFC 8259).
    Json,
    /// What PHP's `serialize` writes.
    Php,
    /// YAML (1.2) of one document.
    Yaml,
    /// Items with a text between them.
    List(String),
    /// The set bits of an integer, as their numbers.
    Bits,
    /// A tag, a separator and a value.
    Tag(String),
    /// Named pieces with texts between them.
    Pattern(Pattern),
    /// Numbered fields with a text between them.
    Fields(String),
}

/// How a document lies in a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it is written in.
    pub format: Format,
    /// True if the text is stored as base64.
    pub base64: bool,
    /// True if the first item is the one row.
    pub first: bool,
    /// The text that a new document starts from.
    pub fresh: Option<String>,
    /// True: a text that cannot be read counts as none and is replaced. False: it is left alone.
    pub renew: bool,
}

impl Document {
    /// Parses codecs as the file writes them: decoding steps, then the format.
    ///
    /// # Errors
    ///
    /// A sentence for a diagnostic.
    pub fn parse(codecs: &[String]) -> Result<Self, String> {
        let known = "there are json, php, yaml, csv:, lines bits tag:: pattern:{a} {b} fields:, base64 before them and first behind them";
        let first = codecs.last().is_some_and(|last| last == "first");
        let codecs = if first { codecs.get(..codecs.len() - 1).unwrap_or_default() } else { codecs };
        let (last, before) = codecs.split_last().ok_or("the codec is missing")?;
        if let Some(other) = before.iter().find(|step| *step != "base64") {
            return Err(format!("`{other}` opens nothing before another codec; {known}"));
        }
        let (name, argument) = match last.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (last.as_str(), None),
        };
        let need = |what: &str| {
            argument
                .filter(|a| !a.is_empty())
                .map(str::to_owned)
                .ok_or(format!("`{name}` needs {what}: `{name}:…`"))
        };
        let format = match name {
            "json" => Format::Json,
            "php" => Format::Php,
            "yaml" => Format::Yaml,
            "csv" => Format::List(need("a separator")?),
            "lines" => Format::List("\n".to_owned()),
            "bits" => Format::Bits,
            "tag" => Format::Tag(need("a separator")?),
            "pattern" => Format::Pattern(Pattern::parse(&need("a text with holes")?)?),
            "fields" => Format::Fields(need("a separator")?),
            _ => return Err(format!("no codec called `{name}` opens a field; {known}")),
        };
        if argument.is_some() && matches!(format, Format::Json | Format::Php | Format::Yaml | Format::Bits) {
            return Err(format!("`{name}` takes no argument"));
        }
        Ok(Self { format, base64: !before.is_empty(), first, fresh: None, renew: false })
    }

    /// The tree of a field's values; `None` if there is no document.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if the text is not of the format and is not to be replaced.
    pub fn open(&self, stored: &[Value]) -> Result<Option<Node>, Unreadable> {
        let Some(value) = stored.first() else { return Ok(None) };
        match self.read(value) {
            Err(_) if self.renew => Ok(None),
            other => other,
        }
    }

    fn read(&self, value: &Value) -> Result<Option<Node>, Unreadable> {
        let text = self.text_of(value)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        self.parse_text(&text).map(Some)
    }

    /// The text of a stored value, decoded.
    fn text_of(&self, value: &Value) -> Result<String, Unreadable> {
        let text = match value {
            Value::Bytes(bytes) => String::from_utf8(bytes.clone()).map_err(|_| Unreadable("text"))?,
            other => other.to_text(),
        };
        if !self.base64 || text.trim().is_empty() {
            return Ok(text);
        }
        let bytes = STANDARD.decode(text.trim()).map_err(|_| Unreadable("base64"))?;
        String::from_utf8(bytes).map_err(|_| Unreadable("text"))
    }

    fn parse_text(&self, text: &str) -> Result<Node, Unreadable> {
        match &self.format {
            Format::Json => json::open(text),
            Format::Php => php::open(text),
            Format::Yaml => yaml::open(text),
            Format::List(separator) => Ok(text::open_list(text, separator)),
            Format::Bits => text::open_bits(text),
            Format::Tag(separator) => Ok(text::open_tag(text, separator)),
            Format::Pattern(pattern) => pattern.open(text),
            Format::Fields(separator) => Ok(text::open_fields(text, separator)),
        }
    }

    /// True unless there is a text for new documents that is not of the format.
    #[must_use]
    pub fn has_valid_start(&self) -> bool {
        self.fresh.as_deref().is_none_or(|text| self.parse_text(text).is_ok())
    }

    /// The tree that a new document starts from.
    #[must_use]
    pub fn start(&self) -> Node {
        let fresh = self.fresh.as_deref().and_then(|text| self.parse_text(text).ok());
        fresh.unwrap_or_else(|| match &self.format {
            Format::List(_) | Format::Bits | Format::Fields(_) => Node::List(Vec::new()),
            _ => Node::nothing(),
        })
    }

    /// The field's values for a tree. `like` is the text it was opened from, whose style is kept.
    ///
    /// # Errors
    ///
    /// [`Clash`] if a value cannot stand in the format.
    pub fn close(&self, tree: &Node, like: &[Value]) -> Result<Vec<Value>, Clash> {
        let text = match &self.format {
            Format::Bits => return Ok(vec![Value::Int(text::close_bits(tree)?)]),
            _ if tree.is_nothing() => return Ok(Vec::new()),
            Format::Json => {
                let old = like.first().map(Value::to_text).or_else(|| self.fresh.clone()).unwrap_or_default();
                json::close(tree, &old)
            }
            Format::Php => php::close(tree),
            Format::Yaml => {
                let old = self.old_text(like).filter(|text| !text.trim().is_empty());
                yaml::close(tree, old.or(self.fresh.clone()).as_deref())?
            }
            Format::List(separator) => text::close_list(tree, separator, self.old_text(like).as_deref())?,
            Format::Tag(separator) => text::close_tag(tree, separator)?,
            Format::Pattern(pattern) => pattern.close(tree)?,
            Format::Fields(separator) => text::close_fields(tree, separator)?,
        };
        Ok(vec![Value::Text(if self.base64 { STANDARD.encode(text) } else { text })])
    }

    /// What was stored, if it can be read.
    fn old_text(&self, like: &[Value]) -> Option<String> {
        like.first().and_then(|value| self.text_of(value).ok())
    }

    /// True if the whole document is one row, whatever it holds.
    #[must_use]
    pub fn is_one_row(&self) -> bool {
        !self.first && !matches!(self.format, Format::List(_) | Format::Bits)
    }

    /// What can be said of the stored field if some item meets a predicate, whose fields lie at `places`.
    /// Never says too much; [`Test::Present`] if nothing better can be said.
    #[must_use]
    pub fn hint(&self, field: usize, predicate: &Predicate, places: &[Place]) -> Predicate {
        let present = Predicate::Field(field, Test::Present);
        match predicate {
            Predicate::False => Predicate::False,
            Predicate::All(list) => {
                let hints = list.iter().map(|p| self.hint(field, p, places));
                let mut hints: Vec<Predicate> = hints.filter(|hint| *hint != present).collect();
                if hints.is_empty() {
                    hints.push(present)
                }
                hints.into_iter().fold(Predicate::True, Predicate::and)
            }
            Predicate::Any(list) => {
                Predicate::Any(list.iter().map(|p| self.hint(field, p, places)).collect())
            }
            Predicate::Field(of, test) => self.hint_test(field, places.get(*of), test).unwrap_or(present),
            Predicate::True
            | Predicate::Not(_)
            | Predicate::Exists(_)
            | Predicate::Clock(..)
            | Predicate::Pair(..) => present,
        }
    }

    /// True if [`hint`](Self::hint) says all there is to say: the test of one bit.
    #[must_use]
    pub fn is_exact(&self, predicate: &Predicate) -> bool {
        self.format == Format::Bits && matches!(predicate, Predicate::Field(_, Test::OneOf(..)))
    }

    /// True if a text may stand in the document as it is, without escapes and in no other coding.
    #[must_use]
    pub fn is_searched(&self) -> bool {
        let as_is = matches!(self.format, Format::Php | Format::List(_) | Format::Tag(_) | Format::Fields(_));
        as_is && !self.base64
    }

    fn hint_test(&self, field: usize, place: Option<&Place>, test: &Test) -> Option<Predicate> {
        let any = |tests: Vec<Test>| {
            let mut list: Vec<Predicate> = tests.into_iter().map(|t| Predicate::Field(field, t)).collect();
            if list.len() == 1 { list.pop() } else { Some(Predicate::Any(list)) }
        };
        if self.format == Format::Bits {
            let Test::OneOf(values, _) = test else { return None };
            let bits = values.iter().filter_map(|v| text::bit(v).ok());
            return any(bits.map(Test::BitsSet).collect());
        }
        if !self.is_searched() || matches!(place, None | Some(Place::Pos)) {
            return None;
        }
        match test {
            Test::OneOf(values, fold) => {
                let texts: Option<Vec<&str>> = values.iter().map(plain_text).collect();
                any(texts?.into_iter().map(|t| Test::Contains(t.to_owned(), *fold)).collect())
            }
            Test::Starts(text, fold) | Test::Ends(text, fold) | Test::Contains(text, fold) => {
                let is_text = plain_text(&Value::Text(text.clone())).is_some();
                is_text.then(|| Predicate::Field(field, Test::Contains(text.clone(), *fold)))
            }
            _ => None,
        }
    }
}

/// A text that equals nothing but texts: neither a number nor a truth value, in whatever spelling.
fn plain_text(value: &Value) -> Option<&str> {
    let Value::Text(text) = value else { return None };
    let is_word = ["true", "false"].iter().any(|w| w.contains(text.to_lowercase().as_str()));
    let is_number = text.chars().all(|c| c.is_ascii_digit() || "+-.eE ".contains(c));
    (!is_word && !is_number && text.trim() == text).then_some(text)
}
