//! Whatever is written, the robot neither fails nor falls silent.

use otus::{
    Message, Segment,
    address::{Addressing, Names},
    message::EventKey,
    prelude::*,
    responder::Built,
    router::Router,
    words,
};
use otus_responder_basics::Basics;
use proptest::{collection::vec, prelude::*};
use std::sync::LazyLock;

static ROUTER: LazyLock<Router> =
    LazyLock::new(|| Router::new(Built::new(Basics).handlers).expect("the basics do not overlap"));

/// Lines near to commands, and lines far from anything.
fn line() -> impl Strategy<Value = String> {
    let pieces = [
        "help",
        "echo",
        "ping",
        "ship it",
        "who are you",
        "otus",
        "@otus",
        " ",
        "  ",
        "\n",
        "\t",
        "[",
        "(a+)+$",
        "\\",
        "\u{200B}",
        "\u{E000}",
        "\u{E002}",
        "“",
        "—",
        "`",
        "```",
        "> ",
        "&lt;",
        "<@U1>",
        "é",
        "🦉",
        "\u{0}",
        "\u{202E}",
        "K",
        "ſhip",
    ];
    prop_oneof![
        vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat()),
        any::<String>(),
        ("help |echo ", any::<String>()).prop_map(|(command, rest)| command + &rest),
        Just("a".repeat(20_000)),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        4 => line().prop_map(Segment::Text),
        2 => Just(Segment::Me),
        1 => line().prop_map(Segment::Code),
        1 => line().prop_map(Segment::CodeBlock),
        1 => line().prop_map(Segment::Quote),
        1 => line().prop_map(|id| Segment::User(id.as_str().into())),
        1 => (line(), line()).prop_map(|(url, text)| Segment::Link { url, text }),
        1 => (line(), line()).prop_map(|(id, name)| Segment::Channel { id: id.as_str().into(), name: Some(name) }),
        1 => (line(), prop::option::of(line())).prop_map(|(id, name)| Segment::Group { id, name }),
    ]
}

proptest! {
    #[test]
    fn no_line_breaks_the_router(line in line()) {
        let routed = ROUTER.addressed(&line);
        if let Some((handler, captures)) = &routed.winner {
            for group in handler.spec.groups {
                prop_assert!(captures.get(group).is_none_or(|caught| line.contains(caught)));
            }
        }
        let winner = routed.winner.map(|(handler, _)| handler.spec.id());
        prop_assert_eq!(winner, ROUTER.respond(&line).map(|(handler, _)| handler.spec.id()));
        ROUTER.overheard(&line);
    }

    #[test]
    fn no_message_breaks_the_way_to_the_router(content in vec(segment(), 0..8)) {
        let mut message = Message::said(EventKey::new("E"), "C".into(), "1".into(), "U".into(), "");
        message.content = content;
        let names = Names::new("otus", &["o!".into()]);
        match names.addressing(&message) {
            Addressing::Command(line) | Addressing::Perhaps(line) => drop(ROUTER.addressed(&line)),
            Addressing::Overheard => drop(ROUTER.overheard(&words::overheard(&message.content))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_to_the_robot_is_answered(content in vec(segment(), 0..5), slash in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut room = Room::with(Basics);
            let mut message = Message::said(EventKey::new("E"), "C1".into(), "1".into(), "ann".into(), "");
            message.content = content;
            if slash {
                message.via = otus::Via::Slash;
            } else {
                message.content.insert(0, Segment::Me);
            }
            room.robot().receive(message);
            loop {
                // A listener may react as well; the answer is words.
                if let otus::room::What::Post(post) = room.next_said().await.what {
                    assert!(!post.plain().contains("incident"), "{}", post.plain());
                    break;
                }
            }
            // What a listener does beside the answer is not this test's matter.
            while room.robot().busy() > 0 {
                tokio::task::yield_now().await;
            }
            while room.chat().take_unexpected().is_some() {}
        });
    }
}
