use otus::{prelude::*, web::Route};

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[routes]
    fn hunts(&self) -> Vec<Route> {
        Vec::new()
    }

    #[routes]
    fn nests(&self) -> Vec<Route> {
        Vec::new()
    }
}

fn main() {}
