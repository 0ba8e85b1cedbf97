use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder(nmae = "owl")]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }
}

fn main() {}
