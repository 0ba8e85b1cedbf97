//! What is said about gates.

use std::time::Duration;

use jiff::Timestamp;
use otus::markup::{bold, clean, code};
use otus_monitoring::gate::{Answer, Bound, Failure, Outcome, Unclear, Verdict};

use super::short;
use crate::gates::Watch;
use crate::words::{count, cut, duration, moment};

/// How much of what Prometheus said is repeated.
const QUOTE: usize = 300;

fn quote(why: &str) -> String {
    let why = clean(&cut(why, QUOTE)).replace('`', "'");
    why.trim_end_matches('.').to_owned()
}

/// A value in few digits.
fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => return "0".to_owned(),
        1000.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.2}"),
        0.0001.. => format!("{value:.5}"),
        _ => return format!("{value:.2e}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn against(value: f64, bound: Bound) -> String {
    format!("{} (good is {})", code(&number(value)), code(&bound.to_string()))
}

/// The section cannot be read.
pub(crate) fn bad_gates(service: &str, error: &str) -> String {
    format!(
        "The gates of {} cannot be read from {}: {error}. Correct them, and start me again.",
        code(service),
        code(&format!("services.{service}.gates"))
    )
}

/// For the operator.
pub(crate) fn gates_need_prometheus() -> &'static str {
    "gates ask Prometheus, and none is configured: set url below [prometheus], or take the gates out"
}

/// There is nobody to ask.
pub(crate) fn gates_without_prometheus(service: &str) -> String {
    format!(
        "{} has gates, and I know no Prometheus to ask. Set {} in my configuration, or take the gates out of it.",
        code(service),
        code("prometheus.url")
    )
}

/// They are not asked of what leads away from a version that failed.
pub(crate) fn gates_not_asked(running: &str) -> String {
    format!(
        "⚠️ The gates are not asked: {}, which is there now, failed, and this leads away from it.",
        code(&short(running))
    )
}

/// Prometheus takes its time.
pub(crate) fn no_answer_within(patience: Duration) -> String {
    format!("Prometheus did not answer within {}", duration(patience))
}

/// It is good before the start.
pub(crate) fn gate_ready(name: &str, value: f64) -> String {
    format!("Gate {}: {} now.", bold(name), code(&number(value)))
}

/// It is red before the start.
pub(crate) fn gate_red(name: &str, value: f64, bound: Bound) -> String {
    format!(
        "The gate {} is red already, before any change: {}. What is wrong now would hide what this deploy does. Mend that first, then \
         deploy again.",
        bold(name),
        against(value, bound)
    )
}

/// It became red between the plan and the change.
pub(crate) fn gate_red_by_now(name: &str, value: f64, bound: Bound) -> String {
    format!(
        "the gate {} has become red before the change: {}",
        bold(name),
        against(value, bound)
    )
}

/// Its query will never be answered.
pub(crate) fn gate_invalid(name: &str, why: &str) -> String {
    format!(
        "The gate {} would protect from nothing, so nothing is deployed: Prometheus does not take its query. It says: {}. Correct \
         {} of the gate in my configuration.",
        bold(name),
        quote(why),
        code("query")
    )
}

/// There is no data before the start.
pub(crate) fn gate_without_data(name: &str, why: &str) -> String {
    format!("⚠️ Gate {} has no data now: {}.", bold(name), quote(why))
}

/// Prometheus did not answer before the start.
pub(crate) fn gate_unanswered(name: &str, why: &str) -> String {
    format!("⚠️ Gate {} cannot be asked now: {}.", bold(name), quote(why))
}

