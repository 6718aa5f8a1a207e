//! How often the server waits for the disk while sagas run one at a time.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::bench::contender::{Length, Load};
use crate::bench::figures::number;
use crate::bench::stepwell::bench;
use crate::bench::{Settings, say};
use crate::process::{PATIENCE, Process, Server};

/// Counts with strace; without it, or the right to use it, says so.
pub(super) fn per_saga(settings: &Settings) -> String {
    say("syncs per saga");
    count(settings).map_or_else(|error| format!("not counted: {error:#}"), number)
}

fn count(settings: &Settings) -> anyhow::Result<f64> {
    let server = Server::start();
    let length = Length { warmup: 0, seconds: settings.plan.run.seconds.min(4) };
    // The first run pays for what comes once: the definition, the first pages.
    let _ = bench(&server, Load::InFlight(1), Length { warmup: 0, seconds: 1 });
    let summary = server.folder().join("syncs");
    anyhow::ensure!(Command::new("strace").arg("-V").output().is_ok(), "strace is not installed");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-p", &server.process().id().to_string(), "-o"]);
    command.arg(&summary);
    let strace = Process::spawn(command);
    wait_until_traced(server.process().id())?;
    let figures = bench(&server, Load::InFlight(1), length);
    strace.signal("INT");
    let _ = strace.wait();
    let text = std::fs::read_to_string(&summary).context("strace wrote no summary")?;
    anyhow::ensure!(figures.finished >= 1.0, "no saga ended under strace");
    Ok(calls(&text) / figures.finished)
}

/// A process that is traced says by whom.
fn wait_until_traced(process: u32) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        if tracer.is_some_and(|tracer| tracer.trim() != "0") {
            return Ok(());
        }
        anyhow::ensure!(since.elapsed() < PATIENCE / 6, "strace may not trace the server");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The calls in a summary of `strace -c`: the fourth column, of the rows that end in a call's name.
fn calls(summary: &str) -> f64 {
    let rows = summary.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let calls = rows.filter(|row| matches!(row.last(), Some(&("fsync" | "fdatasync"))));
    calls.filter_map(|row| row.get(3)?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_a_summary() {
        let summary = "\
            % time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
             98.00    0.200000          20      5000           fdatasync\n\
              2.00    0.000400          40        10         1 fsync\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.200400          40      5010         1 total\n";
        assert_eq!(calls(summary), 5_010.0);
    }
}
