//! A Postgres to test with: a fresh database for each test, on a server that is there when the test needs it.
//!
//! The server is the one `STEPWELL_TEST_POSTGRES_URL` names; else a private one, made in a temporary folder from
//! the binaries on this machine, once per test process. Invariant: a test that wants Postgres has it or fails;
//! it never passes by vanishing. A private server goes with the process that wanted it, however that ends.
//!
//! The private server does not wait for the disk, for tests have nothing to keep. Whoever measures asks for a
//! [`Postgres::durable_database`]: on a second private server, with the settings that Postgres comes with.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// Names a server that tests may fill with databases.
const SERVER_VARIABLE: &str = "STEPWELL_TEST_POSTGRES_URL";

/// How often to look for another port when the one found was taken before Postgres could have it.
const PORTS_TRIED: usize = 5;

/// The server of this process.
static SERVER: OnceLock<Server> = OnceLock::new();
/// The one that waits for the disk.
static DURABLE_SERVER: OnceLock<Server> = OnceLock::new();

/// Settings of a server that keeps nothing.
const FORGETFUL: &str = "-c fsync=off -c full_page_writes=off -c shared_buffers=32MB";
/// Settings of one that keeps everything: those that Postgres comes with.
const DURABLE: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on";

/// Databases for tests.
pub struct Postgres;

impl Postgres {
    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// When there is no Postgres and none can be started or installed.
    pub async fn database() -> String {
        SERVER.get_or_init(Server::find).new_database().await
    }

    /// A new, empty database on a private server that waits for the disk.
    ///
    /// # Panics
    /// When there is no Postgres on this machine and none can be installed.
    pub async fn durable_database() -> DurablePostgres {
        let server = DURABLE_SERVER.get_or_init(|| Server::start(DURABLE));
        let data = server.folder.as_ref().expect("a private server has a folder").join("data");
        let file =
            std::fs::read_to_string(data.join("postmaster.pid")).expect("a running server has a pid file");
        let process = file.lines().next().and_then(|line| line.trim().parse().ok());
        let process = process.expect("the pid file begins with the process");
        DurablePostgres { url: server.new_database().await, process, data }
    }
}

/// A database that is as durable as Postgres makes it, and what it costs the machine.
pub struct DurablePostgres {
    /// Where it is.
    pub url: String,
    /// The server's first process; all its others are children of it.
    pub process: u32,
    /// The folder of its files.
    pub data: PathBuf,
}

/// A running server.
struct Server {
    options: PgConnectOptions,
    /// Where a private server has its files.
    folder: Option<PathBuf>,
    /// Whose standard input stays open to the end of this process; then it stops the server, see [`SCRIPT`].
    _watchdog: Option<Child>,
}

impl Server {
    async fn new_database(&self) -> String {
        // Random, because a server named from outside may be shared by many processes on many machines.
        let name = format!("stepwell_{:016x}", RandomState::new().hash_one(std::process::id()));
        let mut connection = self.options.connect().await.unwrap_or_else(|error| {
            panic!("expected a Postgres at {}: {error}", self.options.to_url_lossy())
        });
        connection
            .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await
            .unwrap_or_else(|error| panic!("expected to be allowed to create a database: {error}"));
        connection.close().await.expect("a connection that works can be closed");
        self.options.clone().database(&name).to_url_lossy().to_string()
    }

    fn find() -> Self {
        match std::env::var(SERVER_VARIABLE) {
            Ok(url) => Self {
                options: PgConnectOptions::from_str(&url)
                    .unwrap_or_else(|error| panic!("expected a Postgres URL in {SERVER_VARIABLE}: {error}")),
                folder: None,
                _watchdog: None,
            },
            Err(_) => Self::start(FORGETFUL),
        }
    }

    fn start(settings: &str) -> Self {
        let binaries = binaries().or_else(|| install().and_then(|()| binaries())).unwrap_or_else(|| {
            panic!("expected Postgres: install its server (initdb, pg_ctl), or name one in {SERVER_VARIABLE}")
        });
        let mut log = String::new();
        for _ in 0..PORTS_TRIED {
            match Self::start_at(&binaries, free_port(), settings) {
                Ok(server) => return server,
                Err(failure) => log = failure,
            }
        }
        panic!("expected the Postgres in {} to start, found:\n{log}", binaries.display());
    }

