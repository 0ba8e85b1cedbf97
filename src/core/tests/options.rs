//! `--plan`, `--queue` and `because <reason>` on any command, and what is decided on commands that act at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

use async_trait::async_trait;
use otus::{
    Chat, ChatError, Message, MessageRef, Person, Place, Robot, RobotConfig, Urgency, UserId,
    audit::AuditFilter,
    message::EventKey,
    policy::Roles,
    prelude::*,
    responder::Built,
    room::RoomChat,
    store::{MemoryStore, Store},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

#[derive(Default, Clone)]
struct Shop {
    ran: Arc<AtomicU32>,
}

/// A shop.
#[responder]
impl Shop {
    /// Opens the shop.
    #[respond(
        r"^open (?<service>\S+)(?: in (?<environment>\S+))?$",
        usage = "open <service> [in <environment>]",
        example = "open api",
        effect = "changes"
    )]
    async fn open(&self, cx: Context, service: Service, environment: Option<Environment>) -> Result {
        self.ran.fetch_add(1, Ordering::SeqCst);
        let _ = environment;
        cx.reply(format!("opened {}: {:?}", service.name, cx.options()))
            .await
    }

    /// Closes the shop.
    #[respond(
        r"^close (?<service>\S+) because (?<reason>.+)$",
        usage = "close <service> because <reason>",
        example = "close api because it rains",
        effect = "control",
        role = "keeper"
    )]
    async fn close(&self, cx: Context, service: Service, reason: String) -> Result {
        self.ran.fetch_add(1, Ordering::SeqCst);
        cx.reply(format!("closed {} ({reason}): {:?}", service.name, cx.options()))
            .await
    }

    /// Says a command later.
    #[respond(
        r"^later (?<command>.+)$",
        usage = "later <command>",
        example = "later open api",
        effect = "changes"
    )]
    async fn later(&self, cx: Context, command: String) -> Result {
        cx.reply(format!("later: {command}")).await
    }

    /// Finds shops by words.
    #[respond(r"^shops(?: (?<words>.+))?$", usage = "shops [<words>]", example = "shops")]
    async fn shops(&self, cx: Context, words: Option<String>) -> Result {
        cx.reply(format!("shops with {words:?}")).await
    }

    /// Moves a shop.
    #[respond(
        r"^shops move (?<service>\S+)$",
        usage = "shops move <service>",
        example = "shops move api",
        effect = "changes"
    )]
    async fn shops_move(&self, cx: Context, service: Service) -> Result {
        cx.reply(format!("moved {}: {:?}", service.name, cx.options()))
            .await
    }

    /// Looks at the shop.
    #[respond(r"^look(?: at (?<text>.+))?$", usage = "look [at <text>]", example = "look")]
    async fn look(&self, cx: Context, text: Option<String>) -> Result {
        cx.reply(format!("looked at {text:?}")).await
    }
}

const CATALOG: &str = r#"
    [services.api]
    [environments.staging]
    [environments.production]
"#;

fn room(policy: &str) -> (Room, Arc<AtomicU32>) {
    let shop = Shop::default();
    let ran = shop.ran.clone();
    let room = Room::builder()
        .responder(shop)
        .catalog(CATALOG)
        .role("keeper", &["ann"])
        .role("boss", &["bea"])
        .policy(policy)
        .open();
    (room, ran)
}

async fn trail(room: &mut Room) -> Vec<String> {
    room.expect_silence().await;
    let filter = AuditFilter {
        oldest_first: true,
        ..AuditFilter::default()
    };
    let entries = room.store().audit(&filter).await.unwrap();
    entries
        .into_iter()
        .map(|recorded| format!("{}: {}", recorded.entry.event, recorded.entry.text))
        .collect()
}

#[tokio::test]
async fn options_come_off_a_command_however_they_are_written() {
    let (mut room, _) = room("");
    for (said, answered) in [
        (
            "@otus open api, because customers wait --queue",
            r#"opened api: Options { plan: false, queue: true, reason: Some("customers wait") }"#,
        ),
        (
            "@otus open api –queue because customers wait because of us",
            r#"opened api: Options { plan: false, queue: true, reason: Some("customers wait because of us") }"#,
        ),
        (
            "@otus close api because of rain —queue",
            r#"closed api (of rain): Options { plan: false, queue: true, reason: Some("of rain") }"#,
        ),
        ("@otus later open api --queue", "later: open api --queue"),
        ("@otus later open api because x", "later: open api because x"),
        ("@otus look because I can", "looked at None"),
        // One that takes any words does not take the reason of one that changes something.
        (
            "@otus shops move api --queue because of rain",
            r#"moved api: Options { plan: false, queue: true, reason: Some("of rain") }"#,
        ),
        (
            "@otus shops because of rain",
            r#"shops with Some("because of rain")"#,
        ),
        (
            "@otus look at \"this --plan\"",
            r#"looked at Some("\"this --plan\"")"#,
        ),
        (
            "@otus look at `this --plan`",
            r#"looked at Some("`this --plan`")"#,
        ),
    ] {
        room.say("ann", said).await;
        room.expect_reply(answered).await;
    }
}

