//! Traces for OpenTelemetry, over HTTP: one span for each message, operation and round. Off until a collector is named.
//!
//! Only spans of Otus' own are told, which have ids and times, and never what is logged inside of them: a collector is somebody else's, and what
//! is logged may quote people.

use crate::config::OtlpConfig;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use secrecy::ExposeSecret as _;
use tracing::Subscriber;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// Whom traces are told.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Gets ready to tell, if there is somebody; nothing is sent yet.
    ///
    /// # Errors
    /// Why it cannot, in a sentence: a header that is none, a system without certificates.
    pub(crate) fn begin(config: &OtlpConfig) -> Result<Option<Self>, String> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(None);
        };
        let headers = config
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .with_headers(headers)
            .with_timeout(config.timeout)
            .build()
            .map_err(|error| format!("Traces cannot be sent to log.otlp.endpoint: {error}"))?;
        let resource = Resource::builder().with_service_name("otus").build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What hears of spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("otus"))
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(|what| {
                what.is_span() && what.target().starts_with("otus")
            }))
    }

    /// Tells what was not told yet. It takes no longer than the timeout.
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}
