//! Where connections come in: plain or TLS, counted, and timed, so that whoever holds a place without using it loses it.
//!
//! The rules are in `register`, which is pure; a connection is served in `connection`. A framework's own listener would
//! take any number of connections and keep each for as long as it likes.

mod body;
mod certificate;
mod connection;
mod limits;
mod proxies;
mod register;
pub mod throw_away;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_rustls::TlsAcceptor;

pub use certificate::{CertificateError, Certificates};
pub(crate) use connection::Arrival;
pub use limits::ConnectionsConfig;
pub use proxies::ForwardedHeader;
pub(crate) use proxies::Proxies;
pub(crate) use register::Place;

use crate::{
    Server, ServerConfig,
    config::ConfigError,
    listener::{
        connection::Serving,
        limits::connections_that_fit,
        register::{Bounds, Refused, Register},
    },
};

/// Late connections are looked for this often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The certificate's files are looked at this often: a renewal comes days before the old one ends.
const READ_AGAIN_EVERY: Duration = Duration::from_secs(30);

/// After the system has refused a connection for want of files or memory, the next try.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// A bound address with everything that is needed to serve on it.
pub struct Listener {
    tcp: TcpListener,
    certificates: Option<Arc<Certificates>>,
    tls: Option<TlsAcceptor>,
    register: Arc<Register>,
    config: ConnectionsConfig,
}

impl Listener {
    /// Reads the certificate, if there is one, and binds the address.
    pub async fn bind(config: &ServerConfig) -> Result<Self, ConfigError> {
        let certificates = match (&config.tls_cert, &config.tls_key) {
            (Some(cert), Some(key)) => {
                Some(Certificates::read(cert, key).map_err(|error| ConfigError::new(error.key, error.to_string()))?)
            }
            _ => None,
        };
        let tls = certificates.as_ref().map(|certificates| certificates.server_config()).transpose();
        let tls = tls.map_err(|error| ConfigError::new("tls_cert", error.to_string()))?;
        let listen = &config.listen;
        let tcp = TcpListener::bind(listen)
            .await
            .map_err(|error| ConfigError::new("listen", format!("cannot listen on {listen}: {error}")))?;
        let connections = config.connections;
        let bounds = Bounds {
            most: connections_that_fit(connections.most) as usize,
            per_address: connections.per_address,
            header: connections.header(),
            idle: connections.idle(),
            stall: connections.stall(),
        };
        Ok(Self {
            tcp,
            certificates,
            tls: tls.map(|tls| TlsAcceptor::from(Arc::new(tls))),
            register: Register::new(bounds),
            config: connections,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Its address as a client writes it.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// The certificate, to be read again when somebody says so; it is looked at now and then anyway.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }

    /// Serves until the server stops and the requests under way have ended.
    pub async fn serve(self, server: Server) {
        let serving = Arc::new(Serving {
            router: server.router(),
            tls: self.tls,
            http: connection::http(),
            stall: self.config.stall(),
        });
        let (shared, began) = (server.shared().clone(), Instant::now());
        let now = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Each connection holds an end of this until it is gone.
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        let mut sweep = interval(SWEEP_EVERY);
        let mut look = interval(READ_AGAIN_EVERY);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        let stopped = server.stopped();
        tokio::pin!(stopped);
        loop {
            let accepted = tokio::select! {
                () = &mut stopped => break,
                _ = sweep.tick() => {
                    shared.metrics.connections_closed("late", self.register.sweep(now()));
                    continue;
                }
                _ = look.tick() => {
                    if let Some(certificates) = self.certificates.clone() {
                        read_again(certificates).await;
                    }
                    continue;
                }
                accepted = self.tcp.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_about_one_connection(&error) {
                        tracing::warn!(kind = %error.kind(), "a connection could not be accepted");
                        tokio::time::sleep(AFTER_REFUSAL).await;
                    }
                    continue;
                }
            };
            let counted = (!shared.proxies.trusts(peer.ip())).then(|| peer.ip().to_canonical());
            match self.register.admit(counted, now()) {
                Ok(place) => {
                    let gauge = shared.metrics.connection();
                    let (alive, serving, stopping) = (alive.clone(), serving.clone(), shared.stopping.subscribe());
                    tokio::spawn(async move {
                        let _alive = (alive, gauge);
                        connection::serve(stream, peer, Arc::new(place), began, serving, stopping).await;
                    });
                }
                Err(Refused::Full) => shared.metrics.connections_closed("full", 1),
                Err(Refused::Address) => shared.metrics.connections_closed("address", 1),
            }
        }
        // The address is free for a successor while the last requests end.
        drop(self.tcp);
        drop(alive);
        while all_gone.recv().await.is_some() {}
    }
}

/// Reads the certificate again and says in the log what came of it.
pub async fn read_again(certificates: Arc<Certificates>) {
    match tokio::task::spawn_blocking(move || certificates.read_again()).await {
        Ok(Ok(true)) => tracing::info!("the certificate was exchanged"),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::error!(%error, "the certificate was not exchanged, the old one goes on"),
        Err(_) => tracing::error!("reading the certificate failed"),
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
