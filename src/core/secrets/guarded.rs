//! The one way out: a chat around the chat, through which everything goes that the robot says, so that no path has to
//! think of credentials.

use super::redact;
use crate::{
    card::{Card, File, Part, Post},
    chat::{Chat, ChatError, MessageRef, Person, Place, Urgency},
    form::Form,
    ids::{ChannelId, UserId},
};
use async_trait::async_trait;
use std::{borrow::Cow, sync::Arc};

/// A chat that says no credentials.
pub(crate) struct Guarded(Arc<dyn Chat>);

impl Guarded {
    pub(crate) fn new(chat: Arc<dyn Chat>) -> Self {
        Self(chat)
    }
}

#[async_trait]
impl Chat for Guarded {
    async fn post(&self, place: &Place, post: &Post, urgency: Urgency) -> Result<MessageRef, ChatError> {
        self.0.post(place, &clean_post(post), urgency).await
    }

    async fn update(&self, message: &MessageRef, post: &Post, urgency: Urgency) -> Result<(), ChatError> {
        self.0.update(message, &clean_post(post), urgency).await
    }

    async fn whisper(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), ChatError> {
        self.0.whisper(place, to, &clean_post(post)).await
    }

    async fn form(&self, place: &Place, form: &Form) -> Result<bool, ChatError> {
        self.0.form(place, &clean_form(form)).await
    }

    async fn react(&self, message: &MessageRef, emoji: &str) -> Result<(), ChatError> {
        self.0.react(message, emoji).await
    }

    async fn upload(&self, place: &Place, file: File) -> Result<(), ChatError> {
        self.0.upload(place, clean_file(file)).await
    }

    async fn keep(&self, file: File) -> Result<Option<String>, ChatError> {
        self.0.keep(clean_file(file)).await
    }

    async fn find(&self, place: &Place, key: &str) -> Result<Option<MessageRef>, ChatError> {
        self.0.find(place, key).await
    }

    async fn link(&self, message: &MessageRef) -> Result<Option<String>, ChatError> {
        self.0.link(message).await
    }

    async fn channel_name(&self, channel: &ChannelId) -> Result<String, ChatError> {
        self.0.channel_name(channel).await
    }

    async fn person(&self, user: &UserId) -> Result<Person, ChatError> {
        match user.as_robot() {
            // The chat does not know the robot's own actors.
            Some(actor) => Ok(Person {
                name: actor.to_owned(),
                robot: true,
                ..Person::default()
            }),
            None => self.0.person(user).await,
        }
    }

    async fn by_email(&self, email: &str) -> Result<Option<UserId>, ChatError> {
        self.0.by_email(email).await
    }

    async fn direct(&self, user: &UserId) -> Result<ChannelId, ChatError> {
        self.0.direct(user).await
    }

    async fn in_group(&self, user: &UserId, group: &str) -> Result<bool, ChatError> {
        match user.as_robot() {
            Some(_) => Ok(false),
            None => self.0.in_group(user, group).await,
        }
    }
}

/// A post without credentials: words, card, buttons with their commands. Its key is the robot's own and names no secret.
fn clean_post(post: &Post) -> Cow<'_, Post> {
    let mut clean = Cow::Borrowed(post);
    if let Cow::Owned(text) = redact(&post.text) {
        clean.to_mut().text = text;
    }
    if let Some(card) = &post.card
        && let Some(card) = clean_card(card)
    {
        clean.to_mut().card = Some(card);
    }
    clean
}

/// The card without credentials, if it has any.
fn clean_card(card: &Card) -> Option<Card> {
    let mut clean = card.clone();
    let mut texts: Vec<&mut String> = vec![&mut clean.title];
    for part in &mut clean.parts {
        match part {
            Part::Text(text) | Part::Code(text) => texts.push(text),
            Part::Fields(fields) => {
                for (name, value) in fields {
                    clean_field(name, value);
                    texts.extend([name, value]);
                }
            }
            Part::Picture(picture) => texts.push(&mut picture.alt),
            Part::Form(form) => *form = clean_form(form),
            Part::Divider => {}
        }
    }
    for button in &mut clean.buttons {
        texts.extend([&mut button.label, &mut button.command]);
        texts.extend(button.confirm.as_mut());
    }
    texts.extend(clean.footer.as_mut());
    texts.into_iter().for_each(clean_text);
    (clean != *card).then_some(clean)
}

