//! What must hold for every input, however mad.

mod kinds;

use proptest::prelude::*;

use crate::{Axis, Chart, Level, Marker, Series, Shape, Theme, Threshold, Unit, sheet::Sheet};

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3_f64,
        1 => prop::num::f64::ANY,
        1 => Just(f64::NAN),
        1 => Just(f64::MAX),
        1 => Just(f64::MIN_POSITIVE),
        1 => Just(0.0),
    ]
}

fn moment() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 1.79e9..1.79e9 + 7200.0, 1 => prop::num::f64::ANY]
}

fn series() -> impl Strategy<Value = Series> {
    let points = prop::collection::vec((moment(), value()), 0..60);
    let labels = prop::collection::btree_map("[a-c]", "\\PC{0,12}", 0..3);
    (points, labels).prop_map(|(points, labels)| Series::labelled(labels, points))
}

prop_compose! {
    fn chart()(
        title in "\\PC{0,120}",
        query in prop_oneof![Just(String::new()), "\\PC{0,300}"],
        range in prop::option::of((moment(), moment(), value())),
        all in prop::collection::vec((series(), prop::option::weighted(0.2, "\\PC{0,20}")), 0..14),
        shape in prop::sample::select(vec![Shape::Line, Shape::Area, Shape::Stacked, Shape::Steps, Shape::Bars]),
        axis in prop::sample::select(vec![Axis::Linear, Axis::Log, Axis::Symlog]),
        limits in prop::collection::vec((value(), prop::option::of(value()), any::<bool>(), "\\PC{0,60}"), 0..4),
        marks in prop::collection::vec((moment(), "\\PC{0,60}", prop::option::of(moment()), any::<bool>()), 0..12),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
        unit in prop::option::of(prop::sample::select(vec![Unit::Seconds, Unit::Bytes, Unit::Ratio, Unit::Count])),
        light in any::<bool>(),
        size in prop::sample::select(vec![(1600, 800), (640, 320), (700, 2000), (0, 0)]),
        top in 0_usize..20,
    ) -> Chart {
        let all = all.into_iter().map(|(series, earlier)| match earlier {
            Some(when) if when.len() % 3 == 0 => series.dimmed(),
            Some(when) => series.earlier(when),
            None => series,
        });
        let mut chart = Chart::new(title).query(query).shape(shape).axis(axis).all_series(all).size(size.0, size.1).top(top);
        chart = chart.zone(jiff::tz::TimeZone::get(zone).expect("bundled"));
        if let Some((start, end, step)) = range {
            chart = chart.range(start, end, step);
        }
        for (value, until, above, label) in limits {
            let limit = match (until, above) {
                (Some(until), _) => Threshold::between(value, until),
                (None, true) => Threshold::above(value).level(Level::Warning),
                (None, false) => Threshold::below(value),
            };
            chart = chart.threshold(limit.label(label));
        }
        for (at, label, until, bad) in marks {
            let marker = Marker::new(at, label);
            let marker = match until {
                Some(until) => marker.until(until),
                None => marker,
            };
            chart = chart.marker(if bad { marker.level(Level::Critical) } else { marker });
        }
        if let Some(unit) = unit {
            chart = chart.unit(unit);
        }
        chart.theme(if light { Theme::Light } else { Theme::Dark })
    }
}

fn draw(chart: &Chart) -> Result<(Sheet, String), crate::ChartError> {
    chart.draw_on(&chart.look.page())
}

