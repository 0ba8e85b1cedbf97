//! Money: the currency's sign before the amount, two decimals where cents count, three digits where they do not.

use std::fmt;

use super::{Unit, minus};

/// A currency, by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// Signs that stand for one currency only, as far as a chart's reader is concerned.
const SIGNS: [(&str, &str); 6] = [
    ("EUR", "€"),
    ("USD", "$"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("INR", "₹"),
    ("KRW", "₩"),
];

impl Currency {
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// US dollar.
    pub const USD: Self = Self(*b"USD");
    /// Pound sterling.
    pub const GBP: Self = Self(*b"GBP");

    /// The currency of a code of three letters, in either case: `EUR`, `usd`.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// Its code, as `EUR`.
    pub fn code(&self) -> &str {
        // Only letters get in.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    fn sign(&self) -> Option<&'static str> {
        SIGNS
            .iter()
            .find(|(code, _)| *code == self.code())
            .map(|(_, sign)| *sign)
    }

    /// The amount, already written as a number, with its currency: `−€12.30`, `CHF 12.30`.
    fn before(self, number: &str) -> String {
        let (sign, digits) = match number.strip_prefix('−') {
            Some(digits) => ("−", digits),
            None => ("", number),
        };
        match self.sign() {
            Some(symbol) => format!("{sign}{symbol}{digits}"),
            None => format!("{sign}{} {digits}", self.code()),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

pub(super) fn value(currency: Currency, value: f64, resolution: f64) -> String {
    let cents = format!("{value:.2}");
    let exact = cents.parse::<f64>().is_ok_and(|read| read == value);
    let rounded = cents.parse::<f64>().map_or(0.0, f64::abs);
    let whole = value.fract() == 0.0;
    // A price per request may be a fraction of a cent; a turnover needs no cents.
    if !whole && (exact || rounded >= 1.0) && rounded < 1000.0 {
        return currency.before(&minus(cents));
    }
    currency.before(&Unit::None.value_to(value, resolution))
}

pub(super) fn tick(currency: Currency, value: f64, step: f64) -> String {
    let text = Unit::None.tick(value, step);
    // €0.50, not €0.5.
    let one_decimal = text.ends_with(|c: char| c.is_ascii_digit())
        && !text.contains('e')
        && text.split_once('.').is_some_and(|(_, cents)| cents.len() == 1);
    currency.before(&if one_decimal { text + "0" } else { text })
}

/// Reads what the above write, and `12.30 EUR`.
pub(super) fn parse(currency: Currency, text: &str) -> Option<f64> {
    let mut text = text.trim().replace('−', "-");
    for name in currency.sign().into_iter().chain([currency.code()]) {
        if let Some(at) = text.find(name) {
            text.replace_range(at..at + name.len(), "");
            break;
        }
    }
    let (sign, number) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim()),
        None => (1.0, text.trim()),
    };
    Unit::None.parse(number).map(|v| v * sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        let euro = Unit::Money(Currency::EUR);
        let franc = Unit::Money(Currency::new("chf").expect("a code"));
        let seen: Vec<String> = [
            0.0,
            5.0,
            12.3,
            -12.345,
            999.999,
            12_345.0,
            4_200_000.0,
            0.001_234,
            f64::NAN,
        ]
        .iter()
        .map(|v| euro.value(*v))
        .collect();
        assert_eq!(
            seen,
            [
                "€0",
                "€5",
                "€12.30",
                "−€12.35",
                "€1.00k",
                "€12.3k",
                "€4.2M",
                "€0.00123",
                "–"
            ]
        );
        assert_eq!(franc.value(12.3), "CHF 12.30");
        assert_eq!(euro.tick(0.5, 0.5), "€0.50");
        assert_eq!(euro.tick(2500.0, 500.0), "€2.5k");
        assert_eq!(euro.parse("12.30 EUR"), Some(12.3));
        assert_eq!(euro.parse("-€3k"), Some(-3000.0));
        assert_eq!("EUR".parse(), Ok(euro));
        assert_eq!("currencyUSD".parse(), Ok(Unit::Money(Currency::USD)));
        assert_eq!(Currency::new("e1r"), None);
    }
}
