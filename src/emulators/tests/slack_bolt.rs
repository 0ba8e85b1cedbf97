//! The Slack emulator, as Slack's own SDKs see it: small bots on Bolt for JavaScript and for Python run as child
//! processes, and people talk to them.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use otus_emulators::slack::{Options, Outcome, What, Workspace};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Starting an interpreter on a busy machine takes a while.
const SOON: Duration = Duration::from_secs(60);

/// A child process that does not outlive the test.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn clients() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

/// The command that runs a bot against the workspace.
fn command(slack: &Workspace, program: PathBuf, script: &str, installed: &str) -> Command {
    let folder = clients();
    assert!(
        folder.join(installed).exists(),
        "Slack's SDK is not installed ({installed} is missing): run tests/clients/setup.sh once"
    );
    let mut command = Command::new(program);
    command
        .arg(folder.join(script))
        .env("SLACK_API_URL", slack.api_url())
        .env("SLACK_BOT_TOKEN", slack.bot_token())
        .env("SLACK_APP_TOKEN", slack.app_token())
        .env_remove("SLACK_SIGNING_SECRET")
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env_remove("ALL_PROXY")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null());
    command
}

fn javascript(slack: &Workspace) -> Command {
    command(
        slack,
        "node".into(),
        "slack_bolt_js/bot.js",
        "slack_bolt_js/node_modules/@slack/bolt",
    )
}

fn python(slack: &Workspace) -> Command {
    let python = clients().join("slack_bolt_python/.venv/bin/python");
    command(
        slack,
        python,
        "slack_bolt_python/bot.py",
        "slack_bolt_python/.venv/installed-requirements.txt",
    )
}

fn start(mut command: Command) -> Result<Bot> {
    let child = command.spawn().map_err(|error| {
        format!("{command:?} could not be started ({error}): run tests/clients/setup.sh once")
    })?;
    Ok(Bot(child))
}

/// What every bot must manage.
async fn drive(slack: &Workspace, alt: Option<&str>) -> Result {
    mention(slack, "#deploys").await?;
    card(slack).await?;
    upload(slack, alt).await?;
    slash(slack).await?;
    form(slack).await
}

/// The same over sockets, which change meanwhile.
async fn drive_by_socket(slack: &Workspace, alt: Option<&str>) -> Result {
    slack.connected(1, SOON).await?;
    drive(slack, alt).await?;
    rotation(slack).await?;
    all_heard(slack).await
}

async fn all_heard(slack: &Workspace) -> Result {
    slack.quiet(SOON).await?;
    let stats = slack.stats();
    assert_eq!((stats.given_up, stats.stray_acks), (0, 0), "{stats:?}");
    Ok(())
}

async fn mention(slack: &Workspace, channel: &str) -> Result {
    let asked = slack.say("ann", channel, "@otus ping")?;
    let answer = slack
        .wait_for(SOON, |w| w.replies(asked).next().map(|m| m.text.clone()))
        .await?;
    assert_eq!(answer, "pong <@U0ANN>");
    Ok(())
}

async fn card(slack: &Workspace) -> Result {
    let asked = slack.say("ann", "#deploys", "@otus card please")?;
    let card = slack.wait_for(SOON, |w| w.replies(asked).next().cloned()).await?;
    assert_eq!(card.buttons(), ["Go"]);
    let click = slack.click("bob", card.ts, "Go")?;
    assert!(matches!(slack.outcome(click, SOON).await?, Outcome::Acked(_)));
    let replaced = slack
        .wait_for(SOON, |w| {
            w.message(card.ts)
                .filter(|m| m.text == "bob pressed api" && !m.reactions.is_empty())
                .cloned()
        })
        .await?;
    assert!(replaced.blocks.is_empty());
    assert_eq!(replaced.revisions[0].text, "A card");
    assert_eq!(replaced.reactions[0].name, "white_check_mark");
    Ok(())
}

async fn upload(slack: &Workspace, alt: Option<&str>) -> Result {
    let asked = slack.say("bob", "#deploys", "@otus upload")?;
    let shared = slack
        .wait_for(SOON, |w| w.replies(asked).find(|m| !m.files.is_empty()).cloned())
        .await?;
    assert_eq!(shared.text, "Here it is");
    let files = slack.files();
    assert_eq!(files.len(), 1);
    assert_eq!(
        (files[0].name.as_str(), files[0].title.as_str()),
        ("graph.png", "A graph")
    );
    assert_eq!(files[0].alt_txt.as_deref(), alt);
    assert_eq!(
        files[0].content.as_deref(),
        Some(b"\x89PNG from a bot".as_slice())
    );
    Ok(())
}