#[tokio::test]
async fn what_only_reads_has_nothing_to_plan() {
    let (mut room, _) = room("");
    room.say("ann", "@otus look at it --plan").await;
    room.expect_reply("`look at it` changes nothing, so there is nothing to plan.\n[Run it]")
        .await;
    room.press("ann", "Run it").await;
    room.expect_reply("@ann: `look at it`\nlooked at Some(\"it\")")
        .await;
    room.say("ann", "@otus look --queue").await;
    room.expect_reply("`look` changes nothing, so there is nothing to wait for.\n[Run it]")
        .await;
}

#[tokio::test]
async fn a_plan_of_what_acts_at_once_is_shown_and_nothing_runs() {
    let (mut room, ran) = room("");
    room.say("ann", "@otus open api —plan because customers wait")
        .await;
    room.expect_reply(
        "Plan: `open api because customers wait`\nOpens the shop.\nAsked by: @ann\nTakes effect: at once, without further \
         steps\nYou may: anybody may.\n[Run it]\nNothing was changed.",
    )
    .await;
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(trail(&mut room).await, Vec::<String>::new());
    room.press("ann", "Run it").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("@ann: `open api because customers wait`\nopened api"),
        "{text}"
    );

    room.say("eve", "@otus close api because I like --plan").await;
    let post = room.answer().await;
    assert!(post.card.as_ref().unwrap().buttons.is_empty(), "{post:?}");
    let text = post.plain();
    assert!(
        text.contains("You may not: it asks for the role `keeper`"),
        "{text}"
    );
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_typo_never_makes_a_change_of_a_plan() {
    let (mut room, ran) = room("");
    room.say("ann", "@otus opne api --plan because customers wait")
        .await;
    room.expect_reply(
        "I don't know `opne api --plan because customers wait`. Did you mean `open api --plan because customers wait`?\n\
         [open api --plan because customers wait]",
    )
    .await;
    room.say("ann", "@otus open apii --queue because x").await;
    room.expect_reply("There is no service called `apii`. Did you mean `api`?\n[open api --queue because x]")
        .await;
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_acts_at_once_leaves_its_trail_from_asked_to_outcome() {
    let (mut room, _) = room("");
    room.say("ann", "@otus open api because customers wait").await;
    room.answer().await;
    room.say("eve", "@otus close api because I like").await;
    room.answer().await;
    room.say("ann", "@otus open nothing").await;
    room.answer().await;
    room.say("ann", "@otus look").await;
    room.answer().await;
    assert_eq!(
        trail(&mut room).await,
        [
            "asked: open api because customers wait",
            "decided: allowed: anybody may",
            "ran: shop.open: done",
            "asked: close api because I like",
            "decided: refused: it asks for the role `keeper`, which who asked does not have",
            "asked: open nothing",
            "decided: allowed: anybody may",
            "ran: shop.open: refused",
        ]
    );
}

#[tokio::test]
async fn rules_hold_for_what_acts_at_once_and_only_those_that_name_it_for_the_rest() {
    let policy = r#"
        [[rules]]
        name = "production is approved"
        environments = ["production"]
        approvals = 1
        approvers = "boss"
        [[rules]]
        name = "nobody looks"
        commands = ["look"]
        channels = ["C9"]
    "#;
    let (mut room, ran) = room(policy);
    room.say("ann", "@otus open api in production").await;
    room.expect_reply(
        "I won't do `open api in production` for you: somebody else would have to approve it (production is approved), and a \
         command that acts at once cannot wait for that; ask somebody for whom the rule does not hold, or for another rule.",
    )
    .await;
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    for allowed in ["open api in staging", "close api because of rain"] {
        room.say("ann", &format!("@otus {allowed}")).await;
        room.answer().await;
    }
    assert_eq!(ran.load(Ordering::SeqCst), 2);
    room.say("ann", "@otus look").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("I won't do `look` for you: nobody looks: only in"),
        "{text}"
    );
}

