//! The real transport: HTTP by `reqwest`, the socket by `tokio-tungstenite`. Both are built with the first request, since
//! nothing may start on its own.

use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::{ClientFrame, Credential, ServerFrame, device::APP_KEY_HEADER, limits};
use futures_util::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use tokio::sync::{OnceCell, mpsc};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use url::Url;

use super::tls;
use super::transport::{Body, Carried, Request, Response, Socket, Transport, TransportError};
use crate::config::{ANSWER_BYTES, CONNECT_TIMEOUT, Settings};
use crate::outbox::payload::Method;

/// A request that goes on and on is given up after so many times the allowed silence.
const LONGEST: u32 = 6;

/// Speaks to a real server.
pub struct HttpTransport {
    server: Url,
    app_key: String,
    user_agent: String,
    timeout: Duration,
    extra_roots: Vec<Vec<u8>>,
    parts: OnceCell<Parts>,
}

/// What is built with the first request.
struct Parts {
    /// For words: HTTP/2 where the server has it, so that what all requests have in common crosses the line once.
    words: reqwest::Client,
    /// For files: HTTP/1.1, and so connections of their own. On a shared one words would stand behind whatever of a file
    /// has been handed to the system already, seconds of a thin line.
    files: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
}

impl HttpTransport {
    /// Remembers where the server is; opens nothing.
    pub fn new(settings: &Settings) -> Self {
        Self {
            server: settings.server.clone(),
            app_key: settings.app_key.clone(),
            user_agent: format!("beistand/{} ({})", env!("CARGO_PKG_VERSION"), settings.platform),
            timeout: settings.request_timeout,
            extra_roots: settings.extra_roots.clone(),
            parts: OnceCell::new(),
        }
    }

    async fn parts(&self) -> Result<&Parts, TransportError> {
        self.parts
            .get_or_try_init(|| async {
                let encrypted = self.server.scheme() == "https";
                // Reading the system's certificates touches the disk.
                let roots = self.extra_roots.clone();
                let config = tokio::task::spawn_blocking(move || tls::client_config(encrypted, &roots))
                    .await
                    .map_err(|_| TransportError("TLS cannot be set up".into()))??;
                let mut for_words = config.clone();
                for_words.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                Ok(Parts { words: self.client(for_words)?, files: self.client(config.clone())?, tls: Arc::new(config) })
            })
            .await
    }

    fn client(&self, tls: rustls::ClientConfig) -> Result<reqwest::Client, TransportError> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_TIMEOUT)
            // Silence ends a request, slowness does not: on one bar of signal a page takes its time.
            .read_timeout(self.timeout)
            .timeout(self.timeout * LONGEST)
            // A connection that all words share must not stay dead for longer than a request may be silent.
            .http2_keep_alive_interval(self.timeout / 2)
            .http2_keep_alive_timeout(self.timeout / 2)
            // A redirect is a foreign answer: our server sends none, and a captive portal's must not get a token.
            .redirect(reqwest::redirect::Policy::none())
            // Repeating is the outbox's business alone.
            .retry(reqwest::retry::never())
            .build()
            .map_err(describe)
    }

    fn url(&self, path: &str) -> Result<Url, TransportError> {
        self.server.join(path).map_err(|_| TransportError("the address cannot be built".into()))
    }
}

/// The kind of failure only: an error's own text may hold an address or a name.
fn describe(error: reqwest::Error) -> TransportError {
    let what = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request failed"
    };
    TransportError(what.to_owned())
}

