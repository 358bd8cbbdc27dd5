//! The dependency direction between the modules, as a test.

use std::{collections::BTreeMap, fs, path::Path};

/// Which top-level modules a module may name in `use crate::…`. A missing
/// module may name everything.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("scim", &["scim"] as &[_]),
        ("store", &["store", "config", "faults"]),
        ("mapping", &["mapping", "scim", "store", "plan"]),
        ("plan", &["plan", "scim", "store"]),
        ("correlation", &["correlation", "config", "faults"]),
        ("dialect", &["dialect", "scim"]),
        ("gateway", &["gateway", "mapping", "plan", "store", "correlation", "auth", "scim", "config", "ops"]),
        ("chaos", &["chaos", "gateway", "correlation", "auth", "scim", "config"]),
        ("auth", &["auth", "config"]),
        ("config", &["config"]),
        ("ops", &["ops", "config"]),
        ("http", &["http", "dialect", "gateway", "auth", "scim", "ops", "config"]),
    ])
}

fn sources(dir: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn modules_depend_only_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 5, "the sources were found");
    let allowed = allowed();
    let mut broken = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        let module = relative.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let Some(list) = allowed.get(module.as_str()) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            for target in line.match_indices("crate::").map(|(i, m)| &line[i + m.len()..]) {
                let names: Vec<&str> = match target.strip_prefix('{') {
                    Some(list) => list.split(',').map(str::trim).collect(),
                    None => vec![target],
                };
                for name in names {
                    let name =
                        name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("");
                    if !name.is_empty() && src.join(format!("{name}.rs")).exists() && !list.contains(&name) {
                        broken.push(format!("{relative}:{}: `{module}` must not use `{name}`", number + 1));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "forbidden edges:\n{}", broken.join("\n"));
}
