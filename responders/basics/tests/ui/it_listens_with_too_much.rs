use otus::{prelude::*, web::Route};

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[routes]
    fn hunts(&self, services: Services) -> Vec<Route> {
        drop(services);
        Vec::new()
    }
}

fn main() {}
