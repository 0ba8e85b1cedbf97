//! What people say about contracts: begin one, agree to it, miss what is withheld, give it up, list them.

use otus::policy::{self, Held};
use otus::prelude::*;
use otus_migrations::contract::{Column, Gate, NotYet, Object, Stage, standing};

use super::desk::{self, entry};
use super::look::{self, look};
use super::record::{self, SPACE, Signature, Signer};
use super::withhold;
use crate::place::{Spot, section};
use crate::settings::Settings;
use crate::texts;

/// Begins a contract.
pub(crate) async fn begin(
    cx: &Context,
    settings: &Settings,
    (what, replaced_by): (&str, Option<&str>),
    service: Option<Service>,
    environment: Option<Environment>,
) -> Result {
    let what = what.trim_matches('`');
    let Some(reason) = cx.options().reason.clone() else {
        return Err(UserError::new(texts::why_drop(what, replaced_by)).into());
    };
    let Some(object) = Object::read(what).filter(|object| object.tightens().is_none()) else {
        return Err(UserError::new(texts::not_an_object(what)).into());
    };
    let replaced_by = match (&object, replaced_by) {
        (_, None) => None,
        (Object::Column(old), Some(new)) => Some(replacement(old, new.trim_matches('`'))?),
        (_, Some(_)) => return Err(UserError::new(texts::only_columns_are_replaced()).into()),
    };
    open(cx, settings, (object, replaced_by, reason), service, environment).await
}

/// Begins to make a column NOT NULL.
pub(crate) async fn tighten(
    cx: &Context,
    settings: &Settings,
    column: &str,
    service: Option<Service>,
    environment: Option<Environment>,
) -> Result {
    let said = column.trim_matches('`');
    let Some(reason) = cx.options().reason.clone() else {
        return Err(UserError::new(texts::why_tighten(said)).into());
    };
    let Some(column) = Column::read(said) else {
        return Err(UserError::new(texts::not_a_column(said)).into());
    };
    let object = Object::Nulls(column);
    open(cx, settings, (object, None, reason), service, environment).await
}

async fn open(
    cx: &Context,
    settings: &Settings,
    (object, replaced_by, reason): (Object, Option<String>, String),
    service: Option<Service>,
    environment: Option<Environment>,
) -> Result {
    let services = cx.services();
    let service = match service {
        Some(service) => service,
        None => only(services)?,
    };
    let environment = match environment {
        Some(environment) => Some(environment),
        None => last(services, &service)?,
    };
    let spot = Spot::find(services, service, environment)?;
    if let Some(column) = object.tightens() {
        can_be_tightened(services, &spot.database, column).await?;
    }
    let person = cx.person().await;
    let now = services.store().now().await?;
    let row = record::opened(
        (&spot.service.name, &spot.environment.name, &spot.database),
        (object, replaced_by),
        (cx.author(), &person.name, &reason),
        cx.message().channel.clone(),
        settings,
        now,
    );
    let key = row.key();
    let known = desk::one(services, &key).await?;
    if let Some((known, _)) = known.as_ref().filter(|(known, _)| !known.is_over()) {
        return Err(UserError::new(texts::already_open(known)).into());
    }
    let revision = known.map_or(0, |(_, revision)| revision);
    let opened = entry(&row, "contract", texts::opened(&row), now).by(cx.author());
    let value = serde_json::to_value(&row)?;
    let store = services.store();
    if !store.swap(SPACE, &key, revision, Some(&value), &[opened]).await? {
        return Err(UserError::new(texts::already_open(&row)).into());
    }
    look(services, settings, &key).await?;
    cx.react("memo").await
}

/// What is NOT NULL already, or cannot be, needs no contract.
async fn can_be_tightened(services: &Services, database: &str, column: &Column) -> Result<()> {
    let wrong = |why: &str| UserError::new(texts::bad_database(database, why));
    let mut session = look::session(services, database)
        .await
        .map_err(|why| wrong(&why))?;
    let stands = standing(&mut session, column).await;
    session.close().await;
    let stands = stands.map_err(|fault| wrong(&fault.to_string()))?;
    match stands.loose {
        Some(why) => Err(UserError::new(texts::cannot_tighten(column, why)).into()),
        None => Ok(()),
    }
}

/// The name of the column that replaces one: another of the same table, with its table before it or without.
fn replacement(old: &Column, new: &str) -> Result<String> {
    let name = match Column::read(new) {
        Some(new) if new.table == old.table => new.column,
        Some(_) => return Err(UserError::new(texts::another_table(old, new)).into()),
        None => new.to_owned(),
    };
    if name == old.column {
        return Err(UserError::new(texts::replaced_by_itself(old)).into());
    }
    Ok(name)
}

/// The service with migrations, when there is but one.
fn only(services: &Services) -> Result<Service> {
    let mut with = Vec::new();
    for service in services.catalog().services() {
        if section(&service)?.is_some() {
            with.push(service);
        }
    }
    match with.as_slice() {
        [one] => Ok(one.clone()),
        all => {
            let names: Vec<String> = all.iter().map(|service| service.name.clone()).collect();
            Err(UserError::new(texts::which_service(&names)).into())
        }
    }
}

/// The last environment with a database: there are those who use it.
fn last(services: &Services, service: &Service) -> Result<Option<Environment>> {
    let Some(section) = section(service)? else {
        return Ok(None);
    };
    let environments = services.catalog().environments_of(service);
    let mut with = environments
        .into_iter()
        .filter(|environment| section.databases.contains_key(&environment.name));
    Ok(with.next_back())
}

