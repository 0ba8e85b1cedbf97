//! Units: how a number is written on an axis and in a legend, and read back.

mod guess;

use std::{fmt, str::FromStr};

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
}

/// One way to write a magnitude: from which magnitude on, what it divides by, and its suffix.
struct Scale {
    from: f64,
    factor: f64,
    suffix: &'static str,
    /// Decimals that still read well; a sixtieth has none.
    decimals: usize,
}

const fn scale(factor: f64, suffix: &'static str) -> Scale {
    Scale {
        from: factor,
        factor,
        suffix,
        decimals: 9,
    }
}

/// 90 s reads better than 1.5 min, so each step begins at two of its kind.
const fn sixty(factor: f64, suffix: &'static str) -> Scale {
    Scale {
        from: factor * 2.0,
        factor,
        suffix,
        decimals: 2,
    }
}

const KI: f64 = 1024.0;
const PLAIN: &[Scale] = &[
    scale(1e15, "P"),
    scale(1e12, "T"),
    scale(1e9, "G"),
    scale(1e6, "M"),
    scale(1e3, "k"),
    scale(1.0, ""),
];
const SECONDS: &[Scale] = &[
    sixty(86_400.0, " d"),
    sixty(3_600.0, " h"),
    sixty(60.0, " min"),
    scale(1.0, " s"),
    scale(1e-3, " ms"),
    scale(1e-6, " µs"),
    scale(1e-9, " ns"),
];
const MILLISECONDS: &[Scale] = &[
    sixty(86_400e3, " d"),
    sixty(3_600e3, " h"),
    sixty(60e3, " min"),
    scale(1e3, " s"),
    scale(1.0, " ms"),
    scale(1e-3, " µs"),
    scale(1e-6, " ns"),
];
const BYTES: &[Scale] = &[
    scale(KI * KI * KI * KI * KI, " PiB"),
    scale(KI * KI * KI * KI, " TiB"),
    scale(KI * KI * KI, " GiB"),
    scale(KI * KI, " MiB"),
    scale(KI, " KiB"),
    scale(1.0, " B"),
];
const BYTES_SI: &[Scale] = &[
    scale(1e15, " PB"),
    scale(1e12, " TB"),
    scale(1e9, " GB"),
    scale(1e6, " MB"),
    scale(1e3, " kB"),
    scale(1.0, " B"),
];
const BYTES_PER_SECOND: &[Scale] = &[
    scale(KI * KI * KI * KI, " TiB/s"),
    scale(KI * KI * KI, " GiB/s"),
    scale(KI * KI, " MiB/s"),
    scale(KI, " KiB/s"),
    scale(1.0, " B/s"),
];
const PER_SECOND: &[Scale] = &[
    scale(1e12, "T/s"),
    scale(1e9, "G/s"),
    scale(1e6, "M/s"),
    scale(1e3, "k/s"),
    scale(1.0, "/s"),
];
const PERCENT: &[Scale] = &[scale(1.0, "%")];
const RATIO: &[Scale] = &[scale(0.01, "%")];

impl Unit {
    fn scales(self) -> &'static [Scale] {
        match self {
            Self::None | Self::Count => PLAIN,
            Self::Seconds => SECONDS,
            Self::Milliseconds => MILLISECONDS,
            Self::Bytes => BYTES,
            Self::BytesSi => BYTES_SI,
            Self::BytesPerSecond => BYTES_PER_SECOND,
            Self::Percent => PERCENT,
            Self::Ratio => RATIO,
            Self::PerSecond => PER_SECOND,
        }
    }

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
        })
    }
}

