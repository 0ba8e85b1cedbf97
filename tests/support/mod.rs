//! The program as a child process: started with a folder of its own, watched through what it prints, ended with the test.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long anything may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A running `otus`. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    folder: tempfile::TempDir,
}

/// What is given to a program before it starts.
#[derive(Default)]
pub(crate) struct Start<'a> {
    /// The content of `config/local.toml` in the folder it starts in.
    pub(crate) config: &'a str,
    /// Environment variables.
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// What is typed, to the end; nothing when empty.
    pub(crate) typed: &'a str,
}

impl Program {
    /// Starts `otus` with these arguments in a new folder.
    pub(crate) fn start(args: &[&str], start: &Start<'_>) -> Self {
        Self::begin(args, start, false)
    }

    /// Starts it with the home of whoever runs the test, where a compiler is.
    pub(crate) fn start_at_home(args: &[&str], start: &Start<'_>) -> Self {
        Self::begin(args, start, true)
    }

    fn begin(args: &[&str], start: &Start<'_>, at_home: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("config")).unwrap();
        if !start.config.is_empty() {
            std::fs::write(folder.path().join("config/local.toml"), start.config).unwrap();
        }
        std::fs::write(folder.path().join("typed"), start.typed).unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_otus"));
        command
            .args(args)
            .current_dir(folder.path())
            .env_remove("KUBECONFIG")
            .stdin(File::open(folder.path().join("typed")).unwrap())
            .stdout(Stdio::from(file("stdout")))
            .stderr(Stdio::from(file("stderr")));
        if !at_home {
            command.env("HOME", folder.path());
        }
        command.envs(start.env.iter().copied());
        Self {
            child: command.spawn().unwrap(),
            folder,
        }
    }

    /// The folder it was started in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed until now.
    pub(crate) fn printed(&self) -> String {
        self.read("stdout")
    }

    /// What it logged until now.
    pub(crate) fn logged(&self) -> String {
        self.read("stderr")
    }

    fn read(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
    }

    /// Waits until something is found in what it printed (first) and logged (second).
    pub(crate) fn wait_for<T>(&mut self, mut found: impl FnMut(&str, &str) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            let ended = self.child.try_wait().unwrap();
            if let Some(found) = found(&self.printed(), &self.logged()) {
                return found;
            }
            let why = match ended {
                Some(status) => format!("it ended with {status}"),
                None if Instant::now() > deadline => format!("not within {SOON:?}"),
                None => {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
            };
            panic!(
                "what was waited for did not come: {why}\n{}\n{}",
                self.printed(),
                self.logged()
            );
        }
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + 2 * SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it did not end\n{}\n{}",
                self.printed(),
                self.logged()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to stop, as a supervisor does.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM")
    }

    /// Asks it to stop, as ctrl-C does.
    pub(crate) fn interrupt(&mut self) -> ExitStatus {
        self.signal("-INT")
    }

    fn signal(&mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        self.ended()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `otus` to its end: exit code, what it printed, what it logged.
pub(crate) fn run(args: &[&str], start: &Start<'_>) -> (Option<i32>, String, String) {
    let mut program = Program::start(args, start);
    let code = program.ended().code();
    (code, program.printed(), program.logged())
}
