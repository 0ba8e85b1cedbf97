//! A real registry: what it answers, and what the client makes of it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use otus_ci::registry::{Error, Fit, Images, Missing, Refusal, Registry, RegistryConfig, fit};
use otus_emulators::real::RealRegistry;
use serde_json::json;
use std::collections::BTreeMap;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const REVISION: &str = "org.opencontainers.image.revision";
const SOURCE: &str = "org.opencontainers.image.source";
const CREATED: &str = "org.opencontainers.image.created";

fn prepare() {
    // The first one wins; that it is there is all that matters.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn open() -> RealRegistry {
    prepare();
    RealRegistry::start().await.unwrap()
}

fn client(real: &RealRegistry, config: RegistryConfig) -> Registry {
    let config = RegistryConfig {
        plain_http: true,
        ..config
    };
    Registry::new(&BTreeMap::from([(real.host().to_owned(), config)])).unwrap()
}

fn name(real: &RealRegistry) -> String {
    format!("{}/team/api", real.host())
}

#[tokio::test]
async fn an_image_is_found_by_tag_and_digest() {
    let real = open().await;
    let labels = [
        (REVISION, COMMIT),
        (SOURCE, "https://git.example.com/team/api"),
        (CREATED, "2026-03-01T12:00:00+01:00"),
    ];
    let digest = real.push("team/api", COMMIT, &labels).await.unwrap();
    let registry = client(&real, RegistryConfig::default());
    let image = registry.image(&name(&real), COMMIT).await.unwrap();
    assert_eq!(image.digest, digest);
    assert_eq!(image.revision.as_deref(), Some(COMMIT));
    assert_eq!(image.source.as_deref(), Some("https://git.example.com/team/api"));
    assert_eq!(image.created, "2026-03-01T11:00:00Z".parse().ok());
    assert_eq!(image.platforms, ["linux/amd64"]);
    assert_eq!(fit(&image, COMMIT), Fit::Fine);
    assert_eq!(registry.image(&name(&real), &digest).await.unwrap(), image);
}

#[tokio::test]
async fn an_image_of_something_else_is_refused() {
    let real = open().await;
    real.push(
        "team/api",
        COMMIT,
        &[(REVISION, "fedcba9876543210fedcba9876543210fedcba98")],
    )
    .await
    .unwrap();
    real.push("team/web", COMMIT, &[]).await.unwrap();
    let registry = client(&real, RegistryConfig::default());
    let api = registry.image(&name(&real), COMMIT).await.unwrap();
    assert!(fit(&api, COMMIT).is_refused());
    let web = registry
        .image(&format!("{}/team/web", real.host()), COMMIT)
        .await
        .unwrap();
    assert_eq!(
        fit(&web, COMMIT),
        Fit::Unsaid {
            commit: COMMIT.into()
        }
    );
    assert_eq!(
        web.created,
        "2026-01-02T03:04:05Z".parse().ok(),
        "what the config says"
    );
}

#[tokio::test]
async fn an_index_is_read_whatever_machine_this_is() {
    let real = open().await;
    let platforms = ["linux/s390x", "linux/arm/v7"];
    let digest = real
        .push_index("team/api", COMMIT, &[(REVISION, COMMIT)], &platforms)
        .await
        .unwrap();
    let image = client(&real, RegistryConfig::default())
        .image(&name(&real), COMMIT)
        .await
        .unwrap();
    assert_eq!(image.digest, digest, "the digest is the index'");
    assert_eq!(image.platforms, platforms);
    assert_eq!(fit(&image, COMMIT), Fit::Fine);
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let real = open().await;
    let digest = real.push("team/api", "v1", &[]).await.unwrap();
    let registry = client(&real, RegistryConfig::default());
    let missing =
        async |repository: String, reference: &str| match registry.image(&repository, reference).await {
            Err(Error::NotFound { missing, .. }) => missing,
            other => panic!("{other:?}"),
        };
    let image = |reference: &str| Missing::Image {
        path: "team/api".into(),
        reference: reference.into(),
    };
    assert_eq!(missing(name(&real), COMMIT).await, image(COMMIT));
    let other = format!("{}/team/other", real.host());
    assert_eq!(
        missing(other.clone(), COMMIT).await,
        Missing::Repository {
            path: "team/other".into()
        }
    );
    let error = registry.tags(&other, 10).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFound {
                missing: Missing::Repository { .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert!(registry.exists(&name(&real), "v1").await.unwrap());
    real.delete("team/api", &digest).await.unwrap();
    assert!(!registry.exists(&name(&real), "v1").await.unwrap());
    assert!(!registry.exists(&name(&real), &digest).await.unwrap());
    assert_eq!(missing(name(&real), "v1").await, image("v1"));
}

#[tokio::test]
async fn what_cannot_run_is_no_image() {
    let real = open().await;
    let kind = "application/vnd.cncf.helm.config.v1+json";
    let config = real.push_blob("team/chart", kind, b"{}".to_vec()).await.unwrap();
    let manifest_kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": manifest_kind, "config": config, "layers": []});
    real.push_manifest("team/chart", "v1", manifest_kind, &manifest)
        .await
        .unwrap();
    let registry = client(&real, RegistryConfig::default());
    let error = registry
        .image(&format!("{}/team/chart", real.host()), "v1")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NoImage { why, .. } if why.contains("helm")),
        "{error:?}"
    );
    real.push_index("team/chart", "v2", &[], &[]).await.unwrap();
    let error = registry
        .image(&format!("{}/team/chart", real.host()), "v2")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NoImage { why, .. } if why.contains("without a single image")),
        "{error:?}"
    );
}

