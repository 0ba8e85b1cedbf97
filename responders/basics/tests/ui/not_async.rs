use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot")]
    fn hoot(&self, _cx: Context) -> Result {
        Ok(())
    }
}

fn main() {}
