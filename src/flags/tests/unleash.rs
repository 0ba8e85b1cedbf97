//! Flag sets that are environments of an Unleash server: the same life against an emulator of its Admin API and against a real one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_emulators::{
    real::RealUnleash,
    unleash::{TOKEN, Trouble, Unleash},
};
use otus_flags::{
    Author, ChangeError, ChangeKind, Definition, Edit, FlagStoreError, Flags, MemoryFlagStore, Whom,
    unleash::{Elsewhere, UnleashConfig, UnleashSet},
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

/// The sets of both environments of a server, and one that is kept here.
async fn flags(url: &str, token: &str) -> Arc<Flags> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = UnleashConfig {
        url: url.into(),
        project: "default".into(),
        token: token.into(),
        token_file: None,
    };
    let set = |set: &str, environment: &str| UnleashSet {
        set: set.into(),
        environment: environment.into(),
    };
    let sets = vec![set("staging", "development"), set("production", "production")];
    let elsewhere = Elsewhere::new(
        Arc::new(MemoryFlagStore::new()),
        &[("main".to_owned(), (config, sets))].into(),
    );
    Flags::start(Arc::new(elsewhere.unwrap())).await.unwrap()
}

fn ann() -> Author {
    Author {
        by: "Ann".into(),
        reason: None,
        at: jiff::Timestamp::now(),
        operation: None,
    }
}

fn there(flags: &Flags, set: &str) -> Option<Definition> {
    flags.set(set).unwrap().kept().document.flags.get("nav").cloned()
}

async fn put(flags: &Flags, set: &str, wanted: &Definition) -> Result<(), ChangeError> {
    let edit = Edit::Put {
        key: "nav".into(),
        definition: wanted.clone(),
    };
    let seen = there(flags, set);
    flags
        .change_from(set, "nav", seen.as_ref(), &edit, &ann())
        .await?;
    assert!(
        flags.is(set, "nav", Some(wanted)),
        "{:?} is not {wanted:?}",
        there(flags, set)
    );
    Ok(())
}

/// Somebody changes it in Unleash itself.
async fn by_hand(url: &str, token: &str, path: &str, body: Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{url}/api/admin/projects/default/features/nav/environments/production/{path}");
    let answer = client
        .post(url)
        .header("authorization", token)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
}

