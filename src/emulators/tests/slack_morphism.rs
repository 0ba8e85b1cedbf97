//! The Slack emulator, as slack-morphism's own client and socket listener see it.

use std::{sync::Arc, time::Duration};

use otus_emulators::slack::{Options, Outcome, Workspace};
use slack_morphism::prelude::*;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const SOON: Duration = Duration::from_secs(20);

fn client(slack: &Workspace) -> Result<Arc<SlackHyperClient>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http1()
        .build();
    let connector = SlackClientHyperConnector::from(https).with_slack_api_url(&slack.api_url());
    Ok(Arc::new(SlackClient::new(connector)))
}

fn token(text: String) -> SlackApiToken {
    SlackApiToken::new(text.into())
}

async fn on_push(
    event: SlackPushEventCallback,
    client: Arc<SlackHyperClient>,
    states: SlackClientEventsUserState,
) -> UserCallbackResult<()> {
    let token = states
        .read()
        .await
        .get_user_state::<SlackApiToken>()
        .cloned()
        .ok_or("no token")?;
    if let SlackEventCallbackBody::AppMention(mention) = event.event {
        let text = mention.content.text.clone().unwrap_or_default();
        let post = SlackApiChatPostMessageRequest::new(
            mention.channel,
            SlackMessageContent::new().with_text(format!("you said: {text}")),
        )
        .with_thread_ts(mention.origin.ts);
        client.open_session(&token).chat_post_message(&post).await?;
    }
    Ok(())
}

async fn on_command(
    event: SlackCommandEvent,
    _client: Arc<SlackHyperClient>,
    _states: SlackClientEventsUserState,
) -> UserCallbackResult<SlackCommandEventResponse> {
    let text = format!("{} {}", event.command.0, event.text.unwrap_or_default());
    Ok(SlackCommandEventResponse::new(
        SlackMessageContent::new().with_text(text),
    ))
}

async fn on_interaction(
    _event: SlackInteractionEvent,
    _client: Arc<SlackHyperClient>,
    _states: SlackClientEventsUserState,
) -> UserCallbackResult<()> {
    Ok(())
}

#[tokio::test]
async fn its_web_api_calls_are_understood() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let client = client(&slack)?;
    let token = token(slack.bot_token());
    let session = client.open_session(&token);

    let me = session.auth_test().await?;
    assert_eq!(me.user_id.0, slack.look(|w| w.app.user.clone()));
    let channels = session
        .conversations_list(&SlackApiConversationsListRequest::new())
        .await?;
    let deploys = channels
        .channels
        .iter()
        .find(|c| c.name.as_deref() == Some("deploys"))
        .ok_or("no #deploys")?;

    let post = SlackApiChatPostMessageRequest::new(
        deploys.id.clone(),
        SlackMessageContent::new()
            .with_text("a & b".into())
            .with_blocks(slack_blocks![some_into(
                SlackSectionBlock::new().with_text(md!("*hello*"))
            )]),
    );
    let posted = session.chat_post_message(&post).await?;
    session
        .chat_update(&SlackApiChatUpdateRequest::new(
            deploys.id.clone(),
            SlackMessageContent::new().with_text("changed".into()),
            posted.ts.clone(),
        ))
        .await?;
    session
        .reactions_add(&SlackApiReactionsAddRequest::new(
            deploys.id.clone(),
            SlackReactionName::new("eyes".into()),
            posted.ts.clone(),
        ))
        .await?;
    let history = session
        .conversations_history(&SlackApiConversationsHistoryRequest::new().with_channel(deploys.id.clone()))
        .await?;
    assert_eq!(history.messages[0].content.text.as_deref(), Some("changed"));
    let user = session
        .users_info(&SlackApiUsersInfoRequest::new("U0ANN".into()))
        .await?;
    assert_eq!(user.user.name.as_deref(), Some("ann"));

    let upload = session
        .get_upload_url_external(&SlackApiFilesGetUploadUrlExternalRequest::new(
            "graph.png".into(),
            4,
        ))
        .await?;
    session
        .files_upload_via_url(&SlackApiFilesUploadViaUrlRequest::new(
            upload.upload_url,
            b"\x89PNG".to_vec(),
            "image/png".into(),
        ))
        .await?;
    session
        .files_complete_upload_external(
            &SlackApiFilesCompleteUploadExternalRequest::new(vec![SlackApiFilesComplete::new(
                upload.file_id,
            )])
            .with_channel_id(deploys.id.clone())
            .with_thread_ts(posted.ts.clone()),
        )
        .await?;

    let messages = slack.messages("#deploys");
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].text, "changed");
    assert_eq!(messages[0].revisions[0].text, "a &amp; b");
    assert_eq!(messages[0].reactions[0].name, "eyes");
    assert_eq!(messages[1].thread_ts, Some(messages[0].ts));
    assert_eq!(slack.files()[0].content.as_deref(), Some(b"\x89PNG".as_slice()));
    Ok(())
}

