use otus::{operations::Action, prelude::*};
use std::sync::Arc;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[actions]
    fn hunts(&self) -> Vec<Arc<dyn Action>> {
        Vec::new()
    }

    #[actions]
    fn nests(&self) -> Vec<Arc<dyn Action>> {
        Vec::new()
    }
}

fn main() {}
