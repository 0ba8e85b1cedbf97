use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot")]
    #[hear(r"hoot")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }
}

fn main() {}
