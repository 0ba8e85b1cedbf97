use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot (?<at>.+)$", usage = "hoot <at>", example = "hoot there")]
    async fn hoot(&self, cx: Context, at: &str) -> Result {
        cx.reply(at).await
    }
}

fn main() {}
