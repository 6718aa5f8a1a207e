//! Every command of the README does what the README says.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use stepwell_tests::process::{Process, binary};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned()
}

/// The lines of all `sh` blocks, without their comments, each as its words.
fn commands(readme: &str) -> Vec<Vec<String>> {
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(words).filter(|words| !words.is_empty()).collect()
}

/// Words as a shell takes them, as far as the README goes: blanks between, single quotes around, `#` ends.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for character in line.chars() {
        match character {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            '#' if !quoted && !begun => break,
            other => {
                word.push(other);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// A folder like a fresh checkout, as far as the commands look at it.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    symlink(root().join("definitions"), folder.path().join("definitions"))
        .expect("a link to the definitions");
    folder
}

/// A command of the README, on addresses that collide with nobody.
fn command(arguments: &[String], folder: &Path, server: &str) -> Process {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .current_dir(folder)
        .env("STEPWELL_GRPC_ADDR", "127.0.0.1:0")
        .env("STEPWELL_HTTP_ADDR", "127.0.0.1:0")
        .env("STEPWELL_SERVER", server);
    Process::spawn(command)
}

#[test]
fn the_commands_of_the_readme_work() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let folder = checkout();
    let mut server = String::new();
    let mut running = Vec::new();
    let mut ran = Vec::new();
    for words in commands(&readme) {
        let line = words.join(" ");
        let told: Vec<&str> = words.iter().map(String::as_str).collect();
        match told.as_slice() {
            // This very command runs this test; CI must run the same one.
            ["cargo", "test", ..] => {
                let ci = std::fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
                assert!(ci.lines().any(|run| run.starts_with(&line)), ".ci/run must call `{line}`");
            }
            ["cargo", "run", "--release", "--", ..] => {
                let printed = command(&words[4..], folder.path(), &server).wait().ok().stdout;
                assert!(printed.contains("put back"), "{printed}");
            }
            ["stepwell", "server", ..] => {
                let mut process = command(&words[1..], folder.path(), &server);
                let ready = process.line().expect("a ready line");
                let address = ready.split("grpc=").nth(1).and_then(|rest| rest.split(' ').next());
                server = format!("http://{}", address.expect("an address"));
                running.push(process);
            }
            ["stepwell", "worker", ..] => running.push(command(&words[1..], folder.path(), &server)),
            ["stepwell", verb, ..] => {
                let printed = command(&words[1..], folder.path(), &server).wait().ok().stdout;
                let expected = if *verb == "history" { "ExecutionSucceeded" } else { "order-1" };
                assert!(printed.contains(expected), "`{line}` printed: {printed}");
            }
            other => panic!("the README has a command that this test can't run: {other:?}"),
        }
        ran.push(line);
    }
    // Workers first, as they came last.
    while let Some(process) = running.pop() {
        let _ = process.terminate().ok();
    }
    assert!(ran.len() >= 7, "only found {ran:?}");
}

#[test]
fn the_flags_of_the_readme_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let help = command(&["server".to_owned(), "--help".to_owned()], &root(), "").wait().ok().stdout;
    let rows = readme.lines().filter(|line| line.starts_with("| `--"));
    let mut seen = 0;
    for flag in rows
        .flat_map(|row| row.split('`'))
        .filter(|word| word.starts_with("--") || word.starts_with("STEPWELL_"))
    {
        assert!(help.contains(flag), "the README speaks of {flag}, the server does not");
        seen += 1;
    }
    assert!(seen >= 14, "only {seen} flags and variables found in the README");
}
