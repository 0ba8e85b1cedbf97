//! Forms in Slack: a modal where there is a trigger, else input blocks in a message with a button; and what was filled in, put together
//! to the command it means.

use otus_core::{
    Place,
    form::{Choice, Field, Form, Usage, Values, fill},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slack_morphism::prelude::SlackBlock;

use crate::text::split::{label, length};

/// The beginning of the `action_id` of a form's button; its value is the usage.
pub(crate) const ACTION: &str = "otus:form:";
/// The `callback_id` of a modal that is a form.
pub(crate) const CALLBACK: &str = "otus:form";
/// The beginning of the `block_id` of a field.
const FIELD: &str = "otus:field:";
/// The `action_id` of what a field holds.
const VALUE: &str = "otus:value";

/// Slack's limits (docs.slack.dev, Block Kit and modals).
const TITLE: usize = 24;
const OPTION_LABEL: usize = 75;
const OPTION_VALUE: usize = 150;
const USAGE: usize = 1_500;
const HINT: usize = 2_000;
const TYPED: usize = 3_000;

/// What a modal keeps of where it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// How the command is said.
    pub(crate) usage: String,
    /// Where.
    pub(crate) channel: String,
    /// In which thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<String>,
}

impl Asked {
    pub(crate) fn read(metadata: &str) -> Option<Self> {
        serde_json::from_str(metadata).ok()
    }
}

/// The modal; none when Slack would not take it.
pub(crate) fn view(form: &Form, place: &Place) -> Option<Value> {
    if form.usage.len() > USAGE || !fits(form) {
        return None;
    }
    let asked = Asked {
        usage: form.usage.clone(),
        channel: place.channel.to_string(),
        thread: place.thread.as_ref().map(ToString::to_string),
    };
    let mut blocks = Vec::new();
    if !form.about.is_empty() {
        blocks.push(json!({
            "type": "context",
            "elements": [{ "type": "plain_text", "text": label(&form.about, 300) }],
        }));
    }
    blocks.extend(form.fields.iter().map(input));
    Some(json!({
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": serde_json::to_string(&asked).ok()?,
        "title": { "type": "plain_text", "text": label(&form.command, TITLE) },
        "submit": { "type": "plain_text", "text": "Go" },
        "close": { "type": "plain_text", "text": "Cancel" },
        "blocks": blocks,
    }))
}

/// The form in a message, each block with its number of characters.
pub(crate) fn blocks(form: &Form) -> Vec<(SlackBlock, usize)> {
    if form.usage.len() > USAGE || !fits(form) {
        return Vec::new();
    }
    let button = json!({
        "type": "actions",
        "elements": [{
            "type": "button",
            "action_id": format!("{ACTION}0"),
            "style": "primary",
            "text": { "type": "plain_text", "text": "Go" },
            "value": form.usage,
        }],
    });
    let all = form.fields.iter().map(input).chain([button]);
    // What is made here is what the type reads; one that it did not would be left out, and the usage stands below.
    all.filter_map(|block| {
        let weight = length(&block.to_string());
        serde_json::from_value(block)
            .ok()
            .map(|block| (block, weight.min(600)))
    })
    .collect()
}

/// A value goes whole, or there is no form.
fn fits(form: &Form) -> bool {
    form.fields
        .iter()
        .flat_map(|field| &field.choices)
        .all(|choice| length(&choice.value) <= OPTION_VALUE)
}

fn input(field: &Field) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let mut element = json!({ "action_id": VALUE });
    if field.choices.is_empty() {
        element["type"] = "plain_text_input".into();
        if field.lines {
            element["multiline"] = true.into();
        }
        if let Some(initial) = field.initial.as_ref().filter(|initial| length(initial) <= TYPED) {
            element["initial_value"] = initial.as_str().into();
        }
    } else {
        element["type"] = "static_select".into();
        element["placeholder"] = plain(if field.optional {
            "Can stay empty"
        } else {
            "Choose"
        });
        let groups: Vec<Option<&String>> = field.choices.iter().fold(Vec::new(), |mut groups, choice| {
            if !groups.contains(&choice.group.as_ref()) {
                groups.push(choice.group.as_ref());
            }
            groups
        });
        match groups.as_slice() {
            [None] => element["options"] = field.choices.iter().map(option).collect(),
            groups => {
                let of = |group: &Option<&String>| {
                    let options: Value = field
                        .choices
                        .iter()
                        .filter(|choice| choice.group.as_ref() == *group)
                        .map(option)
                        .collect();
                    json!({ "label": plain(&label(group.map_or("Others", String::as_str), OPTION_LABEL)), "options": options })
                };
                element["option_groups"] = groups.iter().map(of).collect();
            }
        }
        let initial = field
            .initial
            .as_ref()
            .and_then(|initial| field.choices.iter().find(|choice| choice.value == *initial));
        if let Some(initial) = initial {
            element["initial_option"] = option(initial);
        }
    }
    let mut block = json!({
        "type": "input",
        "block_id": format!("{FIELD}{}", field.name),
        "optional": field.optional,
        "label": plain(&sentence(&field.name)),
        "element": element,
    });
    if let Some(hint) = &field.hint {
        block["hint"] = plain(&label(hint, HINT));
    }
    block
}

