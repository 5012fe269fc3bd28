//! DESIGN's arrows between the rooms of `src/`, held against every `crate::…` path in the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::server::repository;

/// What a room may use besides itself and `EVERYWHERE`.
const ARROWS: &[(&str, &[&str])] = &[
    ("api", &["asset", "patch", "search", "tree"]),
    ("asset", &["search", "storage"]),
    ("build", &["cog", "source", "storage", "tree", "zarr"]),
    ("catalog", &["storage", "tree"]),
    ("cli", ANY),
    ("cog", &["storage"]),
    ("crs", &[]),
    ("fetch", &["source", "storage", "tree", "upload"]),
    ("patch", &["cog", "search", "storage", "zarr"]),
    ("pool", &[]),
    ("search", &["catalog"]),
    ("source", &["storage"]),
    ("stac", &[]),
    ("storage", &[]),
    ("tree", &["storage"]),
    ("upload", &["build", "cog", "storage", "tree"]),
    ("validate", &["cog", "storage", "tree"]),
    ("zarr", &[]),
];

/// What every room may use.
const EVERYWHERE: &[&str] = &["crs", "pool", "stac"];

const ANY: &[&str] = &["*"];

#[test]
fn arrows_between_rooms_run_as_the_design_draws_them() {
    let source = repository("src");
    let mut wrong = Vec::new();
    let mut drawn = BTreeSet::new();
    for room in folders(&source) {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("src/{room} has no line in ARROWS"));
            continue;
        };
        // Tests may look at a room from outside.
        let is_test = |file: &Path| {
            file.components().any(|c| matches!(c.as_os_str().to_str(), Some("tests" | "tests.rs")))
        };
        for file in rust_files(&source.join(&room)).into_iter().filter(|file| !is_test(file)) {
            for used in rooms_used(&fs::read_to_string(&file).unwrap()) {
                if used == room {
                    continue;
                }
                if *allowed != ANY
                    && !allowed.contains(&used.as_str())
                    && !EVERYWHERE.contains(&used.as_str())
                {
                    wrong.push(format!(
                        "{} uses crate::{used}",
                        file.strip_prefix(&source).unwrap().display()
                    ));
                }
                drawn.insert((room.clone(), used));
            }
        }
    }
    for (from, to) in &drawn {
        if from < to && drawn.contains(&(to.clone(), from.clone())) {
            wrong.push(format!("{from} and {to} use each other"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_use_of_a_room_is_seen() {
    let code = "
        //! [`crate::api`] in a comment does not count
        use crate::{cog::{Header, open}, stac, tree::{self, walk}};
        fn f() -> crate::pool::Permit { crate::search::page(crate :: odd) }
        #[cfg(test)]
        mod tests { use crate::build; }
    ";
    let seen: Vec<_> = rooms_used(code).into_iter().collect();
    assert_eq!(seen, ["cog", "pool", "search", "stac", "tree"]);
}

/// First segments of all `crate::…` paths, outside comments and the unit tests at a file's foot.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let tests = code
        .match_indices("#[cfg(test)]")
        .find(|(at, attribute)| code[at + attribute.len()..].trim_start().starts_with("mod tests {"));
    let code = &code[..tests.map_or(code.len(), |(at, _)| at)];
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        match path.strip_prefix('{') {
            Some(list) => found.extend(first_segments(list)),
            None => found.extend(name(path)),
        }
    }
    found
}

/// The names that begin the entries of `a::b, c::{d, e}, f}`.
fn first_segments(list: &str) -> Vec<String> {
    let (mut depth, mut entries) = (0_usize, vec![String::new()]);
    for character in list.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => entries.push(String::new()),
            _ if depth == 0 => entries.last_mut().unwrap().push(character),
            _ => {}
        }
    }
    entries.iter().filter_map(|entry| name(entry.trim())).collect()
}

/// The identifier that a path begins with, if it is a module's (lower case).
fn name(path: &str) -> Option<String> {
    let name: String =
        path.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir());
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
