//! Builds the gallery, `docs/gallery.md` and its pictures: `cargo run -p otus-charts --example gallery`.
//!
//! With a folder as its argument it draws into that folder instead, and adds the odd cases nobody wants in a gallery but
//! somebody has to look at.

mod data;
mod odd;

use std::{fmt::Write as _, fs, path::PathBuf};

use otus_charts::{ChartError, Picture, Theme};

/// A picture of the gallery: its file's name, its heading, what is to be seen, and itself.
type Shown = (
    &'static str,
    &'static str,
    &'static str,
    Result<Picture, ChartError>,
);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let pictures = folder.clone().unwrap_or_else(|| docs.join("gallery"));
    fs::create_dir_all(&pictures)?;
    let mut page = String::from(
        "# Gallery\n\nWhat Otus draws, from fixed data. The words below a picture are its alternative text, as Slack \
         gets it. Built by\n`cargo run -p otus-charts --example gallery`; the data is in \
         [examples/data](../src/charts/examples/data/mod.rs).\n",
    );
    for (name, heading, text, picture) in shown() {
        let picture = picture?;
        fs::write(pictures.join(format!("{name}.png")), &picture.png)?;
        println!(
            "{name}: {} × {}, {} bytes",
            picture.width,
            picture.height,
            picture.png.len()
        );
        let alt = picture.alt.replace('|', "\\|");
        write!(
            page,
            "\n## {heading}\n\n{text}\n\n![{heading}](gallery/{name}.png)\n\n> {alt}\n"
        )?;
    }
    match folder {
        None => fs::write(docs.join("gallery.md"), page)?,
        Some(folder) => {
            for (name, chart) in odd::charts() {
                let picture = chart.render()?;
                fs::write(folder.join(format!("odd-{name}.png")), &picture.png)?;
                println!("odd-{name}: {} bytes\n  {}", picture.png.len(), picture.alt);
            }
        }
    }
    Ok(())
}

fn shown() -> Vec<Shown> {
    vec![
        (
            "lines",
            "Lines, a limit, deploys",
            "Query, range, step and zone are named; the limit has a band on its bad side; each deploy is marked; `search` \
             was not scraped for a while, and that is a gap. The legend names only the label that differs.",
            data::easy().render(),
        ),
        (
            "lines-light",
            "The same on white",
            "A palette of its own: every line at least 3:1 against the ground and apart from the others for protan, deutan \
             and tritan eyes.",
            data::easy().theme(Theme::Light).render(),
        ),
        (
            "stacked",
            "Stacked areas",
            "The top edge is the total; the dashed line is last week's.",
            data::stacked().render(),
        ),
        (
            "last-week",
            "The same time last week",
            "Dashed in the colour of its series, with a column of its own. The time axis is that of the viewer's zone, with \
             the date at midnight.",
            data::last_week().render(),
        ),
        (
            "steps",
            "Steps",
            "A count holds until it changes; what is not known is not drawn.",
            data::steps().render(),
        ),
        (
            "bars",
            "Bars, and money",
            "A bar for each hour, on top of each other.",
            data::money().render(),
        ),
        (
            "log",
            "A logarithmic axis",
            "From milliseconds to an hour in one picture.",
            data::log(false).render(),
        ),
        (
            "symlog",
            "Zeros on a logarithmic axis",
            "A logarithm knows no zero: the part around it is linear.",
            data::log(true).render(),
        ),
        (
            "bands",
            "Limits of two levels",
            "Each band ends where the next begins, and each has its name.",
            data::bands().render(),
        ),
        (
            "alert",
            "An alert's graph",
            "Who fires is drawn strong, the others are background; the alert is shaded from its beginning to its end, and the \
             deploys around it say why.",
            data::alert().render(),
        ),
        (
            "many",
            "Twelve series",
            "From the eighth on lines are dashed instead of a colour being used twice.",
            data::many().render(),
        ),
        (
            "clocks",
            "The night the clocks go back",
            "02:00 comes twice, and the line below the title says why.",
            data::clocks().render(),
        ),
        (
            "heatmap",
            "A heatmap of classic buckets",
            "Each bucket is a row; the median and the 95th percentile are drawn over it.",
            data::heatmap().render(),
        ),
        (
            "native-heatmap",
            "A heatmap of a native histogram",
            "Its fine buckets stand on a logarithmic axis.",
            data::native_heatmap().theme(Theme::Light).render(),
        ),
        (
            "histogram",
            "A histogram",
            "A native histogram's buckets, with the percentiles and the limit.",
            data::histogram().render(),
        ),
        (
            "stats",
            "Big numbers",
            "Coloured by the worst limit each is beyond, which is named: a colour alone says nothing to many eyes.",
            data::stats().render(),
        ),
        (
            "gauge",
            "A bar gauge",
            "The longest first, limits marked.",
            data::gauge().render(),
        ),
        (
            "table",
            "A table",
            "Numbers with their units in columns that line up.",
            data::table().render(),
        ),
        (
            "grid",
            "Several panels in one picture",
            "The evidence of a deploy: the service's key graphs, the moment marked.",
            data::grid().render(),
        ),
        (
            "board",
            "Panels of every kind",
            "A dashboard in one picture, here on white.",
            data::board().theme(Theme::Light).render(),
        ),
    ]
}
