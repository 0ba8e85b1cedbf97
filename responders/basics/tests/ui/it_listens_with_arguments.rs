use otus::{prelude::*, web::Route};

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[routes(at = "night")]
    fn hunts(&self) -> Vec<Route> {
        Vec::new()
    }
}

fn main() {}
