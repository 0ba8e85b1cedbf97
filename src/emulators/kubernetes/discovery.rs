//! What the server tells about itself: groups, resources, its version, and how patches are validated.

use serde_json::{Value, json};

use super::resources::{RESOURCES, Resource, groups};

/// The version the emulated server says it is.
const VERSION: (&str, &str) = ("1", "36");

/// A document at a path, if there is one. `accept` asks for the aggregated form or not.
pub(crate) fn document(path: &str, accept: &str) -> Option<(Value, &'static str)> {
    const PLAIN: &str = "application/json";
    let aggregated = accept.split(',').map(str::trim).find_map(|kind| {
        if !kind.contains("g=apidiscovery.k8s.io") || !kind.starts_with(PLAIN) {
            return None;
        }
        if kind.contains("v=v2beta1") {
            Some((
                "v2beta1",
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
            ))
        } else {
            Some((
                "v2",
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            ))
        }
    });
    let path = path.trim_end_matches('/');
    Some(match (path, aggregated) {
        ("/version", _) => (version(), PLAIN),
        ("/api", Some((version, kind))) => (discovery(version, true), kind),
        ("/apis", Some((version, kind))) => (discovery(version, false), kind),
        ("/api", None) => (
            json!({
                "kind": "APIVersions",
                "versions": ["v1"],
                "serverAddressByClientCIDRs": [],
            }),
            PLAIN,
        ),
        ("/apis", None) => {
            let groups: Vec<_> = named_groups()
                .map(|(name, version)| group(name, version))
                .collect();
            (
                json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }),
                PLAIN,
            )
        }
        ("/openapi/v3", _) => (openapi_index(), PLAIN),
        ("/api/v1", _) => (resource_list("", "v1"), PLAIN),
        _ => {
            if let Some(rest) = path.strip_prefix("/openapi/v3/") {
                return Some((openapi(rest)?, PLAIN));
            }
            let rest = path.strip_prefix("/apis/")?;
            let (name, version) = rest.split_once('/').unwrap_or((rest, ""));
            let (name, known) = named_groups().find(|(group, _)| *group == name)?;
            match version {
                "" => (group(name, known), PLAIN),
                version if version == known => (resource_list(name, known), PLAIN),
                _ => return None,
            }
        }
    })
}

fn named_groups() -> impl Iterator<Item = (&'static str, &'static str)> {
    groups().into_iter().filter(|(group, _)| !group.is_empty())
}

fn version() -> Value {
    json!({
        "major": VERSION.0,
        "minor": VERSION.1,
        "gitVersion": format!("v{}.{}.0-emulated", VERSION.0, VERSION.1),
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

fn group(name: &str, version: &str) -> Value {
    let preferred = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": [preferred],
        "preferredVersion": preferred,
    })
}

/// The kind a subresource speaks, and what can be done with it.
fn subresource(res: &Resource, sub: &str) -> (Value, Value) {
    let kind =
        |group: &str, version: &str, kind: &str| json!({ "group": group, "version": version, "kind": kind });
    match sub {
        "scale" => (
            kind("autoscaling", "v1", "Scale"),
            json!(["get", "patch", "update"]),
        ),
        "log" => (kind("", "v1", "Pod"), json!(["get"])),
        "eviction" => (kind("policy", "v1", "Eviction"), json!(["create"])),
        _ => (
            kind(res.group, res.version, res.kind),
            json!(["get", "patch", "update"]),
        ),
    }
}

fn resource_list(group: &str, version: &str) -> Value {
    let mut list = Vec::new();
    for res in RESOURCES
        .iter()
        .filter(|res| res.group == group && res.version == version)
    {
        list.push(json!({
            "name": res.plural,
            "singularName": res.singular,
            "namespaced": res.namespaced,
            "kind": res.kind,
            "verbs": res.verbs(),
            "shortNames": res.short,
            "categories": res.categories,
        }));
        for sub in res.subresources {
            let (kind, verbs) = subresource(res, sub);
            list.push(json!({
                "name": format!("{}/{sub}", res.plural),
                "singularName": "",
                "namespaced": res.namespaced,
                "group": kind["group"],
                "version": kind["version"],
                "kind": kind["kind"],
                "verbs": verbs,
            }));
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list })
}

fn discovery(api: &str, core: bool) -> Value {
    let items: Vec<_> = groups()
        .into_iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, version)| {
            let resources: Vec<_> = RESOURCES
                .iter()
                .filter(|res| res.group == group && res.version == version)
                .map(|res| {
                    let subs: Vec<_> = res
                        .subresources
                        .iter()
                        .map(|sub| {
                            let (kind, verbs) = subresource(res, sub);
                            json!({ "subresource": sub, "responseKind": kind, "verbs": verbs })
                        })
                        .collect();
                    json!({
                        "resource": res.plural,
                        "responseKind": { "group": res.group, "version": res.version, "kind": res.kind },
                        "scope": if res.namespaced { "Namespaced" } else { "Cluster" },
                        "singularResource": res.singular,
                        "verbs": res.verbs(),
                        "shortNames": res.short,
                        "categories": res.categories,
                        "subresources": subs,
                    })
                })
                .collect();
            let metadata = if core {
                json!({ "creationTimestamp": null })
            } else {
                json!({ "name": group, "creationTimestamp": null })
            };
            json!({
                "metadata": metadata,
                "versions": [{ "version": version, "resources": resources, "freshness": "Current" }],
            })
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{api}"),
        "metadata": {},
        "items": items,
    })
}

fn openapi_index() -> Value {
    let mut paths = serde_json::Map::new();
    for (group, version) in groups() {
        let path = if group.is_empty() {
            format!("api/{version}")
        } else {
            format!("apis/{group}/{version}")
        };
        paths.insert(
            path.clone(),
            json!({ "serverRelativeURL": format!("/openapi/v3/{path}") }),
        );
    }
    json!({ "paths": paths })
}

/// So much of a group's OpenAPI as kubectl needs: that patches take `fieldValidation`, so it leaves validation to
/// the server. Schemas are not served; kubectl merges by the Go types it was built with.
fn openapi(path: &str) -> Option<Value> {
    let group_version = path.strip_prefix("apis/").or_else(|| path.strip_prefix("api/"))?;
    let mut paths = serde_json::Map::new();
    for res in RESOURCES
        .iter()
        .filter(|res| res.api_version() == group_version && res.kept)
    {
        let scope = if res.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let parameter = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
        let operation = json!({
            "parameters": [parameter("fieldValidation"), parameter("dryRun"), parameter("fieldManager")],
            "x-kubernetes-group-version-kind": { "group": res.group, "version": res.version, "kind": res.kind },
            "responses": { "200": { "description": "OK" } },
        });
        paths.insert(
            format!("/{path}{scope}/{}/{{name}}", res.plural),
            json!({ "patch": operation, "put": operation }),
        );
        paths.insert(
            format!("/{path}{scope}/{}", res.plural),
            json!({ "post": operation }),
        );
    }
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0",
            "info": { "title": "Kubernetes", "version": format!("v{}.{}", VERSION.0, VERSION.1) },
            "paths": paths,
            "components": { "schemas": {} },
        })
    })
}
