//! Short names: a series is called by the labels that differ, and what is common to all is said once.

use crate::series::Series;

/// The names of all series, and the labels they share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Names {
    pub(crate) each: Vec<String>,
    pub(crate) common: Vec<(String, String)>,
}

/// Names the series of one chart.
pub(crate) fn names(series: &[&Series]) -> Names {
    let common: Vec<(String, String)> = match series {
        [] | [_] => Vec::new(),
        [first, rest @ ..] => first
            .labels
            .iter()
            .filter(|pair| rest.iter().all(|s| s.labels.contains(pair)))
            .cloned()
            .collect(),
    };
    let mut keys: Vec<&str> = series
        .iter()
        .flat_map(|s| s.labels.iter().map(|(k, _)| k.as_str()))
        .filter(|k| !common.iter().any(|(c, _)| c == k))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    // A bare value is enough when nobody can wonder which label it belongs to.
    let bare = keys.len() == 1 || keys == ["__name__"];

    let mut each: Vec<String> = series.iter().map(|s| name(s, &common, bare)).collect();
    number_twins(&mut each);
    // The metric's name is in the query already.
    let common = common.into_iter().filter(|(k, _)| k != "__name__").collect();
    Names { each, common }
}

fn name(series: &Series, common: &[(String, String)], bare: bool) -> String {
    if let Some(name) = series.name.as_deref().filter(|n| !n.trim().is_empty()) {
        return name.to_owned();
    }
    let own: Vec<&(String, String)> = series
        .labels
        .iter()
        .filter(|pair| !common.contains(pair))
        .collect();
    let metric = own.iter().find(|(k, _)| k == "__name__").map(|(_, v)| v.as_str());
    let rest: Vec<String> = own
        .iter()
        .filter(|(k, _)| k != "__name__")
        .map(|(k, v)| match (bare, v.is_empty()) {
            (_, true) => format!("no {k}"),
            (true, _) => v.clone(),
            (false, _) => format!("{k}={v}"),
        })
        .collect();
    match (metric, rest.is_empty()) {
        (Some(metric), true) => metric.to_owned(),
        (Some(metric), false) => format!("{metric} {}", rest.join(" ")),
        (None, false) => rest.join(" "),
        (None, true) => "value".to_owned(),
    }
}

/// Two series of one name would be told apart by nothing.
fn number_twins(names: &mut [String]) {
    let plain = names.to_vec();
    for (i, name) in names.iter_mut().enumerate() {
        let before = plain[..i].iter().filter(|other| *other == &plain[i]).count();
        if before > 0 {
            *name = format!("{name} ({})", before + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[&[(&str, &str)]]) -> Names {
        let series: Vec<Series> = labels
            .iter()
            .map(|l| Series::labelled(l.iter().copied(), Vec::new()))
            .collect();
        names(&series.iter().collect::<Vec<_>>())
    }

    #[test]
    fn only_what_differs_is_in_the_name() {
        let names = of(&[
            &[("service", "checkout"), ("quantile", "0.95")],
            &[("service", "payments"), ("quantile", "0.95")],
        ]);
        assert_eq!(names.each, ["checkout", "payments"]);
        assert_eq!(names.common, [("quantile".to_owned(), "0.95".to_owned())]);
    }

    #[test]
    fn two_differing_labels_are_named() {
        let names = of(&[
            &[("service", "api"), ("code", "200"), ("__name__", "x")],
            &[("service", "web"), ("code", "500"), ("__name__", "x")],
        ]);
        assert_eq!(names.each, ["code=200 service=api", "code=500 service=web"]);
        assert_eq!(names.common, []);
    }

    #[test]
    fn one_series_keeps_its_labels() {
        assert_eq!(of(&[&[("service", "checkout")]]).each, ["checkout"]);
        assert_eq!(of(&[&[("__name__", "up"), ("job", "api")]]).each, ["up job=api"]);
        assert_eq!(of(&[&[]]).each, ["value"]);
    }

    #[test]
    fn twins_are_numbered() {
        assert_eq!(of(&[&[("a", "b")], &[("a", "b")]]).each, ["value", "value (2)"]);
    }
}
