//! The real binary as a process: servers, workers and commands.
//!
//! Invariant: a process that was started here does not outlive its handle. Waiting is always for something
//! that was printed, or for an end, and never longer than [`PATIENCE`]; a test that waits in vain fails with
//! what the process has said so far.
//!
//! Everything blocks, so it serves plain `#[test]` functions; an async test calls it where it may block.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary `stepwell`. Cargo builds it with every test of this crate; see `bin/stepwell-under-test.rs`.
///
/// # Panics
/// When it is not where cargo puts it.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let this = std::env::current_exe().expect("a test has an executable");
        // A test is target/<profile>/deps/<test>, another binary of this crate stands beside this one.
        let mut found = this.ancestors().skip(1).take(2).map(|folder| folder.join("stepwell-under-test"));
        found.find(|binary| binary.exists()).unwrap_or_else(|| {
            panic!("expected stepwell-under-test near {}: cargo builds it with the tests", this.display())
        })
    })
}

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    /// The command line, for messages.
    pub command: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Ended {
    /// Itself, if it exited 0.
    ///
    /// # Panics
    /// When it exited otherwise.
    #[must_use]
    pub fn ok(self) -> Self {
        self.exited(0)
    }

    /// Itself, if it exited with this code.
    ///
    /// # Panics
    /// When it exited otherwise.
    #[must_use]
    pub fn exited(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "{}\nstdout: {}\nstderr: {}",
            self.command,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The one JSON document on stdout.
    ///
    /// # Panics
    /// When stdout is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{}: expected JSON: {error}\n{}\n{}", self.command, self.stdout, self.stderr)
        })
    }

    /// The JSON documents on stdout, one per line.
    ///
    /// # Panics
    /// When a line is something else.
    #[must_use]
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    }
}

/// Runs a command to its end, without a server's address.
///
/// # Panics
/// When it can't be started or does not end.
pub fn stepwell<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ended {
    Process::spawn(command(arguments)).wait()
}

/// A command that knows nothing of this machine: no settings from the environment, no colours.
fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("STEPWELL_") || name.starts_with("CLICOLOR")) {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").env("TZ", "UTC").args(arguments);
    command
}

/// A process that runs.
pub struct Process {
    child: Child,
    command: String,
    stdout: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    stderr_reader: Option<std::thread::JoinHandle<()>>,
    /// What was taken from stdout already.
    read: String,
}

