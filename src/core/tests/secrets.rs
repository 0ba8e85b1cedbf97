//! Credentials that come in are refused and kept nowhere; those that would go out are taken out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

use otus::{audit::AuditFilter, message::ChannelKind, prelude::*, room::What, secrets};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

const TOKEN: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

#[derive(Default, Clone)]
struct Keys {
    ran: Arc<AtomicU32>,
}

/// Keys.
#[responder]
impl Keys {
    /// Takes a key.
    #[respond(
        r"^use (?<what>.+)$",
        usage = "use <what>",
        example = "use it",
        effect = "changes"
    )]
    async fn take(&self, cx: Context, what: String) -> Result {
        self.ran.fetch_add(1, Ordering::SeqCst);
        cx.reply(what).await
    }

    /// Shows a key in every way there is.
    #[respond(r"^show$", usage = "show")]
    async fn show(&self, cx: Context) -> Result {
        cx.reply(Card::new(Tone::Good, "key").field("api key", TOKEN).code(TOKEN))
            .await?;
        cx.whisper(TOKEN).await?;
        cx.live(Card::new(Tone::Good, TOKEN)).await?;
        cx.upload(File {
            name: "keys.txt".into(),
            title: "keys".into(),
            alt: None,
            comment: None,
            bytes: TOKEN.as_bytes().to_vec(),
        })
        .await?;
        user_error!("{TOKEN} is no good")
    }

    /// Hears keys.
    #[hear(r"(?i)\bghp_")]
    async fn hears(&self, _cx: Context) -> Result {
        self.ran.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

const ADVICE: &str = "Your message holds what looks like a credential (GitHub token), so I did nothing with it and kept nothing \
    of it.\nThe chat has kept it: it counts as leaked. Delete the message, take the credential back where it was issued, and make a \
    new one.\nNever tell me one. Put it where programs read theirs (an environment variable, a file, a secret of the cluster) and \
    say its name instead.";

const REFUSED: &str = "I did nothing with that message: it holds what looks like a credential (GitHub token). Please delete it.";

#[tokio::test]
async fn a_credential_that_comes_in_is_refused_and_kept_nowhere() {
    let keys = Keys::default();
    let ran = keys.ran.clone();
    let mut room = Room::with(keys);
    for said in [
        format!("@otus use {TOKEN}"),
        format!("@otus use `{TOKEN}`"),
        format!("@otus use this ```{TOKEN}```"),
        format!("@otus what is this\n> {TOKEN}"),
        format!("@otus usse {TOKEN} --plan because {TOKEN}"),
    ] {
        room.say("ann", &said).await;
        room.expect_reply(REFUSED).await;
        match room.next_said().await.what {
            What::Whisper(to, post) => assert_eq!((to.as_str(), post.plain().as_str()), ("ann", ADVICE)),
            other => panic!("a whisper was expected, not {other:?}"),
        }
    }
    room.slash("ann", &format!("use {TOKEN}")).await;
    room.expect_reply(&format!("@ann: {ADVICE}")).await;
    room.go_to("D1", ChannelKind::Direct);
    room.say("ann", &format!("use {TOKEN}")).await;
    room.expect_reply(ADVICE).await;
    room.expect_silence().await;
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    let entries = room.store().audit(&AuditFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 7);
    for recorded in entries {
        assert_eq!(
            recorded.entry.text,
            "said what looks like a credential (GitHub token), which was refused"
        );
        assert!(!format!("{recorded:?}").contains("ghp_"));
    }
}

#[tokio::test]
async fn what_nobody_said_to_the_robot_is_nobodys_warning() {
    let keys = Keys::default();
    let ran = keys.ran.clone();
    let mut room = Room::with(keys);
    room.say("ann", &format!("my key is {TOKEN}")).await;
    room.expect_silence().await;
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_handler_cannot_say_a_credential_whichever_way() {
    let mut room = Room::with(Keys::default());
    room.say("ann", "@otus show").await;
    for _ in 0..5 {
        let said = room.next_said().await;
        let shown = match &said.what {
            What::File(file) => String::from_utf8(file.bytes.clone()).unwrap(),
            other => format!("{other:?}"),
        };
        assert!(!shown.contains(TOKEN) && shown.contains("[redacted: "), "{shown}");
        assert_eq!(secrets::found(&shown), None);
    }
    room.expect_silence().await;
}
