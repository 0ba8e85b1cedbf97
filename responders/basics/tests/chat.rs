//! What the robot answers, as a chat.

use otus::{
    help,
    message::ChannelKind,
    prelude::*,
    room::{Said, What},
};
use otus_responder_basics::Basics;

/// A responder with a command for some people only, and with many commands.
#[derive(Default)]
struct Harbour;

#[responder]
impl Harbour {
    /// Ships something.
    #[respond(
        r"^ship (?<what>.+)$",
        usage = "ship <what>",
        example = "ship api",
        role = "captain",
        effect = "changes"
    )]
    async fn ship(&self, cx: Context, what: String) -> Result {
        cx.reply(format!("shipped {what}")).await
    }

    /// Reads the tide.
    #[respond(r"^tide$", usage = "tide")]
    async fn tide(&self, cx: Context) -> Result {
        cx.reply("low").await
    }

    /// Reads the wind.
    #[respond(r"^wind$", usage = "wind")]
    async fn wind(&self, cx: Context) -> Result {
        cx.reply("west").await
    }

    /// Reads the depth.
    #[respond(r"^depth$", usage = "depth")]
    async fn depth(&self, cx: Context) -> Result {
        cx.reply("3 m").await
    }

    /// Reads the log of a ship.
    #[respond(r"^log$", usage = "log")]
    async fn log(&self, cx: Context) -> Result {
        cx.reply("all is well").await
    }
}

fn harbour() -> Room {
    Room::builder()
        .responder(Basics)
        .responder(Harbour)
        .role("captain", &["ann"])
        .open()
}

fn words(said: &Said) -> String {
    match &said.what {
        What::Post(post) | What::Whisper(_, post) => post.plain(),
        other => panic!("words were expected, not {other:?}"),
    }
}

#[tokio::test]
async fn knock_knock() {
    let mut room = Room::with(Basics);
    room.say("ann", "@otus ping").await;
    room.expect_reply("pong").await;
    room.say("ann", "@otus echo Hello, “World” & <!channel> *all*")
        .await;
    room.expect_reply("Hello, \"World\" & <!channel> *all*").await;
    room.say("ann", "nice, Ship it!").await;
    room.expect_reaction("shipit").await;
    room.say("ann", "the worship items").await;
    room.say("ann", "a friendship itself").await;
    room.expect_silence().await;
}

#[tokio::test]
async fn it_says_who_it_is() {
    let mut room = Room::with(Basics);
    room.say("ann", "@otus who are you?").await;
    let answer = room.answer().await.plain();
    assert!(
        answer.contains("*otus*") && answer.contains("I know 8 commands"),
        "{answer}"
    );
    room.say("ann", "@otus version").await;
    room.expect_reply(concat!("otus ", env!("CARGO_PKG_VERSION")))
        .await;
}

