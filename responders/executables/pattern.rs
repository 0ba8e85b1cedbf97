//! A pattern that somebody else wrote: whether it can be used, and how specific it is.

use regex_syntax::hir::{Hir, HirKind};

/// How many characters a pattern fixes: the larger, the more specific. As the macro counts it for compiled responders.
pub(crate) fn literals(pattern: &str) -> u32 {
    let Ok(hir) = regex_syntax::parse(pattern) else {
        return 0;
    };
    u32::try_from(fixed(&hir)).unwrap_or(u32::MAX)
}

fn fixed(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8_lossy(&literal.0).chars().count(),
        HirKind::Capture(capture) => fixed(&capture.sub),
        HirKind::Concat(all) => all.iter().map(fixed).sum(),
        HirKind::Alternation(all) => all.iter().map(fixed).min().unwrap_or(0),
        HirKind::Repetition(repetition) => {
            fixed(&repetition.sub) * usize::try_from(repetition.min).unwrap_or(0)
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fixed_is_counted() {
        assert_eq!(literals("^roll$"), 4);
        assert_eq!(literals(r"^roll (?<sides>\d+)(?: times)?$"), 5);
        assert_eq!(literals("^(?:yes|no)$"), 2);
    }
}