fn bearer(credential: &Credential) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", credential.to_token()))
        .map_err(|_| TransportError("the credential is no header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> Carried<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let parts = self.parts().await?;
            let is_file = matches!(request.body, Some(Body::Bytes { .. }))
                || ["v1/attachments/", "v1/faq/"].iter().any(|files| request.path.starts_with(files));
            let client = if is_file { &parts.files } else { &parts.words };
            let method = match request.method {
                Method::Get => reqwest::Method::GET,
                Method::Head => reqwest::Method::HEAD,
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
                Method::Patch => reqwest::Method::PATCH,
                Method::Delete => reqwest::Method::DELETE,
            };
            let mut built = client
                .request(method, self.url(&request.path)?)
                .header(USER_AGENT, &self.user_agent)
                .header(APP_KEY_HEADER, &self.app_key);
            for (name, value) in request.headers {
                built = built.header(name, value);
            }
            if let Some(credential) = &request.credential {
                built = built.header(AUTHORIZATION, bearer(credential)?);
            }
            if let Some(body) = request.body {
                built = built.header(CONTENT_TYPE, body.media_type()).body(body.into_bytes());
            }
            let mut answer = built.send().await.map_err(describe)?;
            let status = answer.status().as_u16();
            let headers = answer
                .headers()
                .iter()
                .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
                .collect();
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(describe)? {
                if body.len() + chunk.len() > ANSWER_BYTES {
                    return Err(TransportError("the answer is too large".into()));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Response { status, headers, body })
        })
    }

    fn connect(&self, credential: Credential) -> Carried<'_, Result<Socket, TransportError>> {
        Box::pin(async move {
            let tls = &self.parts().await?.tls;
            let mut url = self.url("v1/realtime")?;
            let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
            url.set_scheme(scheme).map_err(|()| TransportError("the address cannot be built".into()))?;
            let failed = |_| TransportError("no socket".into());
            let mut request = url.as_str().into_client_request().map_err(failed)?;
            let header = |text: &str| HeaderValue::from_str(text).map_err(|_| TransportError("no header".into()));
            request.headers_mut().insert(USER_AGENT, header(&self.user_agent)?);
            request.headers_mut().insert(APP_KEY_HEADER, header(&self.app_key)?);
            request.headers_mut().insert(AUTHORIZATION, bearer(&credential)?);
            let connector = (scheme == "wss").then(|| Connector::Rustls(tls.clone()));
            let config = WebSocketConfig::default()
                .read_buffer_size(8 * 1024)
                .max_message_size(Some(64 * 1024))
                .max_frame_size(Some(64 * 1024));
            let connecting =
                connect_async_tls_with_config(request, Some(config), true, connector.or(Some(Connector::Plain)));
            let (stream, _) = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
                .await
                .map_err(|_| TransportError("timed out".into()))?
                .map_err(failed)?;
            let (frames_in, incoming) = mpsc::channel(64);
            let (outgoing, frames_out) = mpsc::channel(16);
            tokio::spawn(pump(stream, frames_in, frames_out));
            Ok(Socket { incoming, outgoing })
        })
    }
}

/// Carries frames both ways until either side is gone or the server is silent for too long.
async fn pump<S>(mut stream: S, incoming: mpsc::Sender<ServerFrame>, mut outgoing: mpsc::Receiver<ClientFrame>)
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + SinkExt<Message> + Unpin,
{
    let silence = Duration::from_millis(limits::SOCKET_SILENCE_MS);
    let mut ping = tokio::time::interval(Duration::from_millis(limits::SOCKET_PING_MS));
    let mut heard = tokio::time::Instant::now();
    loop {
        let frame = tokio::select! {
            received = stream.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    heard = tokio::time::Instant::now();
                    match serde_json::from_str(text.as_str()).unwrap_or(ServerFrame::Unknown) {
                        ServerFrame::Ping => Some(ClientFrame::Pong),
                        ServerFrame::Pong | ServerFrame::Unknown => None,
                        frame => {
                            if incoming.send(frame).await.is_err() {
                                break;
                            }
                            None
                        }
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {
                    heard = tokio::time::Instant::now();
                    None
                }
            },
            frame = outgoing.recv() => match frame {
                Some(frame) => Some(frame),
                None => break,
            },
            _ = ping.tick() => {
                if heard.elapsed() > silence || incoming.is_closed() {
                    break;
                }
                Some(ClientFrame::Ping)
            }
        };
        if let Some(frame) = frame {
            let Ok(text) = serde_json::to_string(&frame) else { continue };
            if stream.send(Message::text(text)).await.is_err() {
                break;
            }
        }
    }
    let _ = stream.close().await;
}