/// A unit's name was not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no unit {0:?}; known are none, count, seconds, milliseconds, bytes, bytes-si, bytes-per-second, percent (0 to 100), ratio (0 to 1), per-second"
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
            "bytes-per-second" | "binBps" | "Bps" => Self::BytesPerSecond,
            "percent" | "%" => Self::Percent,
            "ratio" | "percentunit" => Self::Ratio,
            "per-second" | "reqps" | "ops" | "cps" | "rps" => Self::PerSecond,
            other => return Err(UnknownUnit(other.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Unit; 10] = [
        Unit::None,
        Unit::Count,
        Unit::Seconds,
        Unit::Milliseconds,
        Unit::Bytes,
        Unit::BytesSi,
        Unit::BytesPerSecond,
        Unit::Percent,
        Unit::Ratio,
        Unit::PerSecond,
    ];

    #[test]
    fn values_read_well() {
        let seen: Vec<String> = [
            (Unit::Seconds, 0.0683),
            (Unit::Seconds, 0.178),
            (Unit::Seconds, 1.0712),
            (Unit::Seconds, 0.9997),
            (Unit::Seconds, 90.0),
            (Unit::Seconds, 200.0),
            (Unit::Seconds, 0.0),
            (Unit::Seconds, 3.2e-7),
            (Unit::Milliseconds, 1500.0),
            (Unit::Bytes, 1_610_612_736.0),
            (Unit::BytesSi, 1_500_000.0),
            (Unit::Ratio, 0.1234),
            (Unit::Percent, 99.95),
            (Unit::PerSecond, 12_345.0),
            (Unit::Count, 3.0),
            (Unit::None, -0.5),
            (Unit::None, f64::NAN),
            (Unit::None, 1e300),
        ]
        .iter()
        .map(|(unit, v)| unit.value(*v))
        .collect();
        assert_eq!(
            seen,
            [
                "68.3 ms",
                "178 ms",
                "1.07 s",
                "1.00 s",
                "90 s",
                "3.33 min",
                "0 s",
                "320 ns",
                "1.5 s",
                "1.5 GiB",
                "1.5 MB",
                "12.3%",
                "100%",
                "12.3k/s",
                "3",
                "−0.5",
                "–",
                "1.00e285P"
            ]
        );
    }

    #[test]
    fn small_differences_of_large_values_are_seen() {
        assert_eq!(Unit::Ratio.value_to(0.99962, 0.000_1), "99.96%");
        assert_eq!(Unit::Ratio.value_to(0.99962, f64::INFINITY), "100%");
        assert_eq!(Unit::Seconds.value_to(0.1, 1e-12), "100 ms");
    }

    #[test]
    fn a_label_is_as_precise_as_its_step() {
        assert_eq!(Unit::Seconds.tick(1.25, 0.25), "1.25 s");
        assert_eq!(Unit::Seconds.tick(1.0, 0.25), "1 s");
        assert_eq!(Unit::Seconds.tick(0.75, 0.25), "750 ms");
        assert_eq!(Unit::Seconds.tick(0.0, 0.25), "0 s");
        assert_eq!(Unit::Seconds.tick(4200.0, 600.0), "70 min");
        assert_eq!(Unit::Ratio.tick(0.125, 0.025), "12.5%");
        assert_eq!(Unit::Bytes.tick(1536.0 * 1024.0, 512.0 * 1024.0), "1.5 MiB");
        assert_eq!(Unit::None.tick(-2500.0, 500.0), "−2.5k");
    }

    #[test]
    fn names_go_both_ways() {
        for unit in ALL {
            assert_eq!(unit.to_string().parse(), Ok(unit));
        }
        assert!("furlong".parse::<Unit>().is_err());
        assert_eq!(Unit::Seconds.parse("500ms"), Some(0.5));
        assert_eq!(Unit::Ratio.parse("5 %"), Some(0.05));
        assert_eq!(Unit::Seconds.parse("soon"), None);
    }

    proptest! {
        #[test]
        fn a_written_value_reads_back(mantissa in -10.0_f64..10.0, power in -280_i32..280, which in 0..ALL.len()) {
            let (unit, v) = (ALL[which], mantissa * 10_f64.powi(power));
            let text = unit.value(v);
            let read = unit.parse(&text);
            prop_assert!(read.is_some_and(|r| (r - v).abs() <= v.abs() * 0.006), "{v} {text} {read:?}");
        }

        #[test]
        fn a_tick_reads_back(n in -2000_i64..2000, mantissa in prop::sample::select(vec![1.0, 2.0, 2.5, 5.0]),
                             power in -200_i32..200, which in 0..ALL.len()) {
            let unit = ALL[which];
            let step = mantissa * 10_f64.powi(power);
            let v = n as f64 * step;
            let text = unit.tick(v, step);
            let read = unit.parse(&text);
            prop_assert!(read.is_some_and(|r| (r - v).abs() <= step * 0.01), "{v} {text} {read:?}");
        }

        #[test]
        fn anything_may_be_read(text in "\\PC{0,40}", which in 0..ALL.len()) {
            let _ = ALL[which].parse(&text);
        }
    }
}
