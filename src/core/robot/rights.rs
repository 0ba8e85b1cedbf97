//! Whether somebody may say a command. Whatever goes wrong on the way to the answer (an error, a panic, a wait without
//! end) is a refusal.

use super::{Robot, texts};
use crate::{
    ids::UserId,
    message::Message,
    operations::Target,
    options::Options,
    policy::{self, Asked, Verdict, VerdictKind},
    responder::{Captures, CommandSpec, Effect},
};
use serde::{Deserialize, Serialize};
use std::{future::Future, time::Duration};
use tracing::Instrument;

/// How long it may take to find out whether somebody has a role; then the answer is no.
const ROLE_PATIENCE: Duration = Duration::from_secs(3);

/// How long all of a decision may take. Each question of it has a limit of its own, so this is for what nobody thought of.
const POLICY_PATIENCE: Duration = Duration::from_secs(12);

/// The key-value space of the confirmations that commands wait for, by id.
const CONFIRMATIONS: &str = "robot.confirmations";

/// A command that somebody says.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    /// The id of everything it causes.
    pub(super) id: &'a str,
    /// What was said.
    pub(super) message: &'a Message,
    /// The command.
    pub(super) spec: &'static CommandSpec,
    /// The words it was matched by.
    pub(super) line: &'a str,
    /// What was added to them.
    pub(super) options: &'a Options,
    /// What it is about, as far as its words say.
    pub(super) target: &'a Target,
}

impl Request<'_> {
    /// The whole command, as one would say it again.
    pub(super) fn whole(&self) -> String {
        self.options.on(self.line)
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) kind: RulingKind,
    /// The rule that decided, for people.
    pub(super) rule: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RulingKind {
    Allow,
    Confirm,
    Refuse,
}

impl Ruling {
    fn refuse(rule: impl Into<String>) -> Self {
        Self {
            kind: RulingKind::Refuse,
            rule: rule.into(),
        }
    }

    pub(super) fn allows(&self) -> bool {
        self.kind == RulingKind::Allow
    }
}

/// A confirmation that is waited for.
#[derive(Serialize, Deserialize)]
struct Confirmation {
    by: UserId,
    line: String,
    until: jiff::Timestamp,
}

impl Robot {
    /// Whether somebody may say a command, here and now.
    ///
    /// What proposes an operation is only asked for its role: the engine decides on the rest, when it knows the plan. What
    /// only reads is asked for its role, and for the rules that name it.
    pub(super) async fn ruling(&self, request: &Request<'_>) -> Ruling {
        let full = match request.spec.effect {
            Effect::Changes | Effect::Controls => true,
            Effect::Reads => policy::is_named(self.0.services.policy(), &self.asked(request)),
            Effect::Proposes => false,
        };
        if !full {
            return self.has_role(request.message, request.spec).await;
        }
        match self.verdict(request).await {
            Err(ruling) => ruling,
            Ok(verdict) => match verdict.kind {
                VerdictKind::Allow => Ruling {
                    kind: RulingKind::Allow,
                    rule: verdict.rule,
                },
                VerdictKind::Confirm => Ruling {
                    kind: RulingKind::Confirm,
                    rule: verdict.rule,
                },
                VerdictKind::Approve { .. } => Ruling::refuse(texts::cannot_be_approved(&verdict.rule)),
                VerdictKind::Wait { .. } | VerdictKind::Refuse => Ruling::refuse(verdict.rule),
            },
        }
    }

    /// What policy says of it as far as its words tell what it is about, whatever it would change. Where that cannot be found
    /// out, there is only a refusal.
    pub(super) async fn verdict(&self, request: &Request<'_>) -> Result<Verdict, Ruling> {
        let (services, asked) = (self.0.services.clone(), self.asked(request));
        guarded(POLICY_PATIENCE, async move {
            policy::verdict(&services, &asked).await
        })
        .await
    }

