//! Two dashboards of the services that the emulated Prometheus tells of: one in each schema, with everything that dashboards have.

use super::{Board, Options};
use anyhow::Context as _;

const SHOP: &str = include_str!("boards/shop.json");
const SERVICE: &str = include_str!("boards/service.json");
const CPU: &str = include_str!("boards/library-cpu.json");

impl Options {
    /// A Grafana with dashboards of the shop, in front of this Prometheus.
    ///
    /// # Errors
    /// Never; the dashboards are part of the program.
    pub fn shop(prometheus: impl Into<String>) -> anyhow::Result<Self> {
        let read = |text: &str| serde_json::from_str(text).context("a dashboard of the emulated Grafana");
        Ok(Self {
            prometheus: Some(prometheus.into()),
            boards: vec![
                Board::classic("shop", read(SHOP)?).within("Shop"),
                Board::v2("service", read(SERVICE)?).within("Shop"),
            ],
            library: vec![("cpu".into(), read(CPU)?)],
            ..Self::default()
        })
    }
}
