//! Units: how a number is written on an axis and in a legend, and read back.

mod guess;
mod money;
mod scales;

pub use money::Currency;

use std::{fmt, str::FromStr};

use scales::Scale;

/// What the values of a chart are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A bare number.
    #[default]
    None,
    /// A number of things: the axis has whole numbers only.
    Count,
    /// Seconds, shown from ns to days.
    Seconds,
    /// Milliseconds, shown as durations.
    Milliseconds,
    /// Bytes, by 1024: KiB, MiB.
    Bytes,
    /// Bytes, by 1000: kB, MB.
    BytesSi,
    /// Bytes per second, by 1024.
    BytesPerSecond,
    /// Per cent, 0 to 100.
    Percent,
    /// A share, 0 to 1, shown as per cent.
    Ratio,
    /// Events per second.
    PerSecond,
    /// Events per minute.
    PerMinute,
    /// Bytes per second, by 1000.
    BytesPerSecondSi,
    /// Bits, by 1000.
    Bits,
    /// Bits per second, by 1000.
    BitsPerSecond,
    /// Oscillations per second.
    Hertz,
    /// Degrees Celsius.
    Celsius,
    /// Watts.
    Watts,
    /// An amount of money.
    Money(Currency),
}

impl Unit {
    /// Where zero is written: the scale whose factor is the unit itself.
    fn base(self) -> &'static Scale {
        let scales = self.scales();
        scales
            .iter()
            .rev()
            .find(|s| s.factor >= 1.0)
            .unwrap_or(&scales[scales.len() - 1])
    }

    fn index_for(self, magnitude: f64) -> usize {
        let scales = self.scales();
        scales
            .iter()
            .position(|s| magnitude >= s.from)
            .unwrap_or(scales.len() - 1)
    }

    /// A value with three significant digits, for reading: `68.3 ms`, `1.07 s`; `–` for what is not finite.
    pub fn value(self, value: f64) -> String {
        self.value_to(value, f64::INFINITY)
    }

    /// Like [`Unit::value`], with more digits where differences of `resolution` must be seen: an availability of 99.96 %
    /// is not one of 100 %.
    pub(crate) fn value_to(self, value: f64, resolution: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        if let Self::Money(currency) = self {
            return money::value(currency, value, resolution);
        }
        if value == 0.0 {
            return format!("0{}", self.base().suffix);
        }
        let scales = self.scales();
        let mut at = self.index_for(value.abs());
        loop {
            let scale = &scales[at];
            let scaled = value / scale.factor;
            let magnitude = scaled.abs();
            if !(1e-3..1e6).contains(&magnitude) {
                return minus(format!("{:.2e}{}", scaled, scale.suffix));
            }
            // After rounding: 99.97 is 100, not 100.0.
            let whole = format!("{magnitude:.2e}")
                .parse()
                .unwrap_or(magnitude)
                .log10()
                .floor() as i32;
            let needed = (-(resolution / scale.factor).log10()).ceil().clamp(-9.0, 9.0) as i32;
            let decimals = (2 - whole).max(needed.min(6 - whole)).clamp(0, 7) as usize;
            let text = format!("{scaled:.decimals$}");
            let rounded: f64 = text.parse().unwrap_or(scaled);
            // 999.7 ms rounds to 1000 ms: that is 1 s.
            if at > 0 && (rounded * scale.factor).abs() >= scales[at - 1].from {
                at -= 1;
                continue;
            }
            // Trailing zeros mean precision; an exact value needs none.
            let text = if rounded == scaled { trimmed(&text) } else { &text };
            return minus(format!("{text}{}", scale.suffix));
        }
    }

    /// A tick's label: exactly its value, with as many decimals as its step demands and no more.
    pub fn tick(self, value: f64, step: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        if let Self::Money(currency) = self {
            return money::tick(currency, value, step);
        }
        if value == 0.0 || value.abs() < step.abs() * 1e-6 {
            return format!("0{}", self.base().suffix);
        }
        let scales = self.scales();
        for scale in &scales[self.index_for(value.abs())..] {
            let scaled = value / scale.factor;
            if scaled.abs() >= 1e6 {
                break;
            }
            let off_by = (step / scale.factor).abs() * 1e-3;
            for decimals in 0..=scale.decimals {
                let text = format!("{scaled:.decimals$}");
                if text
                    .parse::<f64>()
                    .is_ok_and(|read| read != 0.0 && (read - scaled).abs() <= off_by)
                {
                    return minus(format!("{text}{}", scale.suffix));
                }
            }
        }
        let base = self.base();
        let scaled = value / base.factor;
        let off_by = (step / base.factor).abs() * 1e-3;
        for decimals in 0..17 {
            let text = format!("{scaled:.decimals$e}");
            if text
                .parse::<f64>()
                .is_ok_and(|read| (read - scaled).abs() <= off_by)
            {
                return minus(format!("{text}{}", base.suffix));
            }
        }
        minus(format!("{scaled:e}{}", base.suffix))
    }

    /// Reads what [`Unit::value`] and [`Unit::tick`] write, and what people write: `500ms`, `1.5 GiB`, `5 %`. A bare
    /// number is in the unit itself.
    pub fn parse(self, text: &str) -> Option<f64> {
        if let Self::Money(currency) = self {
            return money::parse(currency, text);
        }
        let text = text.trim().replace('−', "-");
        if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
            return None;
        }
        // The longest prefix that is a number: `1e3` is one, and `1e` in `1exa` is not.
        let (number, rest) = text
            .char_indices()
            .map(|(i, c)| i + c.len_utf8())
            .rev()
            .find_map(|end| text[..end].parse::<f64>().ok().map(|n| (n, &text[end..])))?;
        let suffix = rest.trim();
        let factor = match suffix {
            "" => 1.0,
            _ => self.scales().iter().find(|s| s.suffix.trim() == suffix)?.factor,
        };
        Some(number * factor)
    }
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// A real minus is as wide as a digit.
fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Money(currency) => return f.write_str(currency.code()),
            Self::None => "none",
            Self::Count => "count",
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Bytes => "bytes",
            Self::BytesSi => "bytes-si",
            Self::BytesPerSecond => "bytes-per-second",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::PerSecond => "per-second",
            Self::PerMinute => "per-minute",
            Self::BytesPerSecondSi => "bytes-per-second-si",
            Self::Bits => "bits",
            Self::BitsPerSecond => "bits-per-second",
            Self::Hertz => "hertz",
            Self::Celsius => "celsius",
            Self::Watts => "watts",
        })
    }
}

