//! `users.*`, `usergroups.*`, `bots.info`, `team.info`: who there is.

use serde_json::{Value, json};

use super::{need, paging::page};
use crate::slack::{
    args::Args,
    error::{Answer, ApiError, answer},
    state::State,
    world::User,
};

fn to_json(st: &State, user: &User) -> Value {
    let base = &st.world.base_url;
    let mut profile = json!({
        "real_name": user.real_name, "real_name_normalized": user.real_name, "display_name": user.name,
        "display_name_normalized": user.name, "title": "", "phone": "", "skype": "", "status_text": "",
        "status_emoji": "", "status_expiration": 0, "avatar_hash": "0", "team": st.world.team.id,
        "image_24": format!("{base}/static/user_24.png"), "image_48": format!("{base}/static/user_48.png"),
        "image_72": format!("{base}/static/user_72.png"), "image_512": format!("{base}/static/user_512.png"),
    });
    // Without the scope for it the address is simply not there.
    if let Some(email) = user
        .email
        .as_ref()
        .filter(|_| need(st, "users:read.email").is_ok())
    {
        profile["email"] = email.clone().into();
    }
    if user.is_bot {
        profile["bot_id"] = st.world.app.bot_id.clone().into();
        profile["api_app_id"] = st.world.app.id.clone().into();
    }
    json!({
        "id": user.id, "team_id": st.world.team.id, "name": user.name, "deleted": user.deleted, "color": "9f69e7",
        "real_name": user.real_name, "tz": user.tz, "tz_label": "Central European Time", "tz_offset": 3600,
        "profile": profile, "is_admin": user.is_admin, "is_owner": false, "is_primary_owner": false,
        "is_restricted": false, "is_ultra_restricted": false, "is_bot": user.is_bot, "is_app_user": false,
        "updated": 1_700_000_000, "is_email_confirmed": true, "who_can_share_contact_card": "EVERYONE",
    })
}

pub(super) fn users_info(st: &mut State, args: &Args) -> Answer {
    let user = st
        .world
        .users
        .get(args.required("user")?)
        .ok_or_else(|| ApiError::new("user_not_found"))?;
    answer(json!({"user": to_json(st, user)}))
}

pub(super) fn users_list(st: &mut State, args: &Args) -> Answer {
    let (users, metadata) = page(args, st.world.users.values().collect(), 1000, 1000, |u| {
        format!("user:{}", u.id)
    })?;
    let members: Vec<Value> = users.into_iter().map(|user| to_json(st, user)).collect();
    answer(json!({"members": members, "cache_ts": 1_700_000_000, "response_metadata": metadata}))
}

pub(super) fn users_by_email(st: &mut State, args: &Args) -> Answer {
    let email = args.required("email")?;
    let user = st
        .world
        .users
        .values()
        .find(|user| user.email.as_deref() == Some(email));
    let user = user.ok_or_else(|| ApiError::new("users_not_found"))?;
    answer(json!({"user": to_json(st, user)}))
}

pub(super) fn usergroups_list(st: &mut State, args: &Args) -> Answer {
    let with_users = args.bool("include_users") == Some(true);
    let groups: Vec<Value> = st
        .world
        .groups
        .iter()
        .map(|group| {
            let mut json = json!({
                "id": group.id, "team_id": st.world.team.id, "is_usergroup": true, "is_subteam": true,
                "name": group.name, "description": "", "handle": group.handle, "is_external": false,
                "date_create": 1_700_000_000, "date_update": 1_700_000_000, "date_delete": 0, "auto_type": null,
                "auto_provision": false, "enterprise_subteam_id": "", "created_by": group.users.first(),
                "updated_by": group.users.first(), "deleted_by": null, "user_count": group.users.len(),
                "prefs": {"channels": [], "groups": []}, "channel_count": 0,
            });
            if with_users {
                json["users"] = json!(group.users);
            }
            json
        })
        .collect();
    answer(json!({"usergroups": groups}))
}

pub(super) fn usergroup_users(st: &mut State, args: &Args) -> Answer {
    let group = st
        .world
        .group(args.required("usergroup")?)
        .ok_or_else(|| ApiError::new("no_such_subteam"))?;
    answer(json!({"users": group.users}))
}

pub(super) fn bots_info(st: &mut State, args: &Args) -> Answer {
    let app = &st.world.app;
    if args.str("bot").is_some_and(|bot| bot != app.bot_id) {
        return Err(ApiError::new("bot_not_found"));
    }
    answer(json!({"bot": {
        "id": app.bot_id, "deleted": false, "name": app.name, "updated": 1_700_000_000, "app_id": app.id,
        "user_id": app.user, "icons": {"image_36": format!("{}/static/bot_36.png", st.world.base_url)},
    }}))
}

pub(super) fn team_info(st: &mut State, _args: &Args) -> Answer {
    let team = &st.world.team;
    answer(json!({"team": {
        "id": team.id, "name": team.name, "domain": team.domain, "url": format!("{}/", st.world.base_url),
        "email_domain": "", "icon": {"image_default": true, "image_68": format!("{}/static/team.png", st.world.base_url)},
        "avatar_base_url": format!("{}/static/", st.world.base_url), "is_verified": false,
    }}))
}