/// Somebody agrees for a consumer; or, with a reason, answers for what cannot be withheld from anybody.
pub(crate) async fn sign(cx: &Context, settings: &Settings, what: &str, consumer: &str) -> Result {
    let services = cx.services();
    let key = desk::meant(services, what).await?.key();
    // Nobody signs what was true an hour ago.
    let row = look(services, settings, &key).await?;
    if let Some(fault) = &row.fault {
        return Err(UserError::new(texts::cannot_look(&row, fault)).into());
    }
    if consumer == record::WITHHOLDING {
        return waive(cx, settings, &key).await;
    }
    let signers = desk::asked(services, settings, &row)?;
    let Some(signer) = signers.iter().find(|signer| signer.consumer == consumer) else {
        return Err(UserError::new(texts::no_consumer(consumer, &signers)).into());
    };
    may(cx, &signer.owner, &signer.consumer).await?;
    let signature = signature(cx, signer.gate, &signer.consumer).await?;
    desk::change(services, settings, &key, |row, signers, now| {
        let signature = Signature {
            at: now,
            ..signature.clone()
        };
        row.sign(signer, signature, signers, settings)
            .map_err(|why| UserError::new(texts::not_yet(row, signer, &why)))?;
        let text = texts::has_signed(row, &signer.consumer);
        Ok(vec![entry(row, "contract", text, now).by(cx.author())])
    })
    .await?;
    cx.react("ok_hand").await
}

/// It can be withheld from nobody, so somebody else than who wants it answers for that.
async fn waive(cx: &Context, settings: &Settings, key: &str) -> Result {
    let services = cx.services();
    let Some((row, _)) = desk::one(services, key).await? else {
        return Err(UserError::new(texts::no_contract(key, true)).into());
    };
    if withhold::can(services, &row).await? {
        return Err(UserError::new(texts::can_be_withheld(&row)).into());
    }
    if cx.options().reason.is_none() {
        return Err(UserError::new(texts::why_waive(&row)).into());
    }
    may(cx, &settings.approvers, record::WITHHOLDING).await?;
    if *cx.author() == row.by {
        return Err(UserError::new(texts::not_ones_own(&row)).into());
    }
    let signature = signature(cx, Gate::Brownout, record::WITHHOLDING).await?;
    desk::change(services, settings, key, |row, _, now| {
        let signer = Signer {
            gate: Gate::Brownout,
            consumer: record::WITHHOLDING.into(),
            owner: settings.approvers.clone(),
        };
        let refused = |row: &record::Row, why: &NotYet| UserError::new(texts::not_yet(row, &signer, why));
        match row.contract.stage() {
            Stage::At(Gate::Brownout) => {}
            Stage::At(gate) => return Err(refused(row, &NotYet::Before(gate)).into()),
            _ => return Err(refused(row, &NotYet::Over).into()),
        }
        row.waive(Signature {
            at: now,
            ..signature.clone()
        })
        .map_err(|why| refused(row, &why))?;
        let text = texts::has_signed(row, record::WITHHOLDING);
        Ok(vec![entry(row, "contract", text, now).by(cx.author())])
    })
    .await?;
    cx.react("ok_hand").await
}

async fn may(cx: &Context, role: &str, consumer: &str) -> Result<()> {
    match policy::held(cx.services(), cx.author(), role).await {
        Held::Yes(_) => Ok(()),
        Held::No => Err(UserError::new(texts::not_theirs(role, consumer)).into()),
        Held::Unknown(why) => Err(UserError::new(texts::unknown_role(role, &why)).into()),
    }
}

async fn signature(cx: &Context, gate: Gate, consumer: &str) -> Result<Signature> {
    Ok(Signature {
        gate,
        consumer: consumer.to_owned(),
        by: cx.author().clone(),
        name: cx.person().await.name,
        at: cx.services().store().now().await?,
        reason: cx.options().reason.clone(),
    })
}

/// Somebody misses what is withheld.
pub(crate) async fn missed(cx: &Context, settings: &Settings, what: &str) -> Result {
    let services = cx.services();
    let row = desk::meant(services, what).await?;
    if row.withheld.is_none() {
        return Err(UserError::new(texts::not_withheld(&row)).into());
    }
    let person = cx.person().await.name;
    let why = texts::missed_by(&person, cx.options().reason.as_deref());
    desk::change(services, settings, &row.key(), |row, _, now| {
        row.missed(&why, now);
        Ok(vec![entry(row, "contract", why.clone(), now).by(cx.author())])
    })
    .await?;
    cx.react("ok_hand").await
}

/// Nobody wants it any more.
pub(crate) async fn abandon(cx: &Context, settings: &Settings, what: &str) -> Result {
    let services = cx.services();
    let row = desk::meant(services, what).await?;
    if row.withheld.is_some() {
        return Err(UserError::new(texts::withheld_now(&row)).into());
    }
    desk::change(services, settings, &row.key(), |row, _, now| {
        row.contract.abandon();
        let text = texts::abandoned(row);
        Ok(vec![entry(row, "contract", text, now).by(cx.author())])
    })
    .await?;
    cx.react("ok_hand").await
}

/// Looks now.
pub(crate) async fn again(cx: &Context, settings: &Settings, what: &str) -> Result {
    let row = desk::meant(cx.services(), what).await?;
    look(cx.services(), settings, &row.key()).await?;
    cx.react("eyes").await
}

/// All that are open.
pub(crate) async fn list(cx: &Context, settings: &Settings) -> Result {
    let services = cx.services();
    let mut rows = Vec::new();
    for (row, _) in desk::all(services).await? {
        if !row.is_over() {
            let signers = desk::asked(services, settings, &row)?;
            rows.push((row, signers));
        }
    }
    let now = services.store().now().await?;
    cx.reply(texts::contracts(&rows, now)).await
}
