//! What was shown, and how a change of it is shown: redrawn in place on a terminal, else the new lines only.

use super::view::{Button, View};
use jiff::{Timestamp, tz::TimeZone};
use otus_emulators::slack::Ts;
use std::{
    collections::{HashMap, HashSet},
    io::Write,
};

const PROMPT: &str = "> ";

/// A button that can be pressed by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) ts: Ts,
    pub(super) button: Button,
}

/// What was shown, in order.
pub(super) struct Screen<W> {
    out: W,
    /// Whether what was shown can be redrawn.
    live: bool,
    columns: usize,
    rows: usize,
    pub(super) zone: TimeZone,
    items: Vec<Item>,
    buttons: Vec<Numbered>,
    /// What each message showed already, where nothing is redrawn.
    told: HashMap<Ts, HashSet<String>>,
}

struct Item {
    ts: Option<Ts>,
    rows: Vec<String>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, live: bool) -> Self {
        let (rows, columns) = if live { size() } else { (24, 110) };
        Self {
            out,
            live,
            columns,
            rows,
            zone: zone(),
            items: Vec::new(),
            buttons: Vec::new(),
            told: HashMap::new(),
        }
    }

    /// The button of a number.
    pub(super) fn button(&self, number: usize) -> Option<&Numbered> {
        self.buttons.get(number.checked_sub(1)?)
    }

    /// Something that is no message.
    pub(super) fn note(&mut self, text: &str) {
        let rows: Vec<String> = text.lines().map(str::to_owned).collect();
        self.append(None, rows);
    }

    /// A message, new or changed.
    pub(super) fn show(&mut self, view: &View, pictures: &[String]) {
        let lines = self.lines(view, pictures);
        if !self.live {
            self.tell(view, lines);
            return;
        }
        let rows = self.framed(view, &lines);
        let known = self.items.iter().position(|item| item.ts == Some(view.ts));
        match known {
            Some(at) if self.items[at].rows == rows => {}
            Some(at) => self.redraw(at, rows),
            None => self.append(Some(view.ts), rows),
        }
    }

    /// A message that went away.
    pub(super) fn forget(&mut self, ts: Ts) {
        match self.items.iter().position(|item| item.ts == Some(ts)) {
            Some(at) if self.live => self.redraw(at, Vec::new()),
            _ => {}
        }
    }

    /// The line somebody typed is on the screen already; the message it becomes takes its place.
    pub(super) fn typed(&mut self) {
        if self.live {
            let _ = write!(self.out, "\x1b[1A\r\x1b[J{PROMPT}");
            let _ = self.out.flush();
        }
    }

    /// Leaves the prompt.
    pub(super) fn close(&mut self) {
        if self.live {
            let _ = writeln!(self.out);
        }
    }

    fn lines(&mut self, view: &View, pictures: &[String]) -> Vec<String> {
        let mut lines = view.lines.clone();
        lines.extend_from_slice(pictures);
        if !view.buttons.is_empty() {
            let labels: Vec<String> = view
                .buttons
                .iter()
                .map(|button| format!("[!{} {}]", self.number(view.ts, button), button.label))
                .collect();
            lines.push(labels.join("  "));
        }
        lines
    }

    /// A button keeps its number as long as it is the same.
    fn number(&mut self, ts: Ts, button: &Button) -> usize {
        let numbered = Numbered {
            ts,
            button: button.clone(),
        };
        if let Some(at) = self.buttons.iter().position(|known| *known == numbered) {
            return at + 1;
        }
        self.buttons.push(numbered);
        self.buttons.len()
    }

    /// Without redrawing: who and when at first, afterwards only lines that were not told yet. A line that differs in how
    /// many seconds have gone by was told.
    fn tell(&mut self, view: &View, lines: Vec<String>) {
        let told = self.told.entry(view.ts).or_default();
        let first = told.is_empty();
        let new: Vec<String> = lines
            .into_iter()
            // At first all of it, also what it says twice.
            .filter(|line| told.insert(timeless(line)) || first)
            .collect();
        if new.is_empty() {
            return;
        }
        let rows = if first {
            self.framed(view, &new)
        } else {
            new.iter().map(|line| format!("{:14} ┆ {line}", "")).collect()
        };
        for row in rows {
            let _ = writeln!(self.out, "{row}");
        }
        let _ = self.out.flush();
    }

    /// Time and name before the first line; what is aside says so.
    fn framed(&self, view: &View, lines: &[String]) -> Vec<String> {
        let at = Timestamp::from_microsecond(i64::try_from(view.ts.micros()).unwrap_or_default())
            .unwrap_or_default();
        let head = format!(
            "{} {:5}",
            at.to_zoned(self.zone.clone()).strftime("%H:%M:%S"),
            view.author
        );
        let aside = view.aside.map(|aside| format!("({aside}) ")).unwrap_or_default();
        let mark = if view.lines.len() > 1 || !view.buttons.is_empty() {
            "┃ "
        } else {
            ""
        };
        let mut rows = Vec::new();
        for (nth, line) in lines.iter().enumerate() {
            let head = if nth == 0 { head.as_str() } else { "" };
            let aside = if nth == 0 { aside.as_str() } else { "" };
            let room = self.columns.saturating_sub(15 + mark.len()).max(20);
            for (part, piece) in wrapped(&format!("{aside}{line}"), room, self.live)
                .into_iter()
                .enumerate()
            {
                let head = if part == 0 { head } else { "" };
                rows.push(format!("{head:14} {mark}{piece}"));
            }
        }
        rows
    }

    fn append(&mut self, ts: Option<Ts>, rows: Vec<String>) {
        if self.live {
            let _ = write!(self.out, "\r\x1b[J");
        }
        for row in &rows {
            let _ = writeln!(self.out, "{row}");
        }
        if self.live {
            let _ = write!(self.out, "{PROMPT}");
        }
        let _ = self.out.flush();
        self.items.push(Item { ts, rows });
    }

    /// Draws an item anew with all below it; one that has left the window is shown again at the end.
    fn redraw(&mut self, at: usize, rows: Vec<String>) {
        let below: usize = self.items[at..].iter().map(|item| item.rows.len()).sum();
        if below + 1 >= self.rows {
            let ts = self.items[at].ts.take();
            if !rows.is_empty() {
                self.append(ts, rows);
            }
            return;
        }
        self.items[at].rows = rows;
        if below > 0 {
            let _ = write!(self.out, "\x1b[{below}A");
        }
        let _ = write!(self.out, "\r\x1b[J");
        for row in self.items[at..].iter().flat_map(|item| &item.rows) {
            let _ = writeln!(self.out, "{row}");
        }
        let _ = write!(self.out, "{PROMPT}");
        let _ = self.out.flush();
    }
}

