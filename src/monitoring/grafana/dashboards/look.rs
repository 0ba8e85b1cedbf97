//! How values look: units, limits, stacking, and what differs for some of the series.
//!
//! Field options as of Grafana 7 and later (`fieldConfig`); what is older is brought into this form by `old.rs`.

use super::json::{at, flag, list, number, text};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Draw {
    /// A line.
    #[default]
    Line,
    /// A line over a filled area.
    Area,
    /// Values that hold until the next one.
    Steps,
    /// Bars.
    Bars,
}

/// Whether series lie on top of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stacking {
    /// They do not.
    #[default]
    None,
    /// They do.
    Normal,
    /// They do, as shares of their sum.
    Percent,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By powers.
    Log,
    /// By powers on both sides of zero.
    Symlog,
}

/// How good it is to be in a step of the thresholds, by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mood {
    /// Green, blue, or no colour that warns.
    Good,
    /// Yellow or orange.
    Warning,
    /// Red.
    Bad,
}

/// From a value on, a colour holds; the first has no value and holds from the lowest on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// From here on.
    pub from: Option<f64>,
    /// What its colour says.
    pub mood: Mood,
}

/// Thresholds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Steps {
    /// In order of their values.
    pub steps: Vec<Step>,
    /// Whether the values are per cent of the way from min to max.
    pub percentage: bool,
    /// Whether a time series shows them as lines or areas.
    pub drawn: bool,
}

/// What a value is called instead.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapping {
    /// This very value.
    Value(String, String),
    /// Anything from one to another.
    Range(Option<f64>, Option<f64>, String),
}

/// How the values of a panel, or of some of its series, look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Field {
    /// Grafana's name of it: `bytes`, `reqps` …
    pub unit: Option<String>,
    /// How many decimals.
    pub decimals: Option<u64>,
    /// The lowest value there can be.
    pub min: Option<f64>,
    /// The highest.
    pub max: Option<f64>,
    /// Limits.
    pub thresholds: Steps,
    /// What values are called instead.
    pub mappings: Vec<Mapping>,
    /// What the series are called; may hold variables.
    pub display_name: Option<String>,
    /// How it is drawn.
    pub draw: Draw,
    /// What lies on what.
    pub stacking: Stacking,
    /// How the axis is divided.
    pub scale: Scale,
    /// Not shown.
    pub hidden: bool,
    /// Drawn upside down.
    pub negative: bool,
    /// Drawn as a broken line.
    pub dashed: bool,
}

/// Which series an override is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Matcher {
    /// The one of this name.
    Name(String),
    /// Those whose name fits; written as in JavaScript, with or without slashes.
    Pattern(String),
    /// Those of this query.
    Query(String),
    /// Those of these names, or all others.
    Names {
        /// The names.
        names: Vec<String>,
        /// All others instead.
        others: bool,
    },
    /// All values: `byType` of numbers.
    Numbers,
    /// Something we do not know; it fits nothing.
    Unknown(String),
}

/// What differs for some series.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// For which.
    pub matcher: Matcher,
    /// What, in the form of `fieldConfig.defaults`.
    pub properties: BTreeMap<String, Value>,
}

impl Matcher {
    pub(super) fn read(matcher: &Value) -> Self {
        let options = &matcher["options"];
        let said = || options.as_str().unwrap_or_default().to_owned();
        match text(matcher, &["id"]).unwrap_or_default() {
            "byName" => Self::Name(said()),
            "byRegexp" => Self::Pattern(said()),
            "byFrameRefID" => Self::Query(said()),
            "byNames" => Self::Names {
                names: super::json::texts(&options["names"]),
                others: text(options, &["mode"]) == Some("exclude"),
            },
            "byType" if options.as_str() == Some("number") => Self::Numbers,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Whether it is for a series of this name, of this query.
    #[must_use]
    pub fn fits(&self, name: &str, query: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Pattern(pattern) => regex_of(pattern).is_some_and(|pattern| pattern.is_match(name)),
            Self::Query(wanted) => wanted == query,
            Self::Names { names, others } => names.iter().any(|wanted| wanted == name) != *others,
            Self::Numbers => true,
            Self::Unknown(_) => false,
        }
    }
}

/// `/pattern/i` or `pattern`, as JavaScript writes it; nothing, where it cannot be read.
pub(super) fn regex_of(written: &str) -> Option<Regex> {
    let inside = written
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'))
        .filter(|(_, flags)| flags.chars().all(|flag| "gimsuy".contains(flag)));
    let (pattern, flags) = inside.unwrap_or((written, ""));
    let mut builder = regex::RegexBuilder::new(pattern);
    builder
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .size_limit(1 << 20);
    builder.build().ok()
}

impl Field {
    /// Of `fieldConfig.defaults`.
    pub(super) fn read(defaults: &Value) -> Self {
        let mut field = Self::default();
        field.change(defaults);
        field
    }

