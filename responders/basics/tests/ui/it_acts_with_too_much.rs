use otus::{operations::Action, prelude::*};
use std::sync::Arc;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[actions]
    fn hunts(&self, services: Services) -> Vec<Arc<dyn Action>> {
        drop(services);
        Vec::new()
    }
}

fn main() {}
