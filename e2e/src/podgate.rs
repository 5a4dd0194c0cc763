//! The real `podgate serve`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::apiserver::free_port;
use crate::certificates::Pair;
use crate::kubectl::Kubectl;
use crate::poll::wait_for;
use crate::process::{End, Place, Process};

/// Where the certificate comes from.
#[derive(Debug)]
pub(crate) enum Serving {
    /// Files of the test's.
    Files(Pair),
    /// Podgate makes it.
    Managed,
}

/// One running Podgate, with its own policies and ports.
#[derive(Debug)]
pub struct Podgate {
    folder: PathBuf,
    serving: Serving,
    /// How to get into the cluster, for one that does.
    kubeconfig: Option<PathBuf>,
    /// Further arguments.
    arguments: Vec<String>,
    port: u16,
    admin_port: u16,
    process: Option<Process>,
}

impl Podgate {
    /// Writes `policies`, one file each, into `folder`, and picks the ports.
    pub(crate) fn prepare(folder: &Path, serving: Serving, policies: &[&str]) -> Result<Self> {
        let policy_folder = folder.join("policies");
        fs::create_dir(&policy_folder)?;
        for (number, policy) in policies.iter().enumerate() {
            fs::write(policy_folder.join(format!("policy-{number}.yaml")), policy)?;
        }
        let (port, admin_port) = (free_port()?, free_port()?);
        Ok(Self {
            folder: folder.to_owned(),
            serving,
            kubeconfig: None,
            arguments: Vec::new(),
            port,
            admin_port,
            process: None,
        })
    }

    /// Lets it into the cluster, with these arguments beside the usual ones.
    #[must_use]
    pub(crate) fn in_cluster(mut self, kubeconfig: &Path, arguments: &[&str]) -> Self {
        self.kubeconfig = Some(kubeconfig.to_owned());
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self
    }

    /// The port of the webhook.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends Podgate the way a node ends a container, and tells how it ended.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.take().context("podgate is not running")?.stop()
    }

    /// Its policy files, by name.
    pub(crate) fn policy_files(&self) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.folder.join("policies"))? {
            let path = entry?.path();
            let name =
                path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path)?);
        }
        Ok(files)
    }

    /// Starts Podgate again, on the same ports, with the same policies, and returns once it is ready.
    pub fn resume(&mut self) -> Result<()> {
        self.launch()?;
        self.until_ready()
    }

    /// Returns once it is ready.
    pub fn until_ready(&mut self) -> Result<()> {
        wait_for("podgate to be ready", Duration::from_secs(30), || {
            if let Some(process) = &mut self.process {
                process.still_runs()?;
            }
            Ok(self.admin("/readyz").ok().filter(|(code, _)| *code == 200))
        })
        .with_context(|| self.log_end())
        .map(drop)
    }

    /// Starts Podgate and does not wait for it.
    pub fn launch(&mut self) -> Result<()> {
        let binary = binary()?;
        let (webhook, admin) =
            (format!("127.0.0.1:{}", self.port), format!("127.0.0.1:{}", self.admin_port));
        let policies = self.folder.join("policies");
        let kubeconfig = self.kubeconfig.as_deref().map_or_else(
            // None, wherever the test runs.
            || "KUBECONFIG=/nowhere".to_owned(),
            |path| format!("KUBECONFIG={}", path.display()),
        );
        let mut command: Vec<&OsStr> = vec![
            "env".as_ref(),
            kubeconfig.as_ref(),
            binary.as_os_str(),
            "serve".as_ref(),
            "--policies".as_ref(),
            policies.as_os_str(),
            "--listen".as_ref(),
            webhook.as_ref(),
            "--admin-listen".as_ref(),
            admin.as_ref(),
            // What was found harmless is recorded too, or nothing could be said about it.
            "--record=all".as_ref(),
            // Files are looked at often, and the end is at once: tests wait for both.
            "--policy-poll=100ms".as_ref(),
            "--certificate-poll=100ms".as_ref(),
            "--shutdown-grace=0s".as_ref(),
        ];
        match &self.serving {
            Serving::Files(pair) => command.extend([
                "--tls-cert".as_ref(),
                pair.certificate.as_os_str(),
                "--tls-key".as_ref(),
                pair.key.as_os_str(),
            ]),
            Serving::Managed => command.push("--tls-managed".as_ref()),
        }
        command.extend(self.arguments.iter().map(AsRef::<OsStr>::as_ref));
        self.process =
            Some(Process::start("podgate", End::Term, Place::here(&self.folder), &command)?);
        Ok(())
    }

    /// Puts `policy` in the place of the one that was given as number `number`.
    pub fn replace_policy(&self, number: usize, policy: &str) -> Result<()> {
        replace(&self.folder.join(format!("policies/policy-{number}.yaml")), policy.as_bytes())
    }

    /// Puts another certificate in the place of the one that is served.
    pub(crate) fn replace_certificate(&self, pair: &Pair) -> Result<()> {
        let Serving::Files(serving) = &self.serving else {
            anyhow::bail!("podgate makes its certificate itself")
        };
        replace(&serving.certificate, &fs::read(&pair.certificate)?)?;
        replace(&serving.key, &fs::read(&pair.key)?)
    }

    /// The decision records on Podgate's standard output so far, in the order they were written.
    pub fn records(&self) -> Result<Vec<Value>> {
        let path = self.folder.join("podgate.out");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        // What follows the last newline is still being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let record = |line: &str| {
            serde_json::from_str(line).with_context(|| format!("podgate wrote no record: {line}"))
        };
        let mut records = whole.lines().map(record).collect::<Result<Vec<Value>>>()?;
        records.retain(|record| record["schema"] == "podgate.dev/decision/v1");
        Ok(records)
    }

    /// The one record of the decision `id`, which a thread of its own writes soon after the answer.
    pub fn record(&self, id: &str) -> Result<Value> {
        let what = format!("the record of decision {id}");
        let mut records = wait_for(&what, Duration::from_secs(5), || {
            let mut records = self.records()?;
            records.retain(|record| record["decisionId"] == id);
            Ok((!records.is_empty()).then_some(records))
        })?;
        ensure!(records.len() == 1, "{} records of decision {id}:\n{records:#?}", records.len());
        records.pop().context("one record")
    }

    /// Everything Podgate wrote so far, to either stream.
    pub fn output(&self) -> Result<String> {
        let read = |name| {
            fs::read_to_string(self.folder.join(name)).with_context(|| format!("reading {name}"))
        };
        Ok(read("podgate.out")? + &read("podgate.err")?)
    }

    /// Code and body of a page on the admin port.
    pub fn admin(&self, path: &str) -> Result<(u16, String)> {
        get(self.admin_port, path)
    }

    /// The value of one series of the metrics, such as `podgate_policies{state="active"}`; zero where it is not there.
    pub fn metric(&self, series: &str) -> Result<u64> {
        let (code, text) = self.admin("/metrics")?;
        ensure!(code == 200, "the metrics are answered with {code}: {text}");
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(Ok(0), |value| value.parse().with_context(|| format!("{series} is {value}")))
    }

    /// The end of what Podgate wrote.
    pub fn log_end(&self) -> String {
        self.process
            .as_ref()
            .map_or_else(|| "podgate is not running\n".to_owned(), Process::log_end)
    }
}