/// No text leaves the picture, and none is written over another.
fn check_texts(sheet: &Sheet, width: f32, height: f32) -> Result<(), TestCaseError> {
    for (i, (text, area)) in sheet.written.iter().enumerate() {
        prop_assert!(
            area.left >= 0.0 && area.top >= 0.0 && area.right <= width && area.bottom <= height,
            "{text:?} leaves the picture: {area:?}"
        );
        for (other, there) in &sheet.written[..i] {
            prop_assert!(
                !area.meets(there),
                "{text:?} {area:?} is over {other:?} {there:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_input_gives_a_picture(chart in chart()) {
        let (sheet, alt) = draw(&chart).expect("a picture");
        let (width, height) = chart.look.size;
        check_texts(&sheet, width as f32, height as f32)?;
        prop_assert!(alt.chars().count() <= 1000);
        prop_assert!(!alt.chars().any(char::is_control), "{alt:?}");
        prop_assert!(sheet.canvas.data().iter().skip(3).step_by(4).all(|alpha| *alpha == 255));
    }

    #[test]
    fn nothing_is_drawn_outside_the_plot(points in prop::collection::vec((1.79e9..1.79e9 + 3600.0, value()), 1..200),
                                         far in -1e12..1e12_f64) {
        let mut points = points;
        // What lies beyond the range must not pull a line out of the plot.
        points.push((1.79e9 - 1e6, far));
        let bare = Chart::new("t").range(1.79e9, 1.79e9 + 3600.0, 60.0).series(Series::new("a", points));
        let scene = crate::scene::Scene::of(&bare, &bare.look.page());
        for line in &scene.lines {
            for (t, v) in line.runs.iter().flatten().chain(&line.dots) {
                prop_assert!(v.is_finite() && t.is_finite());
                let (x, y) = (scene.plot.x(*t), scene.plot.y(*v));
                prop_assert!(x >= scene.plot.left - 0.5 && x <= scene.plot.right + 0.5, "{x}");
                prop_assert!(y >= scene.plot.top - 0.5 && y <= scene.plot.bottom + 0.5, "{y}");
            }
        }
    }

    #[test]
    fn no_shape_on_any_axis_leaves_its_ink_outside_the_frame(
        points in prop::collection::vec((1.79e9..1.79e9 + 3600.0, value()), 1..120),
        earlier in prop::collection::vec((1.79e9..1.79e9 + 3600.0, value()), 0..60),
        shape in prop::sample::select(vec![Shape::Line, Shape::Area, Shape::Stacked, Shape::Steps, Shape::Bars]),
        axis in prop::sample::select(vec![Axis::Linear, Axis::Log, Axis::Symlog]),
    ) {
        let chart = Chart::new("t")
            .range(1.79e9, 1.79e9 + 3600.0, 60.0)
            .shape(shape)
            .axis(axis)
            .series(Series::new("a", points))
            .series(Series::new("a", earlier).earlier("before"))
            .size(800, 400);
        let page = chart.look.page();
        let scene = crate::scene::Scene::of(&chart, &page);
        let (sheet, _) = chart.draw_on(&page).expect("a picture");
        let (plot, ink) = (&scene.plot, scene.colors.lines[0]);
        // Half a line's width may hang over.
        let inside = |x: f32, y: f32| {
            x >= plot.left - 3.0 && x <= plot.right + 3.0 && y >= plot.top - 3.0 && y <= plot.bottom + 3.0
        };
        for (i, pixel) in sheet.canvas.data().as_chunks::<4>().0.iter().enumerate() {
            let (x, y) = ((i % 800) as f32, (i / 800) as f32);
            // Below the plot stands the legend with its keys.
            if y < plot.bottom + 20.0 && !inside(x, y) {
                prop_assert!(pixel[..3] != [ink.0, ink.1, ink.2], "at {x}, {y}");
            }
        }
    }
}

#[test]
fn a_gap_shows_the_ground() {
    let points = (0..361).map(|i| {
        (
            1.79e9 + f64::from(i) * 10.0,
            if (150..210).contains(&i) { f64::NAN } else { 5.0 },
        )
    });
    let chart = Chart::new("t")
        .range(1.79e9, 1.79e9 + 3600.0, 10.0)
        .series(Series::new("a", points.collect()));
    let scene = crate::scene::Scene::of(&chart, &chart.look.page());
    let (sheet, alt) = draw(&chart).expect("a picture");
    let line = scene.colors.lines[0];
    let seen = |minute: f64| {
        let (x, y) = (
            scene.plot.x(1.79e9 + minute * 60.0) as usize,
            scene.plot.y(5.0) as usize,
        );
        (y - 3..y + 3).any(|y| sheet.canvas.data()[(y * 1600 + x) * 4..][..3] == [line.0, line.1, line.2])
    };
    assert!(seen(10.0) && seen(50.0));
    assert!(!seen(26.0) && !seen(30.0) && !seen(34.0));
    assert!(alt.contains("no data"), "{alt}");
}

#[test]
fn no_data_is_said() {
    let (sheet, alt) = draw(&Chart::new("Nothing").range(1.79e9, 1.79e9 + 3600.0, 10.0)).expect("a picture");
    assert!(sheet.written.iter().any(|(text, _)| text == "No data"));
    assert!(alt.ends_with("no data."), "{alt}");
}
