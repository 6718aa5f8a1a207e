//! What processes use of the machine, from `/proc`: Linux only.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Ticks per second of the kernel's accounting, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process and all that descend from it.
#[derive(Debug, Clone, Copy)]
pub struct Tree(pub u32);

impl Tree {
    /// Processor time in microseconds, that of children that have ended included.
    #[must_use]
    pub fn cpu_us(self) -> f64 {
        self.processes().into_iter().map(|process| ticks(process, 11..15)).sum::<f64>() / TICKS_PER_SECOND
            * 1e6
    }

    /// Resident memory at its peak, in MiB; what processes share counts for each.
    #[must_use]
    pub fn rss_mib(self) -> f64 {
        let peak = |process: u32| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        self.processes().into_iter().filter_map(peak).sum::<f64>() / 1_024.0
    }

    fn processes(self) -> Vec<u32> {
        let mut found = vec![self.0];
        let mut next = 0;
        while let Some(process) = found.get(next) {
            let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
            let children =
                threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
            let children: Vec<String> = children.collect();
            found.extend(
                children
                    .iter()
                    .flat_map(|list| list.split_whitespace())
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
            next += 1;
        }
        found
    }
}

/// Processor time in microseconds of the children of this process that have ended and were waited for.
#[must_use]
pub fn ended_children_cpu_us() -> f64 {
    ticks(std::process::id(), 13..15) / TICKS_PER_SECOND * 1e6
}

/// Sums some of the fields of `/proc/PID/stat`, counted from behind the name.
fn ticks(process: u32, fields: std::ops::Range<usize>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    behind
        .split_whitespace()
        .skip(fields.start)
        .take(fields.len())
        .filter_map(|text| text.parse::<f64>().ok())
        .sum()
}

/// How many cores were busy while we did nothing for a while.
#[must_use]
pub fn busy_cores(during: Duration) -> f64 {
    let before = busy_ticks();
    std::thread::sleep(during);
    (busy_ticks() - before) / TICKS_PER_SECOND / during.as_secs_f64()
}

/// All ticks of the machine but the idle ones and those that waited for a disk.
fn busy_ticks() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks = line.split_whitespace().skip(1).take(8).filter_map(|text| text.parse::<f64>().ok());
    ticks.enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, ticks)| ticks).sum()
}

/// Bytes that the files of a folder take on the disk. Files that vanish meanwhile count for nothing.
#[must_use]
pub fn disk_bytes(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
            Ok(data) => data.blocks() as f64 * 512.0,
            Err(_) => 0.0,
        })
        .sum()
}
