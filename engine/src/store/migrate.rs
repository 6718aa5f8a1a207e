//! The tables, embedded and brought up to date when a database is opened; forward only.
//!
//! Invariant: the two folders hold the same numbers and names. A database from a newer version is refused:
//! this version can't know what its rows mean.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use super::Error;

/// Of SQLite.
pub(super) static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Of Postgres. Two nodes may start at once: an advisory lock lets one migrate and the other wait.
pub(super) static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Brings the tables up to date.
pub(super) async fn run<C: Migrate>(migrator: &Migrator, connection: &mut C) -> Result<(), Error> {
    migrator.run_direct(None, connection, false).await.map_err(|error| refused(migrator, error))
}

/// Says what to do about it.
fn refused(migrator: &Migrator, error: MigrateError) -> Error {
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    // The enum is foreign and not exhaustive: whatever else went wrong tells itself.
    if let MigrateError::VersionMissing(version) = error {
        return Error::Open(format!(
            "expected tables of version {newest} at most, found version {version}: \
             a newer Stepwell has written this database, use that one or a newer one"
        ));
    }
    if let MigrateError::VersionMismatch(version) = error {
        return Error::Open(format!(
            "expected the tables of version {version} as this Stepwell makes them, found others: \
             the database belongs to another program or another build"
        ));
    }
    Error::Open(format!("the tables could not be brought up to date: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |migrator: &Migrator| -> Vec<(i64, String)> {
            migrator.iter().map(|migration| (migration.version, migration.description.to_string())).collect()
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert!(!names(&SQLITE).is_empty());
    }
}
