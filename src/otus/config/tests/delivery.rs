//! What is shipped: versions, flags, what goes out by itself, workloads, what runs before, databases, canaries, gates.

use super::*;

#[test]
fn where_versions_come_from_is_read_and_its_faults_are_told() {
    let right = r#"
[github]
token = "ghp_x"
[registries."registry.example.com"]
user = "otus"
password_file = "/etc/otus/registry-password"
password_lifetime = "2h"
[environments.production]
backwards = "refuse"
[services.api]
image = "registry.example.com/shop/api"
repository = "acme/api"
branch = "main"
checks = ["build"]
image_tag = "sha-{sha}"
"#;
    let loaded = with_file(right);
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(
        resources(&loaded.settings)
            .unwrap()
            .get::<otus_ci::version::Versions>()
            .is_some()
    );
    assert!(
        resources(&Settings::default())
            .unwrap()
            .get::<otus_ci::version::Versions>()
            .is_none(),
        "nothing is there that nobody configured"
    );
    insta::assert_snapshot!(told(&with_file(
        r#"
[registries."registry.example.com"]
user = "otus"
[environments.production]
backwards = "never"
[services.api]
image = "api"
repository = "api"
image_tag = "latest"
versions = ["v1"]
[services.web]
checks = ["build"]
"#
    )), @r#"
    Otus cannot start with this configuration, for 8 reasons:
      otus.toml:2: registries."registry.example.com": there is a user, but no password; set password, password_file or password_command
      otus.toml:5: environments.production.backwards: "never" is not known here; there are: ask, refuse, allow
      otus.toml:7: services.api.image: `api` is not the name of a repository: it must begin with the registry's host, as in `registry.example.com/team/api`
      otus.toml:8: services.api.repository: [github] says nothing about who to be there; set github.token_file, or take repository out
      otus.toml:8: services.api.repository: `api` is not a repository; write it as owner/name, for example acme/api
      otus.toml:9: services.api.image_tag: `latest` is not the tag of a commit's image: it needs {sha} or {short}, once; write for example "{sha}", "{short}" or "sha-{sha}"
      otus.toml:10: services.api.versions: with a repository the versions are its commits; keep one of versions and repository
      otus.toml:12: services.web.checks: it means nothing without repository; set that, too: repository = "owner/name"
    "#);
}

#[test]
fn flags_are_read_and_their_faults_are_told() {
    let right = r#"
[environments.production]
[flags]
origins = ["https://shop.example.com"]
[flags.sets.mobile]
[flags.clients.web]
set = "production"
token = "0123456789abcdef"
[flags.clients.app]
set = "mobile"
token = "fedcba9876543210"
[responders.flags]
step_in = ["production"]
[responders.flags.groups.staff]
attribute = "email"
ends_with = "@example.com"
"#;
    let loaded = with_file(right);
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(!format!("{:?}", loaded.settings).contains("0123456789abcdef"));
    let wrong = right
        .replace("\"production\"\ntoken", "\"prod\"\ntoken")
        .replace("fedcba9876543210", "short")
        .replace("origins", "origin")
        .replace("[\"production\"]", "[\"prodution\"]")
        .replace("ends_with", "ends");
    insta::assert_snapshot!(told(&with_file(&wrong)), @r#"
    Otus cannot start with this configuration, for 5 reasons:
      otus.toml:4: flags.origin: there is no such key; did you mean origins?
      otus.toml:7: flags.clients.web.set: there is no environment "prod", and no such set below [flags.sets]
      otus.toml:11: flags.clients.app.token: a token has 16 letters, digits or signs or more, and no blanks
      otus.toml:13: responders.flags.step_in: step_in names "prodution", and there is no such environment
      otus.toml:16: responders.flags.groups.staff.ends: there is no such key; did you mean ends_with?
    "#);
    let seeded = "[environments.production]\n[flags.sets.production]\nseed_file = \"/no/such/file\"\n\
                  [responders.flags.guards.errors]\nquery = \"up\"\nbound = \"> 0\"\n";
    insta::assert_snapshot!(told(&with_file(seeded)), @"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:3: flags.sets.production.seed_file: /no/such/file: it cannot be read: No such file or directory (os error 2)
      otus.toml:4: responders.flags.guards.errors: guards.errors asks Prometheus, and [prometheus] has no url
    ");
}

#[test]
fn what_goes_out_by_itself_is_read_and_its_faults_are_told() {
    let right = r#"
[roles]
deployer = ["*", "robot:auto-deploy"]
[github]
token = "ghp_x"
[environments.staging]
auto = true
[environments.production]
after = "staging"
auto = true
bake = "1h"
[services.api]
image = "registry.example.com/shop/api"
repository = "acme/api"
[services.api.in.production]
auto = false
[responders.autodeploy]
channel = "C012AB3CD"
look = "1m"
"#;
    let loaded = with_file(right);
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    let autos = loaded.settings.catalog().autos();
    assert_eq!(autos.len(), 1);
    let unnamed = with_file(
        &right
            .replace(", \"robot:auto-deploy\"", "")
            .replace("\nchannel", "\nchanel"),
    );
    insta::assert_snapshot!(told(&unnamed), @r#"
    Otus cannot start with this configuration, for 3 reasons:
      otus.toml:7: environments.staging.auto: who deploys by itself has to be named in the role deployer, which * does not do: deployer = ["robot:auto-deploy", …] below [roles]
      otus.toml:17: responders.autodeploy: channel is not set, and api goes out to staging by itself, which is shown there; set channel = "C…" below [responders.autodeploy]
      otus.toml:18: responders.autodeploy.chanel: there is no such key; did you mean channel?
    "#);
    let nowhere = with_file(
        &right
            .replace("channel = \"C012AB3CD\"", "")
            .replace("after = \"staging\"", ""),
    );
    insta::assert_snapshot!(told(&nowhere), @r#"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:11: environments.production.bake: it says how long something has to run well in the environment before, and there is none; set after, too
      otus.toml:17: responders.autodeploy: channel is not set, and api goes out to staging by itself, which is shown there; set channel = "C…" below [responders.autodeploy]
    "#);
}

#[test]
fn what_runs_before_a_deploy_is_told_with_its_line() {
    let loaded = with_file(
        "[services.api.before]\ncommand = []\n[services.web.before]\ncommand = [\"up\"]\ndeadlin = \"1m\"\n\
         [services.job.before]\ncommand = [\"up\"]\nenv = { DB = { secret = \"db\" } }\n",
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 3 reasons:
      otus.toml:2: services.api.before.command: a command is expected, word by word: ["bin/migrate", "up"]
      otus.toml:5: services.web.before.deadlin: there is no such key; did you mean deadline?
      otus.toml:8: services.job.before.env.DB: a text is expected, or { secret = "its name", key = "…" }, or { config_map = "its name", key = "…" }
    "#);
}

#[test]
fn databases_and_migrations_are_told_with_their_line() {
    let loaded = with_file(
        "[databases.shop]\nurl = \"mysql://db/shop\"\n\
         [databases.other]\n\
         [databases.other.consumers.warehouse]\ngate = \"elt\"\nowner = \"data\"\n\
         [databases.third]\nurl = \"postgres://otus:hunter2@db/third\"\n\
         [databases.third.consumers.warehouse]\ngate = \"etl\"\nowner = \"data\"\n\
         [environments.staging]\n\
         [services.api.migrations]\npath = \"db\"\ndatabases = { stging = \"shp\" }\n\
         [services.web.migrations]\nfolder = \"db\"\ndatabses = {}\n\
         [responders.migrations]\nquiet = 14\n",
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 10 reasons:
      otus.toml:2: databases.shop.url: must begin with postgres: or sqlite:; other databases are migrated by a Job before the deploy
      otus.toml:3: databases.other.url: is not set; write the database's address: "postgres://otus@db.example.com/shop"
      otus.toml:5: databases.other.consumers.warehouse.gate: "elt" is not known here; there are: app, etl, reporting; did you mean "etl"?
      otus.toml:11: databases.third.consumers.warehouse.owner: it names the role "data", which is not defined: write data = ["U…"] below [roles]
      otus.toml:14: services.api.migrations.path: it is a folder of the service's repository, and the service has none: set repository, or folder or in_image instead of path
      otus.toml:15: services.api.migrations.databases.stging: there is no environment "stging"
      otus.toml:15: services.api.migrations.databases.stging: there is no database "shp" below [databases]; there are: other, shop, third
      otus.toml:16: services.web.migrations: the key databases is missing here
      otus.toml:18: services.web.migrations.databses: there is no such key; did you mean databases?
      otus.toml:20: responders.migrations.quiet: there is no such key; did you mean quiet_days?
    "#);
    assert!(!told(&loaded).contains("hunter2"));
}

#[test]
fn canaries_are_told_with_their_line() {
    let loaded = with_file(
        "[services.api.canary]\nreplicas = 1\nshare = \"5%\"\n[services.web.canary]\nbaked = \"1m\"\n\
         [services.job.canary]\nbake = \"1m\"\n",
    );
    insta::assert_snapshot!(told(&loaded), @"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:1: services.api.canary: keep one of replicas and share
      otus.toml:5: services.web.canary.baked: there is no such key; did you mean bake?
    ");
}

#[test]
fn gates_are_told_with_their_line() {
    let loaded = with_file(
        "[services.api.gates.errors]\nquery = \"up\"\nbelow = 1\ninterval = \"0s\"\n\
         [services.web.gates.errors]\nquery = \"up\"\nbelow = 1\n\
         [services.job.gates.errors]\nqery = \"up\"\nbelow = \"1\"\n\
         [responders.deploy.gates.load]\nquery = \"up{a=\\\"{{nme}}\\\"}\"\nbelow = 1\n",
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 6 reasons:
      otus.toml:1: services.api.gates.errors: the gate `errors`: interval has to be at least 1s
      otus.toml:5: services.web.gates: gates ask Prometheus, and none is configured: set url below [prometheus], or take the gates out
      otus.toml:8: services.job.gates.errors: the key query is missing here
      otus.toml:9: services.job.gates.errors.qery: there is no such key; did you mean query?
      otus.toml:10: services.job.gates.errors.below: a number is expected, and this is "1"
      otus.toml:11: responders.deploy.gates.load: the gate `load`: {{nme}} is not known; there are {{service}}, {{env}}, {{version}} and {{since}}
    "#);
    let loaded = with_file("[responders.deploy.gates.load]\nquery = \"up\"\nbelow = 1\n");
    insta::assert_snapshot!(told(&loaded), @"
    Otus cannot start with this configuration:
      otus.toml:1: responders.deploy.gates: gates ask Prometheus, and none is configured: set url below [prometheus], or take the gates out
    ");
    let loaded = with_file(
        "[prometheus]\nurl = \"http://127.0.0.1:9090\"\n[services.web.gates.errors]\nquery = \"up\"\nbelow = 1\n\
         [responders.deploy.gates.load]\nquery = \"up\"\nabove = 1\n",
    );
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
}

#[test]
fn a_workload_is_of_a_kind_that_is_deployed() {
    let read = |workload: &str| {
        let text = format!(
            "[environments.staging]\n[services.db]\nworkload = \"statefulset/db\"\n[services.db.in.staging]\nworkload = \"{workload}\"\n"
        );
        let loaded = with(&text, &[]);
        let faults = loaded.faults.0.iter().map(ToString::to_string);
        faults
            .filter(|fault| fault.contains("kind"))
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert_eq!(read("daemonset/db"), "");
    let fault = read("cronjob/db");
    assert!(
        fault.contains("otus.toml:5") && fault.contains("services.db.in.staging.workload"),
        "{fault}"
    );
    assert!(fault.contains("`cronjob` is no kind of workload"), "{fault}");
}