/// A line without its numbers of seconds.
fn timeless(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for word in line.split(' ') {
        let number = word.trim_end_matches(['.', ',', ')', 's']);
        let counts = number.starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let seconds = counts && word[number.len()..].starts_with('s');
        out.push_str(if seconds { "#" } else { word });
        out.push(' ');
    }
    out
}

/// A line in pieces that fit; whole when nothing is redrawn, so that it can be searched.
fn wrapped(line: &str, room: usize, live: bool) -> Vec<String> {
    if !live || width(line) <= room {
        return vec![line.to_owned()];
    }
    let mut pieces = vec![String::new()];
    for word in line.split_inclusive(' ') {
        // There is always a piece: the first is there from the beginning.
        let full = pieces
            .last()
            .is_some_and(|piece| !piece.is_empty() && width(piece) + width(word.trim_end()) > room);
        if full {
            pieces.push(String::new());
        }
        for c in word.chars() {
            if pieces.last().is_some_and(|piece| width(piece) >= room) {
                if c == ' ' {
                    continue;
                }
                pieces.push(String::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(c);
            }
        }
    }
    pieces
}

/// How many columns a text takes: pictographs take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x200b..=0x200f | 0xfe00..=0xfe0f | 0x0300..=0x036f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xff00..=0xff60 | 0x1f300..=0x1faff => 2,
            0x231a..=0x231b | 0x23e9..=0x23f3 | 0x26a0..=0x26a1 | 0x2705 | 0x274c | 0x2b50 => 2,
            _ => 1,
        })
        .sum()
}

/// The window's size, as `stty` knows it.
fn size() -> (usize, usize) {
    let asked = std::process::Command::new("stty")
        .arg("size")
        .stdin(std::process::Stdio::inherit())
        .stderr(std::process::Stdio::null())
        .output();
    let text = asked
        .map(|asked| String::from_utf8_lossy(&asked.stdout).into_owned())
        .unwrap_or_default();
    let mut numbers = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .filter(|number| *number > 4);
    (numbers.next().unwrap_or(24), numbers.next().unwrap_or(80))
}

