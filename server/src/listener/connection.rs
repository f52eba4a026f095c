//! One connection from handshake to end: TLS if there is a certificate, then HTTP/1.1 or HTTP/2 with bounded buffers.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, extract::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::{
    body::{AnswerBody, Flight, Line, RequestBody, Watch},
    register::Place,
};

/// Where a request came in; put beside it for those that ask.
#[derive(Clone)]
pub(crate) struct Arrival {
    /// Whether the connection is encrypted as far as this server.
    pub(crate) encrypted: bool,
    /// The connection's place, to be kept by what outlives the request.
    pub(crate) place: Arc<Place>,
}

/// What all connections of a listener share.
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) http: auto::Builder<TokioExecutor>,
    pub(super) stall: Duration,
}

/// A request's line and headers: ours have 2 KB; the rest is for what proxies and browsers add.
const HEADER_BYTES: usize = 32 * 1024;

/// Headers of a request: ours has a dozen.
const HEADERS: usize = 64;

/// Requests at once in one HTTP/2 connection: a phone sends a lane each.
const STREAMS: u32 = 64;

/// What may be under way unread in a stream of HTTP/2: with a tenth of a second of delay that is 1.2 MB/s.
const STREAM_WINDOW: u32 = 128 * 1024;

/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// What of an answer waits in a stream of HTTP/2.
const SEND_BUFFER: usize = 32 * 1024;

/// HTTP/2 asks a silent peer whether it is still there.
const H2_PING: Duration = Duration::from_secs(20);

pub(super) fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Time is kept by the register, for a first header and for silence between requests: no timer per connection.
    builder.http1().header_read_timeout(None).max_buf_size(HEADER_BYTES).max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADER_BYTES as u32);
    builder
}

/// Serves a connection until it ends, is told to close, or the server stops.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: Arc<Place>,
    began: tokio::time::Instant,
    serving: Arc<Serving>,
    stopping: watch::Receiver<bool>,
) {
    let watch = Watch { state: place.state.clone(), began };
    let state = place.state.clone();
    let run = async {
        // Small messages both ways: an answer must not wait for the next one.
        let _ = stream.set_nodelay(true);
        match &serving.tls {
            None => Box::pin(speak(stream, false, peer, place, watch, &serving, stopping)).await,
            Some(tls) => {
                if let Ok(stream) = Box::pin(tls.accept(stream)).await {
                    Box::pin(speak(stream, true, peer, place, watch, &serving, stopping)).await;
                }
            }
        }
    };
    tokio::select! {
        () = run => {}
        () = state.told_to_close() => {}
    }
}

async fn speak<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: T,
    encrypted: bool,
    peer: SocketAddr,
    place: Arc<Place>,
    watch: Watch,
    serving: &Serving,
    mut stopping: watch::Receiver<bool>,
) {
    let (router, stall) = (serving.router.clone(), serving.stall);
    let line = TokioIo::new(Line { inner: stream, watch: watch.clone() });
    let service = service_fn(move |request: Request<Incoming>| {
        let arrival = Arrival { encrypted, place: place.clone() };
        answer(router.clone(), request, peer, arrival, watch.clone(), stall)
    });
    let connection = serving.http.serve_connection_with_upgrades(line, service);
    tokio::pin!(connection);
    tokio::select! {
        // What went wrong on the line is the other side's affair.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    arrival: Arrival,
    watch: Watch,
    stall: Duration,
) -> Result<Response<AnswerBody>, Infallible> {
    let flight = Flight::begin(watch.clone());
    let mut request = request.map(|inner| Body::new(RequestBody { inner, watch, stall, timer: None }));
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(arrival);
    let response = router.call(request).await?;
    Ok(response.map(|body| flight.answer(body)))
}
