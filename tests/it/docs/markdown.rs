//! The fenced blocks and tables of a document.

/// A fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Line of the opening fence, from 1.
    pub(crate) line: usize,
    /// The first word behind the fence.
    pub(crate) language: String,
    /// The others, at commas: `name` or `name=value`.
    pub(crate) tags: Vec<(String, String)>,
    /// What stands inside.
    pub(crate) text: String,
}

impl Block {
    /// The value of a tag; empty for a tag without one.
    pub(crate) fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The fenced blocks of a document, in their order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut out = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in document.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let mut words = info.split(',').map(str::trim);
                let language = words.next().unwrap_or_default().to_owned();
                let tags = words
                    .map(|word| word.split_once('=').unwrap_or((word, "")))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                open = Some(Block { line: index + 1, language, tags, text: String::new() });
            }
            (Some(_), Some(_)) => out.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    out
}

/// The cells of the table behind the comment `<!-- table: name -->`, without its head.
pub(crate) fn table(document: &str, name: &str) -> Vec<Vec<String>> {
    let mark = format!("<!-- table: {name} -->");
    let (_, after) = document.split_once(&mark).unwrap_or_else(|| panic!("no table is marked `{mark}`"));
    let rows = after.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|'));
    rows.skip(2).map(cells).collect()
}

/// The cells of a row; `\|` is a bar inside of one.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\u{1}");
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// The words in backticks in a text.
pub(crate) fn code_words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The part of a document below a heading, up to the next one of the same level.
pub(crate) fn section<'d>(document: &'d str, heading: &str) -> &'d str {
    let start = document.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading `{heading}`"));
    let body = &document[start + heading.len() + 2..];
    let level = format!("\n{} ", "#".repeat(heading.chars().take_while(|c| *c == '#').count()));
    body.find(&level).map_or(body, |end| &body[..end])
}
