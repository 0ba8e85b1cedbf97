//! What a process that died leaves: messages it had accepted. Whoever comes after answers each, once, and does nothing twice.

extern crate otus_core as otus;

use jiff::SignedDuration;
use otus::{
    Message, MessageId, Receipt,
    message::EventKey,
    operations::Timing,
    prelude::*,
    room::{Clock, Fuse, RoomChat},
    store::{MemoryStore, Store},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// Reads and changes.
#[derive(Default, Clone)]
struct Shop {
    sold: Arc<AtomicU32>,
}

#[responder]
impl Shop {
    /// Says three things.
    #[respond(r"^prices$", usage = "prices")]
    async fn prices(&self, cx: Context) -> Result {
        cx.reply("apples: 1").await?;
        cx.reply("pears: 2").await?;
        cx.reply_in_thread("that was all").await
    }

    /// Sells something.
    #[respond(
        r"^sell (?<what>\S+)$",
        usage = "sell <what>",
        example = "sell apples",
        effect = "changes"
    )]
    async fn sell(&self, cx: Context, what: String) -> Result {
        self.sold.fetch_add(1, Ordering::SeqCst);
        cx.reply(format!("sold {what}")).await
    }

    /// Greets.
    #[hear(r"(?i)\bgood morning\b")]
    async fn greet(&self, cx: Context) -> Result {
        cx.reply("good morning!").await
    }
}

/// A memory and a chat, which outlive the robots that use them.
struct Street {
    shop: Shop,
    store: Arc<MemoryStore>,
    chat: Arc<RoomChat>,
    clock: Clock,
}

fn street() -> Street {
    Street {
        shop: Shop::default(),
        store: Arc::new(MemoryStore::new()),
        chat: Arc::new(RoomChat::default()),
        clock: Clock::default(),
    }
}

fn said(id: &str, text: &str) -> Message {
    let event = EventKey {
        id: format!("E{id}"),
        also: Some(format!("C1:{id}")),
    };
    Message::said(event, "C1".into(), MessageId::new(id), "ann".into(), text)
}

impl Street {
    fn robot(&self, fuse: &Fuse) -> Room {
        Room::builder()
            .responder(self.shop.clone())
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .timing(Timing {
                settle: Duration::ZERO,
                ..Timing::default()
            })
            .open()
    }

    /// Another process comes after one that died.
    fn successor(&self) -> Room {
        self.store.bereave();
        let room = self.robot(&Fuse::default());
        room.robot().start();
        room
    }

    /// Somebody says something to a process that dies at this call, before or after it.
    async fn say_to_the_dying(&self, message: &Message, call: u64, done: bool) -> Fuse {
        let fuse = Fuse::at(call, done);
        let room = self.robot(&fuse);
        room.robot().receive(message.clone());
        soon(async || fuse.is_burnt() || room.robot().busy() == 0).await;
        while self.chat.take_unexpected().is_some() {}
        fuse
    }

    fn words(&self) -> Vec<String> {
        self.chat
            .messages()
            .iter()
            .map(|(_, post)| post.plain())
            .collect()
    }
}

async fn soon(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("it comes to pass");
}

