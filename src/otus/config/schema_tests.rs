//! What the schema promises: it has every key that the program knows, describes each, and takes every file there is.

use super::*;
use crate::config::{Origin, load};

/// Where a value does not fit a schema: as much of JSON Schema as is made here.
fn misfits(schema: &Json, value: &Json, path: &str, found: &mut Vec<String>) {
    let fits = match (schema["type"].as_str(), value) {
        (Some("object"), Json::Object(table)) => {
            for (key, value) in table {
                let path = format!("{path}.{key}");
                match (schema["properties"].get(key), &schema["additionalProperties"]) {
                    (Some(schema), _) => misfits(schema, value, &path, found),
                    (None, Json::Bool(false)) => found.push(format!("{path} is not known")),
                    (None, any) => misfits(any, value, &path, found),
                }
            }
            true
        }
        (Some("array"), Json::Array(items)) => {
            for (nth, item) in items.iter().enumerate() {
                misfits(&schema["items"], item, &format!("{path}[{nth}]"), found);
            }
            true
        }
        (Some("string"), Json::String(_)) | (Some("boolean"), Json::Bool(_)) | (None, _) => true,
        (Some("integer"), Json::Number(number)) => number.is_i64() || number.is_u64(),
        (Some("number"), Json::Number(_)) => true,
        _ => false,
    };
    if !fits {
        found.push(format!("{path} is no {}: {value}", schema["type"]));
    }
}

fn fitting(text: &str) -> Vec<String> {
    let value: Json = toml::from_str(text).unwrap();
    let mut found = Vec::new();
    misfits(&schema(), &value, "", &mut found);
    found
}

#[test]
fn every_file_there_is_fits() {
    for text in [
        DEFAULT,
        crate::config::DEMO,
        include_str!("../../../docs/examples/team-of-ten.toml"),
        include_str!("../../../docs/examples/pipeline.toml"),
    ] {
        assert_eq!(fitting(text), Vec::<String>::new(), "{text}");
    }
    // Everything the default file shows behind a `#`, as somebody would write it.
    let service = r##"
        [roles]
        anything = ["@backend"]
        [environments.eu]
        after = "staging"
        [services.api]
        image = "registry.example.com/api"
        [services.api.in.production]
        workload = "api-live"
        [services.api.gates.errors]
        query = "up"
        below = 1
        [services.api.before]
        command = ["bin/migrate"]
        env = { DB = { secret = "db", key = "url" } }
        [databases.shop.consumers.warehouse]
        owner = "data"
        [[policy.rules]]
        name = "careful"
        approvals = 1
        [responders.of_somebody_else]
        key = 1
        [responders.graphs]
        enabled = false
    "##;
    assert_eq!(fitting(service), Vec::<String>::new());
}

#[test]
fn what_otus_refuses_for_its_name_or_kind_does_not_fit() {
    assert_eq!(
        fitting("[slack]\nbot_tokn = \"x\""),
        [".slack.bot_tokn is not known"]
    );
    assert_eq!(fitting("[slak]\nbot_token = \"x\""), [".slak is not known"]);
    assert_eq!(
        fitting("[slack]\nsockets = \"two\""),
        [".slack.sockets is no \"integer\": \"two\""]
    );
    assert_eq!(
        fitting("[environments.eu]\nafetr = \"staging\""),
        [".environments.eu.afetr is not known"]
    );
}

/// The keys a section's type has, which it says of a key that it has not.
fn known(section: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("otus.toml");
    std::fs::write(&file, format!("{section}\n\"no such key\" = 1\n")).unwrap();
    let loaded = load(&Origin {
        file: Some(file),
        ..Origin::default()
    });
    let fault = loaded
        .faults
        .0
        .iter()
        .find(|fault| fault.key.contains("no such key"))
        .unwrap();
    let message = fault
        .message
        .split("there are: ")
        .nth(1)
        .unwrap_or_else(|| panic!("{fault}"));
    message.split(", ").map(str::to_owned).collect()
}

#[test]
fn it_has_every_key_that_can_be_written_and_says_what_each_is() {
    let schema = schema();
    let mut lost = Vec::new();
    for (section, pointer) in [
        ("[services.x]", "/services/*"),
        ("[services.x.in.y]", "/services/*/in/*"),
        ("[services.x.before]", "/services/*/before"),
        ("[services.x.canary]", "/services/*/canary"),
        ("[services.x.migrations]", "/services/*/migrations"),
        ("[environments.x]", "/environments/*"),
        ("[kubernetes.clusters.x]", "/kubernetes/clusters/*"),
        ("[registries.x]", "/registries/*"),
        ("[databases.x]", "/databases/*"),
        ("[databases.x.consumers.y]", "/databases/*/consumers/*"),
        ("[responders.deploy.gates.x]", "/responders/deploy/gates/*"),
        ("[responders.graphs.queries.x]", "/responders/graphs/queries/*"),
        ("[responders.pipeline.hooks.x]", "/responders/pipeline/hooks/*"),
        (
            "[responders.experiments.applications.x]",
            "/responders/experiments/applications/*",
        ),
        ("[policy.break_glass]", "/policy/break_glass"),
        ("[slack]", "/slack"),
    ] {
        let mut node = &schema;
        for step in pointer.split('/').skip(1) {
            node = match step {
                "*" => &node["additionalProperties"],
                key => &node["properties"][key],
            };
        }
        let known = known(section).into_iter();
        let lacking = known.filter(|key| !node["properties"][key].is_object());
        lost.extend(lacking.map(|key| format!("{section} {key}")));
    }
    assert_eq!(
        lost,
        Vec::<String>::new(),
        "what the program takes, and config/default.toml does not show"
    );
    let mut silent = Vec::new();
    undescribed(&schema, "", &mut silent);
    assert_eq!(silent, Vec::<String>::new(), "keys without a description");
    let service = &schema["properties"]["services"]["additionalProperties"]["properties"]["workload"];
    assert_eq!(
        service["description"],
        "the Deployment, else the service's name; or \"statefulset/db\", \"daemonset/agent\", or \"rollout/api\" of Argo Rollouts, \
         which goes by its own steps: docs/canary.md"
    );
}

fn undescribed(schema: &Json, path: &str, silent: &mut Vec<String>) {
    for (key, node) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        if node["type"] != "object" && !node["description"].is_string() {
            silent.push(path.clone());
        }
        undescribed(node, &path, silent);
    }
    for (inner, sign) in [("additionalProperties", ".*"), ("items", "[]")] {
        if schema[inner]["properties"].is_object() {
            undescribed(&schema[inner], &format!("{path}{sign}"), silent);
        }
    }
}
