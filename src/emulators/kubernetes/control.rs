//! The cluster's controls over HTTP, for other processes. The verbs are those of [`super::Cluster`].

use std::{collections::HashMap, sync::Arc};

use axum::{body::Bytes, http::StatusCode, response::Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    access::Denial,
    answers,
    behaviour::Behaviour,
    faults::Fault,
    resources, seed,
    server::{Shared, lock},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Behave {
    image: String,
    behaviour: Behaviour,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    fault: Fault,
    #[serde(default = "once")]
    times: u32,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    namespace: String,
    name: String,
}

fn once() -> u32 {
    1
}

/// Does what another process orders.
pub(crate) fn answer(
    shared: &Arc<Shared>,
    method: &str,
    order: &str,
    params: &HashMap<String, String>,
    body: &Bytes,
) -> Response {
    match obey(shared, method, order, params, body) {
        Ok(answer) => answers::json_answer(StatusCode::OK, &answer),
        Err((status, why)) => answers::json_answer(status, &json!({ "error": why })),
    }
}

type Obeyed = Result<Value, (StatusCode, String)>;

fn refused(why: impl ToString) -> (StatusCode, String) {
    (StatusCode::UNPROCESSABLE_ENTITY, why.to_string())
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(refused)
}

fn obey(
    shared: &Arc<Shared>,
    method: &str,
    order: &str,
    params: &HashMap<String, String>,
    body: &Bytes,
) -> Obeyed {
    let param = |name: &str| params.get(name).map(String::as_str).unwrap_or_default();
    match (method, order) {
        ("GET", "objects") => {
            let res = resources::named(param("kind")).ok_or_else(|| refused("no such kind"))?;
            let state = shared.state();
            let all: Vec<_> = state
                .all(res.store, param("namespace"))
                .map(|object| Value::clone(object))
                .collect();
            Ok(json!(all))
        }
        ("GET", "requests") => Ok(json!(*lock(&shared.requests))),
        ("GET", "behaviours") => {
            let state = shared.state();
            let all: Vec<_> = state
                .behaviours
                .all()
                .iter()
                .map(|(image, b)| json!({ "image": image, "behaviour": b }))
                .collect();
            Ok(json!(all))
        }
        ("POST", "behave") => {
            let Behave { image, behaviour } = read(body)?;
            shared.state().behaviours.set(&image, behaviour);
            Ok(json!({}))
        }
        ("POST", "fault") => {
            let Order {
                fault,
                times,
                method,
                path,
            } = read(body)?;
            lock(&shared.faults).order(&method, &path, fault, times);
            Ok(json!({}))
        }
        ("POST", "release") => {
            shared.released.send_modify(|count| *count += 1);
            Ok(json!({}))
        }
        ("POST", "clear_faults") => {
            lock(&shared.faults).clear();
            Ok(json!({}))
        }
        ("POST", "deny") => {
            let denial: Denial = read(body)?;
            shared.state().denials.push(denial);
            Ok(json!({}))
        }
        ("POST", "allow_all") => {
            shared.state().denials.clear();
            Ok(json!({}))
        }
        ("POST", "account") => {
            let Account { namespace, name } = read(body)?;
            let token = shared.issue(&namespace, &name).map_err(refused)?;
            Ok(json!({ "token": token }))
        }
        ("POST", "cut_watches") => {
            shared.cut.send_modify(|count| *count += 1);
            Ok(json!({}))
        }
        ("POST", "compact") => {
            shared.state().compact();
            Ok(json!({}))
        }
        ("POST", "seed") => {
            let manifest = std::str::from_utf8(body).map_err(refused)?;
            let objects = seed::objects(manifest).map_err(refused)?;
            let count = shared
                .state()
                .plant(objects)
                .map_err(|error| refused(error.message))?;
            Ok(json!({ "created": count }))
        }
        _ => Err((
            StatusCode::NOT_FOUND,
            format!("there is no {method} /emulator/{order}"),
        )),
    }
}
