//! What goes over the wire: a redirect is not followed, and a server that asks for patience gets it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use beistand_core::protocol::ConversationId;
use beistand_core::{Connection, FlushOutcome};
use beistand_test_support::process::ServerProcess;
use beistand_test_support::proxy::{Fault, Proxy};

use crate::app::{House, SOON, client, draft, runtime, until};

/// A place that nobody should ever come to; how many did.
fn trap() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    std::thread::spawn(move || {
        while listener.accept().is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, visits)
}

#[test]
fn a_redirect_is_not_followed_so_that_no_credential_goes_where_it_points() {
    let house = House::new();
    let (port, visits) = trap();
    let redirected = Arc::new(AtomicUsize::new(0));
    let redirect = |redirected: Arc<AtomicUsize>| {
        move || {
            // Some keep the method and the body, some do not.
            let count = redirected.fetch_add(1, Ordering::SeqCst);
            let status = ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"];
            Fault::Answer(format!(
                "HTTP/1.1 {}\r\nLocation: http://127.0.0.1:{port}/v1/devices\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                status[count % status.len()]
            ))
        }
    };
    // First the registration, which carries the secret itself.
    house.proxy.set_faults(redirect(redirected.clone()));
    let opened = house.open("Wo ist mein Paket?");
    until("redirects", || redirected.load(Ordering::SeqCst) >= 3);
    assert!(house.runtime.block_on(house.client.sync()).is_err(), "a redirect is no answer of ours");
    house.proxy.set_faults(|| Fault::None);
    house.flush();
    // Then everything that carries the credential: writes, sync, the socket.
    let before = redirected.load(Ordering::SeqCst);
    house.proxy.set_faults(redirect(redirected.clone()));
    house.send(opened.conversation, "Ich warte.");
    let timeline = house.runtime.block_on(house.client.conversations().timeline(opened.conversation)).unwrap();
    assert!(house.runtime.block_on(house.client.sync()).is_err());
    until("redirects", || redirected.load(Ordering::SeqCst) >= before + 5);
    assert_eq!(house.client.connection().get(), Connection::Offline);
    drop(timeline);
    house.proxy.set_faults(|| Fault::None);
    house.flush();
    assert_eq!(house.words(opened.conversation), ["Wo ist mein Paket?", "Ich warte."]);
    assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody came to where the redirect points");
}

/// Lets the next request meet this answer and those after it the server; when each came.
fn answered_once(house: &House, answer: &str) -> Arc<Mutex<Vec<Instant>>> {
    let came = Arc::new(Mutex::new(Vec::new()));
    let (told, answer) = (came.clone(), answer.to_owned());
    house.proxy.set_faults(move || {
        let mut came = told.lock().unwrap();
        came.push(Instant::now());
        if came.len() == 1 { Fault::Answer(answer.clone()) } else { Fault::None }
    });
    came
}

fn settled(house: &House) -> ConversationId {
    let opened = house.open("Wo ist mein Paket?");
    house.flush();
    opened.conversation
}

#[test]
fn a_retry_comes_when_the_server_has_asked_for_it() {
    let house = House::new();
    let conversation = settled(&house);
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nRetry-After: 3\r\n\
                       Content-Length: 0\r\nConnection: close\r\n\r\n";
    let came = answered_once(&house, unavailable);
    let message = house.send(conversation, "Geduld");
    let arrived = house.runtime.block_on(house.client.outbox().wait_for(message, SOON)).unwrap();
    assert!(arrived.is_some());
    let came = came.lock().unwrap().clone();
    let waited = came[1] - came[0];
    println!("asked for 3 s, waited {waited:?}");
    // Its own first wait would have been a second at the most.
    assert!((Duration::from_millis(2_900)..Duration::from_secs(5)).contains(&waited), "{waited:?}");
    assert_eq!(house.words(conversation), ["Wo ist mein Paket?", "Geduld"]);
}

#[test]
fn a_phone_that_is_told_to_slow_down_does_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limits = folder.path().join("server.toml");
    std::fs::write(&limits, "[limits]\nburst = 2\nwrites_per_minute = 60\n").unwrap();
    let server = ServerProcess::start(&folder.path().join("server"), 0, &["--config", &limits.display().to_string()]);
    let proxy = Proxy::start(server.port, || Fault::None);
    runtime().block_on(async {
        let client = client(&proxy.url(), &folder.path().join("phone"));
        let opened = client.conversations().open(draft("Wo ist mein Paket?")).await.unwrap();
        for number in 1..5 {
            client.conversations().send(opened.conversation, &format!("Nachricht {number}")).await.unwrap();
        }
        let began = Instant::now();
        assert_eq!(client.outbox().flush(Duration::from_secs(30)).await.unwrap(), FlushOutcome::Empty);
        let (took, connections) = (began.elapsed(), proxy.tally().connections);
        println!("five writes of two at once and one a second: {took:?}, {connections} connections");
        assert!(took >= Duration::from_secs(2), "the server's limit was not met");
        // Registration and configuration, five writes, and a refusal for each that came too early.
        assert!(connections <= 16, "{connections} connections: it did not wait as long as it was told");
        let shown = client.conversations().timeline(opened.conversation).await.unwrap();
        let seqs: Vec<_> = shown.messages().iter().map(|message| message.seq).collect();
        assert_eq!(seqs, (1..6).map(Some).collect::<Vec<_>>(), "in order, each once");
        client.shutdown().await;
    });
}
