//! A Postgres of our own, from Debian's packages, in a folder that goes with it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::poll::wait_for;
use crate::process::{End, Place, Process};

/// The account that Debian's package makes: Postgres refuses to run as root.
const ACCOUNT: &str = "postgres";

/// A server that listens on a socket in its own folder, and nowhere else.
#[derive(Debug)]
pub struct Postgres {
    dir: PathBuf,
    programs: PathBuf,
    /// Dropped first, which ends it and removes the folder.
    _server: Process,
}

impl Postgres {
    /// Makes a cluster of databases in a new folder and starts a server on it.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        // A socket's path may have a hundred bytes, which a target folder's may be too long for.
        let dir = std::env::temp_dir().join(format!("podgate-postgres-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        if is_root()? {
            chown(&dir, Some(id("-u")?), Some(id("-g")?))?;
        }
        let data = dir.join("data").display().to_string();
        let made = as_account(&programs.join("initdb").display().to_string())?
            .args([
                "--pgdata",
                &data,
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
                "--username",
                ACCOUNT,
            ])
            .current_dir(&dir)
            .output()
            .context("cannot run initdb")?;
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let socket = dir.display().to_string();
        let server = as_account(&programs.join("postgres").display().to_string())?;
        let mut command = vec![server.get_program().to_owned()];
        command.extend(server.get_args().map(ToOwned::to_owned));
        let settings = ["-D", &data, "-k", &socket, "-c", "listen_addresses=", "-c", "fsync=off"];
        command.extend(settings.map(Into::into));
        let place = Place { scratch: Some(&dir), ..Place::here(&dir) };
        let mut server = Process::start("postgres", End::Kill, place, &command)?;
        wait_for("Postgres to answer", Duration::from_mins(1), || {
            server.still_runs()?;
            Ok(query(&programs, &socket, "postgres", "SELECT 1").is_ok().then_some(()))
        })?;
        Ok(Self { dir, programs, _server: server })
    }

    /// The URL of a new, empty database.
    pub fn database(&self, name: &str) -> Result<String> {
        self.query("postgres", &format!("CREATE DATABASE {name}"))?;
        let socket = self.dir.display().to_string().replace('/', "%2F");
        Ok(format!("postgres://{ACCOUNT}@{socket}/{name}"))
    }

    /// What `psql` prints for a statement.
    pub fn query(&self, database: &str, statement: &str) -> Result<String> {
        query(&self.programs, &self.dir.display().to_string(), database, statement)
    }
}

fn query(
    programs: &std::path::Path,
    socket: &str,
    database: &str,
    statement: &str,
) -> Result<String> {
    let said = Command::new(programs.join("psql"))
        .args([
            "--host",
            socket,
            "--username",
            ACCOUNT,
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
        ])
        .args(["--command", statement, database])
        .output()
        .context("cannot run psql")?;
    ensure!(said.status.success(), "psql: {}", String::from_utf8_lossy(&said.stderr));
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}

/// The command that runs a program as Postgres's account, where we are root.
fn as_account(program: &str) -> Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    let (user, group) = (id("-u")?, id("-g")?);
    command.args([
        format!("--reuid={user}"),
        format!("--regid={group}"),
        "--clear-groups".to_owned(),
    ]);
    command.arg(program);
    Ok(command)
}

/// Where Debian puts the programs of the newest version that is installed.
fn programs() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    match versions.pop() {
        Some((_, path)) => Ok(path),
        None => bail!("Postgres is not installed: e2e/setup.sh postgres installs it"),
    }
}

fn is_root() -> Result<bool> {
    let id = Command::new("id").arg("-u").output()?;
    Ok(id.stdout.trim_ascii() == b"0")
}

fn id(what: &str) -> Result<u32> {
    let id = Command::new("id").args([what, ACCOUNT]).output()?;
    String::from_utf8(id.stdout)?.trim().parse().with_context(|| format!("no account {ACCOUNT}"))
}