    /// What is said changes, the rest stays.
    fn change(&mut self, said: &Value) {
        let custom = &said["custom"];
        if let Some(unit) = text(said, &["unit"]) {
            self.unit = Some(unit.to_owned());
        }
        self.decimals = super::json::whole(said, &["decimals"]).or(self.decimals);
        self.min = number(said, &["min"]).or(self.min);
        self.max = number(said, &["max"]).or(self.max);
        if let Some(name) = text(said, &["displayName"]) {
            self.display_name = Some(name.to_owned());
        }
        if said["thresholds"].is_object() {
            let drawn = self.thresholds.drawn;
            self.thresholds = Steps::read(&said["thresholds"]);
            self.thresholds.drawn = drawn;
        }
        if let Some(mode) = text(custom, &["thresholdsStyle", "mode"]) {
            self.thresholds.drawn = mode != "off";
        }
        if said["mappings"].is_array() {
            self.mappings = list(said, &["mappings"]).iter().flat_map(mappings).collect();
        }
        self.draw = draw(custom).unwrap_or(self.draw);
        self.stacking = match text(custom, &["stacking", "mode"]) {
            Some("normal") => Stacking::Normal,
            Some("percent") => Stacking::Percent,
            Some(_) => Stacking::None,
            None => self.stacking,
        };
        self.scale = match text(custom, &["scaleDistribution", "type"]) {
            Some("log") => Scale::Log,
            Some("symlog") => Scale::Symlog,
            Some(_) => Scale::Linear,
            None => self.scale,
        };
        if custom["hideFrom"].is_object() {
            self.hidden = flag(custom, &["hideFrom", "viz"]);
        }
        if let Some(hidden) = custom["hidden"].as_bool() {
            self.hidden = hidden;
        }
        if let Some(transform) = text(custom, &["transform"]) {
            self.negative = transform == "negative-Y";
        }
        if let Some(fill) = text(custom, &["lineStyle", "fill"]) {
            self.dashed = fill != "solid";
        }
    }

    /// As it is for a series of this name, of this query.
    #[must_use]
    pub fn of(&self, overrides: &[Override], name: &str, query: &str) -> Self {
        let fitting = overrides.iter().filter(|one| one.matcher.fits(name, query));
        fitting.fold(self.clone(), |mut field, one| {
            for (property, value) in &one.properties {
                field.change(&nested(property, value));
            }
            field
        })
    }

