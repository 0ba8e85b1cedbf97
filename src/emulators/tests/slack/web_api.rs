//! The Slack emulator's Web API on the wire: encodings, tokens, errors, limits, cursors.

use otus_emulators::slack::{Fault, Kind, Options, What, Workspace};
use serde_json::{Value, json};

use crate::wire::{Api, Result, SOON};

async fn start() -> Result<(Workspace, Api)> {
    let slack = Workspace::start(Options::default()).await?;
    let api = Api::new(&slack);
    Ok((slack, api))
}

#[tokio::test]
async fn arguments_come_by_json_form_query_and_multipart() -> Result {
    let (slack, api) = start().await?;
    let blocks = json!([{"type": "divider"}]).to_string();
    let form = api.request("chat.postMessage").form(&[
        ("channel", "#deploys"),
        ("text", "form"),
        ("blocks", &blocks),
    ]);
    let posted: Value = form.send().await?.json().await?;
    assert_eq!(
        (&posted["ok"], &posted["channel"]),
        (&json!(true), &json!("C0DEPLOYS"))
    );
    api.call(
        "chat.postMessage",
        json!({"channel": "C0DEPLOYS", "text": "json", "thread_ts": null}),
    )
    .await?;
    let query = api
        .request("chat.postMessage")
        .query(&[("channel", "C0DEPLOYS"), ("text", "query")]);
    query.send().await?;
    let body = "--b\r\ncontent-disposition: form-data; name=\"channel\"\r\n\r\nC0DEPLOYS\r\n--b\r\n\
        content-disposition: form-data; name=\"text\"\r\n\r\nmultipart\r\n--b--\r\n";
    let multipart = api
        .request("chat.postMessage")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body);
    multipart.send().await?;
    let texts: Vec<_> = slack.messages("#deploys").into_iter().map(|m| m.text).collect();
    assert_eq!(texts, ["form", "json", "query", "multipart"]);
    assert_eq!(slack.messages("#deploys")[0].blocks[0]["type"], "divider");
    Ok(())
}

