//! How it reads.

use super::*;
use crate::{
    read,
    schedule::{Kind, Origin},
};

fn monday() -> Timestamp {
    "2026-11-23T14:00:00Z".parse().unwrap()
}

fn ask(line: &str, zone: Zone) -> Ask {
    let read = read::read(line, monday(), "Europe/Berlin").unwrap();
    Ask {
        when: read.when,
        zone,
        line: read.command,
        foreseen: None,
        origin: Origin {
            channel: ChannelId::new("C1"),
            kind: Kind::Public,
            thread: None,
        },
    }
}

fn schedule(line: &str) -> Schedule {
    let ask = ask(line, Zone::Said);
    Schedule {
        id: "3f2a".into(),
        operation: "3f2a9b10cd".into(),
        by: "ann".into(),
        name: "Ann".into(),
        origin: ask.origin,
        line: ask.line,
        next: ask.when.next_after(monday()),
        when: ask.when,
        running: Vec::new(),
        last: None,
        missed: None,
        created: monday(),
    }
}

#[test]
fn a_plan_says_when_it_runs_and_in_which_zone() {
    let weekday = ask("every weekday at 9:00 deploy api", Zone::Theirs);
    assert_eq!(
        markup::plain(&schedule_title(&weekday.line, &weekday.when)),
        "Schedule `deploy api` every weekday at 09:00 (Europe/Berlin)"
    );
    assert_eq!(
        schedule_notes(&weekday, monday()),
        [
            "It runs next: Tue 2026-11-24 09:00, Wed 2026-11-25 09:00, Thu 2026-11-26 09:00.",
            "The time zone is Europe/Berlin, as in your profile.",
            "It runs with your rights, as they are by then.",
        ]
    );
    let once = ask("at 17:30 UTC deploy api", Zone::Said);
    assert_eq!(
        schedule_notes(&once, monday())[..2],
        ["It runs once: Mon 2026-11-23 17:30.", "The time zone is UTC."]
    );
    let unknown = ask("at 17:30 UTC deploy api", Zone::Unknown);
    assert_eq!(
        markup::plain(&schedule_notes(&unknown, monday())[1]),
        "The time zone is UTC, since the chat does not say yours. Another one goes after the time: `at 9:00 Europe/Berlin`."
    );
}

#[test]
fn cards_say_what_was_scheduled_missed_and_ended() {
    let daily = schedule("every day at 9:00 post Good morning");
    assert_eq!(
        scheduled(&daily, &ask("every day at 9:00 post Good morning", Zone::Said)).plain(),
        "✅ Scheduled: `post Good morning` every day at 09:00 (Europe/Berlin)\n\
         Next run: Tue 2026-11-24 09:00 (Europe/Berlin)\n\
         Then: Wed 2026-11-25 09:00, Thu 2026-11-26 09:00\n\
         The time zone is Europe/Berlin. It runs with your rights, as they are by then.\n\
         [Unschedule 3f2a]"
    );
    assert_eq!(
        missed(&daily, monday()).plain(),
        "⚠️ Missed: `post Good morning`\n\
         @ann scheduled it for Mon 2026-11-23 15:00 (Europe/Berlin). No robot ran at that time, so I skipped it: now it is too \
         late to run it unasked.\n\
         Next run: Tue 2026-11-24 09:00 (Europe/Berlin)\n\
         [Run it now]"
    );
    assert_eq!(unscheduled("3f2a").plain(), "✅ Schedule `3f2a` is gone");
    let elsewhere = ChannelId::new("C2");
    assert_eq!(
        schedules(std::slice::from_ref(&daily), &elsewhere).plain(),
        "One schedule\n\
         `3f2a` `post Good morning` every day at 09:00 (Europe/Berlin) in #C1\n\
         next Tue 2026-11-24 09:00 (Europe/Berlin) · Ann\n\
         [Unschedule 3f2a]"
    );
    assert_eq!(
        due_record(&daily, monday()),
        "the time has come for schedule 3f2a of Ann, 2026-11-23 at 15:00 (Europe/Berlin): `post Good morning`"
    );
    assert_eq!(
        unscheduled_record("Bob", &daily),
        "Bob unscheduled 3f2a of Ann: `post Good morning` every day at 09:00 (Europe/Berlin)"
    );
}

