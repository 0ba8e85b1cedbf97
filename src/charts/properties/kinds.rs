//! The other kinds of pictures, alone and together.

use proptest::prelude::*;

use super::{check_texts, series, value};
use crate::{
    BarGauge, Bucket, Cell, Chart, Grid, Heatmap, Histogram, Level, Panel, Reduce, Stat, Table, TableColumn,
    Theme, Threshold, Unit, sheet::Sheet,
};

fn limits() -> impl Strategy<Value = Vec<Threshold>> {
    let level = prop::sample::select(vec![Level::Good, Level::Warning, Level::Critical]);
    let limit = (
        value(),
        prop::option::of(value()),
        any::<bool>(),
        level,
        "\\PC{0,40}",
    );
    prop::collection::vec(limit, 0..4).prop_map(|limits| {
        limits
            .into_iter()
            .map(|(at, until, above, level, label)| {
                let limit = match (until, above) {
                    (Some(until), _) => Threshold::between(at, until),
                    (None, true) => Threshold::above(at),
                    (None, false) => Threshold::below(at),
                };
                limit.level(level).label(label)
            })
            .collect()
    })
}

fn unit() -> impl Strategy<Value = Unit> {
    prop::sample::select(vec![
        Unit::None,
        Unit::Seconds,
        Unit::Bytes,
        Unit::Ratio,
        Unit::Money(crate::Currency::EUR),
    ])
}

fn reduce() -> impl Strategy<Value = Reduce> {
    prop::sample::select(vec![
        Reduce::Last,
        Reduce::Min,
        Reduce::Max,
        Reduce::Mean,
        Reduce::Sum,
    ])
}

fn bucket() -> impl Strategy<Value = Bucket> {
    prop_oneof![
        (value(), value(), value()).prop_map(|(low, high, count)| Bucket::new(low, high, count)),
        (-20..20_i32, 0.0..100.0_f64).prop_map(|(e, count)| Bucket::new(
            2_f64.powi(e),
            2_f64.powi(e + 1),
            count
        )),
    ]
}

fn bound() -> impl Strategy<Value = f64> {
    prop_oneof![value(), Just(f64::INFINITY), Just(0.5), Just(1.0), Just(2.5)]
}

fn moment() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 1.79e9..1.79e9 + 7200.0, 1 => prop::num::f64::ANY]
}

prop_compose! {
    fn stat()(title in "\\PC{0,80}", all in prop::collection::vec(series(), 0..16), limits in limits(), unit in unit(),
              reduce in reduce(), twin in prop::option::of(series())) -> Panel {
        let stat = Stat::new(title).unit(unit).reduce(reduce).all_series(all).all_series(twin.map(|t| t.earlier("last week")));
        limits.into_iter().fold(stat, Stat::threshold).into()
    }
}

prop_compose! {
    fn gauge()(title in "\\PC{0,80}", all in prop::collection::vec(series(), 0..30), limits in limits(), unit in unit(),
               reduce in reduce(), range in (prop::option::of(value()), prop::option::of(value()))) -> Panel {
        let gauge = BarGauge::new(title).unit(unit).reduce(reduce).all_series(all).range(range.0, range.1);
        limits.into_iter().fold(gauge, BarGauge::threshold).into()
    }
}

prop_compose! {
    fn table()(title in "\\PC{0,80}", columns in prop::collection::vec(("\\PC{0,40}", any::<bool>(), unit(), limits()), 0..20),
               rows in prop::collection::vec(prop::collection::vec(prop_oneof![
                   "\\PC{0,60}".prop_map(Cell::Text), value().prop_map(Cell::Value)], 0..20), 0..50)) -> Panel {
        let table = columns.into_iter().fold(Table::new(title), |table, (name, number, unit, limits)| {
            let column = if number { TableColumn::number(name, unit) } else { TableColumn::text(name) };
            table.column(limits.into_iter().fold(column, TableColumn::threshold))
        });
        rows.into_iter().fold(table, Table::row).into()
    }
}

prop_compose! {
    fn heatmap()(title in "\\PC{0,80}", native in any::<bool>(), limits in limits(), unit in unit(),
                 range in prop::option::of((moment(), moment(), value())),
                 moments in prop::collection::vec((moment(), prop::collection::vec(bucket(), 0..12)), 0..12),
                 bounds in prop::collection::vec((bound(), prop::collection::vec((moment(), value()), 0..12)), 0..12)) -> Panel {
        let mut map = Heatmap::new(title).unit(unit);
        map = if native { map.native(moments) } else { map.classic(bounds) };
        if let Some((start, end, step)) = range {
            map = map.range(start, end, step);
        }
        limits.into_iter().fold(map, Heatmap::threshold).into()
    }
}

prop_compose! {
    fn histogram()(title in "\\PC{0,80}", native in any::<bool>(), limits in limits(), unit in unit(),
                   buckets in prop::collection::vec(bucket(), 0..90),
                   bounds in prop::collection::vec((bound(), value()), 0..20)) -> Panel {
        let histogram = Histogram::new(title).unit(unit);
        let histogram = if native { histogram.native(buckets) } else { histogram.classic(bounds) };
        limits.into_iter().fold(histogram, Histogram::threshold).into()
    }
}

fn panel() -> impl Strategy<Value = Panel> {
    let chart = prop::collection::vec(series(), 0..9).prop_map(|all| {
        Panel::from(
            Chart::new("a chart")
                .all_series(all)
                .marker(crate::Marker::new(1.79e9 + 60.0, "deploy")),
        )
    });
    prop_oneof![stat(), gauge(), table(), heatmap(), histogram(), chart]
}