/// A form without credentials: what was said already stands in it.
fn clean_form(form: &Form) -> Form {
    let mut clean = form.clone();
    for field in &mut clean.fields {
        field.initial.iter_mut().for_each(clean_text);
        for choice in &mut field.choices {
            clean_text(&mut choice.label);
        }
    }
    clean
}

/// A field's name and value belong together: `password` and what it is.
fn clean_field(name: &str, value: &mut String) {
    let joined = format!("{name}=");
    let whole = format!("{joined}{value}");
    if let Cow::Owned(clean) = redact(&whole)
        && let Some(clean) = clean.strip_prefix(&joined)
    {
        *value = clean.to_owned();
    }
}

fn clean_text(text: &mut String) {
    if let Cow::Owned(clean) = redact(text) {
        *text = clean;
    }
}

/// A file without credentials: what is said of it, and what is in it if that is text.
fn clean_file(mut file: File) -> File {
    clean_text(&mut file.name);
    clean_text(&mut file.title);
    file.alt.as_mut().into_iter().for_each(clean_text);
    file.comment.as_mut().into_iter().for_each(clean_text);
    // A picture has bytes that no text has.
    if !file.bytes.contains(&0) {
        let text = String::from_utf8_lossy(&file.bytes);
        if let Cow::Owned(clean) = redact(&text) {
            file.bytes = clean.into_bytes();
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Button, Tone, room::RoomChat, room::What};

    const SECRET: &str = "ghp_0123456789abcdefABCDEF0123456789abcd";

    #[tokio::test]
    async fn whatever_way_it_takes_no_credential_gets_out() {
        let room = Arc::new(RoomChat::default());
        let chat = Guarded::new(room.clone());
        let place = Place::channel("C1");
        let card = Card::new(Tone::Bad, format!("title {SECRET}"))
            .text(format!("text {SECRET}"))
            .code(format!("code {SECRET}"))
            .field("password", "hunter2")
            .field(format!("name {SECRET}"), SECRET)
            .button(
                Button::new(format!("label {SECRET}"), format!("do {SECRET}")).danger(format!("? {SECRET}")),
            )
            .footer(format!("footer {SECRET}"));
        let post: Post = card.into();
        let message = chat.post(&place, &post, Urgency::Answer).await.unwrap();
        chat.update(&message, &post, Urgency::Answer).await.unwrap();
        chat.whisper(&place, &"U1".into(), &post).await.unwrap();
        chat.post(&place, &SECRET.into(), Urgency::More).await.unwrap();
        let file = |bytes: Vec<u8>| File {
            name: format!("{SECRET}.txt"),
            title: SECRET.into(),
            alt: Some(SECRET.into()),
            comment: Some(SECRET.into()),
            bytes,
        };
        chat.upload(&place, file(format!("a\n{SECRET}\nb").into_bytes()))
            .await
            .unwrap();
        let latin = [b"caf\xe9 ", SECRET.as_bytes()].concat();
        chat.upload(&place, file(latin)).await.unwrap();
        for said in room.said() {
            let shown = match &said.what {
                What::File(file) => format!("{file:?} {}", String::from_utf8_lossy(&file.bytes)),
                other => format!("{other:?}"),
            };
            assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("[redacted: GitHub token]"), "{shown}");
        }
        let shown = room.shown();
        assert!(shown.iter().all(|post| !format!("{post:?}").contains(SECRET)));
        assert_eq!(shown[1].text, "[redacted: GitHub token]");
    }

    #[test]
    fn a_picture_stays_as_it_is() {
        let bytes = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", SECRET.as_bytes()].concat();
        let file = File {
            name: "graph.png".into(),
            title: "errors".into(),
            alt: None,
            comment: None,
            bytes: bytes.clone(),
        };
        assert_eq!(clean_file(file).bytes, bytes);
    }
}
