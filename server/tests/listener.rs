//! The listener on a real port: certificates, limits, and whoever tries to hold a place for nothing.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use beistand_protocol::agent::Role;
use beistand_server::{
    Execution, Server, ServerConfig, StoreOptions, SystemClock,
    config::ConfigError,
    listener::{self, Certificates, Listener, throw_away::ThrowAway},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct House {
    server: Server,
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    folder: tempfile::TempDir,
    serving: tokio::task::JoinHandle<()>,
}

fn write(folder: &Path, made: &ThrowAway) {
    std::fs::write(folder.join("cert.pem"), &made.cert).unwrap();
    std::fs::write(folder.join("key.pem"), &made.key).unwrap();
}

fn made() -> ThrowAway {
    ThrowAway::make(&["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

async fn house(change: impl FnOnce(&mut ServerConfig)) -> House {
    house_in(tempfile::tempdir().unwrap(), change).await
}

async fn house_in(folder: tempfile::TempDir, change: impl FnOnce(&mut ServerConfig)) -> House {
    let mut config = ServerConfig { listen: "127.0.0.1:0".into(), data: folder.path().into(), ..Default::default() };
    change(&mut config);
    let listener = Listener::bind(&config).await.unwrap();
    let options = StoreOptions { path: config.database(), vfs: None, execution: Execution::Thread };
    let server = Server::open(config, options, Arc::new(SystemClock::default())).await.unwrap();
    server.add_app("shop", "shop").await.unwrap();
    let (address, certificates) = (listener.address().unwrap(), listener.certificates());
    let serving = tokio::spawn(listener.serve(server.clone()));
    House { server, address, certificates, folder, serving }
}

async fn encrypted_house(made: &ThrowAway) -> House {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), made);
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    house_in(folder, |config| (config.tls_cert, config.tls_key) = (Some(cert), Some(key))).await
}

impl House {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn handshake(&self, authority: &str, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let authority = rustls::pki_types::pem::PemObject::from_pem_slice(authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await
    }

    async fn healthy(&self) -> bool {
        let mut stream = self.connect().await;
        let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        sent.is_ok() && read_all(&mut stream).await.starts_with("HTTP/1.1 200")
    }
}

async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as good as any.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks over a connection and leaves it open; gives the head of the answer.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8_lossy(&head).into_owned()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn tls_speaks_both_versions_of_http_and_takes_no_other_authority() {
    let made = made();
    let house = encrypted_house(&made).await;
    let one = house.handshake(&made.authority, &["http/1.1"]).await;
    let mut one = one.unwrap();
    assert!(ask(&mut one, HEALTH).await.starts_with("HTTP/1.1 200"));
    let two = house.handshake(&made.authority, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(two.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let error = house.handshake(&self::made().authority, &["h2"]).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_session_that_came_over_tls_is_for_https_only() {
    let made = made();
    let house = encrypted_house(&made).await;
    house.server.add_agent("shop", "Deniz", "geheim", Role::Agent).await.unwrap();
    let mut stream = house.handshake(&made.authority, &["http/1.1"]).await.unwrap();
    let body = r#"{"name":"Deniz","password":"geheim"}"#;
    let request = format!(
        "POST /v1/agent/session HTTP/1.1\r\nhost: x\r\nx-app-key: shop\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let head = ask(&mut stream, &request).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("; Secure"), "{head}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let (old, new) = (made(), made());
    let house = encrypted_house(&old).await;
    let certificates = house.certificates.clone().unwrap();
    // Half of the renewal is written: the pair does not fit.
    std::fs::write(house.folder.path().join("cert.pem"), &new.cert).unwrap();
    assert_eq!(certificates.read_again().unwrap_err().code, "tls-key-mismatch");
    assert!(house.handshake(&old.authority, &[]).await.is_ok());
    write(house.folder.path(), &new);
    listener::read_again(certificates.clone()).await;
    assert!(house.handshake(&new.authority, &[]).await.is_ok());
    assert!(house.handshake(&old.authority, &[]).await.is_err());
    assert!(!certificates.read_again().unwrap(), "nothing has changed since");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_has_a_code_and_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (made(), made());
    write(folder.path(), &one);
    std::fs::write(folder.path().join("other.pem"), &other.key).unwrap();
    std::fs::write(folder.path().join("text.pem"), "no PEM").unwrap();
    for (cert, key, setting, code) in [
        ("none.pem", "key.pem", "tls_cert", "tls-file-unreadable"),
        ("cert.pem", "none.pem", "tls_key", "tls-file-unreadable"),
        ("text.pem", "key.pem", "tls_cert", "tls-certificate-invalid"),
        ("cert.pem", "text.pem", "tls_key", "tls-key-invalid"),
        ("cert.pem", "other.pem", "tls_key", "tls-key-mismatch"),
    ] {
        let config = ServerConfig {
            listen: "127.0.0.1:0".into(),
            tls_cert: Some(folder.path().join(cert)),
            tls_key: Some(folder.path().join(key)),
            ..Default::default()
        };
        let ConfigError { key, reason } = Listener::bind(&config).await.err().expect("a wrong certificate");
        assert_eq!(key, setting, "{reason}");
        assert!(reason.starts_with(code), "{code}: {reason}");
    }
}

#[tokio::test]
async fn a_header_that_trickles_in_is_cut_off_and_others_are_served_meanwhile() {
    let house = house(|config| config.connections.header_seconds = 1).await;
    let mut slow = house.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let began = Instant::now();
    let (mut reader, mut writer) = slow.into_split();
    let trickle = tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        // Never silent, never done.
        while writer.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    });
    assert!(house.healthy().await);
    assert_eq!(read_all(&mut reader).await, "");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    trickle.await.unwrap();
}

#[tokio::test]
async fn a_body_that_stops_is_cut_off_without_an_answer_and_a_slow_one_is_waited_for() {
    let house = house(|config| config.connections.stall_seconds = 1).await;
    let device = uuid::Uuid::now_v7();
    let body = format!("{{\"secret\":\"{}\"}}", "ab".repeat(32));
    let head = format!(
        "PUT /v1/devices/{device} HTTP/1.1\r\nhost: x\r\nx-app-key: shop\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stopped = house.connect().await;
    stopped.write_all(format!("{head}{}", &body[..10]).as_bytes()).await.unwrap();
    // An answer with a code would tell a phone that its message is at fault.
    assert_eq!(read_all(&mut stopped).await, "");
    // Slower than the limit in all, never silent for as long as it.
    let mut slow = house.connect().await;
    slow.set_nodelay(true).unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut beat = tokio::time::interval(Duration::from_millis(250));
    for part in body.as_bytes().chunks(8) {
        beat.tick().await;
        slow.write_all(part).await.unwrap();
    }
    assert!(ask(&mut slow, "").await.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let house = house(|config| {
        config.connections.stall_seconds = 1;
        config.connections.idle_seconds = 1;
    })
    .await;
    // The description has some hundred kilobytes: after some dozen of them both kernels are full. Whoever never reads sees
    // the end of the connection only in writing.
    let mut deaf = house.connect().await;
    let wish = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let deafness = async {
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        while deaf.write_all(wish.as_bytes()).await.is_ok() {
            beat.tick().await;
        }
    };
    timeout(PATIENCE, deafness).await.expect("the server gives up");
    assert!(house.healthy().await);
}

#[tokio::test]
async fn one_address_gets_its_share_unless_it_is_a_trusted_proxy() {
    for (trusted, let_in) in [(vec![], false), (vec!["127.0.0.0/8".to_owned()], true)] {
        let house = house(|config| {
            config.connections.per_address = 2;
            config.trusted_proxies = trusted;
        })
        .await;
        let (mut one, mut two, mut three) = (house.connect().await, house.connect().await, house.connect().await);
        for first in [&mut one, &mut two] {
            assert!(ask(first, HEALTH).await.starts_with("HTTP/1.1 200"));
        }
        // Refused by closing; the request may be on its way by then.
        let _ = three.write_all(HEALTH.as_bytes()).await;
        let mut byte = [0];
        let answered = matches!(timeout(PATIENCE, three.read(&mut byte)).await.unwrap(), Ok(1));
        assert_eq!(answered, let_in);
    }
}

#[tokio::test]
async fn a_full_house_makes_room_for_those_who_ask() {
    let house = house(|config| config.connections.most = 4).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(house.connect().await);
    }
    for _ in 0..8 {
        assert!(house.healthy().await);
    }
    assert_eq!(read_all(&mut silent[0]).await, "", "the oldest that never asked had to go");
}

#[tokio::test]
async fn a_socket_keeps_its_place_and_a_stopping_server_lets_requests_end() {
    let house = house(|config| {
        config.connections.most = 2;
        config.connections.idle_seconds = 1;
        config.connections.header_seconds = 1;
    })
    .await;
    let upgrade = "GET /v1/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut sockets = [house.connect().await, house.connect().await];
    for socket in &mut sockets {
        assert!(ask(socket, upgrade).await.starts_with("HTTP/1.1 101"));
    }
    assert!(!house.healthy().await, "both places are taken by sockets that work");
    house.server.begin_shutdown();
    timeout(PATIENCE, house.serving).await.unwrap().unwrap();
    let goodbye = read_all(&mut sockets[0]).await;
    assert!(goodbye.contains("the server stops"), "{goodbye:?}");
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let house = house(|_| ()).await;
    for flood in [
        (0..1_000).map(|n| format!("x-{n}: y\r\n")).collect::<String>(),
        format!("x-long: {}\r\n", "y".repeat(1024 * 1024)),
        "x".repeat(1024 * 1024),
    ] {
        let mut stream = house.connect().await;
        // It may be cut off before all of it is sent.
        let _ = stream.write_all(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{flood}\r\n").as_bytes()).await;
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert!(house.healthy().await);
}
