use super::*;
use proptest::prelude::*;

const ALL: [Unit; 19] = [
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
    Unit::PerMinute,
    Unit::BytesPerSecondSi,
    Unit::Bits,
    Unit::BitsPerSecond,
    Unit::Hertz,
    Unit::Celsius,
    Unit::Watts,
    Unit::Money(Currency::EUR),
    Unit::Money(Currency::USD),
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
