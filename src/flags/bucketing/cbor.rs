//! Purpose: values as canonical CBOR, which bucketing v3 hashes: RFC 7049, section 3.9, as flagd's specification of v3 asks for.
//!
//! The shortest form of everything; a float without a fraction that fits into 64 bits is an integer; the keys of a map are
//! ordered by their length, then byte by byte.

use datalogic_rs::DataValue;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;

/// A value's bytes.
pub(crate) fn encode(value: &DataValue<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    put(&mut bytes, value);
    bytes
}

fn put(to: &mut Vec<u8>, value: &DataValue<'_>) {
    match value {
        DataValue::Null => to.push(0xf6),
        DataValue::Bool(false) => to.push(0xf4),
        DataValue::Bool(true) => to.push(0xf5),
        DataValue::String(text) => put_text(to, text),
        DataValue::Array(items) => {
            head(to, LIST, items.len() as u64);
            for item in *items {
                put(to, item);
            }
        }
        DataValue::Object(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by(|(a, _), (b, _)| (a.len(), *a).cmp(&(b.len(), *b)));
            head(to, MAP, pairs.len() as u64);
            for (key, value) in pairs {
                put_text(to, key);
                put(to, value);
            }
        }
        DataValue::Number(_) => match value.as_i64() {
            Some(integer) => put_integer(to, integer),
            None => put_float(to, value.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    head(to, TEXT, text.len() as u64);
    to.extend_from_slice(text.as_bytes());
}

fn put_integer(to: &mut Vec<u8>, integer: i64) {
    match u64::try_from(integer) {
        Ok(positive) => head(to, UNSIGNED, positive),
        // CBOR writes −1 − n; in two's complement that is the complement.
        Err(_) => head(to, NEGATIVE, !integer.cast_unsigned()),
    }
}

fn put_float(to: &mut Vec<u8>, float: f64) {
    const TOP: f64 = 18_446_744_073_709_551_616.0; // 2⁶⁴
    const BOTTOM: f64 = -9_223_372_036_854_775_808.0; // −2⁶³
    if float.fract() == 0.0 && (BOTTOM..TOP).contains(&float) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was looked at"
        )]
        if float < 0.0 {
            put_integer(to, float as i64);
        } else {
            head(to, UNSIGNED, float as u64);
        }
        return;
    }
    if let Some(half) = half(float) {
        to.push(0xf9);
        to.extend_from_slice(&half.to_be_bytes());
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is compared with what it was")]
    let single = float as f32;
    #[expect(clippy::float_cmp, reason = "exactly as it was, or not")]
    if f64::from(single) == float {
        to.push(0xfa);
        to.extend_from_slice(&single.to_be_bytes());
    } else {
        to.push(0xfb);
        to.extend_from_slice(&float.to_be_bytes());
    }
}

/// A float's 16 bits, when it is one that they hold exactly.
fn half(float: f64) -> Option<u16> {
    let bits = float.to_bits();
    let sign = if float.is_sign_negative() { 0x8000 } else { 0 };
    if float.is_nan() {
        return Some(0x7e00);
    }
    if float.is_infinite() {
        return Some(sign | 0x7c00);
    }
    let exponent = i32::try_from((bits >> 52) & 0x7ff).ok()? - 1023;
    let fraction = bits & ((1 << 52) - 1);
    if float == 0.0 {
        return Some(sign);
    }
    if (-14..=15).contains(&exponent) {
        // Ten bits of the fraction are kept; the others must be nothing.
        let kept = u16::try_from(fraction >> 42).ok()?;
        let exponent = u16::try_from(exponent + 15).ok()?;
        return (fraction & ((1 << 42) - 1) == 0).then_some(sign | (exponent << 10) | kept);
    }
    if (-24..-14).contains(&exponent) {
        // Subnormal: the leading one becomes part of the fraction.
        let whole = fraction | (1 << 52);
        let shift = u32::try_from(42 + (-14 - exponent)).ok()?;
        let kept = u16::try_from(whole >> shift).ok()?;
        return (whole & ((1 << shift) - 1) == 0).then_some(sign | kept);
    }
    None
}

/// The kind of what follows, and its length or value, as short as it can be.
fn head(to: &mut Vec<u8>, kind: u8, value: u64) {
    let kind = kind << 5;
    if let Ok(byte) = u8::try_from(value) {
        if byte < 24 {
            to.push(kind | byte);
        } else {
            to.extend_from_slice(&[kind | 24, byte]);
        }
    } else if let Ok(two) = u16::try_from(value) {
        to.push(kind | 25);
        to.extend_from_slice(&two.to_be_bytes());
    } else if let Ok(four) = u32::try_from(value) {
        to.push(kind | 26);
        to.extend_from_slice(&four.to_be_bytes());
    } else {
        to.push(kind | 27);
        to.extend_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datalogic_rs::ParsedData;

    fn hex(json: &str) -> String {
        let parsed = ParsedData::from_json(json).unwrap();
        encode(parsed.value())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// RFC 7049, appendix A, as far as JSON can say it.
    #[test]
    fn the_examples_of_the_standard() {
        for (json, bytes) in [
            ("0", "00"),
            ("23", "17"),
            ("24", "1818"),
            ("1000", "1903e8"),
            ("1000000", "1a000f4240"),
            ("1000000000000", "1b000000e8d4a51000"),
            ("-1", "20"),
            ("-1000", "3903e7"),
            ("1.5", "f93e00"),
            ("1.1", "fb3ff199999999999a"),
            ("3.4028234663852886e+38", "fa7f7fffff"),
            ("5.960464477539063e-8", "f90001"),
            ("0.00006103515625", "f90400"),
            ("-4.1", "fbc010666666666666"),
            ("false", "f4"),
            ("true", "f5"),
            ("null", "f6"),
            ("\"\"", "60"),
            ("\"IETF\"", "6449455446"),
            ("\"\u{fc}\"", "62c3bc"),
            ("[]", "80"),
            ("[1,[2,3]]", "8201820203"),
            ("{}", "a0"),
        ] {
            assert_eq!(hex(json), bytes, "{json}");
        }
    }

    #[test]
    fn what_is_whole_is_an_integer() {
        for (json, bytes) in [("2.0", "02"), ("-2.0", "21"), ("-0.0", "00"), ("1e3", "1903e8")] {
            assert_eq!(hex(json), bytes, "{json}");
        }
        assert_eq!(hex("1e30"), "fb46293e5939a08cea", "too large for one");
    }

    #[test]
    fn keys_are_in_their_order() {
        assert_eq!(hex(r#"{"bb":1,"c":2,"a":3}"#), "a361610361630262626201");
    }
}
