//! Purpose: whether a document's rules make sense, before anybody is served by them.
//!
//! Reading refuses what has no meaning at all. What is found here would be served, too, as flagd serves it: with an error for the
//! flag it is in. So what people write is checked, and a file that somebody else serves already can be taken as it is.

mod rule;

use crate::{
    definition::{Definition, Document},
    fault::{Fault, perhaps},
};
use rule::Walk;

pub(crate) use rule::{broken, list, resolved};

/// All that is wrong with a document's rules.
#[must_use]
pub fn check(document: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in document.evaluators.keys() {
        faults.extend(check_evaluator(document, name));
    }
    for (key, flag) in &document.flags {
        check_flag(document, flag, &format!("flags.{key}"), &mut faults);
    }
    faults
}

/// All that is wrong with one shared rule.
pub(crate) fn check_evaluator(document: &Document, name: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(rule) = document.evaluators.get(name) {
        Walk::evaluator(document, &mut faults).operand(rule, &format!("$evaluators.{name}"));
    }
    faults
}

/// All that is wrong with one flag's rules, beside the others of its set.
pub(crate) fn check_flag(document: &Document, flag: &Definition, path: &str, faults: &mut Vec<Fault>) {
    if let Some(default) = &flag.default_variant
        && !flag.variants.contains_key(default)
    {
        let near = perhaps(default, flag.variants.keys().map(String::as_str));
        let what = format!("there is no variant `{default}`{near}");
        faults.push(Fault::new(format!("{path}.defaultVariant"), what));
    }
    if let Some(rule) = &flag.targeting {
        Walk::flag(document, flag, faults).result(rule, &format!("{path}.targeting"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn said(rule: Value) -> Vec<String> {
        let document = json!({
            "flags": {"nav": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "of", "targeting": rule}},
            "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}},
        });
        let faults = check(&Document::read(&document).unwrap());
        assert_eq!(
            faults[0].to_string(),
            "`flags.nav.defaultVariant`: there is no variant `of`; did you mean `off`?"
        );
        faults[1..].iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_makes_sense_is_not_touched() {
        for rule in [
            json!({"if": [{"$ref": "staff"}, "on", {"==": [{"var": "plan"}, "pro"]}, "off", null]}),
            json!({"fractional": [["on", 10], ["off", 90]]}),
            json!({"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "email"}]}, ["on"], ["off"]]}),
            json!({"if": [{"in": [{"var": "country"}, ["de", "at"]]}, {"var": "wish"}]}),
            json!({"if": [{"sem_ver": [{"var": "version"}, ">=", "1.2.0"]}, "on", "off"]}),
            json!({"if": [{"some": [{"var": "teams"}, {"==": [{"var": ""}, "web"]}]}, "on"]}),
        ] {
            assert_eq!(said(rule.clone()), Vec::<String>::new(), "{rule}");
        }
    }

    #[test]
    fn what_makes_none_is_said_with_its_place() {
        for (rule, fault) in [
            (
                json!({"if": [true, "onn"]}),
                "`flags.nav.targeting.if[1]`: there is no variant `onn`; did you mean `on`?",
            ),
            (
                json!({"if": [{"$ref": "stuff"}, "on"]}),
                "`flags.nav.targeting.if[0].$ref`: there is no evaluator `stuff`; did you mean `staff`?",
            ),
            (
                json!({"if": [{"starts_wiht": [{"var": "a"}, "b"]}, "on"]}),
                "`flags.nav.targeting.if[0].starts_wiht`: there is no such operator; did you mean `starts_with`?",
            ),
            (
                json!({"if": [{"starts_with": [{"var": "a"}]}, "on"]}),
                "`flags.nav.targeting.if[0].starts_with`: this takes 2 arguments, and has 1",
            ),
            (
                json!({"if": [{"sem_ver": [{"var": "a"}, "==", "1.0.0"]}, "on"]}),
                "`flags.nav.targeting.if[0].sem_ver[1]`: versions are compared by =, !=, <, <=, >, >=, ^ or ~",
            ),
            (
                json!({"if": [{"sem_ver": [{"var": "a"}, "=", "one"]}, "on"]}),
                "`flags.nav.targeting.if[0].sem_ver[2]`: \"one\" is no version",
            ),
            (
                json!({"fractional": [["on", 10], "off"]}),
                "`flags.nav.targeting.fractional[1]`: a share is a list of a variant and its weight, such as [\"on\", 10]",
            ),
            (
                json!({"fractional": [["on", 1.5], ["off", 1]]}),
                "`flags.nav.targeting.fractional[0][1]`: a weight is a whole number from 0",
            ),
            (
                json!({"fractional": [["on", 2_147_483_647], ["off", 1]]}),
                "`flags.nav.targeting.fractional`: the weights add up to 2147483648, and the most is 2147483647",
            ),
            (
                json!({"fractional": [["on", 0]]}),
                "`flags.nav.targeting.fractional`: all weights are 0, so nobody gets anything",
            ),
            (
                json!({"==": [{"var": "a"}, 1]}),
                "`flags.nav.targeting`: this answers true or false, and there are no variants `true` and `false`: write {\"if\": [<this>, \"<a variant>\"]}",
            ),
            (
                json!({"if": [true, "on"], "else": "off"}),
                "`flags.nav.targeting`: a rule is an object with one operator, and this has `else` and `if`",
            ),
            (
                json!({"if": [{"<": [{"var": "$flagd.time"}, 5]}, "on"]}),
                "`flags.nav.targeting.if[0].<[0].var`: of $flagd there are `$flagd.flagKey` and `$flagd.timestamp`",
            ),
        ] {
            assert_eq!(said(rule.clone()), [fault], "{rule}");
        }
    }

    #[test]
    fn an_evaluator_refers_to_no_other() {
        let document = json!({"flags": {}, "$evaluators": {"a": {"!": [{"$ref": "b"}]}, "b": {"var": "x"}}});
        let faults = check(&Document::read(&document).unwrap());
        assert_eq!(
            faults[0].to_string(),
            "`$evaluators.a.![0].$ref`: an evaluator cannot refer to another: write its rule out"
        );
    }
}
