//! Purpose: what a registry reads from files: settings, passwords, a certificate.

use crate::real::process::{self, installed};
use anyhow::{Context, ensure};
use serde_json::json;
use std::{io::Write as _, path::PathBuf, process::Stdio};

/// The folder they are in.
#[derive(Debug)]
pub(super) struct Folder(process::Folder);

impl Folder {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self(process::Folder::new("registry")?))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn passwords(&self) -> PathBuf {
        self.file("htpasswd")
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.file("certificate.pem")
    }

    pub(super) fn make_certificate(&self) -> anyhow::Result<()> {
        let done = installed("openssl", "openssl", |program| {
            program
                .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=registry"])
                .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                .args(["-addext", "subjectAltName=IP:127.0.0.1"])
                .arg("-keyout")
                .arg(self.file("key.pem"))
                .arg("-out")
                .arg(self.certificate())
                .output()
        })?;
        ensure!(
            done.status.success(),
            "openssl: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    /// JSON is YAML, and needs no thought about what is in a path.
    pub(super) fn settings(&self, host: &str, asks: bool, tls: bool) -> anyhow::Result<String> {
        let mut settings = json!({
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": self.file("data")}, "delete": {"enabled": true}},
            "http": {"addr": host},
        });
        if tls {
            settings["http"]["tls"] = json!({"certificate": self.certificate(), "key": self.file("key.pem")});
        }
        if asks {
            settings["auth"] = json!({"htpasswd": {"realm": "registry", "path": self.passwords()}});
        }
        Ok(serde_json::to_string(&settings)?)
    }

    /// The registry reads the file again when it has changed, and knows passwords by bcrypt only.
    pub(super) fn write_login(&self, user: &str, password: &str) -> anyhow::Result<()> {
        let mut child = installed("htpasswd", "apache2-utils", |program| {
            program
                .args(["-n", "-i", "-B", "-C", "4", user])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
        })?;
        let stdin = child.stdin.take().context("htpasswd has no standard input")?;
        writeln!(&stdin, "{password}")?;
        drop(stdin);
        let done = child.wait_with_output()?;
        ensure!(done.status.success(), "htpasswd ended with {}", done.status);
        // In one step, so that the registry never reads half a file.
        let new = self.file("htpasswd.new");
        std::fs::write(&new, done.stdout)?;
        Ok(std::fs::rename(new, self.passwords())?)
    }
}
