//! State machines and their definitions, parsed once and shared.
//!
//! Invariant: a revision never changes, so its parsed definition may be kept as long as there is room. The
//! current revision of a name is kept too, and is right because every change goes through here, one at a time.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use stepwell_asl::definition::{Definition, Diagnostic};
use stepwell_asl::time::Timestamp;

use crate::names::{InvalidName, check_name};
use crate::store::{self, MachineRow, RevisionNo, Store};

/// Definitions kept in memory; beyond this all are forgotten and read again as needed.
const KEPT_MAX: usize = 1_000;

/// A state machine with its current definition.
#[derive(Debug)]
pub struct Machine {
    /// As it is stored.
    pub row: MachineRow,
    /// The current revision, parsed.
    pub definition: Arc<Definition>,
}

/// Why a definition was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The name can't be one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The definition has errors; all of them, and the warnings.
    #[error("expected a valid definition, found {} that say otherwise", .0.len())]
    Definition(Vec<Diagnostic>),
    /// The name has another definition, and only a new one was wanted.
    #[error("expected a name that is free, but there is a state machine '{0}' with another definition")]
    Taken(String),
    /// There is nothing to update.
    #[error("expected a state machine, but none is called '{0}'")]
    Missing(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What is wanted of [`Catalog::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// A new state machine.
    Create,
    /// Another revision of one that is there.
    Update,
    /// Whichever fits.
    CreateOrUpdate,
}

/// State machines by name, definitions by revision.
pub struct Catalog {
    store: Arc<dyn Store>,
    kept: Mutex<Kept>,
    /// Held while the current revision of a name is read or changed, until it is kept: so what is kept is never
    /// older than what is stored.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    machines: FxHashMap<String, Arc<Machine>>,
    definitions: FxHashMap<RevisionNo, Arc<Definition>>,
}

impl Catalog {
    /// A catalog over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::default(), changing: tokio::sync::Mutex::default() }
    }

    /// A state machine by its name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn machine(&self, name: &str) -> Result<Option<Arc<Machine>>, store::Error> {
        if let Some(machine) = self.kept(|kept| kept.machines.get(name).cloned()) {
            return Ok(Some(machine));
        }
        let _changing = self.changing.lock().await;
        let Some(row) = self.store.machine(name).await? else { return Ok(None) };
        self.keep(row).map(Some)
    }

    /// The definition of a revision.
    ///
    /// # Errors
    /// When the database fails, or has no such definition that this version can read.
    pub async fn definition(&self, revision: RevisionNo) -> Result<Arc<Definition>, store::Error> {
        if let Some(definition) = self.kept(|kept| kept.definitions.get(&revision).cloned()) {
            return Ok(definition);
        }
        let text = self.store.definition(revision).await?.ok_or_else(|| {
            store::Error::Corrupt(format!("expected a definition for revision {}, found none", revision.0))
        })?;
        self.keep_definition(revision, &text)
    }

    /// Stores a definition under a name, when it is valid. Answers the state machine and the warnings.
    ///
    /// # Errors
    /// See [`PutError`].
    pub async fn put(
        self: &Arc<Self>,
        name: &str,
        text: &str,
        put: Put,
        now: Timestamp,
    ) -> Result<(Arc<Machine>, Vec<Diagnostic>), PutError> {
        check_name(name)?;
        let (definition, diagnostics) = Definition::parse(text);
        if definition.is_none() {
            return Err(PutError::Definition(diagnostics));
        }
        let (catalog, name, text) = (self.clone(), name.to_owned(), text.to_owned());
        let machine = to_its_end(async move { catalog.put_valid(&name, &text, put, now).await }).await?;
        Ok((machine, diagnostics))
    }

    async fn put_valid(
        &self,
        name: &str,
        text: &str,
        put: Put,
        now: Timestamp,
    ) -> Result<Arc<Machine>, PutError> {
        if put == Put::Update && self.machine(name).await?.is_none() {
            return Err(PutError::Missing(name.to_owned()));
        }
        let _changing = self.changing.lock().await;
        let stored = self.store.put_machine(name, text, now, put == Put::Create).await?;
        let row = stored.ok_or_else(|| PutError::Taken(name.to_owned()))?;
        Ok(self.keep(row)?)
    }

    /// Deletes a state machine; deleting none is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete(self: &Arc<Self>, name: &str, now: Timestamp) -> Result<(), store::Error> {
        let (catalog, name) = (self.clone(), name.to_owned());
        to_its_end(async move { catalog.delete_now(&name, now).await }).await
    }

    async fn delete_now(&self, name: &str, now: Timestamp) -> Result<(), store::Error> {
        let _changing = self.changing.lock().await;
        self.store.delete_machine(name, now).await?;
        self.kept(|kept| kept.machines.remove(name));
        Ok(())
    }

    fn keep(&self, row: MachineRow) -> Result<Arc<Machine>, store::Error> {
        let known = self.kept(|kept| kept.definitions.get(&row.revision).cloned());
        let definition = match known {
            Some(definition) => definition,
            None => self.keep_definition(row.revision, &row.definition)?,
        };
        let machine = Arc::new(Machine { row, definition });
        self.kept(|kept| kept.machines.insert(machine.row.name.clone(), machine.clone()));
        Ok(machine)
    }

    fn keep_definition(&self, revision: RevisionNo, text: &str) -> Result<Arc<Definition>, store::Error> {
        let (definition, diagnostics) = Definition::parse(text);
        let definition = definition.map(Arc::new).ok_or_else(|| {
            let found = diagnostics.first().map(ToString::to_string).unwrap_or_default();
            store::Error::Corrupt(format!(
                "expected a valid definition for revision {}, found: {found}",
                revision.0
            ))
        })?;
        self.kept(|kept| {
            if kept.definitions.len() >= KEPT_MAX {
                *kept = Kept::default();
            }
            kept.definitions.insert(revision, definition.clone());
        });
        Ok(definition)
    }

    fn kept<T>(&self, with: impl FnOnce(&mut Kept) -> T) -> T {
        with(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Does something wholly or not at all: a client that goes away meanwhile must not leave a change written and what
/// is kept as it was.
async fn to_its_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<store::Error> + Send + 'static,
{
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| {
        Err(store::Error::Unavailable(format!("the change was cut off: {error}")).into())
    })
}