#[tokio::test]
async fn tags_are_listed() {
    let real = open().await;
    for tag in ["v1.10.0", "v1.9.0", "latest", COMMIT] {
        real.push("team/api", tag, &[]).await.unwrap();
    }
    let registry = client(&real, RegistryConfig::default());
    let mut all = registry.tags(&name(&real), 100).await.unwrap();
    // Some registries sort them, this one does not.
    all.names.sort();
    assert!(all.complete);
    assert_eq!(all.names, [COMMIT, "latest", "v1.10.0", "v1.9.0"]);
    let some = registry.tags(&name(&real), 2).await.unwrap();
    assert_eq!((some.names.len(), some.complete), (2, false));
}

#[tokio::test]
async fn a_password_is_asked_for_and_may_change() {
    prepare();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "first\n").unwrap();
    let robot = || RegistryConfig {
        user: Some("robot".into()),
        ..RegistryConfig::default()
    };
    let by_file = RegistryConfig {
        password_file: Some(path.clone()),
        ..robot()
    };
    let command = ["cat", path.to_str().unwrap()].map(str::to_owned).to_vec();
    let by_command = RegistryConfig {
        password_command: Some(command),
        ..robot()
    };
    let by_value = RegistryConfig {
        password: Some("first".to_owned().into()),
        ..robot()
    };

    let mut real = RealRegistry::start_with_login("robot", "first").await.unwrap();
    let repository = name(&real);
    let digest = real.push("team/api", "latest", &[]).await.unwrap();
    let clients = [by_file, by_command].map(|config| client(&real, config));
    for registry in &clients {
        assert_eq!(
            registry.image(&repository, "latest").await.unwrap().digest,
            digest
        );
    }
    let fixed = client(&real, by_value);
    fixed.image(&repository, "latest").await.unwrap();

    real.change_password("second").unwrap();
    std::fs::write(&path, "second\n").unwrap();
    for registry in &clients {
        assert_eq!(
            registry.image(&repository, "latest").await.unwrap().digest,
            digest
        );
        assert_eq!(registry.tags(&repository, 5).await.unwrap().names, ["latest"]);
    }
    let error = fixed.image(&repository, "latest").await.unwrap_err();
    let login = Refusal::Login { user: "robot".into() };
    assert!(
        matches!(&error, Error::NotAllowed { why, .. } if *why == login),
        "{error:?}"
    );
    let error = client(&real, RegistryConfig::default())
        .image(&repository, "latest")
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NotAllowed {
                why: Refusal::NoCredentials { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_registry_proves_who_it_is() {
    prepare();
    let [real, other] = [
        RealRegistry::start_with_tls().await.unwrap(),
        RealRegistry::start_with_tls().await.unwrap(),
    ];
    let digest = real
        .push("team/api", "latest", &[(REVISION, COMMIT)])
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (wrong, both) = (folder.path().join("wrong.pem"), folder.path().join("both.pem"));
    let [own, stranger] = [&real, &other].map(|real| std::fs::read_to_string(real.certificate()).unwrap());
    std::fs::write(&both, format!("{stranger}{own}")).unwrap();
    std::fs::write(&wrong, stranger).unwrap();
    let client = |ca_file| {
        let config = RegistryConfig {
            ca_file,
            ..RegistryConfig::default()
        };
        Registry::new(&BTreeMap::from([(real.host().to_owned(), config)]))
    };
    let image = client(Some(both))
        .unwrap()
        .image(&name(&real), "latest")
        .await
        .unwrap();
    assert_eq!((image.digest, image.revision.as_deref()), (digest, Some(COMMIT)));
    for ca_file in [None, Some(wrong.clone())] {
        let error = client(ca_file)
            .unwrap()
            .image(&name(&real), "latest")
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    }
    std::fs::write(&wrong, "no certificate").unwrap();
    for path in [wrong, folder.path().join("none.pem")] {
        assert!(matches!(client(Some(path)), Err(Error::Config(_))));
    }
}

#[tokio::test]
async fn docker_knows_the_password() {
    prepare();
    let real = RealRegistry::start_with_login("robot", "first").await.unwrap();
    let digest = real.push("team/api", "latest", &[]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    // `robot:first`
    let auths = json!({"auths": {real.host(): {"auth": "cm9ib3Q6Zmlyc3Q="}}});
    std::fs::write(&path, auths.to_string()).unwrap();
    let registry = client(
        &real,
        RegistryConfig {
            docker_config: Some(path),
            ..RegistryConfig::default()
        },
    );
    assert_eq!(
        registry.image(&name(&real), "latest").await.unwrap().digest,
        digest
    );
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIPPED: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, bytes).unwrap();
    packed.finish().unwrap()
}

/// Pushes an image of these layers, the lowest first.
async fn built(real: &RealRegistry, layers: &[(&str, Vec<u8>)]) -> String {
    let config = json!({ "os": "linux", "architecture": "amd64", "config": {} }).to_string();
    let config = real
        .push_blob(
            "team/api",
            "application/vnd.oci.image.config.v1+json",
            config.into_bytes(),
        )
        .await
        .unwrap();
    let mut described = Vec::new();
    for (kind, bytes) in layers {
        described.push(real.push_blob("team/api", kind, bytes.clone()).await.unwrap());
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": described });
    real.push_manifest("team/api", "built", kind, &manifest)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_files_of_a_folder_are_read_out_of_an_image() {
    let real = open().await;
    let registry = client(&real, RegistryConfig::default());
    // More than waits between the network and whoever unpacks.
    let noise: String = (0..400_000_u32)
        .map(|at| char::from(b'a' + (at.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    let below = archive(&[
        ("bin/app", &noise),
        ("app/migrations/1_begin.sql", "create table users ()"),
        ("app/migrations/2_gone.sql", "no"),
        ("app/migrations/README.md", "no"),
    ]);
    let above = archive(&[
        ("app/migrations/.wh.2_gone.sql", ""),
        ("app/migrations/3_more.sql", "create table orders ()"),
    ]);
    let digest = built(&real, &[(GZIPPED, gzipped(&below)), (LAYER, above)]).await;
    let sql = |name: &str| name.ends_with(".sql");
    let files = registry
        .files(&name(&real), &digest, "/app/migrations", sql)
        .await
        .unwrap();
    let files: Vec<_> = files
        .into_iter()
        .map(|file| (file.path, String::from_utf8(file.bytes).unwrap()))
        .collect();
    let is = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    assert_eq!(
        files,
        [
            is("1_begin.sql", "create table users ()"),
            is("3_more.sql", "create table orders ()")
        ]
    );
    let missing = registry
        .files(&name(&real), &digest, "/srv/migrations", sql)
        .await
        .unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("there is no such folder in the image"),
        "{missing}"
    );
    let nothing = format!("sha256:{}", "0".repeat(64));
    let nothing = registry.files(&name(&real), &nothing, "/app", sql).await;
    assert!(matches!(nothing.unwrap_err(), Error::NotFound { .. }));
}

#[tokio::test]
async fn an_image_whose_files_cannot_be_read_says_why() {
    let real = open().await;
    let registry = client(&real, RegistryConfig::default());
    let whole = archive(&[("app/migrations/1.sql", "select 1")]);
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    for (layers, why) in [
        (vec![(zstd, whole.clone())], "only tar and tar with gzip are read"),
        (vec![(GZIPPED, whole.clone())], "cannot be unpacked"),
        (vec![(LAYER, whole[..700].to_vec())], "cannot be unpacked"),
        (vec![], "there is no such folder in the image"),
    ] {
        let digest = built(&real, &layers).await;
        let files = registry
            .files(&name(&real), &digest, "/app/migrations", |_| true)
            .await;
        let refused = files.unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("the files in /app/migrations of {}", name(&real)))
                && refused.contains(why),
            "{refused}"
        );
    }
}