fn sized(panel: Panel, (width, height): (u32, u32)) -> Panel {
    match panel {
        Panel::Chart(p) => p.size(width, height).into(),
        Panel::Stat(p) => p.size(width, height).into(),
        Panel::BarGauge(p) => p.size(width, height).into(),
        Panel::Table(p) => p.size(width, height).into(),
        Panel::Heatmap(p) => p.size(width, height).into(),
        Panel::Histogram(p) => p.size(width, height).into(),
    }
}

fn check(sheet: &Sheet, alt: &str, width: u32, height: u32) -> Result<(), TestCaseError> {
    check_texts(sheet, width as f32, height as f32)?;
    prop_assert!(alt.chars().count() <= 1000 && !alt.is_empty(), "{alt:?}");
    prop_assert!(!alt.chars().any(char::is_control), "{alt:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn every_kind_gives_a_picture(panel in panel(), light in any::<bool>(),
                                  size in prop::option::of(prop::sample::select(vec![(1600, 800), (640, 320), (700, 2000), (2000, 400)]))) {
        let panel = panel.theme(if light { Theme::Light } else { Theme::Dark });
        let panel = match size {
            Some(size) => sized(panel, size),
            None => panel,
        };
        let page = panel.page();
        let (sheet, alt) = panel.draw_on(&page).expect("a picture");
        check(&sheet, &alt, page.width, page.height)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_panels_stand_side_by_side(panels in prop::collection::vec((panel(), prop::bool::weighted(0.2)), 0..8),
                                     columns in prop::option::of(0_usize..6), title in "\\PC{0,80}",
                                     subtitle in "\\PC{0,80}", density in 0.1_f32..5.0) {
        let mut grid = Grid::new(title).subtitle(subtitle).density(density);
        if let Some(columns) = columns {
            grid = grid.columns(columns);
        }
        for (panel, wide) in panels {
            grid = if wide { grid.wide(panel) } else { grid.panel(panel) };
        }
        let page = grid.page();
        prop_assert!(page.width <= 4096 && page.height <= 4096);
        let (sheet, alt) = grid.draw_on(&page).expect("a picture");
        check(&sheet, &alt, page.width, page.height)?;
    }
}

/// The pixels of a colour in a picture.
fn count(sheet: &Sheet, color: crate::Rgb) -> usize {
    let pixels = sheet.canvas.data().as_chunks::<4>().0.iter();
    pixels.filter(|p| p[..3] == [color.0, color.1, color.2]).count()
}

#[test]
fn a_number_beyond_its_limit_has_its_colour_and_its_words() {
    let stat = |value| {
        let stat = Stat::new("p95").unit(Unit::Seconds).value("api", value);
        stat.threshold(Threshold::above(0.5))
            .threshold(Threshold::above(0.3).level(Level::Warning))
    };
    let colors = Theme::Dark.colors();
    for (value, color, words) in [
        (0.7, colors.threshold, "alert > 500 ms"),
        (0.4, colors.warning, "warning > 300 ms"),
        (0.1, colors.title, ""),
    ] {
        let panel: Panel = stat(value).into();
        let (sheet, alt) = panel.draw_on(&panel.page()).expect("a picture");
        assert!(count(&sheet, color) > 500, "{value}");
        assert!(
            words.is_empty() || sheet.written.iter().any(|(text, _)| text == words),
            "{value}"
        );
        assert!(alt.contains(words), "{alt}");
    }
}

#[test]
fn a_bar_is_as_long_as_its_value() {
    let gauge = |value| {
        BarGauge::new("disk")
            .unit(Unit::Ratio)
            .value("a", value)
            .value("b", 1.0)
    };
    let filled = |value| {
        let panel: Panel = gauge(value).into();
        let (sheet, _) = panel.draw_on(&panel.page()).expect("a picture");
        count(&sheet, Theme::Dark.colors().lines[0]) as f64
    };
    let (none, half, full) = (filled(0.0), filled(0.5), filled(1.0));
    assert!(
        ((half - none) / (full - none) - 0.5).abs() < 0.01,
        "{none} {half} {full}"
    );
}

#[test]
fn the_fullest_cell_is_the_brightest() {
    let times = || (0..30).map(|i| 1.79e9 + f64::from(i) * 60.0);
    let bounds = [(0.1, 10.0), (0.5, 90.0), (f64::INFINITY, 100.0)];
    let map = Heatmap::new("latency")
        .unit(Unit::Seconds)
        .classic(bounds.map(|(le, count)| (le, times().map(|t| (t, count)).collect())));
    let scene_chart = map.as_chart();
    let scene = crate::scene::Scene::of(&scene_chart, &scene_chart.page());
    let (blocks, most) = scene.blocks();
    assert_eq!(most, 80.0);
    let levels: Vec<(f64, usize)> = blocks[..3].iter().map(|b| (b.value.0, b.level)).collect();
    assert_eq!(levels[1], (0.1, crate::kinds::LEVELS - 1));
    assert!(
        levels[0].1 < levels[1].1 && levels[2].1 < levels[1].1,
        "{levels:?}"
    );
    assert_eq!(scene.axis.ticks.last().map(|t| t.1.as_str()), Some("∞"));
    assert!((scene.stats[1].expect("values").last - 0.3).abs() < 1e-9);
}
