//! What Otus writes on the objects it deploys.

/// What `kubectl rollout history` shows.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
/// The deploy's id.
pub const DEPLOY: &str = "otus.dev/deploy";
/// The image the other notes are about.
pub const IMAGE: &str = "otus.dev/image";
/// The version as the person named it.
pub const VERSION: &str = "otus.dev/version";
/// Who asked.
pub const BY: &str = "otus.dev/by";
/// When it was applied.
pub const AT: &str = "otus.dev/at";
/// The image before.
pub const PREVIOUS: &str = "otus.dev/previous";
/// The operation that laid hands on the object last, whether or not it changed the image.
pub const OPERATION: &str = "otus.dev/operation";
/// Which of its workers: the generation of its lease.
pub const GENERATION: &str = "otus.dev/generation";
/// When that operation was begun.
pub const STARTED: &str = "otus.dev/started";
/// A StatefulSet's partition before Otus held its rollout; empty when it is not held any more.
pub const PARTITION: &str = "otus.dev/partition";
/// Which step of an operation a Job is.
pub const STEP: &str = "otus.dev/step";
/// On a canary: the name of the Deployment it stands beside.
pub const CANARY_OF: &str = "otus.dev/canary-of";
/// The label of a canary and of its pods, by which it selects them.
pub const CANARY_LABEL: &str = "otus.dev/canary";
/// The label that says who made an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The label that says what an object is in its application.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";
/// The pods' label for the version.
pub const VERSION_LABEL: &str = "app.kubernetes.io/version";

/// A label's value made of any text: at most 63 letters, digits, `.`, `_` and `-`, beginning and ending with a
/// letter or digit. None when nothing is left.
#[must_use]
pub fn label_value(text: &str) -> Option<String> {
    let clean: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let start = clean.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let cut = &start[..start.len().min(63)];
    let value = cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        assert_eq!(label_value("v1.2.3").as_deref(), Some("v1.2.3"));
        assert_eq!(label_value("sha256:abc").as_deref(), Some("sha256-abc"));
        assert_eq!(label_value("_-."), None);
    }

    proptest! {
        #[test]
        fn always_a_label(text in "\\PC{0,200}") {
            if let Some(value) = label_value(&text) {
                prop_assert!(value.len() <= 63);
                prop_assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
                prop_assert!(value.starts_with(|c: char| c.is_ascii_alphanumeric()));
                prop_assert!(value.ends_with(|c: char| c.is_ascii_alphanumeric()));
            }
        }
    }
}
