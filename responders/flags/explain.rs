//! What somebody gets of a flag, and the way there.

use crate::{
    place::{self, FlagName, Place},
    settings::Settings,
    texts, whom,
};
use otus::{Context, Result, UserError, UserId};
use otus_flags::words::explain as way;
use serde_json::{Map, Value, json};

/// Somebody, as they were described.
#[derive(Debug, Default, PartialEq)]
struct Described {
    person: Option<UserId>,
    attributes: Map<String, Value>,
}

/// `user-17 plan=pro country=de`, or a context as JSON.
fn read(who: &str) -> Result<Described, UserError> {
    if who.starts_with('{') {
        let attributes: Map<String, Value> = serde_json::from_str(who)
            .map_err(|error| UserError::new(texts::no_context(&error.to_string())))?;
        return Ok(Described {
            person: None,
            attributes,
        });
    }
    let mut described = Described::default();
    for word in who.split_whitespace() {
        match (word.split_once('='), word.strip_prefix('@')) {
            (Some((name, text)), _) if !name.is_empty() => {
                let name = if name == "key" { whom::KEY } else { name };
                described.attributes.insert(name.to_owned(), whom::value(text));
            }
            (_, Some(person)) => described.person = Some(UserId::new(person)),
            _ if described.attributes.contains_key(whom::KEY) => {
                return Err(UserError::new(texts::two_keys(word)));
            }
            _ => {
                described.attributes.insert(whom::KEY.to_owned(), json!(word));
            }
        }
    }
    Ok(described)
}

/// Says it.
pub(crate) async fn explain(
    cx: &Context,
    settings: &Settings,
    FlagName(flag): &FlagName,
    who: &str,
    place: Option<Place>,
) -> Result {
    let set = place::meant(cx, flag, place)?;
    let mut described = read(who)?;
    if let Some(person) = &described.person {
        let key = whom::key_of(cx, settings, person).await?;
        described.attributes.insert(whom::KEY.to_owned(), json!(key));
    }
    if let Some(key) = described.attributes.get_mut(whom::KEY)
        && !key.is_string()
    {
        // A key is a text, whatever it looks like.
        *key = json!(whom::plain(key));
    }
    let flags = place::engine(cx.services())?;
    if let Some(away) = flags.away(&set) {
        return Err(texts::keeper_explains(flag, &set, &away).into());
    }
    let live = flags.set(&set);
    let context = otus_flags::Context::from_value(&Value::Object(described.attributes.clone()))
        .map_err(|fault| UserError::new(texts::no_context(&fault.to_string())))?;
    let found = live
        .as_ref()
        .and_then(|live| way(live.set(), flag, &context, flags.now()));
    match found {
        Some(found) => {
            cx.reply(texts::explained(flag, &set, &described.attributes, &found))
                .await
        }
        None => Err(texts::not_there(flag, &set, false, &place::with(cx.services(), flag)?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_described() {
        let described = read("user-17 plan=pro age=30 beta=true").unwrap();
        assert_eq!(
            Value::Object(described.attributes),
            json!({"targetingKey": "user-17", "plan": "pro", "age": 30, "beta": true})
        );
        assert_eq!(read("@U0ANN").unwrap().person, Some(UserId::new("U0ANN")));
        assert_eq!(
            Value::Object(read(r#"{"targetingKey": "a", "b": [1]}"#).unwrap().attributes),
            json!({"targetingKey": "a", "b": [1]})
        );
        assert!(read("{").is_err() && read("ann bob").is_err());
    }
}
