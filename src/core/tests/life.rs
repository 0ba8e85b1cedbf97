//! The life of a message, told as chats: who is answered, what runs, and what never hurts anybody else.

extern crate otus_core as otus;

use otus::{
    ChatError, Effect, Message, MessageId, Person, RobotConfig,
    message::{ChannelKind, EventKey},
    policy::VerdictKind,
    prelude::*,
    room::What,
    store::{MemoryStore, Store},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::Notify;

/// Things that happen to robots.
#[derive(Default, Clone)]
struct Trouble {
    ran: Arc<AtomicU32>,
    gate: Arc<Notify>,
}

#[responder]
impl Trouble {
    /// Answers pong.
    #[respond(r"^ping$", usage = "ping", example = "ping")]
    async fn ping(&self, cx: Context) -> Result {
        cx.reply("pong").await
    }

    /// Says it back.
    #[respond(r"^echo (?<text>.+)$", usage = "echo <text>", example = "echo hello")]
    async fn echo(&self, cx: Context, text: String) -> Result {
        cx.reply(text).await
    }

    /// Ships a service.
    #[respond(
        r"^ship (?<service>\S+)(?: to (?<environment>\S+))?$",
        usage = "ship <service> [to <environment>]",
        example = "ship api",
        role = "shipper",
        effect = "changes"
    )]
    async fn ship(&self, cx: Context, service: Service, environment: Option<Environment>) -> Result {
        self.ran.fetch_add(1, Ordering::SeqCst);
        let to = environment.map_or("somewhere".into(), |environment| environment.name);
        cx.reply(format!("shipped {} to {to}", service.name)).await
    }

    /// Panics.
    #[respond(r"^panic$", usage = "panic")]
    async fn panic(&self, _cx: Context) -> Result {
        panic!("password=hunter2");
    }

    /// Fails.
    #[respond(r"^fail$", usage = "fail")]
    async fn fail(&self, _cx: Context) -> Result {
        Err(std::io::Error::other("postgres://u:hunter2@db/prod refused").into())
    }

    /// Refuses.
    #[respond(r"^refuse$", usage = "refuse")]
    async fn refuse(&self, _cx: Context) -> Result {
        user_error!("Not on a *Friday*.")
    }

    /// Says nothing.
    #[respond(r"^hush$", usage = "hush")]
    async fn hush(&self, _cx: Context) -> Result {
        Ok(())
    }

    /// Never ends.
    #[respond(r"^hang$", usage = "hang", deadline = "3s")]
    async fn hang(&self, _cx: Context) -> Result {
        std::future::pending().await
    }

    /// Waits for its gate.
    #[respond(r"^wait$", usage = "wait")]
    async fn wait(&self, cx: Context) -> Result {
        self.gate.notified().await;
        cx.reply("waited").await
    }

    /// Says too much.
    #[respond(r"^flood$", usage = "flood")]
    async fn flood(&self, cx: Context) -> Result {
        loop {
            cx.reply("and another thing").await?;
        }
    }

    /// Ships it.
    #[hear(r"(?i)\bship ?it\b")]
    async fn squirrel(&self, cx: Context) -> Result {
        cx.react("shipit").await
    }
}

const CATALOG: &str = r#"
    [services.api]
    aliases = ["backend"]
    [services.checkout]
    [environments.staging]
    [environments.production]
    after = "staging"
    aliases = ["prod"]
"#;

fn room() -> Room {
    Room::builder()
        .responder(Trouble::default())
        .catalog(CATALOG)
        .open()
}

#[tokio::test]
async fn whoever_speaks_to_the_robot_is_answered_whichever_way() {
    let mut room = room();
    for way in [
        "@otus ping",
        "otus ping",
        "Otus: PING",
        "@otus, ping",
        "ping @otus",
    ] {
        room.say("ann", way).await;
        room.expect_reply("pong").await;
    }
    room.slash("ann", "ping").await;
    room.expect_reply("@ann: `ping`\npong").await;
    room.go_to("D1", ChannelKind::Direct);
    room.say("ann", "ping").await;
    room.expect_reply("pong").await;
}

