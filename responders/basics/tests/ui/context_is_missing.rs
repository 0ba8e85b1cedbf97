use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot")]
    async fn hoot(&self) -> Result {
        Ok(())
    }
}

fn main() {}
