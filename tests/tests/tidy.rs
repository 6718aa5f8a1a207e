//! What keeps the house tidy and no compiler checks: twins of migrations, absent dependencies, links in
//! documents, the size of functions.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder with one of these endings, but for what is built or hidden.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |backend: &str| -> Vec<String> {
        files(&root().join("migrations").join(backend), &[".sql"])
            .iter()
            .map(|path| path.file_name().expect("a file has a name").to_string_lossy().into_owned())
            .collect()
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn the_interpreter_touches_nothing_of_the_world() {
    let manifest = read(root().join("engine/asl/Cargo.toml"));
    let own = manifest.split("[dev-dependencies]").next().expect("a manifest has a beginning");
    for forbidden in ["tokio", "sqlx", "tonic", "prost", "getrandom", "rand", "chrono", "uuid", "stepwell-"] {
        let line = own.lines().find(|line| line.starts_with(forbidden));
        assert_eq!(line, None, "engine/asl must not depend on {forbidden}");
    }
    for file in files(&root().join("engine/asl/src"), &[".rs"]) {
        let text = read(&file);
        for forbidden in ["std::env", "std::net", "std::fs", "SystemTime", "Instant::now", "thread_rng"] {
            assert!(!text.contains(forbidden), "{} mentions {forbidden}", file.display());
        }
    }
}

#[test]
fn the_layers_do_not_look_up() {
    for (room, absent) in [
        ("engine/src/store", &["stepwell_proto", "crate::service", "crate::api", "crate::runtime"][..]),
        ("engine/src/dispatch", &["stepwell_proto", "crate::store", "crate::service", "crate::runtime"]),
        ("engine/src/runtime", &["stepwell_proto", "crate::api", "crate::service", "crate::cli"]),
        ("engine/src/service", &["stepwell_proto", "crate::api", "crate::cli"]),
        ("worker-sdk/src", &["stepwell_engine", "stepwell_asl"]),
    ] {
        for file in files(&root().join(room), &[".rs"]) {
            let text = read(&file);
            for name in absent {
                assert!(!text.contains(name), "{} must not know of {name}", file.display());
            }
        }
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    for file in files(&root(), &[".md"]) {
        for target in read(&file).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let local = target.split('#').next().unwrap_or_default();
            if local.is_empty() || local.contains("://") {
                continue;
            }
            let linked = file.parent().expect("a file has a folder").join(local);
            assert!(linked.exists(), "{} links to {target}, which is not there", file.display());
        }
    }
}

/// The longest function there may be. A ratchet: lower it when the longest one was split, never raise it.
const FUNCTION_LINES_MAX: usize = 110;

#[test]
fn functions_fit_a_screen() {
    for crate_folder in ["proto/src", "engine/src", "engine/asl/src", "worker-sdk/src", "tests/src"] {
        for file in files(&root().join(crate_folder), &[".rs"]) {
            for (name, lines) in functions(&read(&file)) {
                assert!(
                    lines <= FUNCTION_LINES_MAX,
                    "{}: fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX} are allowed; split it",
                    file.display()
                );
            }
        }
    }
}

/// Functions and their lengths, by indentation: rustfmt closes each at the column where it began.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.strip_prefix("fn ").or_else(|| {
            trimmed
                .split_once(" fn ")
                .filter(|(before, _)| !before.contains(['/', '"', '=']))
                .map(|(_, rest)| rest)
        }) else {
            continue;
        };
        let indent = " ".repeat(line.len() - trimmed.len());
        let end = lines.iter().skip(start).position(|line| **line == *format!("{indent}}}"));
        let name = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.push((name, end.map_or(1, |end| end + 1)));
    }
    found
}

#[test]
fn every_dependency_has_its_reason() {
    let reasons = read(root().join("docs/dependencies.md"));
    let manifest = read(root().join("Cargo.toml"));
    let own = manifest.split("[workspace.dependencies]").nth(1).expect("a list of dependencies");
    let names = own.lines().take_while(|line| !line.starts_with("[workspace.lints")).filter_map(|line| {
        let (name, _) = line.split_once(" = ")?;
        (!name.starts_with("stepwell-")).then_some(name)
    });
    for name in names {
        assert!(reasons.contains(name), "docs/dependencies.md gives no reason for {name}");
    }
}