/// A flag lives there, from its making to its end.
async fn lives(url: &str, token: &str) {
    let flags = flags(url, token).await;
    let off = Definition::switch(false);
    assert_eq!(
        flags.away("production").unwrap().together,
        ["production", "staging"]
    );
    assert_eq!(flags.away("mobile"), None);

    put(&flags, "production", &off).await.unwrap();
    assert!(flags.is("staging", "nav", None), "it is read at the next look");
    flags.look().await.unwrap();
    assert!(
        flags.is("staging", "nav", Some(&off)),
        "a flag is in all environments at once"
    );

    let quarter = off.give("on", &Whom::Percent(25)).unwrap();
    put(&flags, "production", &quarter).await.unwrap();
    let more = quarter
        .give("on", &Whom::Key("ann@example.com".into()))
        .and_then(|flag| flag.give("on", &Whom::Attribute("country".into(), json!("de"))))
        .and_then(|flag| flag.give("on", &Whom::Percent(50)))
        .unwrap();
    put(&flags, "production", &more).await.unwrap();
    assert_eq!(
        there(&flags, "production"),
        Some(more.clone()),
        "also as it is written"
    );
    assert!(flags.is("staging", "nav", Some(&off)));

    // A group is a segment, made when it is first needed.
    let rule = json!({"ends_with": [{"var": "email"}, "@example.com"]});
    let group = Edit::Rule {
        name: "staff".into(),
        rule: rule.clone(),
    };
    let staff = more.give("on", &Whom::Group("staff".into())).unwrap();
    let both = [
        group.clone(),
        Edit::Put {
            key: "nav".into(),
            definition: staff.clone(),
        },
    ];
    assert_eq!(flags.cannot("production", &both), None);
    assert_eq!(
        flags.cannot("production", &both[1..]).unwrap(),
        "there is no segment staff in Unleash"
    );
    flags.change("production", &group, &ann()).await.unwrap();
    put(&flags, "production", &staff).await.unwrap();
    assert_eq!(
        flags.set("production").unwrap().kept().document.evaluators["staff"],
        rule
    );
    let other = Edit::Rule {
        name: "staff".into(),
        rule: json!({"ends_with": [{"var": "email"}, "@example.org"]}),
    };
    assert!(
        flags
            .cannot("production", &[other])
            .unwrap()
            .contains("something else than the group does")
    );

    // What somebody did there in between voids what was agreed to.
    by_hand(url, token, "off", json!({})).await;
    let edit = Edit::Put {
        key: "nav".into(),
        definition: Definition::switch(true),
    };
    let moved = flags
        .change_from("production", "nav", Some(&staff), &edit, &ann())
        .await
        .unwrap_err();
    assert!(matches!(moved, ChangeError::Moved(_)), "{moved:?}");
    let asleep = there(&flags, "production").unwrap();
    assert_eq!(
        (asleep.default_variant.as_deref(), &asleep.targeting),
        (Some("off"), &None)
    );
    by_hand(url, token, "strategies", json!({"name": "flexibleRollout", "parameters": {"rollout": "5", "stickiness": "default", "groupId": "nav"}})).await;
    let moved = flags
        .change_from("production", "nav", Some(&asleep), &edit, &ann())
        .await
        .unwrap_err();
    assert!(
        matches!(moved, ChangeError::Moved(_)),
        "also what would come alive: {moved:?}"
    );

    put(&flags, "production", &Definition::switch(true))
        .await
        .unwrap();
    put(&flags, "production", &off).await.unwrap();
    let refused = Definition::switch(true)
        .give("off", &Whom::Key("bob".into()))
        .unwrap();
    let edit = Edit::Put {
        key: "nav".into(),
        definition: refused,
    };
    assert!(
        flags
            .cannot("production", std::slice::from_ref(&edit))
            .unwrap()
            .contains("no way to say")
    );
    let refused = flags.change("production", &edit, &ann()).await.unwrap_err();
    assert!(
        matches!(refused, ChangeError::Store(FlagStoreError::Refused(_))),
        "{refused:?}"
    );

    let record = flags.history("production", Some("nav"), 100).await.unwrap();
    assert_eq!(record.last().map(|change| change.kind), Some(ChangeKind::Created));
    for pair in record.windows(2) {
        assert_eq!(pair[0].before, pair[1].after, "{pair:?}");
    }
    let read = |value: &Option<Value>| Definition::read(value.as_ref().unwrap(), "").unwrap();
    assert_eq!(read(&record[0].after), there(&flags, "production").unwrap());
    assert!(
        record
            .iter()
            .any(|change| change.after.is_some() && read(&change.after) == quarter)
    );

    let key = || "nav".to_owned();
    flags
        .change("production", &Edit::Archive { key: key() }, &ann())
        .await
        .unwrap();
    assert_eq!(there(&flags, "production"), None);
    assert!(
        flags
            .set("production")
            .unwrap()
            .kept()
            .archived
            .contains_key("nav")
    );
    flags.look().await.unwrap();
    assert!(flags.is("staging", "nav", None));
    flags
        .change("production", &Edit::Restore { key: key() }, &ann())
        .await
        .unwrap();
    assert!(
        flags.is("production", "nav", Some(&off)),
        "what comes back is off"
    );
    put(&flags, "production", &Definition::switch(true))
        .await
        .unwrap();

    // Another who starts now sees the same.
    let fresh = self::flags(url, token).await;
    assert_eq!(there(&fresh, "production"), there(&flags, "production"));
    assert_eq!(
        fresh.set("production").unwrap().kept().document,
        flags.set("production").unwrap().kept().document
    );
}

