//! What the core needs of a network: send a request, hold a socket. Tests put a simulated one in its place.

use std::future::Future;
use std::pin::Pin;

use beistand_protocol::{ClientFrame, Credential, ServerFrame, UnixMillis};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::outbox::payload::Method;

/// A future that a trait object can return.
pub type Carried<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request to the server.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path and query below the server's address, without a leading slash.
    pub path: String,
    /// Headers besides those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// Whom it speaks for.
    pub credential: Option<Credential>,
    /// What it carries.
    pub body: Option<Body>,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// JSON.
    Json(String),
    /// A piece of a file.
    Bytes {
        /// Its media type.
        media_type: &'static str,
        /// The bytes; clones share them.
        bytes: Bytes,
    },
}

impl Body {
    /// The media type.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Bytes { media_type, .. } => media_type,
        }
    }

    /// The bytes.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Json(json) => json.into(),
            Self::Bytes { bytes, .. } => bytes,
        }
    }
}

/// An answer, whoever gave it.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, cut off at `config::ANSWER_BYTES`.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The server's time, which every answer of a Beistand server has.
    pub fn server_time(&self) -> Option<UnixMillis> {
        self.header(TIME_HEADER).and_then(UnixMillis::from_rfc3339)
    }
}

/// The header in which a server tells its time.
pub const TIME_HEADER: &str = "beistand-time";

/// No answer. Whether the server has seen the request is not known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no answer: {0}")]
pub struct TransportError(pub String);

/// A socket: frames in, frames out. Dropping either end closes it.
#[derive(Debug)]
pub struct Socket {
    /// What the server sends; ends when the socket is closed.
    pub incoming: mpsc::Receiver<ServerFrame>,
    /// What goes out; a full queue drops the frame, since nothing that must arrive goes this way.
    pub outgoing: mpsc::Sender<ClientFrame>,
}

/// Carries requests and sockets.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for the answer.
    fn send(&self, request: Request) -> Carried<'_, Result<Response, TransportError>>;

    /// Opens a socket; it stands once the server's `ready` frame is in `incoming`.
    fn connect(&self, credential: Credential) -> Carried<'_, Result<Socket, TransportError>>;
}
