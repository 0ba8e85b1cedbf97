//! From what the arms did to what is published: the same for all modes. Nothing in here may panic, whatever it calls.

use crate::{
    candidate::Candidate,
    experiment::Inner,
    guard::{TEXTLESS, cut},
    outcome::{Ended, Outcome, Shed, Stage, Verdict},
    report::{Context, Control, Ran, Report, Sample},
};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// What a candidate came to.
pub(crate) enum Came<O> {
    Value(O),
    Panicked(String),
    TimedOut,
    Cancelled,
    Shed(Shed),
}

/// A candidate that is over.
pub(crate) struct Over<O> {
    pub(crate) candidate: Arc<Candidate>,
    pub(crate) came: Came<O>,
    pub(crate) took: Option<Duration>,
}

/// The control, when it is over.
pub(crate) enum Gave<V> {
    Value(V),
    Panicked(String),
    /// It was done, but its value could not be copied.
    Lost,
}

/// Judges, records, publishes, and drops what the candidates made. Texts on what differed, for strict runs.
pub(crate) fn conclude<O>(
    inner: &Inner<O>,
    control: &Gave<&O>,
    (control_took, position): (Duration, usize),
    context: &Context,
    over: Vec<Over<O>>,
) -> Vec<String> {
    let ended = match control {
        Gave::Value(value)
            if inner.failures.guard(Stage::Compare, || (inner.is_error)(value)) == Some(true) =>
        {
            Ended::Error
        }
        Gave::Value(_) | Gave::Lost => Ended::Value,
        Gave::Panicked(said) => Ended::Panic(said.clone()),
    };
    let now = Instant::now();
    let mut ran = Vec::with_capacity(over.len());
    let mut values = Vec::with_capacity(over.len());
    for Over {
        candidate,
        came,
        took,
    } in over
    {
        let outcome = outcome(inner, control, &ended, &came);
        let value = if let Came::Value(value) = came {
            Some(value)
        } else {
            None
        };
        let sample = outcome.kind().differs().then(|| {
            let clean = |value: Option<&O>| {
                let clean = inner.clean.as_ref()?;
                inner
                    .failures
                    .guard(Stage::Clean, || cut(clean(value?)).into())
                    .flatten()
            };
            let sample = Arc::new(Sample {
                at: SystemTime::now(),
                candidate: candidate.name,
                kind: outcome.kind(),
                detail: outcome.detail().map(str::to_owned),
                control: if let Gave::Value(value) = control {
                    clean(Some(value))
                } else {
                    None
                },
                value: clean(value.as_ref()),
                context: context.clone(),
                control_duration: control_took,
                duration: took,
            });
            inner.samples.push(Arc::clone(&sample));
            sample
        });
        let opened = candidate.breaker.record(now, outcome.kind(), took, control_took);
        if opened && let Some(why) = candidate.breaker.open() {
            inner.each_sink(|sink| sink.stopped(&inner.name, candidate.name, &why));
        }
        values.push(value);
        ran.push(Ran {
            candidate,
            duration: took,
            outcome,
            sample,
        });
    }
    let report = Report {
        experiment: &inner.name,
        percent: inner.switch.percent(),
        context,
        control: Control {
            duration: control_took,
            ended,
            position,
        },
        candidates: &ran,
    };
    inner.each_sink(|sink| sink.publish(&report));
    values
        .into_iter()
        .flatten()
        .for_each(|value| inner.failures.dispose(value));
    if inner.strict() {
        differences(&report)
    } else {
        Vec::new()
    }
}

fn outcome<O>(inner: &Inner<O>, control: &Gave<&O>, ended: &Ended, came: &Came<O>) -> Outcome {
    let value = match came {
        Came::Value(value) => value,
        Came::Panicked(said) => {
            return match control {
                // Two payloads nobody can read may be the same, or not: a match that is none would be believed.
                Gave::Panicked(same) if same == said && said != TEXTLESS => Outcome::Match,
                _ => Outcome::Panic(said.clone()),
            };
        }
        Came::TimedOut => return Outcome::Timeout,
        Came::Cancelled => return Outcome::Cancelled,
        Came::Shed(why) => return Outcome::Shed(*why),
    };
    let control = match control {
        Gave::Value(control) => *control,
        Gave::Panicked(_) => return Outcome::Mismatch(Some("a value instead of a panic".into())),
        Gave::Lost => return Outcome::Undecided(Stage::Copy),
    };
    let judged = inner.failures.guard(Stage::Compare, || {
        let verdict = (inner.compare)(control, value);
        let error =
            matches!(verdict, Verdict::Mismatch(_)) && *ended == Ended::Value && (inner.is_error)(value);
        (verdict, error)
    });
    let (place, error) = match judged {
        None => return Outcome::Undecided(Stage::Compare),
        Some((Verdict::Match, _)) => return Outcome::Match,
        Some((Verdict::Ignored(reason), _)) => return Outcome::Ignored(reason),
        Some((Verdict::Mismatch(place), error)) => (place, error),
    };
    for (reason, known) in &inner.ignores {
        match inner.failures.guard(Stage::Ignore, || known(control, value)) {
            None => return Outcome::Undecided(Stage::Ignore),
            Some(true) => return Outcome::Ignored((*reason).into()),
            Some(false) => {}
        }
    }
    if error {
        Outcome::Error(place)
    } else {
        Outcome::Mismatch(place)
    }
}

fn differences(report: &Report<'_>) -> Vec<String> {
    let differs = report
        .candidates
        .iter()
        .filter(|ran| ran.outcome.kind().differs() || !ran.outcome.kind().counts());
    let text = differs.map(|ran| {
        let mut text = format!("{}: {}", ran.name(), ran.outcome.kind());
        if let Some(detail) = ran.outcome.detail() {
            text += &format!(" ({detail})");
        }
        if let Some(sample) = &ran.sample
            && let (Some(control), Some(value)) = (&sample.control, &sample.value)
        {
            text += &format!("\n    control:   {control}\n    candidate: {value}");
        }
        text
    });
    text.collect()
}

/// Fails the test that a strict experiment runs in.
pub(crate) fn fail<O>(inner: &Inner<O>, differences: &[String]) {
    assert!(
        differences.is_empty(),
        "the experiment {} differs\n  {}",
        inner.name,
        differences.join("\n  ")
    );
}
