//! Cards as Block Kit, within Slack's limits. What does not fit is words, never a command: a button carries its command
//! whole, or is left out and says so.

use otus_core::card::{Button, ButtonStyle, Card, Part};
use slack_morphism::prelude::{
    SlackActionBlockElement, SlackActionId, SlackActionsBlock, SlackBlock, SlackBlockButtonElement,
    SlackBlockButtonStyle, SlackBlockConfirmItem, SlackBlockMarkDownText, SlackBlockPlainTextOnly,
    SlackBlockText, SlackContextBlock, SlackDividerBlock, SlackFileId, SlackFileIdOrUrl, SlackImageBlock,
    SlackImageUrlOrFile, SlackSectionBlock,
};

use crate::text::{
    escape,
    outbound::render,
    split::{BLOCK, label, length, shorten, split},
};

/// The beginning of the `action_id` of buttons that carry a command.
pub const ACTION: &str = "otus:say:";

/// Slack's limits (docs.slack.dev, Block Kit), or less where they are not exact.
const BLOCKS: usize = 50;
/// A message whose blocks sum up to about 13,200 characters is refused (bolt-js#2509).
const TOGETHER: usize = 12_000;
const BUTTONS_PER_BLOCK: usize = 25;
const BUTTON_LABEL: usize = 75;
const BUTTON_VALUE: usize = 2_000;
const FIELDS_PER_BLOCK: usize = 10;
const FIELD: usize = 1_900;
const CONFIRM_TEXT: usize = 300;
const CONFIRM_BUTTON: usize = 30;
const FOOTER: usize = 1_000;
const ALT: usize = 1_900;

/// Renders a card.
pub fn blocks(card: &Card) -> Vec<SlackBlock> {
    let title = shorten(&bold(&render(&card.heading())), BLOCK);
    let mut used = length(&title);
    let mut blocks = vec![section(title)];

    let mut tail = Vec::new();
    let mut left_out = Vec::new();
    let mut elements = Vec::new();
    for (nth, carried) in card.buttons.iter().enumerate() {
        let weight = length(&carried.command) + length(&carried.label).min(BUTTON_LABEL);
        if length(&carried.command) > BUTTON_VALUE || used + weight > TOGETHER {
            left_out.push(label(&carried.label, BUTTON_LABEL));
            continue;
        }
        used += weight;
        elements.push(button(carried, nth));
    }
    for row in elements.chunks(BUTTONS_PER_BLOCK) {
        tail.push(SlackActionsBlock::new(row.to_vec()).into());
    }
    if !left_out.is_empty() {
        let names = shorten(&escape(&left_out.join(", ")), FOOTER);
        let note = format!("Left out, because its command is too long for a button: {names}");
        used += length(&note);
        tail.push(context(note));
    }
    if let Some(footer) = &card.footer {
        let footer = shorten(&render(footer), FOOTER);
        used += length(&footer);
        tail.push(context(footer));
    }

    const SHORTENED: &str = "… shortened to what Slack takes";
    let room = BLOCKS - blocks.len() - tail.len() - 1;
    let mut body = Vec::new();
    for (block, weight) in card.parts.iter().flat_map(part) {
        if body.len() == room || used + weight + length(SHORTENED) > TOGETHER {
            body.push(context(SHORTENED.to_owned()));
            break;
        }
        used += weight;
        body.push(block);
    }
    blocks.extend(body);
    blocks.extend(tail);
    blocks
}

/// A part as blocks, each with its number of characters.
fn part(part: &Part) -> Vec<(SlackBlock, usize)> {
    match part {
        Part::Text(text) => split(&render(text), BLOCK).into_iter().map(weighed).collect(),
        Part::Code(text) => {
            // A fence inside would end the block.
            let text = escape(text).replace("```", "'''");
            if text.trim().is_empty() {
                return Vec::new();
            }
            split(&format!("```\n{}\n```", text.trim_end()), BLOCK)
                .into_iter()
                .map(weighed)
                .collect()
        }
        Part::Divider => vec![(SlackDividerBlock::new().into(), 0)],
        Part::Picture(picture) => {
            let alt = visible(shorten(&picture.alt, ALT));
            let weight = length(&alt);
            let file = SlackImageUrlOrFile::SlackFile {
                slack_file: SlackFileIdOrUrl::Id {
                    id: SlackFileId::new(picture.file.clone()),
                },
            };
            vec![(SlackImageBlock::new(file, alt).into(), weight)]
        }
        Part::Form(form) => crate::form::blocks(form),
        Part::Fields(fields) => fields
            .chunks(FIELDS_PER_BLOCK)
            .map(|fields| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| {
                        shorten(&format!("{}\n{}", bold(&escape(name)), render(value)), FIELD)
                    })
                    .collect();
                let weight = fields.iter().map(|field| length(field)).sum();
                let fields = fields.into_iter().map(mrkdwn).collect();
                (SlackSectionBlock::new().with_fields(fields).into(), weight)
            })
            .collect(),
    }
}

