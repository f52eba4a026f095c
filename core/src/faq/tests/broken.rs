//! What may go wrong with a publication or with the file: what was cached stays, or is begun anew; the app is told.

use std::path::Path;

use base64::Engine;
use beistand_protocol::faq::{Bundle, Contents, Delta, Parcel};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rusqlite::Connection;

use super::fake::{Server, Weather, articles, client, ids, settings};
use crate::error::ErrorKind;
use crate::faq::samples::{parcel, sign};
use crate::faq::{Faq, FaqError, FaqSeed, SearchOptions};
use crate::{Client, ClientEvent};

async fn seeded(server: &Server, folder: &Path) -> (Client, Faq) {
    let mut settings = settings(folder);
    settings.faq_seeds = vec![server.seed("de")];
    let client = client(server, settings);
    let faq = client.faq();
    // Once the server has answered, it is not asked behind the back of the test.
    faq.refresh().await.unwrap();
    server.weather(Weather::Offline);
    (client, faq)
}

/// Everything that the phone would show, to be compared.
async fn shown(faq: &Faq) -> (Vec<String>, Option<u64>, Vec<String>) {
    let found = faq.search("Frage1", SearchOptions::default()).await.unwrap();
    let hits = found.hits.iter().map(|hit| hit.article.to_string()).collect();
    (ids(faq).await, faq.status().await.unwrap().version, hits)
}

#[tokio::test]
async fn a_transfer_that_is_cut_at_any_byte_changes_nothing() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    let first = server.publish("de", &articles(0..2));
    let (client, faq) = seeded(&server, folder.path()).await;
    let before = shown(&faq).await;
    server.publish("de", &articles(1..3));
    for path in ["v1/faq/de-AT".to_owned(), format!("v1/faq/de-AT?since={first}")] {
        for end in 0..server.answer(&path, None).body.len() {
            server.weather(Weather::Cut(end));
            faq.refresh().await.unwrap_err();
            if end % 40 == 0 {
                server.weather(Weather::Offline);
                assert_eq!(shown(&faq).await, before, "{path} cut at {end}");
            }
        }
    }
    server.weather(Weather::Offline);
    assert_eq!(shown(&faq).await, before);
    server.weather(Weather::Calm);
    faq.refresh().await.unwrap();
    assert_eq!(ids(&faq).await, ["a1", "a2"]);
    client.shutdown().await;
}

#[tokio::test]
async fn a_publication_that_is_not_to_be_trusted_changes_nothing_and_says_why() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..2));
    server.publish("de", &articles(0..3));
    let (client, faq) = seeded(&server, folder.path()).await;
    let before = shown(&faq).await;
    let bundle =
        |version| parcel("de", version, Contents::Bundle(Bundle { articles: articles(5..6), ..Bundle::default() }));
    let mut other_app = bundle(99);
    other_app.header.app = "l".into();
    let other_base = parcel("de", 99, Contents::Delta { from: 19, delta: Delta::default() });
    let other_language = parcel("fr", 99, Contents::Delta { from: 20, delta: Delta::default() });
    let later = [b"beistand-faq 2\n{}\n".to_vec(), bundle(99).to_bytes().unwrap()].concat();
    let bytes = |parcel: &Parcel| parcel.to_bytes().unwrap();
    let bomb = {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::copy(&mut std::io::Read::take(std::io::repeat(b' '), 64 << 20), &mut packed).unwrap();
        packed.finish().unwrap()
    };
    let mut events = client.events();
    for (answer, why) in [
        (bytes(&other_app), FaqError::OtherApp),
        (bytes(&other_base), FaqError::OtherBase),
        (bytes(&other_language), FaqError::OtherBase),
        (bytes(&bundle(10)), FaqError::Older),
        (later, FaqError::LaterForm),
        (bomb, FaqError::TooLarge),
        (b"beistand-faq 1\nnonsense".to_vec(), FaqError::Malformed),
    ] {
        server.weather(Weather::Instead(200, answer));
        let error = faq.refresh().await.unwrap_err();
        assert_eq!((error.kind, error.kind.code()), (ErrorKind::Faq(why), why.code()));
        assert_eq!(events.recv().await.unwrap(), ClientEvent::FaqRefused { error: why });
        assert_eq!(shown(&faq).await, before, "{why}");
    }
    // What is no publication at all is a portal, and no reason to tell anybody.
    for (status, body) in [(200, b"<html>".to_vec()), (200, Vec::new()), (502, b"bad".to_vec()), (301, Vec::new())] {
        server.weather(Weather::Instead(status, body));
        assert_eq!(faq.refresh().await.unwrap_err().kind, ErrorKind::Unreachable);
    }
    assert!(events.try_recv().is_err());
    client.shutdown().await;
}

