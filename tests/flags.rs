//! A flag is turned in the chat, and whoever listens hears of it: the real program between an emulated Slack and clients of OFREP;
//! through an approval, a restart, and on two replicas that share a PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;
mod town;

use house::{House, SOON, words};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use town::Town;

const TOKEN: &str = "a-token-for-browsers";

const FLAGS: &str = r#"
[flags.clients.web]
set = "production"
token = "a-token-for-browsers"
[responders.flags.groups.staff]
attribute = "email"
ends_with = "@example.com"
"#;

/// An application that asks for flags.
struct Application {
    client: reqwest::Client,
    address: SocketAddr,
}

impl Application {
    fn of(address: SocketAddr) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: reqwest::Client::new(),
            address,
        }
    }

    async fn ask(&self, path: &str, context: Value) -> (StatusCode, Value) {
        let url = format!("http://{}/ofrep/v1/evaluate/flags{path}", self.address);
        let asked = self
            .client
            .post(url)
            .bearer_auth(TOKEN)
            .json(&json!({ "context": context }));
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    /// What somebody gets of a flag; its code's default counts as null.
    async fn gets(&self, flag: &str, context: Value) -> Value {
        let (status, answer) = self.ask(&format!("/{flag}"), context).await;
        assert!(
            status == StatusCode::OK || status == StatusCode::NOT_FOUND,
            "{status}: {answer}"
        );
        answer["value"].clone()
    }

    /// Waits, hearing of changes, until somebody gets this.
    async fn hears(&self, stream: &mut Stream, flag: &str, context: Value, value: Value) {
        // A change of a group's rule is one of the set, too, and told as such.
        while self.gets(flag, context.clone()).await != value {
            stream.event().await;
        }
    }

    /// Listens to changes.
    async fn listen(&self) -> Stream {
        let (_, answer) = self.ask("", json!({"targetingKey": "joe"})).await;
        let uri = answer["eventStreams"][0]["endpoint"]["requestUri"]
            .as_str()
            .unwrap();
        let response = self
            .client
            .get(format!("http://{}{uri}", self.address))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut stream = Stream {
            response,
            text: String::new(),
        };
        // How it stands, which everybody is told first.
        stream.event().await;
        stream
    }
}

struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    /// The next event's id.
    async fn event(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                if let Some(rest) = block.strip_prefix("id: ") {
                    assert!(block.contains("refetchEvaluation"), "{block}");
                    return rest.lines().next().unwrap().to_owned();
                }
                continue;
            }
            let chunk = tokio::time::timeout(SOON, self.response.chunk())
                .await
                .expect("nothing came");
            let chunk = chunk.unwrap().expect("the stream ended");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

