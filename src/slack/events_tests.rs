use proptest::prelude::*;
use serde_json::json;

use super::*;

fn me() -> Identity {
    Identity {
        user: "UBOT".into(),
        bot: Some("BBOT".into()),
        name: "otus".into(),
        team: "Owls".into(),
    }
}

fn callback(event: Value) -> Value {
    json!({ "type": "event_callback", "team_id": null, "event_id": "Ev1", "event": event })
}

fn heard(event: Value) -> Heard {
    understand("events_api", "e1", &callback(event), &me())
}

fn message_of(heard: Heard) -> Message {
    match heard {
        Heard::Said(message) => *message,
        other => panic!("no message: {other:?}"),
    }
}

fn nothing(heard: Heard) -> &'static str {
    match heard {
        Heard::Nothing(why) => why,
        other => panic!("not nothing: {other:?}"),
    }
}

#[test]
fn a_message_in_a_thread_survives_strange_neighbours() {
    // Each of these makes slack-morphism's model lose the text or the whole event.
    let message = message_of(heard(json!({
        "type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "ts": "2.000100",
        "thread_ts": "1.000100", "text": "<@UBOT> ping", "files": [{ "url_private": "" }], "subtype": "file_share",
        "metadata": { "event_type": "x", "event_payload": { "n": 1 } },
        "attachments": [{ "fields": [{ "title": "t", "value": 7 }] }],
    })));
    assert_eq!(
        message.event,
        EventKey {
            id: "Ev1".into(),
            also: Some("C1:2.000100".into())
        }
    );
    assert_eq!(message.content, [Segment::Me, Segment::Text(" ping".into())]);
    assert_eq!(
        message.thread.as_ref().map(|thread| thread.as_str()),
        Some("1.000100")
    );
    assert_eq!(
        (message.kind, message.via, message.edited_from),
        (ChannelKind::Public, Via::Said, None)
    );
}

#[test]
fn a_mention_has_the_same_second_key_as_its_message() {
    let event = |kind: &str| json!({ "type": kind, "channel": "C1", "user": "U1", "ts": "2.000100", "thread_ts": "2.000100", "text": "<@UBOT> ping" });
    let (message, mention) = (
        message_of(heard(event("message"))),
        message_of(heard(event("app_mention"))),
    );
    assert_eq!(message.event.also, mention.event.also);
    assert_eq!(message.thread, None);
}

#[test]
fn robots_are_not_listened_to() {
    for extra in [
        json!({ "user": "UBOT" }),
        json!({ "user": "U9", "bot_id": "B9" }),
        json!({ "user": "USLACKBOT" }),
        json!({ "bot_id": "B9", "subtype": "bot_message" }),
    ] {
        for kind in ["message", "app_mention"] {
            let mut event = json!({ "type": kind, "channel": "C1", "ts": "2.1", "text": "ping" });
            event
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            assert_eq!(nothing(heard(event)), "said by a robot");
        }
    }
}

#[test]
fn only_an_edit_by_a_person_is_an_edit() {
    let changed = |message: Value, before: &str| {
        heard(
            json!({ "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1", "ts": "9.1",
            "message": message, "previous_message": { "user": "U1", "ts": "2.1", "text": before } }),
        )
    };
    let edited =
        json!({ "user": "U1", "ts": "2.1", "text": "deploy api", "edited": { "user": "U1", "ts": "8.0" } });
    let message = message_of(changed(edited.clone(), "deploy apo"));
    assert_eq!(
        message.edited_from,
        Some(vec![Segment::Text("deploy apo".into())])
    );
    assert_eq!(message.id.unwrap().as_str(), "2.1");
    assert_eq!(message.event.also.as_deref(), Some("C1:2.1:8.0"));
    assert_eq!(
        nothing(changed(edited, "deploy api")),
        "an edit that changed no words"
    );
    let unfurled = json!({ "user": "U1", "ts": "2.1", "text": "deploy api", "attachments": [{}] });
    assert_eq!(
        nothing(changed(unfurled, "deploy apo")),
        "a change that nobody made"
    );
    let own = json!({ "user": "UBOT", "bot_id": "BBOT", "ts": "2.1", "text": "x", "edited": { "user": "UBOT", "ts": "8.0" } });
    assert_eq!(nothing(changed(own, "y")), "said by a robot");
}

#[test]
fn a_slash_command_and_a_button_speak_for_who_used_them() {
    let slash = message_of(understand(
        "slash_commands",
        "e1",
        &json!({ "command": "/otus", "text": "deploy api &amp; web", "channel_id": "C1", "user_id": "U1",
            "trigger_id": "1.2", "response_url": "https://hooks.test/1" }),
        &me(),
    ));
    assert_eq!(slash.event, EventKey::new("trigger:1.2"));
    assert_eq!(slash.content, [Segment::Text("deploy api & web".into())]);
    assert_eq!((slash.via, slash.id), (Via::Slash, None));
    assert!(slash.hook.is_some());

    let press = |ephemeral: bool| {
        message_of(understand(
            "interactive",
            "e1",
            &json!({ "type": "block_actions", "team": null, "user": { "id": "U2" }, "channel": { "id": "D1", "name": "directmessage" },
                "container": { "type": "message", "message_ts": "5.1", "channel_id": "D1", "is_ephemeral": ephemeral },
                "message": { "ts": "5.1", "thread_ts": "4.1", "user": "UBOT" },
                "actions": [{ "action_id": "otus:say:0", "value": "stop <7> *now*", "action_ts": "6.1" }] }),
            &me(),
        ))
    };
    let button = press(false);
    assert_eq!(button.author.as_str(), "U2");
    assert_eq!(button.event, EventKey::new("delivery:e1"));
    assert_eq!(button.content, [Segment::Text("stop <7> *now*".into())]);
    assert_eq!(button.kind, ChannelKind::Direct);
    assert_eq!(button.thread.unwrap().as_str(), "4.1");
    assert_eq!(
        button.via,
        Via::Button {
            message: Some(MessageRef {
                channel: "D1".into(),
                id: "5.1".into()
            })
        }
    );
    assert_eq!(press(true).via, Via::Button { message: None });
}

#[test]
fn what_is_not_for_the_robot_is_told_from_what_is_unknown() {
    nothing(heard(json!({ "type": "app_home_opened", "user": "U1" })));
    nothing(understand(
        "interactive",
        "e",
        &json!({ "type": "view_submission", "view": {} }),
        &me(),
    ));
    nothing(understand(
        "interactive",
        "e",
        &json!({ "type": "block_actions", "actions": [{ "action_id": "link" }] }),
        &me(),
    ));
    assert!(matches!(heard(json!({ "type": "brand_new" })), Heard::Unknown(kind) if kind == "brand_new"));
    assert!(matches!(
        heard(json!({ "type": "subteam_updated" })),
        Heard::Groups
    ));
    assert!(matches!(
        understand("later", "e", &Value::Null, &me()),
        Heard::Unknown(_)
    ));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "event_callback|message|app_mention|message_changed|block_actions|C1|U1|otus:say:0|[<>@!|a-z`&;]{0,12}"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 80, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(
                "type|event|event_id|channel|user|ts|text|subtype|message|previous_message|edited|blocks|actions|action_id|value|container|id",
                inner,
                0..10
            )
            .prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn garbage_never_panics(payload in any_json(), kind in "events_api|slash_commands|interactive|x") {
        understand(&kind, "e", &payload, &me());
        understand("events_api", "e", &callback(payload), &me());
    }
}
