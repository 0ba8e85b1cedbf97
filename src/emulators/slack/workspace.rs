//! The handle a test or a program holds.

use std::{net::SocketAddr, sync::Arc};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    InteractionId, Options, Refused, Ts, World,
    channel::Kind,
    server::{self, Shared},
    state::State,
    wire::{Line, WireListener},
};

/// A running workspace. Clones share it; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    _running: Arc<Running>,
}

/// Stops the server when dropped: no new connection, and every open one reset.
#[derive(Debug)]
struct Running(Arc<Shared>, tokio::task::AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop.cancel();
        self.1.abort();
        self.0.wires.reset_all();
    }
}

impl Workspace {
    /// Starts on a free loopback port.
    pub async fn start(options: Options) -> Result<Self, Refused> {
        let listener = Options::listener("127.0.0.1:0").await?;
        Self::start_on(listener, options)
    }

    /// Starts on a listener somebody else bound.
    pub fn start_on(listener: TcpListener, options: Options) -> Result<Self, Refused> {
        let address = listener.local_addr().map_err(|error| {
            Refused::Network(format!("the Slack emulator's listener has no address: {error}"))
        })?;
        let base_url = format!("http://{address}");
        let ping_every = options.ping_every;
        let shared = Arc::new(Shared::new(
            State::new(options, base_url.clone()),
            base_url,
            ping_every,
        ));
        let service = server::router(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
        let listener = WireListener::new(listener, Arc::clone(&shared.wires));
        let serve = tokio::spawn(async move {
            // It only ends when aborted: accept errors are waited out.
            let _ = axum::serve(listener, service).await;
        });
        tokio::spawn(server::run_timers(Arc::clone(&shared)));
        let running = Arc::new(Running(Arc::clone(&shared), serve.abort_handle()));
        Ok(Self {
            shared,
            address,
            _running: running,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an app is configured with as Slack's API url, without a slash at the end.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.shared.base_url)
    }

    /// The control surface for other processes.
    pub fn control_url(&self) -> String {
        format!("{}/emulator", self.shared.base_url)
    }

    /// The bot token an app must present.
    pub fn bot_token(&self) -> String {
        self.shared.look(|st| st.options.bot_token.clone())
    }

    /// The app-level token for Socket Mode.
    pub fn app_token(&self) -> String {
        self.shared.look(|st| st.options.app_token.clone())
    }

    /// What signs deliveries over HTTP.
    pub fn signing_secret(&self) -> String {
        self.shared.look(|st| st.options.signing_secret.clone())
    }

    /// Reads anything.
    pub fn look<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        self.shared.look(|st| read(&st.world))
    }

    // What people do

    /// `user` says `text` in `channel`. `@name`, `#channel`, urls and emoji become what Slack makes of them.
    pub fn say(&self, user: &str, channel: &str, text: &str) -> Result<Ts, Refused> {
        self.shared.with(|st| st.say(user, channel, text, None))
    }

    /// The same in the thread of `thread`.
    pub fn say_in_thread(&self, user: &str, channel: &str, thread: Ts, text: &str) -> Result<Ts, Refused> {
        self.shared.with(|st| st.say(user, channel, text, Some(thread)))
    }

    /// `user` says `text` to the bot alone.
    pub fn dm(&self, user: &str, text: &str) -> Result<Ts, Refused> {
        self.shared.with(|st| st.dm(user, text))
    }

    /// The author of a message changes it.
    pub fn edit(&self, ts: Ts, text: &str) -> Result<(), Refused> {
        self.shared.with(|st| st.edit(ts, text))
    }

    /// Slack unfurls a link in a message: a change that is no edit.
    pub fn unfurl(&self, ts: Ts, attachment: Value) -> Result<(), Refused> {
        let done = self.shared.with(|st| st.unfurl(ts, attachment));
        if done {
            Ok(())
        } else {
            Err(Refused::NoSuchMessage(ts.to_string()))
        }
    }

    /// A message is deleted.
    pub fn delete(&self, ts: Ts) -> Result<(), Refused> {
        self.shared.with(|st| st.delete(ts))
    }

    /// `user` reacts with an emoji.
    pub fn react(&self, user: &str, ts: Ts, emoji: &str) -> Result<(), Refused> {
        self.shared
            .with(|st| st.react_as(user, ts, emoji, true))
            .map(drop)
    }

    /// `user` takes a reaction back.
    pub fn unreact(&self, user: &str, ts: Ts, emoji: &str) -> Result<(), Refused> {
        self.shared
            .with(|st| st.react_as(user, ts, emoji, false))
            .map(drop)
    }

    /// `user` (or the bot, by its name) comes into a channel.
    pub fn join(&self, user: &str, channel: &str) -> Result<(), Refused> {
        self.shared.with(|st| st.move_in(user, channel, true))
    }

    /// `user` leaves a channel.
    pub fn leave(&self, user: &str, channel: &str) -> Result<(), Refused> {
        self.shared.with(|st| st.move_in(user, channel, false))
    }

    /// `user` types a slash command.
    pub fn slash(
        &self,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<InteractionId, Refused> {
        self.shared.with(|st| st.slash(user, channel, command, text))
    }

    /// `user` clicks the button with that label or action id.
    pub fn click(&self, user: &str, ts: Ts, button: &str) -> Result<InteractionId, Refused> {
        self.shared.with(|st| st.click(user, ts, button, None))
    }

    /// `user` chooses in a menu (an option's text or value), or sets a date and the like.
    pub fn choose(&self, user: &str, ts: Ts, element: &str, choice: &str) -> Result<InteractionId, Refused> {
        self.shared
            .with(|st| st.click(user, ts, element, Some(&choice.into())))
    }

    /// `user` types into a menu whose options the app supplies; they are in the
    /// [`Outcome`](super::Outcome).
    pub fn suggest(&self, user: &str, ts: Ts, element: &str, typed: &str) -> Result<InteractionId, Refused> {
        self.shared.with(|st| st.suggest(user, ts, element, typed))
    }

    /// `user` acts on an element of the modal (or App Home) they see.
    pub fn click_in_view(
        &self,
        user: &str,
        element: &str,
        choice: Option<Value>,
    ) -> Result<InteractionId, Refused> {
        self.shared
            .with(|st| st.click_in_view(user, element, choice.as_ref()))
    }

    /// `user` submits their modal; `values` maps block ids or action ids to what was entered.
    pub fn submit(&self, user: &str, values: Value) -> Result<InteractionId, Refused> {
        let values = values.as_object().cloned().unwrap_or_default();
        self.shared.with(|st| st.submit(user, &values))
    }

    /// `user` closes their modal.
    pub fn close_view(&self, user: &str) -> Result<Option<InteractionId>, Refused> {
        self.shared.with(|st| st.close_view(user))
    }

    /// Delivers any interaction payload.
    pub fn interact(&self, payload: Value) -> InteractionId {
        self.shared.with(|st| st.raw_interaction(payload, true))
    }

    /// Delivers any event; its id.
    pub fn emit(&self, event: Value) -> String {
        self.shared.with(|st| st.emit_json(event))
    }

    /// `user` opens the App Home.
    pub fn open_home(&self, user: &str) -> Result<String, Refused> {
        self.shared.with(|st| {
            let user = st.world.known_user(user)?.id.clone();
            let channel = st.world.direct(std::slice::from_ref(&user)).0;
            let now = st.world.next_ts();
            let mut event =
                json!({"type": "app_home_opened", "user": user, "channel": channel, "tab": "home", "event_ts": now});
            if let Some(view) = st.world.views.home(&user) {
                event["view"] = view.body.clone();
            }
            Ok(st.emit_json(event))
        })
    }

    // The workspace

    /// Adds a person to the workspace and to its public channels; their id.
    pub fn add_user(&self, name: &str) -> String {
        self.shared.with(|st| st.world.add_user(name))
    }

    /// Adds a channel with everybody and the bot in it; its id.
    pub fn add_channel(&self, name: &str, kind: Kind) -> String {
        self.shared.with(|st| st.world.add_channel(name, kind))
    }

    /// Archives a channel.
    pub fn archive(&self, channel: &str) -> Result<(), Refused> {
        self.shared.with(|st| {
            let id = st.world.known_channel(channel)?.id.clone();
            if let Some(channel) = st.world.channels.get_mut(&id) {
                channel.is_archived = true;
            }
            let now = st.world.next_ts();
            st.emit_json(json!({"type": "channel_archive", "channel": id, "event_ts": now}));
            Ok(())
        })
    }

    /// Adds a user group, or replaces its members; its id.
    pub fn add_group(&self, handle: &str, users: &[&str]) -> Result<String, Refused> {
        let users: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
        self.shared.with(|st| st.set_group(handle, &users))
    }
}
