//! What PHP's `serialize` writes: lengths in bytes, arrays with numbered and
//! named entries. Objects and other things that hold no fields for us are kept
//! as they are. A text with references is not opened: they count the values
//! before them, which a change would move.

use super::{
    Unreadable,
    tree::{Key, Leaf, Node},
};
use crate::store::Value;

/// Deepest nesting that is opened.
const DEPTH: usize = 64;

const PHP: Unreadable = Unreadable("serialized PHP");

/// Opens a text.
pub(super) fn open(text: &str) -> Result<Node, Unreadable> {
    let mut scan = Scan { text, at: 0 };
    let node = scan.node(0).ok_or(PHP)?;
    if scan.at == text.len() { Ok(node) } else { Err(PHP) }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, mark: &str) -> Option<()> {
        self.rest().starts_with(mark).then(|| self.at += mark.len())
    }

    /// The text up to a mark, which is passed.
    fn until(&mut self, mark: char) -> Option<&'a str> {
        let (text, _) = self.rest().split_once(mark)?;
        self.at += text.len() + mark.len_utf8();
        Some(text)
    }

    fn count(&mut self, mark: char) -> Option<usize> {
        let digits = self.until(mark)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    }

    /// `N:"…"`: the text, of so many bytes.
    fn text(&mut self) -> Option<&'a str> {
        let length = self.count(':')?;
        self.take("\"")?;
        let text = self.rest().get(..length)?;
        self.at += length;
        self.take("\"")?;
        Some(text)
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        let start = self.at;
        let kind = self.rest().chars().next()?;
        let value = match kind {
            'a' if depth < DEPTH => return self.array(depth).map(Node::Map),
            'N' => {
                self.take("N;")?;
                None
            }
            'b' => {
                self.take("b:")?;
                match self.until(';')? {
                    "0" => Some(Value::Bool(false)),
                    "1" => Some(Value::Bool(true)),
                    _ => return None,
                }
            }
            'i' => {
                self.take("i:")?;
                Some(Value::Int(self.until(';')?.parse().ok()?))
            }
            'd' => {
                self.take("d:")?;
                let number = self.until(';')?;
                let is_plain = number.len() < 100 && !number.contains(['e', 'E']);
                is_plain.then(|| number.parse().ok().map(Value::Decimal)).flatten()
            }
            's' => {
                self.take("s:")?;
                let text = self.text()?;
                self.take(";")?;
                Some(Value::Text(text.to_owned()))
            }
            'E' => {
                self.take("E:")?;
                self.text()?;
                self.take(";")?;
                None
            }
            'O' if depth < DEPTH => {
                self.take("O:")?;
                self.text()?;
                self.take(":")?;
                self.entries(depth)?;
                None
            }
            'C' => {
                self.take("C:")?;
                self.text()?;
                self.take(":")?;
                let length = self.count(':')?;
                self.take("{")?;
                self.rest().get(..length)?;
                self.at += length;
                self.take("}")?;
                None
            }
            _ => return None,
        };
        Some(Node::raw(value, self.text.get(start..self.at)?))
    }

    fn array(&mut self, depth: usize) -> Option<Vec<(Key, Node)>> {
        self.take("a:")?;
        self.entries(depth)
    }

    /// `N:{…}`: so many pairs of name and value.
    fn entries(&mut self, depth: usize) -> Option<Vec<(Key, Node)>> {
        let count = self.count(':')?;
        self.take("{")?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let start = self.at;
            let name = match self.node(DEPTH)? {
                Node::Leaf(Leaf { value: Some(name @ (Value::Int(_) | Value::Text(_))), .. }) => {
                    name.to_text()
                }
                _ => return None,
            };
            let raw = self.text.get(start..self.at)?.to_owned();
            entries.push((Key { name, raw: Some(raw) }, self.node(depth + 1)?));
        }
        self.take("}")?;
        Some(entries)
    }
}

/// Closes a tree.
pub(super) fn close(tree: &Node) -> String {
    let mut out = String::new();
    write(tree, &mut out);
    out
}

fn write(node: &Node, out: &mut String) {
    match node {
        Node::Leaf(Leaf { raw: Some(raw), .. }) => out.push_str(raw),
        Node::Leaf(Leaf { value, .. }) => out.push_str(&spelled(value.as_ref())),
        Node::List(items) => {
            out.push_str(&format!("a:{}:{{", items.len()));
            for (place, item) in items.iter().enumerate() {
                out.push_str(&format!("i:{place};"));
                write(item, out);
            }
            out.push('}');
        }
        Node::Map(entries) => {
            out.push_str(&format!("a:{}:{{", entries.len()));
            for (key, node) in entries {
                match &key.raw {
                    Some(raw) => out.push_str(raw),
                    None => out.push_str(&name(&key.name)),
                }
                write(node, out);
            }
            out.push('}');
        }
    }
}

fn spelled(value: Option<&Value>) -> String {
    match value {
        None => "N;".to_owned(),
        Some(Value::Bool(truth)) => format!("b:{};", u8::from(*truth)),
        Some(Value::Int(number)) => format!("i:{number};"),
        Some(value @ Value::Decimal(_)) => format!("d:{};", value.to_text()),
        Some(value) => text(&value.to_text()),
    }
}

/// PHP takes a name that spells a number for that number.
fn name(name: &str) -> String {
    match name.parse::<i64>() {
        Ok(number) if number.to_string() == name => format!("i:{number};"),
        _ => text(name),
    }
}

fn text(text: &str) -> String {
    format!("s:{}:\"{text}\";", text.len())
}
