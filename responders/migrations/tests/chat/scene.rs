//! A room with a robot that migrates, and the real database it migrates.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use otus::MemoryStore;
use otus::operations::{Operation, OperationFilter, Timing};
use otus::prelude::*;
use otus::room::{PATIENCE, RoomBuilder, What};
use otus::store::Store;
use otus_emulators::real::RealPostgres;
use otus_migrations::database::{Consumer, DatabaseConfig, Databases, Use};
use otus_responder_migrations::{Migrations, Settings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

static SERVER: LazyLock<RealPostgres> = LazyLock::new(|| RealPostgres::start().unwrap());

/// One that keeps what is said to it.
static REMEMBERS: tokio::sync::OnceCell<RealPostgres> = tokio::sync::OnceCell::const_new();

async fn remembers() -> &'static RealPostgres {
    REMEMBERS
        .get_or_init(|| async {
            let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
                .await
                .unwrap();
            let options: PgConnectOptions = server.url().parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            run(
                &mut connection,
                "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
            )
            .await;
            connection.close().await.unwrap();
            tokio::task::spawn_blocking(move || {
                server.restart(|| {}).unwrap();
                server
            })
            .await
            .unwrap()
        })
        .await
}

/// Forgets what was said in this database; other tests have theirs on the same server.
pub(crate) const FORGET: &str =
    "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)";

/// What the buttons of a card say.
#[derive(Default)]
pub(crate) struct Steers;

/// Steers operations.
#[responder(name = "steers")]
impl Steers {
    /// Steers an operation.
    #[respond(
        r"^(?<what>approve|cancel|pause|resume) (?<id>\S+)$",
        usage = "approve|cancel|pause|resume <id>",
        example = "approve 0a1b",
        effect = "control"
    )]
    async fn steer(&self, cx: Context, what: String, id: String) -> Result {
        let operations = cx.services().operations();
        match what.as_str() {
            "approve" => operations.approve(&cx, &id).await?,
            "cancel" => operations.cancel(&cx, &id).await?,
            "pause" => operations.pause(&cx, &id).await?,
            _ => operations.resume(&cx, &id).await?,
        };
        cx.react("ok").await
    }
}

/// A robot that looks often.
pub(crate) const SOON: Timing = Timing {
    lease: Duration::from_secs(30),
    poll: Duration::from_millis(20),
    sweep: Duration::from_millis(50),
    queue: Duration::from_millis(50),
    rest: Duration::from_secs(5),
    think: Duration::from_secs(30),
    settle: Duration::ZERO,
};

/// Patient and quick.
pub(crate) fn quick() -> Settings {
    Settings {
        approvers: "dba".into(),
        lock_timeout: Duration::from_millis(100),
        lock_pause: Duration::from_millis(50),
        lock_tries: 100_000,
        quiet_days: 0,
        month_end: false,
        withheld: Duration::from_millis(300),
        look: Duration::from_millis(100),
        ..Settings::default()
    }
}

