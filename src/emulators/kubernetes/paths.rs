//! What a path names.

use super::{resources, rest::Target};

/// What a path names: `/api/v1/…`, `/apis/GROUP/VERSION/…`.
pub(crate) fn target(path: &str) -> Option<Target> {
    let mut parts = path.trim_matches('/').split('/');
    let (group, version) = match parts.next()? {
        "api" => ("", parts.next()?),
        "apis" => (parts.next()?, parts.next()?),
        _ => return None,
    };
    let rest: Vec<_> = parts.collect();
    let (ns, rest) = match rest.as_slice() {
        // `namespaces/NAME` is a namespace itself, and so is what is below it under these names.
        ["namespaces", _, "status" | "finalize"] | ["namespaces", _] | ["namespaces"] => {
            ("", rest.as_slice())
        }
        ["namespaces", ns, rest @ ..] => (*ns, rest),
        rest => ("", rest),
    };
    let (plural, name, sub) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, sub] => (*plural, *name, *sub),
        _ => return None,
    };
    let res = resources::at(group, version, plural)?;
    // An object of a namespace cannot be named without it.
    if res.namespaced && ns.is_empty() && !name.is_empty() {
        return None;
    }
    Some(Target {
        res,
        ns: ns.into(),
        name: name.into(),
        sub: sub.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects() {
        for (path, expected) in [
            ("/api/v1/namespaces", Some(("namespaces", "", "", ""))),
            ("/api/v1/namespaces/shop", Some(("namespaces", "", "shop", ""))),
            (
                "/api/v1/namespaces/shop/status",
                Some(("namespaces", "", "shop", "status")),
            ),
            ("/api/v1/namespaces/shop/pods", Some(("pods", "shop", "", ""))),
            (
                "/api/v1/namespaces/shop/pods/a/log",
                Some(("pods", "shop", "a", "log")),
            ),
            ("/apis/apps/v1/deployments", Some(("deployments", "", "", ""))),
            (
                "/apis/apps/v1/namespaces/shop/deployments/api/scale",
                Some(("deployments", "shop", "api", "scale")),
            ),
            ("/apis/apps/v1/deployments/api", None),
            ("/apis/apps/v2/deployments", None),
            ("/apis/apps", None),
            ("/", None),
        ] {
            let found = target(path);
            let found = found
                .as_ref()
                .map(|t| (t.res.plural, t.ns.as_str(), t.name.as_str(), t.sub.as_str()));
            assert_eq!(found, expected, "{path}");
        }
    }
}