    /// Whether somebody has the role that a command asks for.
    pub(super) async fn has_role(&self, message: &Message, spec: &'static CommandSpec) -> Ruling {
        if spec.role.is_none() {
            return Ruling {
                kind: RulingKind::Allow,
                rule: "anybody may".into(),
            };
        }
        let (services, author) = (self.0.services.clone(), message.author.clone());
        let decide = async move {
            let chat = services.chat().as_ref();
            services.roles().decide(chat, &author, spec).await
        };
        match guarded(ROLE_PATIENCE, decide).await {
            Err(ruling) => ruling,
            Ok(decision) if decision.allowed => Ruling {
                kind: RulingKind::Allow,
                rule: decision.rule,
            },
            Ok(decision) => Ruling::refuse(decision.rule),
        }
    }

    /// What a command is about, by its groups `service` and `environment`. What it does not say is about all.
    pub(super) fn target(&self, captures: &Captures) -> Target {
        let catalog = self.0.services.catalog();
        Target {
            service: captures
                .get("service")
                .and_then(|raw| catalog.service(raw))
                .map(|service| service.name),
            environment: captures
                .get("environment")
                .and_then(|raw| catalog.environment(raw))
                .map(|environment| environment.name),
        }
    }

    /// Remembers that a command waits for its confirmation, under the id of its request.
    pub(super) async fn await_confirmation(&self, request: &Request<'_>) -> crate::Result {
        let store = self.0.services.store();
        let now = store.now().await?;
        for old in store.entries(CONFIRMATIONS).await? {
            let over = serde_json::from_value::<Confirmation>(old.value).is_ok_and(|old| old.until <= now);
            if over {
                store
                    .swap(CONFIRMATIONS, &old.key, old.revision, None, &[])
                    .await?;
            }
        }
        let confirmation = Confirmation {
            by: request.message.author.clone(),
            line: request.whole(),
            until: now + self.0.services.policy().confirm_expires,
        };
        let value = serde_json::to_value(confirmation)?;
        store
            .swap(CONFIRMATIONS, request.id, 0, Some(&value), &[])
            .await?;
        Ok(())
    }

    /// Whether this is the confirmation of the same command by who asked it, in time; one confirms once.
    pub(super) async fn is_confirmed(&self, request: &Request<'_>, id: Option<&str>) -> crate::Result<bool> {
        let Some(id) = id else {
            return Ok(false);
        };
        let store = self.0.services.store();
        let now = store.now().await?;
        let waiting = store.entries(CONFIRMATIONS).await?;
        let Some(found) = waiting.into_iter().find(|found| found.key == id) else {
            return Ok(false);
        };
        let confirmation: Confirmation = serde_json::from_value(found.value)?;
        let same = confirmation.by == request.message.author
            && confirmation.line == request.whole()
            && now < confirmation.until;
        // Of two who press at once, one finds that it is gone.
        Ok(same && store.swap(CONFIRMATIONS, id, found.revision, None, &[]).await?)
    }

    fn asked(&self, request: &Request<'_>) -> Asked {
        Asked {
            command: request.spec.id(),
            role: request.spec.role.map(str::to_owned),
            target: request.target.clone(),
            user: request.message.author.clone(),
            channel: request.message.channel.clone(),
            reason: request.options.reason.clone(),
        }
    }
}

/// Runs a check in a task of its own and no longer than so long. A panic in it, or no answer, is a refusal.
async fn guarded<T: Send + 'static>(
    patience: Duration,
    check: impl Future<Output = T> + Send + 'static,
) -> Result<T, Ruling> {
    let mut task = tokio::spawn(check.in_current_span());
    match tokio::time::timeout(patience, &mut task).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "the check of a right ended abruptly, so the answer is no");
            Err(Ruling::refuse(texts::rights_failed()))
        }
        Err(_) => {
            task.abort();
            tracing::error!(
                ?patience,
                "the check of a right did not end in time, so the answer is no"
            );
            Err(Ruling::refuse(texts::rights_late()))
        }
    }
}
