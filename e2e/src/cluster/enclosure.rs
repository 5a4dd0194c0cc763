//! The Linux namespaces of one node. The kernel ends what runs in them together with them, containers and mounts included.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cluster::control_group::ControlGroup;
use crate::poll::wait_for;

/// Runs outside: holds the namespaces until its standard input closes, and then removes what is no file of theirs. It does
/// so however the test process ends. `$keep` is there while a cluster that is stopped will be started again.
const HOLD: &str = r#"
scratch=$1 keep=$2 init=$3
shift 3
trap '' HUP INT TERM
exec 3<&0
unshare --net --mount --pid --fork --kill-child --mount-proc sh -c "$init" enclosure "$scratch" <&3 &
echo "$!"
exec 3<&-
wait "$!"
[ -e "$keep" ] || rm -rf "$scratch"
for group in "$@"; do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; done
"#;

/// Runs inside, as the process with whose end the kernel ends all others. As a shell that waits, it also buries the dead.
const INIT: &str = r#"
set -e
trap '' HUP INT TERM
read -r go
# Container runtimes hand mounts on to containers; none of them gets out of here.
mount --make-rshared /
# What a machine forgets over a restart, and the places that cannot be moved by a flag.
mount -t tmpfs tmpfs /run
for folder in /var/log /var/lib/cni; do
  mkdir -p "$folder" "$1$folder"
  mount --bind "$1$folder" "$folder"
done
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo ready
exec >/dev/null
cat >/dev/null
"#;

/// How long the kernel may take to end everything.
const END: Duration = Duration::from_mins(1);

/// Namespaces for processes, mounts and the network, with a link to this machine's own network.
#[derive(Debug)]
pub(crate) struct Enclosure {
    supervisor: Child,
    lifeline: Option<ChildStdin>,
    /// Whose namespaces they are.
    holder: u32,
}

impl Enclosure {
    /// Makes the namespaces. `scratch` is removed with them, unless there is a file `keep` then.
    pub(crate) fn start(
        scratch: &Path,
        keep: &Path,
        group: &ControlGroup,
        link: &Link,
    ) -> Result<Self> {
        let mut supervisor = Command::new("sh")
            .args(["-c", HOLD, "enclosure"])
            .args([scratch, keep])
            .arg(INIT)
            .args(group.folders())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("running unshare")?;
        let mut lifeline = supervisor.stdin.take().context("piped")?;
        let mut lines = BufReader::new(supervisor.stdout.take().context("piped")?).lines();
        let mut next = || lines.next().context("the namespaces could not be made")?.context("pipe");
        let holder = next()?.parse().context("the shell tells a process id")?;
        lifeline.write_all(b"go\n")?;
        ensure!(next()? == "ready", "the namespaces say that they are ready");
        let enclosure = Self { supervisor, lifeline: Some(lifeline), holder };
        link.attach(&enclosure)?;
        Ok(enclosure)
    }

    /// A command that runs `program` inside.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        // Those of the holder's children, for it did not enter the one of processes itself.
        for (option, namespace) in [("net", "net"), ("mount", "mnt"), ("pid", "pid_for_children")] {
            command.arg(format!("--{option}=/proc/{}/ns/{namespace}", self.holder));
        }
        command.arg("--").arg(program);
        command
    }

    /// Runs `program` inside, to its end.
    pub(crate) fn run(&self, program: &Path, arguments: &[&OsStr]) -> Result<()> {
        run(self.command(program).args(arguments))
    }

    /// Ends everything inside.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.lifeline = None;
        wait_for("the node's namespaces to end", END, || Ok(self.supervisor.try_wait()?))?;
        Ok(())
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        // Nothing is left to do about a process that the kernel cannot end.
        let _ = self.stop();
    }
}

/// A pair of network devices: one inside an enclosure, one out here. It goes with the enclosure.
#[derive(Debug)]
pub(crate) struct Link {
    device: String,
    /// The address inside.
    pub(crate) inside: Ipv4Addr,
    outside: Ipv4Addr,
}

impl Link {
    /// A link that this machine has not got. Its addresses are of the range for benchmarks (RFC 2544), four to a link.
    pub(crate) fn free() -> Result<Self> {
        const COUNT: u32 = 1 << 15;
        for number in (0..COUNT).map(|number| (process::id() + number) % COUNT) {
            let device = format!("podgate{number}");
            if !Path::new("/sys/class/net").join(&device).exists() {
                let first = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number * 4;
                return Ok(Self {
                    device,
                    outside: (first + 1).into(),
                    inside: (first + 2).into(),
                });
            }
        }
        bail!("no network device is free")
    }

    fn attach(&self, enclosure: &Enclosure) -> Result<()> {
        let gone = format!("the former device {} to go", self.device);
        let path = Path::new("/sys/class/net").join(&self.device);
        let ip = |line: String| run(Command::new("ip").args(line.split(' ')));
        let (device, outside) = (&self.device, self.outside);
        // A socket that still says goodbye keeps the former namespace, and with it the device. It may as well
        // go by itself while it is asked to, so only what comes of it counts.
        if path.exists() {
            let _ = ip(format!("link delete {device}"));
        }
        wait_for(&gone, END, || Ok((!path.exists()).then_some(())))?;
        ip(format!("link add {device} type veth peer name eth0 netns {}", enclosure.holder))?;
        ip(format!("address add {outside}/30 dev {device}"))?;
        ip(format!("link set {device} up"))?;
        for line in [
            format!("address add {}/30 dev eth0", self.inside),
            "link set eth0 up".to_owned(),
            format!("route add default via {outside}"),
        ] {
            run(enclosure.command("ip").args(line.split(' ')))?;
        }
        Ok(())
    }
}

/// Runs `command` to its end; a failure shows what it wrote.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Removes what the enclosure of a killed test run has left.
pub(crate) fn sweep(scratch: &Path, group: &ControlGroup) -> Result<()> {
    group.remove();
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", scratch.display()))
        }
        _ => Ok(()),
    }
}
