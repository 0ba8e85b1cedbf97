//! Whole pictures against kept ones, pixel by pixel with a small tolerance. After a change that is meant, look at the new
//! pictures and keep them: `OTUS_BLESS=1 cargo test -p otus-charts --test golden`.

#[path = "../examples/data/mod.rs"]
mod data;

use std::path::PathBuf;

use otus_charts::{Chart, Panel, Picture, Series, Theme, Threshold, Unit};

/// Rounding may differ between machines; a moved label or line differs in far more pixels, by far more.
const SHADE: u8 = 24;
const PIXELS: f64 = 0.002;

fn decode(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("a frame");
    (info.width, info.height, pixels)
}

fn check(name: &str, panel: impl Into<Panel>) {
    check_picture(name, &panel.into().render().expect("a picture"));
}

fn check_picture(name: &str, picture: &Picture) {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.png"));
    if std::env::var_os("OTUS_BLESS").is_some() {
        std::fs::write(&kept, &picture.png).expect("writes the golden picture");
        return;
    }
    let golden = std::fs::read(&kept).expect("a golden picture; make it with OTUS_BLESS=1");
    let (new, old) = (decode(&picture.png), decode(&golden));
    assert_eq!((new.0, new.1), (old.0, old.1), "{name}: another size");
    assert_eq!((picture.width, picture.height), (new.0, new.1));
    let pixels = new.2.as_chunks::<3>().0.iter().zip(old.2.as_chunks::<3>().0);
    let different = pixels
        .filter(|(a, b)| (0..3).any(|k| a[k].abs_diff(b[k]) > SHADE))
        .count();
    let share = different as f64 / f64::from(new.0 * new.1);
    assert!(
        share <= PIXELS,
        "{name}: {different} pixels differ; look at it, then OTUS_BLESS=1"
    );
}

#[test]
fn dark() {
    check("dark", data::easy());
}

#[test]
fn light() {
    check("light", data::easy().theme(Theme::Light));
}

#[test]
fn no_data() {
    let chart = Chart::new("Nothing")
        .range(data::START, data::START + 3600.0, 10.0)
        .unit(Unit::Seconds);
    check("no-data", chart.threshold(Threshold::above(0.5)));
}

#[test]
fn a_magnified_axis() {
    let points = data::wandering(5, 0.9991, 361, 10.0)
        .into_iter()
        .map(|(t, v)| (t, 0.999 + (v - 0.9991) * 0.004));
    let chart = Chart::new("Availability")
        .unit(Unit::Ratio)
        .range(data::START, data::START + 3600.0, 10.0);
    let chart = chart.series(Series::new("api", points.collect()));
    check(
        "magnified",
        chart.threshold(Threshold::below(0.999).label("objective")),
    );
}

#[test]
fn areas_on_top_of_each_other() {
    check("stacked", data::stacked());
}

#[test]
fn the_same_time_last_week() {
    check("last-week", data::last_week());
}

#[test]
fn states_that_hold() {
    check("steps", data::steps());
}

#[test]
fn logarithmic() {
    check("log", data::log(false));
    check("symlog", data::log(true));
}

#[test]
fn limits_as_bands() {
    check("bands", data::bands());
}

#[test]
fn bars_of_money() {
    check("money", data::money());
}

#[test]
fn an_alert() {
    check("alert", data::alert());
}

#[test]
fn more_series_than_colours() {
    check("many", data::many());
}

#[test]
fn heatmaps() {
    check("heatmap", data::heatmap());
    check("heatmap-light", data::heatmap().theme(Theme::Light));
    check("native-heatmap", data::native_heatmap());
}

#[test]
fn histograms() {
    check("histogram", data::histogram());
    check("classic-histogram", data::classic_histogram());
}

#[test]
fn big_numbers() {
    check("stat", data::stat());
    check("stats", data::stats());
}

#[test]
fn bars() {
    check("gauge", data::gauge());
}

#[test]
fn a_table() {
    check("table", data::table());
}

#[test]
fn panels_in_one_picture() {
    check_picture("grid", &data::grid().render().expect("a picture"));
    let light = data::board().theme(Theme::Light);
    check_picture("board-light", &light.render().expect("a picture"));
}

#[test]
fn twice_as_many_pixels_show_the_same() {
    let (one, two) = (data::stats(), data::stats().density(2.0));
    let (one, two) = (one.render().expect("a picture"), two.render().expect("a picture"));
    assert_eq!((two.width, two.height), (one.width * 2, one.height * 2));
    assert_eq!(one.alt, two.alt);
    let (one, two) = (decode(&one.png), decode(&two.png));
    let ink = |(_, _, pixels): &(u32, u32, Vec<u8>)| {
        pixels.as_chunks::<3>().0.iter().filter(|p| p[0] > 0x80).count() as f64
    };
    assert!((ink(&two) / ink(&one) / 4.0 - 1.0).abs() < 0.15);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let picture = || data::easy().render().expect("a picture");
    assert_eq!(picture(), picture());
    assert!(picture().png.len() <= 80 * 1024, "{} bytes", picture().png.len());
}

#[test]
fn the_gallery_is_whole_and_small() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = std::fs::read_to_string(docs.join("gallery.md")).expect("the gallery");
    let kept = std::fs::read_dir(docs.join("gallery")).expect("its pictures");
    let mut count = 0;
    for file in kept.map(|file| file.expect("a picture")) {
        let name = file.file_name().into_string().expect("a name");
        assert!(
            page.contains(&format!("(gallery/{name})")),
            "{name} is not in the gallery"
        );
        assert!(
            file.metadata().expect("a size").len() <= 100 * 1024,
            "{name} is large"
        );
        count += 1;
    }
    assert_eq!(page.matches("(gallery/").count(), count, "a picture is missing");
}