#[test]
fn what_will_hold_it_up_is_told_when_it_is_scheduled() {
    let verdict = |kind| Verdict {
        kind,
        rule: "it asks for the role `dev`, which who asked does not have".into(),
        trace: Vec::new(),
        glass: false,
    };
    let refused = foreseen(&verdict(VerdictKind::Refuse), Effect::Changes).unwrap();
    let approve = || VerdictKind::Approve {
        needs: Vec::new(),
        confirm: false,
        expire: 60,
    };
    assert_eq!(
        foreseen(&verdict(approve()), Effect::Proposes).unwrap(),
        "As the rules are now, I will ask for approval when it runs: it asks for the role `dev`, which who asked does not have."
    );
    assert_eq!(
        foreseen(&verdict(approve()), Effect::Changes).unwrap(),
        "As the rules are now, I would not do it: somebody else would have to approve it (it asks for the role `dev`, which who \
         asked does not have), and a command that acts at once cannot wait for that. It is decided on when it runs."
    );
    assert_eq!(
        foreseen(&verdict(VerdictKind::Confirm), Effect::Changes).unwrap(),
        "As the rules are now, I will ask you to confirm it when it runs: it asks for the role `dev`, which who asked does not \
         have."
    );
    assert_eq!(
        refused,
        "As it is now, I would not do it for you: it asks for the role `dev`, which who asked does not have. It is decided on \
         when it runs."
    );
    assert_eq!(foreseen(&verdict(VerdictKind::Allow), Effect::Changes), None);
    let mut asked = ask("every 30th of the month at 8:00 deploy api", Zone::Theirs);
    asked.foreseen = Some(refused);
    assert_eq!(
        scheduled(&schedule("every 30th of the month at 8:00 deploy api"), &asked).plain(),
        "⚠️ Scheduled: `deploy api` every 30th of the month at 08:00 (Europe/Berlin)\n\
         Next run: Mon 2026-11-30 08:00 (Europe/Berlin)\n\
         Then: Wed 2026-12-30 08:00, Sat 2027-01-30 08:00\n\
         As it is now, I would not do it for you: it asks for the role `dev`, which who asked does not have. It is decided on \
         when it runs.\n\
         In a month without a 30th it runs on the last day.\n\
         The time zone is Europe/Berlin, as in your profile. It runs with your rights, as they are by then.\n\
         [Unschedule 3f2a]"
    );
    assert_eq!(
        schedule_notes(&asked, monday())[3],
        "In a month without a 30th it runs on the last day."
    );
}

#[test]
fn what_is_no_command_is_told_with_what_may_have_been_meant() {
    let plain = |error: UserError| (markup::plain(&error.text), error.instead);
    assert_eq!(
        plain(no_command("dance", &[])),
        (
            "`dance` is no command, so there is nothing to schedule. To have words said, write `… post <text>`.".into(),
            vec![]
        )
    );
    assert_eq!(
        plain(no_command("depoly api", &["in 2h deploy api".into()])),
        (
            "`depoly api` is no command, so there is nothing to schedule. Did you mean `in 2h deploy api`?"
                .into(),
            vec!["in 2h deploy api".into()]
        )
    );
}

#[test]
fn what_is_not_clear_is_told_with_what_to_write() {
    let told = |line: &str| {
        let why = read::read(line, monday(), "Europe/Berlin").unwrap_err();
        markup::plain(&unclear(&why, line, None).text)
    };
    assert_eq!(
        told("at teatime deploy api"),
        "`teatime` is no time of the day. Write it like `9:00`, `17:30` or `9am`."
    );
    assert_eq!(
        told("on blue at 9:00 x"),
        "`blue` is no day. Write a day of the week, or a date like `2026-12-24`."
    );
    assert_eq!(
        told("in a while x"),
        "`a` is no length of time that I can wait. Write for example `30m`, `2h` or `2 days`."
    );
    assert_eq!(
        told("every blue moon x"),
        "`blue` is nothing that comes again and again. Write for example `every weekday at 9:00 …`, `every monday at 9:00 …`, \
         `every 2 hours …` or `every 1st of the month at 8:00 …`."
    );
    assert_eq!(
        told("every month at 8:00 x"),
        "On which day of the month? Write for example `every 1st of the month at 8:00 …` or \
         `every last day of the month at 8:00 …`."
    );
    let near = unclear(
        &read::Unclear::BadDay("fryday".into()),
        "on fryday at 9 x",
        Some("on friday at 9 x"),
    );
    assert_eq!(
        markup::plain(&near.text),
        "`fryday` is no day. Write a day of the week, or a date like `2026-12-24`. Did you mean `on friday at 9 x`?"
    );
    assert_eq!(near.instead, ["on friday at 9 x"]);
    assert_eq!(
        told("every day at 9:00"),
        "What shall I do then? Write a command after the time: `every day at 9:00 post Hello`."
    );
    assert_eq!(
        told("on monday deploy"),
        "At what time? Write for example `on monday at 9:00 …`."
    );
}

#[test]
fn nobody_is_rung_by_what_is_posted() {
    assert_eq!(
        post("@here @ann a@channel.org @EVERYONE"),
        "@\u{200B}here @ann a@\u{200B}channel.org @\u{200B}EVERYONE"
    );
    assert_eq!(post("no one"), "no one");
    assert_eq!(post("a @ b @"), "a @ b @");
    let ann = markup::user(&"U012AB3CD".into());
    assert_eq!(
        post("Hi @U012AB3CD, hi @UNIQUELY"),
        format!("Hi {ann}, hi @UNIQUELY")
    );
}
