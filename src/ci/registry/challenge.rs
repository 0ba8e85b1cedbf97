//! Purpose: how a registry wants to be logged in to, from its `WWW-Authenticate` (RFC 9110 §11.6.1, and the distribution
//! project's token authentication).

use http_auth::parser::ChallengeParser;

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from somewhere.
    Bearer {
        /// Where.
        realm: String,
        /// For what, in the token server's own words.
        service: Option<String>,
    },
}

/// The first challenge we can meet; a token is preferred, since the password then stays away from most requests.
pub(crate) fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for header in headers {
        for challenge in ChallengeParser::new(header) {
            // What follows something that cannot be read cannot be read, either.
            let Ok(challenge) = challenge else { break };
            let parameter = |wanted: &str| {
                let found = challenge
                    .params
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Challenge::Basic);
            } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                return Some(Challenge::Bearer {
                    realm,
                    service: parameter("service"),
                });
            }
        }
    }
    basic
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.into(),
                service: service.map(str::to_owned),
            })
        };
        let whole = r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:team/api:pull",error="invalid_token""#;
        for (headers, wanted) in [
            (
                &[whole][..],
                bearer("https://auth.example.com/token", Some("registry.example.com")),
            ),
            (
                &[r#"bearer REALM="https://a.example.com/t""#],
                bearer("https://a.example.com/t", None),
            ),
            (&[r#"Basic realm="r""#], Some(Challenge::Basic)),
            (
                &["Basic realm=\"r\"", whole],
                bearer("https://auth.example.com/token", Some("registry.example.com")),
            ),
            (
                &[r#"Basic realm="r", Bearer realm="https://a.example.com/t""#],
                bearer("https://a.example.com/t", None),
            ),
            (&[r#"Bearer service="no realm""#], None),
            (&["Negotiate"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(choose(headers.iter().copied()), wanted, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,60}", realm in "[ -~]{0,20}") {
            let _ = choose([header.as_str()]);
            let _ = choose([format!("Bearer realm=\"{realm}\"").as_str()]);
        }
    }
}
