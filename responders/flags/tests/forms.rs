//! The form of a change: live choices, and a command like any other behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use otus::{
    Part,
    form::{Form, Values, fill},
};
use scene::Scene;
use serde_json::json;

async fn form(scene: &mut Scene, said: &str) -> Form {
    scene.room.say("ann", &format!("@otus {said}")).await;
    let parts = scene.room.answer().await.card.unwrap().parts;
    let form = parts.into_iter().find_map(|part| match part {
        Part::Form(form) => Some(form),
        _ => None,
    });
    form.unwrap()
}

fn choices(form: &Form, name: &str) -> Vec<String> {
    let field = form.fields.iter().find(|field| field.name == name).unwrap();
    field.choices.iter().map(|choice| choice.value.clone()).collect()
}

#[tokio::test]
async fn a_change_is_chosen_from_what_there_is() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    scene.say("flag create banner with red, blue").await;
    scene.say("flag nav on for country de in production").await;

    let whole = form(&mut scene, "change flag").await;
    assert_eq!(choices(&whole, "name"), ["banner", "nav"]);
    assert_eq!(choices(&whole, "environment"), ["staging", "production"]);
    assert_eq!(choices(&whole, "gives"), ["on", "off", "blue", "red"]);

    let of_nav = form(&mut scene, "change flag nav").await;
    assert_eq!(choices(&of_nav, "gives"), ["on", "off"]);
    let whom = choices(&of_nav, "whom");
    for one in ["everybody", "staff", "country de", "key ann@example.com", "25%"] {
        assert!(whom.contains(&one.to_owned()), "{one}: {whom:?}");
    }
    assert_eq!(
        choices(&form(&mut scene, "change flag banner").await, "gives"),
        ["blue", "red"]
    );

    // Whatever is chosen is a command that is understood.
    for (nth, one) in whom.iter().enumerate() {
        let gives = if nth % 2 == 0 { "on" } else { "off" };
        let chosen = [
            ("name", "nav"),
            ("gives", gives),
            ("whom", one),
            ("environment", "staging"),
        ];
        let values: Values = chosen
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let line = fill(&of_nav.usage, &values).unwrap();
        let said = scene.say(&line).await;
        assert!(
            said.contains("nav") && !said.contains("don't know"),
            "{line}: {said}"
        );
    }
    scene.say("change flag nav to on for staff in staging").await;
    assert_eq!(
        scene.gets("staging", "nav", json!({"email": "eve@example.com"})),
        "on"
    );
}

#[tokio::test]
async fn the_command_alone_offers_the_flags() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    let which = form(&mut scene, "flag").await;
    assert_eq!(choices(&which, "name"), ["nav"]);
    let shown = scene
        .say(&fill(&which.usage, &[("name".to_owned(), "nav".to_owned())].into()).unwrap())
        .await;
    assert!(shown.contains("Change …"), "{shown}");
}

#[tokio::test]
async fn who_may_not_change_flags_gets_no_form() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    scene.room.say("eve", "@otus change flag nav").await;
    let said = scene.room.answer().await;
    assert!(
        said.card.iter().all(|card| card.parts.is_empty()),
        "{}",
        said.plain()
    );
}
