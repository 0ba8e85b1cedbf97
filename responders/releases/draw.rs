//! The picture of deploys a day.

use jiff::tz::TimeZone;
use otus::File;
use otus_charts::{Chart, Picture, Series, Unit};

use crate::{dora::Day, stats::About, texts};

const DAY: f64 = 86_400.0;

/// The chart: what went out and what failed, day by day.
pub(crate) fn chart(about: &About, days: &[Day], zone: TimeZone) -> Chart {
    let points = |number: fn(&Day) -> usize| {
        days.iter()
            .map(|day| (day.at.as_second() as f64, number(day) as f64))
            .collect()
    };
    let ends = days.first().zip(days.last());
    let (start, end) = ends.map_or((0.0, DAY), |(first, last)| {
        (first.at.as_second() as f64, last.at.as_second() as f64)
    });
    let chart = Chart::new(texts::picture_title(about))
        .unit(Unit::Count)
        .range(start, end.max(start + DAY), DAY)
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
