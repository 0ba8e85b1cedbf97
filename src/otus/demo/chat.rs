//! The conversation: what is typed goes to the emulated Slack, what happens there is shown.

use super::{
    screen::Screen,
    view::{View, picture},
    world::{CHANNEL, COLLEAGUE, PERSON, World},
};
use crate::run::Instance;
use otus_core::operations::{OperationFilter, State};
use otus_emulators::slack::{Ts, What, Workspace};
use std::{
    collections::HashMap,
    io::{BufRead as _, IsTerminal as _, Write},
    path::PathBuf,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

/// How long one thing that was said may take to its end: a deploy's own deadline is a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long nothing must happen before all is said to be over.
const CALM: Duration = Duration::from_millis(250);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct Chat<'a, W> {
    world: &'a World,
    robot: &'a Instance,
    screen: Screen<W>,
    folder: PathBuf,
    /// The journal up to here is shown.
    seen: u64,
    /// Files by id, as they are shown.
    pictures: HashMap<String, Vec<String>>,
    /// A button that asked a question, which pressing again answers.
    asked: Option<usize>,
    /// How many of the robot's tasks are always there.
    resting: usize,
}

/// What a line that was typed means.
#[derive(Debug, PartialEq, Eq)]
enum Typed<'a> {
    Nothing,
    Leave,
    Press(usize),
    Aside(&'a str),
    Say(&'a str),
}

impl<'a> Typed<'a> {
    fn of(line: &'a str) -> Self {
        let line = line.trim();
        match line {
            "" => return Self::Nothing,
            "quit" | "exit" => return Self::Leave,
            _ => {}
        }
        if let Some(number) = line
            .strip_prefix('!')
            .and_then(|number| number.trim().parse().ok())
        {
            return Self::Press(number);
        }
        match line.strip_prefix("> ") {
            Some(words) => Self::Aside(words.trim()),
            None => Self::Say(line),
        }
    }
}

impl<'a, W: Write> Chat<'a, W> {
    pub(super) fn new(world: &'a World, robot: &'a Instance, screen: Screen<W>, folder: PathBuf) -> Self {
        Self {
            world,
            robot,
            screen,
            folder,
            seen: world.slack.journal(0).last().map_or(0, |entry| entry.n),
            pictures: HashMap::new(),
            asked: None,
            resting: usize::MAX,
        }
    }

    /// Until the person leaves; with `stays`, the end of what is typed is not yet that.
    pub(super) async fn talk(&mut self, stays: bool) -> anyhow::Result<bool> {
        let person = std::io::stdin().is_terminal();
        let mut lines = typed_lines();
        let mut last = None;
        let stop = crate::run::signals();
        loop {
            tokio::select! {
                // Reading the journal and the lines both survive being dropped half-way.
                () = news(&self.world.slack, self.seen) => self.catch_up(),
                line = lines.recv() => match line {
                    Some(line) => {
                        self.screen.typed();
                        let (who, line) = speaker(&line);
                        match Typed::of(line) {
                            Typed::Leave => return Ok(true),
                            typed => last = self.act(who, typed)?.or(last),
                        }
                    }
                    None if stays => return Ok(self.stay().await),
                    None if person => return Ok(true),
                    // A script that was piped in is answered before the demo ends.
                    None => return Ok(self.until_over(last).await),
                },
                () = stop.cancelled() => return Ok(true),
            }
        }
    }

    /// Shows what happens, until a signal.
    pub(super) async fn stay(&mut self) -> bool {
        let stop = crate::run::signals();
        loop {
            tokio::select! {
                () = news(&self.world.slack, self.seen) => self.catch_up(),
                () = stop.cancelled() => return true,
            }
        }
    }

    /// Says the lines, each when the one before is answered.
    pub(super) async fn recite(&mut self, lines: &[String]) -> anyhow::Result<bool> {
        for line in lines {
            let (who, words) = speaker(line);
            let said = match Typed::of(words) {
                Typed::Leave => break,
                typed => self.act(who, typed)?,
            };
            if !self.until_over(said).await {
                let text = format!(
                    "`{line}` was not answered to its end within {} s.",
                    PATIENCE.as_secs()
                );
                self.screen.note(&text);
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn close(&mut self) {
        self.catch_up();
        self.screen.close();
    }

    /// Does what was typed; answers the message that waits for an answer.
    fn act(&mut self, who: &str, typed: Typed<'_>) -> anyhow::Result<Option<Expecting>> {
        let slack = &self.world.slack;
        let seen = self.seen;
        if !matches!(typed, Typed::Press(_)) {
            self.asked = None;
        }
        let expecting = match typed {
            Typed::Nothing | Typed::Leave => None,
            Typed::Say(words) => {
                let addressed = words.starts_with("@otus") || words.starts_with("/otus");
                match words.strip_prefix("/otus") {
                    Some(text) => {
                        slack.slash(who, CHANNEL, "/otus", text.trim())?;
                    }
                    None if addressed => drop(slack.say(who, CHANNEL, words)?),
                    None => drop(slack.say(who, CHANNEL, &format!("@otus {words}"))?),
                }
                Some(Expecting::Answer(seen))
            }
            Typed::Aside(words) => {
                slack.say(who, CHANNEL, words)?;
                Some(Expecting::Nothing)
            }
            Typed::Press(number) => match self.screen.button(number).cloned() {
                None => {
                    self.screen.note(&format!("there is no button !{number}"));
                    None
                }
                Some(numbered) => {
                    let question = numbered
                        .button
                        .question
                        .as_ref()
                        .filter(|_| self.asked != Some(number));
                    if let Some(question) = question {
                        self.asked = Some(number);
                        self.screen
                            .note(&format!("{question}\n`!{number}` again presses it."));
                        return Ok(None);
                    }
                    self.asked = None;
                    match slack.click(who, numbered.ts, &numbered.button.action) {
                        Ok(_) => Some(Expecting::Answer(seen)),
                        Err(_) => {
                            self.screen.note("this button is gone");
                            None
                        }
                    }
                }
            },
        };
        Ok(expecting)
    }

    /// Shows what happened since.
    fn catch_up(&mut self) {
        for entry in self.world.slack.journal(self.seen) {
            self.seen = entry.n;
            match entry.what {
                What::Posted { ts, .. } | What::Changed { ts, .. } | What::Reacted { ts, .. } => {
                    self.show(ts)
                }
                What::Deleted { ts, .. } => self.screen.forget(ts),
                _ => {}
            }
        }
    }

    fn show(&mut self, ts: Ts) {
        let view = self
            .world
            .slack
            .look(|world| Some(View::of(world.message(ts)?, world, &self.screen.zone)));
        // What is gone again has an entry of its own.
        let Some(view) = view else {
            return;
        };
        let mut pictures = Vec::new();
        for id in &view.files {
            if !self.pictures.contains_key(id) {
                let lines = self.saved(id);
                self.pictures.insert(id.clone(), lines);
            }
            pictures.extend(self.pictures[id].iter().cloned());
        }
        self.screen.show(&view, &pictures);
    }

    /// Saves a picture, and says where it is and what it shows.
    fn saved(&self, id: &str) -> Vec<String> {
        let Some(file) = self.world.slack.files().into_iter().find(|file| file.id == id) else {
            return Vec::new();
        };
        // The name comes from whoever uploaded it: only what is harmless in a path is kept.
        let name: String = file
            .name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        let path = self.folder.join(format!("{:02}-{name}", self.pictures.len() + 1));
        match std::fs::write(&path, file.content.as_deref().unwrap_or_default()) {
            Ok(()) => picture(&file, &path.display().to_string()),
            Err(error) => picture(&file, &format!("cannot be saved as {}: {error}", path.display())),
        }
    }

    /// Shows what happens until all is answered and every rollout has ended; false when that takes too long.
    async fn until_over(&mut self, expecting: Option<Expecting>) -> bool {
        let Some(expecting) = expecting else {
            self.catch_up();
            return true;
        };
        let deadline = Instant::now() + PATIENCE;
        let mut calm_since = Instant::now();
        while Instant::now() < deadline {
            let before = self.seen;
            self.catch_up();
            if self.seen != before || !self.is_over(expecting).await {
                calm_since = Instant::now();
            } else if calm_since.elapsed() >= CALM {
                return true;
            }
            let _ = timeout(LOOK, news(&self.world.slack, self.seen)).await;
        }
        false
    }

    /// Whether nothing is left to be answered or done.
    async fn is_over(&mut self, expecting: Expecting) -> bool {
        let busy = self.robot.robot().busy();
        self.resting = self.resting.min(busy);
        if busy > self.resting {
            return false;
        }
        if let Expecting::Answer(since) = expecting {
            let answered = self
                .world
                .slack
                .journal(since)
                .into_iter()
                .any(|entry| match entry.what {
                    What::Posted { ts, .. } | What::Changed { ts, .. } => self
                        .world
                        .slack
                        .message(ts)
                        .is_some_and(|message| message.from_app),
                    What::Reacted { added, .. } => added,
                    What::Responded { accepted, .. } => accepted,
                    _ => false,
                });
            if !answered {
                return false;
            }
        }
        let running = OperationFilter {
            states: vec![State::Running, State::Paused],
            limit: 1,
            ..OperationFilter::default()
        };
        let running = self.robot.robot().services().store().operations(&running).await;
        // A store that cannot be read has been told by the robot; waiting for it would not end.
        running.map_or(true, |running| running.is_empty())
    }
}

/// Who says a line: the person at the keyboard, or the colleague when it begins with their name (`bob: approve`).
fn speaker(line: &str) -> (&'static str, &str) {
    let said = line.trim_start();
    match said.get(..COLLEAGUE.len()) {
        Some(name) if name.eq_ignore_ascii_case(COLLEAGUE) => match said[COLLEAGUE.len()..].strip_prefix(':')
        {
            Some(words) => (COLLEAGUE, words),
            None => (PERSON, line),
        },
        _ => (PERSON, line),
    }
}

/// What the person waits for.
#[derive(Debug, Clone, Copy)]
enum Expecting {
    /// An answer, in the journal after this entry.
    Answer(u64),
    /// Nothing in particular.
    Nothing,
}

/// Waits until the journal has more than this.
async fn news(slack: &Workspace, seen: u64) {
    let mut entries = 0;
    let found = slack.wait_for_entry(Duration::from_secs(3_600), |_| {
        entries += 1;
        (entries > seen).then_some(())
    });
    if found.await.is_err() {
        // Nothing for an hour; looks again.
        sleep(LOOK).await;
    }
}

/// The lines of the standard input, read by a thread of their own: it cannot be waited for otherwise.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_what_the_banner_says() {
        for (line, meant) in [
            ("  ", Typed::Nothing),
            ("quit", Typed::Leave),
            ("!12", Typed::Press(12)),
            ("!x", Typed::Say("!x")),
            ("> ship it", Typed::Aside("ship it")),
            (" deploy api ", Typed::Say("deploy api")),
        ] {
            assert_eq!(Typed::of(line), meant, "{line:?}");
        }
        for (line, who, words) in [
            ("bob: !1", COLLEAGUE, " !1"),
            (" Bob:approve", COLLEAGUE, "approve"),
            ("bobby: hello", PERSON, "bobby: hello"),
            ("bob is here", PERSON, "bob is here"),
            ("böb: x", PERSON, "böb: x"),
        ] {
            assert_eq!(speaker(line), (who, words), "{line:?}");
        }
    }
}