#[tokio::test]
async fn its_errors_are_understood() -> Result {
    let slack = Workspace::start(Options::default().scopes(["channels:read"])).await?;
    let client = client(&slack)?;
    let token = token(slack.bot_token());
    let session = client.open_session(&token);
    let post = SlackApiChatPostMessageRequest::new(
        "C0DEPLOYS".into(),
        SlackMessageContent::new().with_text("hello".into()),
    );
    let code = |error: slack_morphism::errors::SlackClientError| match error {
        slack_morphism::errors::SlackClientError::ApiError(error) => error.code,
        other => other.to_string(),
    };
    assert_eq!(
        code(session.chat_post_message(&post).await.unwrap_err()),
        "missing_scope"
    );
    slack.set_scopes(&["chat:write"]);
    slack.rate_limit_next("chat.postMessage", 7, 1);
    match session.chat_post_message(&post).await.unwrap_err() {
        slack_morphism::errors::SlackClientError::RateLimitError(error) => {
            assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        }
        other => panic!("{other}"),
    }
    session.chat_post_message(&post).await?;
    slack.auth_error(Some("account_inactive"));
    assert_eq!(
        code(session.chat_post_message(&post).await.unwrap_err()),
        "account_inactive"
    );
    Ok(())
}

#[tokio::test]
async fn its_socket_listener_hears_and_answers() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let client = client(&slack)?;
    let environment = Arc::new(
        SlackClientEventsListenerEnvironment::new(Arc::clone(&client))
            .with_user_state(token(slack.bot_token())),
    );
    let callbacks = SlackSocketModeListenerCallbacks::new()
        .with_push_events(on_push)
        .with_command_events(on_command)
        .with_interaction_events(on_interaction);
    let config = SlackClientSocketModeConfig::new().with_max_connections_count(1);
    let listener = SlackClientSocketModeListener::new(&config, environment, callbacks);
    listener.listen_for(&token(slack.app_token())).await?;
    listener.start().await;
    slack.connected(1, SOON).await?;

    let asked = slack.say("ann", "#deploys", "@otus 1 < 2")?;
    let answer = slack
        .wait_for(SOON, |w| w.replies(asked).next().map(|m| m.text.clone()))
        .await?;
    assert_eq!(answer, "you said: <@U0OTUS> 1 &lt; 2");

    let slash = slack.slash("bob", "#deploys", "/otus", "deploy api")?;
    let Outcome::Acked(payload) = slack.outcome(slash, SOON).await? else {
        panic!("not acknowledged")
    };
    assert_eq!(payload["text"], "/otus deploy api");
    let shown = slack
        .wait_for(SOON, |w| {
            w.messages("#deploys").find(|m| m.ephemeral_to.is_some()).cloned()
        })
        .await?;
    assert_eq!(
        (shown.text.as_str(), shown.ephemeral_to.as_deref()),
        ("/otus deploy api", Some("U0BOB"))
    );

    slack.rotate();
    slack
        .wait_for_entry(SOON, |what| match what {
            otus_emulators::slack::What::SocketOpened { socket } if *socket > 1 => Some(()),
            _ => None,
        })
        .await?;
    slack.connected(1, SOON).await?;
    let asked = slack.say("bob", "#general", "@otus again")?;
    slack
        .wait_for(SOON, |w| w.replies(asked).next().map(drop))
        .await?;
    slack.quiet(SOON).await?;
    listener.shutdown().await;
    Ok(())
}
