//! Purpose: rules and contexts at random, always the same ones: what people write, and some of what they get wrong.

use otus_flags::{Bucketing, Ramp};
use serde_json::{Map, Value, json};

pub(crate) struct Case {
    pub(crate) flag: String,
    pub(crate) context: Value,
    pub(crate) now: i64,
}

/// SplitMix64 (Steele, Lea, Flood): the same numbers everywhere and for ever.
pub(crate) struct Generator(u64);

const NOW: i64 = 1_760_000_000;
const VARIANTS: [&str; 5] = ["a", "b", "c", "true", "false"];

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }

    /// A document of ten flags, and five contexts for each.
    pub(crate) fn document(&mut self, bucketing: Bucketing) -> (Value, Vec<Case>) {
        let mut flags = Map::new();
        let mut cases = Vec::new();
        for at in 0..10 {
            let key = format!("flag-{at}");
            let variants: Map<_, _> = VARIANTS
                .iter()
                .map(|name| ((*name).to_owned(), json!(name)))
                .collect();
            let mut flag = json!({"state": "ENABLED", "variants": variants, "targeting": self.result(3)});
            if !self.one_in(4) {
                flag["defaultVariant"] = self.pick(&VARIANTS).into();
            }
            flags.insert(key.clone(), flag);
            for _ in 0..5 {
                cases.push(Case {
                    flag: key.clone(),
                    context: self.context(),
                    now: NOW + i64::try_from(self.below(2_000)).unwrap() - 1_000,
                });
            }
        }
        let document = json!({
            "flags": flags,
            "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}, "adult": {">=": [{"var": "age"}, 18]}},
            "metadata": {"bucketing": bucketing.name()},
        });
        (document, cases)
    }

    fn context(&mut self) -> Value {
        let mut context = Map::new();
        let key = format!("user-{}", self.below(1_000_000));
        let mut put = |generator: &mut Self, name: &str, values: &[Value]| {
            if !generator.one_in(6) {
                context.insert(name.to_owned(), generator.pick(values));
            }
        };
        put(
            self,
            "targetingKey",
            &[json!(key), json!(key), json!(key), json!("größe-🦉"), json!("")],
        );
        put(
            self,
            "email",
            &[
                json!("ann@example.com"),
                json!("bob@other.org"),
                json!(""),
                json!(7),
                Value::Null,
            ],
        );
        put(
            self,
            "country",
            &[json!("de"), json!("at"), json!("fr"), json!("DE")],
        );
        put(
            self,
            "age",
            &[
                json!(17),
                json!(18),
                json!(42.5),
                json!(-3),
                json!(0),
                json!(65.0),
            ],
        );
        let versions = [
            "1.2.3",
            "v2.0.0",
            "V1.10.0-beta.2",
            "2",
            "1.9",
            "1.0.0+build.5",
            "x.y",
            "2.0.0-rc.1",
            "1.2.3.4",
            "01.2.3",
            "",
        ];
        let mut versions: Vec<_> = versions.iter().map(|version| json!(version)).collect();
        versions.extend([json!(1), json!(2.5), json!(true), Value::Null]);
        put(self, "version", &versions);
        put(
            self,
            "beta",
            &[json!(true), json!(false), json!("yes"), Value::Null],
        );
        put(
            self,
            "tags",
            &[json!(["web", "ios"]), json!([]), json!(["web"]), json!([1, 2, 3])],
        );
        put(
            self,
            "user",
            &[
                json!({"name": "Ann", "level": 3}),
                json!({"name": "Bob"}),
                json!({}),
            ],
        );
        let odd = [
            json!(12),
            json!(-7),
            json!(2.5),
            json!(true),
            json!(["a", 1]),
            json!({"b": 1, "aa": null, "a": [0.1]}),
            json!(1e300),
        ];
        put(self, "odd", &odd);
        Value::Object(context)
    }

    /// What gives a variant.
    fn result(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 3 } else { 8 }) {
            0 => json!({"fractional": self.shares(depth)}),
            1 if depth == 3 => self.ramp(),
            1 | 2 => self.leaf(depth),
            3 if depth == 3 => self.test(2),
            _ => {
                let mut args = vec![self.test(depth - 1), self.inner(depth - 1)];
                if self.one_in(3) {
                    args.extend([self.test(depth - 1), self.inner(depth - 1)]);
                }
                if !self.one_in(4) {
                    args.push(self.inner(depth - 1));
                }
                json!({ "if": args })
            }
        }
    }

    fn inner(&mut self, depth: u32) -> Value {
        if self.one_in(3) {
            self.result(depth)
        } else {
            self.leaf(1)
        }
    }

    fn leaf(&mut self, depth: u32) -> Value {
        // A rule is an object, so a name alone cannot stand at its top.
        if depth == 3 {
            return json!({"if": [self.test(1), self.leaf(1), self.leaf(1)]});
        }
        match self.below(12) {
            0 => Value::Null,
            1 => json!("no such variant"),
            2 => json!(self.one_in(2)),
            _ => self.pick(&VARIANTS).into(),
        }
    }

    fn ramp(&mut self) -> Value {
        let start = NOW - i64::try_from(self.below(1_000)).unwrap();
        let ramp = Ramp {
            variant: "a".into(),
            other: "b".into(),
            from: u8::try_from(self.below(101)).unwrap(),
            to: u8::try_from(self.below(101)).unwrap(),
            start,
            end: start + 1 + i64::try_from(self.below(1_000)).unwrap(),
            by: self.one_in(3).then(|| json!({"var": "email"})),
        };
        ramp.rule().unwrap()
    }

    fn shares(&mut self, depth: u32) -> Value {
        let mut args = Vec::new();
        match self.below(6) {
            0 => args.push(json!({"var": "email"})),
            1 => args.push(json!({"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]})),
            2 => args.push(json!({"var": "odd"})),
            _ => {}
        }
        for _ in 0..=self.below(4) {
            let variant = if depth > 0 && self.one_in(6) {
                json!({"if": [self.test(0), self.pick(&VARIANTS), self.pick(&VARIANTS)]})
            } else {
                self.leaf(0)
            };
            args.push(match self.below(12) {
                0 | 1 => json!([variant]),
                2 => json!([variant, {"if": [self.test(0), 30, 70]}]),
                3 => json!([variant, -5]),
                4 => json!([variant, 0]),
                5 => json!([variant, {"-": [{"var": "$flagd.timestamp"}, NOW]}]),
                6 if self.one_in(3) => json!([variant, 10.5]),
                6 if self.one_in(3) => json!([variant, true]),
                6 if self.one_in(3) => json!([variant, 2_147_483_600]),
                _ => json!([variant, self.below(100)]),
            });
        }
        Value::Array(args)
    }

    /// What is true or false.
    fn test(&mut self, depth: u32) -> Value {
        if depth > 0 && self.one_in(3) {
            return match self.below(4) {
                0 => json!({"and": [self.test(depth - 1), self.test(depth - 1)]}),
                1 => json!({"or": [self.test(depth - 1), self.test(depth - 1), self.test(0)]}),
                2 => json!({"!": [self.test(depth - 1)]}),
                _ => json!({"!!": [self.test(depth - 1)]}),
            };
        }
        let signs = ["=", "!=", "<", "<=", ">", ">=", "^", "~", "=="];
        let versions = ["1.2.3", "2.0.0", "1", "v1.9", "1.0.0-rc.1", "2.0"];
        match self.below(15) {
            0 => json!({"$ref": "staff"}),
            1 => json!({"$ref": "adult"}),
            2 | 3 => json!({"==": [{"var": "country"}, self.pick(&["de", "fr", "DE"])]}),
            4 => {
                json!({self.pick(&["===", "!==", "!=", "=="]): [{"var": self.pick(&["age", "country", "beta"])}, self.pick(&[json!(18), json!("de"), json!(true)])]})
            }
            5 => json!({self.pick(&["<", "<=", ">", ">="]): [self.number(1), self.number(1)]}),
            6 => json!({"in": [{"var": "country"}, ["de", "at"]]}),
            7 => json!({"in": [self.pick(&["web", "x"]), {"var": "tags"}]}),
            8 => json!({"in": ["@example", {"var": "email"}]}),
            9 => json!({"sem_ver": [{"var": "version"}, self.pick(&signs), self.pick(&versions)]}),
            10 => {
                json!({self.pick(&["starts_with", "ends_with"]): [{"var": self.pick(&["email", "age", "user.name"])}, self.pick(&["ann", "An", ".org", ""])]})
            }
            11 => {
                json!({self.pick(&["all", "some", "none"]): [{"var": "tags"}, {"==": [{"var": ""}, "web"]}]})
            }
            12 => json!({"<": [{"var": "$flagd.timestamp"}, NOW]}),
            13 => json!({"missing": [self.pick(&["email", "version", "user.level"])]}),
            _ => json!({"var": self.pick(&["beta", "country", "email"])}),
        }
    }

    fn number(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 3 } else { 6 }) {
            0 => json!(self.below(100)),
            1 => json!({"var": "age"}),
            2 => json!({"var": ["user.level", 1]}),
            3 => json!({self.pick(&["+", "*", "-"]): [self.number(0), self.number(0)]}),
            4 => json!({self.pick(&["min", "max"]): [self.number(0), self.number(0)]}),
            _ => json!({"%": [self.number(0), 7]}),
        }
    }
}
