//! A pattern, checked: what it captures, how specific it is, and the pattern the router is to use.

mod ascii;
#[cfg(test)]
mod tests;

use crate::errors::list;
use regex::{Regex, RegexBuilder};
use regex_syntax::{
    ast::{self, Ast, GroupKind},
    hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look},
};
use std::collections::BTreeSet;

/// What one pattern may cost; the router allows the same.
const SIZE: usize = 4 << 20;

/// Whether a pattern is for what is said to the robot, or for what is just said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Respond,
    Hear,
}

/// A pattern that can be used.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The pattern with `\w`, `\d`, `\s` and `\b` meaning ASCII.
    pub(crate) rewritten: String,
    /// How many characters every match contains literally.
    pub(crate) literals: u32,
    /// Its groups.
    pub(crate) groups: Vec<Group>,
    regex: Regex,
}

/// A named group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Whether it takes part in every match.
    pub(crate) always: bool,
}

impl Pattern {
    /// Checks a pattern; answers with every fault.
    pub(crate) fn read(source: &str, kind: Kind) -> Result<Self, Vec<String>> {
        let tree = ast::parse::Parser::new()
            .parse(source)
            .map_err(|error| vec![error.to_string()])?;
        // The author's own pattern first, so that what is wrong with it is said in the author's own words.
        regex_syntax::Parser::new()
            .parse(source)
            .map_err(|error| vec![error.to_string()])?;
        let rewritten = ascii::rewrite(source, &tree);
        let hir = regex_syntax::Parser::new()
            .parse(&rewritten)
            .map_err(|error| vec![error.to_string()])?;
        let used = match kind {
            Kind::Respond => format!("(?i:{rewritten})"),
            Kind::Hear => rewritten.clone(),
        };
        let regex = RegexBuilder::new(&used)
            .size_limit(SIZE)
            .build()
            .map_err(|error| {
                vec![format!(
                    "the pattern cannot be used as the router does, which is as `{used}`: {error}"
                )]
            })?;
        let mut faults = unnamed_groups(source, &tree);
        if kind == Kind::Respond {
            faults.extend(anchors(source, &hir));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let always = always(&hir);
        let groups = regex
            .capture_names()
            .flatten()
            .map(|name| Group {
                name: name.to_owned(),
                always: always.contains(name),
            })
            .collect();
        Ok(Self {
            literals: literals(&hir),
            rewritten,
            groups,
            regex,
        })
    }

    /// Whether the router would let this pattern match a line.
    pub(crate) fn matches(&self, line: &str) -> bool {
        self.regex.is_match(line)
    }

    /// The group of a name.
    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The names of its groups, for a message.
    pub(crate) fn names(&self) -> String {
        list(self.groups.iter().map(|group| group.name.as_str()), "no group")
    }
}

fn unnamed_groups(source: &str, tree: &Ast) -> Vec<String> {
    struct Finder<'a>(&'a str, Vec<String>);
    impl ast::Visitor for Finder<'_> {
        type Output = Vec<String>;
        type Err = std::convert::Infallible;
        fn finish(self) -> Result<Vec<String>, Self::Err> {
            Ok(self.1)
        }
        fn visit_pre(&mut self, node: &Ast) -> Result<(), Self::Err> {
            if let Ast::Group(group) = node
                && matches!(group.kind, GroupKind::CaptureIndex(_))
            {
                let text = &self.0[group.span.start.offset..group.span.end.offset];
                let inside = text.strip_prefix('(').unwrap_or(text);
                self.1.push(format!(
                    "the group `{text}` at column {} captures, but has no name; \
                     write `(?:{inside}` if nobody reads it, or `(?<name>{inside}` for a parameter `name`",
                    group.span.start.column
                ));
            }
            Ok(())
        }
    }
    match ast::visit(tree, Finder(source, Vec::new())) {
        Ok(faults) => faults,
        Err(never) => match never {},
    }
}

/// A command must be all that was said. Otherwise `deploy` in the middle of a sentence would deploy.
fn anchors(source: &str, hir: &Hir) -> Option<String> {
    let properties = hir.properties();
    let start = properties.look_set_prefix().contains(Look::Start);
    let end = properties.look_set_suffix().contains(Look::End);
    if start && end {
        return None;
    }
    let missing = match (start, end) {
        (false, false) => "`^` at its beginning and `$` at its end",
        (false, true) => "`^` at its beginning",
        _ => "`$` at its end",
    };
    let branches = if source.contains('|') && (source.starts_with('^') || source.ends_with('$')) {
        "; `|` splits the whole pattern, so put the choice in a group: `^(?:a|b)$`"
    } else {
        ""
    };
    Some(format!(
        "the pattern needs {missing}: what is said to the robot must be the command and nothing else, \
         or a sentence that only mentions the command would run it{branches}"
    ))
}

/// The groups that take part in every match.
fn always(hir: &Hir) -> BTreeSet<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => BTreeSet::new(),
        HirKind::Repetition(repetition) if repetition.min == 0 => BTreeSet::new(),
        HirKind::Repetition(repetition) => always(&repetition.sub),
        HirKind::Capture(capture) => {
            let mut groups = always(&capture.sub);
            groups.extend(capture.name.as_deref().map(str::to_owned));
            groups
        }
        HirKind::Concat(parts) => parts.iter().flat_map(always).collect(),
        HirKind::Alternation(branches) => branches
            .iter()
            .map(always)
            .reduce(|all, branch| all.intersection(&branch).cloned().collect())
            .unwrap_or_default(),
    }
}

/// How many characters every match contains literally.
fn literals(hir: &Hir) -> u32 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => {
            let characters = String::from_utf8_lossy(&literal.0).chars().count();
            u32::try_from(characters).unwrap_or(u32::MAX)
        }
        HirKind::Class(class) => u32::from(one_letter(class)),
        HirKind::Repetition(repetition) => literals(&repetition.sub).saturating_mul(repetition.min),
        HirKind::Capture(capture) => literals(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(literals).fold(0, u32::saturating_add),
        HirKind::Alternation(branches) => branches.iter().map(literals).min().unwrap_or(0),
    }
}

/// Whether a class is one letter, however it is written: what `(?i)` makes of a literal.
fn one_letter(class: &Class) -> bool {
    let Class::Unicode(class) = class else {
        return false;
    };
    let Some(first) = class.ranges().first().map(ClassUnicodeRange::start) else {
        return false;
    };
    let mut letter = ClassUnicode::new([ClassUnicodeRange::new(first, first)]);
    letter.case_fold_simple();
    letter == *class
}
