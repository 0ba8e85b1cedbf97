//! What somebody means: a thing that can be locked, a command with what it is about.

use crate::texts;
use otus::{
    CommandSpec, Known, Services, UserError,
    operations::Target,
    policy::LockTarget,
    prelude::{Environment, Service},
    suggest,
};

/// A service or an environment. Of one name for both, the environment: its lock holds for more.
#[derive(Debug, Clone)]
pub(crate) enum Lockable {
    /// A service.
    Service(Service),
    /// An environment.
    Environment(Environment),
}

impl Known for Lockable {
    const WHAT: &'static str = "service or environment";

    fn find(raw: &str, services: &Services) -> Option<Self> {
        let catalog = services.catalog();
        let environment = catalog.environment(raw).map(Self::Environment);
        environment.or_else(|| catalog.service(raw).map(Self::Service))
    }

    fn candidates(services: &Services) -> Vec<String> {
        let mut all = Service::candidates(services);
        all.extend(Environment::candidates(services));
        all
    }
}

/// What is to be locked.
pub(crate) fn target(what: Lockable, environment: Option<Environment>) -> Result<LockTarget, UserError> {
    Ok(match (what, environment) {
        (Lockable::Service(service), None) => LockTarget::Service(service.name),
        (Lockable::Environment(environment), None) => LockTarget::Environment(environment.name),
        (Lockable::Service(service), Some(environment)) => LockTarget::Both(service.name, environment.name),
        (Lockable::Environment(one), Some(other)) => {
            return Err(UserError::new(texts::environment_in_environment(
                &one.name,
                &other.name,
            )));
        }
    })
}

/// A command with what it is about: `deploy api to production`, `break glass`, `lock production`.
pub(crate) fn command(services: &Services, words: &str) -> Result<(&'static CommandSpec, Target), UserError> {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = words.to_lowercase();
    let mut best: Option<(usize, &'static CommandSpec)> = None;
    let mut names = Vec::new();
    for spec in services
        .commands()
        .iter()
        .copied()
        .filter(|spec| spec.usage.is_some())
    {
        for name in [spec.leading_words().to_owned(), spec.name.to_owned(), spec.id()] {
            let begins = !name.is_empty()
                && lower
                    .strip_prefix(&name.to_lowercase())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
            if begins && best.is_none_or(|(length, _)| length < name.len()) {
                best = Some((name.len(), spec));
            }
            names.push(name);
        }
    }
    let Some((length, spec)) = best else {
        let first = words.split(' ').next().unwrap_or_default();
        names.sort();
        names.dedup();
        let near: Vec<_> = suggest::nearest(first, names.iter().map(String::as_str), 3);
        return Err(UserError::new(texts::no_command(first, &near)));
    };
    // The lower-case words may have another length where somebody wrote letters that change theirs.
    let rest = words.get(length..).unwrap_or_default();
    Ok((spec, about(services, rest)?))
}

/// `api to production`, `api@1.2 in production`, `production`, `to production`, or nothing.
fn about(services: &Services, rest: &str) -> Result<Target, UserError> {
    let mut target = Target::default();
    let mut words = rest.split_whitespace();
    while let Some(word) = words.next() {
        let environment_follows = matches!(word.to_lowercase().as_str(), "to" | "in" | "on");
        let name = if environment_follows {
            words.next().unwrap_or_default()
        } else {
            // A version does not matter to policy.
            word.split('@').next().unwrap_or(word)
        };
        let unknown =
            |what: &str, candidates: Vec<String>| otus::args::unknown(what, name, &candidates, |_| None);
        if environment_follows {
            let environment = Environment::find(name, services)
                .ok_or_else(|| unknown(Environment::WHAT, Environment::candidates(services)))?;
            target.environment = Some(environment.name);
        } else {
            match Lockable::find(name, services) {
                Some(Lockable::Service(service)) => target.service = Some(service.name),
                Some(Lockable::Environment(environment)) => match Service::find(name, services) {
                    Some(service) if target.service.is_none() => target.service = Some(service.name),
                    _ => target.environment = Some(environment.name),
                },
                // The second word of one that is known is a version, or whatever else the command takes.
                None if target != Target::default() => {}
                None => return Err(unknown(Lockable::WHAT, Lockable::candidates(services))),
            }
        }
    }
    Ok(target)
}