#[tokio::test]
async fn short_help_is_said_where_one_asked() {
    let mut room = Room::with(Basics);
    room.say("ann", "@otus help").await;
    let said = room.next_said().await;
    assert_eq!(said.place.thread, None);
    insta::assert_snapshot!(words(&said), @r"
        What you can say to me
        *basics* · Knock, knock.
        • `disable <responder> [because <reason>]` · Switches a responder off.
        • `echo <text>` · Says it back.
        • `enable <responder>` · Switches a responder on again.
        • `help [<words>]` · Tells what you can say to me, or what I know about some words.
        • `ping` · Answers pong.
        • `responders` · Tells how the responders are doing.
        • `version` · Says which version of me this is.
        • `who are you` · Says who I am and how to talk to me.
        `help <words>` tells more, with examples.
        ");
}

#[tokio::test]
async fn long_help_floods_no_channel() {
    let mut room = harbour();
    let asked = room.say("bob", "@otus help").await;
    let said = room.next_said().await;
    assert_eq!(said.place.thread, Some(asked));
    let help = words(&said);
    assert!(help.contains("`tide`") && !help.contains("ship <what>"), "{help}");
    assert!(
        help.contains("also about the one command you may not say"),
        "{help}"
    );

    room.slash("bob", "help").await;
    let said = room.next_said().await;
    assert!(
        matches!(said.what, What::Whisper(ref to, _) if to.as_str() == "bob"),
        "{said:?}"
    );

    room.go_to("D1", ChannelKind::Direct);
    room.say("ann", "help").await;
    let said = room.next_said().await;
    assert_eq!(said.place.thread, None);
    assert!(words(&said).contains("ship <what>"));
}

#[tokio::test]
async fn help_with_one_command_tells_all_about_it() {
    let mut room = harbour();
    room.say("bob", "@otus help ship").await;
    insta::assert_snapshot!(room.answer().await.plain(), @r"
        `ship <what>`
        Ships something.
        For example: `ship api`
        It changes something, so I never run it from an edited message.
        🔒 You may not say it: it asks for the role `captain`, and you do not have it.
        See also: `log`
        ");
    room.say("ann", "@otus help ship").await;
    let answer = room.answer().await.plain();
    assert!(
        answer.contains("It asks for the role `captain`, which you have."),
        "{answer}"
    );
    room.say("ann", "@otus HELP  Tide").await;
    assert!(room.answer().await.plain().starts_with("`tide`\nReads the tide."));
}

#[tokio::test]
async fn help_with_words_finds_what_is_about_them() {
    let mut room = harbour();
    room.say("bob", "@otus help reads").await;
    insta::assert_snapshot!(room.answer().await.plain(), @r"
        What I know about `reads`
        *harbour*
        • `depth` · Reads the depth.
        • `log` · Reads the log of a ship.
        • `tide` · Reads the tide.
        • `wind` · Reads the wind.
        ");
}

#[tokio::test]
async fn help_with_a_slip_offers_what_was_meant() {
    let mut room = harbour();
    room.say("bob", "@otus help tidde").await;
    room.expect_reply("I know nothing about `tidde`. Did you mean `help tide`?\n[help tide]")
        .await;
    room.press("bob", "help tide").await;
    assert!(room.answer().await.plain().starts_with("`tide`"));
}

#[tokio::test]
async fn nothing_one_writes_is_a_pattern() {
    let mut room = Room::with(Basics);
    for words in ["(a+)+$", "\\", "*", "(?i", "^$", "{9999999}", "`.*`"] {
        room.say("ann", &format!("@otus help {words}")).await;
        let answer = room.answer().await.plain();
        assert!(answer.starts_with("I know nothing about `"), "{words}: {answer}");
    }
    room.say("ann", "@otus help [<w").await;
    assert!(room.answer().await.plain().starts_with("`help [<words>]`"));
}

#[tokio::test]
async fn every_command_of_the_house_s_basics_explains_itself() {
    let room = Room::with(Basics);
    let entries = help::entries(room.robot().services(), &"ann".into(), "", true).await;
    for entry in &entries["basics"] {
        assert!(
            !entry.spec.about.is_empty(),
            "{} has no documentation",
            entry.spec.id()
        );
        assert!(
            !entry.spec.examples.is_empty(),
            "{} has no example",
            entry.spec.id()
        );
    }
}

/// A responder that can fail.
#[derive(Default)]
struct Shaky;

#[responder]
impl Shaky {
    /// Fails, or not.
    #[respond(r"^shake(?<hard> hard)?$", usage = "shake", example = "shake")]
    async fn shake(&self, cx: Context, hard: Option<String>) -> Result {
        match hard {
            Some(_) => Err(std::io::Error::other("it fell").into()),
            None => cx.reply("shaken").await,
        }
    }
}

#[tokio::test]
async fn a_responder_is_switched_off_and_on() {
    let mut room = Room::builder().responder(Basics).responder(Shaky).open();
    room.say("ann", "@otus disable shaky").await;
    room.expect_reply(
        "Who finds shaky switched off will want to know why. Say `disable shaky because <reason>`.",
    )
    .await;
    room.say("ann", "@otus disable shaky, because it is loud").await;
    room.expect_reply("⚠️ *shaky* is switched off: it is loud.\nWhat it began goes on.\n[Enable]")
        .await;
    room.say("ann", "@otus disable shaky because of me").await;
    room.expect_reply("shaky is switched off already. Say `responders` to see why.")
        .await;
    room.say("bob", "@otus shake").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("⚠️ *shaky* is switched off since ")
            && text.contains(" by @ann: it is loud.\nWhen it is mended, say `enable shaky`.\n[Enable]"),
        "{text}"
    );
    room.say("ann", "@otus responders").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("⚠️ *Responders*: 1 of 2 switched off\n🟢 *basics* · "),
        "{text}"
    );
    assert!(
        text.contains("\n🔴 *shaky* · off since ") && text.contains("[enable shaky]"),
        "{text}"
    );
    room.press("bob", "Enable").await;
    room.expect_reply("✅ *shaky* is on again.\nIt was off because: it is loud · @bob: `enable shaky`")
        .await;
    room.say("bob", "@otus enable shaky").await;
    room.expect_reply("shaky is on already.").await;
    room.say("bob", "@otus shake").await;
    room.expect_reply("shaken").await;
    room.say("bob", "@otus disable basics because of fun").await;
    room.expect_reply("basics stays on: it is what one sets things right with.")
        .await;
    room.say("bob", "@otus disable shakky because of fun").await;
    room.expect_reply(
        "There is no responder called `shakky`. Did you mean `shaky`?\n[disable shaky because of fun]",
    )
    .await;
}

#[tokio::test]
async fn what_keeps_failing_is_in_the_list_with_its_errors() {
    let mut room = Room::builder().responder(Basics).responder(Shaky).open();
    for _ in 0..2 {
        room.say("ann", "@otus shake hard").await;
        room.answer().await;
    }
    room.say("ann", "@otus responders").await;
    let text = room.answer().await.plain();
    assert!(
        text.contains("🟢 *shaky* · 2 matches · 2 errors · p95 "),
        "{text}"
    );
}
