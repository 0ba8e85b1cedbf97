use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    /// Hoots.
    #[respond(r"^hoot$", usage = "hoot", role = " ")]
    async fn hoot(&self, cx: Context, times: u8) -> Result {
        cx.reply("hoot".repeat(times.into())).await
    }

    /// Screeches.
    #[hear(r"screech(")]
    async fn screech(&self, cx: Context) -> Result {
        cx.react("owl").await
    }
}

fn main() {}
