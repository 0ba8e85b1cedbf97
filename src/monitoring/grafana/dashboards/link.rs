//! Links into Grafana, as people paste them.

use super::values::Wanted;
use url::Url;

/// What a link shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The dashboard's uid.
    pub uid: String,
    /// The panel it shows alone: a number, or as `panel-8-clone-1` of a repeated one.
    pub panel: Option<String>,
    /// Since when, as `now-6h` or milliseconds since 1970.
    pub from: Option<String>,
    /// Until when.
    pub to: Option<String>,
    /// What it sets variables to.
    pub wanted: Vec<Wanted>,
}

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leads {
    /// To a dashboard.
    Dashboard(Link),
    /// By a short link, whose target Grafana knows: its path.
    Short(String),
}

impl Link {
    /// Reads a link, if it leads to a dashboard of the Grafana at this address.
    #[must_use]
    pub fn read(base: &Url, link: &str) -> Option<Leads> {
        let url = Url::parse(link.trim()).ok()?;
        let same = url.host() == base.host()
            && url.port_or_known_default() == base.port_or_known_default()
            && matches!(url.scheme(), "http" | "https");
        if !same {
            return None;
        }
        let below = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
        let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["d" | "d-solo" | "d-embed", uid, ..] => Some(Leads::Dashboard(Self::asked(uid, &url))),
            ["render", "d" | "d-solo", uid, ..] => Some(Leads::Dashboard(Self::asked(uid, &url))),
            ["goto", short] => Some(Leads::Short(format!("goto/{short}"))),
            _ => None,
        }
    }

    fn asked(uid: &str, url: &Url) -> Self {
        let mut link = Self {
            uid: uid.to_owned(),
            ..Self::default()
        };
        for (key, value) in url.query_pairs() {
            let value = value.into_owned();
            match key.as_ref() {
                "viewPanel" | "panelId" | "editPanel" => {
                    link.panel = Some(value).filter(|value| !value.is_empty())
                }
                "from" => link.from = Some(value),
                "to" => link.to = Some(value),
                other => {
                    let Some(name) = other.strip_prefix("var-") else {
                        continue;
                    };
                    match link.wanted.iter_mut().find(|wanted| wanted.name == name) {
                        Some(wanted) => wanted.values.push(value),
                        None => link.wanted.push(Wanted {
                            name: name.to_owned(),
                            values: vec![value],
                        }),
                    }
                }
            }
        }
        // An empty value is none.
        link.wanted
            .retain(|wanted| wanted.values.iter().any(|value| !value.is_empty()));
        link
    }

    /// The panel's number, however it is written.
    #[must_use]
    pub fn panel_id(&self) -> Option<u64> {
        let written = self.panel.as_deref()?;
        let written = written.strip_prefix("panel-").unwrap_or(written);
        let end = written
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(written.len());
        written[..end].parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(link: &str) -> Option<Leads> {
        Link::read(&Url::parse("https://grafana.example.com/monitor/").unwrap(), link)
    }

    #[test]
    fn links_of_this_grafana_are_read() {
        let Some(Leads::Dashboard(link)) = read(
            "https://grafana.example.com/monitor/d/abc/node?orgId=1&viewPanel=8&from=now-6h&to=now&var-node=a&var-node=b&var-job=x%20y&var-e=",
        ) else {
            panic!("a link");
        };
        assert_eq!((link.uid.as_str(), link.panel_id()), ("abc", Some(8)));
        assert_eq!(
            (link.from.as_deref(), link.to.as_deref()),
            (Some("now-6h"), Some("now"))
        );
        assert_eq!(link.wanted[0].values, ["a", "b"]);
        assert_eq!(link.wanted[1].values, ["x y"]);
        assert_eq!(link.wanted.len(), 2);
        let Some(Leads::Dashboard(solo)) =
            read("https://grafana.example.com/monitor/d-solo/abc/node?panelId=panel-12-clone-1")
        else {
            panic!("a link");
        };
        assert_eq!(solo.panel_id(), Some(12));
        assert_eq!(
            read("https://grafana.example.com/monitor/goto/x1?orgId=1"),
            Some(Leads::Short("goto/x1".into()))
        );
    }

    #[test]
    fn others_are_not() {
        for link in [
            "https://grafana.example.org/monitor/d/abc/node",
            "https://grafana.example.com.evil.example/monitor/d/abc",
            "https://grafana.example.com:8443/monitor/d/abc",
            "https://grafana.example.com/d/abc",
            "https://grafana.example.com/monitor/explore?left=x",
            "ftp://grafana.example.com/monitor/d/abc",
            "not a link",
        ] {
            assert_eq!(read(link), None, "{link}");
        }
    }
}
