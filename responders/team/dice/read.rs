//! What is thrown, read from `2d6+1`.

use std::str::FromStr;

/// So many dice at once.
const MOST_DICE: u32 = 100;
/// So many sides on each.
const MOST_SIDES: u32 = 1_000_000;

/// What is thrown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throw {
    /// So many dice.
    pub(crate) dice: u32,
    /// With so many sides each.
    pub(crate) sides: u32,
    /// And so much more.
    pub(crate) plus: i32,
}

impl Default for Throw {
    fn default() -> Self {
        Self {
            dice: 1,
            sides: 6,
            plus: 0,
        }
    }
}

impl FromStr for Throw {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "dice are written like 2d6, d20, 3d6+2 or 100";
        let text = text.to_lowercase();
        let at = text.find(['+', '-']).unwrap_or(text.len());
        let (dice, plus) = text.split_at(at);
        let plus: i32 = match plus {
            "" => 0,
            plus => plus.parse().map_err(|_| SHAPE)?,
        };
        let (dice, sides) = dice.split_once('d').unwrap_or(("", dice));
        let dice: u32 = match dice {
            "" => 1,
            dice => dice.parse().map_err(|_| SHAPE)?,
        };
        let sides: u32 = sides.parse().map_err(|_| SHAPE)?;
        if dice == 0 || dice > MOST_DICE {
            return Err("1 to 100 dice can be rolled at once");
        }
        if !(2..=MOST_SIDES).contains(&sides) {
            return Err("a die has 2 to 1,000,000 sides");
        }
        if plus.unsigned_abs() > MOST_SIDES {
            return Err("what is added is at most 1,000,000");
        }
        Ok(Self { dice, sides, plus })
    }
}

/// The things of a list: `Ann, Ben or Carl`.
pub(crate) fn one_of(text: &str) -> Vec<String> {
    let split: Vec<&str> = if text.contains([',', ';', '\n', '|']) {
        text.split([',', ';', '\n', '|'])
            .flat_map(|part| part.split(" or "))
            .collect()
    } else if text.contains(" or ") {
        text.split(" or ").collect()
    } else {
        text.split_whitespace().collect()
    };
    split
        .into_iter()
        .map(|thing| thing.trim().trim_end_matches('?'))
        .map(|thing| thing.strip_prefix("or ").unwrap_or(thing).trim().to_owned())
        .filter(|thing| !thing.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dice_are_read_as_players_write_them() {
        let throw = |dice, sides, plus| Ok(Throw { dice, sides, plus });
        assert_eq!("2d6+1".parse(), throw(2, 6, 1));
        assert_eq!("D20".parse(), throw(1, 20, 0));
        assert_eq!("100".parse(), throw(1, 100, 0));
        assert_eq!("3d8-2".parse(), throw(3, 8, -2));
        for wrong in ["", "d", "0d6", "101d6", "d1", "2d", "x", "d6+", "-1", "1d9999999"] {
            assert!(wrong.parse::<Throw>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_is_read_however_it_is_written() {
        assert_eq!(one_of("Ann, Ben or Carl"), ["Ann", "Ben", "Carl"]);
        assert_eq!(one_of("Ann, Ben, or Carl?"), ["Ann", "Ben", "Carl"]);
        assert_eq!(one_of("tea or hot chocolate"), ["tea", "hot chocolate"]);
        assert_eq!(one_of("a b c"), ["a", "b", "c"]);
        assert_eq!(one_of("ordinary"), ["ordinary"]);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,20}") {
            let _ = text.parse::<Throw>();
            let _ = one_of(&text);
        }
    }
}
