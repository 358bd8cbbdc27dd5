//! Diagnostics: what is wrong in a mapping file, where, and what to write instead.
//!
//! A file is checked to its end: every mistake is reported in one run.

use std::{fmt, ops::Range};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; the operator should look.
    Warning,
    /// Nothing is wrong; the operator may want to know.
    Note,
}

impl Diagnostic {
    /// What it is printed together with: errors stand in the order of the file.
    fn kind(&self) -> (&str, &str) {
        if self.severity == Severity::Error { ("", "") } else { (self.code, &self.help) }
    }
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// The sign that stands before it.
    fn mark(self) -> char {
        match self {
            Self::Error => '×',
            Self::Warning => '⚠',
            Self::Note => '☞',
        }
    }

    fn of_miette(self) -> miette::Severity {
        match self {
            Self::Error => miette::Severity::Error,
            Self::Warning => miette::Severity::Warning,
            Self::Note => miette::Severity::Advice,
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable kebab-case id.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Byte range in the file.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// All findings of one file, in the order they were made.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds an error.
    pub fn error(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, code, span, message.into(), help.into());
    }

    /// Adds a warning.
    pub fn warn(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Warning, code, span, message.into(), help.into());
    }

    /// Adds a note.
    pub fn note(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Note, code, span, message.into(), help.into());
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: &Range<usize>,
        message: String,
        help: String,
    ) {
        let new = Diagnostic { code, severity, span: span.clone(), message, help };
        if !self.0.contains(&new) {
            self.0.push(new);
        }
    }

    /// True if the file cannot be used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Prints every finding with its place in the file, what is worst last. Of warnings and notes that ask for
    /// the same only the first shows its line of the file.
    #[must_use]
    pub fn render(&self, file: &str, source: &str) -> String {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
        let mut sorted: Vec<&Diagnostic> = self.0.iter().collect();
        sorted.sort_by_key(|d| (std::cmp::Reverse(d.severity as u8), d.kind(), d.span.start));
        let mut out = String::new();
        let mut before: Option<&Diagnostic> = None;
        for (index, d) in sorted.iter().enumerate() {
            let (line, column) = position(source, d.span.start);
            let headline = format!("{}[{}] {file}:{line}:{column}: {}", d.severity.word(), d.code, d.message);
            let asks_same = before.is_some_and(|b| b.code == d.code && b.help == d.help);
            before = Some(d);
            let is_last = sorted.get(index + 1).is_none_or(|n| n.code != d.code || n.help != d.help);
            if asks_same && d.severity != Severity::Error {
                out.push_str(&format!(
                    "  {} {headline}\n{}",
                    d.severity.mark(),
                    if is_last { "\n" } else { "" }
                ));
                continue;
            }
            let report = MietteDiagnostic::new(headline)
                .with_severity(d.severity.of_miette())
                .with_label(LabeledSpan::at(d.span.clone(), "here"))
                .with_help(d.help.clone());
            let report = Report::new(report).with_source_code(NamedSource::new(file, source.to_owned()));
            if handler.render_report(&mut out, report.as_ref()).is_err() {
                out.push_str(&d.message);
            }
            out.push('\n');
        }
        out
    }

    /// How many errors and warnings there are, in words; nothing if there are neither.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let count = |severity| self.0.iter().filter(|d| d.severity == severity).count();
        let some = |n: usize, word: &str| match n {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        };
        let parts = [some(count(Severity::Error), "error"), some(count(Severity::Warning), "warning")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for d in &self.0 {
            writeln!(f, "{}: {} ({})", d.code, d.message, d.help)?;
        }
        Ok(())
    }
}

/// Line and column (from 1) of a byte offset.
#[must_use]
pub fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset.min(source.len())).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}