/// One line for a gate: name, last value, bound, how far.
pub(crate) fn gate_line(watch: &Watch) -> String {
    let (name, bound) = (bold(watch.name()), watch.gate().bound());
    let value = match watch.last() {
        Some(Outcome::Pass { value } | Outcome::Fail { value, .. }) => against(*value, bound),
        Some(Outcome::NoData { .. }) => format!("no data (good is {})", code(&bound.to_string())),
        Some(Outcome::Error { .. }) => format!("no answer (good is {})", code(&bound.to_string())),
        None => format!("good is {}", code(&bound.to_string())),
    };
    let by = watch
        .answered()
        .map(|by| format!(", let through by {}", code(by)));
    match watch.gate().verdict() {
        Verdict::Passed { by_person: true, .. } => {
            format!("✓ Gate {name}: {value}{}", by.unwrap_or_default())
        }
        Verdict::Passed { passed, failed, .. } if watch.is_passed() => {
            let samples = i32::try_from(passed + failed).unwrap_or(i32::MAX);
            format!("✓ Gate {name}: {value}, {}", count(samples, "sample"))
        }
        Verdict::Failed { .. } => format!("✗ Gate {name}: {value}"),
        Verdict::Waiting {
            passed,
            failed,
            count,
            ..
        } => {
            format!("◦ Gate {name}: {value}, {} of {count}", passed + failed)
        }
        Verdict::Passed { .. } | Verdict::Asking { .. } => format!("◦ Gate {name}: {value}"),
    }
}

/// A gate stopped it.
pub(crate) fn gate_failed(name: &str, failure: &Failure, by: Option<&str>) -> String {
    match failure {
        Failure::Value { value, bound } => {
            format!("The gate {} is red: {}.", bold(name), against(*value, *bound))
        }
        Failure::NoData { why } => format!(
            "The gate {} has no data, which counts as bad for it: {}.",
            bold(name),
            quote(&why.to_string())
        ),
        Failure::Person { unclear } => format!(
            "The gate {} could not be judged ({}), and {} decided against it.",
            bold(name),
            quote(&unclear.to_string()),
            by.map_or_else(|| "somebody".to_owned(), code)
        ),
    }
}

/// The pods are well, and the gates are to say so, too.
pub(crate) fn gates_to_come(pods: i32) -> String {
    match pods {
        1 => "The only pod runs it and is well. It is live when the gates are passed.".to_owned(),
        _ => format!("All {pods} pods run it and are well. It is live when the gates are passed."),
    }
}

/// A person has to decide.
pub(crate) fn gate_asks(name: &str, why: &Unclear, since: Timestamp) -> String {
    let what = match why {
        Unclear::NoData(_) => "has no data",
        Unclear::Error(_) => "cannot be asked",
    };
    format!(
        "The gate {} {what} since {}: {}. Somebody has to decide; I go on asking, and take the question back when there is data.",
        bold(name),
        moment(since),
        quote(&why.to_string())
    )
}

/// The buttons for that: label and answer.
pub(crate) const GATE_ANSWERS: [(&str, &str); 3] =
    [("Let it through", "pass"), ("Stop it", "fail"), ("Wait", "wait")];

/// Nobody is asked.
pub(crate) fn no_gate_asks(gate: Option<&str>) -> String {
    match gate {
        Some(gate) => format!(
            "The gate {} of this deploy does not ask anybody right now.",
            code(&gate.replace('`', "'"))
        ),
        None => "No gate of this deploy asks anybody right now.".to_owned(),
    }
}

/// For the audit trail.
pub(crate) fn gate_was_answered(name: &str, answer: Answer) -> String {
    let what = match answer {
        Answer::Pass => "let through",
        Answer::Fail => "decided against",
        Answer::Wait => "given more time",
    };
    format!("The gate {name} was {what}.")
}

/// For who answered.
pub(crate) fn gate_answered(name: &str, answer: Answer) -> String {
    match answer {
        Answer::Pass => format!("The gate {} is let through.", bold(name)),
        Answer::Fail => format!("The gate {} stops the deploy.", bold(name)),
        Answer::Wait => format!("The gate {} gets more time.", bold(name)),
    }
}

/// What to do after a gate stopped a deploy.
pub(crate) fn gate_todo() -> &'static str {
    "Find out what this version does; the way out is another deploy."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_few_digits() {
        let told = [0.0, 0.01, 0.123_456_7, 2.5, 1234.5, 0.000_012, -3.0].map(number);
        assert_eq!(told, ["0", "0.01", "0.12346", "2.5", "1234", "1.20e-5", "-3"]);
    }
}
