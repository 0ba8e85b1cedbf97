//! The old query and the new one.

use serde::Serialize;
use sqlx::PgPool;
use std::sync::Arc;

/// A customer, and what they ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Customer {
    /// What to call them.
    pub name: String,
    /// How many orders they placed.
    pub orders: i64,
    /// What all of these cost.
    pub cents: i64,
}

/// What both queries find. The error is shared, because an experiment compares a copy while the caller has the original.
pub type Found = Result<Vec<Customer>, Arc<sqlx::Error>>;

/// As it always was: the customers of a city, and then, for each of them, their orders.
///
/// # Errors
/// The database's.
pub async fn one_by_one(pool: &PgPool, city: &str) -> Found {
    let customers: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, name FROM customers WHERE city = $1 ORDER BY name")
            .bind(city)
            .fetch_all(pool)
            .await?;
    let mut found = Vec::with_capacity(customers.len());
    for (id, name) in customers {
        let (orders, cents) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(cents), 0)::bigint FROM orders WHERE customer = $1",
        )
        .bind(id)
        .fetch_one(pool)
        .await?;
        found.push(Customer { name, orders, cents });
    }
    Ok(found)
}

/// As it is to be: all of it at once. It has a mistake that no test of its author's found.
///
/// # Errors
/// The database's.
pub async fn joined(pool: &PgPool, city: &str) -> Found {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT name, count(*), sum(cents)::bigint FROM customers JOIN orders ON customer = customers.id \
         WHERE city = $1 GROUP BY customers.id, name ORDER BY name",
    )
    .bind(city)
    .fetch_all(pool)
    .await?;
    let customer = |(name, orders, cents)| Customer { name, orders, cents };
    Ok(rows.into_iter().map(customer).collect())
}
