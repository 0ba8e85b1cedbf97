//! Buttons that are answered in their message: the last one that was pressed counts, however long the others take, and whoever dies.

extern crate otus_core as otus;

use otus::{
    Message, MessageId,
    message::{EventKey, Via},
    operations::Timing,
    prelude::*,
    room::{Clock, Fuse, RoomChat},
    store::{MemoryStore, Store as _},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// A card with a colour, which takes its time to be painted.
#[derive(Clone)]
struct Painter {
    /// Who paints `slow` waits for one of these.
    paint: Arc<Semaphore>,
    begun: Arc<Semaphore>,
}

impl Default for Painter {
    fn default() -> Self {
        Self {
            paint: Arc::new(Semaphore::new(0)),
            begun: Arc::new(Semaphore::new(0)),
        }
    }
}

#[responder]
impl Painter {
    /// Paints.
    #[respond(r"^paint (?<colour>\S+)$", usage = "paint <colour>", example = "paint red")]
    async fn paint(&self, cx: Context, colour: String) -> Result {
        let place = cx.in_place().await;
        self.begun.add_permits(1);
        if colour == "slow" {
            self.paint.acquire().await?.forget();
        }
        match place {
            Some(place) => place.show(colour).await.map(drop),
            None => cx.reply(colour).await,
        }
    }
}

struct Wall {
    painter: Painter,
    store: Arc<MemoryStore>,
    chat: Arc<RoomChat>,
}

impl Wall {
    fn new() -> Self {
        Self {
            painter: Painter::default(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
        }
    }

    fn room(&self, fuse: &Fuse) -> Room {
        Room::builder()
            .responder(self.painter.clone())
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), Clock::default())
            .timing(Timing {
                settle: Duration::ZERO,
                ..Timing::default()
            })
            .open()
    }

    async fn painted(&self, room: &mut Room) {
        room.say("ann", "@otus paint white").await;
        room.answer().await;
    }

    fn press(&self, event: &str, colour: &str) -> Message {
        let (message, _) = self.chat.messages().pop().expect("the card");
        let key = EventKey::new(event);
        let said = Message::said(
            key,
            "C1".into(),
            MessageId::new("0"),
            "bob".into(),
            &format!("paint {colour}"),
        );
        Message {
            id: None,
            via: Via::Button {
                message: Some(message),
            },
            ..said
        }
    }

    fn colour(&self) -> String {
        let all = self.chat.messages();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].1.plain()
    }
}

async fn rest(room: &Room) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while room.robot().busy() > 0 {
        assert!(Instant::now() < deadline, "it does not come to rest");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn the_last_button_counts_and_not_the_slowest() {
    let wall = Wall::new();
    let mut room = wall.room(&Fuse::default());
    wall.painted(&mut room).await;
    wall.painter.begun.acquire().await.expect("open").forget();
    room.robot().receive(wall.press("E1", "slow"));
    wall.painter.begun.acquire().await.expect("open").forget();
    room.robot().receive(wall.press("E2", "red"));
    room.expect_shown(|post| post.plain() == "red").await;
    wall.painter.paint.add_permits(1);
    rest(&room).await;
    assert_eq!(wall.colour(), "red");
    // And one that comes later counts again, whoever does it.
    room.robot().receive(wall.press("E3", "blue"));
    room.expect_shown(|post| post.plain() == "blue").await;
    rest(&room).await;
}

#[tokio::test]
async fn what_a_dead_process_began_is_shown_unless_something_newer_is() {
    for newer in [false, true] {
        for call in 1.. {
            let mut reached = false;
            for done in [false, true] {
                let wall = Wall::new();
                let mut first = wall.room(&Fuse::default());
                wall.painted(&mut first).await;
                let fuse = Fuse::at(call, done);
                let dying = wall.room(&fuse);
                dying.robot().receive(wall.press("E1", "red"));
                let deadline = Instant::now() + Duration::from_secs(30);
                while !fuse.is_burnt() && dying.robot().busy() > 0 {
                    assert!(Instant::now() < deadline, "it neither dies nor ends");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                reached |= fuse.is_burnt();
                if newer {
                    first.robot().receive(wall.press("E2", "blue"));
                    first.expect_shown(|post| post.plain() == "blue").await;
                    rest(&first).await;
                }
                wall.store.bereave();
                let heir = wall.room(&Fuse::default());
                heir.robot().start();
                // Nobody gave a receipt for what died at the first call, so it would be brought again.
                let accepted = call > 1 || done;
                let wanted = match (newer, accepted) {
                    (true, _) => "blue",
                    (false, true) => "red",
                    (false, false) => "white",
                };
                let deadline = Instant::now() + Duration::from_secs(30);
                while !wall.store.orphans().await.expect("read").is_empty() || wall.colour() != wanted {
                    assert!(
                        Instant::now() < deadline,
                        "call {call}, done {done}: {} and not {wanted}",
                        wall.colour()
                    );
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                rest(&heir).await;
                assert_eq!(wall.colour(), wanted, "call {call}, done {done}");
            }
            if !reached {
                assert!(call > 3, "{call}");
                break;
            }
        }
    }
}
