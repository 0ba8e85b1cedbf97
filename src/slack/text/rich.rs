//! Slack's `rich_text` block into segments. People's messages carry one beside the text: un-escaped, and with code and
//! formatting set apart instead of spelled with characters that somebody may have typed.

use otus_core::message::Segment;
use serde_json::Value;

use super::{Segments, flatten};

/// Reads the first `rich_text` block of a message, if it has one.
pub fn parse(blocks: &Value, me: &str) -> Option<Vec<Segment>> {
    let block = blocks
        .as_array()?
        .iter()
        .find(|block| block["type"] == "rich_text")?;
    let mut segments = Segments::default();
    for element in array(&block["elements"]) {
        self::block(element, me, &mut segments);
    }
    Some(segments.finish())
}

fn block(element: &Value, me: &str, segments: &mut Segments) {
    match element["type"].as_str().unwrap_or_default() {
        "rich_text_quote" => {
            segments.new_line();
            segments.push(Segment::Quote(flatten(&line(element, me))));
            segments.text("\n");
        }
        "rich_text_preformatted" => {
            segments.new_line();
            segments.push(Segment::CodeBlock(flatten(&line(element, me))));
            segments.text("\n");
        }
        "rich_text_list" => {
            let ordered = element["style"] == "ordered";
            for (nth, item) in array(&element["elements"]).iter().enumerate() {
                segments.new_line();
                segments.text(&if ordered {
                    format!("{}. ", nth + 1)
                } else {
                    "• ".to_owned()
                });
                for segment in line(item, me) {
                    segments.push(segment);
                }
            }
            segments.new_line();
        }
        // A section, or something newer that is built like one.
        _ => {
            if !matches!(element["type"].as_str(), None | Some("rich_text_section")) {
                segments.new_line();
            }
            for segment in line(element, me) {
                segments.push(segment);
            }
        }
    }
}

fn line(element: &Value, me: &str) -> Vec<Segment> {
    array(&element["elements"])
        .iter()
        .filter_map(|inline| self::inline(inline, me))
        .collect()
}

fn inline(element: &Value, me: &str) -> Option<Segment> {
    let string = |key: &str| {
        element[key]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let segment = match element["type"].as_str()? {
        "text" => Segment::Text(string("text")?),
        "link" => {
            let url = string("url")?;
            Segment::Link {
                text: string("text").unwrap_or_else(|| url.clone()),
                url,
            }
        }
        "user" => match string("user_id")? {
            id if id == me => Segment::Me,
            id => Segment::User(id.into()),
        },
        "channel" => Segment::Channel {
            id: string("channel_id")?.into(),
            name: None,
        },
        "usergroup" => Segment::Group {
            id: string("usergroup_id")?,
            name: None,
        },
        "broadcast" => Segment::Group {
            id: string("range")?,
            name: None,
        },
        "emoji" => Segment::Text(format!(":{}:", string("name")?)),
        "date" => Segment::Text(string("fallback").unwrap_or_default()),
        "color" => Segment::Text(string("value")?),
        _ => Segment::Text(string("text")?),
    };
    if element["style"]["code"] == true {
        return Some(Segment::Code(flatten(&[segment])));
    }
    Some(segment)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_with_everything() {
        let blocks = json!([{ "type": "rich_text", "block_id": "x", "elements": [
            { "type": "rich_text_section", "elements": [
                { "type": "user", "user_id": "UBOT" },
                { "type": "text", "text": " say *so* & " },
                { "type": "text", "text": "deploy", "style": { "bold": true } },
                { "type": "text", "text": " x<y", "style": { "code": true } },
                { "type": "emoji", "name": "tada", "unicode": "1f389" },
                { "type": "link", "url": "http://a.test", "text": "a.test" },
                { "type": "broadcast", "range": "here" },
                { "type": "usergroup", "usergroup_id": "S1" },
            ] },
            { "type": "rich_text_preformatted", "elements": [{ "type": "text", "text": "deploy api" }] },
            { "type": "rich_text_quote", "elements": [{ "type": "text", "text": "quoted" }] },
            { "type": "rich_text_list", "style": "bullet", "elements": [
                { "type": "rich_text_section", "elements": [{ "type": "text", "text": "one" }] },
                { "type": "rich_text_section", "elements": [{ "type": "text", "text": "two" }] },
            ] },
        ] }]);
        let text = |text: &str| Segment::Text(text.to_owned());
        assert_eq!(
            parse(&blocks, "UBOT").unwrap(),
            [
                Segment::Me,
                text(" say *so* & deploy"),
                Segment::Code(" x<y".into()),
                text(":tada:"),
                Segment::Link {
                    url: "http://a.test".into(),
                    text: "a.test".into()
                },
                Segment::Group {
                    id: "here".into(),
                    name: None
                },
                Segment::Group {
                    id: "S1".into(),
                    name: None
                },
                text("\n"),
                Segment::CodeBlock("deploy api".into()),
                text("\n"),
                Segment::Quote("quoted".into()),
                text("\n• one\n• two"),
            ]
        );
    }

    #[test]
    fn no_rich_text_is_none() {
        assert_eq!(parse(&Value::Null, ""), None);
        assert_eq!(parse(&json!([{ "type": "section" }]), ""), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "rich_text|rich_text_section|text|user|link|UBOT|.{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("type|elements|text|user_id|url|style", inner, 0..6)
                    .prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn garbage_never_panics(inner in any_json()) {
            parse(&inner, "UBOT");
            parse(&json!([{ "type": "rich_text", "elements": inner }]), "UBOT");
        }
    }
}
