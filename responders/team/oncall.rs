//! Who is on call: by rotas in a file, or as PagerDuty, or what speaks its API, tells.

mod rota;
mod settings;
mod texts;

use otus::{UserId, args, prelude::*};
use otus_monitoring::pagerduty::PagerDuty;
use rota::Rotas;
pub use settings::{PagerDutySettings, Settings};
use std::{path::PathBuf, sync::Arc};

/// Who is on call.
#[derive(Debug, Clone)]
pub struct OnCall {
    file: Option<PathBuf>,
    pager: Option<Pager>,
}

/// PagerDuty, and the ids of its schedules by what teams call them.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    client: PagerDuty,
    schedules: Arc<Vec<(String, String)>>,
}

/// Somebody's turn, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The team.
    pub(crate) team: String,
    /// Who; nobody where the source names none.
    pub(crate) who: Vec<Who>,
    /// Until when.
    pub(crate) until: Option<jiff::Timestamp>,
    /// Who comes next, where that is known.
    pub(crate) next: Option<Who>,
}

/// Somebody, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody in the chat.
    Person(UserId),
    /// A name.
    Named(String),
}

impl OnCall {
    /// With these settings.
    ///
    /// # Errors
    /// A setting that cannot work, or a file that cannot be read; it begins with the key.
    pub fn new(settings: Settings) -> Result<Self> {
        // A file that cannot be read stops the start; later it is told to whoever asks.
        if let Some(file) = &settings.file {
            Rotas::read(file).map_err(|why| anyhow::anyhow!("file: {why}"))?;
        }
        let pager = settings.pagerduty.pager().map_err(anyhow::Error::msg)?;
        Ok(Self {
            file: settings.file,
            pager,
        })
    }
}

impl Configure for OnCall {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        Self::new(settings)
    }
}

/// Who is on call.
#[responder(name = "oncall", config = Settings, needs = "emails")]
impl OnCall {
    /// Says who is on call, until when, and who comes next.
    #[respond(
        r"^who(?: is|'s) on(?: |-)?call(?: (?:for |in )?(?<team>[^?]+?))?\??$",
        usage = "who is on call [for <team>]",
        example = "who is on call",
        example = "who is on call for backend?"
    )]
    async fn who(&self, cx: Context, team: Option<String>) -> Result {
        let rotas = self.rotas().await?;
        let teams: Vec<String> = self.teams(&rotas);
        if teams.is_empty() {
            return Err(texts::nobody_configured().into());
        }
        let wanted = match &team {
            None => teams,
            Some(team) => match teams.iter().find(|known| known.eq_ignore_ascii_case(team.trim())) {
                Some(found) => vec![found.clone()],
                None => {
                    let corrected = |near: &str| Some(format!("who is on call for {near}"));
                    return Err(args::unknown("team", team.trim(), &teams, corrected).into());
                }
            },
        };
        let (turns, fault) = self.turns(&cx, &rotas, &wanted).await?;
        if let (Some(fault), true) = (&fault, turns.is_empty()) {
            user_error!("{}", texts::fault(fault));
        }
        let now = cx.services().store().now().await?;
        cx.reply(texts::on_call(&turns, fault.as_deref(), now)).await
    }

    /// Offers the teams.
    #[choices]
    async fn choices(&self, wanted: otus::form::Wanted, _: Services) -> Vec<otus::form::Choice> {
        match (wanted.parameter, self.rotas().await) {
            ("team", Ok(rotas)) => self
                .teams(&rotas)
                .into_iter()
                .map(otus::form::Choice::new)
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl OnCall {
    /// The rotas as they are in the file now.
    async fn rotas(&self) -> Result<Rotas> {
        let Some(file) = self.file.clone() else {
            return Ok(Rotas::default());
        };
        let read = tokio::task::spawn_blocking(move || Rotas::read(&file)).await?;
        read.map_err(|why| UserError::new(texts::bad_file(&why)).into())
    }

    fn teams(&self, rotas: &Rotas) -> Vec<String> {
        let pager = self.pager.iter().flat_map(|pager| pager.schedules.iter());
        let mut teams: Vec<_> = rotas
            .teams()
            .map(str::to_owned)
            .chain(pager.map(|(team, _)| team.clone()))
            .collect();
        teams.sort_unstable();
        teams.dedup();
        teams
    }

    /// Whose turn it is in these teams, as far as it can be found out; and why not everywhere.
    async fn turns(
        &self,
        cx: &Context,
        rotas: &Rotas,
        teams: &[String],
    ) -> Result<(Vec<Turn>, Option<String>)> {
        let now = cx.services().store().now().await?;
        let mut turns = Vec::new();
        for team in teams {
            if let Some(turn) = rotas.turn(team, now) {
                turns.push(Turn {
                    team: team.clone(),
                    who: match turn.who {
                        Some(who) => vec![found(cx, &who).await],
                        None => Vec::new(),
                    },
                    until: turn.until,
                    next: match turn.next {
                        Some(next) => Some(found(cx, &next).await),
                        None => None,
                    },
                });
            }
        }
        let mut fault = None;
        if let Some(pager) = &self.pager {
            let wanted: Vec<_> = pager
                .schedules
                .iter()
                .filter(|(team, _)| teams.contains(team) && turns.iter().all(|turn| turn.team != *team))
                .collect();
            let ids: Vec<String> = wanted.iter().map(|(_, id)| id.clone()).collect();
            if !ids.is_empty() {
                match pager.client.on_call(&ids).await {
                    Ok(all) => {
                        for (team, id) in wanted {
                            let theirs: Vec<_> = all.iter().filter(|one| one.schedule == *id).collect();
                            let mut who = Vec::new();
                            for one in &theirs {
                                who.push(match &one.email {
                                    Some(email) => by_email(cx, email, &one.name).await,
                                    None => Who::Named(one.name.clone()),
                                });
                            }
                            turns.push(Turn {
                                team: team.clone(),
                                who,
                                until: theirs.iter().filter_map(|one| one.until).min(),
                                next: None,
                            });
                        }
                    }
                    Err(error) => fault = Some(error.to_string()),
                }
            }
        }
        turns.sort_by(|a, b| a.team.cmp(&b.team));
        Ok((turns, fault))
    }
}

/// Somebody as the file names them: by the chat's id, by an address, or by name.
async fn found(cx: &Context, who: &str) -> Who {
    let is_id = who.len() >= 8
        && who.starts_with(['U', 'W'])
        && who
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match () {
        () if is_id => Who::Person(UserId::new(who)),
        () if who.contains('@') => by_email(cx, who, who).await,
        () => Who::Named(who.to_owned()),
    }
}

async fn by_email(cx: &Context, email: &str, name: &str) -> Who {
    match cx.services().chat().by_email(email).await {
        Ok(Some(id)) => Who::Person(id),
        Ok(None) => Who::Named(name.to_owned()),
        Err(error) => {
            tracing::warn!(%error, "who has an address cannot be found out");
            Who::Named(name.to_owned())
        }
    }
}
