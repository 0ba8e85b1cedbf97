//! From a request to an answer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    access,
    answers::{broken, failure, json_answer, plain, stream, written},
    control, discovery,
    faults::{self, Fault},
    logs,
    paths::target,
    protobuf,
    rbac::{self, Who},
    rest::{Listing, Shown, Target, scale, show},
    selectors::Selector,
    server::{Asked, Shared, lock},
    status::{Answer, ApiError},
    watch,
    write::{Apply, Writer},
};

/// How big a body may be, as the real server has it.
const LARGEST: usize = 3 * 1024 * 1024;

/// The parameters of a query.
pub(crate) type Params = HashMap<String, String>;

/// Answers any request.
pub(crate) async fn serve(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response {
    let method = request.method().as_str().to_owned();
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut asked = Asked {
        method,
        path,
        status: 0,
    };
    let own = asked.path.starts_with("/emulator/");
    let response = respond(&shared, request).await;
    if !own {
        asked.status = response.status().as_u16();
        shared.remember(asked);
    }
    response
}

async fn respond(shared: &Arc<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let params: Params = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let path = parts.uri.path().to_owned();
    let method = parts.method.as_str();
    if let Some(order) = path.strip_prefix("/emulator/") {
        let body = axum::body::to_bytes(body, LARGEST).await.unwrap_or_default();
        return control::answer(shared, method, order, &params, &body);
    }
    let Some(who) = who(shared, &parts.headers) else {
        return failure(&faults::error(401, None));
    };
    let is_watch = truth(&params, "watch");
    let whole = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let fault = lock(&shared.faults).meet(method, &whole, is_watch);
    match &fault {
        Some(Fault::Status { code, retry_after }) => return failure(&faults::error(*code, *retry_after)),
        Some(Fault::Hang) => {
            shared.stop.cancelled().await;
            return broken();
        }
        Some(Fault::Reset | Fault::CutWatch) => return broken(),
        Some(Fault::WatchError { code }) => {
            return stream(watch::failing(&faults::error(*code, None)));
        }
        Some(Fault::Hold) => shared.hold().await,
        Some(Fault::LoseAnswer) | None => {}
    }
    let body = match axum::body::to_bytes(body, LARGEST).await {
        Ok(body) => body,
        Err(_) => {
            return failure(&ApiError::new(
                413,
                "RequestEntityTooLarge",
                "Request entity too large: limit is 3145728",
            ));
        }
    };
    let answer = answer(shared, &who, (method, &path), &params, &parts.headers, &body);
    if fault == Some(Fault::LoseAnswer) {
        return broken();
    }
    answer.unwrap_or_else(|error| failure(&error))
}

/// Who asks: by the token, or whom the administrator asks as. Nobody when the token is unknown.
fn who(shared: &Shared, headers: &HeaderMap) -> Option<Who> {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = said("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if let Some(token) = token
        && let Some(name) = shared.state().tokens.get(token)
    {
        return Some(Who::user(name, []));
    }
    if shared.token.is_some() && token != shared.token.as_deref() {
        return None;
    }
    Some(match said("impersonate-user") {
        Some(name) => {
            let groups = headers.get_all("impersonate-group").iter();
            Who::user(
                name,
                groups.filter_map(|group| group.to_str().ok().map(ToOwned::to_owned)),
            )
        }
        None => Who::admin(),
    })
}

fn answer(
    shared: &Arc<Shared>,
    who: &Who,
    (method, path): (&str, &str),
    params: &Params,
    headers: &HeaderMap,
    body: &Bytes,
) -> Answer<Response> {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let accept = header(header::ACCEPT);
    if method == "GET" {
        if matches!(path, "/healthz" | "/livez" | "/readyz") {
            return Ok(plain("ok".into()));
        }
        if let Some((document, kind)) = discovery::document(path, accept) {
            return Ok(written(StatusCode::OK, &document, kind));
        }
    }
    let target = target(path).ok_or_else(ApiError::no_such_path)?;
    if !target.sub.is_empty() && !target.res.subresources.contains(&target.sub.as_str()) {
        return Err(ApiError::no_such_path());
    }
    let verb = verb(method, &target, truth(params, "watch"))?;
    permit(shared, who, verb, &target, params)?;
    let shown = shown(accept, params);
    let manager = match params.get("fieldManager") {
        Some(manager) if !manager.is_empty() => manager.clone(),
        _ => header(header::USER_AGENT)
            .split('/')
            .next()
            .filter(|m| !m.is_empty())
            .unwrap_or("unknown")
            .to_owned(),
    };
    let by = Writer {
        manager: &manager,
        subresource: &target.sub,
        dry_run: params.get("dryRun").is_some_and(|dry| dry == "All"),
    };
    let call = Call {
        shared,
        who,
        target: &target,
        params,
        shown,
        by,
    };
    match verb {
        "get" if target.sub == "log" => call.log(),
        "get" => call.get(),
        "list" => call.list(),
        "watch" => call.watch(),
        "create" => call.create(header(header::CONTENT_TYPE), body),
        "update" => call.update(&parsed(header(header::CONTENT_TYPE), body)?),
        "patch" => call.patch(header(header::CONTENT_TYPE), body),
        "delete" => call.delete(body),
        _ => call.delete_all(body),
    }
}

fn verb(method: &str, target: &Target, watch: bool) -> Answer<&'static str> {
    let named = !target.name.is_empty();
    let verb = match (method, named) {
        ("GET", _) if watch => "watch",
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", true) => "update",
        ("PATCH", true) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    };
    let known = match target.sub.as_str() {
        "" => target.res.verbs().contains(&verb) && (named || verb != "create" || method == "POST"),
        "log" => verb == "get",
        "eviction" => verb == "create",
        _ => matches!(verb, "get" | "update" | "patch"),
    };
    if verb.is_empty() || !known {
        let message = "the server does not allow this method on the requested resource";
        return Err(ApiError::new(405, "MethodNotAllowed", message));
    }
    Ok(verb)
}

fn permit(shared: &Shared, who: &Who, verb: &str, target: &Target, params: &Params) -> Answer<()> {
    if !target.res.kept {
        return Ok(());
    }
    let plural = target.res.plural;
    let request = access::Request {
        verb: verb.to_owned(),
        group: target.res.group.to_owned(),
        resource: if target.sub.is_empty() {
            plural.to_owned()
        } else {
            format!("{plural}/{}", target.sub)
        },
        namespace: target.ns.clone(),
        name: if target.name.is_empty() {
            // What is listed or watched by its name alone has that name.
            params
                .get("fieldSelector")
                .and_then(|fields| fields.strip_prefix("metadata.name="))
                .filter(|name| !name.contains(','))
                .unwrap_or_default()
                .to_owned()
        } else {
            target.name.clone()
        },
    };
    let mut state = shared.state();
    access::authorize(&state, who, &request)?;
    rbac::note(&mut state.uses, who, &request);
    Ok(())
}

struct Call<'a> {
    shared: &'a Arc<Shared>,
    who: &'a Who,
    target: &'a Target,
    params: &'a Params,
    shown: Shown,
    by: Writer<'a>,
}

