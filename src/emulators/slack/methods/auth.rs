//! `api.test`, `auth.test`, `apps.connections.open`.

use serde_json::json;

use crate::slack::{
    args::Args,
    error::{Answer, ApiError, answer},
    state::State,
};

pub(super) fn api_test(_st: &mut State, args: &Args) -> Answer {
    if let Some(code) = args.str("error") {
        let mut error = ApiError::new(code);
        error.extra.insert("args".into(), args.clone().into_map().into());
        return Err(error);
    }
    answer(json!({"args": args.clone().into_map()}))
}

pub(super) fn test(st: &mut State, args: &Args) -> Answer {
    let world = &st.world;
    if args.token.as_deref() == Some(st.options.app_token.as_str()) {
        return answer(json!({"app_name": world.app.name, "app_id": world.app.id}));
    }
    answer(json!({
        "url": format!("{}/", world.base_url), "team": world.team.name, "user": world.app.name,
        "team_id": world.team.id, "user_id": world.app.user, "bot_id": world.app.bot_id,
        "is_enterprise_install": false,
    }))
}

pub(super) fn connections_open(st: &mut State, _args: &Args) -> Answer {
    if st.delivery.request_url.is_some() {
        return Err(ApiError::new("socket_mode_not_enabled"));
    }
    let ticket = st.delivery.issue_ticket();
    let host = st.world.base_url.trim_start_matches("http://");
    answer(json!({"url": format!("ws://{host}/link/?ticket={ticket}&app_id={}", st.world.app.id)}))
}
