//! Purpose: the value of a constant expression like `10 * 1024 ^ 3`, `-(3)`, `5m`.

use crate::duration;

/// Its value, if it is made of numbers only.
pub(super) fn value(text: &str) -> Option<f64> {
    let mut reader = Reader {
        rest: text.trim(),
        depth: 0,
    };
    let value = reader.sum()?;
    reader.rest.is_empty().then_some(value)
}

/// Nobody writes a limit with more brackets or signs than this; the stack is finite.
const DEEPEST: u32 = 64;

struct Reader<'t> {
    rest: &'t str,
    depth: u32,
}

impl Reader<'_> {
    fn take(&mut self, symbol: char) -> bool {
        let found = self.rest.strip_prefix(symbol);
        if let Some(rest) = found {
            self.rest = rest.trim_start();
        }
        found.is_some()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.signed()?;
        loop {
            if self.take('*') {
                value *= self.signed()?;
            } else if self.take('/') {
                value /= self.signed()?;
            } else if self.take('%') {
                value %= self.signed()?;
            } else {
                return Some(value);
            }
        }
    }

    /// A sign binds looser than a power: `-2 ^ 2` is -4.
    fn signed(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let value = if self.take('-') {
            -self.signed()?
        } else if self.take('+') {
            self.signed()?
        } else {
            let base = self.atom()?;
            // Powers bind to the right.
            if self.take('^') {
                base.powf(self.signed()?)
            } else {
                base
            }
        };
        self.depth -= 1;
        Some(value)
    }

    fn atom(&mut self) -> Option<f64> {
        if self.take('(') {
            let value = self.sum()?;
            return self.take(')').then_some(value);
        }
        let mut length = self
            .rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
            .count();
        // The sign of an exponent belongs to the number: `1e-3`.
        let word = &self.rest[..length];
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && word.ends_with(['e', 'E'])
            && !word.starts_with("0x")
        {
            let sign = usize::from(self.rest[length..].starts_with(['+', '-']));
            length += sign;
            length += self.rest[length..].bytes().take_while(u8::is_ascii_digit).count();
        }
        let (word, rest) = self.rest.split_at(length);
        let value = number(word)?;
        self.rest = rest.trim_start();
        Some(value)
    }
}

fn number(word: &str) -> Option<f64> {
    if let Some(hex) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        let value = u64::from_str_radix(hex, 16).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "every number of PromQL is a float")]
        return Some(value as f64);
    }
    if word.eq_ignore_ascii_case("infinity") {
        return None; // Rust reads it, Prometheus does not.
    }
    word.parse()
        .ok()
        .or_else(|| duration::parse(word).ok().map(|duration| duration.as_secs_f64()))
}
