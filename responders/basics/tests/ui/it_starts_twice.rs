use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[start]
    async fn wake(&self, _services: otus::Services) -> Result {
        Ok(())
    }

    #[start]
    async fn stretch(&self, _services: otus::Services) -> Result {
        Ok(())
    }
}

fn main() {}
