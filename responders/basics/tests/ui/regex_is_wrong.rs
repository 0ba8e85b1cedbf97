use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot (?<times>\d+$", usage = "hoot <times>")]
    async fn hoot(&self, cx: Context) -> Result {
        cx.reply("hoot").await
    }
}

fn main() {}
