//! `serve`: listens, prints the address once it can answer, and stops in order: no new connections, goodbye to the
//! sockets, requests in flight end, the writer drains, the database closes.

use std::{sync::Arc, time::Duration};

use beistand_server::{
    Execution, Server, ServerConfig, StoreOptions, SystemClock, demo,
    listener::{self, Certificates, Listener},
};

use super::{Failure, print_line};

pub(super) fn serve(mut config: ServerConfig, with_demo: bool) -> Result<(), Failure> {
    if with_demo {
        demo::configure(&mut config);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(config, with_demo))
}

async fn run(config: ServerConfig, with_demo: bool) -> Result<(), Failure> {
    let most = Duration::from_secs(u64::from(config.shutdown_seconds));
    let options = StoreOptions { path: config.database(), vfs: None, execution: Execution::Thread };
    // The address and the certificate first: a wrong one must not leave a new database behind.
    let listener = Listener::bind(&config).await?;
    let server = Server::open(config, options, Arc::new(SystemClock::default())).await?;
    if with_demo {
        demo::seed(&server).await?;
    }
    let stop = stop_signal()?;
    let (url, certificates) = (listener.url()?, listener.certificates());
    let stopping = server.clone();
    let _renewal = renewal(certificates)?;
    tokio::spawn(async move {
        stop.await;
        tracing::info!("stopping");
        stopping.begin_shutdown();
    });
    let serving = tokio::spawn(listener.serve(server.clone()));
    print_line(&format!("listening on {url}"))?;
    tracing::info!(%url, "ready");
    let ended = wait_for_end(&server, serving, most).await;
    server.shutdown().await;
    tracing::info!("stopped");
    ended
}

/// Reads the certificate again whenever SIGHUP says that it was renewed.
#[cfg(unix)]
fn renewal(certificates: Option<Arc<Certificates>>) -> std::io::Result<tokio::task::JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match &certificates {
                Some(certificates) => listener::read_again(certificates.clone()).await,
                None => tracing::info!("there is no certificate to read again"),
            }
        }
    }))
}

#[cfg(not(unix))]
fn renewal(_: Option<Arc<Certificates>>) -> std::io::Result<()> {
    Ok(())
}

async fn wait_for_end(
    server: &Server,
    mut serving: tokio::task::JoinHandle<()>,
    most: Duration,
) -> Result<(), Failure> {
    // While nothing has asked it to stop, the only end is an error of the listener.
    let stopping = async {
        server.stopped().await;
        tokio::time::sleep(most).await;
    };
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        () = stopping => {
            tracing::warn!("requests in flight took too long and were cut off");
            serving.abort();
            Ok(())
        }
    }
}

#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
