//! Pointers between the entries that are there: whether they lead to entries of ours, and whether the other side
//! knows of them as the mapping expects (memberOf, referential integrity).

use crate::{
    mapping::{
        Mapping, TypeMapping,
        directory::{Against, Named, fields, floors, looked_at, parts},
        place::Named as Site,
        shape::FieldRef,
        uses::{Role, Uses},
    },
    store::{
        Source,
        dn::{Dn, normalise},
        inventory::directory::{Directory, Vendor},
    },
};

/// So many pointers of a kind are followed.
const FOLLOWED: usize = 40;

/// Entries whose presence is asked for, and what for.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    asked: Vec<Asked>,
    /// Their DNs.
    pub names: Vec<String>,
    /// Attributes that are wanted of them.
    pub attributes: Vec<String>,
}

/// What a DN is asked for.
#[derive(Debug, Clone)]
enum Asked {
    /// The entry that a pointer of this type's field points at.
    Target { ty: usize, field: FieldRef, rule: String, path: String },
    /// The member of a group, which should know of it.
    Member { ty: usize, inverse: usize, group: String },
}

pub(super) fn questions(mapping: &Mapping, facts: &Directory) -> Questions {
    let mut questions = Questions::default();
    for (ty, of) in mapping.types.iter().enumerate() {
        targets(mapping, facts, ty, of, &mut questions);
        for (index, inverse) in of.inverses.iter().enumerate() {
            let Some((via, _)) = &inverse.via else { continue };
            let via = fields::stored(of, via);
            questions.attributes.push(of.shape.part(via.part).bag.field_name(via.field).to_owned());
            let Some(holder) = mapping.types.get(inverse.holder) else { continue };
            let Some(looked) = looked_at(mapping, facts, inverse.holder) else { continue };
            let at = fields::stored(holder, &inverse.pointer);
            let pairs = looked.sample.iter().flat_map(|group| {
                let members = group.row.all(at.field).iter().map(crate::store::Value::to_text);
                members.map(|member| (group.dn.clone(), member))
            });
            let bases = bases(of);
            for (group, member) in pairs.filter(|(_, member)| is_below(member, &bases)).take(FOLLOWED) {
                questions.asked.push(Asked::Member { ty, inverse: index, group });
                questions.names.push(member);
            }
        }
    }
    questions
}

/// The pointers by DN of a type, each with what it may point at.
fn targets(mapping: &Mapping, facts: &Directory, ty: usize, of: &TypeMapping, out: &mut Questions) {
    let uses = Uses::of(of);
    let floors: Vec<String> = floors(of).filter_map(|(_, dn)| normalise(&dn)).collect();
    let Some(looked) = looked_at(mapping, facts, ty) else { return };
    for used in
        fields::used(of, &uses).filter(|used| matches!(used.of.role, Role::Pointer) && used.at.part == 0)
    {
        let by_name = is_by_name(of, used.of.field);
        if !by_name {
            continue;
        }
        let values = looked.sample.iter().flat_map(|entry| entry.row.all(used.at.field));
        let mut names: Vec<String> = values.map(crate::store::Value::to_text).collect();
        names.sort();
        names.dedup();
        names.retain(|name| normalise(name).is_some_and(|normal| !floors.contains(&normal)));
        for name in names.into_iter().take(FOLLOWED) {
            out.asked.push(Asked::Target {
                ty,
                field: used.of.field.clone(),
                rule: used.of.rule.to_owned(),
                path: used.of.path.clone(),
            });
            out.names.push(name);
        }
    }
}

/// True if a reference points by DN.
fn is_by_name(of: &TypeMapping, field: &FieldRef) -> bool {
    let at = fields::stored(of, field);
    let kind = |part: usize, field: usize| of.shape.part(part).bag.kind(field) == crate::store::FieldKind::Dn;
    kind(field.part, field.field) || kind(at.part, at.field)
}

fn bases(of: &TypeMapping) -> Vec<Dn> {
    let all = parts(of).take(1).filter_map(|(_, part)| match &part.bag.source {
        Source::Entries { bases, .. } => Some(bases.iter().filter_map(|base| Dn::parse(base).ok())),
        _ => None,
    });
    all.flatten().collect()
}

fn is_below(name: &str, bases: &[Dn]) -> bool {
    Dn::parse(name).is_ok_and(|dn| bases.iter().any(|base| dn.is_below(base) || dn == *base))
}