#[tokio::test]
async fn a_confirmation_is_its_askers_of_the_same_command_and_once() {
    let policy = "[[rules]]\nname = \"mind the step\"\ncommands = [\"open\"]\nconfirm = true\n";
    let (mut room, ran) = room(policy);
    room.say("ann", "@otus open api because x").await;
    let asked = room.answer().await;
    assert!(
        asked.plain().starts_with("⚠️ `open api because x` has to be confirmed: mind the step.\n[Confirm]\nOnly @ann can, once, within 10 min."),
        "{}",
        asked.plain()
    );
    let button = asked.card.unwrap().buttons.remove(0);
    assert!(button.confirm.is_some());
    // Somebody else's click, the same id under another command, and an id nobody gave are questions of their own.
    let other = button.command.replace("because x", "because y");
    for (who, line) in [
        ("bob", button.command.as_str()),
        ("ann", &other),
        ("ann", "open api --confirmed=0123456789 because x"),
    ] {
        room.slash(who, line).await;
        let text = room.answer().await.plain();
        assert!(text.contains("has to be confirmed"), "{text}");
    }
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    room.slash("ann", &button.command).await;
    let text = room.answer().await.plain();
    assert!(text.contains("opened api"), "{text}");
    room.slash("ann", &button.command).await;
    let text = room.answer().await.plain();
    assert!(text.contains("has to be confirmed"), "{text}");
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    let trail = trail(&mut room).await;
    assert!(
        trail.contains(&"decided: to be confirmed: mind the step".to_owned()),
        "{trail:?}"
    );
    assert!(
        trail.contains(&"decided: confirmed: mind the step".to_owned()),
        "{trail:?}"
    );
}

/// A chat whose directory is broken.
struct Broken {
    chat: RoomChat,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Errs,
    Panics,
    Hangs,
}

#[async_trait]
impl Chat for Broken {
    async fn post(&self, place: &Place, post: &Post, urgency: Urgency) -> Result<MessageRef, ChatError> {
        self.chat.post(place, post, urgency).await
    }
    async fn update(&self, message: &MessageRef, post: &Post, urgency: Urgency) -> Result<(), ChatError> {
        self.chat.update(message, post, urgency).await
    }
    async fn whisper(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), ChatError> {
        self.chat.whisper(place, to, post).await
    }
    async fn react(&self, message: &MessageRef, emoji: &str) -> Result<(), ChatError> {
        self.chat.react(message, emoji).await
    }
    async fn upload(&self, place: &Place, file: File) -> Result<(), ChatError> {
        self.chat.upload(place, file).await
    }
    async fn person(&self, user: &UserId) -> Result<Person, ChatError> {
        self.chat.person(user).await
    }
    async fn in_group(&self, _: &UserId, _: &str) -> Result<bool, ChatError> {
        match self.how {
            How::Errs => Err(ChatError::Unreachable("gone".into())),
            How::Panics => panic!("the directory is broken"),
            How::Hangs => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_errs_panics_or_hangs_is_a_refusal_and_recorded() {
    for how in [How::Errs, How::Panics, How::Hangs] {
        let shop = Shop::default();
        let (ran, chat, store) = (
            shop.ran.clone(),
            Arc::new(Broken {
                chat: RoomChat::default(),
                how,
            }),
            Arc::new(MemoryStore::new()),
        );
        let robot = Robot::builder(RobotConfig::default())
            .catalog(toml::from_str(CATALOG).unwrap())
            .roles(Roles([("keeper".to_owned(), vec!["@keepers".to_owned()])].into()))
            .responder(Built::new(shop))
            .build(chat.clone(), store.clone())
            .unwrap();
        let words = "otus close api because I can";
        let event = EventKey::new("E1");
        robot.receive(Message::said(
            event,
            "C1".into(),
            "1.1".into(),
            "ann".into(),
            words,
        ));
        let said = chat
            .chat
            .wait(|chat| {
                chat.shown()
                    .into_iter()
                    .find(|post| post.plain().contains("I won't"))
            })
            .await
            .plain();
        assert!(
            said.starts_with("I won't do `close api because I can` for you: "),
            "{said}"
        );
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        let entries = store.audit(&AuditFilter::default()).await.unwrap();
        assert_eq!(entries.len(), 2, "{entries:?}");
        assert_eq!(entries[0].entry.data["decision"], "refused");
        assert_eq!(entries[0].entry.request, entries[1].entry.request);
    }
}
