//! Saying an operation's command once more.

use crate::{answers, ask, texts};
use otus::{
    EventKey, Message, Segment, Via,
    operations::{Operation, State},
    prelude::*,
};

/// Lets the robot hear the operation's line as said by who says so now. It is matched, planned and decided on like anything
/// they say.
pub(crate) async fn again(cx: &Context, id: Option<&str>, reason: Option<String>) -> Result {
    let operation = ask::meant(cx, id).await?;
    if operation.line.trim().is_empty() {
        return Err(UserError::new(texts::no_words(&operation.id)).into());
    }
    let reason = reason.or_else(|| cx.options().reason.clone());
    let line = line(&operation, reason.as_deref());
    match cx.message().via {
        Via::Said => cx.react("repeat").await?,
        _ => answers::answer(cx, texts::again(&line)).await?,
    }
    let said = cx.message();
    cx.services().hear(Message {
        // One event for one "again": it is claimed before it is worked on, as any.
        event: EventKey::new(format!("again:{}", cx.id())),
        content: vec![Segment::Text(line)],
        // Addressed by its nature, and the answer says what was asked.
        via: match &said.via {
            Via::Button { message } => Via::Button {
                message: message.clone(),
            },
            _ => Via::Button { message: None },
        },
        edited_from: None,
        ..said.clone()
    });
    Ok(())
}

/// The line with what was added to it then: that it was only planned, and why, unless another reason is given now.
fn line(operation: &Operation, reason: Option<&str>) -> String {
    let mut line = operation.line.trim().to_owned();
    if let Some(old) = &operation.reason
        && let Some(without) = line.strip_suffix(&format!(" because {old}"))
    {
        line = without.trim_end().trim_end_matches(',').to_owned();
    }
    if operation.state == State::Planned && !line.contains("--plan") {
        line.push_str(" --plan");
    }
    match reason.or(operation.reason.as_deref()) {
        Some(reason) => format!("{line} because {reason}"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::tests::operation;

    #[test]
    fn a_line_comes_with_its_reason_or_another() {
        let mut failed = operation(State::Failed);
        assert_eq!(
            line(&failed, None),
            "deploy api 1.9.0 to production because customers wait"
        );
        failed.line = "deploy api 1.9.0 to production, because customers wait".into();
        assert_eq!(
            line(&failed, Some("it is back")),
            "deploy api 1.9.0 to production because it is back"
        );
        failed.reason = None;
        failed.line = "deploy api".into();
        assert_eq!(line(&failed, None), "deploy api");
    }

    #[test]
    fn what_was_only_planned_is_only_planned_again() {
        let mut planned = operation(State::Planned);
        planned.reason = None;
        assert_eq!(line(&planned, None), "deploy api 1.9.0 to production --plan");
        planned.line = "deploy api --plan".into();
        assert_eq!(line(&planned, None), "deploy api --plan");
    }
}
