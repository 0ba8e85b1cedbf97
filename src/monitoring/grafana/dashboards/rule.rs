//! Purpose: alert rules that Grafana evaluates itself: what they ask, and what they compare it with, so that an alert has a graph.
//!
//! A rule is a list of queries and expressions, of which one is its condition
//! (<https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rules/queries-conditions/>). From the condition the way leads
//! by thresholds, reductions and the like to the query of a data source: that is what is drawn.

use super::{
    board::{Open, Results, Span},
    expand::Shown,
    json::{list, text},
    model::{Dashboard, Panel},
};
use crate::{
    grafana::{Grafana, GrafanaError},
    threshold::{self, Bad, Limit},
};
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// No rule has a longer way from its condition to its query; one that goes in circles is given up.
const LONGEST: usize = 16;

/// A rule, as far as a graph needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// What it is called.
    pub title: String,
    /// The query, where it is PromQL: without the comparison that may be in it.
    pub query: String,
    /// With what the query's values are compared, if with one number, and without being computed with before.
    pub limit: Option<Limit>,
    panel: Panel,
}

impl AlertRule {
    /// The uid of a rule, by the address that Grafana gives with an alert: `<grafana>/alerting/grafana/<uid>/view`. Nothing where that is
    /// another Grafana than the one at `base`, which is the only one that is asked.
    #[must_use]
    pub fn uid_in(base: &Url, generator_url: &str) -> Option<String> {
        let url = Url::parse(generator_url).ok()?;
        let same =
            url.host_str() == base.host_str() && url.port_or_known_default() == base.port_or_known_default();
        let path = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
        let uid = path.strip_prefix("/alerting/grafana/")?.split('/').next()?;
        let plain = !uid.is_empty()
            && uid.len() <= 64
            && uid
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (same && plain).then(|| uid.to_owned())
    }

    /// From Grafana's JSON, of the ruler's API or of provisioning. Nothing, where no query leads to the condition.
    #[must_use]
    pub fn read(written: &Value) -> Option<Self> {
        let rule = match &written["grafana_alert"] {
            Value::Null => written,
            inner => inner,
        };
        let title = text(rule, &["title"]).unwrap_or_default().to_owned();
        let data = list(rule, &["data"]);
        let of = |reference: &str| data.iter().find(|one| text(one, &["refId"]) == Some(reference));
        let mut at = of(text(rule, &["condition"])?)?;
        let mut limit = None;
        // Once something is computed with the values, the limit is no longer one of the query's.
        let mut computed = false;
        for _ in 0..LONGEST {
            let model = &at["model"];
            if text(at, &["datasourceUid"]) != Some("__expr__")
                && text(at, &["datasourceUid"]) != Some("-100")
            {
                return Some(Self::of_query(title, at, limit.filter(|_| !computed)));
            }
            let next = match text(model, &["type"])? {
                "threshold" => {
                    limit = limit.or_else(|| evaluated(&model["conditions"][0]["evaluator"]));
                    text(model, &["expression"])?.trim_start_matches('$')
                }
                "classic_conditions" => {
                    let first = &model["conditions"][0];
                    limit = limit.or_else(|| evaluated(&first["evaluator"]));
                    first["query"]["params"][0].as_str()?
                }
                "math" => {
                    let (reference, compared) = math(text(model, &["expression"])?)?;
                    match compared {
                        Some(found) => limit = limit.or(Some(found)),
                        None => computed = true,
                    }
                    reference
                }
                _ => text(model, &["expression"])?.trim_start_matches('$'),
            };
            at = data.iter().find(|one| text(one, &["refId"]) == Some(next))?;
        }
        None
    }

    fn of_query(title: String, query: &Value, limit: Option<Limit>) -> Self {
        let uid = text(query, &["datasourceUid"]).unwrap_or_default();
        let mut target = query["model"].clone();
        target["refId"] = query["refId"].clone();
        // It is asked for a moment, and drawn over time.
        target["instant"] = false.into();
        target["range"] = true.into();
        target["hide"] = false.into();
        let expr = text(&target, &["expr"]).unwrap_or_default().to_owned();
        let mut limit = limit;
        let mut asked = expr.clone();
        // `up == 0` with a condition of its own: the left side is what is drawn.
        if let [curve] = threshold::split(&expr).as_slice()
            && curve.limit.is_some()
        {
            limit = curve.limit;
            curve.query.clone_into(&mut asked);
            target["expr"] = asked.as_str().into();
        }
        let panel = Panel::read(&json!({
            "type": "timeseries", "title": title, "datasource": { "uid": uid }, "targets": [target],
        }));
        Self {
            title,
            query: asked,
            limit,
            panel,
        }
    }
}

