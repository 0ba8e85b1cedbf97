use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot", exmaple = "hoot", roles = "owl", timeout = "3s")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }
}

fn main() {}
