//! Attributes whose values come a range at a time ([MS-ADTS] §3.1.1.3.1.3.3).
//!
//! Active Directory hands out at most 1,500 values of an attribute and says so in its description
//! (`member;range=0-1499`); the attribute itself then looks empty. Reading goes on with
//! `member;range=1500-2999`, until a range ends in `*`.

use std::sync::Arc;

use super::{
    entry::Entry,
    server::{Server, Vendor},
};

/// Values asked for at once: Active Directory's own limit, which others keep to if they are asked.
const STEP: usize = 1500;

/// Attributes that may have very many values. Others are cut by the server itself.
const LONG: [&str; 3] = ["member", "memberOf", "directReports"];

/// Values that are still missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) attribute: String,
    from: usize,
}

impl Rest {
    /// What to ask for next.
    pub(super) fn description(&self) -> String {
        format!("{};range={}-{}", self.attribute, self.from, self.from + STEP - 1)
    }
}

/// The attributes as this server is asked for them.
pub(super) fn asked(attributes: &Arc<[String]>, server: &Server) -> Arc<[String]> {
    let is_long = |name: &String| LONG.iter().any(|long| long.eq_ignore_ascii_case(name));
    if server.vendor != Vendor::ActiveDirectory || !attributes.iter().any(is_long) {
        return Arc::clone(attributes);
    }
    let first = |name: &String| Rest { attribute: name.clone(), from: 0 }.description();
    attributes.iter().map(|name| if is_long(name) { first(name) } else { name.clone() }).collect()
}

impl Entry {
    /// Gives ranges the names of their attributes, and tells what is missing of them.
    pub(super) fn name_ranges(&mut self) -> Vec<Rest> {
        let mut rest = Vec::new();
        let mut ranged = Vec::new();
        for (description, _) in &mut self.attributes {
            let Some((name, last)) = split(description) else { continue };
            if let Some(last) = last {
                rest.push(Rest { attribute: name.clone(), from: last.saturating_add(1) });
            }
            ranged.push(name.clone());
            *description = name;
        }
        // The attribute's own name stands there, too, with nothing.
        self.attributes.retain(|(name, values)| {
            !values.is_empty() || !ranged.iter().any(|r| r.eq_ignore_ascii_case(name))
        });
        rest
    }

    /// Adds a further range; what is missing then.
    pub(super) fn add_range(&mut self, attribute: &str, mut part: Entry) -> Option<Rest> {
        let rest = part.name_ranges().into_iter().find(|r| r.attribute.eq_ignore_ascii_case(attribute));
        let is_it = |name: &str| name.eq_ignore_ascii_case(attribute);
        let more = part.attributes.into_iter().find(|(name, _)| is_it(name)).map(|(_, values)| values);
        let (more, held) = (more?, self.attributes.iter_mut().find(|(name, _)| is_it(name)));
        // A server that sends nothing more never ends.
        if more.is_empty() {
            return None;
        }
        if let Some((_, values)) = held {
            values.extend(more);
        }
        rest
    }
}

/// The attribute of a range, and its last place unless that is the last value.
fn split(description: &str) -> Option<(String, Option<usize>)> {
    let (option, at) = description.split(';').zip(0..).skip(1).find(|(option, _)| is_range(option))?;
    let others: Vec<&str> =
        description.split(';').zip(0..).filter(|(_, i)| *i != at).map(|(o, _)| o).collect();
    let (_, last) = option.split_once('=')?.1.split_once('-')?;
    Some((others.join(";"), last.parse().ok()))
}

fn is_range(option: &str) -> bool {
    option.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("range=")) && option.contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> Entry {
        let octets = |values: &[&str]| values.iter().map(|v| v.as_bytes().to_vec()).collect();
        let attributes = attributes.iter().map(|(name, values)| ((*name).into(), octets(values))).collect();
        Entry { dn: "cn=g".into(), attributes }
    }

    #[test]
    fn ranges_are_put_together() {
        let mut group = entry(&[("member", &[]), ("Member;Range=0-1", &["a", "b"]), ("cn", &["g"])]);
        let rest = group.name_ranges();
        assert_eq!(rest, [Rest { attribute: "Member".into(), from: 2 }]);
        assert_eq!(rest[0].description(), "Member;range=2-1501");
        let next = group.add_range("Member", entry(&[("member;range=2-2", &["c"])])).unwrap();
        assert_eq!(next.description(), "member;range=3-1502");
        assert_eq!(group.add_range("member", entry(&[("member;range=3-*", &["d"])])), None);
        assert_eq!(group, entry(&[("Member", &["a", "b", "c", "d"]), ("cn", &["g"])]));
        // Values went meanwhile.
        assert_eq!(group.add_range("member", entry(&[])), None);
        assert_eq!(group.add_range("member", entry(&[("member;range=4-5", &[])])), None);
    }

    #[test]
    fn other_options_stay() {
        let mut odd =
            entry(&[("key;binary;range=0-*", &["x"]), ("name;lang-de", &["y"]), ("a;range=b", &["z"])]);
        assert_eq!(odd.name_ranges(), []);
        assert_eq!(odd, entry(&[("key;binary", &["x"]), ("name;lang-de", &["y"]), ("a;range=b", &["z"])]));
    }
}