#[tokio::test]
async fn what_is_not_meant_for_the_robot_is_left_alone() {
    let mut room = room();
    for text in [
        "ping",
        "otusping",
        "we had an otus ping",
        "> @otus ping",
        "```@otus ping```",
        "did @otus answer?",
    ] {
        room.say("ann", text).await;
    }
    room.expect_silence().await;
}

#[tokio::test]
async fn robots_are_never_listened_to() {
    let mut room = room();
    let said = Message::said(
        EventKey::new("E"),
        "C1".into(),
        "1.1".into(),
        "B1".into(),
        "otus ping ship it",
    );
    room.robot().receive(Message {
        from_robot: true,
        ..said
    });
    room.expect_silence().await;
}

#[tokio::test]
async fn what_is_overheard_is_heard_wherever_and_beside_an_answer() {
    let mut room = room();
    room.say("ann", "let's ship it!").await;
    room.expect_reaction("shipit").await;
    room.say("ann", "never `ship it` in code").await;
    room.expect_silence().await;
    room.say("ann", "@otus echo ship it").await;
    let (one, other) = (room.next_said().await, room.next_said().await);
    let reacted = |what: &What| matches!(what, What::Reaction(_, emoji) if emoji == "shipit");
    let replied = |what: &What| matches!(what, What::Post(post) if post.text == "ship it");
    assert!(
        [&one, &other].iter().any(|said| reacted(&said.what)),
        "{one:?} {other:?}"
    );
    assert!(
        [&one, &other].iter().any(|said| replied(&said.what)),
        "{one:?} {other:?}"
    );
}

#[tokio::test]
async fn an_answer_stays_in_the_thread_of_its_question() {
    let mut room = room();
    room.enter_thread(Some(MessageId::new("5.5")));
    room.say("ann", "@otus ping").await;
    let said = room.next_said().await;
    assert_eq!(said.place.thread, Some(MessageId::new("5.5")));
}

#[tokio::test]
async fn a_typo_is_answered_with_what_was_meant_and_a_button_that_does_it() {
    let mut room = room();
    room.say("ann", "@otus shpi api to staging").await;
    room.expect_reply(
        "I don't know `shpi api to staging`. Did you mean `ship api to staging`?\n[ship api to staging]",
    )
    .await;
    room.press("bob", "ship api to staging").await;
    room.expect_reply("@bob: `ship api to staging`\nshipped api to staging")
        .await;

    room.say("ann", "@otus xyzzy").await;
    room.expect_reply("I don't know `xyzzy`. Say `help` to see what I can do.\n[Help]")
        .await;
    room.say("ann", "@otus").await;
    room.expect_reply("Yes? Say `help` to see what I can do.\n[Help]")
        .await;
}

#[tokio::test]
async fn unknown_names_are_answered_with_near_ones() {
    let mut room = room();
    room.say("ann", "@otus ship chekout to prod").await;
    room.expect_reply(
        "There is no service called `chekout`. Did you mean `checkout`?\n[ship checkout to prod]",
    )
    .await;
    room.press("ann", "ship checkout to prod").await;
    room.expect_reply("@ann: `ship checkout to prod`\nshipped checkout to production")
        .await;
    room.say("ann", "@otus ship backend to nowhere").await;
    room.expect_reply("There is no environment called `nowhere`. There are: `staging`, `production`.")
        .await;
}

