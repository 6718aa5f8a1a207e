//! Restate, a peer: the same saga with one remote service call per step.
//!
//! Absent here: its server, which `RESTATE_SERVER` names, and the programs `restate-worker` and
//! `restate-driver`, which the folder of peers has. docs/performance.md says how to get them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::contender::{Contender, Length, Load, Running};
use super::figures::Figures;
use super::processes::{self, Tree};
use crate::postgres::free_port;
use crate::process::{PATIENCE, Process};

/// Names the server's program.
pub const SERVER_VARIABLE: &str = "RESTATE_SERVER";
/// How long it is left alone once it knows its worker: it is still electing leaders.
const SETTLE: Duration = Duration::from_secs(3);

/// Where its programs are.
#[derive(Debug, Clone)]
pub struct Restate {
    server: PathBuf,
    programs: PathBuf,
    /// What the server says it is.
    name: String,
}

impl Restate {
    /// Finds its programs; the error says what is missing.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn find(peers: Option<&Path>) -> anyhow::Result<Self> {
        let server = std::env::var_os(SERVER_VARIABLE).map(PathBuf::from);
        let server = server.with_context(|| format!("{SERVER_VARIABLE} does not name its server"))?;
        let peers = peers.context("--peers does not name the folder of the peers' programs")?;
        let folders = ["rust/target/release", "target/release", ""].map(|folder| peers.join(folder));
        let has_all = |folder: &&PathBuf| {
            ["restate-worker", "restate-driver"].iter().all(|name| folder.join(name).exists())
        };
        let programs = folders.iter().find(has_all).cloned();
        // These sentences go into the document: no path of this machine is in them.
        let programs =
            programs.context("--peers names a folder without restate-worker and restate-driver")?;
        anyhow::ensure!(server.exists(), "{SERVER_VARIABLE} names a file that is not there");
        let name = version(&server);
        Ok(Self { server, programs, name })
    }
}

fn version(server: &Path) -> String {
    let said = Command::new(server).arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    said.split_whitespace()
        .last()
        .map_or_else(|| "Restate".to_owned(), |version| format!("Restate {version}"))
}

impl Contender for Restate {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn start(&self) -> anyhow::Result<Box<dyn Running>> {
        let folder = tempfile::tempdir()?;
        let [ingress, admin, node, console, tasks] = [(); 5].map(|()| free_port());
        let mut command = Command::new(&self.server);
        command.arg("--no-logo").arg("--base-dir").arg(folder.path()).current_dir(folder.path());
        for (name, value) in [
            ("DISABLE_TELEMETRY", "true".to_owned()),
            ("LISTEN_MODE", "tcp".to_owned()),
            ("BIND_IP", "127.0.0.1".to_owned()),
            ("BIND_PORT", node.to_string()),
            ("NODE_NAME", "n1".to_owned()),
            ("LOG_FILTER", "warn".to_owned()),
            ("INGRESS__BIND_PORT", ingress.to_string()),
            ("ADMIN__BIND_PORT", admin.to_string()),
            ("TOKIO_CONSOLE__BIND_PORT", console.to_string()),
        ] {
            command.env(format!("RESTATE_{name}"), value);
        }
        let server = Process::spawn(command);
        wait_until("its health", || {
            http(ingress, "GET", "/restate/health", None).is_ok()
                && http(admin, "GET", "/health", None).is_ok()
        })?;
        let mut command = Command::new(self.programs.join("restate-worker"));
        command.args(["--listen", &format!("127.0.0.1:{tasks}")]);
        let worker = Process::spawn(command);
        let deployment = json!({ "uri": format!("http://127.0.0.1:{tasks}"), "force": true });
        wait_until("its worker", || http(admin, "POST", "/deployments", Some(&deployment)).is_ok())?;
        std::thread::sleep(SETTLE);
        let driver = self.programs.join("restate-driver");
        Ok(Box::new(RunningRestate { server, worker, driver, ingress, folder }))
    }
}

struct RunningRestate {
    server: Process,
    worker: Process,
    driver: PathBuf,
    ingress: u16,
    folder: TempDir,
}

impl Running for RunningRestate {
    fn drive(&mut self, load: Load, Length { warmup, seconds }: Length) -> anyhow::Result<Figures> {
        let Load::InFlight(in_flight) = load else { anyhow::bail!("Restate's driver only has closed loops") };
        let (server, worker) = (Tree(self.server.id()), Tree(self.worker.id()));
        let usage = || {
            (
                server.cpu_us(),
                worker.cpu_us(),
                processes::ended_children_cpu_us(),
                processes::disk_bytes(self.folder.path()),
            )
        };
        let before = usage();
        let mut command = Command::new(&self.driver);
        command.args(["--url", &format!("http://127.0.0.1:{}", self.ingress)]);
        for (flag, value) in [("concurrency", u64::from(in_flight)), ("warmup", warmup), ("secs", seconds)] {
            command.arg(format!("--{flag}")).arg(value.to_string());
        }
        let report = Process::spawn(command).wait().ok().json();
        let after = usage();
        let figure = |name: &str| report[name].as_f64();
        let started = figure("started_total").unwrap_or_default().max(1.0);
        let per_saga = |before: f64, after: f64| Some((after - before) / started);
        Ok(Figures {
            per_second: figure("per_s").unwrap_or_default(),
            p50_ms: figure("p50_ms"),
            p90_ms: None,
            p99_ms: figure("p99_ms"),
            max_ms: figure("max_ms"),
            server_us: per_saga(before.0, after.0),
            database_us: None,
            workers_us: per_saga(before.1, after.1),
            clients_us: per_saga(before.2, after.2),
            rss_mib: Some(server.rss_mib()),
            disk_bytes: per_saga(before.3, after.3),
            finished: figure("sagas").unwrap_or_default(),
            errors: report["errors"].as_u64().unwrap_or_default(),
        })
    }
}

fn wait_until(what: &str, reached: impl Fn() -> bool) -> anyhow::Result<()> {
    let since = Instant::now();
    while !reached() {
        anyhow::ensure!(since.elapsed() < PATIENCE, "waited in vain for Restate: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// One request to a port of this machine; an error unless it is answered with success.
fn http(port: u16, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = [0; 16];
    stream.read_exact(&mut answer)?;
    anyhow::ensure!(
        answer.starts_with(b"HTTP/1.1 2"),
        "expected success, found {:?}",
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}
