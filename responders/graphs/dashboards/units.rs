//! Grafana's units as ours. Where we have the unit in another size, values are multiplied.

use otus_charts::Unit;

/// A unit, and what values are multiplied by to be in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaled {
    pub(super) unit: Unit,
    pub(super) factor: f64,
}

impl Default for Scaled {
    fn default() -> Self {
        Self {
            unit: Unit::None,
            factor: 1.0,
        }
    }
}

/// What a panel's `unit` is here. What we do not know is a bare number, with its own words to be said beside it.
pub(super) fn of(name: Option<&str>) -> (Scaled, Option<String>) {
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
        return (Scaled::default(), None);
    };
    let scaled = |unit: Unit, factor: f64| (Scaled { unit, factor }, None);
    const KI: f64 = 1024.0;
    match name {
        "none" | "short" | "locale" | "string" | "sci" | "bool" | "bool_yes_no" | "bool_on_off" => {
            scaled(Unit::None, 1.0)
        }
        // Durations.
        "ns" => scaled(Unit::Seconds, 1e-9),
        "µs" | "us" => scaled(Unit::Seconds, 1e-6),
        "m" => scaled(Unit::Seconds, 60.0),
        "h" => scaled(Unit::Seconds, 3_600.0),
        "d" => scaled(Unit::Seconds, 86_400.0),
        "dtdurations" | "dthms" | "dtdhms" | "clocks" => scaled(Unit::Seconds, 1.0),
        "dtdurationms" | "clockms" => scaled(Unit::Milliseconds, 1.0),
        "timeticks" => scaled(Unit::Seconds, 0.01),
        // Bytes and bits.
        "kbytes" => scaled(Unit::Bytes, KI),
        "mbytes" => scaled(Unit::Bytes, KI * KI),
        "gbytes" => scaled(Unit::Bytes, KI * KI * KI),
        "tbytes" => scaled(Unit::Bytes, KI * KI * KI * KI),
        "deckbytes" => scaled(Unit::BytesSi, 1e3),
        "decmbytes" => scaled(Unit::BytesSi, 1e6),
        "decgbytes" => scaled(Unit::BytesSi, 1e9),
        "dectbytes" => scaled(Unit::BytesSi, 1e12),
        "bits" | "decbits" => scaled(Unit::Bits, 1.0),
        "binbps" => scaled(Unit::BitsPerSecond, 1.0),
        "KBs" => scaled(Unit::BytesPerSecondSi, 1e3),
        "MBs" => scaled(Unit::BytesPerSecondSi, 1e6),
        "GBs" => scaled(Unit::BytesPerSecondSi, 1e9),
        "KiBs" => scaled(Unit::BytesPerSecond, KI),
        "MiBs" => scaled(Unit::BytesPerSecond, KI * KI),
        "GiBs" => scaled(Unit::BytesPerSecond, KI * KI * KI),
        "Kbits" => scaled(Unit::BitsPerSecond, 1e3),
        "Mbits" => scaled(Unit::BitsPerSecond, 1e6),
        "Gbits" => scaled(Unit::BitsPerSecond, 1e9),
        // Things per time.
        "pps" | "wps" | "iops" | "eps" | "mps" | "recps" | "rowsps" | "rps" | "ops" | "reqps" | "cps" => {
            scaled(Unit::PerSecond, 1.0)
        }
        "rpm" | "wpm" | "epm" | "opm" | "reqpm" | "cpm" | "mpm" | "recpm" | "rowspm" => {
            scaled(Unit::PerMinute, 1.0)
        }
        "rotrpm" => scaled(Unit::PerMinute, 1.0),
        "kwatt" => scaled(Unit::Watts, 1e3),
        "rothz" | "hertz" => scaled(Unit::Hertz, 1.0),
        "percent" => scaled(Unit::Percent, 1.0),
        other => match other.parse::<Unit>() {
            Ok(unit) => scaled(unit, 1.0),
            Err(_) => (Scaled::default(), words(other)),
        },
    }
}

/// What is said beside the numbers: `suffix:req` says it itself.
fn words(name: &str) -> Option<String> {
    let own = ["suffix:", "prefix:", "si:", "count:"]
        .iter()
        .find_map(|start| name.strip_prefix(start));
    let words = own.unwrap_or(name).trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// Whether values are moments: milliseconds since 1970, or seconds.
pub(super) fn moment(name: Option<&str>) -> bool {
    name.is_some_and(|name| name.starts_with("dateTime") || name.starts_with("time:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_grafana() {
        let read = |name| of(Some(name));
        assert_eq!(
            read("µs").0,
            Scaled {
                unit: Unit::Seconds,
                factor: 1e-6
            }
        );
        assert_eq!(read("bytes").0.unit, Unit::Bytes);
        assert_eq!(
            read("mbytes").0,
            Scaled {
                unit: Unit::Bytes,
                factor: 1_048_576.0
            }
        );
        assert_eq!(read("Bps").0.unit, Unit::BytesPerSecondSi);
        assert_eq!(read("percentunit").0.unit, Unit::Ratio);
        assert_eq!(read("currencyEUR").0.unit.to_string(), "EUR");
        assert_eq!(read("suffix:req"), (Scaled::default(), Some("req".into())));
        assert_eq!(read("lengthkm"), (Scaled::default(), Some("lengthkm".into())));
        assert_eq!(of(None), (Scaled::default(), None));
        assert!(moment(Some("dateTimeFromNow")) && !moment(Some("s")));
    }
}
