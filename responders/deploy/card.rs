//! A deploy's card: one message that is edited from the first moment to the last.

use jiff::Timestamp;
use otus::markup::{clean, plain};
use otus::store::{Deploy, DeployState};
use otus::{Button, Card, Tone};
use otus_kubernetes::{Conflict, Kind, Workload};

use crate::settings::Settings;
use crate::state::{Halt, State};
use crate::{faults, texts};

/// How much of a log fits into a card that is read on a phone.
const LOG_LINES: usize = 15;
const LOG_BYTES: usize = 1_800;

/// Everything a card shows.
#[derive(Debug, Clone)]
pub(crate) struct Face<'a> {
    pub(crate) deploy: &'a Deploy,
    pub(crate) state: &'a State,
    pub(crate) workload: &'a Workload,
    pub(crate) settings: &'a Settings,
    /// From whom the image was taken over.
    pub(crate) adopted: Option<&'a Conflict>,
    /// True when a process before this one began it.
    pub(crate) resumed: bool,
    /// The version to go forward to after a failure.
    pub(crate) good: Option<&'a str>,
    /// Why what somebody wants of it could not be done yet.
    pub(crate) obstacle: Option<&'a str>,
    /// What was done beside the rollout, and what is measured: one line each.
    pub(crate) lines: &'a [String],
    /// What a person has to decide.
    pub(crate) asking: Option<&'a Asking>,
    pub(crate) now: Timestamp,
}

/// A gate that asks people.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    /// Its key.
    pub(crate) gate: String,
    /// The question.
    pub(crate) question: String,
}

