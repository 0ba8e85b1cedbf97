//! Block Kit, checked: what Slack refuses with `invalid_blocks`, and where.
//!
//! Limits as in python-slack-sdk's `models/blocks` and `models/views`; the wording of a fault follows
//! java-slack-sdk's recorded `chat.postMessage` sample.

use std::collections::HashSet;

use serde_json::Value;

use super::{block_elements as elements, error::ApiError, ids};

/// Where blocks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    Message,
    Modal,
    Home,
}

impl Surface {
    const fn max_blocks(self) -> usize {
        match self {
            Surface::Message => 50,
            Surface::Modal | Surface::Home => 100,
        }
    }
}

/// Collects faults with the place of each.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<String>);

impl Faults {
    pub(crate) fn add(&mut self, what: &str, at: &str) {
        self.0.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    /// A string of at most `max` characters; its absence is a fault when `required`.
    pub(crate) fn string(&mut self, value: &Value, at: &str, min: usize, max: usize, required: bool) {
        match value {
            Value::Null if required => self.missing(at),
            Value::Null => {}
            Value::String(text) => {
                let length = text.chars().count();
                if length > max {
                    self.add(&format!("must be less than {} characters", max + 1), at);
                } else if length < min {
                    self.add(
                        &format!("must be more than {} characters", min.saturating_sub(1)),
                        at,
                    );
                }
            }
            _ => self.add("must be a string", at),
        }
    }

    /// A text object: `plain_text`, or also `mrkdwn`.
    pub(crate) fn text(&mut self, value: &Value, at: &str, max: usize, plain_only: bool, required: bool) {
        match value {
            Value::Null if required => self.missing(at),
            Value::Null => {}
            Value::Object(_) => {
                let kind = value["type"].as_str();
                if !(kind == Some("plain_text") || kind == Some("mrkdwn") && !plain_only) {
                    let wanted = if plain_only {
                        "plain_text"
                    } else {
                        "plain_text or mrkdwn"
                    };
                    self.add(
                        &format!("unsupported type: {} (wanted {wanted})", value["type"]),
                        &format!("{at}/type"),
                    );
                }
                self.string(&value["text"], &format!("{at}/text"), 1, max, true);
            }
            _ => self.add("must provide an object", at),
        }
    }

    /// A list of `min` to `max` items.
    pub(crate) fn list<'a>(&mut self, value: &'a Value, at: &str, min: usize, max: usize) -> &'a [Value] {
        match value {
            Value::Array(items) => {
                if items.len() > max {
                    self.add(&format!("no more than {max} items allowed"), at);
                } else if items.len() < min {
                    self.add(&format!("must have at least {min} items"), at);
                }
                items
            }
            Value::Null if min == 0 => &[],
            Value::Null => {
                self.missing(at);
                &[]
            }
            _ => {
                self.add("must be an array", at);
                &[]
            }
        }
    }

    pub(crate) fn url(&mut self, value: &Value, at: &str, required: bool) {
        self.string(value, at, 1, 3000, required);
        if let Some(text) = value.as_str()
            && url::Url::parse(text).is_err()
        {
            self.add("must be a valid URL", at);
        }
    }

    fn missing(&mut self, at: &str) {
        let (parent, field) = at.rsplit_once('/').unwrap_or(("", at));
        self.add(&format!("missing required field: {field}"), parent);
    }
}

/// Refuses faulty blocks as `chat.postMessage` does.
pub(crate) fn refuse_faulty(blocks: &[Value], surface: Surface) -> Result<(), ApiError> {
    let faults = check(blocks, surface);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid_blocks(faults))
    }
}

/// What is wrong with blocks, each fault with its place.
pub(crate) fn check(blocks: &[Value], surface: Surface) -> Vec<String> {
    let mut faults = Faults::default();
    if blocks.len() > surface.max_blocks() {
        faults.add(
            &format!("no more than {} items allowed", surface.max_blocks()),
            "/blocks",
        );
    }
    let mut block_ids = HashSet::new();
    let mut action_ids = HashSet::new();
    for (n, block) in blocks.iter().enumerate() {
        let at = format!("/blocks/{n}");
        if !block.is_object() {
            faults.add("must provide an object", &at);
            continue;
        }
        faults.string(&block["block_id"], &format!("{at}/block_id"), 0, 255, false);
        if let Some(id) = block["block_id"].as_str().filter(|id| !id.is_empty())
            && !block_ids.insert(id)
        {
            faults.add("`block_id` must be unique", &format!("{at}/block_id"));
        }
        check_block(&mut faults, block, &at);
        for found in super::elements::all(std::slice::from_ref(block)) {
            let id = (
                block["block_id"].as_str().unwrap_or(&at).to_owned(),
                found.action_id().to_owned(),
            );
            if !id.1.is_empty() && !action_ids.insert(id) {
                faults.add("`action_id` must be unique in its block", &at);
            }
        }
    }
    faults.0
}