/// Waits until nothing is worked on. What was said is looked at as a whole.
async fn quiet(room: &Room) {
    soon(async || room.robot().busy() == 0).await;
    while room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn wherever_its_process_dies_a_message_is_answered_once() {
    let mut deaths = 0;
    for done in [false, true] {
        for call in 1.. {
            let street = street();
            let message = said("1", "otus prices");
            let fuse = street.say_to_the_dying(&message, call, done).await;
            if !fuse.is_burnt() {
                break;
            }
            deaths += 1;
            let accepted = call > 1 || done;
            let room = street.successor();
            if !accepted {
                // Nobody gave a receipt, so it is brought again.
                room.robot().receive(message.clone());
            }
            let wanted = ["apples: 1", "pears: 2", "that was all"];
            soon(async || street.words().len() >= wanted.len()).await;
            quiet(&room).await;
            assert_eq!(street.words(), wanted, "killed at call {call}, after it: {done}");
        }
    }
    assert!(deaths >= 8, "{deaths}");
}

#[tokio::test]
async fn what_changes_something_is_never_done_twice_and_always_told() {
    let mut deaths = 0;
    for done in [false, true] {
        for call in 1.. {
            let street = street();
            let message = said("1", "otus sell apples");
            let fuse = street.say_to_the_dying(&message, call, done).await;
            if !fuse.is_burnt() {
                break;
            }
            deaths += 1;
            let room = street.successor();
            if call == 1 && !done {
                room.robot().receive(message.clone());
            }
            soon(async || !street.words().is_empty()).await;
            quiet(&room).await;
            let (words, sold) = (street.words(), street.shop.sold.load(Ordering::SeqCst));
            assert_eq!(words.len(), 1, "{words:?}");
            let interrupted =
                words[0].contains("I was stopped while I was doing `sell apples`, so I don't know");
            assert!(
                words[0] == "sold apples" && sold == 1 || interrupted && sold <= 1,
                "killed at call {call}, after it: {done}: sold {sold}, {words:?}"
            );
        }
    }
    assert!(deaths >= 8, "{deaths}");
}

#[tokio::test]
async fn what_was_only_heard_is_heard_again() {
    let street = street();
    let message = said("1", "Good morning everybody");
    let fuse = street.say_to_the_dying(&message, 1, true).await;
    assert!(fuse.is_burnt());
    let mut room = street.successor();
    room.expect_reply("good morning!").await;
    quiet(&room).await;
    assert_eq!(street.words().len(), 1);
}

#[tokio::test]
async fn what_was_said_long_ago_is_not_done_any_more() {
    let street = street();
    street.store.accept(&said("1", "otus sell apples")).await.unwrap();
    street.store.accept(&said("2", "good morning")).await.unwrap();
    street.clock.jump(SignedDuration::from_hours(3));
    let mut room = street.successor();
    room.expect_shown(|post| {
        post.plain()
            .starts_with("I was away when you said `sell apples`, 3 h ago, so I did nothing")
    })
    .await;
    quiet(&room).await;
    assert_eq!(street.words().len(), 1);
    assert_eq!(street.shop.sold.load(Ordering::SeqCst), 0);
    // Whoever still wants it presses the button.
    room.press("ann", "Do it now").await;
    room.expect_reply("@ann: `sell apples`\nsold apples").await;
}

#[tokio::test]
async fn what_one_process_after_the_other_dies_over_is_left_alone() {
    let street = street();
    let message = said("1", "otus prices");
    street.store.accept(&message).await.unwrap();
    for _ in 0..20 {
        street.store.bereave();
        street.store.adopt(&message.event).await.unwrap().unwrap();
    }
    let mut room = street.successor();
    room.expect_shown(|post| {
        post.plain()
            .contains("I was stopped 21 times while I was answering `prices`")
    })
    .await;
    quiet(&room).await;
    assert_eq!(street.words().len(), 1);
}

#[tokio::test]
async fn the_receipt_is_given_when_the_message_is_safe_and_not_before() {
    let give = || {
        let given = Arc::new(AtomicBool::new(false));
        let flag = given.clone();
        (given, Receipt::new(move || flag.store(true, Ordering::SeqCst)))
    };
    let street = street();
    let fuse = Fuse::default();
    let mut room = street.robot(&fuse);

    // None of its business: at once, without a look into the store.
    let (given, receipt) = give();
    fuse.freeze();
    room.robot().take(said("1", "what a day"), receipt);
    soon(async || given.load(Ordering::SeqCst)).await;

    // Its business, and the store does not answer.
    let (given, receipt) = give();
    let message = said("2", "otus prices");
    room.robot().take(message.clone(), receipt);
    soon(async || fuse.calls() > 0).await;
    assert!(!given.load(Ordering::SeqCst));
    fuse.thaw();
    soon(async || given.load(Ordering::SeqCst)).await;
    room.expect_reply("apples: 1").await;
    quiet(&room).await;

    // Somebody has it.
    let (given, receipt) = give();
    room.robot().take(message, receipt);
    soon(async || given.load(Ordering::SeqCst)).await;
}

#[tokio::test]
async fn a_credential_is_not_kept_and_its_message_still_not_lost() {
    let token = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";
    // Said to the robot, and only heard by it.
    for (words, answer) in [
        (format!("otus sell {token}"), "credential"),
        (format!("good morning {token}"), "good morning!"),
    ] {
        let street = street();
        let secret = said("1", &words);
        let fuse = Fuse::at(1, true);
        let given = Arc::new(AtomicBool::new(false));
        let flag = given.clone();
        let room = street.robot(&fuse);
        let receipt = Receipt::new(move || flag.store(true, Ordering::SeqCst));
        room.robot().take(secret.clone(), receipt);
        fuse.burnt().await;
        street.store.bereave();
        assert!(street.store.orphans().await.unwrap().is_empty());
        assert!(!given.load(Ordering::SeqCst), "whoever brought it keeps it");
        let mut successor = street.robot(&Fuse::default());
        successor.robot().receive(secret);
        successor.expect_shown(|post| post.plain().contains(answer)).await;
        quiet(&successor).await;
        assert_eq!(street.shop.sold.load(Ordering::SeqCst), 0);
    }
}
