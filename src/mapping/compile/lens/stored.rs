//! What lies between a field and a simple value: chains of codecs, and maps.

use crate::{
    mapping::{
        codec::{Class, Codec},
        compile::{
            Compiler,
            lens::{Shared, Site},
        },
        lens::{Otherwise, ValueMap, Write},
        node::{Kind, Node},
    },
    scim::{Json, schema::DataType},
    store::Value,
};

impl Compiler {
    /// That a chain of codecs fits together, and that what is written reads back.
    pub(super) fn check_codecs(
        &mut self,
        site: &Site<'_>,
        shared: &Shared,
        codecs: &[Codec],
        node: &Node,
        at: &Node,
    ) {
        let span = node.get("codec").unwrap_or(at).span.clone();
        if shared.common.write != Write::No && codecs.iter().any(|c| c.class() == Class::OneWay) {
            self.lossy(shared, &span, &format!("`{}` has a one-way codec", site.attribute.name));
        }
        let mut before = Form::Any;
        for codec in codecs {
            let (wants, gives) = forms(codec);
            if !wants.contains(&before) && before != Form::Any {
                let message = format!("the codec before `{}` gives {}", codec_name(codec), before.word());
                let help = format!(
                    "codecs stand in the direction store → SCIM; this one takes {}",
                    wants.first().map_or("text", |f| f.word())
                );
                self.diagnostics.error("codec-chain", &span, message, help);
                return;
            }
            before = gives;
        }
    }

    /// That the value which comes out is of the attribute's type.
    pub(super) fn check_type(&mut self, site: &Site<'_>, codecs: &[Codec], mapped: bool, at: &Node) {
        let gives = codecs.last().map_or(Form::Any, |c| forms(c).1);
        let a = site.attribute;
        if mapped {
            return;
        }
        let wrong = match (a.data_type, gives) {
            (DataType::Boolean, Form::Bool) | (DataType::DateTime, Form::Time) => None,
            (DataType::Boolean, Form::Any) if !self.is_ldap() => None,
            (DataType::DateTime, Form::Any) if !self.is_ldap() => None,
            (DataType::Boolean, _) => {
                Some(("true or false", "write `codec = \"bool:TRUE:FALSE\"`, or a `map`"))
            }
            (DataType::DateTime, _) => {
                Some(("a time", "write `codec = \"generalized_time\"`, or another time codec"))
            }
            (_, Form::Bool | Form::Time) => {
                Some(("neither a boolean nor a time", "remove the codec, or bind an attribute of that type"))
            }
            _ => None,
        };
        if let Some((what, help)) = wrong {
            self.error(
                "codec-type",
                at,
                format!("`{}` is {what}, but the field gives {}", a.name, gives.word()),
                help,
            );
        }
    }

    pub(super) fn value_map(
        &mut self,
        site: &Site<'_>,
        shared: &Shared,
        map: &Node,
        lens: &Node,
    ) -> ValueMap {
        let mut pairs: Vec<(Option<Value>, Json)> = Vec::new();
        for item in map.items() {
            let [stored, shown] = item.items() else {
                self.error("map-pair", item, "this is no pair", "write `[stored value, SCIM value]`");
                continue;
            };
            let left = match stored.text() {
                Some("@none") => Some(None),
                _ => self.literal(site.scope, stored).map(Some),
            };
            let (Some(left), Some(right)) = (left, self.json(site, shown)) else { continue };
            if pairs.iter().any(|(l, _)| *l == left) {
                let message = "this stored value has a pair already";
                self.error(
                    "map-duplicate",
                    stored,
                    message,
                    "keep one pair; several stored values may show the same",
                );
            }
            pairs.push((left, right));
        }
        let otherwise = match lens.get("else") {
            None => Otherwise::Reject,
            Some(n) => match n.text() {
                Some("reject") => Otherwise::Reject,
                Some("keep") => Otherwise::Keep,
                _ => {
                    if shared.common.write != Write::No {
                        self.lossy(shared, &n.span, "`else` shows other stored values as one");
                    }
                    self.json(site, n).map_or(Otherwise::Reject, Otherwise::Value)
                }
            },
        };
        if site.attribute.data_type == DataType::Boolean && shared.common.write != Write::No {
            for truth in [true, false] {
                if !pairs.iter().any(|(_, j)| *j == Json::Bool(truth)) {
                    let help = format!("add a pair `[…, {truth}]`, or write `write = \"no\"`");
                    self.error("map-incomplete", map, format!("no pair says how `{truth}` is stored"), help);
                }
            }
        }
        ValueMap { pairs, otherwise }
    }

    /// A SCIM value, of the attribute's type.
    pub(super) fn json(&mut self, site: &Site<'_>, node: &Node) -> Option<Json> {
        let found = match &node.kind {
            Kind::Text(text) => Json::from(text.as_str()),
            Kind::Int(number) => Json::from(*number),
            Kind::Float(number) => Json::from(*number),
            Kind::Bool(truth) => Json::from(*truth),
            _ => {
                self.wrong_type(node, "the SCIM value", "a string, a number or a boolean");
                return None;
            }
        };
        let expected = match site.attribute.data_type {
            DataType::Boolean if !found.is_boolean() => "true or false",
            DataType::Integer if !found.is_i64() => "an integer",
            DataType::Decimal if !found.is_number() => "a number",
            DataType::String | DataType::Reference if !found.is_string() => "a string",
            _ => return Some(found),
        };
        self.wrong_type(node, &format!("a value of `{}`", site.attribute.name), expected);
        None
    }
}

/// What a codec takes and gives on the way from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Any,
    Text,
    Bytes,
    Number,
    Bool,
    Time,
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Self::Any => "what is stored",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Time => "a time",
        }
    }
}

fn forms(codec: &Codec) -> (&'static [Form], Form) {
    match codec {
        Codec::Hex | Codec::Base64 | Codec::GuidLe | Codec::Sid => (&[Form::Bytes], Form::Text),
        Codec::Country(_) => (&[Form::Text, Form::Number], Form::Text),
        Codec::Number => (&[Form::Text, Form::Number], Form::Number),
        Codec::Bool(..) => (&[Form::Text, Form::Number], Form::Bool),
        Codec::Time(_) => (&[Form::Text, Form::Number], Form::Time),
        _ => (&[Form::Text], Form::Text),
    }
}

fn codec_name(codec: &Codec) -> String {
    let debug = format!("{codec:?}");
    let word = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    word.to_lowercase()
}