#[tokio::test]
async fn json_is_ignored_where_slack_takes_none_and_warned_about_without_charset() -> Result {
    let (_slack, api) = start().await?;
    let refused = api.call("users.info", json!({"user": "U0ANN"})).await?;
    assert_eq!(refused["error"], "invalid_arguments");
    assert_eq!(
        refused["response_metadata"]["messages"][0],
        "[ERROR] missing required field: user"
    );
    assert_eq!(
        api.get("users.info", &[("user", "U0ANN")]).await?["user"]["name"],
        "ann"
    );
    let request = api
        .request("chat.postMessage")
        .header("content-type", "application/json");
    let answer: Value = request
        .body(r##"{"channel":"#general","text":"x"}"##)
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(
        (&answer["ok"], &answer["warning"]),
        (&json!(true), &json!("missing_charset"))
    );
    for (body, kind, code) in [
        ("{", "application/json; charset=utf-8", "invalid_json"),
        ("[]", "application/json; charset=utf-8", "json_not_object"),
        ("{}", "application/json; charset=latin1", "invalid_charset"),
        ("x", "text/csv", "invalid_post_type"),
        ("--x", "multipart/form-data; boundary=b", "invalid_form_data"),
    ] {
        let request = api
            .request("chat.postMessage")
            .header("content-type", kind)
            .body(body);
        assert_eq!(
            request.send().await?.json::<Value>().await?["error"],
            code,
            "{body} as {kind}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn tokens_are_checked_by_kind_and_scope() -> Result {
    let (slack, api) = start().await?;
    let with = |token: &str| Api {
        token: token.to_owned(),
        ..Api::new(&slack)
    };
    assert_eq!(with("").code("auth.test", json!({})).await?, "not_authed");
    assert_eq!(
        with("xoxb-other").code("auth.test", json!({})).await?,
        "invalid_auth"
    );
    assert_eq!(
        with(&slack.app_token()).get_code("users.list", &[]).await?,
        "not_allowed_token_type"
    );
    assert_eq!(
        api.code("apps.connections.open", json!({})).await?,
        "not_allowed_token_type"
    );
    let url = format!("{}/auth.test", api.url);
    let by_query = api
        .http
        .get(&url)
        .query(&[("token", slack.bot_token())])
        .send()
        .await?
        .json::<Value>()
        .await?;
    assert_eq!(
        by_query["error"], "not_authed",
        "a token in the query is no token"
    );
    let by_form = api
        .http
        .post(&url)
        .form(&[("token", slack.bot_token())])
        .send()
        .await?
        .json::<Value>()
        .await?;
    assert_eq!(by_form["ok"], true);

    slack.set_scopes(&["im:read", "channels:read"]);
    let refused = api
        .call("chat.postMessage", json!({"channel": "#general", "text": "x"}))
        .await?;
    assert_eq!(refused["error"], "missing_scope");
    assert_eq!(
        (&refused["needed"], &refused["provided"]),
        (&json!("chat:write"), &json!("im:read,channels:read"))
    );
    let refused = api
        .get("conversations.history", &[("channel", "C0GENERAL")])
        .await?;
    assert_eq!(
        (&refused["error"], &refused["needed"]),
        (&json!("missing_scope"), &json!("channels:history"))
    );
    slack.set_scopes(&["users:read"]);
    let user = api.get("users.info", &[("user", "U0ANN")]).await?;
    assert_eq!(
        user["user"]["profile"].get("email"),
        None,
        "addresses need their own scope"
    );
    slack.auth_error(Some("token_revoked"));
    assert_eq!(api.code("auth.test", json!({})).await?, "token_revoked");
    Ok(())
}

#[tokio::test]
async fn posting_is_refused_as_slack_refuses() -> Result {
    let (slack, api) = start().await?;
    let secret = slack.add_channel("secret", Kind::Private);
    slack.leave("otus", &secret)?;
    slack.add_channel("old", Kind::Public);
    slack.archive("old")?;
    slack.leave("bob", "#deploys")?;
    let said = slack.say("ann", "#deploys", "hello")?;
    let blocks = |n: usize| vec![json!({"type": "divider"}); n];
    for (method, args, code) in [
        ("chat.postMessage", json!({"text": "x"}), "channel_not_found"),
        (
            "chat.postMessage",
            json!({"channel": "C404", "text": "x"}),
            "channel_not_found",
        ),
        (
            "chat.postMessage",
            json!({"channel": secret, "text": "x"}),
            "channel_not_found",
        ),
        (
            "chat.postMessage",
            json!({"channel": "#old", "text": "x"}),
            "is_archived",
        ),
        ("chat.postMessage", json!({"channel": "#deploys"}), "no_text"),
        (
            "chat.postMessage",
            json!({"channel": "#deploys", "text": " "}),
            "no_text",
        ),
        (
            "chat.postMessage",
            json!({"channel": "#deploys", "blocks": "x"}),
            "invalid_blocks_format",
        ),
        (
            "chat.postMessage",
            json!({"channel": "#deploys", "blocks": blocks(51)}),
            "invalid_blocks",
        ),
        (
            "chat.postMessage",
            json!({"channel": "#deploys", "text": "x", "markdown_text": "y"}),
            "markdown_text_conflict",
        ),
        (
            "chat.postMessage",
            json!({"channel": "#deploys", "text": "x", "thread_ts": "1.000000"}),
            "cannot_reply_to_message",
        ),
        (
            "chat.postMessage",
            json!({"channel": "#deploys", "text": "x", "attachments": vec![json!({}); 101]}),
            "too_many_attachments",
        ),
        (
            "chat.update",
            json!({"channel": "C0DEPLOYS", "ts": said, "text": "x"}),
            "cant_update_message",
        ),
        (
            "chat.update",
            json!({"channel": "C0DEPLOYS", "ts": "1.000000", "text": "x"}),
            "message_not_found",
        ),
        (
            "chat.update",
            json!({"channel": "U0ANN", "ts": said, "text": "x"}),
            "channel_not_found",
        ),
        (
            "chat.delete",
            json!({"channel": "C0DEPLOYS", "ts": said}),
            "cant_delete_message",
        ),
        (
            "chat.postEphemeral",
            json!({"channel": "C0DEPLOYS", "user": "U0BOB", "text": "x"}),
            "user_not_in_channel",
        ),
        (
            "reactions.add",
            json!({"channel": "C0DEPLOYS", "timestamp": said, "name": "No Emoji"}),
            "invalid_name",
        ),
        (
            "reactions.add",
            json!({"channel": "C0DEPLOYS", "timestamp": "yesterday", "name": "eyes"}),
            "bad_timestamp",
        ),
        ("reactions.add", json!({"name": "eyes"}), "no_item_specified"),
        (
            "reactions.remove",
            json!({"channel": "C0DEPLOYS", "timestamp": said, "name": "eyes"}),
            "no_reaction",
        ),
        ("conversations.open", json!({}), "users_list_not_supplied"),
        ("conversations.open", json!({"users": "U404"}), "user_not_found"),
        ("conversations.join", json!({"channel": "C0OLD"}), "is_archived"),
        ("views.open", json!({"trigger_id": "1.2.3"}), "invalid_arguments"),
        (
            "files.completeUploadExternal",
            json!({"files": [{"id": "F404"}]}),
            "file_not_found",
        ),
        ("no.such.method", json!({}), "unknown_method"),
    ] {
        assert_eq!(api.code(method, args.clone()).await?, code, "{method} {args}");
    }
    slack.set_scopes(&["chat:write"]);
    slack.leave("otus", "#general")?;
    assert_eq!(
        api.code("chat.postMessage", json!({"channel": "#general", "text": "x"}))
            .await?,
        "not_in_channel"
    );
    Ok(())
}

#[tokio::test]
async fn text_is_cut_updates_refused_and_stray_characters_escaped() -> Result {
    let (slack, api) = start().await?;
    let long = "ä".repeat(40_005);
    let posted = api
        .call("chat.postMessage", json!({"channel": "#deploys", "text": long}))
        .await?;
    assert_eq!(
        posted["message"]["text"].as_str().map(|t| t.chars().count()),
        Some(40_000)
    );
    let update = |text: String| json!({"channel": "C0DEPLOYS", "ts": posted["ts"], "text": text});
    assert_eq!(
        api.code("chat.update", update("x".repeat(4_001))).await?,
        "msg_too_long"
    );
    assert_eq!(api.code("chat.update", update("x".repeat(4_000))).await?, "");
    api.call(
        "chat.update",
        update("1 < 2 && <@U0ANN> &lt; <https://a.example|b> > c".into()),
    )
    .await?;
    let message = &slack.messages("#deploys")[0];
    assert_eq!(
        message.text,
        "1 &lt; 2 &amp;&amp; <@U0ANN> &lt; <https://a.example|b> &gt; c"
    );
    assert_eq!(message.revisions.len(), 2);
    Ok(())
}

#[tokio::test]
async fn faulty_blocks_are_named_with_their_place() -> Result {
    let (_slack, api) = start().await?;
    let button = |text: &str| json!({"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": text}});
    let long = "x".repeat(3001);
    for (block, fault) in [
        (
            json!({"type": "section", "text": {"type": "mrkdwn", "text": long}}),
            "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            json!({"type": "section"}),
            "[ERROR] missing required field: text [json-pointer:/blocks/0]",
        ),
        (
            json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}),
            "[ERROR] unsupported type: \"mrkdwn\" (wanted plain_text) [json-pointer:/blocks/0/text/type]",
        ),
        (
            json!({"type": "actions", "elements": []}),
            "[ERROR] must have at least 1 items [json-pointer:/blocks/0/elements]",
        ),
        (
            json!({"type": "actions", "elements": [button(&"x".repeat(76))]}),
            "[ERROR] must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            json!({"type": "actions", "elements": [button("a"), button("b")]}),
            "[ERROR] `action_id` must be unique in its block [json-pointer:/blocks/0]",
        ),
        (
            json!({"type": "actions", "elements": vec![json!({"type": "image"}); 1]}),
            "[ERROR] unsupported type: image [json-pointer:/blocks/0/elements/0/type]",
        ),
        (
            json!({"type": "image", "image_url": "nowhere", "alt_text": "x"}),
            "[ERROR] must be a valid URL [json-pointer:/blocks/0/image_url]",
        ),
        (
            json!({"type": "hologram"}),
            "[ERROR] unsupported type: hologram [json-pointer:/blocks/0/type]",
        ),
        (
            json!("x"),
            "[ERROR] must provide an object [json-pointer:/blocks/0]",
        ),
    ] {
        let refused = api
            .call(
                "chat.postMessage",
                json!({"channel": "#deploys", "blocks": [block]}),
            )
            .await?;
        assert_eq!(refused["error"], "invalid_blocks");
        assert_eq!(refused["response_metadata"]["messages"], json!([fault]));
        assert_eq!(refused["errors"], json!([fault]));
    }
    let same = json!({"type": "divider", "block_id": "same"});
    let twice = api
        .call(
            "chat.postMessage",
            json!({"channel": "#deploys", "blocks": [same, same]}),
        )
        .await?;
    assert_eq!(twice["error"], "invalid_blocks");
    let much = vec![json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(2900)}}); 5];
    assert_eq!(
        api.code("chat.postMessage", json!({"channel": "#deploys", "blocks": much}))
            .await?,
        "msg_blocks_too_long"
    );
    Ok(())
}

