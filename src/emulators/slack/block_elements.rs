//! Block elements, checked: buttons, menus, inputs.

use serde_json::Value;

use super::{blocks::Faults, ids};

/// What may stand beside a section's text.
pub(crate) const ACCESSORY: &[&str] = &[
    "button",
    "checkboxes",
    "datepicker",
    "image",
    "overflow",
    "radio_buttons",
    "timepicker",
    "workflow_button",
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "multi_static_select",
    "multi_external_select",
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
];
/// What may stand in an `actions` block.
pub(crate) const ACTIONS: &[&str] = &[
    "button",
    "checkboxes",
    "datepicker",
    "datetimepicker",
    "overflow",
    "radio_buttons",
    "timepicker",
    "workflow_button",
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "multi_static_select",
    "multi_external_select",
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
    "rich_text_input",
];
/// What may stand in an `input` block.
pub(crate) const INPUT: &[&str] = &[
    "plain_text_input",
    "email_text_input",
    "number_input",
    "url_text_input",
    "rich_text_input",
    "file_input",
    "checkboxes",
    "datepicker",
    "datetimepicker",
    "radio_buttons",
    "timepicker",
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "multi_static_select",
    "multi_external_select",
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
];

pub(crate) fn check(faults: &mut Faults, element: &Value, at: &str, allowed: &[&str]) {
    let Some(kind) = element["type"].as_str() else {
        faults.add("missing required field: type", at);
        return;
    };
    if !allowed.contains(&kind) {
        faults.add(&format!("unsupported type: {kind}"), &format!("{at}/type"));
        return;
    }
    faults.string(&element["action_id"], &format!("{at}/action_id"), 1, 255, false);
    if let Some(confirm) = element.get("confirm").filter(|c| !c.is_null()) {
        faults.text(&confirm["title"], &format!("{at}/confirm/title"), 100, true, true);
        faults.text(&confirm["text"], &format!("{at}/confirm/text"), 300, false, true);
        faults.text(
            &confirm["confirm"],
            &format!("{at}/confirm/confirm"),
            30,
            true,
            true,
        );
        faults.text(&confirm["deny"], &format!("{at}/confirm/deny"), 30, true, true);
    }
    faults.text(
        &element["placeholder"],
        &format!("{at}/placeholder"),
        150,
        true,
        false,
    );
    match kind {
        "button" => {
            faults.text(&element["text"], &format!("{at}/text"), 75, true, true);
            faults.string(&element["value"], &format!("{at}/value"), 0, 2000, false);
            faults.url(&element["url"], &format!("{at}/url"), false);
            faults.string(
                &element["accessibility_label"],
                &format!("{at}/accessibility_label"),
                0,
                75,
                false,
            );
            if !matches!(element["style"].as_str(), None | Some("primary" | "danger")) {
                faults.add("must be one of: primary, danger", &format!("{at}/style"));
            }
        }
        "overflow" => options(faults, element, at, 5),
        "radio_buttons" | "checkboxes" => options(faults, element, at, 10),
        "static_select" | "multi_static_select" => match element.get("option_groups") {
            Some(groups) => {
                for (n, group) in faults
                    .list(groups, &format!("{at}/option_groups"), 1, 100)
                    .iter()
                    .enumerate()
                {
                    let at = format!("{at}/option_groups/{n}");
                    faults.text(&group["label"], &format!("{at}/label"), 75, true, true);
                    options(faults, group, &at, 100);
                }
            }
            None => options(faults, element, at, 100),
        },
        "image" => {
            faults.string(&element["alt_text"], &format!("{at}/alt_text"), 1, 2000, true);
            if element.get("slack_file").is_none() {
                faults.url(&element["image_url"], &format!("{at}/image_url"), true);
            }
        }
        "plain_text_input" => faults.string(
            &element["initial_value"],
            &format!("{at}/initial_value"),
            0,
            3000,
            false,
        ),
        _ => {}
    }
}

fn options(faults: &mut Faults, holder: &Value, at: &str, max: usize) {
    for (n, option) in faults
        .list(&holder["options"], &format!("{at}/options"), 1, max)
        .iter()
        .enumerate()
    {
        let at = format!("{at}/options/{n}");
        faults.text(&option["text"], &format!("{at}/text"), 75, false, true);
        faults.string(&option["value"], &format!("{at}/value"), 1, 150, true);
        faults.text(
            &option["description"],
            &format!("{at}/description"),
            75,
            false,
            false,
        );
    }
}

/// Gives an interactive element without an action id one, as Slack does.
pub(crate) fn name(element: &mut Value) {
    let interactive = element["type"].as_str().is_some_and(|kind| {
        kind != "image" && (ACTIONS.contains(&kind) || INPUT.contains(&kind) || ACCESSORY.contains(&kind))
    });
    if interactive
        && let Some(map) = element.as_object_mut()
        && map
            .get("action_id")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
    {
        map.insert("action_id".into(), ids::block_id().into());
    }
}
