//! One panel, from classic JSON.

use super::{
    json::{flag, list, number, text, texts, whole},
    look::{self, Field},
    model::{Panel, Place, Target, Transformation},
    old,
    variables::source,
};
use serde_json::Value;

impl Panel {
    /// From classic JSON, of whatever age.
    #[must_use]
    pub fn read(written: &Value) -> Self {
        let panel = old::modern(written);
        let defaults = &panel["fieldConfig"]["defaults"];
        let options = &panel["options"];
        let mut field = Field::read(defaults);
        // A heatmap's axis has its own unit.
        if field.unit.is_none() {
            field.unit = text(options, &["yAxis", "unit"]).map(str::to_owned);
        }
        Self {
            id: whole(&panel, &["id"]).unwrap_or(0),
            title: text(&panel, &["title"]).unwrap_or_default().to_owned(),
            kind: text(&panel, &["type"]).unwrap_or_default().to_owned(),
            targets: list(&panel, &["targets"])
                .iter()
                .enumerate()
                .map(|(at, one)| target(at, one))
                .collect(),
            source: source(&panel["datasource"]),
            place: place(&panel["gridPos"]),
            repeat: text(&panel, &["repeat"]).map(str::to_owned),
            library: text(&panel, &["libraryPanel", "uid"]).map(str::to_owned),
            interval: text(&panel, &["interval"]).map(str::to_owned),
            max_data_points: whole(&panel, &["maxDataPoints"]).and_then(|count| u32::try_from(count).ok()),
            time_from: text(&panel, &["timeFrom"]).map(|ago| ago.trim_start_matches("now-").to_owned()),
            time_shift: text(&panel, &["timeShift"]).map(str::to_owned),
            transformations: list(&panel, &["transformations"])
                .iter()
                .filter(|one| !flag(one, &["disabled"]))
                .filter_map(|one| {
                    Some(Transformation {
                        id: text(one, &["id"])?.to_owned(),
                        options: one["options"].clone(),
                    })
                })
                .collect(),
            field,
            overrides: look::overrides(&panel["fieldConfig"]),
            calcs: texts(&options["reduceOptions"]["calcs"]),
            names: text(options, &["textMode"]) == Some("name"),
            all_values: flag(options, &["reduceOptions", "values"]),
            calculated: flag(options, &["calculate"]),
            words: text(options, &["content"])
                .or(text(&panel, &["content"]))
                .unwrap_or_default()
                .to_owned(),
            raw: written.clone(),
        }
    }

    /// What a library panel holds, in the place of the panel that refers to it.
    #[must_use]
    pub fn filled_from(&self, model: &Value) -> Self {
        let mut filled = Self::read(model);
        filled.id = self.id;
        filled.place = self.place;
        filled.repeat = self.repeat.clone().or(filled.repeat);
        filled.library = None;
        if !self.title.is_empty() {
            filled.title.clone_from(&self.title);
        }
        filled
    }
}

fn place(written: &Value) -> Place {
    let part = |key: &str| number(written, &[key]).map_or(0, |at| at.clamp(0.0, 1e6).round() as u64);
    Place {
        x: part("x"),
        y: part("y"),
        w: part("w"),
        h: part("h"),
    }
}

fn target(at: usize, written: &Value) -> Target {
    let letter = char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    let instant = flag(written, &["instant"]);
    Target {
        reference: text(written, &["refId"]).map_or_else(|| letter.to_string(), str::to_owned),
        expr: text(written, &["expr"]).unwrap_or_default().to_owned(),
        legend: text(written, &["legendFormat"]).map(str::to_owned),
        hidden: flag(written, &["hide"]),
        instant,
        range: flag(written, &["range"]) || !instant,
        format: text(written, &["format"]).map(str::to_owned),
        interval: text(written, &["interval"]).map(str::to_owned),
        source: source(&written["datasource"]),
        raw: written.clone(),
    }
}
