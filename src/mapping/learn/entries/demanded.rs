//! Which classes new entries get, and what fills the attributes that these demand.

use super::{Counter, kind::Kind, place};
use crate::{
    mapping::learn::{
        guess::{Guess, guess},
        page::{Page, list, number, quoted},
    },
    store::inventory::directory::{ClassKind, ObjectClass},
};

/// So many of a hundred must have a class that new entries are to get.
const USUAL: usize = 95;
/// Classes that servers and plug-ins give by themselves.
const OWN: [&str; 6] =
    ["nsMemberOf", "mepOriginEntry", "mepManagedEntry", "ipaNTUserAttrs", "ipaNTGroupAttrs", "pwdPolicy"];
/// What classes allow only, but such entries usually have.
const CUSTOMARY: [&str; 7] = [
    "loginShell",
    "gecos",
    "initials",
    "ipaUniqueID",
    "krbPrincipalName",
    "krbCanonicalName",
    "eduPersonPrincipalName",
];

/// What new entries are made of.
#[derive(Default)]
pub(super) struct Made {
    /// Their classes, the main one first.
    pub(super) classes: Vec<String>,
    /// Lines of `initial`, with their reasons.
    pub(super) initial: Vec<(String, String)>,
    /// Lines of `derived`.
    pub(super) derived: Vec<(String, String)>,
    pub(super) counters: Vec<Counter>,
    /// What nothing gives a value to.
    pub(super) open: Vec<String>,
    /// Further classes that new entries do not get, and why.
    pub(super) left: Vec<String>,
}

impl Made {
    /// Decides about classes. `known` attributes get a value in another way; values may follow `sources`.
    pub(super) fn of(kind: &Kind<'_>, known: &[&str], sources: &[&str]) -> Self {
        let mut made = Self { classes: vec![kind.class.to_owned()], ..Self::default() };
        for name in kind.musts(&made.classes) {
            if !known.iter().any(|own| own.eq_ignore_ascii_case(&name)) && !made.fill(kind, &name, sources) {
                made.open.push(name);
            }
        }
        if kind.is_ad() {
            return made;
        }
        for (class, count) in kind.further_classes() {
            let Some(name) = class.names.first() else { continue };
            let told = format!("{name} ({})", kind.crowd.part(count));
            if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                continue;
            }
            if !kind.crowd.is_most(count, USUAL) || !kind.goes_with(class) {
                made.left.push(told);
                continue;
            }
            let demands =
                class.must.iter().filter(|name| !known.iter().any(|own| own.eq_ignore_ascii_case(name)));
            let demands: Vec<&String> = demands.filter(|name| !made.has(name)).collect();
            if demands.iter().all(|name| guess(&kind.crowd, name, sources).is_some()) {
                made.classes.push(name.clone());
                for name in demands {
                    made.fill(kind, name, sources);
                }
            } else {
                made.left.push(format!("{told}, which demands {}", listed(&demands)));
            }
        }
        for name in CUSTOMARY {
            let is_usual = kind.crowd.is_most(kind.crowd.have(name), USUAL);
            if is_usual && !made.has(name) && made.allows(kind, name) && !known.contains(&name) {
                made.fill(kind, name, sources);
            }
        }
        made
    }

    fn has(&self, attribute: &str) -> bool {
        let starts = |(line, _): &(String, String)| {
            line.split(' ').next().is_some_and(|name| name.eq_ignore_ascii_case(attribute))
        };
        self.initial.iter().chain(&self.derived).any(starts)
    }

    /// True if entries of these classes may have the attribute.
    pub(super) fn allows(&self, kind: &Kind<'_>, attribute: &str) -> bool {
        let schema = &kind.directory().schema;
        let classes = schema.with_superiors(&self.classes);
        let mut all = classes.iter().flat_map(|class| class.must.iter().chain(&class.may));
        all.any(|name| schema.is_same(name, attribute) || name.eq_ignore_ascii_case("extensibleObject"))
    }

    fn fill(&mut self, kind: &Kind<'_>, attribute: &str, sources: &[&str]) -> bool {
        let Some((guess, why)) = guess(&kind.crowd, attribute, sources) else { return false };
        let name = kind.spelling(attribute);
        match guess {
            Guess::Follows(text) => self.derived.push((format!("{name} = {}", quoted(&text)), why)),
            Guess::Same(text) => self.initial.push((format!("{name} = {}", quoted(&text)), why)),
            Guess::Counted => {
                self.initial.push((format!("{name} = \"@next.{name}\""), why));
                let least = kind.crowd.values(attribute).filter_map(|value| value.parse::<i64>().ok()).min();
                let base = place(kind.survey, &kind.base.to_string());
                self.counters.push(Counter { base, from: round(least.unwrap_or(1)), attribute: name });
            }
        }
        true
    }

    /// The lines about classes.
    pub(super) fn draft_classes(&self, page: &mut Page, kind: &Kind<'_>) {
        let further =
            if self.classes.len() > 1 { "; at least 95 % of them have the others, too" } else { "" };
        let count = kind.crowd.len();
        let rest = match kind.others.as_slice() {
            [] => String::new(),
            others => format!("; no such entries: {}", counts(others)),
        };
        let why = format!("{} entries are {}{further}{rest}", number(count), kind.class);
        page.why(&format!("classes = {}", list(&self.classes)), &why);
        if !self.left.is_empty() {
            page.decide(&format!("whether new entries get further classes, too: {}.", self.left.join("; ")));
        }
        for name in &self.open {
            page.decide(&format!("the class demands `{name}`, and nothing here gives a new entry one."));
        }
    }
}

impl Kind<'_> {
    /// Attributes that classes demand.
    pub(super) fn musts(&self, classes: &[String]) -> Vec<String> {
        let schema = &self.directory().schema;
        let mut all: Vec<String> =
            schema.with_superiors(classes).iter().flat_map(|class| class.must.iter().cloned()).collect();
        all.sort_unstable_by_key(|name| name.to_lowercase());
        all.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        all
    }

    /// True if an entry of the main class may have this one as well.
    fn goes_with(&self, class: &ObjectClass) -> bool {
        let schema = &self.directory().schema;
        let main = schema.find_class(self.class);
        let is_main = |class: &&ObjectClass| main.is_some_and(|main| std::ptr::eq(*class, main));
        class.kind == ClassKind::Auxiliary || schema.with_superiors(&class.names).iter().any(is_main)
    }
}

/// `12 ou=a, 3 ou=b`.
pub(super) fn counts(all: &[(String, usize)]) -> String {
    let told: Vec<String> = all.iter().map(|(name, count)| format!("{} {name}", number(*count))).collect();
    told.join(", ")
}

fn listed(names: &[&String]) -> String {
    let told: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    told.join(", ")
}

/// A round number that is not larger: nobody's own.
fn round(least: i64) -> i64 {
    let unit = 10_i64.pow(least.max(1).ilog10().saturating_sub(2).max(3));
    (least / unit * unit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_down() {
        assert_eq!([0, 7, 1042, 1_720_000_003].map(round), [1, 1, 1000, 1_720_000_000]);
    }
}
