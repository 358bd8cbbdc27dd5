//! V, a value: a literal, an `@word`, or text with `{field}` holes.
//!
//! ```text
//! V      = literal | "@" word | text
//! text   = *( literal-text / "{{" / "{" hole "}" )
//! hole   = source *( *( "|" codec ) " or " source ) *( "|" codec )
//! source = field | "let." name | "@" word
//! word   = "none" | "some" | ("now" | "today") [offset] | "uuid" | "actor"
//!        | "next." name | "unique:" separator " " text
//! offset = ("+" | "-") ( number | "{" field "}" ) unit
//! ```
//!
//! Codecs before an `or` belong to the source there, which counts only if they leave a text; those at the
//! end are for whichever source it is. A hole that holds a constant alone becomes part of the text here.

use std::ops::Range;

use crate::{
    mapping::{
        codec::Codec,
        compile::{Compiler, draft::Scope, keys::suggest},
        form::{
            Template,
            template::{Amount, LogWord, Offset, Piece, Source, Unit},
        },
        node::{Kind, Node},
    },
    store::Value,
};

const WORDS: &[&str] = &["none", "some", "now", "today", "uuid", "actor", "next.NAME", "unique:- TEXT"];
const UNITS: &[(&str, Unit)] = &[
    ("seconds", Unit::Seconds),
    ("minutes", Unit::Minutes),
    ("hours", Unit::Hours),
    ("days", Unit::Days),
    ("months", Unit::Months),
];

impl Compiler {
    /// One V.
    pub(super) fn value(&mut self, scope: Scope, node: &Node) -> Option<Template> {
        let Kind::Text(text) = &node.kind else {
            return self.scalar(node).map(Template::Literal);
        };
        let inner = inner(node, text);
        if text.starts_with("@@") {
            let (_, rest) = text.split_at_checked(1)?;
            return self.text(scope, rest, &(inner.start + 1..inner.end));
        }
        match text.strip_prefix('@') {
            Some(word) => self.word(scope, word, &inner),
            None => self.text(scope, text, &inner),
        }
    }

    /// One V, or an array of them.
    pub(super) fn values(&mut self, scope: Scope, node: &Node) -> Vec<Template> {
        node.items().iter().filter_map(|item| self.value(scope, item)).collect()
    }

    /// A V without holes and words: a constant.
    pub(super) fn literal(&mut self, scope: Scope, node: &Node) -> Option<Value> {
        match self.value(scope, node)? {
            Template::Literal(value) => Some(value),
            _ => {
                self.error(
                    "bad-value",
                    node,
                    "only a constant may stand here",
                    "write a literal or `{let.name}`",
                );
                None
            }
        }
    }

    /// A string in which only `{let.…}` holes may stand.
    pub(super) fn plain(&mut self, node: &Node, what: &str) -> Option<String> {
        let Some(text) = node.text() else {
            self.wrong_type(node, what, "a string");
            return None;
        };
        if !text.contains('{') {
            return Some(text.to_owned());
        }
        self.fill_constants(text, &inner(node, text))
    }

    fn fill_constants(&mut self, text: &str, span: &Range<usize>) -> Option<String> {
        let mut out = String::new();
        for token in self.tokens(text, span)? {
            match token {
                Token::Literal(text) => out.push_str(&text),
                Token::Hole(hole, at) => match hole.trim().strip_prefix("let.") {
                    Some(name) => out.push_str(&self.constant(name, &at)?.to_text()),
                    None => {
                        let message = format!("`{{{hole}}}` cannot stand here");
                        self.diagnostics.error("bad-text", &at, message, "only `{let.name}` is known here");
                        return None;
                    }
                },
            }
        }
        Some(out)
    }

    /// A TOML value as a store value.
    fn scalar(&mut self, node: &Node) -> Option<Value> {
        let value = match &node.kind {
            Kind::Text(text) => Value::Text(text.clone()),
            Kind::Int(number) => Value::Int(*number),
            Kind::Bool(truth) => Value::Bool(*truth),
            Kind::Float(number) => match number.to_string().parse() {
                Ok(decimal) => Value::Decimal(decimal),
                Err(_) => {
                    self.error("bad-value", node, "this is no finite number", "write a number");
                    return None;
                }
            },
            Kind::Datetime(text) => return self.datetime(text, node),
            Kind::Array(_) | Kind::Table(_) => {
                self.wrong_type(node, "the value", "a literal, an `@word` or text with `{field}` holes");
                return None;
            }
        };
        Some(value)
    }

    fn datetime(&mut self, text: &str, node: &Node) -> Option<Value> {
        let form = if text.len() == 10 { "date" } else { "datetime:UTC" };
        let decoded = Codec::parse(form).ok().and_then(|c| c.decode(Value::from(text)).ok());
        match decoded {
            Some(Value::Time(time)) if form == "date" => Some(Value::Date(time.date())),
            Some(value) => Some(value),
            None => {
                self.error(
                    "bad-value",
                    node,
                    format!("`{text}` is no date"),
                    "write 2026-01-31 or 2026-01-31T08:00:00Z",
                );
                None
            }
        }
    }

