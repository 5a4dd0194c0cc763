//! `podgate ledger key`: the key that signs checkpoints.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::exit::{self, ExitStatus};
use crate::ledger::signature::{PublicKey, Signer};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// File of the private key; made, readable by its owner alone, where it is not there
    file: PathBuf,
}

/// Prints the public key.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let path = args.file.display();
    if !args.file.try_exists().with_context(|| format!("cannot look for {path}"))? {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let write = |pem: &str| options.open(&args.file)?.write_all(pem.as_bytes());
        write(&Signer::generate()?).with_context(|| format!("cannot write {path}"))?;
    }
    let text =
        std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {path}"))?;
    let key = PublicKey::read(&text).with_context(|| format!("{path} cannot be used"))?;
    exit::print(format!("{key}\n").as_bytes())
}
