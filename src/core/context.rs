//! What a handler gets with each message: what was said, the way to answer, and everything it can reach.

use crate::{
    card::{Card, File, Post},
    chat::{MessageRef, Person, Place, Urgency},
    error::Result,
    form::Form,
    live::Live,
    markup,
    message::{Message, Via},
    options::Options,
    responder::{CommandSpec, Kind},
    services::Services,
    store::ClaimStage,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// One message, being answered. Cheap to clone; can be taken along into a task of one's own.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    id: String,
    message: Message,
    line: String,
    spec: &'static CommandSpec,
    options: Options,
    services: Services,
    limit: u32,
    said: AtomicU32,
    /// An earlier answer that the first post replaces, when an edited message is answered again.
    earlier: Mutex<Option<MessageRef>>,
    first: Mutex<Option<MessageRef>>,
    held: tokio::sync::OnceCell<()>,
    /// How many messages it has posted.
    posts: AtomicU32,
    /// Whether it answers in the thread that belongs to the message.
    threaded: AtomicBool,
    /// Whether it was said to the robot.
    addressed: AtomicBool,
}

/// How long looking a person up may take before the robot does without.
const PERSON_PATIENCE: Duration = Duration::from_secs(2);

impl Context {
    #[allow(
        clippy::too_many_arguments,
        reason = "made in one place, from what a message was found to say"
    )]
    pub(crate) fn new(
        id: String,
        message: Message,
        line: String,
        spec: &'static CommandSpec,
        options: Options,
        services: Services,
        limit: u32,
        earlier: Option<MessageRef>,
    ) -> Self {
        Self(Arc::new(Inner {
            id,
            message,
            line,
            spec,
            options,
            services,
            limit,
            said: AtomicU32::new(0),
            earlier: Mutex::new(earlier),
            first: Mutex::new(None),
            held: tokio::sync::OnceCell::new(),
            posts: AtomicU32::new(0),
            threaded: AtomicBool::new(false),
            addressed: AtomicBool::new(true),
        }))
    }

    /// Notes that it was said to somebody else, and heard.
    pub(crate) fn overheard(&self) {
        self.0.addressed.store(false, Ordering::Relaxed);
    }

    /// Whether it was said to the robot: what listens can leave it to the command that answers.
    pub fn is_addressed(&self) -> bool {
        self.0.addressed.load(Ordering::Relaxed)
    }

    /// The id of everything this message causes: in logs, in a failure's message.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What was said.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// Who said it.
    pub fn author(&self) -> &crate::UserId {
        &self.0.message.author
    }

    /// The words as they were matched: repaired, without the robot's name.
    pub fn line(&self) -> &str {
        &self.0.line
    }

    /// The command that answers.
    pub fn command(&self) -> &'static CommandSpec {
        self.0.spec
    }

    /// What was added to the command: `--plan`, `because …`.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// From here on it answers in the thread that belongs to the message, or to the card whose button was pressed: what is done
    /// about something stands below it.
    pub fn answer_in_thread(&self) {
        self.0.threaded.store(true, Ordering::Relaxed);
    }

    /// Where it answers.
    pub(crate) fn place(&self) -> Place {
        if self.0.threaded.load(Ordering::Relaxed) {
            self.0.message.own_thread()
        } else {
            self.0.message.place()
        }
    }

    /// Proposes an operation of this kind: plans it, decides on it, and begins it or shows what it waits for, or why it is
    /// refused. The operation's card is the answer to the message.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when it cannot be planned.
    pub async fn propose(&self, kind: &str, ask: impl serde::Serialize + Send) -> Result {
        let ask = serde_json::to_value(ask)?;
        self.services().operations().propose(self, kind, ask).await
    }

    /// Everything a handler can reach.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// Answers where it was said: in the channel, or in the thread it was said in.
    ///
    /// # Errors
    /// When the chat does not take it, or when this message has said too much already.
    pub async fn reply(&self, post: impl Into<Post>) -> Result {
        self.post(&self.place(), post.into()).await.map(drop)
    }

    /// Answers in the message's thread, starting it if need be: for what is long.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub async fn reply_in_thread(&self, post: impl Into<Post>) -> Result {
        self.post(&self.0.message.own_thread(), post.into())
            .await
            .map(drop)
    }

    /// Answers with a card and keeps hold of it, to edit it in place.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub async fn live(&self, card: Card) -> Result<Live> {
        let post = card.into();
        let message = self.post(&self.0.message.place(), post).await?;
        Ok(Live::new(self.0.services.chat().clone(), message))
    }

    /// Opens a form before who pressed the button or said the slash command; what is filled in is said where that was, in the thread of
    /// the button's message. `false` when the chat cannot, so that it has to be [posted](crate::card::Part::Form).
    pub async fn open(&self, form: &Form) -> bool {
        if !matches!(self.0.message.via, Via::Slash | Via::Button { .. }) {
            return false;
        }
        match self
            .0
            .services
            .chat()
            .form(&self.0.message.own_thread(), form)
            .await
        {
            Ok(true) => {
                self.left();
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::info!(%error, "a form is posted, because it could not be opened");
                false
            }
        }
    }

    /// Answers with the card of an operation. Nothing is added to it: it says itself who asked for what.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub(crate) async fn answer(&self, post: Post) -> Result<MessageRef> {
        self.hold().await?;
        let first = self.said() == 0;
        self.count()?;
        let chat = self.0.services.chat();
        let message = chat.post(&self.place(), &post, Urgency::Answer).await?;
        if first {
            *self.0.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.clone());
        }
        Ok(message)
    }

    /// Says something only who asked can see.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub async fn whisper(&self, post: impl Into<Post>) -> Result {
        self.hold().await?;
        self.count()?;
        let chat = self.0.services.chat();
        chat.whisper(&self.0.message.place(), self.author(), &post.into())
            .await?;
        Ok(())
    }

    /// Adds a reaction to the message, by the emoji's name; where there is no message (a slash command), says it.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub async fn react(&self, emoji: &str) -> Result {
        let Some(message) = self.0.message.reference() else {
            return self.reply(format!(":{emoji}:")).await;
        };
        self.hold().await?;
        self.count()?;
        self.0.services.chat().react(&message, emoji).await?;
        Ok(())
    }

    /// Uploads a file into the message's thread.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub async fn upload(&self, file: File) -> Result {
        self.hold().await?;
        self.count()?;
        self.0
            .services
            .chat()
            .upload(&self.0.message.own_thread(), file)
            .await?;
        Ok(())
    }

    /// Who said it, as far as the chat tells in time.
    pub async fn person(&self) -> Person {
        let found = self.0.services.chat().person(self.author());
        match tokio::time::timeout(PERSON_PATIENCE, found).await {
            Ok(Ok(person)) => person,
            _ => Person {
                name: self.author().to_string(),
                ..Person::default()
            },
        }
    }

    /// How often it has been said, posted or reacted so far.
    pub(crate) fn said(&self) -> u32 {
        self.0.said.load(Ordering::SeqCst)
    }

    /// The first message it was answered with.
    pub(crate) fn first_answer(&self) -> Option<MessageRef> {
        self.0
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes sure, once, that the event is still this process's to work on.
    pub(crate) async fn hold(&self) -> Result {
        let (store, event) = (self.0.services.store(), &self.0.message.event);
        self.0.held.get_or_try_init(|| store.hold(event)).await?;
        Ok(())
    }

    /// Notes, durably, that something is about to be done that cannot be begun anew.
    pub(crate) async fn begin(&self) -> Result {
        let (store, event) = (self.0.services.store(), &self.0.message.event);
        store.advance(event, ClaimStage::Answering).await?;
        Ok(())
    }

    /// Notes that somebody else has answered, or will.
    pub(crate) fn left(&self) {
        self.0.said.fetch_add(1, Ordering::SeqCst);
    }

    /// What marks this post as the answer, or the nth, so that whoever takes the event over from a process that died finds it.
    fn key(&self) -> String {
        let (event, spec) = (&self.0.message.event, self.0.spec);
        let mut key = match spec.kind {
            Kind::Respond => event.answer(),
            Kind::Hear => format!("{} to {}", event.answer(), spec.id()),
        };
        let before = self.0.posts.fetch_add(1, Ordering::SeqCst);
        if before > 0 {
            key = format!("{key}:{}", before + 1);
        }
        key
    }

    pub(crate) fn count(&self) -> Result {
        if self.0.said.fetch_add(1, Ordering::SeqCst) >= self.0.limit {
            anyhow::bail!(
                "it said more than {} things in answer to one message",
                self.0.limit
            );
        }
        Ok(())
    }

    async fn post(&self, place: &Place, mut post: Post) -> Result<MessageRef> {
        self.hold().await?;
        let first = self.said() == 0;
        self.count()?;
        let chat = self.0.services.chat();
        let earlier = self
            .0
            .earlier
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(earlier) = earlier {
            chat.update(&earlier, &post, Urgency::Answer).await?;
            *self.0.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(earlier.clone());
            return Ok(earlier);
        }
        if first {
            self.tell_what_was_asked(&mut post);
        }
        let key = post.key.get_or_insert_with(|| self.key()).clone();
        let said_before = if self.0.message.again {
            chat.find(place, &key).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "whether it was said already cannot be found out, so it is said");
                None
            })
        } else {
            None
        };
        let message = match said_before {
            Some(message) => message,
            None => {
                let urgency = if first { Urgency::Answer } else { Urgency::More };
                chat.post(place, &post, urgency).await?
            }
        };
        if first {
            *self.0.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.clone());
        }
        Ok(message)
    }

    /// A slash command and a button leave no words behind that the others could see; the answer says them.
    fn tell_what_was_asked(&self, post: &mut Post) {
        if self.0.message.via == Via::Said {
            return;
        }
        let line = self.0.options.on(&self.0.line);
        let mut asked = format!("{}: {}", markup::user(self.author()), markup::code(&line));
        if matches!(self.0.message.via, Via::Schedule { .. }) {
            asked = format!("scheduled by {asked}");
        }
        match &mut post.card {
            Some(card) => {
                card.footer = Some(match card.footer.take() {
                    Some(footer) => format!("{footer} · {asked}"),
                    None => asked,
                });
            }
            None => post.text = format!("{asked}\n{}", post.text),
        }
    }
}
