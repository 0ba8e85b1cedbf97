//! Looking without changing: the logs of a service's pods, and what happened to it.

use jiff::Timestamp;
use otus::{Card, Context, Environment, Result, Service, Services, Tone, UserError, suggest};
use otus_kubernetes::{PodSeen, happened, pods, tail};

use crate::card::last_of;
use crate::choose;
use crate::plan::{locate, read};
use crate::texts;

/// How many pods' logs are shown at once, and how much of each; of one alone it is more.
const MOST_PODS: usize = 4;
const LINES: usize = 15;
const BYTES: usize = 1_500;
const LINES_ALONE: usize = 40;
const BYTES_ALONE: usize = 2_800;
/// How many events are shown.
const MOST_EVENTS: usize = 20;

/// What somebody wants to look at.
struct Subject {
    service: Service,
    environment: Environment,
    /// A pod of it, as it was named.
    pod: Option<String>,
}

/// Shows the last lines of the newest pods.
pub(crate) async fn logs(
    cx: Context,
    what: Option<&str>,
    environment: Option<Environment>,
    previous: bool,
) -> Result {
    let services = cx.services();
    let subject = subject(&cx, "logs", what, environment).await?;
    let (service, place) = (&subject.service.name, &subject.environment.name);
    let cannot = |error: otus_kubernetes::Error| {
        UserError::new(texts::cannot_show("logs", service, place, &error.to_string()))
    };
    let (cluster, workload) = locate(services, &subject.service, &subject.environment).await?;
    let running = read(&cluster, &workload, &subject.environment).await?;
    let all = pods(&cluster, &workload).await.map_err(cannot)?;
    let chosen: Vec<&PodSeen> = match &subject.pod {
        Some(named) => vec![
            meant(&all, named)
                .ok_or_else(|| UserError::new(texts::no_such_pod(service, place, named, &all)))?,
        ],
        None => all.iter().take(MOST_PODS).collect(),
    };
    let (lines, bytes) = match chosen.len() {
        1 => (LINES_ALONE, BYTES_ALONE),
        _ => (LINES, BYTES),
    };
    let mut card = Card::new(Tone::Neutral, texts::looked_at("Logs", service, place));
    if chosen.is_empty() {
        card = card.text(texts::no_pods());
    }
    let now = Timestamp::now();
    for pod in &chosen {
        card = card.text(texts::pod(pod, now));
        let log = tail(&cluster, &workload, &pod.name, &running.container, previous).await;
        card = match log.map(|log| log.map(|log| last_of(&log, lines, bytes))) {
            Ok(Some(Some(log))) => card.code(log),
            Ok(Some(None)) => card.text(texts::wrote_nothing()),
            Ok(None) => card.text(texts::no_log(previous)),
            // It may just have gone; the others are still worth showing.
            Err(error) if chosen.len() > 1 => {
                card.text(texts::cannot_show("log", service, place, &error.to_string()))
            }
            Err(error) => return Err(cannot(error).into()),
        };
    }
    if subject.pod.is_none() && all.len() > chosen.len() {
        card = card.text(texts::more_pods(all.len() - chosen.len()));
    }
    cx.reply_in_thread(card).await
}

/// Shows what happened lately.
pub(crate) async fn events(
    cx: Context,
    service: Option<Service>,
    environment: Option<Environment>,
) -> Result {
    let named = service.map(|service| service.name);
    let subject = subject(&cx, "events", named.as_deref(), environment).await?;
    let (service, place) = (&subject.service.name, &subject.environment.name);
    let (cluster, workload) = locate(cx.services(), &subject.service, &subject.environment).await?;
    let notes = happened(&cluster, &workload)
        .await
        .map_err(|error| UserError::new(texts::cannot_show("events", service, place, &error.to_string())))?;
    let card = Card::new(Tone::Neutral, texts::looked_at("Events", service, place));
    let now = Timestamp::now();
    let newest = notes.len().saturating_sub(MOST_EVENTS);
    let lines: Vec<_> = notes[newest..]
        .iter()
        .map(|note| texts::event(note, now))
        .collect();
    let card = match lines.is_empty() {
        true => card.text(texts::no_events()),
        false => card.code(lines.join("\n")),
    };
    cx.reply_in_thread(card).await
}

/// The pod of this name, or the only one whose name begins or ends so.
fn meant<'a>(pods: &'a [PodSeen], named: &str) -> Option<&'a PodSeen> {
    if let Some(exact) = pods.iter().find(|pod| pod.name == named) {
        return Some(exact);
    }
    let mut like = pods
        .iter()
        .filter(|pod| pod.name.starts_with(named) || pod.name.ends_with(named));
    like.next().filter(|_| like.next().is_none())
}

/// What is meant: what was named, else what the thread is about.
async fn subject(
    cx: &Context,
    command: &str,
    what: Option<&str>,
    environment: Option<Environment>,
) -> Result<Subject> {
    let services = cx.services();
    let catalog = services.catalog();
    let thread = in_thread(cx).await;
    let named = what.and_then(|what| catalog.service(what));
    let (service, pod) = match (named, what, &thread) {
        (Some(service), _, _) => (service, None),
        (None, what, Some((service, _))) => (service.clone(), what.map(str::to_owned)),
        (None, Some(what), None) => return Err(unknown(services, command, what).into()),
        (None, None, None) => return Err(UserError::new(texts::whose(command)).into()),
    };
    let environment = environment.or_else(|| {
        let (of, environment) = thread?;
        (of.name == service.name).then_some(environment)
    });
    let environment = choose::environment(catalog, &service, environment)?;
    Ok(Subject {
        service,
        environment,
        pod,
    })
}

/// What the operation of this thread is about.
async fn in_thread(cx: &Context) -> Option<(Service, Environment)> {
    let services = cx.services();
    // That there is none is no fault here.
    let operation = services.operations().meant(cx, None).await.ok()?;
    let target = operation.plan.target;
    let service = services.catalog().service(&target.service?)?;
    let environment = services.catalog().environment(&target.environment?)?;
    Some((service, environment))
}

fn unknown(services: &Services, command: &str, what: &str) -> UserError {
    let all = services.catalog().services();
    let near = suggest::nearest(what, all.iter().map(|service| service.name.as_str()), 3);
    near.iter()
        .fold(UserError::new(texts::neither(what)), |error, near| {
            error.instead(format!("{command} {near}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> PodSeen {
        PodSeen {
            name: name.into(),
            created: None,
            ready: true,
            restarts: 0,
            wanted: true,
        }
    }

    #[test]
    fn a_pod_is_meant_by_its_name_or_enough_of_it() {
        let pods = [pod("api-1-a"), pod("api-1-ab"), pod("api-1-cb")];
        let of = |named: &str| meant(&pods, named).map(|pod| pod.name.as_str());
        assert_eq!(of("api-1-a"), Some("api-1-a"));
        assert_eq!(of("cb"), Some("api-1-cb"));
        assert_eq!(of("api-1-c"), Some("api-1-cb"));
        assert_eq!(of("b"), None);
        assert_eq!(of("x"), None);
    }
}
