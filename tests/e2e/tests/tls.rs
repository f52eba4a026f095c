//! The phone and the desk over TLS with a throw-away authority, as `cargo xtask demo --lan` sets it up.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
    time::{Duration, Instant},
};

use beistand_core::{Client, Settings, TicketDraft, api::tls};
use beistand_server::listener::throw_away::ThrowAway;
use beistand_test_support::process::{Phone, ServerProcess, documents};

const PATIENCE: Duration = Duration::from_secs(30);

struct House {
    folder: tempfile::TempDir,
    server: ServerProcess,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let made = ThrowAway::make(&["127.0.0.1".to_owned()]).unwrap();
    let stranger = ThrowAway::make(&["127.0.0.1".to_owned()]).unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    put("authority.pem", &made.authority);
    put("stranger.pem", &stranger.authority);
    put("text.pem", "nothing of the kind");
    let (cert, key) = (put("cert.pem", &made.cert), put("key.pem", &made.key));
    let server = ServerProcess::start(&folder.path().join("server"), 0, &["--tls-cert", &cert, "--tls-key", &key]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    House { folder, server }
}

impl House {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, authority: &Path, arguments: &[&str]) -> Output {
        let phone = Phone { server: self.server.url.clone(), data: self.file("phone") };
        let mut command = phone.command(arguments);
        command.env("BEISTAND_CA_FILE", authority);
        beistand_test_support::process::PhoneProcess::of(command).wait()
    }
}

#[test]
fn another_authority_is_an_error_with_a_code_and_nothing_is_lost() {
    let house = house();
    let (good, stranger) = (house.file("authority.pem"), house.file("stranger.pem"));
    let open = ["open", "--subject", "Paket", "--text", "Wo?"];
    assert_eq!(house.run(&stranger, &open).status.code(), Some(0), "writing needs no network");
    let sync = house.run(&stranger, &["sync"]);
    assert_eq!(sync.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&sync.stdout).contains("unreachable"), "{sync:?}");
    let agent = house.run(&stranger, &["agent", "--user", "Deniz", "--password", "demo", "list"]);
    assert_eq!(agent.status.code(), Some(1));
    assert_eq!(house.run(&stranger, &["flush", "--timeout", "1"]).status.code(), Some(3), "it waits");
    for wrong in ["none.pem", "text.pem"] {
        let refused = house.run(&house.file(wrong), &["list"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stdout).contains("ca-file"), "{refused:?}");
    }
    let flush = house.run(&good, &["flush", "--timeout", "30"]);
    assert_eq!(flush.status.code(), Some(0), "{flush:?}");
    let list = house.run(&good, &["agent", "--user", "Deniz", "--password", "demo", "list"]);
    assert!(documents(&list).iter().any(|document| document.to_string().contains("Paket")), "{list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_goes_over_tls_as_well() {
    let house = house();
    let authority = std::fs::read_to_string(house.file("authority.pem")).unwrap();
    let mut settings = Settings::new(&house.server.url, "demo", house.file("app")).unwrap();
    settings.trust(&authority).unwrap();
    let roots = tls::client_config(true, &settings.extra_roots).unwrap();
    let http = reqwest::Client::builder().tls_backend_preconfigured(roots).build().unwrap();
    let client = Client::builder(settings).build().unwrap();
    let draft = TicketDraft { subject: "Paket".into(), text: "Wo?".into(), ..TicketDraft::default() };
    let ticket = client.conversations().open(draft).await.unwrap();
    let timeline = Arc::new(client.conversations().timeline(ticket.conversation).await.unwrap());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = http.get(format!("{}/metrics", house.server.url)).send().await.unwrap().text().await.unwrap();
        if text.contains("beistand_sockets 1\n") {
            break;
        }
        assert!(Instant::now() < deadline, "no socket: {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(timeline);
    client.shutdown().await;
}
