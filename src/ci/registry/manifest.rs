//! Purpose: what a manifest, an index and an image's config say, by the OCI image specification 1.1 (and Docker's schema 2,
//! which is the same but for its media types). Pure.

use super::Image;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The media types that are asked for, manifests first.
pub(crate) const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
pub(crate) const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// The configs of what can be run. Anything else that is packed like an image (a chart, a signature) has another.
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

const REVISION: &str = "org.opencontainers.image.revision";
const CREATED: &str = "org.opencontainers.image.created";
const SOURCE: &str = "org.opencontainers.image.source";

type Labels = BTreeMap<String, String>;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manifest {
    /// One platform's image.
    Image(Single),
    /// Several.
    Index {
        /// The manifest whose labels are read.
        read: String,
        platforms: Vec<String>,
        annotations: Labels,
    },
}

/// One platform's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Single {
    pub(crate) config: String,
    pub(crate) config_bytes: u64,
    pub(crate) annotations: Labels,
    /// What its files are made of, the lowest first.
    pub(crate) layers: Vec<Layer>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) digest: String,
    /// As it is packed.
    pub(crate) bytes: u64,
    kind: String,
}

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Gzip,
    Not,
}

impl Layer {
    fn of(wire: Descriptor) -> Self {
        Self {
            digest: wire.digest,
            bytes: wire.size,
            kind: wire.media_type,
        }
    }

