//! The console, as a process on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::apiserver::{ApiServer, free_port};
use crate::certificates::Authority;
use crate::podgate::binary;
use crate::poll::wait_for;
use crate::process::{End, Place, Process};

/// A controller that shows a store, until it is dropped.
#[derive(Debug)]
pub struct Console {
    folder: PathBuf,
    url: String,
    /// Dropped first, which ends it.
    _process: Process,
}

impl Console {
    /// Has `fill` fill the store of this URL, and shows it to whoever sits at this machine.
    pub fn start(name: &str, fill: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        let folder = new_folder(name)?;
        let port = free_port()?;
        let arguments = [format!("--console=127.0.0.1:{port}")];
        let url = format!("http://127.0.0.1:{port}");
        Self::serve(folder, url, port, Path::new("/nowhere"), &arguments, fill)
    }

    /// The same over TLS, to those whom `server` knows and lets get the ledger.
    pub fn behind_sign_in(
        name: &str,
        server: &ApiServer,
        fill: impl FnOnce(&str) -> Result<()>,
    ) -> Result<Self> {
        let folder = new_folder(name)?;
        let tls = folder.join("tls");
        fs::create_dir_all(&tls)?;
        // Under this name the files are those that `--ledger-tls` looks for.
        let _ = Authority::new(&tls)?.server("tls")?;
        let port = free_port()?;
        // On loopback nobody would be asked who they are.
        let arguments =
            [format!("--console=0.0.0.0:{port}"), format!("--ledger-tls={}", tls.display())];
        let url = format!("https://localhost:{port}");
        Self::serve(folder, url, port, server.kubectl().kubeconfig(), &arguments, fill)
    }

    fn serve(
        folder: PathBuf,
        url: String,
        port: u16,
        kubeconfig: &Path,
        arguments: &[String],
        fill: impl FnOnce(&str) -> Result<()>,
    ) -> Result<Self> {
        let store = format!("sqlite:{}", folder.join("ledger.db").display());
        fill(&store)?;
        let admin = format!("--admin-listen=127.0.0.1:{}", free_port()?);
        let kubeconfig = format!("KUBECONFIG={}", kubeconfig.display());
        let binary = binary()?.display().to_string();
        let command =
            ["env", &kubeconfig, &binary, "serve", "--role=controller", "--ledger", &store, &admin];
        let command: Vec<&str> =
            command.into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let place = Place { scratch: Some(&folder), ..Place::here(&folder) };
        let mut process = Process::start("console", End::Kill, place, &command)?;
        wait_for("the console to listen", Duration::from_secs(20), || {
            process.still_runs()?;
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
        })?;
        Ok(Self { folder, url, _process: process })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder for what a test writes; it goes with the console.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn new_folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("podgate-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
