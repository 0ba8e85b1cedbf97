//! `views.*`: modals and the App Home.

use serde_json::{Value, json};

use crate::slack::{
    args::Args,
    blocks,
    error::{Answer, ApiError, answer},
    journal::What,
    state::State,
    view::STACK,
};

const VIEW_MAX: usize = 250_000;

fn given(args: &Args, home: bool) -> Result<Value, ApiError> {
    let view = args.json("view")?.ok_or_else(|| ApiError::missing("view"))?;
    if view.to_string().len() > VIEW_MAX {
        return Err(ApiError::new("view_too_large"));
    }
    let faults = blocks::check_view(&view, home);
    if faults.is_empty() {
        return Ok(view);
    }
    Err(ApiError {
        messages: faults,
        ..ApiError::new("invalid_arguments")
    })
}

fn trigger(st: &mut State, args: &Args) -> Result<String, ApiError> {
    let trigger = args.required("trigger_id")?.to_owned();
    st.use_trigger(&trigger)
}

fn show(st: &mut State, user: &str, id: &str, body: Value) -> Answer {
    st.journal.add(What::View {
        user: user.to_owned(),
        id: id.to_owned(),
    });
    answer(json!({"view": body}))
}

pub(super) fn open(st: &mut State, args: &Args) -> Answer {
    let view = given(args, false)?;
    let user = trigger(st, args)?;
    st.world.views.stack(&user).clear();
    put(st, &user, view)
}

pub(super) fn push(st: &mut State, args: &Args) -> Answer {
    let view = given(args, false)?;
    let user = trigger(st, args)?;
    if st.world.views.stack(&user).len() >= STACK {
        return Err(ApiError::new("push_limit_reached"));
    }
    put(st, &user, view)
}

fn put(st: &mut State, user: &str, view: Value) -> Answer {
    let view = st.new_view(user, view, None);
    let (id, body) = (view.id.clone(), view.body.clone());
    st.world.views.stack(user).push(view);
    show(st, user, &id, body)
}

pub(super) fn update(st: &mut State, args: &Args) -> Answer {
    let (id, external) = (args.str("view_id"), args.str("external_id"));
    if id.is_none() && external.is_none() {
        return Err(ApiError::missing("view_id"));
    }
    let (user, old) = st
        .world
        .views
        .find(id, external)
        .ok_or_else(|| ApiError::new("not_found"))?;
    let home = old.body["type"] == "home";
    let (id, hash) = (old.id.clone(), old.body["hash"].clone());
    if args.str("hash").is_some_and(|given| hash != given) {
        return Err(ApiError::new("hash_conflict"));
    }
    let view = given(args, home)?;
    let view = st.new_view(&user, view, Some(&id));
    let body = view.body.clone();
    if let Some((_, slot)) = st.world.views.find(Some(&id), None) {
        *slot = view;
    }
    show(st, &user, &id, body)
}

pub(super) fn publish(st: &mut State, args: &Args) -> Answer {
    let view = given(args, true)?;
    let user = args.required("user_id")?.to_owned();
    if !st.world.users.contains_key(&user) {
        return Err(ApiError::new("user_not_found"));
    }
    let old = st
        .world
        .views
        .home(&user)
        .map(|old| (old.id.clone(), old.body["hash"].clone()));
    if let (Some((_, hash)), Some(given)) = (&old, args.str("hash"))
        && hash != given
    {
        return Err(ApiError::new("hash_conflict"));
    }
    let view = st.new_view(&user, view, old.as_ref().map(|(id, _)| id.as_str()));
    let (id, body) = (view.id.clone(), view.body.clone());
    st.world.views.set_home(&user, view);
    show(st, &user, &id, body)
}