    fn text(&mut self, scope: Scope, text: &str, span: &Range<usize>) -> Option<Template> {
        let mut pieces = self.pieces(scope, text, span)?;
        Some(match pieces.as_mut_slice() {
            [] => Template::Literal(Value::Text(String::new())),
            [Piece::Literal(text)] => Template::Literal(Value::Text(std::mem::take(text))),
            [Piece::Hole { sources, codecs }] if codecs.is_empty() => match sources.as_slice() {
                [Source::Constant(value)] => Template::Literal(value.clone()),
                _ => Template::Text(pieces),
            },
            _ => Template::Text(pieces),
        })
    }

    /// Text with holes.
    pub(super) fn pieces(&mut self, scope: Scope, text: &str, span: &Range<usize>) -> Option<Vec<Piece>> {
        let tokens = self.tokens(text, span)?;
        let alone = tokens.len() == 1;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut whole = true;
        for token in tokens {
            let piece = match token {
                Token::Literal(text) => Some(Piece::Literal(text)),
                Token::Hole(hole, at) => {
                    self.hole(scope, &hole, &at).map(|p| if alone { p } else { settle(p) })
                }
            };
            match (pieces.last_mut(), piece) {
                (_, None) => whole = false,
                (Some(Piece::Literal(before)), Some(Piece::Literal(more))) => before.push_str(&more),
                (_, Some(piece)) => pieces.push(piece),
            }
        }
        whole.then_some(pieces)
    }

