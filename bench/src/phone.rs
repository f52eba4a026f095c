//! Clients of the core: one whose network is silent, one whose network begins at a chosen moment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use beistand_core::api::http::HttpTransport;
use beistand_core::api::transport::{Carried, Request, Response, Socket, Transport, TransportError};
use beistand_core::outbox::payload::Method;
use beistand_core::{Client, Settings, TicketDraft};
use beistand_protocol::{ConversationId, Credential};
use tokio::sync::watch;

use crate::Failure;
use crate::people::WORDS;
use crate::server::APP;

/// Rows that the outbox of a measure may hold: more than any measure queues.
const ROOM: u32 = 1_000_000;

/// Settings of a client of the bench.
pub fn settings(url: &str, folder: &Path) -> Result<Settings, Failure> {
    let mut settings = Settings::new(url, APP, folder)?;
    settings.outbox_items = ROOM;
    settings.outbox_bytes = u64::MAX;
    Ok(settings)
}

/// A network that never answers: a phone in a tunnel.
struct Silent;

impl Transport for Silent {
    fn send(&self, _: Request) -> Carried<'_, Result<Response, TransportError>> {
        Box::pin(std::future::pending())
    }

    fn connect(&self, _: Credential) -> Carried<'_, Result<Socket, TransportError>> {
        Box::pin(std::future::pending())
    }
}

/// A client that only writes to its disk.
pub fn offline(folder: &Path) -> Result<Client, Failure> {
    offline_with(folder, |_| ())
}

/// The same with other settings.
pub fn offline_with(folder: &Path, change: impl FnOnce(&mut Settings)) -> Result<Client, Failure> {
    let mut settings = settings("http://127.0.0.1:9", folder)?;
    change(&mut settings);
    Ok(Client::builder(settings).transport(Arc::new(Silent)).build()?)
}

/// Lets nothing of the outbox leave until the gate is opened, and counts what was stored.
pub struct Gate {
    http: HttpTransport,
    open: watch::Sender<bool>,
    stored: AtomicUsize,
    told: watch::Sender<usize>,
}

impl Gate {
    /// Lets everything leave.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until the server has stored so many writes.
    pub async fn stored(&self, count: usize) {
        let _ = self.told.subscribe().wait_for(|stored| *stored >= count).await;
    }
}

struct Gated(Arc<Gate>);

impl Transport for Gated {
    fn send(&self, request: Request) -> Carried<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let gate = &self.0;
            let write = request.method != Method::Get && request.path.starts_with("v1/conversations");
            if write {
                let _ = gate.open.subscribe().wait_for(|open| *open).await;
            }
            let answer = gate.http.send(request).await;
            if write && answer.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status)) {
                let count = gate.stored.fetch_add(1, Ordering::Relaxed) + 1;
                gate.told.send_replace(count);
            }
            answer
        })
    }

    fn connect(&self, credential: Credential) -> Carried<'_, Result<Socket, TransportError>> {
        self.0.http.connect(credential)
    }
}

/// A client whose outbox leaves when the gate is opened.
pub fn gated(url: &str, folder: &Path) -> Result<(Client, Arc<Gate>), Failure> {
    gated_trusting(url, None, folder)
}

/// The same, trusting an authority (PEM).
pub fn gated_trusting(url: &str, authority: Option<&str>, folder: &Path) -> Result<(Client, Arc<Gate>), Failure> {
    let mut settings = settings(url, folder)?;
    if let Some(authority) = authority {
        settings.trust(authority)?;
    }
    let http = HttpTransport::new(&settings);
    let (open, told) = (watch::Sender::new(false), watch::Sender::new(0));
    let gate = Arc::new(Gate { http, open, stored: AtomicUsize::new(0), told });
    Ok((Client::builder(settings).transport(Arc::new(Gated(gate.clone()))).build()?, gate))
}

/// Opens a conversation, which queues its first message.
pub async fn open(client: &Client) -> Result<ConversationId, Failure> {
    let draft = TicketDraft { subject: "Parcel".into(), text: WORDS.into(), ..TicketDraft::default() };
    Ok(client.conversations().open(draft).await?.conversation)
}
