//! Finding the interactive elements in blocks, as a person's click does.

use serde_json::{Value, json};

/// An interactive element and the block it is in.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) block_id: String,
    pub(crate) element: Value,
}

impl Found {
    fn label(&self) -> Option<&str> {
        self.element["text"]["text"]
            .as_str()
            .or_else(|| self.element["placeholder"]["text"].as_str())
    }

    pub(crate) fn action_id(&self) -> &str {
        self.element["action_id"].as_str().unwrap_or_default()
    }

    fn is(&self, wanted: &str) -> bool {
        self.action_id() == wanted || self.label() == Some(wanted)
    }
}

/// Every element a person can act on, in reading order.
pub(crate) fn all(blocks: &[Value]) -> Vec<Found> {
    let mut found = Vec::new();
    for block in blocks {
        let block_id = block["block_id"].as_str().unwrap_or_default();
        walk(block, block_id, &mut found);
    }
    found
}

fn walk(value: &Value, block_id: &str, found: &mut Vec<Found>) {
    for key in ["elements", "accessory", "element", "actions"] {
        match value.get(key) {
            Some(Value::Array(items)) => items.iter().for_each(|item| take(item, block_id, found)),
            Some(item) => take(item, block_id, found),
            None => {}
        }
    }
}

fn take(element: &Value, block_id: &str, found: &mut Vec<Found>) {
    if element.get("action_id").is_some() {
        found.push(Found {
            block_id: block_id.to_owned(),
            element: element.clone(),
        });
    } else {
        walk(element, block_id, found);
    }
}

/// The element with that action id or label.
pub(crate) fn find(blocks: &[Value], wanted: &str) -> Option<Found> {
    all(blocks).into_iter().find(|found| found.is(wanted))
}

/// What there is to click, for an error message.
pub(crate) fn names(blocks: &[Value]) -> String {
    let names: Vec<String> = all(blocks)
        .iter()
        .map(|found| match found.label() {
            Some(label) => format!("{label:?} ({})", found.action_id()),
            None => found.action_id().to_owned(),
        })
        .collect();
    if names.is_empty() {
        "nothing to click".to_owned()
    } else {
        names.join(", ")
    }
}

/// An option of a menu by its text or value.
pub(crate) fn option(element: &Value, wanted: &str) -> Option<Value> {
    let groups = element["option_groups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|g| g["options"].as_array());
    element["options"]
        .as_array()
        .into_iter()
        .chain(groups)
        .flatten()
        .find(|o| o["value"] == wanted || o["text"]["text"] == wanted)
        .cloned()
}

/// The state of one element after a person set it to `value` (an option's text or value, a date, typed text …).
pub(crate) fn set(element: &Value, value: &Value) -> Value {
    let kind = element["type"].as_str().unwrap_or_default();
    let chosen = |wanted: &Value| {
        let text = wanted.as_str().unwrap_or_default();
        option(element, text)
            .unwrap_or_else(|| json!({"text": {"type": "plain_text", "text": text}, "value": text}))
    };
    let list = || value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let (key, value) = match kind {
        "static_select" | "external_select" | "radio_buttons" | "overflow" => {
            ("selected_option", chosen(value))
        }
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", list().iter().map(chosen).collect())
        }
        "users_select" => ("selected_user", value.clone()),
        "multi_users_select" => ("selected_users", list().into()),
        "channels_select" => ("selected_channel", value.clone()),
        "multi_channels_select" => ("selected_channels", list().into()),
        "conversations_select" => ("selected_conversation", value.clone()),
        "multi_conversations_select" => ("selected_conversations", list().into()),
        "datepicker" => ("selected_date", value.clone()),
        "timepicker" => ("selected_time", value.clone()),
        "datetimepicker" => ("selected_date_time", value.clone()),
        "rich_text_input" => ("rich_text_value", value.clone()),
        _ => ("value", value.clone()),
    };
    json!({"type": kind, key: value})
}

/// The state of an element nobody touched.
pub(crate) fn initial(element: &Value) -> Option<Value> {
    let kind = element["type"].as_str()?;
    let (key, from) = match kind {
        "button" | "overflow" | "workflow_button" => return None,
        "static_select" | "external_select" | "radio_buttons" => ("selected_option", "initial_option"),
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", "initial_options")
        }
        "users_select" => ("selected_user", "initial_user"),
        "multi_users_select" => ("selected_users", "initial_users"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "multi_channels_select" => ("selected_channels", "initial_channels"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "multi_conversations_select" => ("selected_conversations", "initial_conversations"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        "datetimepicker" => ("selected_date_time", "initial_date_time"),
        "rich_text_input" => ("rich_text_value", "initial_value"),
        _ => ("value", "initial_value"),
    };
    let none = if key.ends_with('s') {
        json!([])
    } else {
        Value::Null
    };
    Some(json!({"type": kind, key: element.get(from).cloned().unwrap_or(none)}))
}
