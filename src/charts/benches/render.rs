//! What a picture costs: CPU time and bytes, against the budgets, and against true-colour PNG of the same pixels.
//!
//! `cargo bench -p otus-charts` prints a table of CPU time (the thread's own, so that a busy machine does not count),
//! then runs criterion's wall-clock measurement. `compare.py` beside this runs it with `--dump`, which writes the data
//! as JSON, and with `--time <name> [<file>]`, which draws one picture.

#[path = "../examples/data/mod.rs"]
mod data;

use std::{hint::black_box, time::Duration};

use criterion::Criterion;
use otus_charts::{Chart, Panel, Series};

/// This thread's CPU time, from the kernel.
fn cpu() -> Duration {
    // "utime stime" in ticks are too coarse; schedstat counts nanoseconds.
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// The median CPU milliseconds of one call.
fn median(runs: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let before = cpu();
            work();
            (cpu() - before).as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

/// The baseline: the same pixels as RGB, with the encoder's usual choice (adaptive filters, balanced compression).
fn true_colour(png: &[u8]) -> (f64, usize) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("a frame");
    let encode = || {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, info.width, info.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::Adaptive);
        encoder
            .write_header()
            .expect("writes")
            .write_image_data(&pixels)
            .expect("writes");
        out
    };
    let bytes = encode().len();
    (median(5, || drop(black_box(encode()))), bytes)
}

fn report(name: &str, chart: &Chart, runs: usize, budget_ms: f64, budget_kb: usize) {
    let picture = chart.render().expect("a picture");
    let spent = median(runs, || drop(black_box(chart.render())));
    let size = picture.png.len();
    let (other_ms, other_size) = true_colour(&picture.png);
    let ok = |within: bool| if within { "within" } else { "OVER" };
    println!("{name}:");
    println!(
        "  picture, all in       {spent:7.1} ms CPU   {}: budget {budget_ms} ms",
        ok(spent <= budget_ms)
    );
    println!(
        "  bytes                 {:7.1} KB       {}: budget {budget_kb} KB",
        size as f64 / 1024.0,
        ok(size <= budget_kb * 1024)
    );
    println!(
        "  baseline: RGB, adaptive, balanced encoding alone {other_ms:.1} ms, {:.1} KB: {:.1} × the bytes",
        other_size as f64 / 1024.0,
        other_size as f64 / size as f64
    );
}

/// Name, kind, chart, limits, events.
type Compared = (&'static str, &'static str, Chart, Vec<f64>, Vec<f64>);

/// The charts that are compared with matplotlib's of the same data.
fn compared() -> Vec<Compared> {
    let deploys = vec![data::START + 2148.0, data::START + 3108.0];
    vec![
        ("easy", "lines", data::easy(), vec![0.5], deploys.clone()),
        ("hard", "lines", data::hard(), Vec::new(), Vec::new()),
        ("stacked", "stacked", data::stacked(), Vec::new(), deploys),
        (
            "steps",
            "steps",
            data::steps(),
            Vec::new(),
            vec![data::START + 900.0],
        ),
        ("log", "log", data::log(false), vec![600.0], Vec::new()),
        ("money", "bars", data::money(), Vec::new(), Vec::new()),
        ("many", "lines", data::many(), Vec::new(), Vec::new()),
    ]
}

/// Name (which is its kind), picture and the data as JSON of what is no line over time.
fn panels() -> Vec<(&'static str, Panel, serde_json::Value)> {
    let series = |all: Vec<Series>| -> serde_json::Value {
        let each = all
            .iter()
            .map(|s| serde_json::json!({ "name": name(s), "points": s.points() }));
        each.collect::<Vec<_>>().into()
    };
    let buckets: Vec<_> = data::histogram_buckets()
        .iter()
        .map(|bucket| (bucket.low, bucket.high, bucket.count))
        .collect();
    vec![
        ("heatmap", data::heatmap().into(), series(data::heatmap_series())),
        ("histogram", data::histogram().into(), serde_json::json!(buckets)),
        ("stat", data::stats().into(), series(data::stat_series())),
        ("gauge", data::gauge().into(), serde_json::json!(data::DISKS)),
        ("table", data::table().into(), serde_json::json!(data::SERVICES)),
    ]
}

