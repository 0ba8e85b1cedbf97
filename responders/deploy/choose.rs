//! Which environment and which version a person means who did not name them, and whether the version named exists.

use otus::{Catalog, Environment, Service, UserError, suggest};
use otus_kubernetes::{Image, Version};

use crate::texts;

/// What was said about the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one.
    Version(Version),
    /// None was named, and none is listed: what runs in this environment, before the one asked for.
    AsIn(Environment),
}

/// The environment meant: the one named, else the service's first.
pub(crate) fn environment(
    catalog: &Catalog,
    service: &Service,
    named: Option<Environment>,
) -> Result<Environment, UserError> {
    let all = catalog.environments_of(service);
    match named {
        Some(named) if all.contains(&named) => Ok(named),
        Some(named) => Err(UserError::new(texts::not_there(
            &service.name,
            &named.name,
            &names(&all),
        ))),
        None => all
            .first()
            .cloned()
            .ok_or_else(|| UserError::new(texts::nowhere(&service.name))),
    }
}

/// The version meant. `line` makes the command with another version in place, for buttons.
pub(crate) fn version(
    catalog: &Catalog,
    service: &Service,
    environment: &Environment,
    named: Option<&str>,
    line: impl Fn(&str) -> String,
) -> Result<Choice, UserError> {
    let known = &service.versions;
    let Some(named) = named else {
        return match (known.last(), before(catalog, service, environment)) {
            (Some(newest), _) => Ok(Choice::Version(parse(newest)?)),
            (None, Some(before)) => Ok(Choice::AsIn(before)),
            (None, None) => Err(UserError::new(texts::which_version(
                &service.name,
                &environment.name,
            ))),
        };
    };
    if named == "latest" && !known.is_empty() && !known.iter().any(|known| known == named) {
        return version(catalog, service, environment, None, line);
    }
    if known.is_empty() || known.iter().any(|known| known == named) {
        return Ok(Choice::Version(parse(named)?));
    }
    let near = suggest::nearest(named, known.iter().map(String::as_str), 3);
    let error = UserError::new(texts::unknown_version(&service.name, named, &near, known));
    Err(near.iter().fold(error, |error, near| error.instead(line(near))))
}

/// The image to run: of the configured repository, else of the one that runs.
pub(crate) fn image(service: &Service, running: &str, version: &Version) -> Result<Image, UserError> {
    let base = service.image.as_deref().unwrap_or(running);
    let base: Image = base
        .parse()
        .map_err(|error| UserError::new(texts::bad_image(&service.name, base, &format!("{error}"))))?;
    Ok(base.with(version))
}

fn parse(text: &str) -> Result<Version, UserError> {
    text.parse()
        .map_err(|error| UserError::new(texts::bad_version(text, &format!("{error}"))))
}

pub(crate) fn before(catalog: &Catalog, service: &Service, environment: &Environment) -> Option<Environment> {
    let before = catalog.environment(environment.after.as_deref()?)?;
    catalog
        .environments_of(service)
        .contains(&before)
        .then_some(before)
}

fn names(environments: &[Environment]) -> Vec<String> {
    environments
        .iter()
        .map(|environment| environment.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn catalog() -> Catalog {
        let catalog = serde_json::json!({
            "environments": {"staging": {}, "production": {"after": "staging"}, "lab": {"after": "production"}},
            "services": {
                "api": {"versions": ["v1.0.0", "v1.1.0", "v1.2.0"], "environments": ["staging", "production"]},
                "web": {"image": "registry.test:5000/shop/web"},
                "batch": {"environments": []},
            },
        });
        serde_json::from_value(catalog).unwrap()
    }

    fn choose(service: &str, environment: &str, named: Option<&str>) -> Result<Choice, UserError> {
        let catalog = catalog();
        let service = catalog.service(service).unwrap();
        let environment = catalog.environment(environment).unwrap();
        version(&catalog, &service, &environment, named, |near| {
            format!("deploy {}@{near}", service.name)
        })
    }

    fn tag(text: &str) -> Choice {
        Choice::Version(Version::Tag(text.into()))
    }

    #[test]
    fn the_first_environment_is_the_default() {
        let catalog = catalog();
        let of = |service: &str, named: Option<&str>| {
            let service = catalog.service(service).unwrap();
            let named = named.map(|name| catalog.environment(name).unwrap());
            environment(&catalog, &service, named)
                .map(|environment| environment.name)
                .map_err(|error| error.text)
        };
        assert_eq!(of("api", None).unwrap(), "staging");
        assert_eq!(of("api", Some("production")).unwrap(), "production");
        assert_eq!(
            of("api", Some("lab")).unwrap_err(),
            "`api` does not run in lab. It runs in staging and production."
        );
        assert!(of("batch", None).unwrap_err().contains("nowhere"));
    }

    #[test]
    fn the_newest_known_version_is_the_default() {
        assert_eq!(choose("api", "staging", None).unwrap(), tag("v1.2.0"));
        assert_eq!(choose("api", "staging", Some("latest")).unwrap(), tag("v1.2.0"));
        assert_eq!(choose("api", "staging", Some("v1.0.0")).unwrap(), tag("v1.0.0"));
    }

    #[test]
    fn without_a_list_it_is_what_runs_one_environment_before() {
        assert!(
            matches!(choose("web", "production", None).unwrap(), Choice::AsIn(before) if before.name == "staging")
        );
        assert!(
            choose("web", "staging", None)
                .unwrap_err()
                .text
                .contains("Which version")
        );
        assert_eq!(
            choose("web", "staging", Some("anything")).unwrap(),
            tag("anything")
        );
    }

    #[test]
    fn an_unknown_version_is_answered_with_near_ones() {
        let error = choose("api", "staging", Some("v1.2")).unwrap_err();
        assert_eq!(
            error.instead.first().map(String::as_str),
            Some("deploy api@v1.2.0")
        );
        assert!(error.text.contains("`v1.2`"), "{}", error.text);
        let error = choose("web", "staging", Some("-x")).unwrap_err();
        assert!(error.text.contains("not a tag"), "{}", error.text);
    }

    #[test]
    fn an_image_keeps_its_repository() {
        let catalog = catalog();
        let api = catalog.service("api").unwrap();
        let web = catalog.service("web").unwrap();
        let v2 = Version::Tag("v2".into());
        assert_eq!(
            image(&api, "r:5000/api:v1", &v2).unwrap().to_string(),
            "r:5000/api:v2"
        );
        assert_eq!(
            image(&web, "elsewhere/web:v1", &v2).unwrap().to_string(),
            "registry.test:5000/shop/web:v2"
        );
        assert!(
            image(&api, "Not An Image", &v2)
                .unwrap_err()
                .text
                .contains("services.api.image")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_said_is_a_version_or_a_refusal(named in "\\PC{1,40}") {
            if let Ok(Choice::Version(version)) = choose("web", "staging", Some(&named)) {
                prop_assert_eq!(version.to_string(), named);
            }
        }
    }
}
