//! Who may do what, and the reviews that ask it.
//!
//! Everything is allowed but what a test denies. `kubectl auth can-i` posts its question as protobuf, so that one
//! message can be read here without a protobuf library: tag, length, value.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    status::{Answer, ApiError},
    value::text,
};

/// Something the cluster's access rules deny. Empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Denial {
    /// The verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The resource's plural, with its subresource where it is about one: `pods`, `pods/log`.
    pub resource: String,
    /// The namespace.
    pub namespace: String,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// With the subresource.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The user every request is made as.
pub(crate) const USER: &str = "otus";

impl Denial {
    pub(crate) fn covers(&self, request: &Request) -> bool {
        let is = |rule: &str, value: &str| rule.is_empty() || rule == value;
        is(&self.verb, &request.verb)
            && is(&self.resource, &request.resource)
            && is(&self.namespace, &request.namespace)
    }
}

/// Refuses what is denied, in the words of RBAC.
pub(crate) fn authorize(denials: &[Denial], request: &Request) -> Answer<()> {
    if !denials.iter().any(|denial| denial.covers(request)) {
        return Ok(());
    }
    let Request {
        verb,
        group,
        resource,
        namespace,
        name,
    } = request;
    let plural = resource.split('/').next().unwrap_or_default();
    let qualified = if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    };
    let named = if name.is_empty() {
        String::new()
    } else {
        format!(" \"{name}\"")
    };
    let place = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{namespace}\"")
    };
    let message = format!(
        "{qualified}{named} is forbidden: User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}"
    );
    let mut error = ApiError::new(403, "Forbidden", message);
    error.details = json!({ "name": name, "group": group, "kind": plural });
    Err(error)
}

/// Answers a `SelfSubjectAccessReview`.
pub(crate) fn review(denials: &[Denial], review: &Value) -> Value {
    let attributes = &review["spec"]["resourceAttributes"];
    let (resource, sub) = (text(attributes, "/resource"), text(attributes, "/subresource"));
    let request = Request {
        verb: text(attributes, "/verb").into(),
        group: text(attributes, "/group").into(),
        resource: if sub.is_empty() {
            resource.into()
        } else {
            format!("{resource}/{sub}")
        },
        namespace: text(attributes, "/namespace").into(),
        name: text(attributes, "/name").into(),
    };
    let allowed = attributes.is_null() || authorize(denials, &request).is_ok();
    json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": review["spec"],
        "status": { "allowed": allowed },
    })
}

/// Answers a `SelfSubjectReview`: who am I?
pub(crate) fn whoami() -> Value {
    json!({
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {},
        "status": { "userInfo": { "username": USER, "groups": ["system:authenticated"] } },
    })
}

/// Reads a `SelfSubjectAccessReview` in the API's protobuf envelope.
pub(crate) fn from_protobuf(body: &[u8]) -> Option<Value> {
    let envelope = fields(body.strip_prefix(b"k8s\0")?)?;
    let raw = fields(bytes(&envelope, 2)?)?;
    let spec = fields(bytes(&raw, 2)?)?;
    let mut review = json!({ "spec": {} });
    if let Some(attributes) = bytes(&spec, 1) {
        let attributes = fields(attributes)?;
        let names = [
            "namespace",
            "verb",
            "group",
            "version",
            "resource",
            "subresource",
            "name",
        ];
        for (number, name) in (1..).zip(names) {
            if let Some(value) = bytes(&attributes, number).filter(|value| !value.is_empty()) {
                review["spec"]["resourceAttributes"][name] = json!(std::str::from_utf8(value).ok()?);
            }
        }
    }
    if let Some(attributes) = bytes(&spec, 2) {
        let attributes = fields(attributes)?;
        for (number, name) in (1..).zip(["path", "verb"]) {
            let value = bytes(&attributes, number).unwrap_or_default();
            review["spec"]["nonResourceAttributes"][name] = json!(std::str::from_utf8(value).ok()?);
        }
    }
    Some(review)
}

fn bytes<'a>(fields: &[(u64, &'a [u8])], number: u64) -> Option<&'a [u8]> {
    fields.iter().find(|(n, _)| *n == number).map(|(_, value)| *value)
}

/// The length-delimited fields of a message; others are passed over.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let length = match tag & 7 {
            0 => {
                varint(&mut message)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, rest) = message.split_at_checked(length)?;
        if tag & 7 == 2 {
            found.push((tag >> 3, value));
        }
        message = rest;
    }
    Some(found)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f).checked_shl(7 * at)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(value.len()).unwrap()];
        out.extend(value);
        out
    }

    #[test]
    fn a_review_in_protobuf() {
        let attributes = [
            field(1, b"shop"),
            field(2, b"patch"),
            field(3, b"apps"),
            field(5, b"deployments"),
        ]
        .concat();
        let spec = field(1, &attributes);
        let review = field(2, &spec);
        let kind = [
            field(1, b"authorization.k8s.io/v1"),
            field(2, b"SelfSubjectAccessReview"),
        ]
        .concat();
        let body = [b"k8s\0".to_vec(), field(1, &kind), field(2, &review)].concat();
        assert_eq!(
            from_protobuf(&body).unwrap()["spec"]["resourceAttributes"],
            json!({ "namespace": "shop", "verb": "patch", "group": "apps", "resource": "deployments" })
        );
        assert_eq!(from_protobuf(b"{}"), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_review(mut body in proptest::collection::vec(any::<u8>(), 0..200), enveloped: bool) {
            if enveloped {
                body.splice(0..0, *b"k8s\0");
            }
            let _ = from_protobuf(&body);
        }
    }
}