/// A condition with one side.
fn evaluated(evaluator: &Value) -> Option<Limit> {
    let bad = match text(evaluator, &["type"])? {
        "gt" => Bad::Above,
        "gte" => Bad::AtLeast,
        "lt" => Bad::Below,
        "lte" => Bad::AtMost,
        "eq" => Bad::Equal,
        "ne" => Bad::NotEqual,
        _ => return None,
    };
    let value = evaluator["params"][0].as_f64()?;
    Some(Limit { bad, value })
}

/// `$B > 0.2` and `${B} > 0.2` compare a result as it is; of everything else the first result that it takes counts.
fn math(expression: &str) -> Option<(&str, Option<Limit>)> {
    let after = &expression[expression.find('$')? + 1..];
    let (reference, rest) = match after.strip_prefix('{') {
        Some(inside) => inside.split_once('}')?,
        None => {
            let end = after
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            after.split_at(end)
        }
    };
    let alone = expression.trim_start().starts_with('$');
    let rest = rest.trim();
    let signs = rest.len() - rest.trim_start_matches(['<', '>', '=', '!']).len();
    let (sign, number) = rest.split_at(signs);
    let bad = match sign {
        ">" => Some(Bad::Above),
        ">=" => Some(Bad::AtLeast),
        "<" => Some(Bad::Below),
        "<=" => Some(Bad::AtMost),
        "==" => Some(Bad::Equal),
        "!=" => Some(Bad::NotEqual),
        _ => None,
    };
    let value = number.trim().parse().ok().filter(|_| alone);
    let limit = bad.zip(value).map(|(bad, value)| Limit { bad, value });
    Some((reference, limit))
}

impl Grafana {
    /// An alert rule by its uid.
    ///
    /// # Errors
    /// [`GrafanaError::Missing`] when there is none, or none whose query can be found; any other of [`GrafanaError`].
    pub async fn alert_rule(&self, uid: &str) -> Result<AlertRule, GrafanaError> {
        // The first is open to who may see rules; the second is older, and needs a right of its own.
        let ways = [
            format!("/api/ruler/grafana/api/v1/rule/{uid}"),
            format!("/api/v1/provisioning/alert-rules/{uid}"),
        ];
        let mut last = None;
        for way in ways {
            match self.rule_at(&way).await {
                Ok(Some(written)) => {
                    return AlertRule::read(&written).ok_or_else(|| GrafanaError::Missing {
                        url: self.url().to_owned(),
                        what: format!("query in the alert rule {uid} that leads to its condition"),
                    });
                }
                Ok(None) => {}
                Err(error @ GrafanaError::NotAllowed { .. }) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| GrafanaError::Missing {
            url: self.url().to_owned(),
            what: format!("alert rule {uid}"),
        }))
    }

    /// What a rule asks, over time.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn alert_courses(&self, rule: &AlertRule, span: &Span) -> Result<Results, GrafanaError> {
        let open = Open {
            dashboard: Dashboard::default(),
            sources: Arc::new(self.sources().await?),
            grafana: self.clone(),
        };
        let shown = Shown {
            title: rule.title.clone(),
            panel: rule.panel.clone(),
            row: String::new(),
            meanings: super::Meanings::default(),
        };
        open.fetch(&shown, span).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(data: &Value, condition: &str) -> Option<AlertRule> {
        AlertRule::read(&json!({ "title": "p95", "condition": condition, "data": data }))
    }

    fn asks(expr: &str) -> Value {
        json!({ "refId": "A", "datasourceUid": "prom", "model": { "expr": expr, "instant": true, "range": false } })
    }

    fn computes(reference: &str, model: Value) -> Value {
        json!({ "refId": reference, "datasourceUid": "__expr__", "model": model })
    }

    fn limit(bad: Bad, value: f64) -> Option<Limit> {
        Some(Limit { bad, value })
    }

