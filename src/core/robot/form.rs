//! Asking for what a command still needs.

use super::{Robot, answer::count, texts};
use crate::{
    card::Post,
    chat::ChatError,
    form::{Choice, Field, Form, MOST_CHOICES, Usage, Values, Wanted},
    message::{Message, Via},
    responder::{CommandSpec, Kind},
};
use futures_util::future::join_all;
use std::{collections::BTreeMap, time::Duration};

/// How long choices may take to be found: a trigger opens a form within three seconds. What is not found by then is typed.
const CHOOSING: Duration = Duration::from_millis(1_500);

/// Of so many services, choices that depend on the service are found for each.
const SERVICES_AT_ONCE: usize = 8;

/// The groups that the catalog knows.
const SERVICE: &str = "service";

impl Robot {
    /// What to say to a command that was begun: the form for the rest of it. Nothing, when it was opened before the person already.
    /// `None` when this is no beginning of a command.
    pub(super) async fn form_for(&self, message: &Message, said: &str) -> Option<Option<Post>> {
        let (spec, usage, values) = self.begun(said)?;
        let ruling = self.has_role(message, spec).await;
        if !ruling.allows() {
            count("denied");
            return Some(Some(texts::denied(said, &ruling.rule).into()));
        }
        count("form");
        let form = self.form(spec, &usage, values).await;
        if matches!(message.via, Via::Slash | Via::Button { .. }) {
            match self.0.services.chat().form(&message.place(), &form).await {
                Ok(true) => return Some(None),
                Ok(false) => {}
                Err(ChatError::Refused(why)) => {
                    tracing::info!(why, "a form is posted, because it could not be opened")
                }
                Err(error) => tracing::warn!(%error, "a form is posted, because it could not be opened"),
            }
        }
        Some(Some(texts::form(form)))
    }

    /// The command whose beginning this is, with what of it is said. Of several the one that most of it fits, then the one that needs
    /// least.
    fn begun(&self, said: &str) -> Option<(&'static CommandSpec, String, Values)> {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let commands = self.0.router.commands().filter(|spec| spec.kind == Kind::Respond);
        let fitting = commands.filter_map(|spec| {
            let written = spec.usage?;
            let words = spec.leading_words();
            let head = said
                .get(..words.len())
                .filter(|head| head.eq_ignore_ascii_case(words))?;
            let rest = &said[head.len()..];
            let apart = !words.is_empty() && (rest.is_empty() || rest.starts_with(' '));
            let usage = Usage::parse(written);
            let needs = usage
                .parameters()
                .iter()
                .filter(|(_, optional)| !optional)
                .count();
            if !apart || !usage.is_whole() || usage.parameters().is_empty() {
                return None;
            }
            let values = self.known(spec, usage.begun(rest)?)?;
            Some((
                (words.len(), std::cmp::Reverse(needs)),
                (spec, written.to_owned(), values),
            ))
        });
        let best = fitting.max_by_key(|(rank, (spec, ..))| (*rank, std::cmp::Reverse(spec.id())));
        best.map(|(_, begun)| begun)
    }

    /// What was said, when it is what there is; else it was no beginning of this command.
    fn known(&self, spec: &'static CommandSpec, values: Values) -> Option<Values> {
        let fits = values.iter().all(|(name, value)| {
            let parameter = spec.parameters.iter().find(|parameter| parameter.name == name);
            let candidates = parameter.and_then(|parameter| (parameter.candidates.0)(&self.0.services));
            let catalog = self.0.services.catalog();
            candidates.is_none_or(|candidates| candidates.iter().any(|one| one.eq_ignore_ascii_case(value)))
                || name == SERVICE && catalog.service(value).is_some()
                || name == "environment" && catalog.environment(value).is_some()
        });
        fits.then_some(values)
    }

