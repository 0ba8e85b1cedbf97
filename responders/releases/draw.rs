//! The picture of deploys a day.

use jiff::tz::TimeZone;
use otus::File;
use otus_charts::{Chart, Picture, Series, Unit};

use crate::{dora::Day, stats::About, texts};

const DAY: f64 = 86_400.0;

/// The chart: what went out and what failed, day by day.
pub(crate) fn chart(about: &About, days: &[Day], zone: TimeZone) -> Chart {
    let ends = days.first().zip(days.last());
    let (start, end) = ends.map_or((0.0, DAY), |(first, last)| {
        (first.at.as_second() as f64, last.at.as_second() as f64 + DAY)
    });
    // A day is a step as wide as it is: a slope would show deploys between two days. The day that clocks change on is an hour
    // longer or shorter.
    let nexts: Vec<f64> = days
        .iter()
        .skip(1)
        .map(|day| day.at.as_second() as f64)
        .chain([end])
        .collect();
    let points = |number: fn(&Day) -> usize| {
        let steps = days.iter().zip(&nexts);
        steps
            .flat_map(|(day, next)| {
                let number = number(day) as f64;
                [(day.at.as_second() as f64, number), (next - 1.0, number)]
            })
            .collect()
    };
    let chart = Chart::new(texts::picture_title(about))
        .unit(Unit::Count)
        .range(start, end, DAY)
        .zone(zone)
        .series(Series::new(texts::LIVE, points(|day| day.live)));
    match days.iter().any(|day| day.failed > 0) {
        true => chart.series(Series::new(texts::FAILED, points(|day| day.failed))),
        false => chart,
    }
}

/// The file to upload.
pub(crate) fn file(about: &About, picture: Picture, title: String) -> File {
    let what = about.service.as_deref().unwrap_or("all");
    File {
        name: format!("deploys-{what}-{}d.png", about.days),
        title,
        alt: Some(picture.alt),
        comment: None,
        bytes: picture.png,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// With `STATS_PICTURE` set to a path, the picture is written there to be looked at.
    #[test]
    fn a_month_of_deploys_is_drawn() {
        let day = |number: i64| {
            let at: Timestamp = "2026-10-24T00:00:00Z".parse().unwrap();
            Day {
                at: at + jiff::SignedDuration::from_hours(24 * number),
                live: usize::try_from((number * 7 + 3) % 5 + number / 10).unwrap(),
                failed: usize::from(number % 9 == 4),
            }
        };
        let days: Vec<Day> = (0..30).map(day).collect();
        let about = About {
            service: Some("api".into()),
            environments: vec!["production".into()],
            from: days[0].at,
            to: days[29].at,
            days: 30,
            cut: false,
        };
        let picture = chart(&about, &days, TimeZone::UTC).render().unwrap();
        if let Ok(path) = std::env::var("STATS_PICTURE") {
            std::fs::write(path, &picture.png).unwrap();
        }
        assert!(
            picture
                .alt
                .starts_with("Deploys of api to production a day, the last 30 days, 2 series"),
            "{}",
            picture.alt
        );
        let file = file(&about, picture, "t".into());
        assert_eq!(
            (file.name.as_str(), file.title.as_str()),
            ("deploys-api-30d.png", "t")
        );
    }
}
