//! Grafana's thresholds, which are colours from a value on, as our limits, which have a bad side.

use otus_charts::{Level, Threshold};
use otus_monitoring::grafana::dashboards::{Field, Mood};

/// The limits of a field, in the size of values that `factor` gives.
pub(super) fn of(field: &Field, factor: f64) -> Vec<Threshold> {
    let steps = &field.thresholds.steps;
    let value = |at: usize| {
        let from = steps.get(at)?.from?;
        match (field.thresholds.percentage, field.min, field.max) {
            (false, ..) => Some(from * factor),
            // Per cent of the way; without ends there is no way, and 0 to 100 is meant.
            (true, min, max) => {
                let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(100.0));
                Some((min + (max - min) * from / 100.0) * factor)
            }
        }
    };
    let level = |mood: Mood| match mood {
        Mood::Good => None,
        Mood::Warning => Some(Level::Warning),
        Mood::Bad => Some(Level::Critical),
    };
    let mut limits = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let Some(level) = level(step.mood) else { continue };
        let before = at.checked_sub(1).and_then(|at| steps.get(at));
        let after = steps.get(at + 1);
        // What follows is worse, or nothing: it is bad from here on. What follows is better: it is bad until there.
        let upwards = after.is_none_or(|after| after.mood >= step.mood)
            && before.is_some_and(|before| before.mood <= step.mood);
        let limit = match (upwards, value(at), value(at + 1)) {
            (true, Some(from), _) => Threshold::above(from),
            (false, _, Some(until)) if before.is_none_or(|before| before.mood >= step.mood) => {
                Threshold::below(until)
            }
            (false, Some(from), Some(until)) => Threshold::between(from, until),
            _ => continue,
        };
        limits.push(limit.level(level));
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_monitoring::grafana::dashboards::{Step, Steps};

    fn limits(steps: &[(Option<f64>, Mood)]) -> Vec<Threshold> {
        let steps = steps
            .iter()
            .map(|(from, mood)| Step {
                from: *from,
                mood: *mood,
            })
            .collect();
        let thresholds = Steps {
            steps,
            percentage: false,
            drawn: true,
        };
        of(
            &Field {
                thresholds,
                ..Field::default()
            },
            2.0,
        )
    }

    #[test]
    fn colours_have_sides() {
        use Mood::{Bad, Good, Warning};
        let (warning, critical) = (Level::Warning, Level::Critical);
        assert_eq!(
            limits(&[(None, Good), (Some(80.0), Bad)]),
            [Threshold::above(160.0).level(critical)]
        );
        assert_eq!(
            limits(&[(None, Good), (Some(70.0), Warning), (Some(90.0), Bad)]),
            [
                Threshold::above(140.0).level(warning),
                Threshold::above(180.0).level(critical)
            ]
        );
        assert_eq!(
            limits(&[(None, Bad), (Some(10.0), Warning), (Some(50.0), Good)]),
            [
                Threshold::below(20.0).level(critical),
                Threshold::below(100.0).level(warning)
            ]
        );
        assert_eq!(
            limits(&[(None, Good), (Some(1.0), Bad), (Some(2.0), Good)]),
            [Threshold::between(2.0, 4.0).level(critical)]
        );
        assert_eq!(limits(&[(None, Good)]), []);
        assert_eq!(limits(&[(None, Bad)]), []);
    }

    #[test]
    fn per_cent_of_the_way() {
        let steps = vec![
            Step {
                from: None,
                mood: Mood::Good,
            },
            Step {
                from: Some(50.0),
                mood: Mood::Bad,
            },
        ];
        let thresholds = Steps {
            steps,
            percentage: true,
            drawn: true,
        };
        let field = Field {
            thresholds,
            min: Some(10.0),
            max: Some(30.0),
            ..Field::default()
        };
        assert_eq!(of(&field, 1.0), [Threshold::above(20.0)]);
    }
}
