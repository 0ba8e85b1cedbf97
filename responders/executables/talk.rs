//! What is said to an executable, and what it says: JSON, one value a line, whichever way it comes.

use crate::{describe::Described, say::Speaker};
use otus::{Context, Result};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Asks what it is.
pub(crate) const DESCRIBE: &str = "{\"type\":\"describe\",\"protocol\":1}\n";

/// The most that a description may be, in bytes.
pub(crate) const DESCRIPTION: usize = 256 * 1024;

/// What it is asked for one message.
pub(crate) async fn request(cx: &Context, described: &Described, arguments: Map<String, Value>) -> Value {
    let person = cx.person().await;
    let message = cx.message();
    json!({
        "type": "run",
        "protocol": 1,
        "id": cx.id(),
        "command": described.spec.name,
        "arguments": arguments,
        "line": cx.line(),
        "person": { "id": cx.author().as_str(), "name": person.name, "zone": person.zone },
        "channel": message.channel.as_str(),
        "thread": message.thread.as_ref().map(|thread| thread.as_str()),
        "reason": cx.options().reason,
    })
}

/// Shows what it says, line by line, up to so many bytes.
pub(crate) async fn listen(cx: &Context, from: impl AsyncBufRead + Unpin, most: usize) -> Result {
    let mut speaker = Speaker::new(cx.clone());
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let mut lines = from.take(limit.saturating_add(1));
    let mut line = Vec::new();
    let mut all = 0_usize;
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).await?;
        all += read;
        if all > most {
            anyhow::bail!("it said more than {most} bytes in answer to one message");
        }
        if read == 0 {
            return speaker.end().await;
        }
        let text = std::str::from_utf8(&line).map_err(|_| anyhow::anyhow!("it said what is no UTF-8"))?;
        if !text.trim().is_empty() {
            speaker.say(text.trim()).await?;
        }
    }
}
