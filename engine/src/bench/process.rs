//! What a server on this machine uses: processor time, memory, disk. Linux only, from `/proc`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A server's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

/// What it has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Processor time, user and system.
    pub cpu: Duration,
    /// Resident memory at its peak, in bytes.
    pub rss_bytes_peak: u64,
    /// Bytes of the database files that it has open; none when it has none on this disk.
    pub disk_bytes: Option<u64>,
}

/// The process that listens on a port of this machine; none elsewhere than on Linux.
#[must_use]
pub fn serving(port: u16) -> Option<Process> {
    let inodes = listening_inodes(port);
    let processes =
        fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.map(Process).find(|process| {
        process.open_files().any(|target| {
            let target = target.to_string_lossy();
            inodes.iter().any(|inode| target == format!("socket:[{inode}]"))
        })
    })
}

impl Process {
    /// A process by its number.
    #[must_use]
    pub fn of(id: u32) -> Self {
        Self(id)
    }

    /// What it has used so far.
    #[must_use]
    pub fn footprint(self) -> Option<Footprint> {
        /// Ticks per second of the kernel's accounting, the same on every Linux.
        const TICKS: u64 = 100;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // The name in parentheses may hold blanks: count from behind it.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let cpu = Duration::from_millis((ticks(11)? + ticks(12)?) * 1_000 / TICKS);
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let peak_kib: u64 = peak.split_whitespace().next()?.parse().ok()?;
        Some(Footprint { cpu, rss_bytes_peak: peak_kib * 1_024, disk_bytes: self.database_bytes() })
    }

    /// The database file and what SQLite keeps beside it.
    fn database_bytes(self) -> Option<u64> {
        let mut files: Vec<_> = self
            .open_files()
            .filter(|path| path.extension().is_some_and(|ending| ending == "db" || ending == "db-wal"))
            .collect();
        files.sort();
        files.dedup();
        if files.is_empty() {
            return None;
        }
        Some(files.iter().filter_map(|file| fs::metadata(file).ok()).map(|data| data.len()).sum())
    }

    fn open_files(self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.0)).ok();
        entries.into_iter().flatten().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
    }
}

fn listening_inodes(port: u16) -> Vec<String> {
    /// The state of a socket that listens.
    const LISTEN: &str = "0A";
    let ending = format!(":{port:04X}");
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|table| fs::read_to_string(table).ok());
    tables
        .flat_map(|table| {
            table
                .lines()
                .filter_map(|line| {
                    let fields: Vec<_> = line.split_whitespace().collect();
                    let listens = fields.get(1)?.ends_with(&ending) && fields.get(3) == Some(&LISTEN);
                    listens.then(|| fields.get(9).map(ToString::to_string)).flatten()
                })
                .collect::<Vec<_>>()
        })
        .collect()
}
