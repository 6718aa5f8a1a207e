//! The database's file: which one a URL names, who may open it, and how.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::super::Error;

/// How long to wait for somebody else's lock, for instance that of a backup in another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages each connection keeps in memory, in KiB (that is what a negative number means). There is no `mmap`
/// beside it: with one, a disk that fails to read is a signal that ends the process instead of an error.
const WRITER_CACHE: &str = "-65536";
const READER_CACHE: &str = "-8192";

/// A database file that only this process may open as an engine, as long as this value lives.
pub(super) struct DatabaseFile {
    options: SqliteConnectOptions,
    /// `<database>.lock`, locked. The database itself can't be: SQLite needs its locks for readers.
    _lock: File,
}

impl DatabaseFile {
    /// Finds the file of a URL, which need not exist yet, and locks it.
    pub(super) fn at(url: &str) -> Result<Self, Error> {
        // Neither survives the process; `mode=ro` and the like make no sense for the one writer.
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        if place.contains(":memory:") || !matches!(parameters, "" | "mode=rwc" | "mode=rw") {
            return Err(Error::Open(format!("expected sqlite://<path of a file>, found {url}")));
        }
        let options =
            SqliteConnectOptions::from_str(place).map_err(|error| Error::Open(format!("{url}: {error}")))?;
        let path = absolute(options.get_filename())?;
        let lock = lock(&path)?;
        let options = options
            .filename(&path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .thread_name(|id| format!("sqlite-{id}"))
            .disable_statement_logging();
        Ok(Self { options, _lock: lock })
    }

    /// How the writer opens the file.
    pub(super) fn writer(&self) -> SqliteConnectOptions {
        self.options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL does not wait for the disk, and loses acknowledged commits with the power.
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "0")
            .pragma("cache_size", WRITER_CACHE)
    }

    /// How readers open it. To only read, they are told then.
    pub(super) fn reader(&self) -> SqliteConnectOptions {
        self.options
            .clone()
            .create_if_missing(false)
            .pragma("wal_autocheckpoint", "0")
            .pragma("cache_size", READER_CACHE)
    }
}

/// The one path of a file, whichever way it was written, so that it has one lock.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let Some(name) = path.file_name() else {
        return Err(Error::Open(format!("expected sqlite://<path of a file>, found {:?}", path.display())));
    };
    if path.is_dir() {
        return Err(Error::Open(format!("expected a database file, found the folder {}", path.display())));
    }
    if let Ok(existing) = path.canonicalize() {
        return Ok(existing);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| {
        Error::Open(format!(
            "expected the folder {} for the database, found none ({error}): create it first",
            folder.display()
        ))
    })?;
    Ok(folder.join(name))
}

fn lock(database: &Path) -> Result<File, Error> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| Error::Open(format!("{}: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Open(format!(
            "expected to be the only engine on {}, found it locked by another: stop that one first",
            database.display()
        ))),
        Err(TryLockError::Error(error)) => Err(Error::Open(format!("{}: {error}", path.display()))),
    }
}