fn check_block(faults: &mut Faults, block: &Value, at: &str) {
    let kind = block["type"].as_str().unwrap_or_default();
    match kind {
        "section" => {
            faults.text(
                &block["text"],
                &format!("{at}/text"),
                3000,
                false,
                block.get("fields").is_none(),
            );
            for (n, field) in faults
                .list(&block["fields"], &format!("{at}/fields"), 0, 10)
                .iter()
                .enumerate()
            {
                faults.text(field, &format!("{at}/fields/{n}"), 2000, false, true);
            }
            if let Some(accessory) = block.get("accessory") {
                elements::check(faults, accessory, &format!("{at}/accessory"), elements::ACCESSORY);
            }
        }
        "header" => faults.text(&block["text"], &format!("{at}/text"), 150, true, true),
        "divider" => {}
        "context" => {
            for (n, item) in faults
                .list(&block["elements"], &format!("{at}/elements"), 1, 10)
                .iter()
                .enumerate()
            {
                let at = format!("{at}/elements/{n}");
                if item["type"] == "image" {
                    image(faults, item, &at);
                } else {
                    faults.text(item, &at, 2000, false, true);
                }
            }
        }
        "actions" => {
            for (n, item) in faults
                .list(&block["elements"], &format!("{at}/elements"), 1, 25)
                .iter()
                .enumerate()
            {
                elements::check(faults, item, &format!("{at}/elements/{n}"), elements::ACTIONS);
            }
        }
        "context_actions" => {
            faults.list(&block["elements"], &format!("{at}/elements"), 1, 5);
        }
        "image" => {
            image(faults, block, at);
            faults.text(&block["title"], &format!("{at}/title"), 2000, true, false);
        }
        "input" => {
            faults.text(&block["label"], &format!("{at}/label"), 2000, true, true);
            faults.text(&block["hint"], &format!("{at}/hint"), 2000, true, false);
            elements::check(
                faults,
                &block["element"],
                &format!("{at}/element"),
                elements::INPUT,
            );
        }
        "markdown" => faults.string(&block["text"], &format!("{at}/text"), 1, 12_000, true),
        "rich_text" => {
            faults.list(&block["elements"], &format!("{at}/elements"), 1, usize::MAX);
        }
        "video" => {
            faults.text(&block["title"], &format!("{at}/title"), 200, true, true);
            faults.string(&block["alt_text"], &format!("{at}/alt_text"), 1, 2000, true);
            faults.url(&block["video_url"], &format!("{at}/video_url"), true);
            faults.url(&block["thumbnail_url"], &format!("{at}/thumbnail_url"), true);
        }
        "table" => {
            let rows = faults.list(&block["rows"], &format!("{at}/rows"), 1, 100);
            for (n, row) in rows.iter().enumerate() {
                faults.list(row, &format!("{at}/rows/{n}"), 1, 20);
            }
        }
        "card" => {
            faults.text(&block["title"], &format!("{at}/title"), 150, false, false);
            faults.text(&block["body"], &format!("{at}/body"), 200, false, false);
        }
        "carousel" => {
            faults.list(&block["elements"], &format!("{at}/elements"), 1, 10);
        }
        "file" | "plan" | "task_card" | "call" | "share_shortcut" => {}
        "" => faults.add("missing required field: type", at),
        other => faults.add(&format!("unsupported type: {other}"), &format!("{at}/type")),
    }
}

fn image(faults: &mut Faults, image: &Value, at: &str) {
    faults.string(&image["alt_text"], &format!("{at}/alt_text"), 1, 2000, true);
    if image.get("slack_file").is_none() {
        faults.url(&image["image_url"], &format!("{at}/image_url"), true);
    }
}

/// What is wrong with a view.
pub(crate) fn check_view(view: &Value, home: bool) -> Vec<String> {
    let mut faults = Faults::default();
    let surface = match view["type"].as_str() {
        Some("home") if home => Surface::Home,
        Some("modal") if !home => Surface::Modal,
        _ => {
            faults.add(
                if home {
                    "must be a home view"
                } else {
                    "must be a modal view"
                },
                "/view/type",
            );
            return faults.0;
        }
    };
    if surface == Surface::Modal {
        faults.text(&view["title"], "/view/title", 24, true, true);
        faults.text(&view["submit"], "/view/submit", 24, true, false);
        faults.text(&view["close"], "/view/close", 24, true, false);
        let inputs = view["blocks"]
            .as_array()
            .is_some_and(|b| b.iter().any(|b| b["type"] == "input"));
        if inputs && view["submit"].is_null() {
            faults.add("missing required field: submit", "/view");
        }
    }
    faults.string(
        &view["private_metadata"],
        "/view/private_metadata",
        0,
        3000,
        false,
    );
    faults.string(&view["callback_id"], "/view/callback_id", 0, 255, false);
    faults.string(&view["external_id"], "/view/external_id", 0, 255, false);
    faults.list(&view["blocks"], "/view/blocks", 0, surface.max_blocks());
    let blocks = view["blocks"].as_array().map_or(&[][..], Vec::as_slice);
    let mut all = faults.0;
    all.extend(
        check(blocks, surface)
            .into_iter()
            .map(|fault| fault.replace("[json-pointer:/", "[json-pointer:/view/")),
    );
    all
}

/// Gives every block without an id one, as Slack does.
pub(crate) fn name(blocks: &mut Value) {
    if let Some(blocks) = blocks.as_array_mut() {
        name_each(blocks);
    }
}

/// As [`name`], for a list; elements get action ids too.
pub(crate) fn name_each(blocks: &mut [Value]) {
    for block in blocks {
        let Some(map) = block.as_object_mut() else {
            continue;
        };
        if map
            .get("block_id")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            map.insert("block_id".into(), ids::block_id().into());
        }
        for key in ["elements", "accessory", "element"] {
            match map.get_mut(key) {
                Some(Value::Array(items)) => items.iter_mut().for_each(elements::name),
                Some(item) => elements::name(item),
                None => {}
            }
        }
    }
}

/// Characters in all texts of the blocks.
pub(crate) fn text_length(blocks: &[Value]) -> usize {
    fn walk(value: &Value) -> usize {
        match value {
            Value::Object(map) => map
                .iter()
                .map(|(key, v)| {
                    if key == "text" && v.is_string() {
                        v.as_str().map_or(0, |t| t.chars().count())
                    } else {
                        walk(v)
                    }
                })
                .sum(),
            Value::Array(items) => items.iter().map(walk).sum(),
            _ => 0,
        }
    }
    blocks.iter().map(walk).sum()
}
