//! OpenFeature's own provider for OFREP, against the server at OFREP_URL. Writes what it read as one line of JSON.

use open_feature::{EvaluationContext, EvaluationDetails, EvaluationError, OpenFeature};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use std::env::var;

type Failure = Box<dyn std::error::Error>;

/// Value, variant and error. This provider (0.1.2) calls every reason static.
fn seen<T: Into<Value>>(found: Result<EvaluationDetails<T>, EvaluationError>, default: impl Into<Value>) -> Value {
    match found {
        Ok(found) => json!([found.value.into(), found.variant, null]),
        Err(error) => json!([default.into(), null, format!("{:?}", error.code)]),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut headers = HeaderMap::new();
    let token = format!("Bearer {}", var("OFREP_TOKEN")?);
    headers.insert("authorization", HeaderValue::from_str(&token)?);
    let options = OfrepOptions {
        base_url: var("OFREP_URL")?,
        headers,
        ..OfrepOptions::default()
    };
    let provider = OfrepProvider::new(options).await.map_err(|error| format!("{error:?}"))?;
    OpenFeature::singleton_mut().await.set_provider(provider).await;
    let client = OpenFeature::singleton().await.create_client();
    let ann = EvaluationContext::default()
        .with_targeting_key("ann")
        .with_custom_field("email", "ann@example.com");
    let bob = EvaluationContext::default().with_targeting_key("bob");
    let found = json!({
        "nav": seen(client.get_bool_details("nav", Some(&bob), None).await, true),
        "staff": seen(client.get_bool_details("staff", Some(&ann), None).await, false),
        "not staff": seen(client.get_bool_details("staff", Some(&bob), None).await, true),
        "text": seen(client.get_string_details("text", Some(&ann), None).await, "fallback"),
        "count": seen(client.get_int_details("count", Some(&ann), None).await, 0),
        "open": seen(client.get_string_details("open", Some(&ann), None).await, "fallback"),
        "none": seen(client.get_string_details("none", Some(&ann), None).await, "fallback"),
        "mismatch": seen(client.get_int_details("text", Some(&ann), None).await, 7),
    });
    print!("{found}");
    Ok(())
}
