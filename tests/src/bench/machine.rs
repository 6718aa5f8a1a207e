//! Where and of what figures were taken: they mean nothing without.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use stepwell_engine::runtime::clock;

use super::figures::{Spread, number};
use super::processes;

/// The sentences before a table: the machine, how busy it is with other things, its disk, the commit, the time.
///
/// # Errors
/// When the folder can't be written to.
pub fn describe(data: &Path, workspace: &Path) -> anyhow::Result<String> {
    let busy = processes::busy_cores(Duration::from_secs(1));
    let sync = fsync_ms(data)?;
    Ok(format!(
        "{} cores of {}, {} memory, Linux {}, {}; fdatasync of 4 KiB {} ms (median; 99 of 100 below {} ms); \
         other work just before: {} cores. Commit {}, {}.",
        cores(),
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        memory(),
        read("/proc/sys/kernel/osrelease"),
        filesystem(data),
        number(sync.0),
        number(sync.1),
        number(busy),
        commit(workspace),
        clock::now().to_string().split_once('.').map_or("", |(seconds, _)| seconds).replace('T', " ")
            + " UTC",
    ))
}

/// How many cores there are for us.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Whether a folder lies in memory: nothing there ever waits for a disk.
#[must_use]
pub fn in_memory(folder: &Path) -> bool {
    matches!(filesystem(folder).as_str(), "tmpfs" | "ramfs")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory() -> String {
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} GiB", (kib + 512 * 1024) / (1024 * 1024)))
}

/// The type of the file system that a folder is on.
fn filesystem(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = read("/proc/self/mounts");
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((Path::new(words.next()?), words.next()?))
    });
    // Of two mounts at one place, the later one is seen.
    let found = mounts
        .filter(|(place, _)| folder.starts_with(place))
        .max_by_key(|(place, _)| place.as_os_str().len());
    found.map_or_else(|| "an unknown file system".to_owned(), |(_, kind)| kind.to_owned())
}

/// The median and the 99th of 100 appends of 4 KiB, each with its `fdatasync`, in milliseconds.
fn fsync_ms(folder: &Path) -> anyhow::Result<(f64, f64)> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path).with_context(|| format!("can't write {}", path.display()))?;
    let mut took = Vec::new();
    for _ in 0..100 {
        file.write_all(&[7; 4096])?;
        let since = Instant::now();
        file.sync_data()?;
        took.push(since.elapsed().as_secs_f64() * 1_000.0);
    }
    fs::remove_file(path)?;
    took.sort_by(f64::total_cmp);
    let median = Spread::of(took.iter().copied()).map_or(0.0, |spread| spread.median);
    Ok((median, took.get(98).copied().unwrap_or(median)))
}

/// The commit, and whether the files are others than the commit's. The report itself does not count.
fn commit(workspace: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(workspace).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--", ".", ":!docs/performance.md"]) {
        Some(changes) if changes.is_empty() => commit,
        Some(_) | None => format!("{commit} with local changes"),
    }
}