/// What `podgate check -o json` says of `manifests`, given on its standard input.
pub fn check(arguments: &[&str], manifests: &str) -> Result<Vec<Value>> {
    let output = run_check(&[arguments, &["-o", "json", "-"]].concat(), manifests)?;
    let said = || String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).with_context(|| format!("podgate check: {}", said()))
}

/// Whether `policies` are a complete set together, asked of `podgate check`.
pub fn compiles(policies: &[&str]) -> Result<()> {
    let folder = env::temp_dir().join(format!("podgate-e2e-policies-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    for (number, policy) in policies.iter().enumerate() {
        fs::write(folder.join(format!("policy-{number}.yaml")), policy)?;
    }
    let pod = "{apiVersion: v1, kind: ConfigMap, metadata: {name: no-pod}}";
    let path = folder.to_str().context("a temporary folder has a plain name")?;
    let output = run_check(&["-", "--policies", path], pod);
    fs::remove_dir_all(&folder)?;
    let output = output?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn run_check(arguments: &[&str], input: &str) -> Result<std::process::Output> {
    run(&[&["check"], arguments].concat(), Path::new("/dev/null"), input)
}

/// Runs podgate to its end, with the cluster that `kubeconfig` names and `input` on its standard input.
pub fn run(arguments: &[&str], kubeconfig: &Path, input: &str) -> Result<std::process::Output> {
    let mut child = Command::new(binary()?)
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("podgate has a standard input")?;
    // A command that reads nothing may have ended before.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Ok(child.wait_with_output()?)
}

/// The folders of podgate and of `kubectl`, for a shell.
pub fn programs(kubectl: &Kubectl) -> Result<Vec<PathBuf>> {
    let folder = |program: &Path| Some(program.parent()?.to_owned());
    let folders = [binary()?, kubectl.binary()].map(folder);
    folders.into_iter().collect::<Option<_>>().context("a program is in a folder")
}

/// By a rename, so that nobody reads half a file.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)?;
    fs::rename(&new, path).with_context(|| format!("replacing {}", path.display()))
}

/// Code and body of a page of a plain port of this machine.
pub fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an HTTP answer has a head")?;
    let code = head.split(' ').nth(1).context("a status line has a code")?.parse()?;
    Ok((code, body.to_owned()))
}

/// `PODGATE_BIN`, or the binary of this workspace, built on demand: cargo knows best whether it is up to date.
pub(crate) fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| {
        let given = env::var_os("PODGATE_BIN").map(PathBuf::from);
        given.map_or_else(build, Ok).map_err(|error| format!("{error:#}"))
    });
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--package",
            "podgate",
            "--bin",
            "podgate",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo build failed ({})", output.status);
    let messages = String::from_utf8(output.stdout)?;
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "podgate")
            .then(|| message["executable"].as_str().map(PathBuf::from))?
    };
    messages.lines().find_map(executable).context("cargo build names the binary it built")
}
