//! The task that posts what waits.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adsum_tim::Secret;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, signature};
use super::metrics::WebhookMetrics;
use super::pause::Pause;
use super::waiting::{Bounds, Waiting};
use crate::causes::with_causes;
use crate::config::Webhooks;

/// When a batch was posted, in milliseconds since 1970, and its signature.
const TIME: &str = "adsum-time";
const SIGNATURE: &str = "adsum-signature";
/// The longest answer that is read, in bytes.
const SHORT: u64 = 4_096;

/// Posts batches, one at a time.
pub(crate) struct Sender {
    client: Client,
    url: Url,
    secret: Secret,
    /// When the server started, in milliseconds since 1970.
    start_ms: u64,
    waiting: Arc<Waiting>,
    pause: Pause,
    /// How long an edge is kept while the hook fails.
    retry_for: Duration,
    metrics: WebhookMetrics,
}

/// Why the webhook cannot be posted to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SenderError {
    #[error("not an address")]
    Url,
    #[error("there is no secret to sign with")]
    NoSecret,
    #[error("{0}")]
    Client(String),
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("it answered {0}")]
    Refused(StatusCode),
    #[error("{0}")]
    Failed(String),
}

impl Sender {
    /// Returns what posts to the webhook of these settings; `None` if they name none.
    pub(crate) fn new(
        settings: &Webhooks,
        start_ms: u64,
        metrics: WebhookMetrics,
    ) -> Result<Option<Self>, SenderError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let url: Url = url.parse().map_err(|_| SenderError::Url)?;
        let secret = settings.secret.clone().ok_or(SenderError::NoSecret)?;
        let timeout = Duration::from_millis(settings.timeout_ms.into());
        let mut client = Client::builder()
            .user_agent(concat!("adsum-server/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            // What is signed is for this address and no other.
            .redirect(Policy::none())
            .no_proxy();
        if url.scheme() == "http" {
            // Nobody's certificate is looked at, so the machine need not have any.
            client = client.tls_certs_only([]);
        }
        let bounds = Bounds {
            users: settings.users as usize,
            batch: settings.batch as usize,
            wait: Duration::from_millis(settings.wait_ms.into()),
        };
        Ok(Some(Self {
            client: client.build().map_err(|error| SenderError::Client(with_causes(error)))?,
            url,
            secret,
            start_ms,
            waiting: Arc::new(Waiting::new(bounds, metrics.clone())),
            pause: Pause::new(Duration::from_millis(settings.pause_ms.into())),
            retry_for: Duration::from_millis(settings.retry_ms.into()),
            metrics,
        }))
    }

    /// Returns where edges are noted that it is to tell.
    pub(crate) fn waiting(&self) -> Arc<Waiting> {
        self.waiting.clone()
    }

    /// Posts what waits, until the server stops.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.post_all()).await;
    }

    async fn post_all(&mut self) {
        loop {
            self.waiting.due().await;
            let batch = self.waiting.batch();
            match self.post(&batch).await {
                Ok(()) => self.taken(&batch),
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(self.pause.next()).await;
                }
            }
        }
    }

    async fn post(&self, batch: &Batch) -> Result<(), PostError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
        let (time, body) = (now.to_string(), batch.body(self.start_ms));
        let signature = signature(&self.secret, &time, &body);
        let request = self.client.post(self.url.clone()).body(body);
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header(TIME, time)
            .header(SIGNATURE, signature);
        let answer = request.send().await.map_err(|error| PostError::Failed(with_causes(error)))?;
        let status = answer.status();
        if answer.content_length().is_some_and(|length| length <= SHORT) {
            // Read so that the connection can be used again; what it says does not matter.
            let _ = answer.bytes().await;
        }
        if status.is_success() { Ok(()) } else { Err(PostError::Refused(status)) }
    }

    fn taken(&mut self, batch: &Batch) {
        self.waiting.taken(batch);
        self.metrics.sent(batch.edges.len());
        for edge in &batch.edges {
            self.metrics.latency(edge.noted.elapsed());
        }
        if self.pause.is_failing() {
            tracing::info!(missed = batch.missed, "the webhook works again");
        }
        self.pause.reset();
    }

    fn failed(&self, error: &PostError) {
        self.metrics.retried();
        if !self.pause.is_failing() {
            tracing::warn!(%error, "the webhook fails, and is tried again");
        }
        let dropped = self.waiting.drop_older(self.retry_for);
        if dropped > 0 {
            tracing::warn!(dropped, "the webhook has failed for too long: edges are dropped");
        }
    }
}
