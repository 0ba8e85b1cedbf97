//! Processes in groups of their own, so that whatever one began ends with it, and so that a ctrl-C on the terminal is this program's
//! to hand on.

use std::{
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
};

/// The longest line that is kept; the rest of it is left out.
const LINE: usize = 4_000;

/// How long what was said before an end is waited for.
const HEARING: Duration = Duration::from_secs(2);

/// Hears lines.
pub(super) type Ear = Arc<dyn Fn(String) + Send + Sync>;

/// A process and all that it began. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<u32>,
    /// The tasks that read what it says.
    heard: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it, in a group of its own, with nothing to read. Who wants to know its output takes it line by line.
    pub(super) fn start(mut command: Command, out: &Ear, err: &Ear) -> std::io::Result<Self> {
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut heard = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            heard.push(tokio::spawn(lines(stdout, Arc::clone(out))));
        }
        if let Some(stderr) = child.stderr.take() {
            heard.push(tokio::spawn(lines(stderr, Arc::clone(err))));
        }
        Ok(Self {
            group: child.id(),
            child,
            heard,
        })
    }

    /// Waits until it ends by itself, and until everything it said was heard.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // What it left behind could hold its output open.
        self.signal(Signal::Kill);
        let heard = async {
            while let Some(heard) = self.heard.last_mut() {
                let _ = heard.await;
                self.heard.pop();
            }
        };
        // Somebody who left its group may go on.
        let _ = tokio::time::timeout(HEARING, heard).await;
        Ok(status)
    }

    /// Asks it to look at its configuration.
    pub(super) fn look(&mut self) {
        self.signal(Signal::Look);
    }

    /// Asks it to end; what has not ended in time is killed.
    pub(super) async fn end(mut self, patience: Duration) {
        self.signal(Signal::End);
        let _ = tokio::time::timeout(patience, self.child.wait()).await;
        // The rest of its group goes when this is dropped.
    }

    #[cfg(unix)]
    fn signal(&mut self, which: Signal) {
        use rustix::process::{Pid, Signal as S, kill_process_group};
        let signal = match which {
            Signal::Look => S::HUP,
            Signal::End => S::TERM,
            Signal::Kill => S::KILL,
        };
        let group = self.group.and_then(|group| i32::try_from(group).ok());
        if let Some(group) = group.and_then(Pid::from_raw) {
            // It may be over already.
            let _ = kill_process_group(group, signal);
        }
    }

    #[cfg(not(unix))]
    fn signal(&mut self, which: Signal) {
        if !matches!(which, Signal::Look) {
            let _ = self.child.start_kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
    }
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Look,
    End,
    Kill,
}

async fn lines(from: impl AsyncRead + Unpin, ear: Ear) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match from.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        ear(text.chars().take(LINE).collect());
    }
}

/// Hears each wish that this program ends: a ctrl-C, a supervisor's, a terminal that is closed.
pub(super) fn wishes() -> mpsc::Receiver<()> {
    let (tell, told) = mpsc::channel(4);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        for kind in [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ] {
            // One that cannot be listened to keeps its ordinary effect.
            let Ok(mut signals) = signal(kind) else { continue };
            let tell = tell.clone();
            tokio::spawn(
                async move { while signals.recv().await.is_some() && tell.send(()).await.is_ok() {} },
            );
        }
    }
    #[cfg(not(unix))]
    tokio::spawn(
        async move { while tokio::signal::ctrl_c().await.is_ok() && tell.send(()).await.is_ok() {} },
    );
    told
}
