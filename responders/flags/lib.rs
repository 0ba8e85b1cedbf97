//! Purpose: feature flags in the chat: who gets what, changed by plan, policy, approval and audit, told to applications at once.
//!
//! Side effects: changes flag sets, of which applications hear through the engine's streams. Tells subscribed channels of changes.
//! Turns a flag off by itself when its guard breaks, and says so. Once a week it tells owners of flags that are ready to be removed.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod ask;
mod change;
mod explain;
mod facts;
mod groups;
mod guard;
mod import;
mod limits;
mod offer;
mod place;
mod plan;
mod settings;
mod show;
mod stale;
mod tell;
mod texts;
mod used;
mod whom;

use crate::{
    ask::What,
    place::{FlagName, Place},
    whom::{Said, Share, Variants},
};
use async_trait::async_trait;
use otus::{
    UserId,
    operations::{Action, Ending, Plan, Run},
    prelude::*,
};
use otus_flags::Growth;
use otus_monitoring::Prometheus;
use serde_json::Value;
use std::sync::Arc;

pub use settings::{Group, Guard, Settings};

/// Feature flags.
#[derive(Debug)]
pub struct Flags {
    settings: Arc<Settings>,
    prometheus: Option<Arc<Prometheus>>,
    code: used::Code,
}

impl Flags {
    /// With these settings, and with who is asked by guards.
    ///
    /// # Errors
    /// A setting that cannot work: the key, and what is wrong with it.
    pub fn new(settings: Settings, prometheus: Option<Arc<Prometheus>>) -> Result<Self> {
        settings.check(prometheus.is_some()).map_err(anyhow::Error::msg)?;
        Ok(Self {
            settings: Arc::new(settings),
            prometheus,
            code: used::Code::default(),
        })
    }
}

impl Configure for Flags {
    type Config = Settings;

    fn configure(settings: Settings, setup: &Setup<'_>) -> Result<Self> {
        let named = settings.step_in.iter().map(|name| ("step_in", name));
        let frozen = settings.frozen_by_deploys.iter();
        for (key, name) in named.chain(frozen.map(|name| ("frozen_by_deploys", name))) {
            if setup.catalog.environment(name).is_none() {
                anyhow::bail!("{key} names {name:?}, and there is no such environment");
            }
        }
        Self::new(settings, setup.resources.get())
    }
}

/// Changing a flag.
struct Steer(Arc<Settings>, Option<Arc<Prometheus>>);

#[async_trait]
impl Action for Steer {
    fn kind(&self) -> &'static str {
        ask::KIND
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        plan::plan(services, &self.0, self.1.as_deref(), ask).await
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        change::apply(run, &self.0).await
    }
}

/// Feature flags: who gets what, told to applications at once.
#[responder(name = "flags", config = Settings)]
impl Flags {
    #[choices]
    async fn choices(&self, wanted: otus::form::Wanted, services: Services) -> Vec<otus::form::Choice> {
        offer::choices(&self.settings, &wanted, &services)
    }