#[tokio::test]
async fn metadata_is_shown_to_who_asks_for_it() -> Result {
    let (_slack, api) = start().await?;
    let metadata = json!({"event_type": "a_post", "event_payload": {"id": "1"}});
    let body = json!({"channel": "C0GENERAL", "text": "marked", "metadata": metadata});
    let posted = api.call("chat.postMessage", body).await?;
    let ts = posted["ts"].as_str().unwrap_or_default();
    let reply = json!({"channel": "C0GENERAL", "text": "too", "thread_ts": ts, "metadata": metadata});
    api.call("chat.postMessage", reply).await?;
    for (method, at) in [("conversations.history", 0), ("conversations.replies", 1)] {
        let plain = [("channel", "C0GENERAL"), ("ts", ts)];
        let page = api.get(method, &plain).await?;
        assert_eq!(page["messages"][at].get("metadata"), None, "{method}");
        let all = [plain[0], plain[1], ("include_all_metadata", "true")];
        let page = api.get(method, &all).await?;
        assert_eq!(page["messages"][at]["metadata"], metadata, "{method}");
    }
    Ok(())
}

#[tokio::test]
async fn lists_are_paged_by_cursor() -> Result {
    let (slack, api) = start().await?;
    let said: Vec<String> = (0..25)
        .map(|n| {
            slack
                .say("ann", "#deploys", &n.to_string())
                .map(|ts| ts.to_string())
        })
        .collect::<Result<_, _>>()?;
    let parent = said[0].parse()?;
    for n in 0..12 {
        slack.say_in_thread("bob", "#deploys", parent, &format!("r{n}"))?;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let args = [("channel", "C0DEPLOYS"), ("limit", "10"), ("cursor", &cursor)];
        let page = api.get("conversations.history", &args).await?;
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        seen.extend(
            messages
                .iter()
                .map(|m| m["ts"].as_str().unwrap_or_default().to_owned()),
        );
        cursor = page["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(page["has_more"], !cursor.is_empty());
        if cursor.is_empty() {
            break;
        }
    }
    seen.reverse();
    assert_eq!(seen, said, "newest first, each once, no replies among them");
    let window = [
        ("channel", "C0DEPLOYS"),
        ("oldest", &said[3]),
        ("latest", &said[6]),
    ];
    assert_eq!(
        api.get("conversations.history", &window).await?["messages"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let empty = [
        ("channel", "C0DEPLOYS"),
        ("oldest", &said[6]),
        ("latest", &said[3]),
        ("inclusive", "true"),
    ];
    assert_eq!(
        api.get("conversations.history", &empty).await?["messages"],
        json!([])
    );

    let mut texts = Vec::new();
    let mut cursor = String::new();
    loop {
        let args = [
            ("channel", "C0DEPLOYS"),
            ("ts", &said[0]),
            ("limit", "5"),
            ("cursor", &cursor),
        ];
        let page = api.get("conversations.replies", &args).await?;
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        texts.extend(
            messages
                .iter()
                .map(|m| m["text"].as_str().unwrap_or_default().to_owned()),
        );
        cursor = page["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    let expected: Vec<String> = std::iter::once("0".to_owned())
        .chain((0..12).map(|n| format!("r{n}")))
        .collect();
    assert_eq!(texts, expected);

    let page = api
        .get(
            "conversations.members",
            &[("channel", "C0DEPLOYS"), ("limit", "2")],
        )
        .await?;
    let next = page["response_metadata"]["next_cursor"]
        .as_str()
        .unwrap_or_default();
    let rest = api
        .get(
            "conversations.members",
            &[("channel", "C0DEPLOYS"), ("cursor", next)],
        )
        .await?;
    assert_eq!(
        (
            page["members"].as_array().map(Vec::len),
            rest["members"].as_array().map(Vec::len)
        ),
        (Some(2), Some(1))
    );
    for (method, args) in [
        ("users.list", vec![("cursor", "nonsense")]),
        (
            "conversations.history",
            vec![("channel", "C0DEPLOYS"), ("cursor", "nonsense")],
        ),
    ] {
        assert_eq!(api.get_code(method, &args).await?, "invalid_cursor");
    }
    Ok(())
}

#[tokio::test]
async fn limits_answer_429_with_whole_seconds() -> Result {
    let slack = Workspace::start(Options::default().strict()).await?;
    let api = Api::new(&slack);
    let mut limited = None;
    for n in 0..10 {
        let post = json!({"channel": "#deploys", "text": n.to_string()}).to_string();
        let request = api
            .request("chat.postMessage")
            .header("content-type", "application/json; charset=utf-8")
            .body(post);
        let answer = request.send().await?;
        if answer.status() == 429 {
            limited = Some((
                answer.headers()["retry-after"].to_str()?.to_owned(),
                answer.json::<Value>().await?,
            ));
            break;
        }
    }
    let (after, body) = limited.ok_or("ten posts at once were all taken")?;
    assert_eq!(
        (after.as_str(), body),
        ("1", json!({"ok": false, "error": "ratelimited"}))
    );
    assert_eq!(
        api.code(
            "chat.postMessage",
            json!({"channel": "#general", "text": "other channel"})
        )
        .await?,
        ""
    );
    slack.rate_limit_next("chat.update", 30, 1);
    let answer = api.request("chat.update").send().await?;
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["retry-after"].to_str()?
        ),
        (429, "30")
    );
    assert_eq!(api.request("chat.update").send().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn ordered_faults_happen_and_pass() -> Result {
    let (slack, api) = start().await?;
    let post = json!({"channel": "#deploys", "text": "x"});
    slack.fail_next("chat.postMessage", Fault::Status(503), 1);
    assert_eq!(api.request("chat.postMessage").send().await?.status(), 503);
    slack.fail_next("chat.postMessage", Fault::Reset, 1);
    assert!(api.call("chat.postMessage", post.clone()).await.is_err());
    assert_eq!(slack.messages("#deploys").len(), 0);
    slack.fail_next("*", Fault::LoseAnswer, 1);
    assert!(api.call("chat.postMessage", post.clone()).await.is_err());
    assert_eq!(
        slack.messages("#deploys").len(),
        1,
        "it was posted, and nobody was told"
    );
    slack.fail_next(
        "chat.postMessage",
        Fault::ErrorAfterwards("internal_error".into()),
        1,
    );
    assert_eq!(
        api.code("chat.postMessage", post.clone()).await?,
        "internal_error"
    );
    assert_eq!(slack.messages("#deploys").len(), 2);
    slack.fail_next("chat.postMessage", Fault::Hang, 1);
    let hung = tokio::spawn(api.request("chat.postMessage").send());
    let mut unanswered = 0;
    let third = |what: &What| match what {
        What::Call(call) if call.status == 0 => {
            unanswered += 1;
            (unanswered == 3).then_some(())
        }
        _ => None,
    };
    slack.wait_for_entry(SOON, third).await?;
    assert!(!hung.is_finished());
    hung.abort();
    assert_eq!(api.code("chat.postMessage", post).await?, "");
    let statuses: Vec<u16> = slack.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [503, 0, 0, 200, 0, 200]);
    Ok(())
}

#[tokio::test]
async fn a_file_is_completed_once_and_described_only_when_an_image() -> Result {
    let (slack, api) = start().await?;
    let upload = async |name: &str, alt: Option<&str>| -> Result<(String, String)> {
        let asked = api
            .call(
                "files.getUploadURLExternal",
                json!({"filename": name, "length": 3, "alt_txt": alt}),
            )
            .await?;
        let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
        Ok((text("file_id"), text("upload_url")))
    };
    let complete = |id: &str| json!({"files": [{"id": id, "title": "T"}], "channel_id": "C0DEPLOYS"});
    let (id, url) = upload("a.png", Some("a line")).await?;
    assert_eq!(
        api.code("files.completeUploadExternal", complete(&id)).await?,
        "file_not_found",
        "nothing is uploaded yet"
    );
    assert_eq!(
        api.http.post(&url).body("four").send().await?.status(),
        400,
        "three bytes were announced"
    );
    let ok = api.http.post(&url).body("abc").send().await?;
    assert_eq!((ok.status().as_u16(), ok.text().await?.as_str()), (200, "OK - 3"));
    let done = api.call("files.completeUploadExternal", complete(&id)).await?;
    assert_eq!(
        (&done["files"][0]["alt_txt"], &done["files"][0]["title"]),
        (&json!("a line"), &json!("T"))
    );
    assert_eq!(
        api.code("files.completeUploadExternal", complete(&id)).await?,
        "file_not_found",
        "once"
    );
    let link = done["files"][0]["url_private"].as_str().unwrap_or_default();
    assert_eq!(
        api.http
            .get(link)
            .bearer_auth(slack.bot_token())
            .send()
            .await?
            .text()
            .await?,
        "abc"
    );
    assert_eq!(slack.messages("#deploys").len(), 1);

    let (id, url) = upload("log.txt", Some("a log")).await?;
    api.http.post(&url).body("abc").send().await?;
    assert_eq!(
        api.call("files.completeUploadExternal", complete(&id)).await?["ok"],
        true
    );
    assert_eq!(
        slack.messages("#deploys").len(),
        1,
        "Slack shares no described file that is no image"
    );
    assert_eq!(api.code("files.delete", json!({"file": id})).await?, "");
    assert_eq!(
        api.get_code("files.info", &[("file", &id)]).await?,
        "file_not_found"
    );
    Ok(())
}

#[tokio::test]
async fn the_control_surface_does_what_the_handle_does() -> Result {
    let (slack, api) = start().await?;
    let url = slack.control_url();
    let post = async |verb: &str, body: Value| -> Result<Value> {
        let request = api.http.post(format!("{url}/{verb}")).body(body.to_string());
        Ok(request.send().await?.json().await?)
    };
    let get = async |path: &str| -> Result<Value> {
        Ok(api.http.get(format!("{url}/{path}")).send().await?.json().await?)
    };
    assert_eq!(get("info").await?["bot_token"], slack.bot_token());
    let said = post(
        "say",
        json!({"user": "ann", "channel": "#deploys", "text": "@otus hi"}),
    )
    .await?;
    assert_eq!(said["ts"], json!(slack.messages("#deploys")[0].ts));
    assert_eq!(get("messages?channel=deploys").await?[0]["text"], "<@U0OTUS> hi");
    let refused = post(
        "say",
        json!({"user": "nobody", "channel": "#deploys", "text": "x"}),
    )
    .await?;
    assert_eq!(
        refused["error"],
        "nobody here is called \"nobody\"; known people: ann, bob, otus"
    );
    assert!(post("fly", json!({})).await?["error"].is_string());
    let first = get("events").await?;
    let next = first["next"].as_u64().ok_or("no number")?;
    assert_eq!(first["entries"][0]["message"]["text"], "<@U0OTUS> hi");
    let path = format!("events?after={next}&wait=20000");
    let waiting = tokio::spawn(api.http.get(format!("{url}/{path}")).timeout(SOON).send());
    post("react", json!({"user": "bob", "ts": said["ts"], "name": "eyes"})).await?;
    let later: Value = waiting.await??.json().await?;
    assert_eq!(
        (&later["entries"][0]["kind"], &later["entries"][0]["name"]),
        (&json!("reacted"), &json!("eyes"))
    );
    post("rate_limit", json!({"method": "auth.test", "retry_after": 2})).await?;
    assert_eq!(api.request("auth.test").send().await?.status(), 429);
    post("fault", json!({"method": "auth.test", "fault": {"status": 502}})).await?;
    assert_eq!(api.request("auth.test").send().await?.status(), 502);
    Ok(())
}
