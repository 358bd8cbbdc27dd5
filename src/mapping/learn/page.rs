//! The draft as it grows: lines with the reason behind them, folded comments.

/// What a line may be long.
const WIDTH: usize = 112;

/// A text as it grows.
#[derive(Debug, Default)]
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    pub(super) fn empty(&mut self) {
        self.0.push('\n');
    }

    /// A line, and why it stands there: behind it if there is room, else above.
    pub(super) fn why(&mut self, text: &str, why: &str) {
        if text.chars().count() + why.chars().count() + 3 <= WIDTH {
            self.line(&format!("{text} # {why}"));
        } else {
            self.comment(why);
            self.line(text);
        }
    }

    /// The start of a table, behind an empty line.
    pub(super) fn table(&mut self, name: &str) {
        self.empty();
        self.line(&format!("[{name}]"));
    }

    /// A comment, folded at a width that people read.
    pub(super) fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.chars().count() + word.chars().count() + 1 > WIDTH && line.len() > 1 {
                self.line(&line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    /// Something that only the operator knows.
    pub(super) fn decide(&mut self, text: &str) {
        self.comment(&format!("TODO decide: {text}"));
    }

    pub(super) fn heading(&mut self, name: &str) {
        self.empty();
        self.line(&format!("# {} {name}", "-".repeat(106 - name.len())));
        self.empty();
    }
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list of TOML strings.
pub(super) fn list(texts: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

/// A text in which braces are no holes and `@` no word.
pub(super) fn literal(text: &str) -> String {
    let text = text.replace('{', "{{");
    if text.starts_with('@') { format!("@{text}") } else { text }
}

/// A number with its thousands apart.
pub(super) fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_comments_folded() {
        assert_eq!(quoted("a\"b\\c\u{1}"), "\"a\\\"b\\\\c\\u0001\"");
        assert_eq!(literal("@a{b}"), "@@a{{b}");
        let mut page = Page::default();
        page.comment(&"word ".repeat(40));
        assert!(
            page.0.lines().count() == 2
                && page.0.lines().all(|l| l.starts_with("# word") && l.len() <= WIDTH)
        );
    }

    #[test]
    fn a_reason_stands_behind_its_line_if_there_is_room() {
        let mut page = Page::default();
        page.why("a = 1", "so");
        page.why(&format!("b = \"{}\"", "x".repeat(100)), "therefore");
        assert!(page.0.starts_with("a = 1 # so\n# therefore\nb = "), "{}", page.0);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 999, 4981, 1_234_567].map(number), ["7", "999", "4,981", "1,234,567"]);
    }
}
