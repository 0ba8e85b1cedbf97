//! A web service that replaces a query while it runs: `GET /customers?city=city-03` lists customers and what they ordered.
//!
//! The old query asks once for each customer, the new one once. Both run side by side on real requests; callers get what the
//! old one found. `docs/experiments.md` walks through it.

mod queries;

pub use queries::{Customer, Found, joined, one_by_one};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use otus_experiments::{Experiment, Sink, Verdict};
use serde::Deserialize;
use sqlx::PgPool;
use std::{fmt, sync::Arc, time::Duration};

/// The experiment's name, as people type it.
pub const CUSTOMERS_QUERY: &str = "customers-query";

/// What the service needs for a request.
#[derive(Clone)]
pub struct Shop {
    pool: PgPool,
    customers: Experiment<Found>,
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").finish_non_exhaustive()
    }
}

impl Shop {
    /// Makes tables and rows, if they are not there, and defines the experiment. It begins with nothing: how much of the traffic
    /// takes part is said in the chat.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn open(database: &str, sink: impl Sink + 'static) -> sqlx::Result<Self> {
        let pool = PgPool::connect(database).await?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&pool).await?;
        let same_error = |old: &Arc<sqlx::Error>, new: &Arc<sqlx::Error>| old.to_string() == new.to_string();
        let same = |old: &Vec<Customer>, new: &Vec<Customer>| compare(old, new);
        let customers = Experiment::define_fallible_with(CUSTOMERS_QUERY, same, same_error)
            .percent(0.0)
            .deadline(Duration::from_secs(2))
            // A query that hangs costs us a few connections, not all of them.
            .at_once(4)
            .clean(clean)
            .sink(sink)
            .build();
        Ok(Self { pool, customers })
    }

    /// The experiment.
    pub fn experiment(&self) -> &Experiment<Found> {
        &self.customers
    }

    /// The service.
    pub fn router(self) -> Router {
        Router::new().route("/customers", get(customers)).with_state(self)
    }
}

/// Says *where* two lists differ, in a few words: they are counted.
fn compare(old: &[Customer], new: &[Customer]) -> Verdict {
    if old.len() != new.len() {
        return Verdict::mismatch("number of customers");
    }
    let differs = |field: fn(&(&Customer, &Customer)) -> bool| !old.iter().zip(new).all(|pair| field(&pair));
    if differs(|(old, new)| old.name == new.name) {
        Verdict::mismatch("name")
    } else if differs(|(old, new)| old.orders == new.orders) {
        Verdict::mismatch("orders")
    } else if differs(|(old, new)| old.cents == new.cents) {
        Verdict::mismatch("cents")
    } else {
        Verdict::Match
    }
}

/// What may be recorded of a list: sums, and nobody's name.
fn clean(found: &Found) -> String {
    match found {
        Ok(customers) => serde_json::json!({
            "customers": customers.len(),
            "orders": customers.iter().map(|customer| customer.orders).sum::<i64>(),
            "without orders": customers.iter().filter(|customer| customer.orders == 0).count(),
        })
        .to_string(),
        Err(error) => error.to_string(),
    }
}

#[derive(Deserialize)]
struct Asked {
    city: String,
}

async fn customers(
    State(shop): State<Shop>,
    Query(Asked { city }): Query<Asked>,
) -> Result<Json<Vec<Customer>>, StatusCode> {
    // The candidate runs in a task of its own, maybe after this request is answered: it owns what it uses.
    let (pool, wanted) = (shop.pool.clone(), city.clone());
    let found = shop
        .customers
        .control(|| one_by_one(&shop.pool, &city))
        .candidate("joined", move || async move { joined(&pool, &wanted).await })
        .context("city", city.as_str())
        .run()
        .await;
    found.map(Json).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(name: &str, orders: i64) -> Customer {
        Customer {
            name: name.into(),
            orders,
            cents: orders * 100,
        }
    }

    #[test]
    fn where_lists_differ_is_said_and_nobody_is_named() {
        let old = vec![customer("ann", 2), customer("ben", 0)];
        assert_eq!(compare(&old, &old.clone()), Verdict::Match);
        assert_eq!(
            compare(&old, &[customer("ann", 2)]),
            Verdict::mismatch("number of customers")
        );
        assert_eq!(
            compare(&old, &[customer("ann", 2), customer("cleo", 0)]),
            Verdict::mismatch("name")
        );
        assert_eq!(
            compare(&old, &[customer("ann", 3), customer("ben", 0)]),
            Verdict::mismatch("orders")
        );
        assert_eq!(
            clean(&Ok(old)),
            r#"{"customers":2,"orders":2,"without orders":1}"#
        );
    }
}