    fn tokens(&mut self, text: &str, span: &Range<usize>) -> Option<Vec<Token>> {
        let mut out = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at_checked(at)?;
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                literal.push('{');
                rest = after;
                continue;
            }
            let from = from.strip_prefix('{')?;
            let Some((hole, after)) = from.split_once('}') else {
                let help = "close the hole with `}`, or write `{{` for a brace";
                self.diagnostics.error("bad-text", span, format!("the hole `{{{from}` is not closed"), help);
                return None;
            };
            if !literal.is_empty() {
                out.push(Token::Literal(std::mem::take(&mut literal)));
            }
            let start = span.start + (text.len() - from.len());
            let exact = start + hole.len() <= span.end;
            out.push(Token::Hole(
                hole.to_owned(),
                if exact { start..start + hole.len() } else { span.clone() },
            ));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            out.push(Token::Literal(literal));
        }
        Some(out)
    }

    fn hole(&mut self, scope: Scope, hole: &str, span: &Range<usize>) -> Option<Piece> {
        if hole.trim().is_empty() {
            let help = "name a field; a brace that is meant as such is written `{{`";
            self.diagnostics.error("bad-text", span, "an empty hole", help);
            return None;
        }
        let mut sources = Vec::new();
        let mut last = Vec::new();
        let mut whole = true;
        for alternative in hole.split(" or ") {
            let mut parts = alternative.split('|');
            let name = parts.next().unwrap_or_default().trim();
            let source = match (name.strip_prefix("let."), name.strip_prefix('@')) {
                (Some(constant), _) => self.constant(constant, span).map(Source::Constant),
                (_, Some(word)) => self.word(scope, word, span).map(|w| Source::Word(Box::new(w))),
                _ => self.field(scope, name, span).map(Source::Field),
            };
            let mut codecs = Vec::new();
            for text in parts {
                let codec = self.codec(text.trim(), span);
                whole &= codec.is_some();
                codecs.extend(codec);
            }
            whole &= source.is_some();
            // The codecs so far were those of the source before.
            let own = std::mem::replace(&mut last, codecs);
            if !own.is_empty()
                && let Some(before) = sources.pop()
            {
                sources.push(Source::Through(Box::new(before), own));
            }
            sources.extend(source);
        }
        whole.then_some(Piece::Hole { sources, codecs: last })
    }

    /// A codec by its text.
    pub(super) fn codec(&mut self, text: &str, span: &Range<usize>) -> Option<Codec> {
        const LATER: &[&str] =
            &["json", "php", "yaml", "csv", "lines", "bits", "tag", "pattern", "fields", "first"];
        match Codec::parse(text) {
            Ok(codec) => Some(codec),
            Err(help) => {
                let name = text.split(':').next().unwrap_or_default();
                if LATER.contains(&name) {
                    self.unsupported(span, &format!("the codec `{name}`"));
                } else {
                    self.diagnostics.error("bad-codec", span, format!("`{text}` is no codec"), help);
                }
                None
            }
        }
    }

    /// The codecs of a `codec` key: one text or a list, in the direction store → SCIM.
    pub(super) fn codecs(&mut self, node: &Node) -> Vec<Codec> {
        let mut out = Vec::new();
        for item in node.items() {
            if let Some(text) = self.plain(item, "a codec") {
                out.extend(self.codec(&text, &item.span));
            }
        }
        out
    }

    fn constant(&mut self, name: &str, span: &Range<usize>) -> Option<Value> {
        let found = self.constants.get(name).cloned();
        if found.is_none() {
            let help = suggest(name, self.constants.keys().map(String::as_str), "`[let]` has");
            self.diagnostics.error("unknown-name", span, format!("`[let]` has no `{name}`"), help);
        }
        found
    }

    fn word(&mut self, scope: Scope, word: &str, span: &Range<usize>) -> Option<Template> {
        let plain = match word {
            "none" => Template::Nothing,
            "some" => Template::Some,
            "uuid" => Template::Uuid,
            "actor" => Template::Actor,
            "event" | "field" | "old" | "new" => {
                if !self.log_words.contains(&word) {
                    let help = "`@field`, `@old` and `@new` belong into `fields` of a log, `@event` also into its `set`";
                    let message = format!("`@{word}` means nothing here");
                    self.diagnostics.error("unknown-word", span, message, help);
                    return None;
                }
                Template::Logged(match word {
                    "event" => LogWord::Event,
                    "field" => LogWord::Field,
                    "old" => LogWord::Old,
                    _ => LogWord::New,
                })
            }
            _ => return self.long_word(scope, word, span),
        };
        Some(plain)
    }

    fn long_word(&mut self, scope: Scope, word: &str, span: &Range<usize>) -> Option<Template> {
        if let Some(rest) = word.strip_prefix("now") {
            return self.offset(scope, rest, span).map(Template::Now);
        }
        if let Some(rest) = word.strip_prefix("today") {
            return self.offset(scope, rest, span).map(Template::Today);
        }
        if let Some(name) = word.strip_prefix("next.") {
            if self.counters.contains_key(name) {
                return Some(Template::Next(name.to_owned()));
            }
            let help = suggest(name, self.counters.keys().map(String::as_str), "declare it; counters are");
            self.diagnostics.error("unknown-name", span, format!("there is no `[next.{name}]`"), help);
            return None;
        }
        if let Some((separator, text)) = word.strip_prefix("unique:").and_then(|r| r.split_once(' ')) {
            let start = (span.end + 1).saturating_sub(text.len() + 1).max(span.start);
            let text = self.pieces(scope, text, &(start..span.end))?;
            return Some(Template::Unique { separator: separator.to_owned(), text });
        }
        let help = suggest(word, WORDS.iter().copied(), "words are");
        let help = format!("{help}; a literal that begins with `@` is written `@@`");
        self.diagnostics.error("unknown-word", span, format!("there is no word `@{word}` here"), help);
        None
    }

    fn offset(&mut self, scope: Scope, text: &str, span: &Range<usize>) -> Option<Offset> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Offset::default());
        }
        let back = text.starts_with('-');
        let rest = text.strip_prefix(['+', '-']).map(str::trim);
        let split = rest.and_then(|r| r.rsplit_once(' '));
        let unit = split.and_then(|(_, u)| UNITS.iter().find(|(name, _)| *name == u).map(|(_, unit)| *unit));
        let (Some((amount, _)), Some(unit)) = (split, unit) else {
            let help = "write `@now + 3 days`; units are seconds, minutes, hours, days, months";
            self.diagnostics.error("unknown-word", span, format!("`{text}` is no distance of time"), help);
            return None;
        };
        let amount = amount.trim();
        let field = amount.strip_prefix('{').and_then(|a| a.strip_suffix('}'));
        let amount = match (field, amount.parse()) {
            (Some(name), _) => Amount::Field(self.field(scope, name, span)?),
            (None, Ok(number)) => Amount::Number(number),
            (None, Err(_)) => {
                let help = "write a number or one `{field}`";
                self.diagnostics.error("unknown-word", span, format!("`{amount}` is no amount"), help);
                return None;
            }
        };
        Some(Offset { amount, unit, back })
    }
}

enum Token {
    Literal(String),
    Hole(String, Range<usize>),
}

/// A hole that holds a constant alone is text.
fn settle(piece: Piece) -> Piece {
    let Piece::Hole { sources, codecs } = &piece else { return piece };
    let [Source::Constant(value)] = sources.as_slice() else { return piece };
    let encoded = codecs.iter().try_fold(value.clone(), |v, codec| codec.encode(v));
    encoded.map_or(piece, |value| Piece::Literal(value.to_text()))
}

/// Where a string's text stands, if it is written without escapes; else the whole string.
fn inner(node: &Node, text: &str) -> Range<usize> {
    match node.span.len().checked_sub(text.len()) {
        Some(2) => node.span.start + 1..node.span.end - 1,
        Some(6) => node.span.start + 3..node.span.end - 3,
        _ => node.span.clone(),
    }
}
