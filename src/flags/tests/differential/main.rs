//! Purpose: random rules and contexts, evaluated here and by the OpenFeature project's own evaluators: the one for JavaScript,
//! which buckets as v2 says, and the one for Python, which buckets as v3 says. Every difference is one that is explained here.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

mod explained;
mod generate;
mod oracle;

use explained::explained;
use generate::{Case, Generator};
use oracle::{Found, Oracle};
use otus_flags::{Bucketing, Context, Document, Evaluator, FlagSet, Outcome};
use std::collections::BTreeMap;

/// So many documents, of ten flags with five contexts each.
const DOCUMENTS: u64 = 250;

fn ours(case: &Case, set: &FlagSet) -> Found {
    let context = Context::from_value(&case.context).unwrap();
    match Evaluator::new().evaluate(set, set.flag(&case.flag).unwrap(), &context, case.now) {
        Outcome::Variant { name, reason, .. } => Found::of(Some(name), Some(reason.name()), None),
        Outcome::CodeDefault(reason) => Found::of(None, Some(reason.name()), None),
        Outcome::Error(code, _) => Found::of(None, None, Some(code.name())),
    }
}

fn compare(bucketing: Bucketing) {
    let mut oracle = Oracle::start(bucketing);
    let mut generator = Generator::new(0x07a5);
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut reasons = BTreeMap::<&str, u32>::new();
    for _ in 0..DOCUMENTS {
        let (value, cases) = generator.document(bucketing);
        let set = FlagSet::compile("random", 1, &Document::read(&value).unwrap());
        assert_eq!(set.bucketing(), bucketing);
        let theirs = oracle.ask(&value, &cases);
        assert_eq!(theirs.len(), cases.len());
        for (case, theirs) in cases.iter().zip(theirs) {
            compared += 1;
            let ours = ours(case, &set);
            if ours == theirs {
                continue;
            }
            let rule = &value["flags"][&case.flag]["targeting"];
            match explained(bucketing, rule, &case.context, &theirs) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => wrong.push(format!(
                    "{rule}\n  for {}: {ours:?}, theirs {theirs:?}",
                    case.context
                )),
            }
        }
    }
    eprintln!("{compared} evaluations compared in {bucketing:?}; explained differences: {reasons:#?}");
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
    assert!(compared >= 10_000);
    let few = reasons.values().sum::<u32>() * 10 < compared;
    assert!(
        few,
        "so many differences are none that can be explained away: {reasons:#?}"
    );
}

#[test]
fn v2_is_what_the_official_evaluator_for_javascript_does() {
    compare(Bucketing::V2);
}

#[test]
fn v3_is_what_the_official_evaluator_for_python_does() {
    compare(Bucketing::V3);
}