pub(super) fn check(against: &mut Against<'_>, questions: &Questions, named: &[Named]) {
    let mut dangling: Vec<(&Asked, usize)> = Vec::new();
    let mut outside: Vec<(&Asked, usize)> = Vec::new();
    let mut stale: Vec<(usize, usize, usize)> = Vec::new();
    for ((asked, name), found) in questions.asked.iter().zip(&questions.names).zip(named) {
        match (asked, found) {
            (Asked::Target { .. }, None) => count(&mut dangling, asked),
            (Asked::Target { ty, field, rule, .. }, Some(_)) => {
                if !may_point_at(against, *ty, field, rule, name) {
                    count(&mut outside, asked);
                }
            }
            (Asked::Member { ty, inverse, group }, Some(values)) => {
                let Some(of) = against.mapping.types.get(*ty) else { continue };
                let Some((via, _)) = of.inverses.get(*inverse).and_then(|i| i.via.as_ref()) else { continue };
                let via = fields::stored(of, via);
                let attribute = of.shape.part(via.part).bag.field_name(via.field).to_ascii_lowercase();
                let known =
                    values.get(&attribute).into_iter().flatten().any(|dn| normalise(dn) == normalise(group));
                if !known {
                    match stale.iter_mut().find(|(t, i, _)| (t, i) == (ty, inverse)) {
                        Some((_, _, count)) => *count += 1,
                        None => stale.push((*ty, *inverse, 1)),
                    }
                }
            }
            (Asked::Member { .. }, None) => {}
        }
    }
    for (asked, count) in dangling {
        let Asked::Target { ty, field, rule, path } = asked else { continue };
        let place = against.bound_place(*ty, field, rule);
        let message = format!("{count} of the pointers of `{path}` that were followed lead to no entry");
        let help = match against.facts.vendor {
            Vendor::OpenLdap => {
                "the overlay refint keeps pointers in step; clients do not see those that dangle"
            }
            Vendor::Ds389 => {
                "the referential integrity plug-in keeps pointers in step; clients do not see those that dangle"
            }
            _ => "clients do not see them",
        };
        against.warn("pointer-dangling", &place, message, help);
    }
    for (asked, count) in outside {
        let Asked::Target { ty, field, rule, path } = asked else { continue };
        let place = against.bound_place(*ty, field, rule);
        let message = format!(
            "{count} of the pointers of `{path}` that were followed lead to entries that no type has"
        );
        against.note(
            "pointer-outside",
            &place,
            message,
            "they stay and are not shown; widen `base` or `ref` if they should be",
        );
    }
    for (ty, inverse, count) in stale {
        memberships(against, ty, inverse, count);
    }
}

fn count<'q>(list: &mut Vec<(&'q Asked, usize)>, asked: &'q Asked) {
    let same = |a: &Asked| match (a, asked) {
        (Asked::Target { ty, field, .. }, Asked::Target { ty: t, field: f, .. }) => ty == t && field == f,
        _ => false,
    };
    match list.iter_mut().find(|(a, _)| same(a)) {
        Some((_, count)) => *count += 1,
        None => list.push((asked, 1)),
    }
}

/// True if an entry lies where a target of the reference may.
fn may_point_at(against: &Against<'_>, ty: usize, field: &FieldRef, rule: &str, name: &str) -> bool {
    let Some(of) = against.mapping.types.get(ty) else { return true };
    let mut targets = Vec::new();
    for rule in of.rules.iter().filter(|r| r.name == rule) {
        rule.lens.references(&mut |reference, _| targets.push(reference));
    }
    let targets = targets.iter().filter(|reference| reference.field == *field);
    let types = targets.filter_map(|r| of.references.get(r.target)).flat_map(|target| &target.types);
    let mut all = types.filter_map(|(index, _)| against.mapping.types.get(*index)).flat_map(bases).peekable();
    all.peek().is_none() || is_below(name, &all.collect::<Vec<_>>())
}

/// Members that do not know of their groups.
fn memberships(against: &mut Against<'_>, ty: usize, inverse: usize, count: usize) {
    let Some(of) = against.mapping.types.get(ty) else { return };
    let Some((via, _)) = of.inverses.get(inverse).and_then(|i| i.via.clone()) else { return };
    let at = fields::stored(of, &via);
    let attribute = of.shape.part(at.part).bag.field_name(at.field);
    let place = against.place(Site::Field(ty, via.part, via.field));
    let message =
        format!("{count} of the members that were looked at do not have their group in `{attribute}`");
    let help = match against.facts.vendor {
        Vendor::OpenLdap => {
            "load the overlay memberof for these groups and fill in what is missing, or leave `via` out"
        }
        Vendor::Ds389 => "switch the MemberOf plug-in on and run its fix-up task, or leave `via` out",
        _ => "leave `via` out",
    };
    against.error("memberof-missing", &place, message, help);
}