#[tokio::test]
async fn a_flag_lives_in_unleash() {
    let server = Unleash::start().await.unwrap();
    lives(&server.url(), TOKEN).await;
}

#[tokio::test]
async fn a_flag_lives_in_a_real_unleash() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/unleash");
    if let Err(how) = RealUnleash::installed(&folder) {
        eprintln!("{how}");
        return;
    }
    let server = RealUnleash::start(&folder).await.unwrap();
    lives(&server.url(), server.token()).await;
}

#[tokio::test]
async fn what_goes_wrong_there_is_told_and_hides_its_token() {
    let server = Unleash::start().await.unwrap();
    let flags = flags(&server.url(), TOKEN).await;
    put(&flags, "production", &Definition::switch(false))
        .await
        .unwrap();
    let on = Edit::Put {
        key: "nav".into(),
        definition: Definition::switch(true),
    };
    let told = async |trouble: Trouble| {
        server.trouble(trouble);
        let error = flags
            .change("production", &on, &ann())
            .await
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
        error
    };
    assert_eq!(
        told(Trouble::Lacks("UPDATE_FEATURE_ENVIRONMENT".into())).await,
        "the token lacks the permission UPDATE_FEATURE_ENVIRONMENT in Unleash to do this: add a strategy to nav in production"
    );
    assert!(
        told(Trouble::Unauthorized)
            .await
            .starts_with("Unleash does not know the token, or it has expired")
    );
    assert!(
        told(Trouble::Fails(503))
            .await
            .contains("Unleash fails by itself (503)")
    );
    // What was read goes on being shown, and that it is old is known.
    flags.look().await.unwrap();
    assert_eq!(there(&flags, "production"), Some(Definition::switch(false)));
    assert!(flags.away("production").unwrap().trouble.unwrap().contains("503"));

    // Half of it: what is there now is read, and whoever agreed to the whole is told.
    server.trouble(Trouble::After(1));
    flags.change("production", &on, &ann()).await.unwrap_err();
    server.trouble(Trouble::None);
    let seen = Definition::switch(false);
    let moved = flags
        .change_from("production", "nav", Some(&seen), &on, &ann())
        .await
        .unwrap_err();
    assert!(matches!(moved, ChangeError::Moved(_)), "{moved:?}");
    put(&flags, "production", &Definition::switch(true))
        .await
        .unwrap();
    assert_eq!(flags.away("production").unwrap().trouble, None);
}

#[tokio::test]
async fn sets_that_are_kept_here_do_not_wait_for_it() {
    // Nobody answers there.
    let flags = flags("http://127.0.0.1:9", TOKEN).await;
    assert!(flags.set("production").is_none());
    assert!(
        flags
            .away("production")
            .unwrap()
            .trouble
            .unwrap()
            .contains("Unleash does not answer")
    );
    let edit = Edit::Put {
        key: "nav".into(),
        definition: Definition::switch(true),
    };
    flags.change("mobile", &edit, &ann()).await.unwrap();
    flags.look().await.unwrap();
    assert_eq!(there(&flags, "mobile"), Some(Definition::switch(true)));
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_told() {
    let server = Unleash::start().await.unwrap();
    let config = UnleashConfig {
        url: server.url(),
        project: "default".into(),
        token: TOKEN.into(),
        token_file: None,
    };
    let sets = vec![UnleashSet {
        set: "production".into(),
        environment: "prod".into(),
    }];
    let elsewhere = Elsewhere::new(
        Arc::new(MemoryFlagStore::new()),
        &[("main".to_owned(), (config, sets))].into(),
    )
    .unwrap();
    let flags = Flags::start(Arc::new(elsewhere.clone())).await.unwrap();
    let edit = Edit::Put {
        key: "nav".into(),
        definition: Definition::switch(true),
    };
    let error = flags
        .change("production", &edit, &ann())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("Could not find environment prod"), "{error}");
    let error = elsewhere.check().await.unwrap_err().to_string();
    assert!(
        error.contains("has no environment \"prod\"") && error.contains("development, production"),
        "{error}"
    );
}