async fn slash(slack: &Workspace) -> Result {
    let slash = slack.slash("ann", "#general", "/otus", "deploy api")?;
    let Outcome::Acked(payload) = slack.outcome(slash, SOON).await? else {
        panic!("the command timed out")
    };
    assert_eq!(payload["text"], "got deploy api");
    let said = slack
        .wait_for(SOON, |w| {
            let said: Vec<_> = w.messages("#general").filter(|m| m.from_app).cloned().collect();
            (said.len() == 2).then_some(said)
        })
        .await?;
    // The ack and the `response_url` race: either may come first.
    let one = |text: &str| {
        said.iter()
            .find(|m| m.text == text)
            .map(|m| m.ephemeral_to.clone())
    };
    assert_eq!(one("got deploy api"), Some(Some("U0ANN".to_owned())));
    assert_eq!(one("done deploy api"), Some(None));
    Ok(())
}

async fn form(slack: &Workspace) -> Result {
    slack.slash("ann", "#general", "/otus", "form")?;
    slack.wait_for(SOON, |w| w.view_of("ann").map(drop)).await?;
    let wrong = slack.submit("ann", serde_json::json!({"name": "apo"}))?;
    let Outcome::Acked(payload) = slack.outcome(wrong, SOON).await? else {
        panic!("the form timed out")
    };
    assert_eq!(payload["errors"]["service"], "no service apo");
    assert!(
        slack.look(|w| w.view_of("ann").is_some()),
        "a form with errors stays open"
    );
    slack.submit("ann", serde_json::json!({"name": "api"}))?;
    slack
        .wait_for(SOON, |w| {
            w.messages("#general")
                .find(|m| m.text == "form says api")
                .map(drop)
        })
        .await?;
    slack
        .wait_for(SOON, |w| w.view_of("ann").is_none().then_some(()))
        .await?;
    Ok(())
}

async fn rotation(slack: &Workspace) -> Result {
    let before = slack.sockets()[0].id;
    slack.rotate();
    let newer = move |what: &What| match what {
        What::SocketOpened { socket } if *socket > before => Some(*socket),
        _ => None,
    };
    let opened = slack.wait_for_entry(SOON, newer).await?;
    // Said while sockets change: whatever the old one swallows must come again.
    mention(slack, "#general").await?;
    slack.connected(1, SOON).await?;
    slack.cut_sockets();
    let newest = move |what: &What| match what {
        What::SocketOpened { socket } if *socket > opened => Some(()),
        _ => None,
    };
    slack.wait_for_entry(SOON, newest).await?;
    mention(slack, "#general").await
}

fn options() -> Options {
    Options::default().retry_delays([500, 1000, 2000, 4000, 8000].map(Duration::from_millis))
}

#[tokio::test]
async fn bolt_for_javascript() -> Result {
    let slack = Workspace::start(options()).await?;
    let _bot = start(javascript(&slack))?;
    // This SDK sends `alt_text`, which is not the documented argument: Slack knows `alt_txt`.
    drive_by_socket(&slack, None).await
}

#[tokio::test]
async fn bolt_for_python() -> Result {
    let slack = Workspace::start(options()).await?;
    let _bot = start(python(&slack))?;
    drive_by_socket(&slack, Some("requests per second, rising")).await
}

#[tokio::test]
async fn bolt_for_javascript_over_http() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let slack = Workspace::start(options()).await?;
    let mut command = javascript(&slack);
    command
        .env("SLACK_SIGNING_SECRET", slack.signing_secret())
        .stdout(Stdio::piped());
    let mut bot = start(command)?;
    let stdout = bot.0.stdout.take().ok_or("the bot has no output")?;
    // It ends when the bot does, so this thread is never left behind.
    let lines = tokio::task::spawn_blocking(move || {
        BufReader::new(stdout)
            .lines()
            .map_while(std::io::Result::ok)
            .find_map(|line| line.parse::<u16>().ok())
    });
    let port = tokio::time::timeout(SOON, lines)
        .await??
        .ok_or("the bot ended before it listened")?;
    slack
        .set_request_url(&format!("http://127.0.0.1:{port}/slack/events"))
        .await?;
    drive(&slack, None).await?;
    all_heard(&slack).await
}
