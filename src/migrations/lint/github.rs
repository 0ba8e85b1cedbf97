//! Findings as annotations on a pull request:
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message>.

use super::{Finding, Level};

/// One line that GitHub Actions shows beside the statement. `folder` is where the files are, as the repository sees it.
#[must_use]
pub fn annotation(finding: &Finding, folder: &str) -> String {
    let command = match finding.level {
        Level::Advice => "notice",
        Level::Warning => "warning",
        Level::Person | Level::Refused => "error",
    };
    let folder = folder.trim_end_matches('/');
    let file = match folder {
        "" | "." => finding.file.clone(),
        folder => format!("{folder}/{}", finding.file),
    };
    let mut message = format!("{} ({})", finding.message, finding.level);
    for lock in &finding.locks {
        message.push_str(&format!(
            "\nLocks {} {}, which blocks {}.",
            lock.table, lock.level, lock.blocks
        ));
    }
    if let Some(safe) = &finding.safe {
        message.push_str(&format!("\nThe safe way:\n{safe}"));
    }
    format!(
        "::{command} file={},line={},col={},title={}::{}",
        property(&file),
        finding.place.line,
        finding.place.column,
        property(&finding.rule),
        data(&message)
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
