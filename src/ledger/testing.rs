//! What tests of records need: folders that are removed afterwards, and a line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A folder that is removed with the value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("podgate-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The line of a denial, without its newline.
pub(crate) fn denial() -> String {
    let violation =
        serde_json::json!({"policy": "gate", "rule": "privileged", "enforcement": "Deny"});
    let body = serde_json::json!({
        "boot": "b", "cluster": "c", "decision": "denied", "decisionId": "7f3k-92", "incident": "i",
        "object": {"kind": "Pod", "name": "web", "namespace": "shop"}, "operation": "CREATE", "replica": "r",
        "schema": super::record::SCHEMA, "time": "2026-11-26T10:00:00Z", "user": {"name": "ann"},
        "violations": [violation, violation],
    });
    let body = super::chain::canonical(body.as_object().unwrap()).unwrap();
    let mut line = Vec::new();
    super::chain::append(&mut line, &mut super::chain::Head::START.clone(), body.as_bytes());
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// Standard output, as a test sees it.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
