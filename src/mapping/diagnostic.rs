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

    /// Prints every finding with its place in the file.
    #[must_use]
    pub fn render(&self, file: &str, source: &str) -> String {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
        let mut sorted: Vec<&Diagnostic> = self.0.iter().collect();
        sorted.sort_by_key(|d| d.span.start);
        let mut out = String::new();
        for d in sorted {
            let (line, column) = position(source, d.span.start);
            let word = match d.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let report =
                MietteDiagnostic::new(format!("{word}[{}] {file}:{line}:{column}: {}", d.code, d.message))
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