    async fn form(&self, spec: &'static CommandSpec, usage: &str, values: Values) -> Form {
        let parsed = Usage::parse(usage);
        let mut fields: Vec<Field> = Vec::new();
        let mut known = values.clone();
        for (name, optional) in parsed.parameters() {
            let parameter = spec.parameters.iter().find(|parameter| parameter.name == name);
            let candidates = parameter.and_then(|parameter| (parameter.candidates.0)(&self.0.services));
            let choices: Vec<Choice> = candidates.into_iter().flatten().map(Choice::new).collect();
            // What is said may be a short name for it.
            let initial = values.get(name).map(|said| self.proper(name, said));
            let only = match choices.as_slice() {
                [only] if !optional => Some(only.value.clone()),
                _ => None,
            };
            let initial = initial.or(only);
            known.extend(initial.clone().map(|initial| (name.to_owned(), initial)));
            fields.push(Field {
                name: name.to_owned(),
                optional,
                choices,
                initial,
                ..Field::default()
            });
        }
        let offers = fields.iter().map(|field| async {
            match field.choices.is_empty() {
                true => self.offers(spec, &field.name, &known).await,
                false => Vec::new(),
            }
        });
        let offered = join_all(offers).await;
        for (field, offered) in fields.iter_mut().zip(offered) {
            if field.choices.is_empty() {
                field.choices = offered;
            }
            if field.choices.len() > MOST_CHOICES {
                field.choices.clear();
            }
            let initial = field.initial.take();
            field.initial = initial.filter(|initial| {
                field.choices.is_empty() || field.choices.iter().any(|choice| choice.value == *initial)
            });
        }
        Form {
            command: spec.leading_words().to_owned(),
            usage: usage.to_owned(),
            about: spec.summary().to_owned(),
            fields,
        }
    }

    fn proper(&self, name: &str, said: &str) -> String {
        let catalog = self.0.services.catalog();
        let found = match name {
            SERVICE => catalog.service(said).map(|service| service.name),
            "environment" => catalog.environment(said).map(|environment| environment.name),
            _ => None,
        };
        found.unwrap_or_else(|| said.to_owned())
    }

    /// What its responder offers for a parameter. Where the service is open and there are few, for each of them.
    async fn offers(&self, spec: &'static CommandSpec, name: &str, known: &Values) -> Vec<Choice> {
        let Some(parameter) = spec.parameters.iter().find(|parameter| parameter.name == name) else {
            return Vec::new();
        };
        let asks_service = spec.parameters.iter().any(|parameter| parameter.name == SERVICE);
        let services = self.0.services.catalog().services();
        if known.contains_key(SERVICE) || !asks_service {
            return self.choices(spec, parameter.name, known.clone()).await;
        }
        if services.len() > SERVICES_AT_ONCE {
            return Vec::new();
        }
        let each = services.into_iter().map(|service| async move {
            let mut known: BTreeMap<_, _> = known.clone();
            known.insert(SERVICE.to_owned(), service.name.clone());
            let found = self.choices(spec, parameter.name, known).await;
            let label = |choice: Choice| choice.of(&service.name);
            found.into_iter().map(label).collect::<Vec<_>>()
        });
        let mut all: Vec<Choice> = Vec::new();
        for choice in join_all(each).await.into_iter().flatten() {
            // One value can stand in one group only.
            if !all.iter().any(|known| known.value == choice.value) {
                all.push(choice);
            }
        }
        all
    }

    /// Asks the responder, behind a wall: in a task of its own, and not for long.
    async fn choices(
        &self,
        spec: &'static CommandSpec,
        parameter: &'static str,
        said: Values,
    ) -> Vec<Choice> {
        let Some(choose) = self.0.choosers.get(spec.responder) else {
            return Vec::new();
        };
        let wanted = Wanted {
            command: spec,
            parameter,
            said,
        };
        let mut asked = tokio::spawn(choose(wanted, self.0.services.clone()));
        match tokio::time::timeout(CHOOSING, &mut asked).await {
            Ok(Ok(choices)) => choices,
            Ok(Err(error)) => {
                tracing::error!(command = spec.id(), parameter, %error, "finding choices ended abruptly");
                Vec::new()
            }
            Err(_) => {
                asked.abort();
                tracing::info!(
                    command = spec.id(),
                    parameter,
                    "choices were not found in time, so it is typed"
                );
                Vec::new()
            }
        }
    }
}
