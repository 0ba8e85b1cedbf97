use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }

    /// Hoots back.
    #[hear(r"\bhoot\b")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.react("owl").await
    }
}

fn main() {}
