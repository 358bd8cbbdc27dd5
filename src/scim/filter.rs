//! Filters (RFC 7644 §3.4.2.2): the syntax tree and its text form.
//!
//! Reading is in [`parse`], evaluation against a resource in [`eval`].

pub mod eval;
pub mod narrow;
pub mod parse;

use std::fmt;

use crate::scim::{Json, attribute::AttrPath};

/// A comparison operator, in the RFC's order (Table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the operators of RFC 7644 Table 3")]
pub enum CompareOp {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A filter expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// `a or b`, two or more operands.
    Or(Vec<Filter>),
    /// `a and b`, two or more operands.
    And(Vec<Filter>),
    /// `not (a)`.
    Not(Box<Filter>),
    /// `path pr`.
    Present(AttrPath),
    /// `path op value`; the value is a JSON scalar.
    Compare(AttrPath, CompareOp, Json),
    /// `path[filter]`: one element meets the whole filter, whose paths are relative to the element.
    Element(AttrPath, Box<Filter>),
}

impl CompareOp {
    /// Every operator, in the RFC's order.
    pub const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The operator as written in a filter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str| {
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Filter::Or(_) | Filter::And(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Or(parts) => joined(f, parts, "or"),
            Self::And(parts) => joined(f, parts, "and"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, op, value) => write!(f, "{path} {} {value}", op.as_str()),
            Self::Element(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}
