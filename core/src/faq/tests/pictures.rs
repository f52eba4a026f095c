//! Pictures of articles.

use beistand_protocol::hex;
use sha2::{Digest, Sha256};

use super::fake::{Server, Weather, client, settings};
use crate::error::ErrorKind;
use crate::faq::FaqError;

fn name(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

#[tokio::test]
async fn a_picture_is_fetched_once_and_kept() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    let bytes = vec![7; 1000];
    server.add_image(&name(&bytes), &bytes);
    let client = client(&server, settings(folder.path()));
    let faq = client.faq();
    let path = faq.image(&name(&bytes)).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    server.weather(Weather::Offline);
    assert_eq!(faq.image(&name(&bytes)).await.unwrap(), path);
    assert_eq!(server.take_asked().len(), 1);
    assert_eq!(faq.image(&"0".repeat(64)).await.unwrap_err().kind, ErrorKind::Unreachable);
    assert_eq!(faq.image("../../etc/passwd").await.unwrap_err().kind, ErrorKind::NotFound);
    server.weather(Weather::Calm);
    assert!(matches!(faq.image(&"0".repeat(64)).await.unwrap_err().kind, ErrorKind::Refused(_)));
    client.shutdown().await;
}

#[tokio::test]
async fn other_bytes_than_the_article_names_are_not_kept() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    let bytes = vec![7; 500];
    server.add_image(&name(&bytes), &bytes);
    let client = client(&server, settings(folder.path()));
    let faq = client.faq();
    for end in [0, 1, 499] {
        server.weather(Weather::Cut(end));
        let error = faq.image(&name(&bytes)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Faq(FaqError::OtherPicture), "cut at {end}");
    }
    assert!(std::fs::read_dir(folder.path().join("faq-images")).map_or(0, Iterator::count) == 0);
    server.weather(Weather::Calm);
    faq.image(&name(&bytes)).await.unwrap();
    client.shutdown().await;
}

#[tokio::test]
async fn what_was_not_looked_at_for_longest_makes_room() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::default());
    let pictures: Vec<Vec<u8>> = (0..4).map(|n| vec![n; 1000]).collect();
    pictures.iter().for_each(|bytes| server.add_image(&name(bytes), bytes));
    let mut settings = settings(folder.path());
    settings.faq_image_bytes = 3000;
    let client = client(&server, settings);
    let faq = client.faq();
    let place = folder.path().join("faq-images");
    for (age, bytes) in [(300, &pictures[0]), (200, &pictures[1]), (100, &pictures[2])] {
        let path = faq.image(&name(bytes)).await.unwrap();
        let at = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        std::fs::File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
    }
    faq.image(&name(&pictures[0])).await.unwrap();
    faq.image(&name(&pictures[3])).await.unwrap();
    let mut kept: Vec<String> =
        std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort();
    let mut expected = vec![name(&pictures[0]), name(&pictures[2]), name(&pictures[3])];
    expected.sort();
    assert_eq!(kept, expected, "the second was not looked at for longest");
    client.shutdown().await;
}
