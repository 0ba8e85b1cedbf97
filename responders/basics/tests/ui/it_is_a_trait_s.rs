use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl std::fmt::Display for Owl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("owl")
    }
}

fn main() {}
