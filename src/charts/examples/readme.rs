//! Draws the picture in the README: `cargo run -p otus-charts --example readme docs/graph.png`.

mod data;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "docs/graph.png".to_owned());
    let picture = data::easy().render()?;
    std::fs::write(&path, &picture.png)?;
    println!("{path}: {} bytes\n{}", picture.png.len(), picture.alt);
    Ok(())
}
