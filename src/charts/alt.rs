//! The words for who cannot see the picture, and for a notification: what it says, not how it looks.

use crate::{scene::Scene, series::segments, thresholds::Threshold, words};

/// Slack refuses longer ones.
const LONGEST: usize = 1000;

/// At most 1000 characters that say what the picture says.
pub(crate) fn text(scene: &Scene<'_>) -> String {
    let (plot, chart) = (&scene.plot, scene.chart);
    let zone = words::zone(&chart.zone, scene.range.0);
    let range = format!(
        "{} {zone}",
        words::range(scene.range.0, scene.range.1, &chart.zone)
    );
    let title = short(chart.title.trim(), 200);
    let mut parts = Vec::new();
    if scene.page.part {
        // The range is said once, for all panels.
        parts.push(format!(
            "{title}:{}",
            if scene.is_empty() { " no data." } else { "" }
        ));
    } else if scene.is_empty() {
        parts.push(format!("{title}, {range}: no data."));
    } else if chart.cells.is_some() {
        parts.push(format!("{title}, heatmap, {range}."));
    } else {
        let count = scene.order.len();
        let many = if count == 1 {
            "1 series".to_owned()
        } else {
            format!("{count} series")
        };
        parts.push(format!("{title}, {many}, {range}."));
    }
    for i in &scene.order[..scene.named.min(scene.order.len())] {
        parts.push(sentence(scene, *i));
    }
    if let Some(total) = &scene.total {
        parts.push(format!(
            "Total: last {}, peak {} at {}.",
            scene.written(total.last),
            scene.written(total.max),
            time(scene, total.max_at)
        ));
    }
    if scene.order.len() > scene.named && !scene.is_empty() {
        let lower = if chart.series.iter().any(|s| s.dimmed) {
            ""
        } else {
            " with lower peaks"
        };
        parts.push(format!("{} more{lower}.", scene.order.len() - scene.named));
    }
    let events: Vec<String> = chart
        .markers
        .iter()
        .filter_map(|m| Some((m, m.seen(plot.start, plot.end)?)))
        .map(|(m, (from, to))| {
            let label = short(m.label.trim(), 80);
            match m.until {
                Some(_) => format!("{label} {}", span(scene, from, to)),
                None => format!("{label} at {}", time(scene, m.at)),
            }
        })
        .collect();
    if !events.is_empty() {
        parts.push(format!("Events: {}.", events.join(", ")));
    }
    joined(&parts)
}

/// "checkout: now 178 ms, peak 1.07 s at 10:49, above 500 ms 10:38–10:53."
fn sentence(scene: &Scene<'_>, i: usize) -> String {
    let name = short(&scene.names.each[i], 80);
    let Some(stats) = scene.stats[i] else {
        return format!("{name}: no data.");
    };
    let mut said = format!(
        "{name}: last {}, peak {} at {}",
        scene.written(stats.last),
        scene.written(stats.max),
        time(scene, stats.max_at),
    );
    if !scene.page.part {
        said += &format!(", lowest {}", scene.written(stats.min));
    }
    for (when, avg) in scene.facts(i).earlier {
        said += &format!(
            ", average {} against {} {}",
            scene.written(stats.avg),
            scene.written(avg),
            short(&when, 40)
        );
    }
    for limit in scene.chart.thresholds.iter().filter(|t| t.is_finite()) {
        if let Some((from, to)) = crossed(&scene.points[i], limit) {
            let side = match (limit.until, limit.above) {
                (Some(high), _) => format!(
                    "within {} to {}",
                    scene.unit.value(limit.value),
                    scene.unit.value(high)
                ),
                (None, true) => format!("above {}", scene.unit.value(limit.value)),
                (None, false) => format!("below {}", scene.unit.value(limit.value)),
            };
            said += &format!(", {side} {}", span(scene, from, to));
        }
    }
    let runs = segments(&scene.points[i], scene.step);
    if let [first, rest @ ..] = runs.as_slice()
        && let Some(second) = rest.first()
        && let (Some(from), Some(to)) = (first.last(), second.first())
    {
        let more = if rest.len() > 1 { " and later" } else { "" };
        said += &format!(", no data {}{more}", span(scene, from.0, to.0));
    }
    said + "."
}

/// From when to when a series was beyond a limit, first to last.
fn crossed(points: &[(f64, f64)], limit: &Threshold) -> Option<(f64, f64)> {
    let mut bad = points.iter().filter(|p| limit.is_bad(p.1)).map(|p| p.0);
    let first = bad.next()?;
    Some((first, bad.next_back().unwrap_or(first)))
}

fn time(scene: &Scene<'_>, at: f64) -> String {
    words::time(at, scene.range.0, scene.range.1, &scene.chart.zone)
}

fn span(scene: &Scene<'_>, from: f64, to: f64) -> String {
    let (from, to) = (time(scene, from), time(scene, to));
    if from == to {
        format!("at {from}")
    } else {
        format!("{from}–{to}")
    }
}

pub(crate) fn short(text: &str, longest: usize) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(longest + 1)
        .collect();
    match clean.char_indices().nth(longest) {
        None => clean,
        Some(_) => clean.chars().take(longest - 1).chain(['…']).collect(),
    }
}

/// Whole sentences, as many as fit.
pub(crate) fn joined(parts: &[String]) -> String {
    let mut all = String::new();
    let mut length = 0;
    for part in parts {
        let more = part.chars().count() + 1;
        if length + more > LONGEST - 2 {
            return all + " …";
        }
        if !all.is_empty() {
            all.push(' ');
        }
        all += part;
        length += more;
    }
    all
}