#[tokio::test]
async fn with_a_pinned_key_seeds_and_answers_are_signed() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let other = Ed25519KeyPair::from_seed_unchecked(&[4; 32]).unwrap();
    let bundle = |version, count| {
        parcel("de", version, Contents::Bundle(Bundle { articles: articles(0..count), ..Bundle::default() }))
    };
    let mut settings = settings(folder.path());
    settings.faq_key = Some(pair.public_key().as_ref().try_into().unwrap());
    settings.faq_seeds = vec![
        FaqSeed::bytes(bundle(9, 9).to_bytes().unwrap()),
        FaqSeed::bytes(sign(bundle(5, 1), &pair).to_bytes().unwrap()),
    ];
    server.weather(Weather::Offline);
    let client = client(&server, settings);
    let (faq, mut events) = (client.faq(), client.events());
    assert_eq!(ids(&faq).await, ["a0"], "the seed that is not signed is not taken");
    assert_eq!(events.recv().await.unwrap(), ClientEvent::FaqRefused { error: FaqError::Unsigned });
    for (answer, why) in [(bundle(6, 2), FaqError::Unsigned), (sign(bundle(6, 2), &other), FaqError::WrongSignature)] {
        server.weather(Weather::Instead(200, answer.to_bytes().unwrap()));
        assert_eq!(faq.refresh().await.unwrap_err().kind, ErrorKind::Faq(why));
    }
    let mut forged = sign(bundle(6, 2), &pair);
    forged.header.signature = Some(base64::engine::general_purpose::STANDARD.encode([0; 64]));
    server.weather(Weather::Instead(200, forged.to_bytes().unwrap()));
    assert_eq!(faq.refresh().await.unwrap_err().kind, ErrorKind::Faq(FaqError::WrongSignature));
    server.weather(Weather::Instead(200, sign(bundle(6, 2), &pair).to_bytes().unwrap()));
    faq.refresh().await.unwrap();
    assert_eq!(ids(&faq).await, ["a0", "a1"]);
    client.shutdown().await;
}

#[tokio::test]
async fn a_broken_seed_stops_nothing() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..2));
    let mut settings = settings(folder.path());
    settings.faq_seeds =
        vec![FaqSeed::bytes(*b"nonsense"), FaqSeed::path(folder.path().join("not-there")), server.seed("de")];
    server.weather(Weather::Offline);
    let client = client(&server, settings);
    let mut events = client.events();
    assert_eq!(ids(&client.faq()).await, ["a0", "a1"]);
    for error in [FaqError::Malformed, FaqError::Unreadable] {
        assert_eq!(events.recv().await.unwrap(), ClientEvent::FaqRefused { error });
    }
    client.shutdown().await;
}

#[tokio::test]
async fn a_file_that_is_damaged_is_begun_anew_from_the_seeds() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..40));
    let file = folder.path().join("faq.sqlite3");
    let garbage = |length: usize| (0..length).map(|n| (n % 251) as u8).collect::<Vec<u8>>();
    type Damage = Box<dyn Fn()>;
    type Change = Box<dyn Fn(&mut Vec<u8>)>;
    let rewrite = |change: Change| -> Damage {
        let file = file.clone();
        Box::new(move || {
            let mut bytes = std::fs::read(&file).unwrap();
            change(&mut bytes);
            std::fs::write(&file, bytes).unwrap();
        })
    };
    let newer = file.clone();
    let damages: Vec<(&str, Damage)> = vec![
        ("no database", rewrite(Box::new(move |bytes| *bytes = garbage(5000)))),
        ("a torn head", rewrite(Box::new(|bytes| bytes[..100].fill(0xff)))),
        ("a torn schema", rewrite(Box::new(|bytes| bytes[100..3000].fill(0x7f)))),
        ("pages of nonsense", rewrite(Box::new(|bytes| bytes[4096..].fill(0xa5)))),
        (
            "a newer app",
            Box::new(move || Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap()),
        ),
    ];
    for (what, damage) in damages {
        server.weather(Weather::Calm);
        let (client, faq) = seeded(&server, folder.path()).await;
        assert_eq!(shown(&faq).await.0.len(), 40);
        client.shutdown().await;
        damage();
        let mut settings = settings(folder.path());
        settings.faq_seeds = vec![server.seed("de")];
        let client = crate::faq::tests::fake::client(&server, settings);
        let (faq, mut events) = (client.faq(), client.events());
        assert_eq!(shown(&faq).await.0.len(), 40, "{what}");
        assert_eq!(events.recv().await.unwrap(), ClientEvent::FaqRebuilt, "{what}");
        client.shutdown().await;
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_while_it_is_open_is_begun_anew_in_the_same_call() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    server.publish("de", &articles(0..300));
    let (client, faq) = seeded(&server, folder.path()).await;
    // While the app is paused, each call opens the file anew.
    client.pause().await.unwrap();
    let file = folder.path().join("faq.sqlite3");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8192..].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let mut events = client.events();
    assert_eq!(ids(&faq).await.len(), 300);
    assert_eq!(events.recv().await.unwrap(), ClientEvent::FaqRebuilt);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ids(&faq).await.len(), 300, "somebody cleaned up");
    client.shutdown().await;
}
