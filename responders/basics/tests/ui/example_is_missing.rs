use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot (?<times>\d+)$", usage = "hoot <times>")]
    async fn hoot(&self, cx: Context, times: u8) -> Result {
        cx.reply("hoot".repeat(times.into())).await
    }
}

fn main() {}
