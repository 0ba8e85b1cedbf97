//! How each unit's magnitudes are written: from which on, what they divide by, and their suffix.

use super::Unit;

/// One way to write a magnitude: from which magnitude on, what it divides by, and its suffix.
pub(super) struct Scale {
    pub(super) from: f64,
    pub(super) factor: f64,
    pub(super) suffix: &'static str,
    /// Decimals that still read well; a sixtieth has none.
    pub(super) decimals: usize,
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
const PER_MINUTE: &[Scale] = &[
    scale(1e12, "T/min"),
    scale(1e9, "G/min"),
    scale(1e6, "M/min"),
    scale(1e3, "k/min"),
    scale(1.0, "/min"),
];
const BYTES_PER_SECOND_SI: &[Scale] = &[
    scale(1e12, " TB/s"),
    scale(1e9, " GB/s"),
    scale(1e6, " MB/s"),
    scale(1e3, " kB/s"),
    scale(1.0, " B/s"),
];
const BITS: &[Scale] = &[
    scale(1e12, " Tbit"),
    scale(1e9, " Gbit"),
    scale(1e6, " Mbit"),
    scale(1e3, " kbit"),
    scale(1.0, " bit"),
];
const BITS_PER_SECOND: &[Scale] = &[
    scale(1e12, " Tbit/s"),
    scale(1e9, " Gbit/s"),
    scale(1e6, " Mbit/s"),
    scale(1e3, " kbit/s"),
    scale(1.0, " bit/s"),
];
const HERTZ: &[Scale] = &[
    scale(1e9, " GHz"),
    scale(1e6, " MHz"),
    scale(1e3, " kHz"),
    scale(1.0, " Hz"),
];
const CELSIUS: &[Scale] = &[scale(1.0, " °C")];
const WATTS: &[Scale] = &[
    scale(1e9, " GW"),
    scale(1e6, " MW"),
    scale(1e3, " kW"),
    scale(1.0, " W"),
    scale(1e-3, " mW"),
];
const PERCENT: &[Scale] = &[scale(1.0, "%")];
const RATIO: &[Scale] = &[scale(0.01, "%")];

impl Unit {
    /// Its scales, the largest first.
    pub(super) fn scales(self) -> &'static [Scale] {
        match self {
            Self::None | Self::Count | Self::Money(_) => PLAIN,
            Self::Seconds => SECONDS,
            Self::Milliseconds => MILLISECONDS,
            Self::Bytes => BYTES,
            Self::BytesSi => BYTES_SI,
            Self::BytesPerSecond => BYTES_PER_SECOND,
            Self::Percent => PERCENT,
            Self::Ratio => RATIO,
            Self::PerSecond => PER_SECOND,
            Self::PerMinute => PER_MINUTE,
            Self::BytesPerSecondSi => BYTES_PER_SECOND_SI,
            Self::Bits => BITS,
            Self::BitsPerSecond => BITS_PER_SECOND,
            Self::Hertz => HERTZ,
            Self::Celsius => CELSIUS,
            Self::Watts => WATTS,
        }
    }
}
