//! A command that was only begun is answered with a form, and what the form makes is the command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

use otus::{
    form::{Choice, Form, Wanted, fill},
    prelude::*,
};

/// Ships.
#[derive(Default)]
struct Harbour;

/// Ships things.
#[responder]
impl Harbour {
    #[choices]
    async fn choices(&self, wanted: Wanted, _: Services) -> Vec<Choice> {
        match (wanted.parameter, wanted.said.get("service").map(String::as_str)) {
            ("version", Some("api")) => vec![Choice::new("2"), Choice::new("1").labelled("1 (old)")],
            ("version", Some("web")) => std::future::pending().await,
            _ => Vec::new(),
        }
    }

    /// Ships a service.
    #[respond(
        r"^ship (?<service>[^\s@]+)(?:[@ ](?<version>\S+))??(?: to (?<environment>\S+))?$",
        usage = "ship <service>[@<version>] [to <environment>]",
        example = "ship api@2 to production",
        role = "captain"
    )]
    async fn ship(
        &self,
        cx: Context,
        service: Service,
        version: Option<String>,
        environment: Option<Environment>,
    ) -> Result {
        let to = environment.map_or("nowhere".into(), |environment| environment.name);
        cx.reply(format!("{} {version:?} {to}", service.name)).await
    }

    /// Names a ship.
    #[respond(r"^name (?<what>.+)$", usage = "name <what>", example = "name it")]
    async fn name(&self, cx: Context, what: String) -> Result {
        cx.reply(what).await
    }

    /// Names a ship after another.
    #[respond(
        r"^name after (?<ship>\S+)$",
        usage = "name after <ship>",
        example = "name after it"
    )]
    async fn after(&self, cx: Context, ship: String) -> Result {
        cx.reply(format!("after {ship}")).await
    }

    /// Says where all are.
    #[respond(r"^fleet$", usage = "fleet")]
    async fn fleet(&self, cx: Context) -> Result {
        cx.reply("here").await
    }
}

const CATALOG: &str = "[environments.staging]\n[environments.production]\nafter = 'staging'\naliases = ['prod']\n[services.api]\n[services.web]\n";

fn room(catalog: &str) -> Room {
    Room::builder()
        .responder(Harbour)
        .catalog(catalog)
        .role("captain", &["ann"])
        .open()
}

async fn form(room: &mut Room, said: &str) -> Form {
    room.say("ann", said).await;
    let post = room.answer().await;
    let parts = post.card.unwrap().parts;
    let form = parts.into_iter().find_map(|part| match part {
        Part::Form(form) => Some(form),
        _ => None,
    });
    form.unwrap()
}

fn values(form: &Form, name: &str) -> Vec<String> {
    let field = form.fields.iter().find(|field| field.name == name).unwrap();
    field.choices.iter().map(|choice| choice.value.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_asked_for_with_what_there_is() {
    let mut room = room(CATALOG);
    room.say("ann", "@otus ship").await;
    insta::assert_snapshot!(room.answer().await.plain(), @"
    `ship` needs to know a little more.
    Ships a service.
    service: api | web
    version: 2 | 1 (old) (can stay empty)
    environment: staging | production (can stay empty)
    Or say `ship <service>[@<version>] [to <environment>]`
    ");
    let open = form(&mut room, "@otus SHIP").await;
    assert_eq!(values(&open, "environment"), ["staging", "production"]);
    let version = &open.fields[1].choices[0];
    assert_eq!(
        (version.value.as_str(), version.group.as_deref()),
        ("2", Some("api"))
    );

    // As far as it was said, it stands there already, by its proper name.
    let begun = form(&mut room, "@otus ship to prod").await;
    assert_eq!(begun.fields[2].initial.as_deref(), Some("production"));
    let begun = form(&mut room, "@otus ship api to").await;
    assert_eq!(begun.fields[0].initial.as_deref(), Some("api"));
    assert_eq!(values(&begun, "version"), ["2", "1"]);
    // The pattern would read `to` as a service, and what follows as a version. Something that is called so is meant, though.
    assert_eq!(begun.command, "ship");
    // Choices that do not come in time are typed.
    let late = form(&mut room, "@otus ship web to").await;
    assert_eq!(values(&late, "version"), Vec::<String>::new());

    // What it makes is the command.
    let filled = [("service", "api"), ("environment", "production")];
    let filled = filled
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let command = fill(&begun.usage, &filled).unwrap();
    room.say("ann", &format!("@otus {command}")).await;
    room.expect_reply("api None production").await;
}

#[tokio::test(start_paused = true)]
async fn the_only_one_there_is_stands_there_already() {
    let mut room = room("[environments.production]\n[services.api]\n");
    let form = form(&mut room, "@otus ship").await;
    assert_eq!(form.fields[0].initial.as_deref(), Some("api"));
    assert_eq!(values(&form, "version"), ["2", "1"]);
    assert_eq!(form.fields[2].initial, None, "what can stay empty does");
}

#[tokio::test(start_paused = true)]
async fn what_announces_a_parameter_is_no_value_of_another() {
    let mut open = room(CATALOG);
    let begun = form(&mut open, "@otus ship to staging").await;
    assert_eq!(begun.fields[2].initial.as_deref(), Some("staging"));
    // What is no environment is no beginning either, and nobody is asked for more.
    open.say("ann", "@otus ship to the moon").await;
    let plain = open.answer().await.plain();
    assert!(!plain.contains("a little more"), "{plain}");
    // More words are another command's.
    assert_eq!(form(&mut open, "@otus name after").await.command, "name after");
    open.say("ann", "@otus name it").await;
    open.expect_reply("it").await;
    // Unless something is called so.
    let mut called = room(&format!("{CATALOG}[services.to]\n"));
    called.say("ann", "@otus ship to 2").await;
    called.expect_reply("to Some(\"2\") nowhere").await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_gets_no_form_and_what_is_no_beginning_is_none() {
    let mut room = room(CATALOG);
    room.say("bob", "@otus ship").await;
    room.expect_reply("I won't do `ship` for you: it asks for the role `captain`, and you do not have it.")
        .await;
    let form = form(&mut room, "@otus name").await;
    assert_eq!(form.fields.len(), 1);
    for said in [
        "@otus shipment",
        "@otus ship ship ship",
        "@otus ship to nowhere",
        "@otus fleet now",
    ] {
        room.say("ann", said).await;
        let plain = room.answer().await.plain();
        assert!(!plain.contains("a little more"), "{said}: {plain}");
    }
}
