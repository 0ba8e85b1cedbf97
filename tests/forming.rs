//! A command that lacks something is answered with a form: a modal where Slack gives a trigger, else a card; and every command's usage
//! makes the command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::House;
use otus::{
    Handler, Kind, Registration,
    form::{Usage, Values, fill},
    router::Router,
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Commands of which no form can be made, because their usage does not show all there is to say. `schedule` is the same with a form.
const TYPED: [&str; 1] = ["schedules.schedule"];

/// Words that begin a command and are another by themselves: all graphs; why the thread's operation stands as it does.
const COMMANDS_BY_THEMSELVES: [&str; 2] = ["graph", "why"];

#[test]
fn what_a_form_makes_is_the_command_for_every_command_there_is() {
    let specs = Registration::all()
        .into_iter()
        .flat_map(|registration| registration.spec.commands);
    let handlers = specs.map(|spec| Handler {
        spec,
        run: Arc::new(|_, _| Box::pin(async { Ok(()) })),
    });
    let router = Router::new(handlers.collect()).unwrap();
    let mut typed = Vec::new();
    for spec in router.commands().filter(|spec| spec.kind == Kind::Respond) {
        let written = spec.usage.unwrap();
        let usage = Usage::parse(written);
        if !usage.is_whole() {
            typed.push(spec.id());
            continue;
        }
        let named: Vec<&str> = usage.parameters().into_iter().map(|(name, _)| name).collect();
        for example in spec.examples {
            let (_, captures) = router.respond(example).unwrap();
            let said: Values = spec
                .groups
                .iter()
                .filter(|group| named.contains(group))
                .filter_map(|group| Some(((*group).to_owned(), captures.get(group)?.to_owned())))
                .collect();
            let Ok(line) = fill(written, &said) else {
                panic!("{}: {example} does not fill {written}", spec.id());
            };
            let (handler, again) = router
                .respond(&line)
                .unwrap_or_else(|| panic!("{line}, of {example}, is nobody's"));
            assert_eq!(handler.spec.id(), spec.id(), "{line}, of {example}");
            for group in named.iter().filter(|group| said.contains_key(**group)) {
                assert_eq!(
                    again.get(group),
                    captures.get(group),
                    "{group} in {line}, of {example}"
                );
            }
        }
    }
    assert_eq!(typed, TYPED);
}

/// Every command that has to be told something, by the words it begins with.
fn beginnings() -> BTreeMap<&'static str, Vec<String>> {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let specs = Registration::all()
        .into_iter()
        .flat_map(|registration| registration.spec.commands)
        .filter(|spec| spec.kind == Kind::Respond && !TYPED.contains(&spec.id().as_str()));
    for spec in specs {
        let usage = Usage::parse(spec.usage.unwrap());
        if usage.fill(&Values::new()).is_err() {
            all.entry(spec.leading_words()).or_default().push(spec.id());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_without_what_it_has_to_be_told_opens_a_form() {
    let mut house = House::build(None).await;
    // What a command may need is there, and who asks may say all of them.
    house.configure("[databases.stock]\nurl = 'sqlite::memory:'\n");
    house.start().await;
    let handlers = Registration::all()
        .into_iter()
        .flat_map(|registration| registration.spec.commands)
        .map(|spec| Handler {
            spec,
            run: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        });
    let router = Router::new(handlers.collect()).unwrap();
    let beginnings = beginnings();
    assert!(beginnings.len() > 30, "{beginnings:?}");
    for (words, commands) in &beginnings {
        if COMMANDS_BY_THEMSELVES.contains(words) {
            assert!(router.respond(words).is_some(), "{words} is no command");
            continue;
        }
        house.slack.slash("ann", "#general", "/otus", words).unwrap();
        let opened = house.slack.wait_for(house::SOON, |world| {
            let view = world.view_of("ann")?;
            Some(view["blocks"].to_string())
        });
        let opened = opened.await;
        let blocks =
            opened.unwrap_or_else(|error| panic!("`{words}` of {commands:?} opens nothing: {error}"));
        assert!(blocks.contains("otus:field:"), "{words}: {blocks}");
        house.slack.close_view("ann").unwrap();
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_command_opens_a_modal_and_a_mention_gets_a_card() {
    let mut house = House::build(None).await;
    house.start().await;

    house.slack.slash("ann", "#general", "/otus", "deploy").unwrap();
    let modal = house
        .slack
        .wait_for(house::SOON, |world| world.view_of("ann").cloned())
        .await
        .unwrap();
    assert_eq!(modal["title"]["text"], "deploy");
    let field = |name: &str| {
        let id = format!("otus:field:{name}");
        modal["blocks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|block| block["block_id"] == id.as_str())
            .unwrap()
            .clone()
    };
    let options = field("environment")["element"]["options"].clone();
    let environments: Vec<&str> = options
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].as_str().unwrap())
        .collect();
    assert!(environments.contains(&"staging"), "{environments:?}");
    assert_eq!(field("service")["optional"], false);
    let values = json!({
        "otus:field:service": "api",
        "otus:field:version": "1.5",
        "otus:field:environment": "staging",
    });
    house.slack.submit("ann", values).unwrap();
    let live = house.slack.wait_for(house::SOON, |world| {
        let mut said = world.messages("#general").filter(|message| message.from_app);
        said.find(|message| message.words().contains("is live in"))
            .map(drop)
    });
    live.await.unwrap();
    let api = house.cluster.get("Deployment", "staging", "api").unwrap();
    let image = api["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap();
    assert!(image.ends_with(":1.5"), "{image}");

    // What is said already stands there, and `to` is no service.
    house
        .slack
        .slash("ann", "#general", "/otus", "deploy to staging")
        .unwrap();
    let begun = house.slack.wait_for(house::SOON, |world| {
        world.view_of("ann").map(|view| view["blocks"].to_string())
    });
    let begun = begun.await.unwrap();
    let begun: serde_json::Value = serde_json::from_str(&begun).unwrap();
    let chosen = begun.as_array().unwrap().iter().find_map(|block| {
        (block["block_id"] == "otus:field:environment")
            .then(|| block["element"]["initial_option"]["value"].clone())
    });
    assert_eq!(chosen.unwrap(), "staging", "{begun}");
    house.slack.close_view("ann").unwrap();

    // Where nothing gives a trigger it is a card, which says the same.
    let asked = house.slack.say("ann", "#general", "@otus deploy").unwrap();
    let card = house.slack.wait_for(house::SOON, |world| {
        let mut messages = world
            .messages("#general")
            .filter(|message| message.from_app && message.ts > asked);
        messages
            .find(|message| message.words().contains("needs to know a little more"))
            .map(|message| message.ts)
    });
    let card = card.await.unwrap();
    house.slack.click("ann", card, "Go").unwrap();
    // What has to be said is asked for again: nothing was chosen.
    let again = house.slack.wait_for(house::SOON, |world| {
        world.view_of("ann").map(|view| view["title"]["text"].clone())
    });
    assert_eq!(again.await.unwrap(), "deploy");
    house.stop().await;
}
