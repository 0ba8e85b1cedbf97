//! A question and what there is to choose from, read from one line.

/// So many things to choose from.
pub(crate) const MOST: usize = 10;
/// The longest of them, in characters: a button holds no more.
pub(crate) const LONGEST: usize = 70;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) question: String,
    pub(crate) options: Vec<String>,
}

/// Why it cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// There is no question in front of the choices.
    NoQuestion,
    /// There is one thing to choose.
    OneOption,
    /// There are so many.
    TooMany(usize),
    /// One of them has so many characters.
    TooLong(usize),
    /// One is there twice.
    Twice,
}

/// Reads `Where? Pizza, Thai or the canteen`, `Where | Pizza | Thai`, `"Where?" "Pizza" "Thai"`, `Freeze on Friday?`.
pub(crate) fn asked(text: &str) -> Result<Asked, Unclear> {
    let text = text.trim();
    let (question, options) = if let Some(quoted) = quoted(text) {
        quoted
    } else if let Some((question, list)) = text.split_once('|') {
        (question.to_owned(), parts(list.split('|')))
    } else if let Some((question, list)) = text.split_once("? ").or_else(|| text.split_once("?\n")) {
        (format!("{question}?"), listed(list))
    } else if let Some((question, list)) = text.split_once(": ").or_else(|| text.split_once(":\n")) {
        (question.to_owned(), listed(list))
    } else {
        (text.to_owned(), Vec::new())
    };
    let question = question.trim().to_owned();
    let options = match options.is_empty() {
        true => vec!["Yes".to_owned(), "No".to_owned()],
        false => options,
    };
    let longest = options.iter().map(|option| option.chars().count()).max();
    let mut seen: Vec<_> = options.iter().map(|option| option.to_lowercase()).collect();
    seen.sort_unstable();
    seen.dedup();
    match () {
        () if question.is_empty() => Err(Unclear::NoQuestion),
        () if options.len() == 1 => Err(Unclear::OneOption),
        () if options.len() > MOST => Err(Unclear::TooMany(options.len())),
        () if longest > Some(LONGEST) => Err(Unclear::TooLong(longest.unwrap_or_default())),
        () if seen.len() < options.len() => Err(Unclear::Twice),
        () => Ok(Asked { question, options }),
    }
}

/// The question in quotes, and each choice.
fn quoted(text: &str) -> Option<(String, Vec<String>)> {
    if !text.starts_with('"') {
        return None;
    }
    let pieces: Vec<&str> = text.split('"').collect();
    // Before, between and after the quotes there is nothing.
    let between = pieces.iter().step_by(2).all(|piece| piece.trim().is_empty());
    if !between || pieces.len().is_multiple_of(2) {
        return None;
    }
    let mut inside = pieces.into_iter().skip(1).step_by(2);
    inside.next().map(|question| (question.to_owned(), parts(inside)))
}

/// `Pizza, Thai or the canteen`.
fn listed(list: &str) -> Vec<String> {
    if list.contains('\n') {
        return parts(
            list.lines()
                .map(|line| line.trim_start().trim_start_matches(['-', '*', '•'])),
        );
    }
    match list.contains([',', ';']) {
        true => parts(list.split([',', ';']).flat_map(|part| part.split(" or "))),
        false => parts(list.split(" or ")),
    }
}

/// What is left of these pieces when nothing is around them; a last one may begin with `or`.
fn parts<'a>(pieces: impl Iterator<Item = &'a str>) -> Vec<String> {
    pieces
        .map(str::trim)
        .map(|piece| piece.strip_prefix("or ").unwrap_or(piece).trim().to_owned())
        .filter(|piece| !piece.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (String, Vec<String>) {
        let asked = asked(text).unwrap();
        (asked.question, asked.options)
    }

    fn of(question: &str, options: &[&str]) -> (String, Vec<String>) {
        let options = options.iter().map(|option| (*option).to_owned());
        (question.to_owned(), options.collect())
    }

    #[test]
    fn a_poll_is_read_however_it_is_written() {
        let food = of("Where do we eat?", &["Pizza", "Thai", "the canteen"]);
        assert_eq!(read("Where do we eat? Pizza, Thai or the canteen"), food);
        assert_eq!(read("Where do we eat? Pizza, Thai, or the canteen"), food);
        assert_eq!(read("Where do we eat? | Pizza | Thai | the canteen"), food);
        assert_eq!(
            read("\"Where do we eat?\" \"Pizza\" \"Thai\" \"the canteen\""),
            food
        );
        assert_eq!(read("Where do we eat?\n- Pizza\n- Thai\n- the canteen"), food);
        assert_eq!(read("Name: otus or strix"), of("Name", &["otus", "strix"]));
        assert_eq!(
            read("Shall we freeze on Friday?"),
            of("Shall we freeze on Friday?", &["Yes", "No"])
        );
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        assert_eq!(asked("Where? Pizza"), Err(Unclear::OneOption));
        assert_eq!(asked("| a | b"), Err(Unclear::NoQuestion));
        assert_eq!(asked("Where? a, A"), Err(Unclear::Twice));
        assert_eq!(asked("n? 1,2,3,4,5,6,7,8,9,10,11"), Err(Unclear::TooMany(11)));
        assert_eq!(
            asked(&format!("n? {}, b", "x".repeat(71))),
            Err(Unclear::TooLong(71))
        );
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "[a-z?:|,\" \n]{0,40}") {
            if let Ok(asked) = asked(&text) {
                prop_assert!((2..=MOST).contains(&asked.options.len()));
                prop_assert!(asked.options.iter().all(|option| !option.is_empty()));
            }
        }
    }
}
