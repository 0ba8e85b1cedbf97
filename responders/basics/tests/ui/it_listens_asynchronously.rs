use otus::{prelude::*, web::Route};

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[routes]
    async fn hunts(&self) -> Vec<Route> {
        Vec::new()
    }
}

fn main() {}
