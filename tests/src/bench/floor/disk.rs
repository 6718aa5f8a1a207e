//! Bare group commit: many rows, one sync.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor};
use tokio::runtime::Runtime;

/// Where rows go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Medium {
    /// Nowhere.
    None,
    /// To the end of a file.
    Log,
    /// Into one SQLite table without an index.
    Sqlite,
}

/// What rows are written to.
pub enum Disk {
    /// Nothing.
    None,
    /// A file that is appended to.
    Log(File),
    /// A database, and what runs its calls: sqlx knows only asynchronous ones.
    Sqlite(Box<SqliteConnection>, Runtime),
}

impl Disk {
    /// Makes a new one in a folder.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn create(medium: Medium, folder: &Path) -> anyhow::Result<Self> {
        match medium {
            Medium::None => Ok(Self::None),
            Medium::Log => Ok(Self::Log(File::create(folder.join("floor.log"))?)),
            Medium::Sqlite => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let options = SqliteConnectOptions::new()
                    .filename(folder.join("floor.db"))
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .disable_statement_logging();
                let connection = runtime.block_on(async {
                    let mut connection = options.connect().await?;
                    connection
                        .execute("CREATE TABLE history (no INTEGER PRIMARY KEY, events BLOB) STRICT")
                        .await?;
                    Ok::<_, sqlx::Error>(connection)
                })?;
                Ok(Self::Sqlite(Box::new(connection), runtime))
            }
        }
    }

    /// Writes rows of these sizes; they are on disk when this returns.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn commit(&mut self, rows: &[usize]) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let bytes = vec![7; rows.iter().sum()];
        match self {
            Self::None => {}
            Self::Log(file) => {
                file.write_all(&bytes)?;
                file.sync_data()?;
            }
            Self::Sqlite(connection, runtime) => {
                let insert = "INSERT INTO history (events) \
                    SELECT substr(?2, value ->> 0, value ->> 1) FROM json_each(?1)";
                let query = sqlx::query(insert).bind(places(rows)).bind(bytes);
                runtime.block_on(query.execute(&mut **connection))?;
            }
        }
        Ok(())
    }
}

/// Where each row begins among all bytes, from 1, and how long it is, as JSON.
fn places(rows: &[usize]) -> String {
    let mut begin = 1;
    let places = rows.iter().map(|length| {
        let place = format!("[{begin},{length}]");
        begin += length;
        place
    });
    format!("[{}]", places.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_medium_takes_rows() {
        for medium in [Medium::None, Medium::Log, Medium::Sqlite] {
            let folder = tempfile::tempdir().unwrap();
            let mut disk = Disk::create(medium, folder.path()).unwrap();
            disk.commit(&[]).unwrap();
            disk.commit(&[10, 300]).unwrap();
            if let Disk::Sqlite(connection, runtime) = &mut disk {
                let sizes = sqlx::query_as::<_, (i64,)>("SELECT length(events) FROM history ORDER BY no");
                let sizes = runtime.block_on(sizes.fetch_all(&mut **connection)).unwrap();
                assert_eq!(sizes, [(10,), (300,)]);
            }
        }
    }
}
