use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[hear(r"hoot")]
    async fn hoot<T>(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }
}

fn main() {}
