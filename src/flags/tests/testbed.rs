//! Purpose: the suite of the OpenFeature project for evaluators of flagd's documents (its flagd-testbed, folder `evaluator`).
//!
//! The suite is not part of this project. `OTUS_FLAGD_TESTBED` names the folder with its `gherkin` and `flags`; beside the
//! project's folder, `shared/data/flagd-testbed` is found by itself. Where there is none, the test says so and looks at nothing.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use otus_flags::{Context, Document, ErrorCode, Evaluator, FlagSet, Outcome};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data/flagd-testbed"));
    let named = std::env::var_os("OTUS_FLAGD_TESTBED").map(PathBuf::from);
    named
        .into_iter()
        .chain(beside)
        .find(|folder| folder.join("gherkin").is_dir())
}

#[test]
fn every_case_of_the_suite_holds() {
    let Some(folder) = folder() else {
        eprintln!("flagd-testbed is not here (OTUS_FLAGD_TESTBED names its folder): nothing was tested");
        return;
    };
    let text = std::fs::read_to_string(folder.join("flags/testkit-flags.json")).unwrap();
    let set = FlagSet::compile("testbed", 1, &Document::from_json(&text).unwrap());
    let mut files: Vec<_> = std::fs::read_dir(folder.join("gherkin"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "feature"))
        .collect();
    files.sort();
    let (mut cases, mut failures) = (0, Vec::new());
    for file in &files {
        for (name, steps) in scenarios(file) {
            cases += 1;
            let mut world = World::default();
            if let Some(failure) = steps.iter().find_map(|step| world.take(step, &set).err()) {
                failures.push(format!("{name}: {failure}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {cases}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        cases >= 125,
        "the suite has 125 cases without those for the abandoned bucketing, and {cases} were found"
    );
    eprintln!("{cases} cases of flagd-testbed hold");
}

/// A step with its table.
type Line = (String, Table);
type Table = Vec<Vec<String>>;

/// Where the next line belongs.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Nothing,
    Background,
    Scenario,
    Examples,
}

#[derive(Default)]
struct Scenario {
    name: String,
    steps: Vec<Line>,
    /// Each with its tags.
    examples: Vec<(bool, Table)>,
}

/// Scenarios with their examples filled in, without those of the abandoned bucketing.
fn scenarios(file: &Path) -> Vec<(String, Vec<Line>)> {
    let text = std::fs::read_to_string(file).unwrap();
    let (mut background, mut all) = (Vec::new(), Vec::<Scenario>::new());
    let (mut part, mut tags) = (Part::Nothing, String::new());
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let old = tags.contains("@fractional-v1");
        if line.starts_with('@') {
            tags.push_str(line);
            continue;
        } else if line.starts_with("Background:") {
            part = Part::Background;
        } else if let Some(name) = line
            .strip_prefix("Scenario Outline:")
            .or(line.strip_prefix("Scenario:"))
        {
            assert!(!old, "only examples are known to be tagged so");
            part = Part::Scenario;
            let name = name.trim().to_owned();
            all.push(Scenario {
                name,
                ..Scenario::default()
            });
        } else if line.starts_with("Examples:") {
            part = Part::Examples;
            all.last_mut().unwrap().examples.push((old, Table::new()));
        } else if let Some(row) = line.strip_prefix('|') {
            let row = row
                .strip_suffix('|')
                .unwrap()
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            match part {
                Part::Examples => all.last_mut().unwrap().examples.last_mut().unwrap().1.push(row),
                _ => all.last_mut().unwrap().steps.last_mut().unwrap().1.push(row),
            }
        } else if part != Part::Nothing {
            let step = ["Given ", "When ", "Then ", "And "]
                .iter()
                .find_map(|word| line.strip_prefix(word));
            let step = (step.expect(line).to_owned(), Table::new());
            match part {
                Part::Background => background.push(step),
                _ => all.last_mut().unwrap().steps.push(step),
            }
        }
        tags.clear();
    }
    all.into_iter()
        .flat_map(|scenario| filled(&background, scenario))
        .collect()
}

fn filled(background: &[Line], scenario: Scenario) -> Vec<(String, Vec<Line>)> {
    let steps: Vec<&Line> = background.iter().chain(&scenario.steps).collect();
    let fill = |values: &[(&String, &String)]| -> Vec<Line> {
        let put = |text: &str| {
            let text = values.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("<{name}>"), value)
            });
            // The files write quotes in cells with a backslash.
            text.replace("\\\"", "\"")
        };
        steps
            .iter()
            .map(|(step, table)| (put(step), table.clone()))
            .collect()
    };
    if scenario.examples.is_empty() {
        return vec![(scenario.name, fill(&[]))];
    }
    let tables = scenario.examples.iter().filter(|(old, _)| !old);
    let rows = tables.flat_map(|(_, table)| {
        table[1..].iter().map(|row| {
            let values: Vec<_> = table[0].iter().zip(row).collect();
            (format!("{} {row:?}", scenario.name), fill(&values))
        })
    });
    rows.collect()
}