async fn say(house: &House, line: &str, shown: &str) {
    house.say(&format!("@otus {line}"));
    house
        .shown(|text| text.contains(shown) && !text.contains('⏳'))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_turned_in_the_chat_is_heard_at_once_and_kept() {
    let mut house = House::build(None).await;
    house.configure(FLAGS);
    house.configure("[responders.flags]\napprovers = \"sre\"\nstep_in = [\"production\"]\n");
    house.start().await;
    let shop = Application::of(house.http().await);
    assert_eq!(
        shop.gets("new-search", json!({"targetingKey": "joe"})).await,
        Value::Null
    );
    say(
        &house,
        "flag create new-search: Understands typos",
        "*new-search* is there",
    )
    .await;
    assert_eq!(
        shop.gets("new-search", json!({"targetingKey": "joe"})).await,
        false
    );

    let mut stream = shop.listen().await;
    say(
        &house,
        "flag new-search on for staff in production",
        "is on for staff",
    )
    .await;
    shop.hears(
        &mut stream,
        "new-search",
        json!({"email": "ann@example.com"}),
        json!(true),
    )
    .await;
    assert_eq!(
        shop.gets("new-search", json!({"targetingKey": "joe"})).await,
        false
    );
    let told = house.transcript();
    assert!(told.contains("1 client that listens here was told"), "{told}");

    // A large jump waits for an SRE; nobody hears anything until then.
    house.say("@otus flag new-search on in production");
    let asked = house.shown(|text| text.contains("more than 25 points")).await;
    assert_eq!(
        shop.gets("new-search", json!({"targetingKey": "joe"})).await,
        false
    );
    house.slack.click("bob", asked.ts, "Approve").unwrap();
    shop.hears(
        &mut stream,
        "new-search",
        json!({"targetingKey": "joe"}),
        json!(true),
    )
    .await;
    house
        .shown(|text| text.contains("*new-search* is on in *production*"))
        .await;

    // The way out is always open. What was changed is on the disk.
    say(
        &house,
        "flag new-search off in production because it is slow",
        "*new-search* is off",
    )
    .await;
    stream.event().await;
    say(
        &house,
        "status",
        "flag: new-search is off for everybody in production, by ann",
    )
    .await;
    assert!(house.stop().await.success());
    house.start().await;
    let shop = Application::of(house.http().await);
    assert_eq!(
        shop.gets("new-search", json!({"targetingKey": "joe"})).await,
        false
    );
    say(
        &house,
        "flag history new-search in production",
        "because it is slow",
    )
    .await;
    // What everybody gets again is a jump like any other.
    house.say("@otus flag undo new-search in production");
    let asked = house.shown(|text| text.contains("Undo the last change")).await;
    house.slack.click("bob", asked.ts, "Approve").unwrap();
    let told = house.shown(|text| text.contains("is what it was before")).await;
    assert!(words(&told).contains("everybody: on"), "{}", words(&told));
    assert_eq!(
        shop.gets("new-search", json!({"targetingKey": "joe"})).await,
        true
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_who_it_is_gets_nothing_and_a_set_begins_with_its_file() {
    let house = House::build(None).await;
    let file = house.folder.path().join("flags.json");
    let document = json!({
        "flags": {"banner": {
            "state": "ENABLED", "variants": {"red": "#f00", "blue": "#00f"}, "defaultVariant": "red",
        }},
    });
    std::fs::write(&file, document.to_string()).unwrap();
    house.configure(FLAGS);
    house.configure(&format!("[flags.sets.production]\nseed_file = {file:?}\n"));
    let mut house = house;
    house.start().await;
    let address = house.http().await;
    let shop = Application::of(address);
    assert_eq!(shop.gets("banner", json!({})).await, "#f00");
    say(&house, "flag banner give blue in production", "*banner* is blue").await;
    assert_eq!(shop.gets("banner", json!({})).await, "#00f");
    let url = format!("http://{address}/ofrep/v1/evaluate/flags/banner");
    let stranger = shop
        .client
        .post(url)
        .json(&json!({"context": {}}))
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    // What a browser asks before it asks.
    let url = format!("http://{address}/ofrep/v1/evaluate/flags");
    let before = shop
        .client
        .request(reqwest::Method::OPTIONS, url)
        .header("origin", "https://shop.example.com")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,if-none-match",
        )
        .send()
        .await
        .unwrap();
    assert!(before.status().is_success(), "{}", before.status());
    assert_eq!(before.headers()["access-control-allow-origin"], "*");
    // The file is where it begins, not where it returns to.
    house.stop().await;
    house.start().await;
    let shop = Application::of(house.http().await);
    assert_eq!(shop.gets("banner", json!({})).await, "#00f");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_changes_the_others_serve() {
    let mut town = Town::open_with(2, FLAGS).await;
    let shops = [
        Application::of(town.http(1).await),
        Application::of(town.http(2).await),
    ];
    town.say("ann", "flag create nav".into());
    assert!(town.answered(town::SOON).await.is_empty(), "{}", town.logs());
    settled(&town).await;
    for shop in &shops {
        until(|| async { shop.gets("nav", json!({"targetingKey": "joe"})).await == false }).await;
    }
    let mut streams = [shops[0].listen().await, shops[1].listen().await];
    for (turn, on) in [true, false, true].into_iter().enumerate() {
        let side = if on { "on" } else { "off" };
        town.say("ann", format!("flag nav {side} in production"));
        for (shop, stream) in shops.iter().zip(&mut streams) {
            stream.event().await;
            let got = shop.gets("nav", json!({"targetingKey": "joe"})).await;
            assert_eq!(got, on, "turn {turn}\n{}", town.logs());
        }
        settled(&town).await;
    }
    // Whoever dies leaves the others all there is.
    town.kill(0);
    town.say("ann", "flag nav off in production".into());
    streams[1].event().await;
    assert_eq!(shops[1].gets("nav", json!({"targetingKey": "joe"})).await, false);
    settled(&town).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_begins_with_a_file_of_a_repository() {
    let github = otus_emulators::github::GitHub::start().await.unwrap();
    let document = json!({
        "flags": {"banner": {
            "state": "ENABLED", "variants": {"red": "#f00", "blue": "#00f"}, "defaultVariant": "red",
        }},
    });
    let text = document.to_string();
    let files = [("flags/shop.json", Some(text.as_str()))];
    let api = github.repository("acme/shop").unwrap();
    api.commit_files("main", "bob", "Flags", &files).unwrap();
    let mut house = House::build(None).await;
    house.configure(FLAGS);
    house.configure(&format!(
        "[github]\napi_url = {:?}\ntoken = {:?}\n[flags.sets.production]\nseed_repository = \"acme/shop\"\nseed_path = \"flags/shop.json\"\n",
        github.url(),
        github.token()
    ));
    house.start().await;
    let shop = Application::of(house.http().await);
    assert_eq!(shop.gets("banner", json!({})).await, "#f00");
    // It is read once. What was merged since comes when somebody says so.
    let text = text.replace(r#""defaultVariant":"red""#, r#""defaultVariant":"blue""#);
    let files = [("flags/shop.json", Some(text.as_str()))];
    let newer = api.commit_files("main", "bob", "Blue", &files).unwrap();
    house.say("@otus flags import production");
    let done = house
        .shown(|text| text.contains("has the flags of its file"))
        .await;
    let from = format!("flags/shop.json of acme/shop at {}", &newer[..7]);
    assert!(words(&done).contains(&from), "{}", words(&done));
    assert_eq!(shop.gets("banner", json!({})).await, "#00f");
}

/// Waits until every operation is over and told.
async fn settled(town: &Town) {
    town.ended().await;
}

async fn until<F: Future<Output = bool>>(so: impl Fn() -> F) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, waiting)
        .await
        .expect("it did not come to be");
}
