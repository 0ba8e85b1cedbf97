//! Purpose: the headers of one request, without caring whose type they come in.

use super::Refusal;

/// Headers as pairs of name and value. Names are compared without case.
///
/// A header that a signature depends on and that comes twice is refused: proxies disagree on which of the two counts.
#[derive(Clone, Default)]
pub struct Headers<'a>(Vec<(&'a str, &'a [u8])>);

impl std::fmt::Debug for Headers<'_> {
    /// Names only: GitLab and Buildkite put their secret into a header.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Headers<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<'a> Headers<'a> {
    /// The one value of a header, if it is there.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&'a str>, Refusal> {
        let unusable = |why| Refusal::HeaderUnusable { name, why };
        let mut values = self.0.iter().filter(|(had, _)| had.eq_ignore_ascii_case(name));
        let Some((_, value)) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(unusable("it is there more than once"));
        }
        let value = std::str::from_utf8(value)
            .ok()
            .filter(|value| value.bytes().all(|byte| matches!(byte, b' '..=b'~')))
            .ok_or_else(|| unusable("it has other characters than visible ASCII"))?;
        Ok(Some(value.trim()))
    }

    /// The one value of a header that has to be there.
    pub(super) fn need(&self, name: &'static str) -> Result<&'a str, Refusal> {
        self.get(name)?
            .filter(|value| !value.is_empty())
            .ok_or(Refusal::HeaderMissing { name })
    }

    /// An id that tells repeats apart: short, one word, and without the dot that separates it from what follows it
    /// where it is signed.
    pub(super) fn id(&self, name: &'static str) -> Result<&'a str, Refusal> {
        let id = self.need(name)?;
        if id.len() > 128 {
            return Err(Refusal::HeaderUnusable {
                name,
                why: "it is longer than 128 characters",
            });
        }
        if !id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'/' | b'='))
        {
            return Err(Refusal::HeaderUnusable {
                name,
                why: "an id has letters, digits and - _ : / = only",
            });
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_values_no_twin() {
        let headers = Headers::from_iter([
            ("x-otus-id", b" 7 ".as_slice()),
            ("Twice", b"a"),
            ("tWICE", b"a"),
            ("Bytes", b"\xff"),
            ("Empty", b" "),
            ("Dot", b"a.b"),
        ]);
        assert_eq!(headers.id("X-Otus-Id"), Ok("7"));
        assert_eq!(headers.get("Missing"), Ok(None));
        assert_eq!(
            headers.need("Missing"),
            Err(Refusal::HeaderMissing { name: "Missing" })
        );
        assert_eq!(
            headers.need("Empty"),
            Err(Refusal::HeaderMissing { name: "Empty" })
        );
        for name in ["Twice", "Bytes"] {
            assert!(
                matches!(headers.get(name), Err(Refusal::HeaderUnusable { .. })),
                "{name}"
            );
        }
        assert!(matches!(headers.id("Dot"), Err(Refusal::HeaderUnusable { .. })));
        assert_eq!(
            format!("{headers:?}"),
            r#"["x-otus-id", "Twice", "tWICE", "Bytes", "Empty", "Dot"]"#
        );
    }
}