#[derive(Default)]
struct World {
    kind: String,
    key: String,
    fallback: Value,
    context: Map<String, Value>,
    value: Value,
    reason: Option<&'static str>,
    error: Option<&'static str>,
    metadata: Map<String, Value>,
}

impl World {
    fn take(&mut self, (step, table): &Line, set: &FlagSet) -> Result<(), String> {
        let words: Vec<&str> = quoted(step);
        if step == "an evaluator" {
        } else if let Some((kind, _)) = step.split_once("-flag with key ") {
            self.kind = kind.trim_start_matches("a ").to_owned();
            self.key = words[0].to_owned();
            let (_, fallback) = step.split_once("fallback value \"").unwrap();
            self.fallback = typed(&self.kind, fallback.strip_suffix('"').unwrap());
        } else if step.starts_with("a context containing a key") {
            let value = typed(words[1], words[2]);
            self.context.insert(words[0].to_owned(), value);
        } else if step.starts_with("a context containing a targeting key") {
            self.context.insert("targetingKey".into(), words[0].into());
        } else if step.starts_with("a context containing a nested property") {
            self.context
                .insert(words[0].to_owned(), json!({ words[1]: words[2] }));
        } else if step == "the flag was evaluated with details" {
            self.evaluate(set);
        } else if step.starts_with("the resolved details value should be") {
            let start = step.find('"').unwrap() + 1;
            let wanted = typed(&self.kind, &step[start..step.len() - 1]);
            same(&self.value, &wanted)?;
        } else if step.starts_with("the reason should be") {
            same(&json!(self.reason), &json!(words[0]))?;
        } else if step.starts_with("the error-code should be") {
            same(&json!(self.error), &json!(words[0]))?;
        } else if step == "the resolved metadata should contain" {
            for row in &table[1..] {
                same(&self.metadata[&row[0]], &typed(&row[1], &row[2]))?;
            }
        } else if step == "the resolved metadata is empty" {
            same(&json!(self.metadata), &json!({}))?;
        } else {
            return Err(format!("there is a step that this test does not know: {step}"));
        }
        Ok(())
    }

    /// As an SDK does it: what is no value, or not one of the wanted type, is the fallback.
    fn evaluate(&mut self, set: &FlagSet) {
        self.value = self.fallback.clone();
        let Some(flag) = set.flag(&self.key) else {
            self.error = Some(ErrorCode::FlagNotFound.name());
            return;
        };
        self.metadata = flag.metadata().clone().into_iter().collect();
        let context = Context::from_value(&Value::Object(self.context.clone())).unwrap();
        match Evaluator::new().evaluate(set, flag, &context, 0) {
            Outcome::Variant { value, reason, .. } => {
                let fits = match self.kind.as_str() {
                    "Boolean" => value.is_boolean(),
                    "String" => value.is_string(),
                    "Integer" | "Float" => value.is_number(),
                    _ => value.is_object(),
                };
                if fits {
                    self.value = value.clone();
                    self.reason = Some(reason.name());
                } else {
                    self.error = Some("TYPE_MISMATCH");
                }
            }
            Outcome::CodeDefault(reason) => self.reason = Some(reason.name()),
            Outcome::Error(code, _) => self.error = Some(code.name()),
        }
    }
}

fn quoted(step: &str) -> Vec<&str> {
    step.split('"').skip(1).step_by(2).collect()
}

fn typed(kind: &str, text: &str) -> Value {
    match kind {
        "Boolean" => json!(text == "true"),
        "Integer" => json!(text.parse::<i64>().unwrap()),
        "Float" => json!(text.parse::<f64>().unwrap()),
        "Object" => serde_json::from_str(text).unwrap(),
        _ => json!(text),
    }
}

fn same(found: &Value, wanted: &Value) -> Result<(), String> {
    let equal = match (found.as_f64(), wanted.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-12,
        _ => found == wanted,
    };
    if equal {
        Ok(())
    } else {
        Err(format!("{found} instead of {wanted}"))
    }
}