impl Call<'_> {
    fn param(&self, name: &str) -> &str {
        self.params.get(name).map(String::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.param(name).parse().ok()
    }

    fn selector(&self) -> Answer<Selector> {
        let mut fields = self.param("fieldSelector").to_owned();
        if !self.target.name.is_empty() {
            // A watch of one object by its path.
            fields = format!("metadata.name={}", self.target.name);
        }
        Selector::parse(self.param("labelSelector"), &fields)
    }

    fn shown(&self, object: &Value, status: StatusCode) -> Response {
        json_answer(status, &show(&self.shown, self.target.res, object))
    }

    fn get(&self) -> Answer<Response> {
        let object = self.shared.state().read(self.target)?;
        if self.target.sub == "scale" {
            return Ok(json_answer(StatusCode::OK, &scale(&object)));
        }
        Ok(self.shown(&object, StatusCode::OK))
    }

    fn list(&self) -> Answer<Response> {
        let listing = Listing {
            selector: self.selector()?,
            limit: self.number("limit").unwrap_or_default(),
            token: self.param("continue").to_owned(),
        };
        let list = self.shared.state().list(self.target, &listing, &self.shown)?;
        Ok(json_answer(StatusCode::OK, &list))
    }

    fn watch(&self) -> Answer<Response> {
        let ask = watch::Ask {
            res: self.target.res,
            ns: self.target.ns.clone(),
            selector: self.selector()?,
            shown: self.shown,
            version: self.param("resourceVersion").to_owned(),
            bookmarks: truth(self.params, "allowWatchBookmarks"),
            send_initial: truth(self.params, "sendInitialEvents"),
            timeout: self
                .number("timeoutSeconds")
                .filter(|s| *s > 0)
                .map(|s| Duration::from_secs(s as u64)),
        };
        let state = self.shared.state();
        Ok(stream(watch::begin(self.shared, &state, ask)?))
    }

    fn log(&self) -> Answer<Response> {
        let ask = logs::Ask {
            container: self.param("container").to_owned(),
            previous: truth(self.params, "previous"),
            tail: self.number("tailLines"),
            limit: self.number("limitBytes"),
            timestamps: truth(self.params, "timestamps"),
        };
        let Target { ns, name, .. } = self.target;
        let state = self.shared.state();
        if truth(self.params, "follow") && !ask.previous {
            let mut response = Response::new(logs::follow(self.shared, &state, ns, name, ask)?);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            return Ok(response);
        }
        Ok(plain(logs::read(&state, ns, name, &ask)?))
    }

    /// The body of a creation, which may be protobuf.
    fn body(&self, content_type: &str, body: &Bytes) -> Answer<Value> {
        if content_type.contains("protobuf")
            && let Some(object) = protobuf::object(self.target.res, body)
        {
            return Ok(object);
        }
        parsed(content_type, body)
    }

    fn create(&self, content_type: &str, body: &Bytes) -> Answer<Response> {
        if self.target.res.kind == "SelfSubjectReview" {
            return Ok(json_answer(StatusCode::CREATED, &access::whoami(self.who)));
        }
        if self.target.res.kind == "SelfSubjectAccessReview" {
            let review = self.body(content_type, body)?;
            let reviewed = access::review(&self.shared.state(), self.who, &review);
            return Ok(json_answer(StatusCode::CREATED, &reviewed));
        }
        let body = self.body(content_type, body)?;
        if self.target.sub == "eviction" {
            let target = Target {
                sub: String::new(),
                ..self.target.clone()
            };
            self.shared.state().drop_object(&target, &body["deleteOptions"])?;
            return Ok(json_answer(
                StatusCode::CREATED,
                &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" }),
            ));
        }
        let object = self.shared.state().post(self.target, body, &self.by)?;
        Ok(self.shown(&object, StatusCode::CREATED))
    }

    fn update(&self, body: &Value) -> Answer<Response> {
        let object = self.shared.state().put(self.target, body.clone(), &self.by)?;
        Ok(self.after(&object))
    }

    /// A scale is shown as it is; an object as was asked for.
    fn after(&self, object: &Value) -> Response {
        if self.target.sub == "scale" {
            json_answer(StatusCode::OK, object)
        } else {
            self.shown(object, StatusCode::OK)
        }
    }

    fn patch(&self, content_type: &str, body: &Bytes) -> Answer<Response> {
        if content_type.contains("apply-patch") && self.param("fieldManager").is_empty() {
            let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
            return Err(ApiError::new(422, "Invalid", message));
        }
        let body = parsed(content_type, body)?;
        let exists = |target: &Target| {
            let state = self.shared.state();
            state.get(target.res, &target.ns, &target.name).is_some()
        };
        if content_type.contains("apply-patch") && !exists(self.target) {
            // What an apply makes has to be allowed as a creation, too.
            permit(self.shared, self.who, "create", self.target, self.params)?;
        }
        let how = Apply {
            force: truth(self.params, "force"),
        };
        let mut state = self.shared.state();
        let existed = state
            .get(self.target.res, &self.target.ns, &self.target.name)
            .is_some();
        let object = state.patch(self.target, content_type, body, &self.by, how)?;
        if existed {
            Ok(self.after(&object))
        } else {
            Ok(self.shown(&object, StatusCode::CREATED))
        }
    }

    fn options(&self, body: &Bytes) -> Answer<Value> {
        let mut options = if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(body).map_err(|_| ApiError::bad_request("couldn't read DeleteOptions"))?
        };
        for name in ["propagationPolicy", "gracePeriodSeconds"] {
            if let Some(value) = self.params.get(name) {
                options[name] = value.parse::<i64>().map_or_else(|_| json!(value), Value::from);
            }
        }
        if self.by.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        Ok(options)
    }

    fn delete(&self, body: &Bytes) -> Answer<Response> {
        let options = self.options(body)?;
        let answer = self.shared.state().drop_object(self.target, &options)?;
        Ok(json_answer(StatusCode::OK, &answer))
    }

    fn delete_all(&self, body: &Bytes) -> Answer<Response> {
        let options = self.options(body)?;
        let answer = self
            .shared
            .state()
            .drop_all(self.target, &self.selector()?, &options)?;
        Ok(json_answer(StatusCode::OK, &answer))
    }
}

fn shown(accept: &str, params: &Params) -> Shown {
    let first = accept
        .split(',')
        .map(str::trim)
        .find(|kind| kind.contains("json") || *kind == "*/*")
        .unwrap_or_default();
    Shown {
        table: first.contains("as=Table"),
        bare: params
            .get("includeObject")
            .is_some_and(|include| include == "None"),
        partial: first.contains("as=PartialObjectMetadata"),
    }
}

pub(crate) fn truth(params: &Params, name: &str) -> bool {
    params
        .get(name)
        .is_some_and(|value| matches!(value.as_str(), "" | "1" | "true"))
}

/// The body as JSON; YAML only where apply allows it.
fn parsed(content_type: &str, body: &Bytes) -> Answer<Value> {
    if content_type.contains("protobuf") {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml";
        return Err(ApiError::new(415, "UnsupportedMediaType", message));
    }
    let json = serde_json::from_slice(body);
    if json.is_err() && content_type.contains("yaml") {
        let text = std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the body is no UTF-8"))?;
        return super::seed::yaml(text)
            .map_err(|why| ApiError::bad_request(format!("error decoding YAML: {why}")));
    }
    json.map_err(|error| {
        ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
    })
}