fn name(series: &Series) -> String {
    let values = || {
        series
            .labels()
            .iter()
            .map(|(_, v)| v.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    series.name().map_or_else(values, str::to_owned)
}

fn dump() {
    let charts: Vec<serde_json::Value> = compared()
        .into_iter()
        .map(|(chart_name, kind, chart, limits, markers)| {
            // The companion of the stacked one is left to us.
            let own = chart
                .shown()
                .iter()
                .filter(|s| s.points().first().is_some_and(|p| p.0 >= data::START));
            let own = own.take(if kind == "stacked" { 4 } else { usize::MAX });
            let series: Vec<serde_json::Value> = own
                .map(|s| serde_json::json!({ "name": name(s), "points": s.points() }))
                .collect();
            serde_json::json!({ "name": chart_name, "kind": kind, "title": chart_name, "series": series,
                "limits": limits, "markers": markers })
        })
        .chain(panels().into_iter().map(|(kind, _, data)| {
            serde_json::json!({ "name": kind, "kind": kind, "title": kind, "data": data,
                "limits": [0.5], "markers": [data::START + 2148.0, data::START + 3108.0] })
        }))
        .collect();
    println!("{}", serde_json::Value::from(charts));
}

fn time(args: &[String]) {
    let wanted = args.first().map(String::as_str);
    let charts = compared()
        .into_iter()
        .map(|(name, _, chart, ..)| (name, Panel::from(chart)));
    let panels = panels().into_iter().map(|(name, panel, _)| (name, panel));
    let Some((_, panel)) = charts.chain(panels).find(|(name, _)| Some(*name) == wanted) else {
        eprintln!("there is no such chart");
        std::process::exit(1);
    };
    let picture = panel.render().expect("a picture");
    if let Some(path) = args.get(1) {
        std::fs::write(path, &picture.png).expect("writes the picture");
    }
    let ms = median(11, || drop(black_box(panel.render())));
    println!("{}", serde_json::json!({ "ms": ms, "bytes": picture.png.len() }));
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("--dump") => return dump(),
        Some("--time") => return time(&args[1..]),
        _ => {}
    }
    report("easy (4 × 361 points)", &data::easy(), 21, 35.0, 80);
    report("hard (20 × 11,000 points)", &data::hard(), 9, 200.0, 250);
    let panel = |name: &str, picture: otus_charts::Picture, spent: f64| {
        println!(
            "{name}: {spent:.1} ms CPU, {:.1} KB",
            picture.png.len() as f64 / 1024.0
        );
    };
    for (name, kind) in [
        ("heatmap", Panel::from(data::heatmap())),
        ("native heatmap", data::native_heatmap().into()),
        ("histogram", data::histogram().into()),
        ("stats", data::stats().into()),
        ("bar gauge", data::gauge().into()),
        ("table", data::table().into()),
        ("stacked", data::stacked().into()),
    ] {
        let spent = median(9, || drop(black_box(kind.render())));
        panel(name, kind.render().expect("a picture"), spent);
    }
    let grid = data::grid();
    panel(
        "grid of four",
        grid.render().expect("a picture"),
        median(9, || drop(black_box(grid.render()))),
    );
    let empty = Chart::new("nothing").range(data::START, data::START + 3600.0, 10.0);
    report(
        "empty",
        &empty.clone().series(Series::new("a", Vec::new())),
        21,
        35.0,
        80,
    );

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let (easy, hard) = (data::easy(), data::hard());
    criterion.bench_function("easy", |b| b.iter(|| easy.render()));
    criterion.bench_function("hard", |b| b.iter(|| hard.render()));
    criterion.final_summary();
}
