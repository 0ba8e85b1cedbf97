//! Which dashboard is meant, and which of its panels: by uid or number, by its whole title, by words of it.

use otus_monitoring::grafana::dashboards::{Found, Shown};

use super::said::Said;

/// What fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick<'a, T> {
    /// This one; and what is left of the words.
    One(&'a T, String),
    /// All of these; and what is left of the words.
    Several(Vec<&'a T>, String),
    /// None.
    Nothing,
}

/// The dashboard. What is left of the words is the panel.
pub(super) fn board<'a>(all: &'a [Found], said: &Said) -> Pick<'a, Found> {
    let words: Vec<&str> = said.words.iter().map(String::as_str).collect();
    // In quotation marks the first is all of the name.
    let longest = if said.quoted { 1 } else { words.len() };
    // `shop / latency` may be said, too.
    let rest = |words: &[&str]| {
        words
            .join(" ")
            .trim_start_matches(['/', '>', '›', ' '])
            .to_owned()
    };
    let parts = |count: usize| (words[..count].join(" "), rest(&words[count..]));
    for exact in [true, false] {
        for count in (1..=longest).rev() {
            let (name, rest) = parts(count);
            let fitting: Vec<&Found> = all
                .iter()
                .filter(|found| match exact {
                    true => found.uid == name || same(&found.title, &name),
                    false => {
                        has(&found.title, &name) || has(&format!("{} {}", found.folder, found.title), &name)
                    }
                })
                .collect();
            match fitting.as_slice() {
                [] => {}
                [one] => return Pick::One(one, rest),
                _ => return Pick::Several(fitting, rest),
            }
        }
    }
    Pick::Nothing
}

/// A panel, by its number or its title; of one that is repeated, its row or value may be said with it.
pub(super) fn panel<'a>(all: &'a [Shown], words: &str) -> Pick<'a, Shown> {
    let number = words
        .strip_prefix("panel ")
        .unwrap_or(words)
        .trim_start_matches('#')
        .parse::<u64>()
        .ok();
    let by_number: Vec<&Shown> = all
        .iter()
        .filter(|shown| Some(shown.panel.id) == number)
        .collect();
    let exact: Vec<&Shown> = all.iter().filter(|shown| same(&shown.title, words)).collect();
    let near: Vec<&Shown> = all.iter().filter(|shown| has(&shown.title, words)).collect();
    let with_row: Vec<&Shown> = all
        .iter()
        .filter(|shown| has(&format!("{} {}", shown.row, shown.title), words))
        .collect();
    for fitting in [by_number, exact, near, with_row] {
        match fitting.as_slice() {
            [] => {}
            [one] => return Pick::One(one, String::new()),
            _ => return Pick::Several(fitting, String::new()),
        }
    }
    Pick::Nothing
}

fn plain(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

fn same(title: &str, words: &str) -> bool {
    plain(title) == plain(words)
}

/// Whether all words are in the title.
pub(super) fn has(title: &str, words: &str) -> bool {
    let title = plain(title);
    plain(words).split(' ').all(|word| title.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(titles: &[&str]) -> Vec<Found> {
        let one = |title: &&str| Found {
            uid: format!("u-{}", title.len()),
            title: (*title).into(),
            ..Found::default()
        };
        titles.iter().map(one).collect()
    }

    fn pick(titles: &[&str], words: &str) -> String {
        match board(&found(titles), &words.parse().unwrap()) {
            Pick::One(one, rest) => format!("{} | {rest}", one.title),
            Pick::Several(all, rest) => format!("{} of them | {rest}", all.len()),
            Pick::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn the_longest_name_wins() {
        let titles = [
            "Node Exporter",
            "Node Exporter Full",
            "Kubernetes / Pods",
            "Redis",
        ];
        assert_eq!(pick(&titles, "node exporter full"), "Node Exporter Full | ");
        assert_eq!(pick(&titles, "node exporter"), "Node Exporter | ");
        assert_eq!(
            pick(&titles, "node exporter cpu basic"),
            "Node Exporter | cpu basic"
        );
        assert_eq!(pick(&titles, "node"), "2 of them | ");
        assert_eq!(pick(&titles, "node load"), "2 of them | load");
        assert_eq!(pick(&titles, "kubernetes / pods"), "Kubernetes / Pods | ");
        assert_eq!(pick(&titles, "redis / clients"), "Redis | clients");
        assert_eq!(pick(&titles, "pods memory"), "Kubernetes / Pods | memory");
        assert_eq!(pick(&titles, "u-5 7"), "Redis | 7");
        assert_eq!(pick(&titles, "\"redis\" clients"), "Redis | clients");
        assert_eq!(pick(&titles, "mysql"), "nothing");
    }
}