/// The zone of the person's clock.
fn zone() -> TimeZone {
    let named = std::env::var("TZ").ok();
    let linked = || {
        let link = std::fs::read_link("/etc/localtime").ok()?;
        let link = link.to_string_lossy().into_owned();
        Some(link.split_once("zoneinfo/")?.1.to_owned())
    };
    named
        .or_else(linked)
        .and_then(|name| TimeZone::get(name.trim_start_matches(':')).ok())
        .unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_emulators::slack::{Options, Workspace};

    fn view(ts: Ts, lines: &[&str]) -> View {
        View {
            ts,
            author: "otus".into(),
            aside: None,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            buttons: Vec::new(),
            files: Vec::new(),
        }
    }

    async fn some() -> (Ts, Ts) {
        let slack = Workspace::start(Options::default()).await.unwrap();
        let one = slack.say("ann", "#general", "one").unwrap();
        (one, slack.say("ann", "#general", "two").unwrap())
    }

    fn shown(screen: Screen<Vec<u8>>) -> String {
        String::from_utf8(screen.out).unwrap()
    }

    #[tokio::test]
    async fn without_redrawing_only_new_lines_are_told() {
        let (ts, _) = some().await;
        let mut screen = Screen::new(Vec::new(), false);
        screen.show(&view(ts, &["Deploying", "0 of 3 pods", "since 1 s"]), &[]);
        screen.show(&view(ts, &["Deploying", "1 of 3 pods", "since 2s"]), &[]);
        screen.show(&view(ts, &["Deploying", "1 of 3 pods", "since 3s"]), &[]);
        screen.show(&view(ts, &["Live"]), &[]);
        let text = shown(screen);
        let told: Vec<&str> = text
            .lines()
            .map(|line| &line[line.find(['┃', '┆']).unwrap()..])
            .collect();
        assert_eq!(
            told,
            [
                "┃ Deploying",
                "┃ 0 of 3 pods",
                "┃ since 1 s",
                "┆ 1 of 3 pods",
                "┆ since 2s",
                "┆ Live"
            ]
        );
    }

    #[tokio::test]
    async fn on_a_terminal_a_card_is_drawn_anew_where_it_is() {
        let (one, two) = some().await;
        let mut screen = Screen::new(Vec::new(), true);
        screen.rows = 10;
        screen.show(&view(one, &["a", "b"]), &[]);
        screen.show(&view(two, &["x"]), &[]);
        screen.out.clear();
        screen.show(&view(one, &["a", "c"]), &[]);
        let text = String::from_utf8(screen.out.clone()).unwrap();
        assert!(text.starts_with("\x1b[3A\r\x1b[J"), "{text:?}");
        assert_eq!(text.matches('\n').count(), 3);
        screen.out.clear();
        screen.show(&view(one, &["a", "c"]), &[]);
        assert!(screen.out.is_empty());
        // What left the window is shown again below.
        screen.rows = 3;
        screen.show(&view(one, &["a", "d"]), &[]);
        assert!(!shown(screen).contains('A'));
    }

    #[tokio::test]
    async fn a_button_keeps_its_number() {
        let (ts, _) = some().await;
        let mut screen = Screen::new(Vec::new(), false);
        let button = |label: &str| Button {
            label: label.into(),
            action: "otus:say:0".into(),
            question: None,
        };
        let mut card = view(ts, &["Deploying"]);
        card.buttons = vec![button("Stop"), button("Status")];
        screen.show(&card, &[]);
        card.lines = vec!["Still deploying".into()];
        screen.show(&card, &[]);
        assert_eq!(screen.button(2).unwrap().button.label, "Status");
        assert_eq!(screen.button(3), None);
        assert_eq!(screen.button(0), None);
    }

    #[test]
    fn long_lines_are_wrapped_by_words() {
        assert_eq!(wrapped("aaa bbb ccc", 7, true), ["aaa bbb", "ccc"]);
        assert_eq!(wrapped("⏳⏳⏳", 4, true), ["⏳⏳", "⏳"]);
        assert_eq!(wrapped("aaa bbb ccc", 7, false), ["aaa bbb ccc"]);
    }
}
