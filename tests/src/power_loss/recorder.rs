//! The recorder of writes (`tests/power_loss/recorder.c`): compiling it, and running a process under it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::record::Record;
use crate::process::{Process, binary};

/// Which bug is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loses {
    /// None.
    Nothing,
    /// The syncs after commits: what SQLite leaves out with `synchronous=NORMAL`.
    CommitSyncs,
    /// All syncs: the disk lies.
    Syncs,
}

/// The compiled recorder, with a folder that it records and its log beside it.
pub struct Recorder {
    folder: TempDir,
}

impl Recorder {
    /// Compiles the recorder. The folder it records is empty.
    ///
    /// # Panics
    /// When there is no C compiler.
    #[must_use]
    pub fn new() -> Self {
        let recorder = Self { folder: TempDir::new().expect("a temporary folder") };
        std::fs::create_dir(recorder.data()).expect("a temporary folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("power_loss/recorder.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O2", "-pthread", "-o"]).arg(recorder.library()).arg(&source);
        let compiled = compile.output().unwrap_or_else(|error| {
            panic!(
                "expected the C compiler `cc`, found none ({error}): install gcc or clang, as for the build"
            )
        });
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{} does not compile:\n{said}", source.display());
        recorder
    }

    /// The folder whose files are recorded. Its path has no links: the recorder compares texts.
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder is there").join("data")
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("recorder.so")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Has this process recorded.
    pub fn preload(&self, command: &mut Command, loses: Loses) {
        command
            .env("LD_PRELOAD", self.library())
            .env("RECORDER_FOLDER", self.data())
            .env("RECORDER_LOG", self.log());
        match loses {
            Loses::Nothing => command.env_remove("RECORDER_LOSES"),
            Loses::CommitSyncs => command.env("RECORDER_LOSES", "commits"),
            Loses::Syncs => command.env("RECORDER_LOSES", "syncs"),
        };
    }

    /// The server with the sample definitions, on a database in the recorded folder, and where its gRPC is.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn server(&self, loses: Loses) -> (Process, String) {
        let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions");
        let mut command = Command::new(binary());
        command
            .args(["server", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--database-url"])
            .arg(format!("sqlite://{}", self.data().join("stepwell.db").display()))
            .arg("--definitions")
            .arg(definitions);
        self.preload(&mut command, loses);
        let mut process = Process::spawn(command);
        let ready = process.line_where(|line| line.starts_with("stepwell ready"));
        let address = ready.split(' ').find_map(|word| word.strip_prefix("grpc="));
        (process, format!("http://{}", address.unwrap_or_else(|| panic!("expected grpc= in: {ready}"))))
    }

    /// How much is recorded by now, to compare with [`Entry::end`](super::record::Entry::end). What a process
    /// did before it said something is within this when it is asked after that was heard.
    ///
    /// # Panics
    /// When nothing was ever recorded.
    #[must_use]
    pub fn position(&self) -> u64 {
        std::fs::metadata(self.log()).expect("something was recorded").len()
    }

    /// What was recorded.
    ///
    /// # Panics
    /// When it can't be understood.
    #[must_use]
    pub fn record(&self) -> Record {
        Record::parse(&std::fs::read(self.log()).expect("something was recorded"))
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}
