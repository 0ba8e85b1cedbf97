use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot( loudly)?$", usage = "hoot [loudly]", example = "hoot")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }
}

fn main() {}