fn button(button: &Button, nth: usize) -> SlackActionBlockElement {
    let id = SlackActionId::new(format!("{ACTION}{nth}"));
    let element = SlackBlockButtonElement::new(plain(&button.label, BUTTON_LABEL))
        .with_action_id(id)
        .with_value(button.command.clone());
    let element = match button.style {
        ButtonStyle::Plain => element,
        ButtonStyle::Primary => element.with_style(SlackBlockButtonStyle::Primary),
        ButtonStyle::Danger => element.with_style(SlackBlockButtonStyle::Danger),
    };
    let element = match &button.confirm {
        None => element,
        Some(question) => element.with_confirm(SlackBlockConfirmItem::new(
            plain("Are you sure?", BUTTON_LABEL),
            mrkdwn(shorten(&render(question), CONFIRM_TEXT)),
            plain(&button.label, CONFIRM_BUTTON),
            plain("Cancel", CONFIRM_BUTTON),
        )),
    };
    element.into()
}

fn weighed(text: String) -> (SlackBlock, usize) {
    let weight = length(&text);
    (section(text), weight)
}

fn section(text: String) -> SlackBlock {
    SlackSectionBlock::new().with_text(mrkdwn(visible(text))).into()
}

fn context(text: String) -> SlackBlock {
    SlackContextBlock::new(vec![SlackBlockMarkDownText::new(visible(text)).into()]).into()
}

fn mrkdwn(text: String) -> SlackBlockText {
    SlackBlockMarkDownText::new(visible(text)).into()
}