impl Process {
    /// Starts a command with both of its outputs read all the time, so that it never waits for us.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn spawn(command: Command) -> Self {
        Self::spawn_fed(command, "")
    }

    /// Starts a command with this text, of a few kilobytes at most, as its standard input.
    fn spawn_fed(mut command: Command, input: &str) -> Self {
        let text = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{text}: {error}"));
        let fed = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        assert!(matches!(fed, Some(Ok(()))), "{text}: expected to write its standard input");
        let (lines, stdout) = channel();
        let out = child.stdout.take().expect("stdout is piped");
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr: Arc<Mutex<String>> = Arc::default();
        let mut err = child.stderr.take().expect("stderr is piped");
        let said = stderr.clone();
        let stderr_reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = err.read(&mut bytes) {
                said.lock().expect("nobody panics here").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, command: text, stdout, stderr, stderr_reader: Some(stderr_reader), read: String::new() }
    }

    /// The next line on stdout; none when it was closed.
    ///
    /// # Panics
    /// When there is none for too long.
    pub fn line(&mut self) -> Option<String> {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.read.push_str(&line);
                self.read.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("{}: waited in vain for a line\n{}", self.command, self.said())
            }
        }
    }

    /// The next line on stdout that fits; those before it are read over.
    ///
    /// # Panics
    /// When there is none.
    pub fn line_where(&mut self, fits: impl Fn(&str) -> bool) -> String {
        loop {
            match self.line() {
                Some(line) if fits(&line) => return line,
                Some(_) => {}
                None => panic!(
                    "{}: stdout ended before the line that was waited for\n{}",
                    self.command,
                    self.said()
                ),
            }
        }
    }

    /// The next line on stdout, which is JSON.
    ///
    /// # Panics
    /// When it is something else, or there is none.
    pub fn json_line(&mut self) -> Value {
        let line = self.line_where(|_| true);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its name, such as `TERM`, `STOP` or `CONT`.
    ///
    /// # Panics
    /// When it can't be sent.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args(["-s", name, &self.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "{}: expected to send it SIG{name}", self.command);
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn terminate(self) -> Ended {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn wait(mut self) -> Ended {
        let status = self.exit_status();
        while let Some(line) = self.line() {
            drop(line);
        }
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().expect("the reader of stderr does not panic");
        }
        let stderr = self.stderr.lock().expect("nobody panics with it").clone();
        Ended { command: self.command.clone(), code: status.code(), stdout: self.read.clone(), stderr }
    }

    /// `Child::wait` has no time-out, so it is asked again and again.
    fn exit_status(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "{}: it does not end\n{}", self.command, self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn said(&self) -> String {
        let stderr = self.stderr.lock().map(|said| said.clone()).unwrap_or_default();
        format!("stdout: {}\nstderr: {stderr}", self.read)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server on free ports, with a database of its own.
pub struct Server {
    process: Process,
    /// What clients are told: `http://HOST:PORT`.
    pub grpc: String,
    /// Where HTTP is: `http://HOST:PORT`.
    pub http: String,
    database_url: String,
    arguments: Vec<String>,
    /// For the database and whatever else goes with the server.
    folder: TempDir,
}

impl Server {
    /// Starts a server on a new SQLite file.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None, &[])
    }

    /// Starts a server on this database, or a new SQLite file, with more arguments.
    ///
    /// # Panics
    /// When it does not become ready.
    #[must_use]
    pub fn start_with(database_url: Option<String>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = || format!("sqlite://{}", folder.path().join("stepwell.db").display());
        let database_url = database_url.unwrap_or_else(file);
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (process, grpc, http) = launch(&database_url, "127.0.0.1:0", "127.0.0.1:0", &arguments);
        Self { process, grpc, http, database_url, arguments, folder }
    }

    /// A folder that goes with the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its database.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it at once, as `kill -9` does. The database stays.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same database and the same ports. What still runs of it is killed.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn restart(&mut self) {
        self.process.kill();
        let address = |url: &str| url.trim_start_matches("http://").to_owned();
        let (grpc, http) = (address(&self.grpc), address(&self.http));
        (self.process, _, _) = launch(&self.database_url, &grpc, &http, &self.arguments);
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn terminate(self) -> Ended {
        self.process.terminate()
    }

    /// Runs a command against it.
    ///
    /// # Panics
    /// When the command does not end.
    pub fn stepwell(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments).wait()
    }

    /// Runs a command against it and gives its JSON document.
    ///
    /// # Panics
    /// When the command fails, or prints something else.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.stepwell(&[arguments, &["--output", "json"]].concat()).ok().json()
    }

    /// Runs a command against it, with this text as its standard input.
    ///
    /// # Panics
    /// When the command does not end.
    pub fn stepwell_fed(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = command(arguments);
        command.env("STEPWELL_SERVER", &self.grpc);
        Process::spawn_fed(command, input).wait()
    }

    /// Starts a command against it.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        let mut command = command(arguments);
        command.env("STEPWELL_SERVER", &self.grpc);
        Process::spawn(command)
    }

    /// Starts a worker that plays this script and reports in JSON lines.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn worker(&self, script: &Value) -> Process {
        let file = self.file("worker.json", &script.to_string());
        self.worker_from(&file)
    }

    /// Starts a worker that plays the script in this file.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn worker_from(&self, script: &Path) -> Process {
        let script = script.to_str().expect("the paths of tests are text");
        self.spawn(&["worker", "--output", "json", "--script", script])
    }

    /// Deploys a definition under a name.
    ///
    /// # Panics
    /// When it is refused.
    pub fn deploy(&self, name: &str, definition: &Value) {
        let file = self.file("definition.asl.json", &definition.to_string());
        let file = file.to_str().expect("the paths of tests are text");
        let _ = self.stepwell(&["deploy", file, "--name", name]).ok();
    }

    /// Writes a file that goes with the server; each has a folder of its own, so none takes another's place.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let folder = tempfile::tempdir_in(self.folder()).expect("a temporary folder").keep();
        let path = folder.join(name);
        let mut file = std::fs::File::create(&path).expect("a temporary file");
        file.write_all(text.as_bytes()).expect("a temporary file can be written");
        path
    }
}

/// Starts a server and waits until it says that it is ready, and where.
fn launch(database_url: &str, grpc: &str, http: &str, arguments: &[String]) -> (Process, String, String) {
    let mut command =
        command(["server", "--database-url", database_url, "--grpc-addr", grpc, "--http-addr", http]);
    command.args(arguments);
    let mut process = Process::spawn(command);
    let ready = process.line_where(|_| true);
    let mut words = ready.split(' ');
    assert_eq!((words.next(), words.next()), (Some("stepwell"), Some("ready")), "{ready}");
    let mut address = |name: &str| {
        let word = words.next().and_then(|word| word.strip_prefix(name));
        format!("http://{}", word.unwrap_or_else(|| panic!("expected {name} in: {ready}")))
    };
    let (grpc, http) = (address("grpc="), address("http="));
    (process, grpc, http)
}