#[tokio::test]
async fn what_goes_wrong_is_said_plainly_and_never_verbatim() {
    let mut room = room();
    for command in ["panic", "fail"] {
        room.say("ann", &format!("@otus {command}")).await;
        let text = room.answer().await.plain();
        assert!(text.starts_with("That went wrong on my side"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    room.say("ann", "@otus refuse").await;
    room.expect_reply("Not on a *Friday*.").await;
    room.say("ann", "@otus hush").await;
    room.expect_reaction("white_check_mark").await;
    room.say("ann", "@otus ping").await;
    room.expect_reply("pong").await;
}

#[tokio::test(start_paused = true)]
async fn what_hangs_shows_that_it_was_heard_and_is_stopped_at_its_deadline() {
    let mut room = room();
    room.say("ann", "@otus hang").await;
    room.expect_reaction("hourglass_flowing_sand").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("I stopped after 3 s: that took longer than it may."),
        "{text}"
    );
}

#[tokio::test]
async fn what_floods_is_cut_off_and_the_last_word_is_the_robots() {
    let config = RobotConfig {
        most_said: 3,
        ..RobotConfig::default()
    };
    let mut room = Room::builder()
        .responder(Trouble::default())
        .catalog(CATALOG)
        .config(config)
        .open();
    room.say("ann", "@otus flood").await;
    for _ in 0..3 {
        room.expect_reply("and another thing").await;
    }
    let text = room.answer().await.plain();
    assert!(text.starts_with("That went wrong on my side"), "{text}");
    room.expect_silence().await;
}

#[tokio::test]
async fn fifty_that_wait_do_not_hold_up_a_ping() {
    let trouble = Trouble::default();
    let gate = trouble.gate.clone();
    let mut room = Room::builder().responder(trouble).catalog(CATALOG).open();
    for _ in 0..50 {
        room.slash("ann", "wait").await;
    }
    room.say("bob", "@otus ping").await;
    let seen = room.expect_shown(|post| post.text == "pong").await;
    assert_eq!(seen.text, "pong");
    // All fifty still get their answer, sixteen at a time.
    let mut waited = 0;
    while waited < 50 {
        gate.notify_waiters();
        tokio::task::yield_now().await;
        while let Some(said) = room.chat().take_unexpected() {
            let what = format!("{said:?}");
            waited += u32::from(what.contains("waited"));
        }
    }
}

#[tokio::test]
async fn rights_decide_and_fail_closed() {
    let mut room = Room::builder()
        .responder(Trouble::default())
        .catalog(CATALOG)
        .role("shipper", &["ann", "@oncall"])
        .open();
    room.chat().group("oncall", &["bob"]);
    for (who, allowed) in [("ann", true), ("bob", true), ("eve", false)] {
        room.say(who, "@otus ship api").await;
        let text = room.answer().await.plain();
        assert_eq!(text == "shipped api to somewhere", allowed, "{who}: {text}");
    }
    // A command one may not say is not offered either.
    room.say("eve", "@otus shpi api").await;
    room.expect_reply("I don't know `shpi api`. Say `help` to see what I can do.\n[Help]")
        .await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_asked_is_a_refusal() {
    let mut room = Room::builder()
        .responder(Trouble::default())
        .catalog(CATALOG)
        .role("shipper", &["@nobody"])
        .open();
    room.say("ann", "@otus ship api").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("I won't do `ship api` for you: it asks for the role `shipper`, and whether"),
        "{text}"
    );
}

#[tokio::test]
async fn a_role_nobody_defined_stops_the_start() {
    let fault = otus::Robot::builder(RobotConfig::default())
        .responder(otus::responder::Built::new(Trouble::default()))
        .build(
            Arc::new(otus::room::RoomChat::default()),
            Arc::new(MemoryStore::new()),
        )
        .unwrap_err();
    assert_eq!(
        fault[0].to_string(),
        "the command trouble.ship asks for the role \"shipper\", which is not defined; add `shipper = [\"U…\"]` below [roles]"
    );
}

#[tokio::test]
async fn an_event_is_answered_once_however_often_it_comes() {
    let mut room = room();
    for id in ["Ev1", "Ev1", "Ev2"] {
        let key = EventKey {
            id: id.into(),
            also: Some("C1:1.1".into()),
        };
        let said = Message::said(key, "C1".into(), "1.1".into(), "ann".into(), "otus ping");
        room.robot().receive(said);
    }
    room.expect_reply("pong").await;
    room.expect_silence().await;
}

#[tokio::test]
async fn an_edit_runs_again_what_reads_and_never_what_changes() {
    let trouble = Trouble::default();
    let ran = trouble.ran.clone();
    let mut room = Room::builder().responder(trouble).catalog(CATALOG).open();
    let id = room.say("ann", "@otus echo one").await;
    room.expect_reply("one").await;
    room.expect_silence().await;
    room.edit("ann", &id, "@otus echo one", "@otus echo two").await;
    room.expect_shown(|post| post.text == "two").await;
    assert_eq!(
        room.chat().messages().len(),
        1,
        "the answer is edited, not repeated"
    );

    room.edit("ann", &id, "@otus echo two", "@otus echo two").await;
    let id = room.say("ann", "@otus ship api").await;
    room.expect_reply("shipped api to somewhere").await;
    room.edit("ann", &id, "@otus ship api", "@otus ship api to prod")
        .await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("I saw your edit, but I don't run what changes something"),
        "{text}"
    );
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    room.press("ann", "Run it now").await;
    room.expect_reply("@ann: `ship api to prod`\nshipped api to production")
        .await;
    room.expect_silence().await;
}

#[tokio::test]
async fn words_from_people_and_logs_cannot_forge_a_mention() {
    let mut room = room();
    let forged = otus::markup::user(&"U1".into());
    room.say("ann", &format!("@otus echo {forged} <!channel>")).await;
    let post = room.answer().await;
    assert_eq!(
        otus::markup::pieces(&post.text),
        [otus::markup::Piece::Text("userU1 <!channel>")]
    );
}

#[tokio::test]
async fn a_chat_that_fails_ends_nothing() {
    let mut room = room();
    room.chat()
        .break_with(Some(ChatError::Unreachable("gone".into())));
    room.say("ann", "@otus ping").await;
    room.expect_silence().await;
    room.chat().break_with(None);
    room.say("ann", "@otus ping").await;
    room.expect_reply("pong").await;
}

#[tokio::test]
async fn short_words_for_commands_are_put_right() {
    let commands = [("s".to_owned(), "ship".to_owned())].into();
    let config = RobotConfig {
        aliases: vec!["o!".into()],
        commands,
        ..RobotConfig::default()
    };
    let mut room = Room::builder()
        .responder(Trouble::default())
        .catalog(CATALOG)
        .config(config)
        .open();
    room.say("ann", "o!s api to prod").await;
    room.expect_reply("shipped api to production").await;
}

#[tokio::test]
async fn a_stop_waits_for_what_is_under_way() {
    let trouble = Trouble::default();
    let gate = trouble.gate.clone();
    let mut room = Room::builder().responder(trouble).catalog(CATALOG).open();
    room.slash("ann", "wait").await;
    while room.robot().busy() == 0 {
        tokio::task::yield_now().await;
    }
    let robot = room.robot().clone();
    let stopping = tokio::spawn(async move { robot.stop(std::time::Duration::from_secs(10)).await });
    room.robot().services().stopping().cancelled().await;
    while !stopping.is_finished() {
        gate.notify_waiters();
        tokio::task::yield_now().await;
    }
    assert!(stopping.await.unwrap());
    while room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn a_person_is_known_by_name() {
    let room = room();
    room.chat().introduce(
        "ann",
        Person {
            name: "Ann".into(),
            zone: Some("Europe/Vienna".into()),
            robot: false,
        },
    );
    let chat = room.robot().services().chat();
    assert_eq!(
        chat.person(&"ann".into()).await.unwrap().zone.as_deref(),
        Some("Europe/Vienna")
    );
}

#[test]
fn two_commands_that_get_in_each_others_way_stop_the_start() {
    #[derive(Default)]
    struct Rival;
    #[responder]
    impl Rival {
        /// Echoes as well.
        #[respond(r"^echo (?<words>.*)$", usage = "echo <words>", example = "echo there")]
        async fn again(&self, cx: Context, words: String) -> Result {
            cx.reply(words).await
        }
    }
    let faults = Room::builder()
        .responder(Trouble::default())
        .responder(Rival)
        .catalog(CATALOG)
        .try_open();
    let faults = faults
        .err()
        .map(|faults| faults[0].to_string())
        .unwrap_or_default();
    assert!(
        faults.contains("`echo there`, an example of rival.again, is matched just as well by trouble.echo"),
        "{faults}"
    );
}

#[test]
fn a_command_says_what_it_does_to_the_world() {
    let specs = <Trouble as otus::Responder>::SPEC.commands;
    let ship = specs.iter().find(|spec| spec.name == "ship").unwrap();
    assert_eq!((ship.effect, ship.role), (Effect::Changes, Some("shipper")));
    assert_eq!(ship.leading_words(), "ship");
}

#[tokio::test]
async fn memory_claims_release() {
    let store = MemoryStore::new();
    let key = EventKey {
        id: "a".into(),
        also: Some("b".into()),
    };
    assert!(store.claim(&key).await.unwrap());
    assert!(!store.claim(&EventKey::new("b")).await.unwrap());
    store.release(&key).await.unwrap();
    assert!(store.claim(&EventKey::new("b")).await.unwrap());
}

#[tokio::test]
async fn what_a_dead_process_had_answered_is_not_answered_again_and_what_it_had_not_is() {
    let mut room = Room::with(Trouble::default());
    let key = EventKey {
        id: "E1".into(),
        also: Some("C1:1".into()),
    };
    let message = Message {
        again: true,
        ..Message::said(
            key.clone(),
            "C1".into(),
            "1".into(),
            "ann".into(),
            "otus echo hello",
        )
    };
    room.robot().receive(message.clone());
    room.expect_reply("hello").await;
    let store = Arc::clone(room.store());
    // What a store does with the claim of a process that died before it could note that the answer was out.
    store.release(&key).await.unwrap();
    room.robot().receive(message.clone());
    room.expect_silence().await;
    let (answer, post) = room.chat().messages().remove(0);
    assert_eq!(post.key.as_deref(), Some("answer:C1:1"));
    // Somebody deleted it: the claim is closed all the same.
    room.chat().delete(&answer);
    room.robot().receive(message.clone());
    room.expect_silence().await;
    // It died before it said anything.
    store.release(&key).await.unwrap();
    room.robot().receive(message);
    room.expect_reply("hello").await;
}

#[test]
fn an_id_is_the_same_in_each_delivery() {
    let said = |id: &str, also: Option<&str>| EventKey {
        id: id.into(),
        also: also.map(Into::into),
    };
    let message = said("E1", Some("C1:1.0"));
    assert_eq!(message.short().len(), 10);
    assert_eq!(message.short(), said("E2", Some("C1:1.0")).short());
    assert_ne!(message.short(), said("E1", Some("C1:2.0")).short());
    assert_ne!(message.short(), said("E1", None).short());
}

#[tokio::test]
async fn what_services_hear_is_answered_like_what_is_said_and_once() {
    let mut room = Room::builder()
        .responder(Trouble::default())
        .role("shipper", &["bob"])
        .open();
    let services = room.robot().services().clone();
    let heard = Message {
        id: None,
        via: otus::Via::Schedule { id: "s1".into() },
        ..Message::said(
            EventKey::new("s1/1"),
            "C1".into(),
            "1".into(),
            "ann".into(),
            "ping",
        )
    };
    let command = services
        .command_of("ping because it is quiet")
        .map(|spec| spec.name);
    assert_eq!(command, Some("ping"));
    assert_eq!(services.command_of("pingpong"), None);
    let said = |line: &str| Message {
        content: vec![otus::Segment::Text(line.into())],
        ..heard.clone()
    };
    assert_eq!(services.near(&said("pimg")).await, ["ping"]);
    assert_eq!(services.verdict(&said("pimg")).await, None);
    let verdict = async |line: &str| services.verdict(&said(line)).await.unwrap().kind;
    assert_eq!(verdict("ping").await, VerdictKind::Allow);
    assert_eq!(verdict("ship api").await, VerdictKind::Refuse);
    assert_eq!(services.near(&said("shipp api")).await, Vec::<String>::new());
    room.expect_silence().await;
    services.hear(heard.clone());
    room.expect_reply("scheduled by @ann: `ping`\npong").await;
    services.hear(heard.clone());
    room.expect_silence().await;
    drop(room);
    // The services do not keep the robot alive, and hearing without one is no panic.
    services.hear(heard);
    assert_eq!(services.command_of("ping"), None);
}
