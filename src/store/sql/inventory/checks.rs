//! What a CHECK says, as far as it is a list of the texts that a column takes.
//! The databases spell such a list in different ways: `a IN ('x', 'y')`,
//! `a = ANY (ARRAY['x'::text, 'y'::text])`, `a = 'x' OR a = 'y'`.

/// The texts of a list; `None` if the expression says anything else, too.
pub(super) fn listed(expression: &str) -> Option<Vec<String>> {
    let (words, texts) = split(expression);
    // Whatever tests more than equality says something that a list cannot.
    let foreign = ["<", ">", "!", "not", "like", "and", "length", "between", "regexp", "~", "glob", "%"];
    let is_foreign = |word: &String| foreign.iter().any(|f| word.contains(f) && (f.len() < 3 || word == f));
    let asks = words.iter().any(|w| w == "in" || w.contains('=') || w == "any");
    (asks && !texts.is_empty() && !words.iter().any(is_foreign)).then_some(texts)
}

/// True if the expression names the column.
pub(super) fn mentions(expression: &str, column: &str) -> bool {
    split(expression).0.iter().any(|word| *word == column.to_lowercase())
}

/// Names and signs of an expression in lower case, and the texts in quotes.
fn split(expression: &str) -> (Vec<String>, Vec<String>) {
    let (mut words, mut texts) = (Vec::new(), Vec::new());
    let mut word = String::new();
    let mut rest = expression.chars().peekable();
    while let Some(c) = rest.next() {
        let is_name = c.is_alphanumeric() || c == '_';
        let was_name = word.chars().all(|c| c.is_alphanumeric() || c == '_');
        let ends = c == '\'' || !(is_name || "<>=!~%".contains(c)) || is_name != was_name;
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word).to_lowercase());
        }
        if c == '\'' {
            // MySQL writes the character set in front of a text: `_utf8mb4'x'`.
            if words.last().is_some_and(|w| w.starts_with("_utf8") || w == "_latin1") {
                words.pop();
            }
            let mut text = String::new();
            while let Some(c) = rest.next() {
                match c {
                    '\'' if rest.peek() == Some(&'\'') => text.extend(rest.next()),
                    '\'' => break,
                    '\\' if rest.peek() == Some(&'\'') => {}
                    c => text.push(c),
                }
            }
            texts.push(text);
        } else if is_name || "<>=!~%".contains(c) {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word.to_lowercase());
    }
    (words, texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_spelling() {
        for list in [
            "kind IN ('a', 'b')",
            "(`kind` in (_utf8mb4'a',_utf8mb4'b'))",
            "(`kind` in (_utf8mb4\\'a\\',_utf8mb4\\'b\\'))",
            "CHECK (((kind)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
            "CHECK (kind = 'a' OR kind = 'b')",
        ] {
            assert_eq!(listed(list), Some(vec!["a".to_owned(), "b".to_owned()]), "{list}");
            assert!(mentions(list, "Kind") && !mentions(list, "kin"), "{list}");
        }
        assert_eq!(listed("x IN ('it''s')"), Some(vec!["it's".to_owned()]));
    }

    #[test]
    fn other_tests_are_no_lists() {
        for other in
            ["length(kind) < 3", "kind <> 'a'", "kind NOT IN ('a')", "kind LIKE 'a%'", "a > b", "x = y"]
        {
            assert_eq!(listed(other), None, "{other}");
        }
    }
}
