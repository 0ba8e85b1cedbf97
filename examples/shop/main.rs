//! `shop`: serves the example. Settings come from the environment:
//!
//! | variable | for example |
//! |---|---|
//! | `SHOP_DATABASE` | `postgres://shop@localhost/shop` |
//! | `SHOP_LISTEN` | `127.0.0.1:3000`, the default |
//! | `OTUS_URL` | `http://127.0.0.1:8080/hooks/experiments`, the default |
//! | `OTUS_TOKEN` | what stands below `[responders.experiments.applications.shop]` |
//! | `SHOP_RELEASE` | the commit that was built |

use anyhow::Context as _;
use otus_example_shop::Shop;
use otus_experiments::HttpSink;
use std::{env, time::Duration};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let or = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let database = env::var("SHOP_DATABASE").context("SHOP_DATABASE is not set")?;
    let token = env::var("OTUS_TOKEN").context("OTUS_TOKEN is not set")?;
    let sink = HttpSink::to(or("OTUS_URL", "http://127.0.0.1:8080/hooks/experiments"), token)
        .application("shop")
        .release(or("SHOP_RELEASE", "unreleased"))
        .every(Duration::from_secs(10))
        .start()?;
    let shop = Shop::open(&database, sink.clone()).await?;
    let listener = tokio::net::TcpListener::bind(or("SHOP_LISTEN", "127.0.0.1:3000")).await?;
    println!("listening at http://{}", listener.local_addr()?);
    axum::serve(listener, shop.router())
        .with_graceful_shutdown(async {
            // Without signals it is ended by force, which loses ten seconds of sums.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    tokio::task::spawn_blocking(move || sink.flush(Duration::from_secs(2))).await?;
    Ok(())
}