/// A unit's name was not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no unit {0:?}; known are none, count, seconds, milliseconds, bytes, bytes-si, bytes-per-second, bytes-per-second-si, bits, bits-per-second, percent (0 to 100), ratio (0 to 1), per-second, per-minute, hertz, celsius, watts, and a currency's code as EUR"
)]
pub struct UnknownUnit(pub String);

impl FromStr for Unit {
    type Err = UnknownUnit;

    /// Reads our names, and Grafana's.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.trim() {
            "none" | "" | "short" => Self::None,
            "count" => Self::Count,
            "seconds" | "s" => Self::Seconds,
            "milliseconds" | "ms" => Self::Milliseconds,
            "bytes" => Self::Bytes,
            "bytes-si" | "decbytes" => Self::BytesSi,
            "bytes-per-second" | "binBps" => Self::BytesPerSecond,
            "percent" | "%" => Self::Percent,
            "ratio" | "percentunit" => Self::Ratio,
            "per-second" | "reqps" | "ops" | "cps" | "rps" => Self::PerSecond,
            "per-minute" | "reqpm" | "opm" | "cpm" | "rpm" => Self::PerMinute,
            "bytes-per-second-si" | "Bps" => Self::BytesPerSecondSi,
            "bits" | "decbits" => Self::Bits,
            "bits-per-second" | "bps" => Self::BitsPerSecond,
            "hertz" | "Hz" => Self::Hertz,
            "celsius" | "°C" => Self::Celsius,
            "watts" | "watt" => Self::Watts,
            // A code is in capitals, so that a misspelt unit of three letters stays an error.
            code if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) => {
                Self::Money(Currency::new(code).ok_or_else(|| UnknownUnit(code.to_owned()))?)
            }
            name if name.starts_with("currency") => {
                Self::Money(Currency::new(&name[8..]).ok_or_else(|| UnknownUnit(name.to_owned()))?)
            }
            other => return Err(UnknownUnit(other.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests;
