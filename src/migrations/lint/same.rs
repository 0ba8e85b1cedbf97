//! Purpose: how squawk's rules and ours lie to each other.

/// What an agreement to destroy something answers. Not what CASCADE would destroy beside it.
pub(super) const AGREED: &[&str] = &[
    "ban-drop-column",
    "ban-drop-table",
    "ban-drop-view",
    "ban-drop-sequence",
    "ban-drop-type",
    "ban-drop-function",
    "ban-drop-trigger",
    "ban-drop-domain",
    "renaming-column",
    "renaming-table",
];

/// A rule of squawk, and the rule of ours that says the same.
pub(super) const SAME: &[(&str, &str)] = &[
    ("constraint-missing-not-valid", "adding-foreign-key-constraint"),
    ("constraint-missing-not-valid", "disallowed-unique-constraint"),
    ("constraint-missing-not-valid", "adding-serial-primary-key-field"),
    ("constraint-missing-not-valid", "exclusion-constraint"),
    ("constraint-missing-not-valid", "primary-key-reads"),
    ("constraint-missing-not-valid", "adding-not-nullable-field"),
    ("adding-serial-primary-key-field", "primary-key-reads"),
    ("adding-serial-primary-key-field", "adding-field-with-default"),
    ("adding-field-with-default", "adding-serial-primary-key-field"),
    ("adding-required-field", "adding-field-with-default"),
    ("ban-alter-policy-roles", "changing-rights"),
    ("ban-drop-constraint", "cascade"),
    ("ban-drop-generated-expression", "ban-alter-identity"),
    ("ban-alter-domain-with-add-constraint", "changing-domain"),
    ("ban-drop-constraint", "changing-domain"),
    ("ban-alter-generated-expression", "adding-field-with-default"),
    ("ban-alter-sequence-values", "ban-alter-identity"),
    ("ban-detach-inheritance", "detaching-partition"),
];

/// Rules of squawk whose harm is a matter of size.
pub(super) const SCALING: &[&str] = &[
    "require-concurrent-index-creation",
    "require-concurrent-reindex",
    "constraint-missing-not-valid",
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "changing-column-type",
    "adding-not-nullable-field",
    "adding-serial-primary-key-field",
    "disallowed-unique-constraint",
    "ban-alter-generated-expression",
];
