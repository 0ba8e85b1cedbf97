//! Which handler answers which words. All patterns sit in one [`RegexSet`], so a line is read once however many
//! commands there are; only the winner's own pattern is compiled, when it first wins, and asked for its captures.

use crate::{
    error::StartError,
    responder::{Captures, CommandSpec, Handler, Kind},
};
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::sync::OnceLock;

/// Lines longer than this are nobody's command; nothing is matched against them.
pub const LONGEST_LINE: usize = 16 * 1024;

/// All handlers and the patterns that choose among them.
#[derive(Debug)]
pub struct Router {
    routes: Vec<Route>,
    /// All patterns, for what is said to the robot.
    all: RegexSet,
    /// The patterns of `hear` alone, for everything else: the first routes, in the same order.
    overheard: RegexSet,
    hears: usize,
}

#[derive(Debug)]
struct Route {
    handler: Handler,
    pattern: String,
    compiled: OnceLock<Option<Regex>>,
}

/// What a line matches.
#[derive(Debug, Default)]
pub struct Routed<'a> {
    /// The one command that answers.
    pub winner: Option<(&'a Handler, Captures)>,
    /// Everything that listens.
    pub hears: Vec<(&'a Handler, Captures)>,
}

/// What a pattern may cost: far above any sensible one, far below what would hurt.
const PATTERN_SIZE: usize = 4 << 20;

impl Router {
    /// Takes the handlers in.
    ///
    /// # Errors
    /// A pattern that cannot be compiled, and every overlap: an example that another command wins, or that two commands
    /// match equally well.
    pub fn new(handlers: Vec<Handler>) -> Result<Self, StartError> {
        let mut routes: Vec<Route> = handlers
            .into_iter()
            .map(|handler| Route {
                pattern: pattern(handler.spec),
                handler,
                compiled: OnceLock::new(),
            })
            .collect();
        // What listens comes first, so that it is told by its index; then the commands, the most specific first, so
        // that the first match is the winner and nobody looks further.
        routes.sort_by_key(|route| {
            let spec = route.handler.spec;
            (
                spec.kind == Kind::Respond,
                std::cmp::Reverse(spec.literals),
                spec.responder,
                spec.name,
            )
        });
        let hears = routes
            .iter()
            .take_while(|route| route.handler.spec.kind == Kind::Hear)
            .count();
        let set = |patterns: Vec<&str>| {
            RegexSetBuilder::new(patterns)
                .size_limit(PATTERN_SIZE * 16)
                .build()
                .map_err(|error| {
                    StartError::Pattern(format!("the commands' patterns cannot be used: {error}"))
                })
        };
        let all = set(routes.iter().map(|route| route.pattern.as_str()).collect())?;
        let overheard = set(routes[..hears]
            .iter()
            .map(|route| route.pattern.as_str())
            .collect())?;
        let router = Self {
            routes,
            all,
            overheard,
            hears,
        };
        router.lint()?;
        Ok(router)
    }

    /// All commands, the most specific first.
    pub fn commands(&self) -> impl Iterator<Item = &'static CommandSpec> {
        self.routes.iter().map(|route| route.handler.spec)
    }

    /// The one command that answers a line.
    pub fn respond(&self, line: &str) -> Option<(&Handler, Captures)> {
        if line.len() > LONGEST_LINE {
            return None;
        }
        let matched = self.all.matches(line);
        if !matched.matched_any() {
            return None;
        }
        (self.hears..self.routes.len())
            .filter(|&at| matched.matched(at))
            .find_map(|at| self.captured(at, line))
    }

    /// What a line said to the robot matches: one command, and everything that listens.
    pub fn addressed(&self, line: &str) -> Routed<'_> {
        if line.len() > LONGEST_LINE {
            return Routed::default();
        }
        let matched = self.all.matches(line);
        if !matched.matched_any() {
            return Routed::default();
        }
        let matching = |routes: std::ops::Range<usize>| {
            routes
                .filter(|&at| matched.matched(at))
                .filter_map(|at| self.captured(at, line))
        };
        Routed {
            hears: matching(0..self.hears).collect(),
            winner: matching(self.hears..self.routes.len()).next(),
        }
    }

    /// What listens to a line that is just said.
    pub fn overheard(&self, line: &str) -> Vec<(&Handler, Captures)> {
        if self.hears == 0 || line.len() > LONGEST_LINE {
            return Vec::new();
        }
        self.overheard
            .matches(line)
            .iter()
            .filter_map(|at| self.captured(at, line))
            .collect()
    }

    fn captured(&self, at: usize, line: &str) -> Option<(&Handler, Captures)> {
        let route = &self.routes[at];
        if route.handler.spec.groups.is_empty() {
            return Some((&route.handler, Captures::new(line.to_owned(), Vec::new())));
        }
        // The set compiled the same pattern, so this fails only beyond the size limit of one pattern.
        let regex = route
            .compiled
            .get_or_init(|| {
                RegexBuilder::new(&route.pattern)
                    .size_limit(PATTERN_SIZE)
                    .build()
                    .ok()
            })
            .as_ref()?;
        let found = regex.captures(line)?;
        let groups = route
            .handler
            .spec
            .groups
            .iter()
            .filter_map(|&group| found.name(group).map(|caught| (group, caught.range())))
            .collect();
        Some((&route.handler, Captures::new(line.to_owned(), groups)))
    }

    /// Runs every example through the router, and finds the commands that get in each other's way.
    fn lint(&self) -> Result<(), StartError> {
        let mut overlaps = Vec::new();
        for route in &self.routes {
            let spec = route.handler.spec;
            for example in spec
                .examples
                .iter()
                .copied()
                .filter(|_| spec.kind == Kind::Respond)
            {
                let matching: Vec<_> = self
                    .all
                    .matches(example)
                    .iter()
                    .map(|at| self.routes[at].handler.spec)
                    .filter(|other| other.kind == Kind::Respond)
                    .collect();
                match matching.first() {
                    None => overlaps.push(format!(
                        "  `{example}`, an example of {}, is nobody's command",
                        spec.id()
                    )),
                    Some(first) if !std::ptr::eq(*first, spec) && first.literals > spec.literals => overlaps
                        .push(format!(
                            "  `{example}`, an example of {}, would go to {}",
                            spec.id(),
                            first.id()
                        )),
                    _ => {}
                }
                let rivals = matching
                    .iter()
                    .filter(|other| !std::ptr::eq(**other, spec) && other.literals == spec.literals);
                overlaps.extend(rivals.map(|other| {
                    format!(
                        "  `{example}`, an example of {}, is matched just as well by {}",
                        spec.id(),
                        other.id()
                    )
                }));
            }
        }
        if overlaps.is_empty() {
            Ok(())
        } else {
            Err(StartError::Overlap(overlaps.join("\n")))
        }
    }
}

/// The pattern as the set has it: commands are understood however they are capitalised.
fn pattern(spec: &CommandSpec) -> String {
    match spec.kind {
        Kind::Respond => format!("(?i:{})", spec.pattern),
        Kind::Hear => spec.pattern.to_owned(),
    }
}
