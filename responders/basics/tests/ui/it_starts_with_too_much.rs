use otus::prelude::*;

#[derive(Default)]
struct Owl;

#[responder]
impl Owl {
    #[start]
    async fn wake(&self, cx: Context, services: otus::Services) -> Result {
        drop(services);
        cx.reply("hoot").await
    }
}

fn main() {}
