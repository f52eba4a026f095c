//! What an operator watches: requests by route template, latency, commits and how many writes share one, sockets.
//! Nothing here is labelled with an id, so the number of series stays small and no user data leaks.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// How a request is labelled.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

/// The labels of a latency series.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// The server's metrics.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    commits: Counter,
    commit_failures: Counter,
    batch: Histogram,
    sockets: Gauge,
    connections: Gauge,
    pushes: Family<OutcomeLabels, Counter>,
    connections_closed: Family<ReasonLabels, Counter>,
    refusals: Family<CodeLabels, Counter>,
    uploads: Family<UploadLabels, Counter>,
    upload_bytes: Counter,
    scans: Family<ScanLabels, Counter>,
    files_removed: Counter,
    started: Gauge<f64, AtomicU64>,
}

/// What became of an upload.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct UploadLabels {
    event: &'static str,
}

/// How a scan ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ScanLabels {
    verdict: &'static str,
}

/// What became of a push.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// Why the server closed a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// The label of a problem.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CodeLabels {
    code: String,
}

/// From a cached read to a request that waits for a slow disk.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

impl Metrics {
    /// All at zero.
    pub fn new(started_at_seconds: f64) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("beistand"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            commits: Counter::default(),
            commit_failures: Counter::default(),
            batch: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            sockets: Gauge::default(),
            connections: Gauge::default(),
            pushes: Family::default(),
            connections_closed: Family::default(),
            refusals: Family::default(),
            uploads: Family::default(),
            upload_bytes: Counter::default(),
            scans: Family::default(),
            files_removed: Counter::default(),
            started: Gauge::default(),
        };
        metrics.started.set(started_at_seconds);
        let registry = &mut metrics.registry;
        registry.register("http_requests", "Requests by route template and status", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to answer", metrics.seconds.clone());
        registry.register("problems", "Problem documents by code", metrics.refusals.clone());
        registry.register("store_commits", "Transactions committed", metrics.commits.clone());
        registry.register("store_commit_failures", "Transactions lost to the disk", metrics.commit_failures.clone());
        registry.register("store_batch_size", "Writes in one transaction", metrics.batch.clone());
        registry.register("sockets", "Open sockets", metrics.sockets.clone());
        registry.register("uploads", "Uploads created, completed, refused, taken over", metrics.uploads.clone());
        registry.register("upload_bytes", "Bytes of uploads that were kept", metrics.upload_bytes.clone());
        registry.register("scans", "Virus scans by verdict", metrics.scans.clone());
        registry.register("files_removed", "Files removed from the disk", metrics.files_removed.clone());
        registry.register("pushes", "Pushes by what became of them", metrics.pushes.clone());
        registry.register("connections", "Open connections, sockets not among them", metrics.connections.clone());
        let closed = "Connections that were late or not let in";
        registry.register("connections_closed", closed, metrics.connections_closed.clone());
        registry.register("start_time_seconds", "When the server started", metrics.started.clone());
        metrics
    }

    /// A request was answered.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// A problem document went out.
    pub fn refused(&self, code: &str) {
        self.refusals.get_or_create(&CodeLabels { code: code.to_owned() }).inc();
    }

    /// A transaction with so many commands was committed.
    pub fn committed(&self, commands: usize) {
        self.commits.inc();
        self.batch.observe(commands as f64);
    }

    /// A transaction could not be committed.
    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// A socket came (1) or went (-1).
    pub fn sockets(&self, change: i64) {
        self.sockets.inc_by(change);
    }

    /// An upload was `created`, `completed`, `refused`, or `taken_over` by a newer request.
    pub fn upload(&self, event: &'static str) {
        self.uploads.get_or_create(&UploadLabels { event }).inc();
    }

    /// So many bytes of an upload were kept.
    pub fn uploaded(&self, bytes: u64) {
        self.upload_bytes.inc_by(bytes);
    }

    /// A scan ended: `clean`, `found`, `failed`, or the scanner was `unreachable`.
    pub fn scanned(&self, verdict: &'static str) {
        self.scans.get_or_create(&ScanLabels { verdict }).inc();
    }

    /// A file was removed from the disk.
    pub fn file_removed(&self) {
        self.files_removed.inc();
    }

    /// A push was `sent`, its token was `gone`, it was `refused`, `given_up`, `late` or `limited`.
    pub(crate) fn pushed(&self, outcome: &'static str) {
        self.pushes.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// A connection came; it goes with what is returned.
    pub(crate) fn connection(&self) -> impl Drop + Send + use<> {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// Connections were closed, or not let in, for a reason.
    pub(crate) fn connections_closed(&self, reason: &'static str, number: usize) {
        if number > 0 {
            self.connections_closed.get_or_create(&ReasonLabels { reason }).inc_by(number as u64);
        }
    }

    /// The text that a scraper reads.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(0.0)
    }
}