impl Face<'_> {
    /// The card.
    pub(crate) fn card(&self) -> Card {
        let Face {
            deploy,
            state,
            settings,
            now,
            ..
        } = *self;
        let plan = texts::plan(deploy);
        let running = |title: String| Card::new(Tone::Running, title).text(plan.clone());
        let ended = |tone: Tone, title: String| Card::new(tone, title).text(plan.clone());
        let mut card = match state {
            State::Applying => running(texts::deploying(deploy)).text(texts::applying()),
            State::Rolling {
                done,
                total,
                why,
                trouble,
                outage,
            } => {
                let mut card = running(texts::deploying(deploy))
                    .text(texts::pods(*done, *total))
                    .text(texts::waiting(*why, settings.stability));
                if let Some(trouble) = trouble.as_ref().filter(|trouble| !faults::just_starts(trouble)) {
                    card = card.text(texts::trouble(&faults::why(trouble)));
                }
                match outage {
                    Some(outage) => card.text(texts::outage(outage, now)),
                    None => card,
                }
            }
            State::Paused { step: Some(step), .. } => {
                ended(Tone::Warning, texts::deploying(deploy)).text(texts::waits_at(step))
            }
            State::Paused { by, at, .. } => ended(Tone::Warning, texts::deploying(deploy))
                .text(texts::paused(deploy, by.as_deref(), *at, &self.resume())),
            State::LeftPaused { by } => ended(Tone::Warning, texts::not_deployed(deploy))
                .text(texts::left_paused(by.as_deref(), &self.resume())),
            State::Watching { pods: 0, .. } => running(texts::watching(deploy)).text(texts::nothing_ran()),
            State::Watching { pods, until, outage } => {
                let card = running(texts::watching(deploy))
                    .text(texts::pods(*pods, *pods))
                    .text(texts::watched(*pods, *until, now));
                match outage {
                    Some(outage) => card.text(texts::outage(outage, now)),
                    None => card,
                }
            }
            State::Gating { pods, outage } => {
                let card = running(texts::watching(deploy))
                    .text(texts::pods(*pods, *pods))
                    .text(texts::gates_to_come(*pods));
                match outage {
                    Some(outage) => card.text(texts::outage(outage, now)),
                    None => card,
                }
            }
            State::Waiting => ended(Tone::Warning, texts::deploying(deploy)).text(texts::held_before()),
            State::Preparing(standing) => {
                let card = running(texts::preparing(deploy)).text(standing.now.clone());
                let card = match &standing.trouble {
                    Some(trouble) => card.text(trouble.clone()),
                    None => card,
                };
                standing.buttons.iter().cloned().fold(card, Card::button)
            }
            State::Held { done, total, step } => ended(Tone::Warning, texts::deploying(deploy))
                .text(texts::pods(*done, *total))
                .text(step.as_ref().map_or_else(texts::held, texts::waits_at)),
            State::Live { pods: 0 } => ended(Tone::Warning, texts::live(deploy)).text(texts::nothing_ran()),
            State::Live { pods } => {
                ended(Tone::Good, texts::live(deploy)).text(texts::stable(*pods, settings.stability))
            }
            State::AlreadyLive {
                since,
                by,
                ready,
                total,
            } => ended(Tone::Good, texts::already_live(deploy)).text(texts::since_when(
                *since,
                by.as_deref(),
                *ready,
                *total,
            )),
            State::Failed { cause, found, old } => {
                let mut card = ended(Tone::Bad, texts::failed(deploy)).text(faults::why(cause));
                if let Some(log) = log(&cause.log) {
                    card = card.code(log);
                }
                let found = texts::found(*found, settings.deadline);
                let rest: Vec<String> = found
                    .into_iter()
                    .chain([faults::todo(cause).to_owned(), texts::still_serving(*old)])
                    .collect();
                self.with_way_forward(card.text(rest.join(" ")))
            }
            State::Gated(gated) => {
                let card = ended(Tone::Bad, texts::failed(deploy)).text(gated.why.clone());
                let serves = texts::halt(&gated.halt, gated.done, gated.total);
                self.with_way_forward(card.text(format!("{serves} {}", texts::gate_todo())))
            }
            State::Superseded {
                image,
                by,
                manager,
                at,
            } => ended(Tone::Warning, texts::overtaken(deploy)).text(texts::superseded(
                image,
                by.as_deref(),
                manager.as_deref(),
                *at,
            )),
            State::Gone => {
                ended(Tone::Bad, texts::failed(deploy)).text(texts::gone(&deploy.service, self.workload.kind))
            }
            State::Drifted(conflict) => {
                let (label, question) = texts::deploy_over(conflict);
                let command = self.command();
                ended(Tone::Warning, texts::not_deployed(deploy))
                    .text(texts::drifted(conflict))
                    .button(Button::new(label, format!("{command} --force")).danger(question))
            }
            State::Refused(why) => {
                self.with_retry(ended(Tone::Bad, texts::not_deployed(deploy)).text(format!(
                    "{} {}",
                    sentence(why),
                    texts::unchanged()
                )))
            }
            State::Lost(why) => ended(Tone::Warning, texts::lost(deploy))
                .text(texts::lost_because(why))
                .button(Button::new("status", format!("status {}", deploy.service))),
            State::Unsure(why) => ended(Tone::Warning, texts::lost(deploy))
                .text(texts::unsure_because(why))
                .button(Button::new("status", format!("status {}", deploy.service))),
            State::Untouched => {
                self.with_retry(ended(Tone::Neutral, texts::not_deployed(deploy)).text(texts::untouched()))
            }
            State::Unprepared(failure) => {
                let mut card = ended(Tone::Bad, texts::not_deployed(deploy)).text(failure.why.clone());
                if let Some(log) = log(&failure.log) {
                    card = card.code(log);
                }
                let rest = [failure.todo.clone(), texts::step_changed_nothing(&deploy.service)];
                let rest: Vec<String> = rest.into_iter().filter(|text| !text.is_empty()).collect();
                self.with_retry(card.text(rest.join(" ")))
            }
            State::Stopped(what) => {
                self.with_retry(ended(Tone::Warning, texts::not_deployed(deploy)).text(what.clone()))
            }
            State::Halted { halt, done, total } => {
                let card = ended(Tone::Warning, texts::halted(deploy)).text(texts::halt(halt, *done, *total));
                let card = self.with_way_forward(card);
                match halt {
                    Halt::Through => card,
                    _ => card.button(Button::new(texts::go_on(&deploy.version), self.command())),
                }
            }
            State::Older { runs } => {
                let back = format!("{} --back", self.command());
                ended(Tone::Warning, texts::not_deployed(deploy))
                    .text(texts::older(runs))
                    .button(Button::new(texts::go_back(), back).danger(texts::go_back_question(runs)))
            }
            State::Outdated(other) => {
                ended(Tone::Warning, texts::overtaken(deploy)).text(texts::outdated(other))
            }
        };
        for line in self.lines {
            card = card.text(line.clone());
        }
        if let Some(Asking { gate, question }) =
            self.asking.filter(|_| state.recorded() == DeployState::Running)
        {
            card = card.text(question.clone());
            for (label, answer) in texts::GATE_ANSWERS {
                let command = format!("gate {answer} {} for {gate}", deploy.id);
                card = card.button(Button::new(label, command));
            }
        }
        if let Some(conflict) = self.adopted {
            card = card.text(texts::adopted(conflict));
        }
        if let Some(obstacle) = self.obstacle {
            card = card.text(obstacle);
        }
        let is_ended = state.recorded() != DeployState::Running;
        card.footer = texts::footer(deploy, is_ended, self.resumed, now);
        card
    }

    /// One sentence on the end, for the row.
    pub(crate) fn note(&self) -> String {
        let card = self.card();
        let mut words = card.parts.iter().filter_map(|part| match part {
            otus::Part::Text(text) => Some(plain(text)),
            _ => None,
        });
        // The first part is the plan, which the row holds in its own columns.
        words.nth(1).unwrap_or_default()
    }

    fn with_way_forward(&self, card: Card) -> Card {
        let Some(good) = self.good else { return card };
        let version = match self.deploy.details.get("commit") {
            Some(_) => LAST_GOOD,
            None => good,
        };
        let command = command(&self.deploy.service, version, &self.deploy.environment);
        card.button(Button::new(texts::roll_forward(good), command).primary())
    }

    fn with_retry(&self, card: Card) -> Card {
        card.button(Button::new(texts::try_again(), self.command()))
    }

    /// The same deploy again.
    fn command(&self) -> String {
        let deploy = self.deploy;
        command(&deploy.service, &deploy.version, &deploy.environment)
    }

    fn resume(&self) -> String {
        let Workload {
            kind,
            name,
            namespace,
            ..
        } = self.workload;
        match kind {
            // kubectl cannot resume what it cannot pause: this one is held by its partition.
            Kind::StatefulSet => format!(
                "kubectl patch {kind}/{name} -n {namespace} -p '{}'",
                r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"#
            ),
            Kind::Rollout => format!("kubectl argo rollouts promote {name} -n {namespace}"),
            _ => format!("kubectl rollout resume {kind}/{name} -n {namespace}"),
        }
    }
}

/// What people say for the last version that ran well where they are.
pub(crate) const LAST_GOOD: &str = "last-good";

/// The command for a deploy.
pub(crate) fn command(service: &str, version: &str, environment: &str) -> String {
    format!("deploy {service}@{version} to {environment}")
}

/// A text of somebody else's as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}

/// The end of a log, as much as a card takes.
fn log(lines: &[String]) -> Option<String> {
    last_of(lines, LOG_LINES, LOG_BYTES)
}

/// The last lines of a log, at most so many, and so many bytes.
pub(crate) fn last_of(lines: &[String], most: usize, bytes: usize) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    let mut size = 0;
    for line in lines.iter().rev().take(most) {
        size += line.len() + 1;
        if size > bytes && !kept.is_empty() {
            break;
        }
        kept.push(line);
    }
    kept.reverse();
    let text = clean(&kept.join("\n"));
    let end = text
        .char_indices()
        .rev()
        .find(|(at, _)| text.len() - at >= bytes)
        .map_or(0, |(at, _)| at);
    (!kept.is_empty()).then(|| text[end..].to_owned())
}
