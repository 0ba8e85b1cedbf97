//! One batch's way in: known by its token, read, kept, and answered with what people want.

use crate::{
    known::{self, Wanted},
    record::{Arrived, Stopped},
    settings::Settings,
    texts,
};
use jiff::Timestamp;
use otus::{
    ChannelId, Result, Services,
    chat::{Place, Urgency},
    web::{Answer, Request, Route},
};
use otus_experiments::wire::{self, Batch, Setting, VERSION};
use secrecy::{ExposeSecret as _, SecretString};
use std::{collections::BTreeSet, fmt, hint::black_box, sync::Arc};

/// Where applications send.
pub(crate) const PATH: &str = "/hooks/experiments";
/// A larger body is read where it holds up nothing else, because that takes a while.
const LARGE: usize = 256 * 1024;

/// Who may send.
pub(crate) struct Sender {
    name: String,
    tokens: Vec<SecretString>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Sender {
    pub(crate) fn new(name: String, tokens: Vec<SecretString>) -> Self {
        Self { name, tokens }
    }

    fn has(&self, token: &[u8]) -> bool {
        // All are looked at, each to its end: how long it takes says nothing of how much was right.
        self.tokens.iter().fold(false, |found, known| {
            found | same(known.expose_secret().as_bytes(), token)
        })
    }

    /// Whether it has one of these tokens.
    pub(crate) fn shares(&self, tokens: &[SecretString]) -> bool {
        tokens
            .iter()
            .any(|token| self.has(token.expose_secret().as_bytes()))
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    let differs = a
        .iter()
        .zip(b)
        .fold(0, |differs, (a, b)| black_box(differs | (a ^ b)));
    a.len() == b.len() && differs == 0
}

/// The route.
pub(crate) fn route(settings: &Arc<Settings>, senders: &Arc<[Sender]>) -> Route {
    let (settings, senders) = (Arc::clone(settings), Arc::clone(senders));
    Route::new("POST", PATH, move |services, request| {
        take(Arc::clone(&settings), Arc::clone(&senders), services, request)
    })
}

async fn take(
    settings: Arc<Settings>,
    senders: Arc<[Sender]>,
    services: Services,
    request: Request,
) -> Result<Answer> {
    let Some(application) = sender(&senders, &request) else {
        tracing::warn!("experiments were refused: the token is none of an application's");
        return Ok(Answer::new(
            401,
            "this is no token of an application below [responders.experiments.applications]\n",
        ));
    };
    let read = if request.body.len() > LARGE {
        tokio::task::spawn_blocking(move || read(&request.body)).await?
    } else {
        read(&request.body)
    };
    let batch = match read {
        Ok(batch) => batch,
        Err(why) => {
            tracing::warn!(application, why, "experiments were refused");
            return Ok(Answer::new(400, format!("{why}\n")));
        }
    };
    let names: BTreeSet<String> = batch.experiments.keys().cloned().collect();
    let store = services.store().as_ref();
    let now = store.now().await?;
    let arrived = Arrived {
        application: application.clone(),
        batch,
        now,
    };
    let outcome = arrived.keep(store, oldest(now, &settings)).await?;
    if let Some(channel) = settings.channel.clone().filter(|_| !outcome.stopped.is_empty()) {
        // Beside the answer: the application waits for nobody's chat.
        tokio::spawn(tell(services.clone(), channel, outcome.stopped));
    }
    let left_out = outcome.left_out;
    if !left_out.is_empty() {
        tracing::warn!(
            application,
            ?left_out,
            "experiments with names that cannot be typed, or too many of them, are left out"
        );
    }
    let known = known::known(store).await?;
    // Also of those that this process has not made yet: what was stopped must not begin with it.
    let told = |name: &String| {
        let told = known.get(name).map(|known| &known.applications);
        names.contains(name) || told.is_some_and(|told| told.contains_key(&application))
    };
    let mut wanted = known::wanted(store).await?;
    wanted.retain(|name, _| told(name));
    let setting = |(name, wanted): (String, Wanted)| {
        let setting = Setting {
            percent: wanted.percent,
            stopped: Some(wanted.stopped),
        };
        (name, setting)
    };
    let settings = wanted.into_iter().map(setting).collect();
    Ok(Answer::new(
        200,
        serde_json::to_string(&wire::Answer { settings })?,
    ))
}

/// Says in a channel what was stopped by itself.
async fn tell(services: Services, channel: ChannelId, stopped: Vec<Stopped>) {
    let place = Place::channel(channel);
    for stopped in stopped {
        let post = texts::stopped(&stopped).into();
        if let Err(error) = services.chat().post(&place, &post, Urgency::More).await {
            tracing::warn!(%error, ?stopped, "nobody could be told that a candidate was stopped");
        }
    }
}

/// Before that nothing is kept.
pub(crate) fn oldest(now: Timestamp, settings: &Settings) -> Timestamp {
    now.checked_sub(settings.keep()).unwrap_or(Timestamp::MIN)
}

fn sender(senders: &[Sender], request: &Request) -> Option<String> {
    let (_, value) = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let scheme = value
        .get(..7)
        .filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let token = value.get(scheme?.len()..)?;
    senders.iter().fold(None, |found, sender| {
        if sender.has(token) {
            Some(sender.name.clone())
        } else {
            found
        }
    })
}

fn read(body: &[u8]) -> Result<Batch, String> {
    let batch: Batch =
        serde_json::from_slice(body).map_err(|error| format!("this is no batch of experiments: {error}"))?;
    if batch.version != VERSION {
        return Err(format!(
            "this is version {}, and only {VERSION} is known here; update the older one of both",
            batch.version
        ));
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_known_by_its_token_alone() {
        let senders = [
            Sender::new(
                "shop".into(),
                vec!["0123456789abcdef".into(), "another-token-of-it".into()],
            ),
            Sender::new("search".into(), vec!["fedcba9876543210".into()]),
        ];
        let by = |header: &str, value: &str| {
            let request = Request::new("POST", PATH, "").header(header, value.as_bytes());
            sender(&senders, &request)
        };
        assert_eq!(
            by("Authorization", "Bearer another-token-of-it").as_deref(),
            Some("shop")
        );
        assert_eq!(
            by("authorization", "bearer fedcba9876543210").as_deref(),
            Some("search")
        );
        for wrong in [
            "fedcba9876543210",
            "Bearer fedcba987654321",
            "Bearer fedcba98765432100",
            "Bearer ",
            "Basic x",
        ] {
            assert_eq!(by("authorization", wrong), None, "{wrong}");
        }
        assert_eq!(by("x-token", "Bearer fedcba9876543210"), None);
    }

    #[test]
    fn another_version_is_said_to_be_one() {
        let body = br#"{"version":2,"application":"a","instance":"i","sequence":1,"from":0,"to":0,"experiments":{}}"#;
        assert!(read(body).unwrap_err().contains("this is version 2"));
        assert!(read(b"{").unwrap_err().contains("no batch"));
    }
}