    /// Starts a server on a port, or tells its log.
    fn start_at(binaries: &Path, port: u16, settings: &str) -> Result<Self, String> {
        let folder =
            tempfile::Builder::new().prefix("stepwell-postgres-").tempdir().expect("a temporary folder");
        let mut command = match unprivileged_user() {
            None => Command::new("sh"),
            Some(user) => {
                // Postgres refuses to run as root.
                run(Command::new("chown").arg(&user).arg(folder.path()))
                    .expect("root may give a folder away");
                become_user(&user)
            }
        };
        let mut watchdog = command
            .args(["-c", SCRIPT])
            .current_dir(folder.path())
            .env("BINARIES", binaries)
            .env("FOLDER", folder.path())
            .env("PORT", port.to_string())
            .env("SETTINGS", settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal ends the tests; the watchdog must live on to clean up behind them.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let mut ready = String::new();
        let told = watchdog.stdout.take().map(|out| BufReader::new(out).read_line(&mut ready));
        if !matches!(told, Some(Ok(_))) || ready.trim() != "ready" {
            watchdog.wait().expect("sh ends");
            // It keeps the folder when it fails; the folder goes when this function returns.
            return Err(std::fs::read_to_string(folder.path().join("log")).unwrap_or_default());
        }
        // The watchdog removes it.
        let folder = Some(folder.keep());
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(port)
            .username("postgres")
            .database("postgres")
            .disable_statement_logging();
        Ok(Self { options, folder, _watchdog: Some(watchdog) })
    }
}

/// Makes and starts a server, says so, and stops and removes it when its standard input ends: that is when the
/// process at the other end of the pipe is gone, whatever became of it.
const SCRIPT: &str = r#"
exec 2>>log
"$BINARIES/initdb" --pgdata data --auth trust --username postgres --encoding UTF8 --no-locale --no-sync >>log || exit 1
"$BINARIES/pg_ctl" --pgdata data --wait --log log --options "-p $PORT -k '$FOLDER' -c listen_addresses=127.0.0.1 \
  -c max_connections=300 $SETTINGS" start >>log || exit 1
echo ready
read -r _
"$BINARIES/pg_ctl" --pgdata data --mode immediate stop >>log
cd / && rm -rf "$FOLDER"
"#;

/// The folder with the server's programs.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<PathBuf> = packaged.map(|version| version.path().join("bin")).collect();
    packaged.sort();
    std::env::split_paths(&path)
        .chain(packaged.into_iter().rev())
        .chain(["/usr/local/pgsql/bin", "/usr/libexec/postgresql", "/opt/homebrew/bin"].map(PathBuf::from))
        // On the PATH stand links at times; what belongs to a program lies beside the program itself.
        .filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned))
        .find(|folder| folder.join("pg_ctl").exists() && folder.join("postgres").exists())
}

/// Installs Postgres with the first package manager that does so without asking.
fn install() -> Option<()> {
    let managers: [(&str, &[&str]); 5] = [
        (
            "apt-get",
            &["-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--no-install-recommends", "postgresql"],
        ),
        ("dnf", &["install", "--assumeyes", "postgresql-server"]),
        ("apk", &["add", "postgresql"]),
        ("pacman", &["--sync", "--noconfirm", "postgresql"]),
        ("brew", &["install", "postgresql"]),
    ];
    managers
        .iter()
        .find_map(|(manager, arguments)| {
            run(Command::new(manager).args(*arguments).env("DEBIAN_FRONTEND", "noninteractive"))
        })
        .map(|_| ())
}

/// Whom to run as, when we are root.
fn unprivileged_user() -> Option<String> {
    let id = |user: &[&str]| run(Command::new("id").arg("-u").args(user));
    if id(&[]).as_deref() != Some("0") {
        return None;
    }
    ["postgres", "nobody"].into_iter().find(|user| id(&[user]).is_some()).map(str::to_owned)
}

/// A shell as another user, with whichever program there is for that.
fn become_user(user: &str) -> Command {
    let group = run(Command::new("id").args(["-gn", user])).unwrap_or_else(|| user.to_owned());
    let mut command;
    if run(Command::new("setpriv").arg("--version")).is_some() {
        command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", &group, "--clear-groups", "sh"]);
    } else if run(Command::new("runuser").arg("--version")).is_some() {
        command = Command::new("runuser");
        command.args(["-u", user, "--", "sh"]);
    } else {
        command = Command::new("su");
        command.args([user, "-s", "/bin/sh"]);
    }
    command
}

/// What a program prints, if it exists and ends well.
fn run(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A port that was free just now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound port has an address").port()
}
