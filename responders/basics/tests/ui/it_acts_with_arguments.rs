use otus::{operations::Action, prelude::*};
use std::sync::Arc;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[actions(at = "night")]
    fn hunts(&self) -> Vec<Arc<dyn Action>> {
        Vec::new()
    }
}

fn main() {}
