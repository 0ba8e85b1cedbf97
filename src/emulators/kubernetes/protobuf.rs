//! The few bodies that kubectl sends as protobuf, read without a library: tag, length, value.
//!
//! `kubectl auth can-i` and the `kubectl create` of namespaces, config maps, secrets and service accounts send it.
//! Anything bigger, such as `kubectl create deployment`, is answered 415; `kubectl apply` sends JSON.

use serde_json::{Map, Value, json};

use super::resources::Resource;

/// Reads an object in the API's protobuf envelope.
pub(crate) fn object(res: &Resource, body: &[u8]) -> Option<Value> {
    let envelope = fields(body.strip_prefix(b"k8s\0")?)?;
    let raw = fields(bytes(&envelope, 2).unwrap_or_default())?;
    let mut object = match res.kind {
        "SelfSubjectAccessReview" => return review(&raw),
        "SelfSubjectReview" => json!({}),
        "Namespace" | "ServiceAccount" => json!({}),
        "ConfigMap" => {
            json!({ "data": map(&raw, 2, |value| Some(json!(std::str::from_utf8(value).ok()?)))? })
        }
        "Secret" => {
            let mut secret =
                json!({ "data": map(&raw, 2, |value| Some(json!(super::defaults::base64(value))))? });
            if let Some(kind) = text(&raw, 3)? {
                secret["type"] = json!(kind);
            }
            secret
        }
        _ => return None,
    };
    let metadata = fields(bytes(&raw, 1).unwrap_or_default())?;
    let mut shown = Map::new();
    for (number, name) in [(1, "name"), (2, "generateName"), (3, "namespace")] {
        if let Some(value) = text(&metadata, number)? {
            shown.insert(name.into(), json!(value));
        }
    }
    for (number, name) in [(11, "labels"), (12, "annotations")] {
        let map = map(&metadata, number, |value| {
            Some(json!(std::str::from_utf8(value).ok()?))
        })?;
        if !map.is_empty() {
            shown.insert(name.into(), Value::Object(map));
        }
    }
    object["metadata"] = Value::Object(shown);
    Some(object)
}

fn review(raw: &[Field<'_>]) -> Option<Value> {
    let spec = fields(bytes(raw, 2)?)?;
    let mut review = json!({ "spec": {} });
    for (place, attributes, names) in [
        (
            1,
            "resourceAttributes",
            &[
                "namespace",
                "verb",
                "group",
                "version",
                "resource",
                "subresource",
                "name",
            ][..],
        ),
        (2, "nonResourceAttributes", &["path", "verb"][..]),
    ] {
        let Some(message) = bytes(&spec, place) else {
            continue;
        };
        let message = fields(message)?;
        for (number, name) in (1..).zip(names) {
            if let Some(value) = text(&message, number)? {
                review["spec"][attributes][*name] = json!(value);
            }
        }
    }
    Some(review)
}

type Field<'a> = (u64, &'a [u8]);

fn bytes<'a>(fields: &[Field<'a>], number: u64) -> Option<&'a [u8]> {
    fields.iter().find(|(n, _)| *n == number).map(|(_, value)| *value)
}

/// A text that is not empty; nothing at all if it is no text.
fn text<'a>(fields: &[Field<'a>], number: u64) -> Option<Option<&'a str>> {
    match bytes(fields, number) {
        Some(value) if !value.is_empty() => std::str::from_utf8(value).ok().map(Some),
        _ => Some(None),
    }
}

/// A map: repeated entries of a key and a value.
fn map(
    fields_: &[Field<'_>],
    number: u64,
    read: impl Fn(&[u8]) -> Option<Value>,
) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    for (_, entry) in fields_.iter().filter(|(n, _)| *n == number) {
        let entry = fields(entry)?;
        map.insert(
            text(&entry, 1)??.to_owned(),
            read(bytes(&entry, 2).unwrap_or_default())?,
        );
    }
    Some(map)
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
    use crate::kubernetes::resources::{RESOURCES, known};

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
            object(known("selfsubjectaccessreviews"), &body).unwrap()["spec"]["resourceAttributes"],
            json!({ "namespace": "shop", "verb": "patch", "group": "apps", "resource": "deployments" })
        );
        assert_eq!(object(known("selfsubjectaccessreviews"), b"{}"), None);
    }

    #[test]
    fn a_secret_in_protobuf() {
        let metadata = [
            field(1, b"s"),
            field(11, &[field(1, b"app"), field(2, b"web")].concat()),
        ]
        .concat();
        let data = [field(1, b"word"), field(2, b"quiet")].concat();
        let secret = [field(1, &metadata), field(2, &data), field(3, b"Opaque")].concat();
        let body = [b"k8s\0".to_vec(), field(2, &secret)].concat();
        assert_eq!(
            object(known("secrets"), &body),
            Some(json!({
                "metadata": { "name": "s", "labels": { "app": "web" } },
                "data": { "word": "cXVpZXQ=" },
                "type": "Opaque",
            }))
        );
        assert_eq!(object(known("deployments"), &body), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_review(mut body in proptest::collection::vec(any::<u8>(), 0..200), enveloped: bool) {
            if enveloped {
                body.splice(0..0, *b"k8s\0");
            }
            for res in RESOURCES {
                let _ = object(res, &body);
            }
        }
    }
}