pub(crate) struct Scene {
    pub(crate) room: Room,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) options: PgConnectOptions,
    pub(crate) settings: Settings,
    /// What the configuration says of the database.
    pub(crate) database: DatabaseConfig,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(quick()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let url = tokio::task::spawn_blocking(|| SERVER.fresh().unwrap())
            .await
            .unwrap();
        Self::at(url, settings, DatabaseConfig::default())
    }

    /// On a server of its own, which has nothing to do but what its test does.
    pub(crate) async fn alone(settings: Settings) -> (Self, RealPostgres) {
        let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
            .await
            .unwrap();
        let scene = Self::at(server.url(), settings, DatabaseConfig::default());
        (scene, server)
    }

    /// A database that keeps what is said to it, with a table, and two consumers with a role each of their own.
    pub(crate) async fn consumed(settings: Settings) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (etl, bi) = (format!("etl_{number}"), format!("bi_{number}"));
        let server = remembers().await;
        let url = tokio::task::spawn_blocking(|| server.fresh().unwrap())
            .await
            .unwrap();
        let consumer = |gate, role: &str, owner: &str| Consumer {
            gate,
            roles: [role.to_owned()].into(),
            owner: owner.to_owned(),
        };
        let more = DatabaseConfig {
            consumers: BTreeMap::from([
                ("warehouse".to_owned(), consumer(Use::Etl, &etl, "data")),
                ("board".to_owned(), consumer(Use::Reporting, &bi, "bi")),
            ]),
            ..DatabaseConfig::default()
        };
        let mut scene = Self::at(url, settings, more);
        scene
            .run(&format!(
                "CREATE EXTENSION pg_stat_statements; CREATE ROLE {etl} LOGIN; CREATE ROLE {bi} LOGIN"
            ))
            .await;
        scene.write(&[(
            "0001_users.sql",
            "CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy text);",
        )]);
        scene.say("@otus migrate api").await;
        scene.shown("is migrated").await;
        scene.run(&format!("GRANT SELECT ON users TO {etl}, {bi}")).await;
        scene
    }

    /// A session of a consumer.
    pub(crate) async fn consumer(&self, name: &str) -> PgConnection {
        let role = self.database.consumers[name].roles.first().unwrap();
        self.options.clone().username(role).connect().await.unwrap()
    }

    /// On this database.
    pub(crate) fn at(url: String, settings: Settings, more: DatabaseConfig) -> Self {
        let options = url.parse().unwrap();
        let database = DatabaseConfig {
            url: Some(url),
            ..more
        };
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new());
        let room = furnished(&folder.path().to_owned(), &store, &settings, &database).open();
        Self {
            room,
            store,
            folder,
            options,
            settings,
            database,
        }
    }

    /// On a SQLite file. Nothing that asks PostgreSQL works there.
    pub(crate) fn on_sqlite(url: &str) -> Self {
        let nowhere = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
        let mut scene = Self::at(nowhere, quick(), DatabaseConfig::default());
        scene.database.url = Some(url.to_owned());
        scene.room = scene.builder().open();
        scene
    }

    /// Another robot on the same store, in the same chat.
    pub(crate) fn builder(&self) -> RoomBuilder {
        let folder = self.folder.path().to_owned();
        furnished(&folder, &self.store, &self.settings, &self.database).chat(self.room.chat().clone())
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }
    }

    pub(crate) async fn open(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.open().await;
        run(&mut connection, sql).await;
        connection.close().await.unwrap();
    }

    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut connection = self.open().await;
        let sql = AssertSqlSafe(format!("SELECT coalesce(({sql})::text, 'nothing')"));
        let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        row.get(0)
    }

    /// Says something and expects a card or words as the answer.
    pub(crate) async fn say(&mut self, words: &str) -> String {
        self.said("ann", words).await
    }

    pub(crate) async fn said(&mut self, who: &str, words: &str) -> String {
        self.room.say(who, words).await;
        self.room.answer().await.plain()
    }

    /// Somebody presses a button of the newest card that has it; the robot nods.
    pub(crate) async fn press(&mut self, who: &str, label: &str) {
        self.room.press(who, label).await;
        match self.room.next_said().await.what {
            What::Post(post) if post.text.ends_with(":ok:") || post.text.ends_with(":ok_hand:") => {}
            other => panic!("{other:?}\n{}", self.room.chat().transcript()),
        }
    }

    /// The card once it reads so.
    pub(crate) async fn shown(&mut self, words: &str) -> String {
        self.room
            .expect_shown(|post| post.plain().contains(words))
            .await
            .plain()
    }

    pub(crate) async fn operation(&self, what: impl Fn(&Operation) -> bool) -> Operation {
        let search = async {
            loop {
                let all = self.store.operations(&OperationFilter::default()).await.unwrap();
                match all.into_iter().next() {
                    Some(operation) if what(&operation) => return operation,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE * 3, search).await;
        found.unwrap_or_else(|_| panic!("{}", self.room.chat().transcript()))
    }
}

/// How a statement ends: `ok`, or its SQLSTATE.
pub(crate) async fn tries(connection: &mut PgConnection, sql: &str) -> String {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
    {
        Ok(_) => "ok".into(),
        Err(error) => {
            let code = error.as_database_error().and_then(|said| said.code());
            code.unwrap_or_default().into_owned()
        }
    }
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

fn furnished(
    folder: &PathBuf,
    store: &Arc<MemoryStore>,
    settings: &Settings,
    database: &DatabaseConfig,
) -> RoomBuilder {
    let catalog = format!(
        "[environments.staging]\n[environments.production]\nafter = \"staging\"\n[services.api]\n[services.web]\n[services.shop.before]\ncommand = [\"rails\", \"db:migrate\"]\n\
         [services.api.migrations]\nfolder = {folder:?}\ndatabases = {{ production = \"shop\" }}\n"
    );
    let databases = Databases::new(BTreeMap::from([("shop".to_owned(), database.clone())]));
    Room::builder()
        .catalog(&catalog)
        .timing(SOON)
        .role("dba", &["bob"])
        .role("data", &["dana"])
        .role("bi", &["bill"])
        .resource(databases)
        .store(store.clone())
        .responder(Migrations::new(settings.clone()))
        .responder(Steers)
}

/// Without what differs from run to run.
pub(crate) fn still(text: &str) -> String {
    let patterns = [
        (
            r"(?m)^(\d+ s · )?(I was restarted meanwhile · )?asked by (@\w+).*$",
            "${2}asked by $3 (time)",
        ),
        (r"\d+ (ms|s)\b", "(time)"),
        (r"/[^ ]*/\.tmp\w+", "(folder)"),
        (r"process \d+", "process (n)"),
        (r", used \d+ times a second", ""),
    ];
    patterns
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}
