//! The handle a test or a program holds.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    Call, Entry, Fault, File, Interaction, InteractionId, Message, Options, Outcome, Refused, SocketFault,
    SocketView, Stats, Ts, What, World,
    delivery::Out,
    http_events,
    server::{self, Shared},
    state::State,
    wire::{Line, WireListener},
    world::Kind,
};

/// A running workspace. Clones share it; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Workspace {
    shared: Arc<Shared>,
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

/// A condition did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the kind happened within {deadline:?}; the last that did: {}", last.join(" | "))]
pub struct Waited {
    /// How long was waited.
    pub deadline: Duration,
    /// The end of the journal.
    pub last: Vec<String>,
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

    /// `user` types into a menu whose options the app supplies; they are in the [`Outcome`].
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

    /// Every message of a channel, oldest first: replies and ephemeral ones too. `@ann` is Ann's direct
    /// conversation with the bot. Copies; for much at once use [`Self::look`].
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.look(|world| world.messages(channel).cloned().collect())
    }

    /// The message of that timestamp.
    pub fn message(&self, ts: Ts) -> Option<Message> {
        self.look(|world| world.message(ts).cloned())
    }

    /// What answers the message, oldest first.
    pub fn replies(&self, ts: Ts) -> Vec<Message> {
        self.look(|world| world.replies(ts).cloned().collect())
    }

    /// Files whose upload was completed.
    pub fn files(&self) -> Vec<File> {
        self.look(|world| world.files().filter(|f| f.completed).cloned().collect())
    }

    /// Waits until `found` gives something, for at most `deadline`. It is asked after every change.
    pub async fn wait_for<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&World) -> Option<T>,
    ) -> Result<T, Waited> {
        self.wait(deadline, |st| found(&st.world)).await
    }

    /// Waits until the app acknowledged an interaction or missed its deadline.
    pub async fn outcome(&self, id: InteractionId, deadline: Duration) -> Result<Outcome, Waited> {
        let settled = |st: &State| {
            st.interactions
                .get(&id)
                .map(|i| i.outcome.clone())
                .filter(|o| *o != Outcome::Waiting)
        };
        self.wait(deadline, settled).await
    }

    /// Waits until that many sockets are open.
    pub async fn connected(&self, sockets: usize, deadline: Duration) -> Result<(), Waited> {
        self.wait(deadline, |st| (st.delivery.count() == sockets).then_some(()))
            .await
    }

    /// Waits until everything sent was acknowledged.
    pub async fn quiet(&self, deadline: Duration) -> Result<(), Waited> {
        self.wait(deadline, |st| (st.delivery.in_flight() == 0).then_some(()))
            .await
    }

    /// Waits until an entry of the journal matches.
    pub async fn wait_for_entry<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&What) -> Option<T>,
    ) -> Result<T, Waited> {
        let mut seen = 0;
        self.wait(deadline, |st| {
            let hit = st.journal.after(seen).find_map(|entry| found(&entry.what));
            seen = st.journal.last();
            hit
        })
        .await
    }

    async fn wait<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&State) -> Option<T>,
    ) -> Result<T, Waited> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            if let Some(found) = self.shared.look(&mut found) {
                return Ok(found);
            }
            if tokio::time::timeout_at(until, changes.changed()).await.is_err() {
                let last = self.shared.look(|st| {
                    st.journal
                        .after(st.journal.last().saturating_sub(8))
                        .map(|e| json!(e).to_string())
                        .collect()
                });
                return Err(Waited { deadline, last });
            }
        }
    }

    // What the app did

    /// How the app took something a person did.
    pub fn interaction(&self, id: InteractionId) -> Option<Interaction> {
        self.shared.look(|st| st.interactions.get(&id).cloned())
    }

    /// The journal after entry `n` (0 for all of it).
    pub fn journal(&self, n: u64) -> Vec<Entry> {
        self.shared.look(|st| st.journal.after(n).cloned().collect())
    }

    /// Every Web API call, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.look(|st| {
            let calls = st.journal.after(0).filter_map(|entry| match &entry.what {
                What::Call(call) => Some(call.clone()),
                _ => None,
            });
            calls.collect()
        })
    }

    /// Counts and ack latencies.
    pub fn stats(&self) -> Stats {
        self.shared.look(|st| st.journal.stats.clone())
    }

    /// The open sockets.
    pub fn sockets(&self) -> Vec<SocketView> {
        self.shared.look(|st| st.delivery.sockets())
    }

    /// Ids of the events sent, oldest first (the last 10,000).
    pub fn event_ids(&self) -> Vec<String> {
        self.shared.look(|st| st.delivery.event_ids())
    }

    // What goes wrong

    /// A planned rotation: a warning on every socket, after the grace a `refresh_requested`, then the end.
    pub fn rotate(&self) {
        let host = self.shared.host();
        self.shared
            .with(|st| st.delivery.rotate(&host, st.options.rotation_grace));
    }

    /// Sends a `disconnect` with this reason on every socket, and closes them shortly after.
    pub fn disconnect(&self, reason: &str) {
        let host = self.shared.host();
        self.shared.with(|st| {
            st.delivery
                .disconnect(None, reason, &host, Some(st.options.close_after))
        });
    }

    /// Sends a bare `disconnect` warning, and nothing else.
    pub fn warn(&self) {
        let host = self.shared.host();
        self.shared
            .with(|st| st.delivery.disconnect(None, "warning", &host, None));
    }

    /// Resets the TCP connection of every socket.
    pub fn cut_sockets(&self) {
        for line in self.shared.look(|st| st.delivery.lines()) {
            line.reset();
        }
    }

    /// Sends a Close frame on every socket.
    pub fn close_sockets(&self) {
        self.shared.look(|st| {
            st.delivery
                .sockets()
                .iter()
                .for_each(|s| st.delivery.tell(s.id, Out::Close))
        });
    }

    /// From now on the open sockets answer no ping and hear no ack; events still arrive.
    pub fn mute_sockets(&self) {
        self.shared
            .look(|st| st.delivery.lines())
            .iter()
            .for_each(|line| line.deafen());
    }

    /// From now on nothing passes on the open sockets, in either direction, and nobody is told.
    pub fn freeze_sockets(&self) {
        self.shared
            .look(|st| st.delivery.lines())
            .iter()
            .for_each(|line| line.freeze());
    }

    /// Delivers an event once more, with the same id, as a retry.
    pub fn redeliver(&self, event_id: &str) -> Result<(), Refused> {
        let known = self
            .shared
            .with(|st| st.delivery.redeliver(event_id, &mut st.journal));
        if known {
            Ok(())
        } else {
            Err(Refused::NoSuchEvent(event_id.to_owned()))
        }
    }

    /// Whether every event is delivered twice.
    pub fn deliver_twice(&self, on: bool) {
        self.shared.with(|st| st.delivery.duplicate = on);
    }

    /// The next `times` calls of `method` are answered 429 with `Retry-After: retry_after`.
    pub fn rate_limit_next(&self, method: &str, retry_after: u64, times: u32) {
        self.shared
            .with(|st| st.limits.order(method, Some(retry_after), times));
    }

    /// Slack's own rate limits, on or off.
    pub fn strict(&self, on: bool) {
        self.shared.with(|st| st.limits.strict = on);
    }

    /// The next `times` calls of `method` (`*` for any; also `upload` and `response_url`) go wrong.
    pub fn fail_next(&self, method: &str, fault: Fault, times: u32) {
        self.shared.with(|st| st.faults.order(method, fault, times));
    }

    /// The next `times` sockets go wrong.
    pub fn fail_next_socket(&self, fault: SocketFault, times: u32) {
        self.shared.with(|st| st.faults.order_socket(fault, times));
    }

    /// Every call fails with this code, such as `token_revoked`; `None` heals.
    pub fn auth_error(&self, code: Option<&str>) {
        self.shared.with(|st| st.faults.auth = code.map(str::to_owned));
    }

    /// Forgets all failures ordered.
    pub fn clear_faults(&self) {
        self.shared.with(|st| st.faults.clear());
    }

    /// Takes away or gives scopes of the bot token.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.shared
            .with(|st| st.options.scopes = scopes.iter().map(|s| (*s).to_owned()).collect());
    }

    /// Verifies a request url by its challenge; from then on everything is delivered there, signed, and nothing
    /// over sockets. Needs a rustls provider to be installed, though it speaks plain HTTP.
    pub async fn set_request_url(&self, url: &str) -> Result<(), Refused> {
        http_events::verify(&self.shared, url).await?;
        self.shared
            .with(|st| st.delivery.request_url = Some(url.to_owned()));
        Ok(())
    }
}