    #[test]
    fn the_way_from_the_condition_to_the_query_is_found() {
        let reduce = computes(
            "B",
            json!({ "type": "reduce", "expression": "A", "reducer": "last" }),
        );
        let over = |kind: &str| {
            computes(
                "C",
                json!({ "type": "threshold", "expression": "B", "conditions": [{ "evaluator": { "type": kind, "params": [0.2, 0] } }] }),
            )
        };
        let found = rule(&json!([asks("p95"), reduce, over("gt")]), "C").unwrap();
        assert_eq!(
            (found.query.as_str(), found.limit),
            ("p95", limit(Bad::Above, 0.2))
        );
        let target = found.panel.targets[0].clone();
        assert!(target.range && !target.instant && !target.hidden);
        let found = rule(&json!([asks("p95"), reduce, over("within_range")]), "C").unwrap();
        assert_eq!(found.limit, None);
        // The rule as the ruler has it.
        let inner = json!({ "title": "p95", "condition": "C", "data": [asks("p95"), reduce, over("lte")] });
        let found = AlertRule::read(&json!({ "expr": "", "grafana_alert": inner })).unwrap();
        assert_eq!(found.limit, limit(Bad::AtMost, 0.2));
        let classic = computes(
            "B",
            json!({ "type": "classic_conditions", "conditions": [{ "evaluator": { "type": "lt", "params": [3] }, "query": { "params": ["A"] } }] }),
        );
        let found = rule(&json!([asks("orders"), classic]), "B").unwrap();
        assert_eq!(
            (found.query.as_str(), found.limit),
            ("orders", limit(Bad::Below, 3.0))
        );
    }

    #[test]
    fn what_is_computed_with_has_no_limit_of_its_own() {
        let math = |expression: &str| computes("B", json!({ "type": "math", "expression": expression }));
        let of = |expression: &str| rule(&json!([asks("x"), math(expression)]), "B").map(|rule| rule.limit);
        assert_eq!(of("$A > 5"), Some(limit(Bad::Above, 5.0)));
        assert_eq!(of(" ${A} <= -1.5 "), Some(limit(Bad::AtMost, -1.5)));
        assert_eq!(of("$A * 100 > 5"), Some(None));
        assert_eq!(of("abs($A) > 5"), Some(None));
        assert_eq!(of("1 > 0"), None);
        let scaled = json!([
            asks("x"),
            math("$A * 100"),
            computes(
                "C",
                json!({ "type": "threshold", "expression": "$B", "conditions": [{ "evaluator": { "type": "gt", "params": [5] } }] })
            ),
        ]);
        assert_eq!(rule(&scaled, "C").unwrap().limit, None);
    }

    #[test]
    fn a_comparison_in_the_query_is_its_limit() {
        let found = rule(&json!([asks("up == 0")]), "A").unwrap();
        assert_eq!(
            (found.query.as_str(), found.limit),
            ("up", limit(Bad::Equal, 0.0))
        );
        assert_eq!(found.panel.targets[0].expr, "up");
    }

    #[test]
    fn what_leads_nowhere_is_no_rule() {
        let circle = json!([
            computes("A", json!({ "type": "reduce", "expression": "B" })),
            computes("B", json!({ "type": "reduce", "expression": "A" })),
        ]);
        assert_eq!(rule(&circle, "A"), None);
        assert_eq!(rule(&json!([asks("x")]), "Z"), None);
        assert_eq!(AlertRule::read(&json!("nothing")), None);
    }

    #[test]
    fn only_the_grafana_that_is_configured_is_asked() {
        let base = Url::parse("https://example.com/grafana/").unwrap();
        let of = |url: &str| AlertRule::uid_in(&base, url);
        assert_eq!(
            of("https://example.com/grafana/alerting/grafana/a1-B_2/view?orgId=1").as_deref(),
            Some("a1-B_2")
        );
        for other in [
            "https://elsewhere.com/grafana/alerting/grafana/a1/view",
            "https://example.com:8443/grafana/alerting/grafana/a1/view",
            "https://example.com/alerting/grafana/a1/view",
            "https://example.com/grafana/alerting/grafana/%2e%2e/view",
            "https://example.com/grafana/alerting/grafana//view",
            "https://example.com/grafana/graph?g0.expr=up",
            "none",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
