//! Always move forward: what becomes of a deploy that would lose commits that run. A pure function.

use otus::Backwards;
use otus_ci::version::{Direction, Way};

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing is lost.
    Pass,
    /// Something is lost, and somebody wants it so: a warning.
    Warn,
    /// Something would be lost, and nobody has said that it may.
    Ask,
    /// Something would be lost, and that is not done here.
    Refuse,
}

/// Decides. `asked`: somebody said that it may go back. `to_good`: to what ran well here, which is the way out of trouble and is
/// never in the way of itself.
pub(crate) fn guard(way: Option<&Way>, rule: Backwards, asked: bool, to_good: bool) -> Guard {
    let loses = way.is_some_and(|way| matches!(way.direction, Direction::Back | Direction::Sideways));
    match rule {
        _ if !loses => Guard::Pass,
        _ if to_good => Guard::Warn,
        Backwards::Allow => Guard::Warn,
        Backwards::Ask if asked => Guard::Warn,
        Backwards::Ask => Guard::Ask,
        Backwards::Refuse => Guard::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case() {
        use Backwards::{Allow, Ask, Refuse};
        use Direction::{Back, Forward, Same, Sideways};
        let decide = |direction, rule, asked, to_good| {
            let way = Way {
                direction,
                ..Way::unrelated()
            };
            guard(Some(&way), rule, asked, to_good)
        };
        for rule in [Ask, Refuse, Allow] {
            for asked in [false, true] {
                assert_eq!(
                    guard(None, rule, asked, false),
                    Guard::Pass,
                    "nothing is known to be lost"
                );
                for direction in [Forward, Same] {
                    assert_eq!(decide(direction, rule, asked, false), Guard::Pass);
                }
                for direction in [Back, Sideways] {
                    assert_eq!(decide(direction, rule, asked, true), Guard::Warn);
                    let wanted = match (rule, asked) {
                        (Allow, _) | (Ask, true) => Guard::Warn,
                        (Ask, false) => Guard::Ask,
                        (Refuse, _) => Guard::Refuse,
                    };
                    assert_eq!(decide(direction, rule, asked, false), wanted);
                }
            }
        }
    }
}
