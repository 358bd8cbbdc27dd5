//! What a comparison found of one resource type.

use std::fmt;

use crate::correlation::bulk::Count;

/// A way to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An entry without a row.
    Missing,
    /// A row without an entry.
    Gone,
    /// A row that tells a place where its entry is not.
    Moved,
    /// A client id that several have.
    Double,
    /// What we keep of a resource is no JSON object.
    Unreadable,
    /// The index of what we keep tells something else.
    Index,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Missing, Self::Gone, Self::Moved, Self::Double, Self::Unreadable, Self::Index];

    fn words(self) -> &'static str {
        match self {
            Self::Missing => "in the store, without a row",
            Self::Gone => "rows of what the store does not have",
            Self::Moved => "rows that tell an old place",
            Self::Double => "externalIds that several have",
            Self::Unreadable => "rows with an unreadable sidecar",
            Self::Index => "rows with a wrong index",
        }
    }
}

/// Numbers and examples.
#[derive(Debug)]
pub(super) struct Report {
    name: String,
    /// Differences that are shown of a kind.
    show: usize,
    /// What the store has.
    pub(super) entries: u64,
    /// What the database has.
    pub(super) rows: Count,
    found: [u64; 6],
    mended: [u64; 6],
    examples: [Vec<String>; 6],
    /// Rows whose id does not follow from the anchor although it should.
    pub(super) underived: u64,
    /// Rows of what is gone were left, since they are more than this share.
    pub(super) kept_gone: Option<u64>,
}

impl Report {
    pub(super) fn new(name: &str, show: usize) -> Self {
        Self {
            name: name.to_owned(),
            show,
            entries: 0,
            rows: Count::default(),
            found: [0; 6],
            mended: [0; 6],
            examples: Default::default(),
            underived: 0,
            kept_gone: None,
        }
    }

    /// Notes a difference.
    pub(super) fn found(&mut self, kind: Kind, example: &str) {
        if let Some(found) = self.found.get_mut(kind as usize) {
            *found += 1;
        }
        if let Some(examples) = self.examples.get_mut(kind as usize).filter(|list| list.len() < self.show) {
            examples.push(example.to_owned());
        }
    }

    /// Notes that differences were put right.
    pub(super) fn mended(&mut self, kind: Kind, number: u64) {
        if let Some(mended) = self.mended.get_mut(kind as usize) {
            *mended += number;
        }
    }

    /// True if differences are left.
    pub(super) fn differs(&self) -> bool {
        self.found.iter().zip(&self.mended).any(|(found, mended)| found > mended)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { living, deleted } = self.rows;
        writeln!(f, "{}: {} in the store, {living} living rows, {deleted} deleted", self.name, self.entries)?;
        let numbers = self.found.iter().zip(&self.mended).zip(&self.examples);
        for (kind, ((found, mended), examples)) in Kind::ALL.into_iter().zip(numbers) {
            if *found == 0 {
                continue;
            }
            let now = if *mended > 0 { format!(", {mended} put right") } else { String::new() };
            writeln!(f, "  {found:>7} {}{now}", kind.words())?;
            for example in examples {
                writeln!(f, "          {example}")?;
            }
        }
        if let Some(share) = self.kept_gone {
            writeln!(
                f,
                "  the rows of what the store does not have are more than {share} % of all: nothing was marked \
                 as deleted. See that the store is whole; --yes marks them"
            )?;
        }
        if self.underived > 0 {
            writeln!(
                f,
                "  note: {} ids do not follow from the anchor; only an export can restore them",
                self.underived
            )?;
        }
        Ok(())
    }
}
