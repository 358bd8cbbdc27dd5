//! Which children of a changed node are those of the old one. What nobody changes is known by where it stood.

use std::collections::HashSet;

use crate::store::document::tree::{Clash, Key, Node};

/// A child: its name in a map, and what it is.
pub(super) type Kid<'n> = (Option<&'n Key>, &'n Node);

/// Most comparisons.
const MOST: usize = 1_000_000;

/// For each old child the new one that it became; `None`: it went. The order is kept.
///
/// # Errors
///
/// [`Clash`] if there are too many to compare.
pub(super) fn align(old: &[Kid<'_>], new: &[Kid<'_>]) -> Result<Vec<Option<usize>>, Clash> {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (left, right) = (old.get(same..).unwrap_or_default(), new.get(same..).unwrap_or_default());
    if left.len().saturating_mul(right.len()) > MOST {
        return Err(Clash("the document is too long".to_owned()));
    }
    let left_marks: Vec<HashSet<&str>> = left.iter().map(places).collect();
    let right_marks: Vec<HashSet<&str>> = right.iter().map(places).collect();
    let weight = |i: usize, j: usize| match (left.get(i), right.get(j), left_marks.get(i), right_marks.get(j))
    {
        (Some(a), Some(b), Some(x), Some(y)) => likeness(a, b, x, y),
        _ => 0,
    };
    // The best of what lies behind (i, j), from the end on.
    let width = right.len() + 1;
    let mut best = vec![0_u64; (left.len() + 1) * width];
    let at = |i: usize, j: usize| i * width + j;
    let value = |best: &[u64], i: usize, j: usize| best.get(at(i, j)).copied().unwrap_or_default();
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            let weight = weight(i, j);
            let both = if weight > 0 { weight + value(&best, i + 1, j + 1) } else { 0 };
            let most = both.max(value(&best, i + 1, j)).max(value(&best, i, j + 1));
            if let Some(cell) = best.get_mut(at(i, j)) {
                *cell = most;
            }
        }
    }
    let mut out: Vec<Option<usize>> = (0..same).map(Some).collect();
    let (mut i, mut j) = (0, 0);
    while i < left.len() {
        let weight = if j < right.len() { weight(i, j) } else { 0 };
        if weight > 0 && value(&best, i, j) == weight + value(&best, i + 1, j + 1) {
            out.push(Some(same + j));
            (i, j) = (i + 1, j + 1);
        } else if j < right.len()
            && value(&best, i, j) == value(&best, i, j + 1)
            && value(&best, i, j) > value(&best, i + 1, j)
        {
            j += 1;
        } else {
            out.push(None);
            i += 1;
        }
    }
    Ok(out)
}

fn likeness(a: &Kid<'_>, b: &Kid<'_>, left: &HashSet<&str>, right: &HashSet<&str>) -> u64 {
    let shared = left.intersection(right).count() as u64;
    match (a.0, b.0) {
        (Some(x), Some(y)) if x.raw == y.raw => return 2_000 + shared,
        // A name of ours: a new entry, or an old one whose value tells.
        (Some(_), Some(y)) if y.raw.is_some() || shared == 0 => return 0,
        _ => {}
    }
    if a.1 == b.1 {
        return 1_000 + shared;
    }
    match a.0 {
        Some(_) => shared * 2,
        // Whatever else it is: an item in the place of another.
        None => 1 + shared * 2,
    }
}

/// Where the values and names of a child stood.
fn places<'n>(kid: &Kid<'n>) -> HashSet<&'n str> {
    let mut out = HashSet::new();
    collect(kid.1, &mut out);
    out
}

fn collect<'n>(node: &'n Node, out: &mut HashSet<&'n str>) {
    match node {
        Node::Leaf(leaf) => out.extend(leaf.raw.as_deref().filter(|raw| !raw.is_empty())),
        Node::List(items) => items.iter().for_each(|item| collect(item, out)),
        Node::Map(entries) => entries.iter().for_each(|(key, node)| {
            out.extend(key.raw.as_deref());
            collect(node, out);
        }),
    }
}
