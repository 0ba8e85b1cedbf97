//! Running an executable: a process of its own in a process group of its own, without Otus' environment, with a limit on its memory,
//! its time and what it says. Whatever it began ends with it.

use crate::{describe::Described, settings::Settings, talk};
use otus::{Context, Result};
use serde_json::{Map, Value};
use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

/// So much of what it says to its log is kept: the end.
const LOGGED: u64 = 4 * 1024;

/// Sets the limit of addresses, then becomes the executable. A shell is what can do that without anything unsafe in here.
const LIMITED: &str = "ulimit -v \"$0\" 2>/dev/null; exec \"$@\"";

fn command(file: &Path, settings: &Settings) -> std::process::Command {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mut command = if cfg!(unix) {
        let mut command = std::process::Command::new("/bin/sh");
        let kilobytes = settings.memory_mb.saturating_mul(1024).to_string();
        command.arg("-c").arg(LIMITED).arg(kilobytes).arg(&file);
        command
    } else {
        std::process::Command::new(&file)
    };
    command.env_clear();
    for name in ["PATH", "LANG", "HOME", "SYSTEMROOT"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.envs(&settings.env);
    if let Some(folder) = file.parent() {
        command.current_dir(folder);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Ends a process and all that it began.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self
            .0
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw)
        {
            // It may be over already.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Asks an executable what it is, before there is a robot: the line it answers.
pub(crate) fn ask(file: &Path, settings: &Settings, patience: Duration) -> Result<String, String> {
    let mut child = command(file, settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be run: {error}"))?;
    let _group = Group(Some(child.id()));
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not listen says what it is all the same, or is found by what it does not say.
        let _ = stdin.write_all(talk::DESCRIBE.as_bytes());
    }
    let (told, answer) = std::sync::mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = stdout.take(talk::DESCRIPTION as u64).read_to_string(&mut text);
            let _ = told.send(read.map(|_| text));
        });
    }
    let until = Instant::now() + patience;
    let text = match answer.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(format!("describes itself in what is no UTF-8: {error}")),
        Err(_) => {
            return Err(format!(
                "did not say within {} s what it is, and ended",
                patience.as_secs()
            ));
        }
    };
    // Its output is closed, so it ends; the group sees to it that it does.
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.map(str::to_owned)
        .ok_or_else(|| "said nothing when it was asked what it is".to_owned())
}

/// Runs it for one message.
pub(crate) async fn run(
    cx: &Context,
    described: &Described,
    file: &Path,
    settings: &Settings,
    arguments: Map<String, Value>,
) -> Result {
    let mut child = Command::from(command(file, settings))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| anyhow::anyhow!("{} cannot be run: {error}", file.display()))?;
    // When this is dropped (its deadline, the robot's end, an error) so is all that it began.
    let group = Group(child.id());
    let asked = talk::request(cx, described, arguments).await;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not listen has closed it.
        let _ = stdin.write_all(format!("{asked}\n").as_bytes()).await;
    }
    let errors = child.stderr.take();
    let logged = tokio::spawn(async move {
        let mut end = Vec::new();
        if let Some(mut errors) = errors {
            let mut piece = [0; 1024];
            while let Ok(read @ 1..) = errors.read(&mut piece).await {
                end.extend_from_slice(&piece[..read]);
                let over = end
                    .len()
                    .saturating_sub(usize::try_from(LOGGED).unwrap_or(usize::MAX));
                end.drain(..over);
            }
        }
        String::from_utf8_lossy(&end).trim().to_owned()
    });
    let said = match child.stdout.take() {
        Some(stdout) => talk::listen(cx, BufReader::new(stdout), settings.most()).await,
        None => Ok(()),
    };
    if said.is_err() {
        drop(group);
        let _ = child.wait().await;
        return said;
    }
    let status = child.wait().await?;
    drop(group);
    let logged = logged.await.unwrap_or_default();
    let logged = otus::secrets::redact(&logged);
    if !status.success() {
        let file = file.display();
        anyhow::bail!("{file} ended with {status}; the end of its log: {logged}");
    }
    if !logged.is_empty() {
        tracing::info!(file = %file.display(), log = %logged, "an executable said to its log");
    }
    Ok(())
}