    /// Lists the flags, and what they give in which environment.
    ///
    /// With words: those with these words in their name or description, or of this owner.
    #[respond(
        r"^flags(?: (?<words>.+))?$",
        usage = "flags [<words>]",
        example = "flags",
        example = "flags search"
    )]
    async fn flags(&self, cx: Context, words: Option<String>) -> Result {
        show::list(&cx, words.as_deref()).await
    }

    /// Says who gets what of a flag, whose it is, how old it is, and who changed it last.
    #[respond(r"^flag (?<name>\S+)$", usage = "flag <name>", example = "flag new-search")]
    async fn flag(&self, cx: Context, name: FlagName) -> Result {
        show::one(&cx, &self.settings, &self.code, &name).await
    }

    /// Turns a flag on or off: for everybody, or for some.
    ///
    /// For a group (`staff`), a person (`@ann`), the one with a key (`key user-17`), an attribute with a value (`country de`), or a share
    /// of everybody else (`25%`). A value with blanks stands in quotes. Without an environment: in the first one. For everybody, all that was said for some is gone.
    #[respond(
        r"^flag (?<name>\S+) (?<side>on|off)(?: for (?<whom>\S+(?: (?:is |= ?)?(?:\x22[^\x22]+\x22|\S+))?))?(?: in (?<environment>\S+))?$",
        usage = "flag <name> on|off [for <whom>] [in <environment>]",
        example = "flag new-search on for 25% in production",
        example = "flag new-search on for staff",
        example = "flag new-search off in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_set(
        &self,
        cx: Context,
        name: FlagName,
        side: String,
        whom: Option<Said>,
        environment: Option<Place>,
    ) -> Result {
        let on = side.eq_ignore_ascii_case("on");
        ask::turn(&cx, &self.settings, &name, on, whom, environment).await
    }

    /// Changes what a flag gives, by a form: which flag, what, for whom and where.
    ///
    /// Said whole, it is the same as `flag <name> on for staff in production`.
    #[respond(
        r"^change flag (?<name>\S+) to (?<gives>\S+)(?: for (?<whom>\S+(?: (?:is |= ?)?(?:\x22[^\x22]+\x22|\S+))?))?(?: in (?<environment>\S+))?$",
        usage = "change flag <name> to <gives> [for <whom>] [in <environment>]",
        example = "change flag new-search to on for 25% in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_change(
        &self,
        cx: Context,
        name: FlagName,
        gives: String,
        whom: Option<Said>,
        environment: Option<Place>,
    ) -> Result {
        let side = ["on", "off"]
            .into_iter()
            .find(|side| gives.eq_ignore_ascii_case(side));
        match side {
            Some(side) => ask::turn(&cx, &self.settings, &name, side == "on", whom, environment).await,
            None => ask::give(&cx, &self.settings, &name, &gives, whom, environment).await,
        }
    }

    /// Gives a variant of a flag to everybody, or to some.
    #[respond(
        r"^flag (?<name>\S+) give (?<variant>\S+)(?: to (?<whom>\S+(?: (?:is |= ?)?(?:\x22[^\x22]+\x22|\S+))?))?(?: in (?<environment>\S+))?$",
        usage = "flag <name> give <variant> [to <whom>] [in <environment>]",
        example = "flag banner give blue to 10% in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_give(
        &self,
        cx: Context,
        name: FlagName,
        variant: String,
        whom: Option<Said>,
        environment: Option<Place>,
    ) -> Result {
        ask::give(&cx, &self.settings, &name, &variant, whom, environment).await
    }

    /// Takes back what was said for some: they get what everybody else gets.
    #[respond(
        r"^flag (?<name>\S+) reset for (?<whom>\S+(?: (?:is |= ?)?(?:\x22[^\x22]+\x22|\S+))?)(?: in (?<environment>\S+))?$",
        usage = "flag <name> reset for <whom> [in <environment>]",
        example = "flag new-search reset for staff",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_reset(
        &self,
        cx: Context,
        name: FlagName,
        whom: Said,
        environment: Option<Place>,
    ) -> Result {
        ask::reset(&cx, &self.settings, &name, whom, environment).await
    }

    /// Lets the share of those for whom a flag is on grow, or shrink, evenly and by itself.
    ///
    /// It needs nobody to stay awake: the rule itself knows the time. Who has it keeps it while it grows.
    #[respond(
        r"^flag (?<name>\S+) ramp (?:from )?(?<from>\d{1,3}) ?%? to (?<to>\d{1,3}) ?%? over (?<length>\d+ ?[a-z]+(?: ?\d+ ?[a-z]+)*)(?: in (?<environment>\S+))?$",
        usage = "flag <name> ramp <from>% to <to>% over <length> [in <environment>]",
        example = "flag new-search ramp 0% to 100% over 2h in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_ramp(
        &self,
        cx: Context,
        name: FlagName,
        from: Share,
        to: Share,
        length: whom::Length,
        environment: Option<Place>,
    ) -> Result {
        let growth = |variant: String| {
            What::Grow(Growth {
                variant,
                from: from.0,
                to: to.0,
                seconds: length.0,
            })
        };
        ask::ramp(&cx, &self.settings, &name, growth, environment).await
    }

    /// Makes a flag, off everywhere: one that is on or off, or one that gives one of several texts.
    ///
    /// You become its owner. Of several texts the first is what everybody gets.
    #[respond(
        r"^flag create (?<name>\S+)(?: with (?<variants>[^,]\S*(?:, ?\S+)+))?(?: in (?<environment>\S+))?(?: ?: ?(?<about>.+))?$",
        usage = "flag create <name> [with <variants>] [in <environment>] [: <about>]",
        example = "flag create new-search: The search that understands typos",
        example = "flag create banner with red, green, blue",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_create(
        &self,
        cx: Context,
        name: String,
        variants: Option<Variants>,
        environment: Option<Place>,
        about: Option<String>,
    ) -> Result {
        ask::create(&cx, &name, variants, environment, about).await
    }

    /// Says what somebody gets of a flag, and the way there, rule by rule.
    ///
    /// Say who: a key, or attributes as `plan=pro country=de`, or both. `@ann` is whom the applications know as that.
    #[respond(
        r"^flag explain (?<name>\S+) for (?<who>.+?)(?: in (?<environment>\S+))?$",
        usage = "flag explain <name> for <who> [in <environment>]",
        example = "flag explain new-search for user-17 plan=pro in production"
    )]
    async fn flag_explain(
        &self,
        cx: Context,
        name: FlagName,
        who: String,
        environment: Option<Place>,
    ) -> Result {
        explain::explain(&cx, &self.settings, &name, &who, environment).await
    }

    /// Says what the flags of two environments have different.
    #[respond(
        r"^flags diff (?<one>\S+) (?:and )?(?<other>\S+)$",
        usage = "flags diff <one> <other>",
        example = "flags diff staging production"
    )]
    async fn flags_diff(&self, cx: Context, one: Place, other: Place) -> Result {
        show::diff(&cx, &one, &other).await
    }

    /// Gives an environment the flag as it is in another one: the one before, if nobody says.
    #[respond(
        r"^flags? promote (?<name>\S+) to (?<environment>\S+)(?: from (?<from>\S+))?$",
        usage = "flags promote <name> to <environment> [from <from>]",
        example = "flags promote new-search to production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_promote(
        &self,
        cx: Context,
        name: FlagName,
        environment: Place,
        from: Option<Place>,
    ) -> Result {
        ask::promote(&cx, &name, environment, from).await
    }

    /// Lists the flags that give everybody the same for long: code that can go.
    #[respond(r"^flags stale$", usage = "flags stale")]
    async fn flags_stale(&self, cx: Context) -> Result {
        let found = stale::find(cx.services(), &self.settings, &self.code, used::FEW).await?;
        cx.reply(texts::stale(&found, self.settings.stale_days)).await
    }

    /// Puts a flag away: applications use their own default. It can be brought back.
    #[respond(
        r"^flag archive (?<name>\S+)(?: in (?<environment>\S+))?$",
        usage = "flag archive <name> [in <environment>]",
        example = "flag archive new-search",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_archive(&self, cx: Context, name: FlagName, environment: Option<Place>) -> Result {
        ask::archive(&cx, &name, environment).await
    }

    /// Brings a flag back that was put away, as it was.
    #[respond(
        r"^flag restore (?<name>\S+)(?: in (?<environment>\S+))?$",
        usage = "flag restore <name> [in <environment>]",
        example = "flag restore new-search",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_restore(&self, cx: Context, name: String, environment: Option<Place>) -> Result {
        ask::restore(&cx, &name, environment).await
    }

    /// Says who changed a flag, when and why.
    #[respond(
        r"^flag history (?<name>\S+)(?: in (?<environment>\S+))?$",
        usage = "flag history <name> [in <environment>]",
        example = "flag history new-search in production"
    )]
    async fn flag_history(&self, cx: Context, name: String, environment: Option<Place>) -> Result {
        show::history(&cx, &name, environment).await
    }

    /// Makes a flag what it was before its last change. It is a change of its own, and can be undone as well.
    #[respond(
        r"^flag undo (?<name>\S+)(?: in (?<environment>\S+))?$",
        usage = "flag undo <name> [in <environment>]",
        example = "flag undo new-search in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_undo(&self, cx: Context, name: String, environment: Option<Place>) -> Result {
        ask::undo(&cx, &name, environment).await
    }

    /// Has a guard turn a flag off at once when a metric breaks its bound; `none` takes the guard away.
    #[respond(
        r"^flag (?<name>\S+) guard (?<guard>\S+)(?: in (?<environment>\S+))?$",
        usage = "flag <name> guard <guard> [in <environment>]",
        example = "flag new-search guard errors in production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flag_guard(
        &self,
        cx: Context,
        name: FlagName,
        guard: String,
        environment: Option<Place>,
    ) -> Result {
        ask::guard(&cx, &self.settings, &name, &guard, environment).await
    }

    /// Says whose a flag is: who is told when it can go, and when its guard turns it off.
    #[respond(
        r"^flag (?<name>\S+) owner @(?<person>\S+)$",
        usage = "flag <name> owner @<person>",
        example = "flag new-search owner @ann",
        role = "deployer",
        effect = "changes"
    )]
    async fn flag_owner(&self, cx: Context, name: FlagName, person: String) -> Result {
        facts::own(&cx, &name, &UserId::new(person)).await
    }

    /// Says as what the applications know somebody, so that a flag can be turned on for them by their name here.
    #[respond(
        r"^flags know @(?<person>\S+) as (?<key>\S+)$",
        usage = "flags know @<person> as <key>",
        example = "flags know @ann as ann@example.com",
        role = "deployer",
        effect = "changes"
    )]
    async fn flags_know(&self, cx: Context, person: String, key: String) -> Result {
        facts::know(&cx, &UserId::new(person), &key).await
    }

    /// Tells this channel of changes of flags: of all, or of one.
    #[respond(
        r"^flags subscribe(?: (?<name>\S+))?$",
        usage = "flags subscribe [<name>]",
        example = "flags subscribe new-search",
        effect = "changes"
    )]
    async fn flags_subscribe(&self, cx: Context, name: Option<FlagName>) -> Result {
        tell::subscribe(&cx, name.as_ref()).await
    }

    /// Tells this channel no more of changes of flags.
    #[respond(
        r"^flags unsubscribe(?: (?<name>\S+))?$",
        usage = "flags unsubscribe [<name>]",
        example = "flags unsubscribe new-search",
        effect = "changes"
    )]
    async fn flags_unsubscribe(&self, cx: Context, name: Option<String>) -> Result {
        tell::unsubscribe(&cx, name.as_deref()).await
    }

    /// Hands out an environment's flags as a file that flagd reads.
    #[respond(
        r"^flags export (?<environment>\S+)$",
        usage = "flags export <environment>",
        example = "flags export production"
    )]
    async fn flags_export(&self, cx: Context, environment: Place) -> Result {
        show::export(&cx, &environment).await
    }

    /// Gives an environment the flags of the file that the configuration names for it, as the file is now.
    ///
    /// Flags that are not in the file stay as they are.
    #[respond(
        r"^flags import (?<environment>\S+)$",
        usage = "flags import <environment>",
        example = "flags import production",
        role = "deployer",
        effect = "operation"
    )]
    async fn flags_import(&self, cx: Context, environment: Place) -> Result {
        ask::import(&cx, environment).await
    }

    /// What it can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Steer(
            Arc::clone(&self.settings),
            self.prometheus.clone(),
        ))]
    }

    /// Keeps groups as they are configured, watches guards, and reminds of what can go.
    #[start]
    async fn start(&self, services: Services) -> Result {
        groups::keep(&services, &self.settings).await;
        let guards = guard::watch(&services, &self.settings, self.prometheus.as_deref());
        let reminders = stale::remind(&services, &self.settings, &self.code);
        tokio::join!(guards, reminders);
        Ok(())
    }
}
