//! The flags that the demo begins with, and how they came to be so.

use jiff::{SignedDuration, Timestamp};
use otus_flags::{Author, Definition, Edit, FlagStore, GiveFault, Kept, Whom};
use serde_json::json;
use std::collections::BTreeMap;

/// Writes them.
pub(super) async fn remember(store: &dyn FlagStore, now: Timestamp) -> anyhow::Result<()> {
    let mut sets: BTreeMap<&str, Kept> = BTreeMap::new();
    for (hours, set, by, edit) in past()? {
        let kept = sets.remove(set).unwrap_or_else(|| Kept::new(set));
        let author = Author {
            by: by.into(),
            reason: None,
            at: now - SignedDuration::from_hours(hours),
            operation: None,
        };
        let (next, change) = kept.apply(&edit, &author)?;
        store.save(&next, &change).await?;
        sets.insert(set, next);
    }
    Ok(())
}

/// How many hours ago, where, by whom, what.
fn past() -> Result<Vec<(i64, &'static str, &'static str, Edit)>, GiveFault> {
    let put = |key: &str, definition: &Definition| Edit::Put {
        key: key.into(),
        definition: definition.clone(),
    };
    let staff = || Edit::Rule {
        name: "staff".into(),
        rule: json!({"ends_with": [{"var": "email"}, "@shop.example"]}),
    };
    let off = Definition::switch(false);
    let on = Definition::switch(true);
    let for_staff = off.give("on", &Whom::Group("staff".into()))?;
    let mut banner = off.clone();
    banner.variants = ["none", "spring", "summer"]
        .map(|name| (name.to_owned(), json!(name)))
        .into();
    banner.default_variant = Some("none".into());
    let tried = banner.give("summer", &Whom::Percent(50))?;
    Ok(vec![
        (1_100, "staging", "bob", staff()),
        (1_100, "production", "bob", staff()),
        (1_099, "staging", "bob", put("fast-checkout", &off)),
        (1_099, "production", "bob", put("fast-checkout", &off)),
        (1_098, "staging", "bob", put("fast-checkout", &on)),
        (1_080, "production", "bob", put("fast-checkout", &on)),
        (30, "staging", "bob", put("new-search", &off)),
        (30, "production", "bob", put("new-search", &off)),
        (28, "staging", "bob", put("new-search", &for_staff)),
        (6, "production", "bob", put("new-search", &for_staff)),
        (20, "staging", "ann", put("banner", &banner)),
        (20, "production", "ann", put("banner", &banner)),
        (2, "staging", "ann", put("banner", &tried)),
    ])
}
