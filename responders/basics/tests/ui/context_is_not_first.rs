use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot (?<times>\d+)$", usage = "hoot <times>", example = "hoot 3")]
    async fn hoot(&self, times: u8, cx: Context) -> Result {
        cx.reply("hoot".repeat(times.into())).await
    }
}

fn main() {}