    /// How it is packed; or why it cannot be read.
    pub(crate) fn packed(&self) -> Result<Packed, String> {
        match self.kind.as_str() {
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Ok(Packed::Gzip),
            "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
                Ok(Packed::Not)
            }
            kind => Err(format!(
                "a layer is a `{}`, and only tar and tar with gzip are read; build the image with compression=gzip",
                super::error::shorten(kind)
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    annotations: Option<Labels>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    fn name(&self) -> String {
        platform(&self.os, &self.architecture, self.variant.as_deref())
    }
}

fn platform(os: &str, architecture: &str, variant: Option<&str>) -> String {
    match variant.filter(|variant| !variant.is_empty()) {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    }
}

/// Takes a manifest or an index apart.
///
/// # Errors
/// What it is, if it is no image.
pub(crate) fn read(body: &[u8]) -> Result<Manifest, String> {
    let wire: Wire =
        serde_json::from_slice(body).map_err(|error| format!("its manifest cannot be read ({error})"))?;
    if wire.schema_version != 2 {
        return Err(format!(
            "its manifest has the version {}, and only 2 is known; push it again with a newer client",
            wire.schema_version
        ));
    }
    let says_index = wire
        .media_type
        .as_deref()
        .is_some_and(|kind| INDEXES.contains(&kind));
    let annotations = wire.annotations.unwrap_or_default();
    match (wire.config, wire.manifests) {
        (Some(config), _) if !says_index => {
            if !CONFIGS.contains(&config.media_type.as_str()) {
                let kind = wire.artifact_type.unwrap_or(config.media_type);
                return Err(format!("it is a `{}`", super::error::shorten(&kind)));
            }
            Ok(Manifest::Image(Single {
                config: config.digest,
                config_bytes: config.size,
                annotations,
                layers: wire
                    .layers
                    .unwrap_or_default()
                    .into_iter()
                    .map(Layer::of)
                    .collect(),
            }))
        }
        (_, Some(entries)) => index(&entries, annotations),
        _ => Err("its manifest names neither a config nor other manifests".to_owned()),
    }
}

/// Which entry is read for the labels: the first that can be run. Never the one of our own platform, which need not be
/// there. What builders add about an entry (attestations) has the platform `unknown/unknown`.
fn index(entries: &[Descriptor], annotations: Labels) -> Result<Manifest, String> {
    let runs = |entry: &&Descriptor| {
        let known = entry
            .platform
            .as_ref()
            .is_none_or(|platform| (&*platform.os, &*platform.architecture) != ("unknown", "unknown"));
        known && MANIFESTS.contains(&entry.media_type.as_str())
    };
    let usable: Vec<&Descriptor> = entries.iter().filter(runs).collect();
    let Some(first) = usable.first() else {
        return Err("it is an index without a single image in it".to_owned());
    };
    let mut platforms: Vec<String> = Vec::new();
    for name in usable
        .iter()
        .filter_map(|entry| entry.platform.as_ref())
        .map(Platform::name)
    {
        if !platforms.contains(&name) {
            platforms.push(name);
        }
    }
    Ok(Manifest::Index {
        read: first.digest.clone(),
        platforms,
        annotations,
    })
}

#[derive(Deserialize)]
struct Config {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    config: Option<Run>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(rename = "Labels")]
    labels: Option<Labels>,
}

/// Puts together what is known of an image. A label wins over an annotation of the same name, and the image's annotations
/// over the index'. `platforms` are the index'; without any, the config's own counts.
///
/// # Errors
/// Why the config is none.
pub(crate) fn describe(
    digest: String,
    config: &[u8],
    annotations: [&Labels; 2],
    platforms: Vec<String>,
) -> Result<Image, String> {
    let config: Config =
        serde_json::from_slice(config).map_err(|error| format!("its config cannot be read ({error})"))?;
    let labels = config.config.and_then(|run| run.labels).unwrap_or_default();
    let said = |key: &str| {
        let all = std::iter::once(&labels).chain(annotations);
        let mut found = all.filter_map(|labels| labels.get(key)).map(|value| value.trim());
        found.find(|value| !value.is_empty()).map(str::to_owned)
    };
    let own = match (&config.os, &config.architecture) {
        (Some(os), Some(architecture)) => vec![platform(os, architecture, config.variant.as_deref())],
        _ => Vec::new(),
    };
    // Builds that are to be the same at any time write the year 1 or 1970, which is to say nothing.
    let time = |text: String| {
        text.parse()
            .ok()
            .filter(|at: &Timestamp| *at > Timestamp::UNIX_EPOCH)
    };
    Ok(Image {
        digest,
        revision: said(REVISION),
        created: said(CREATED)
            .and_then(time)
            .or_else(|| config.created.and_then(time)),
        source: said(SOURCE),
        platforms: if platforms.is_empty() { own } else { platforms },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read_json(manifest: serde_json::Value) -> Result<Manifest, String> {
        read(manifest.to_string().as_bytes())
    }

    fn entry(digest: &str, os: &str, architecture: &str) -> serde_json::Value {
        json!({"mediaType": MANIFESTS[0], "digest": digest, "size": 1, "platform": {"os": os, "architecture": architecture}})
    }

    fn index_of(entries: serde_json::Value) -> Result<Manifest, String> {
        read_json(json!({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": entries}))
    }

    #[test]
    fn the_first_entry_that_runs_is_read() {
        let mut arm = entry("sha256:c", "linux", "arm");
        arm["platform"]["variant"] = json!("v7");
        let attestation = entry("sha256:a", "unknown", "unknown");
        let index = index_of(json!([
            attestation,
            entry("sha256:b", "linux", "s390x"),
            arm,
            attestation
        ]));
        assert_eq!(
            index.unwrap(),
            Manifest::Index {
                read: "sha256:b".into(),
                platforms: vec!["linux/s390x".into(), "linux/arm/v7".into()],
                annotations: Labels::new(),
            }
        );
    }

    #[test]
    fn an_index_may_leave_the_platform_out() {
        let index = index_of(json!([{"mediaType": MANIFESTS[1], "digest": "sha256:b", "size": 1}]));
        assert!(
            matches!(index, Ok(Manifest::Index { read, platforms, .. }) if read == "sha256:b" && platforms.is_empty())
        );
    }

    #[test]
    fn what_is_no_image_is_named() {
        let chart = "application/vnd.cncf.helm.config.v1+json";
        for (manifest, part) in [
            (
                json!({"schemaVersion": 2, "config": {"mediaType": chart, "digest": "sha256:a"}}),
                "helm",
            ),
            (json!({"schemaVersion": 1, "name": "x"}), "version 1"),
            (json!({"schemaVersion": 2}), "neither"),
            (
                json!({"schemaVersion": 2, "manifests": []}),
                "without a single image",
            ),
            (
                json!({"schemaVersion": 2, "manifests": [entry("sha256:a", "unknown", "unknown")]}),
                "without a single",
            ),
            (
                json!({"schemaVersion": 2, "manifests": [{"mediaType": INDEXES[0], "digest": "sha256:a"}]}),
                "without a single image",
            ),
            (json!("x"), "cannot be read"),
        ] {
            let why = read_json(manifest.clone()).unwrap_err();
            assert!(why.contains(part), "{manifest}: {why}");
        }
    }

    #[test]
    fn labels_win_over_annotations() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let config = json!({
            "os": "linux", "architecture": "arm64", "variant": "v8", "created": "2026-01-02T03:04:05Z",
            "config": {"Labels": {REVISION: "label", SOURCE: " "}},
        });
        let (image, index) = (
            labels(&[(REVISION, "image"), (SOURCE, "image")]),
            labels(&[(SOURCE, "index")]),
        );
        let described = describe(
            "sha256:d".into(),
            config.to_string().as_bytes(),
            [&image, &index],
            Vec::new(),
        )
        .unwrap();
        assert_eq!(
            described,
            Image {
                digest: "sha256:d".into(),
                revision: Some("label".into()),
                created: Some("2026-01-02T03:04:05Z".parse().unwrap()),
                source: Some("image".into()),
                platforms: vec!["linux/arm64/v8".into()],
            }
        );
    }

    #[test]
    fn no_labels_and_no_time_are_no_error() {
        let none = Labels::new();
        for config in [
            json!({}),
            json!({"config": null, "created": "0001-01-01T00:00:00Z"}),
            json!({"config": {"Labels": null}, "created": "1970-01-01T00:00:00Z"}),
            json!({"config": {}, "created": "yesterday"}),
        ] {
            let image = describe(
                "d".into(),
                config.to_string().as_bytes(),
                [&none, &none],
                Vec::new(),
            )
            .unwrap();
            assert_eq!(
                (image.revision, image.created, image.platforms),
                (None, None, Vec::new()),
                "{config}"
            );
        }
        assert!(describe("d".into(), b"<html>", [&none, &none], Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in "\\PC{0,60}") {
            let none = Labels::new();
            let _ = read(body.as_bytes());
            let _ = describe("d".into(), body.as_bytes(), [&none, &none], Vec::new());
        }
    }
}