fn option(choice: &Choice) -> Value {
    json!({ "text": { "type": "plain_text", "text": label(&choice.label, OPTION_LABEL) }, "value": choice.value })
}

/// `service` as people read a label: `Service`.
fn sentence(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The command that a usage and what was filled in make. What is still missing is asked for again, by the command's first words.
pub(crate) fn command(usage: &str, state: &Value) -> String {
    let mut values = Values::new();
    for (block, actions) in state.as_object().into_iter().flatten() {
        let Some(name) = block.strip_prefix(FIELD) else {
            continue;
        };
        let value = &actions[VALUE];
        let said = value["selected_option"]["value"]
            .as_str()
            .or(value["value"].as_str());
        if let Some(said) = said.filter(|said| !said.trim().is_empty()) {
            values.insert(name.to_owned(), said.to_owned());
        }
    }
    fill(usage, &values).unwrap_or_else(|_| {
        let end = usage.find(['<', '[']).unwrap_or(usage.len());
        let known = Usage::parse(usage);
        let begun = values
            .iter()
            .find(|(name, _)| known.parameters().first().is_some_and(|(first, _)| first == name));
        let first = begun.map(|(_, value)| value.as_str()).unwrap_or_default();
        format!("{} {first}", usage[..end].trim()).trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str = "deploy <service>[@<version>] [to <environment>]";

    fn form() -> Form {
        let field = |name: &str, optional, choices: &[&str]| Field {
            name: name.into(),
            optional,
            choices: choices.iter().map(|choice| Choice::new(*choice)).collect(),
            ..Field::default()
        };
        Form {
            command: "deploy".into(),
            usage: USAGE.into(),
            about: "Deploys a version of a service.".into(),
            fields: vec![
                field("service", false, &["api", "web"]),
                field("version", true, &[]),
                field("environment", true, &["staging", "production"]),
            ],
        }
    }

    fn state(values: &[(&str, Value)]) -> Value {
        let fields = values
            .iter()
            .map(|(name, value)| (format!("{FIELD}{name}"), json!({ VALUE: value })));
        Value::Object(fields.collect())
    }

    #[test]
    fn what_was_filled_in_becomes_the_command() {
        let chosen = |value: &str| json!({ "type": "static_select", "selected_option": { "value": value } });
        let all = [
            ("service", chosen("api")),
            ("version", json!({ "type": "plain_text_input", "value": "1.4\n" })),
            ("environment", chosen("production")),
        ];
        assert_eq!(command(USAGE, &state(&all)), "deploy api@1.4 to production");
        let empty = [("service", chosen("api")), ("version", json!({ "value": null }))];
        assert_eq!(command(USAGE, &state(&empty)), "deploy api");
        assert_eq!(command(USAGE, &state(&[])), "deploy");
        assert_eq!(
            command(USAGE, &json!({ "of others": { "x": { "value": "y" } } })),
            "deploy"
        );
    }

    #[test]
    fn a_form_is_a_modal_or_blocks_that_slack_s_types_read() {
        let place = Place::channel("C1");
        let modal = view(&form(), &place).unwrap();
        let asked = Asked::read(modal["private_metadata"].as_str().unwrap()).unwrap();
        assert_eq!((asked.usage.as_str(), asked.channel.as_str()), (USAGE, "C1"));
        assert_eq!(modal["blocks"].as_array().unwrap().len(), 4);
        // Every field and the button.
        assert_eq!(blocks(&form()).len(), 4);
        let mut grouped = form();
        grouped.fields[1].choices = vec![Choice::new("1").of("api"), Choice::new("2").of("web")];
        let version = &view(&grouped, &place).unwrap()["blocks"][2]["element"];
        assert_eq!(version["option_groups"][1]["label"]["text"], "web");
        assert_eq!(blocks(&grouped).len(), 4);
        let mut lines = form();
        lines.fields[1].lines = true;
        lines.fields[1].hint = Some("One a line.".into());
        lines.fields[1].initial = Some("a\nb".into());
        let version = &view(&lines, &place).unwrap()["blocks"][2];
        assert_eq!(version["element"]["multiline"], true);
        assert_eq!(version["element"]["initial_value"], "a\nb");
        assert_eq!(version["hint"]["text"], "One a line.");
        assert_eq!(blocks(&lines).len(), 4);
        let state = state(&[("service", json!({ "value": "a=\"b\"\nc=\"d\"" }))]);
        assert_eq!(command(USAGE, &state), "deploy a=\"b\" c=\"d\"");
        grouped.fields[1].choices = vec![Choice::new("x".repeat(151))];
        assert!(view(&grouped, &place).is_none() && blocks(&grouped).is_empty());
    }
}
