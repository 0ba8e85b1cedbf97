//! Arguments of a Web API call, whichever way they came: query, form, multipart or JSON.

use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::{error::ApiError, ts::Ts};

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args {
    map: Map<String, Value>,
    /// From the `Authorization` header, or a form's `token` field.
    pub(crate) token: Option<String>,
    /// Codes for `response_metadata.warnings`.
    pub(crate) warnings: Vec<&'static str>,
}

impl Args {
    /// Reads a request. JSON bodies count only where `json_allowed`; elsewhere Slack ignores them.
    pub(crate) fn read(
        method: &Method,
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
        json_allowed: bool,
    ) -> Result<Self, ApiError> {
        let mut args = Self::default();
        if let Some(bearer) = header(headers, header::AUTHORIZATION.as_str()) {
            args.token = bearer.strip_prefix("Bearer ").map(|t| t.trim().to_owned());
        }
        let content_type = header(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let media = media.trim().to_ascii_lowercase();
        let is_json = media == "application/json";
        if !(is_json && json_allowed) {
            args.add_form(query.unwrap_or_default().as_bytes(), false);
        }
        if method == Method::GET || body.is_empty() {
            return Ok(args);
        }
        match media.as_str() {
            "application/json" if json_allowed => {
                check_charset(parameters)?;
                if !parameters.to_ascii_lowercase().contains("charset") {
                    args.warnings.push("missing_charset");
                }
                let json: Value = serde_json::from_slice(body).map_err(|_| ApiError::new("invalid_json"))?;
                let Value::Object(map) = json else {
                    return Err(ApiError::new("json_not_object"));
                };
                args.map.extend(
                    map.into_iter()
                        .filter(|(key, value)| !value.is_null() && key != "token"),
                );
            }
            "application/json" => {}
            "application/x-www-form-urlencoded" => {
                check_charset(parameters)?;
                args.add_form(body, true);
            }
            "multipart/form-data" => {
                let parts = super::multipart::read(content_type, body)
                    .ok_or_else(|| ApiError::new("invalid_form_data"))?;
                for part in parts {
                    let value = String::from_utf8_lossy(part.body).into_owned();
                    args.add(&part.name, value, true);
                }
            }
            "" => return Err(ApiError::new("missing_post_type")),
            _ => return Err(ApiError::new("invalid_post_type")),
        }
        Ok(args)
    }

    fn add_form(&mut self, form: &[u8], may_carry_token: bool) {
        for (key, value) in url::form_urlencoded::parse(form) {
            self.add(&key, value.into_owned(), may_carry_token);
        }
    }

    fn add(&mut self, key: &str, value: String, may_carry_token: bool) {
        if key == "token" {
            // Slack stopped taking tokens from query strings; forms may still carry one.
            if may_carry_token && self.token.is_none() {
                self.token = Some(value);
            }
        } else {
            self.map.insert(key.to_owned(), value.into());
        }
    }

    /// For the journal: no token among them.
    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.map
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// A string that is there and not empty.
    pub(crate) fn str(&self, key: &str) -> Option<&str> {
        self.map
            .get(key)
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
    }

    pub(crate) fn required(&self, key: &str) -> Result<&str, ApiError> {
        match self.map.get(key) {
            Some(Value::String(_)) | None => self.str(key).ok_or_else(|| ApiError::missing(key)),
            Some(_) => Err(ApiError::invalid_arguments(format!(
                "[ERROR] must be a string [json-pointer:/{key}]"
            ))),
        }
    }

    /// A timestamp, refused with `code` when malformed. A JSON number is not one.
    pub(crate) fn ts(&self, key: &str, code: &str) -> Result<Option<Ts>, ApiError> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| ApiError::new(code)),
            Some(_) => Err(ApiError::invalid_arguments(format!(
                "[ERROR] must be a string [json-pointer:/{key}]"
            ))),
        }
    }

    pub(crate) fn bool(&self, key: &str) -> Option<bool> {
        match self.map.get(key)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) => Some(matches!(text.as_str(), "true" | "1" | "True")),
            Value::Number(number) => Some(number.as_i64() != Some(0)),
            _ => None,
        }
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, ApiError> {
        let refuse =
            || ApiError::invalid_arguments(format!("[ERROR] must be an integer [json-pointer:/{key}]"));
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(refuse),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| refuse()),
            Some(_) => Err(refuse()),
        }
    }

    /// A complex argument: a JSON value, or a string that holds JSON.
    pub(crate) fn json(&self, key: &str) -> Result<Option<Value>, ApiError> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| {
                ApiError::invalid_arguments(format!("[ERROR] failed to parse JSON [json-pointer:/{key}]"))
            }),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A list of JSON values, refused with `code` when it is something else.
    pub(crate) fn array(&self, key: &str, code: &str) -> Result<Option<Vec<Value>>, ApiError> {
        match self.json(key) {
            Ok(None) => Ok(None),
            Ok(Some(Value::Array(items))) => Ok(Some(items)),
            Ok(Some(_)) | Err(_) => Err(ApiError::new(code)),
        }
    }

    /// Ids, comma-separated or as an array.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.map.get(key) {
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            Some(Value::String(text)) => match serde_json::from_str::<Vec<String>>(text) {
                Ok(items) => items,
                Err(_) => text
                    .split(',')
                    .map(|s| s.trim().to_owned())
                    .filter(|s| !s.is_empty())
                    .collect(),
            },
            _ => Vec::new(),
        }
    }
}

fn check_charset(parameters: &str) -> Result<(), ApiError> {
    let lower = parameters.to_ascii_lowercase();
    match lower.split_once("charset=") {
        Some((_, charset)) if !charset.trim_matches(['"', ' ']).starts_with("utf-8") => {
            Err(ApiError::new("invalid_charset"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
