//! What is said, and how the process exits, when a command can't be done; and the verbs that need no server.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use stepwell_tests::process::{Server, binary, stepwell};

use crate::definitions_of_tests::pass;

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    // Port 1 is nobody's.
    let server = ["--server", "http://127.0.0.1:1"];
    for verb in [
        vec!["list"],
        vec!["machines"],
        vec!["start", "m"],
        vec!["describe", "e"],
        vec!["history", "e"],
        vec!["watch", "e"],
        vec!["stop", "e"],
    ] {
        let ended = stepwell([verb, server.to_vec()].concat()).exited(4);
        let expected = "error: can't reach a Stepwell server at http://127.0.0.1:1; start one with `stepwell server` or set --server\n";
        assert_eq!((ended.stderr.as_str(), ended.stdout.as_str()), (expected, ""));
    }
}

#[test]
fn an_address_that_is_none_is_a_fault_of_the_command_line() {
    for address in ["nonsense", "ftp://127.0.0.1:1", "127.0.0.1:7410", ""] {
        let ended = stepwell(["list", "--server", address]).exited(2);
        assert!(ended.stderr.contains("expected --server to be an address such as"), "{}", ended.stderr);
    }
}

#[test]
fn the_wrong_port_is_told_from_the_right_one() {
    let server = Server::start();
    let ended = stepwell(["list", "--server", &server.http]).exited(3);
    assert!(ended.stderr.contains("expected Stepwell's gRPC API at"), "{}", ended.stderr);
}

#[test]
fn the_exit_codes_are_documented() {
    let help = stepwell(["--help"]).ok().stdout;
    for line in ["Exit codes:", "  0  done", "  4  no server could be reached"] {
        assert!(help.contains(line), "{help}");
    }
    let _ = stepwell(["no-such-verb"]).exited(2);
    assert!(stepwell(["--version"]).ok().stdout.starts_with("stepwell "));
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef stepwell"), ("fish", "complete -c stepwell")]
    {
        let script = stepwell(["completions", shell]).ok().stdout;
        assert!(script.contains(sign) && script.contains("history"), "{script}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let server = Server::start();
    server.deploy("passes", &pass());
    for _ in 0..3 {
        let _ = server.stepwell(&["start", "passes", "--wait", "--name", "p"]);
    }
    let mut child = Command::new(binary())
        .args(["watch", "p", "--server", &server.grpc])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    // Reads a line and goes away, as `head -1` does; whether more was written by then makes no difference.
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    assert!(first.contains("ExecutionStarted"), "{first}");
}