/// Slack refuses an empty text.
fn visible(text: String) -> String {
    if text.trim().is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

fn plain(text: &str, limit: usize) -> SlackBlockPlainTextOnly {
    visible(label(text, limit)).into()
}

/// Bold, unless the words bring formatting of their own, or could not be bold as a whole.
fn bold(text: &str) -> String {
    if text.is_empty() || text.contains(['*', '\n', '`']) {
        text.to_owned()
    } else {
        format!("*{}*", text.trim())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn json(card: &Card) -> Value {
        serde_json::to_value(blocks(card)).unwrap()
    }

    #[test]
    fn a_deploy_card() {
        let card = Card::new(otus_core::card::Tone::Running, "Deploying api to production")
            .text("`1.4.2` → `1.5.0` & 3 commits")
            .field("Pods", "2 of 3")
            .field("Since", "12 s")
            .code("a < b")
            .button(Button::new("Stop", "stop 7").danger("Stop <here>?"))
            .footer("asked by ann");
        let lines: Vec<String> = json(&card)
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"text":{"text":"*⏳ Deploying api to production*","type":"mrkdwn"},"type":"section"}
        {"text":{"text":"`1.4.2` → `1.5.0` &amp; 3 commits","type":"mrkdwn"},"type":"section"}
        {"fields":[{"text":"*Pods*\n2 of 3","type":"mrkdwn"},{"text":"*Since*\n12 s","type":"mrkdwn"}],"type":"section"}
        {"text":{"text":"```\na &lt; b\n```","type":"mrkdwn"},"type":"section"}
        {"elements":[{"action_id":"otus:say:0","confirm":{"confirm":{"text":"Stop","type":"plain_text"},"deny":{"text":"Cancel","type":"plain_text"},"text":{"text":"Stop &lt;here&gt;?","type":"mrkdwn"},"title":{"text":"Are you sure?","type":"plain_text"}},"style":"danger","text":{"text":"Stop","type":"plain_text"},"type":"button","value":"stop 7"}],"type":"actions"}
        {"elements":[{"text":"asked by ann","type":"mrkdwn"}],"type":"context"}
        "#);
    }

    #[test]
    fn a_command_too_long_for_a_button_is_left_out_and_said() {
        let card = Card {
            title: "x".into(),
            ..Card::default()
        }
        .button(Button::new("Fits", "a".repeat(2_000)))
        .button(Button::new("Long <one>", "a".repeat(2_001)));
        let blocks = json(&card);
        assert_eq!(blocks[1]["elements"].as_array().unwrap().len(), 1);
        assert_eq!(
            blocks[2]["elements"][0]["text"],
            "Left out, because its command is too long for a button: Long &lt;one&gt;"
        );
    }

    fn card() -> impl Strategy<Value = Card> {
        let words = || {
            let long = (0_usize..4_000, "[a-z <>&`*\n]{1,24}")
                .prop_map(|(size, words)| words.repeat(size / words.len()));
            prop_oneof![".{0,40}", long]
        };
        let part = prop_oneof![
            words().prop_map(Part::Text),
            words().prop_map(Part::Code),
            prop::collection::vec((words(), words()), 0..13).prop_map(Part::Fields),
            Just(Part::Divider),
        ];
        let command = (0_usize..2_500).prop_map(|size| "deploy x ".repeat(size / 9));
        let button =
            (".{0,100}", command, prop::option::of(".{0,400}")).prop_map(|(label, command, confirm)| {
                Button {
                    confirm,
                    ..Button::new(label, command)
                }
            });
        let buttons = prop::collection::vec(button, 0..30);
        (
            words(),
            prop::collection::vec(part, 0..60),
            buttons,
            prop::option::of(words()),
        )
            .prop_map(|(title, parts, buttons, footer)| Card {
                title,
                parts,
                buttons,
                footer,
                ..Card::default()
            })
    }

    fn check_texts(value: &Value, together: &mut usize) -> Result<(), TestCaseError> {
        match value {
            Value::Object(map) => {
                if let (Some(kind), Some(text)) = (map.get("type"), map.get("text").and_then(Value::as_str)) {
                    let size = length(text);
                    *together += size;
                    prop_assert!(!text.trim().is_empty());
                    let limit = if kind == "plain_text" { 150 } else { 3_000 };
                    prop_assert!(size <= limit);
                    prop_assert!(kind == "plain_text" || !text.contains("<!"));
                }
                map.values().try_for_each(|value| check_texts(value, together))
            }
            Value::Array(array) => array.iter().try_for_each(|value| check_texts(value, together)),
            _ => Ok(()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_card_fits_and_every_button_keeps_its_command(card in card()) {
            let blocks = json(&card);
            let list = blocks.as_array().unwrap();
            prop_assert!(list.len() <= 50, "{} blocks", list.len());
            let mut together = 0;
            check_texts(&blocks, &mut together)?;
            let mut ids = std::collections::HashSet::new();
            for block in list {
                if block["type"] == "actions" {
                    let elements = block["elements"].as_array().unwrap();
                    prop_assert!((1..=25).contains(&elements.len()));
                    for element in elements {
                        let id = element["action_id"].as_str().unwrap();
                        prop_assert!(ids.insert(id.to_owned()));
                        let nth: usize = id.strip_prefix(ACTION).unwrap().parse().unwrap();
                        let command = element["value"].as_str().unwrap();
                        together += command.len();
                        prop_assert_eq!(command, card.buttons[nth].command.as_str());
                        prop_assert!(length(element["text"]["text"].as_str().unwrap()) <= 75);
                        if let Some(text) = element["confirm"]["text"]["text"].as_str() {
                            prop_assert!(length(text) <= 300);
                            prop_assert!(length(element["confirm"]["confirm"]["text"].as_str().unwrap()) <= 30);
                        }
                    }
                }
                if let Some(fields) = block["fields"].as_array() {
                    prop_assert!((1..=10).contains(&fields.len()));
                    prop_assert!(fields.iter().all(|field| length(field["text"].as_str().unwrap()) <= 2_000));
                }
            }
            prop_assert!(together <= 22_000, "{together}");
        }
    }
}
