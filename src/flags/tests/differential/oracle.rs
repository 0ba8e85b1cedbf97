//! Purpose: an official evaluator as a child process that is asked by lines of JSON.

use crate::generate::Case;
use otus_flags::Bucketing;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What came of an evaluation.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Found {
    pub(crate) variant: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) error: Option<String>,
}

impl Found {
    pub(crate) fn of(variant: Option<&str>, reason: Option<&str>, error: Option<&str>) -> Self {
        Self {
            variant: variant.map(str::to_owned),
            reason: reason.map(str::to_owned),
            error: error.map(str::to_owned),
        }
    }
}

pub(crate) struct Oracle {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Oracle {
    pub(crate) fn start(bucketing: Bucketing) -> Self {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
        let (program, script, needed) = match bucketing {
            Bucketing::V2 => (
                "node".into(),
                "openfeature_js/evaluate.js",
                "openfeature_js/node_modules/@openfeature/flagd-core",
            ),
            Bucketing::V3 => (
                clients.join("openfeature_python/.venv/bin/python"),
                "openfeature_python/evaluate.py",
                "openfeature_python/.venv/installed-requirements.txt",
            ),
        };
        assert!(
            clients.join(needed).exists(),
            "OpenFeature's official clients are not installed: run tests/clients/setup.sh once"
        );
        let mut child = Command::new(program)
            .arg(clients.join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        Self { child, to, from }
    }

    pub(crate) fn ask(&mut self, document: &Value, cases: &[Case]) -> Vec<Found> {
        let cases: Vec<_> = cases
            .iter()
            .map(|case| json!({"flag": case.flag, "context": case.context, "now": case.now}))
            .collect();
        let question = json!({"document": document, "cases": cases});
        writeln!(self.to, "{question}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