    /// What a value is called instead of its number.
    #[must_use]
    pub fn mapped(&self, value: f64) -> Option<&str> {
        self.mappings.iter().find_map(|mapping| match mapping {
            Mapping::Value(wanted, text) => {
                let same = wanted
                    .parse()
                    .is_ok_and(|wanted: f64| wanted.total_cmp(&value).is_eq());
                let none = wanted == "null" && value.is_nan();
                (same || none).then_some(text.as_str())
            }
            Mapping::Range(from, to, text) => {
                let inside = from.is_none_or(|from| value >= from) && to.is_none_or(|to| value <= to);
                inside.then_some(text.as_str())
            }
        })
    }
}

/// `custom.transform` and a value become `{custom: {transform: value}}`.
fn nested(property: &str, value: &Value) -> Value {
    property.rsplit('.').fold(value.clone(), |inner, key| {
        Value::Object([(key.to_owned(), inner)].into_iter().collect())
    })
}

fn draw(custom: &Value) -> Option<Draw> {
    let steps = text(custom, &["lineInterpolation"]).is_some_and(|how| how.starts_with("step"));
    match text(custom, &["drawStyle"]) {
        Some("bars") => return Some(Draw::Bars),
        None if custom["fillOpacity"].is_null() && !steps => return None,
        _ => {}
    }
    // Faint fills are what our lines have anyway.
    let filled = number(custom, &["fillOpacity"]).is_some_and(|fill| fill > 30.0);
    Some(match (steps, filled) {
        (true, _) => Draw::Steps,
        (false, true) => Draw::Area,
        (false, false) => Draw::Line,
    })
}

/// New and old forms of a mapping.
fn mappings(written: &Value) -> Vec<Mapping> {
    let called = |options: &Value| text(options, &["text"]).map(str::to_owned);
    let options = &written["options"];
    match (text(written, &["type"]), options) {
        (Some("value"), Value::Object(options)) => options
            .iter()
            .filter_map(|(value, to)| Some(Mapping::Value(value.clone(), called(to)?)))
            .collect(),
        (Some("range"), options) if options.is_object() => called(&options["result"])
            .map(|text| Mapping::Range(number(options, &["from"]), number(options, &["to"]), text))
            .into_iter()
            .collect(),
        (Some("special"), options)
            if text(options, &["match"]).is_some_and(|what| what.starts_with("null")) =>
        {
            called(&options["result"])
                .map(|text| Mapping::Value("null".into(), text))
                .into_iter()
                .collect()
        }
        _ => {
            let Some(text) = called(written) else {
                return Vec::new();
            };
            match super::json::word(&written["value"]) {
                Some(value) => vec![Mapping::Value(value, text)],
                None if !written["from"].is_null() => {
                    vec![Mapping::Range(
                        number(written, &["from"]),
                        number(written, &["to"]),
                        text,
                    )]
                }
                None => Vec::new(),
            }
        }
    }
}

impl Steps {
    fn read(thresholds: &Value) -> Self {
        let mut steps: Vec<Step> = list(thresholds, &["steps"])
            .iter()
            .map(|step| Step {
                from: number(step, &["value"]),
                mood: Mood::of(text(step, &["color"]).unwrap_or_default()),
            })
            .collect();
        // The one without a value comes first, whatever was written before it.
        let order = |step: &Step| step.from.unwrap_or(f64::NEG_INFINITY);
        steps.sort_by(|a, b| order(a).total_cmp(&order(b)));
        Self {
            steps,
            percentage: text(thresholds, &["mode"]) == Some("percentage"),
            drawn: false,
        }
    }
}

impl Mood {
    /// By the name of a colour, or its numbers.
    pub(super) fn of(color: &str) -> Self {
        let color = color.to_ascii_lowercase();
        if color.contains("red") {
            return Self::Bad;
        }
        if color.contains("yellow") || color.contains("orange") {
            return Self::Warning;
        }
        match rgb(&color) {
            // Much red: with little green it is red, with more it is orange or yellow.
            Some((r, g, b)) if r > 150 && r > b.saturating_add(60) && u16::from(g) * 2 < u16::from(r) => {
                Self::Bad
            }
            Some((r, g, b)) if r > 180 && g > 90 && r >= g && g > b.saturating_add(50) => Self::Warning,
            _ => Self::Good,
        }
    }
}

/// `#f2495c` or `rgba(245, 54, 54, 0.9)`.
fn rgb(color: &str) -> Option<(u8, u8, u8)> {
    if let Some(hex) = color.strip_prefix('#') {
        let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        return Some((part(0)?, part(2)?, part(4)?));
    }
    let inside = color.split_once('(')?.1.trim_end_matches(')');
    let mut parts = inside.split(',').map(|part| part.trim().parse::<u8>().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The overrides of a panel.
pub(super) fn overrides(config: &Value) -> Vec<Override> {
    list(config, &["overrides"])
        .iter()
        .map(|one| Override {
            matcher: Matcher::read(&one["matcher"]),
            properties: list(one, &["properties"])
                .iter()
                .filter_map(|property| {
                    Some((
                        text(property, &["id"])?.to_owned(),
                        at(property, &["value"]).clone(),
                    ))
                })
                .collect(),
        })
        .collect()
}
