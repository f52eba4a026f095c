//! Files of messages, one named test each: with phone and server in one process under virtual time, and with real
//! processes where sockets, memory or bandwidth are the matter.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it where it stands")]

mod fetching;
mod lasting;
mod sending;
mod thin_line;

use std::io::Cursor;
use std::time::Duration;

use beistand_core::{AttachmentSource, Client, FlushOutcome, MessageDraft, Opened, TicketDraft};
use beistand_test_support::world::World;

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Runs a test on virtual time.
pub(crate) fn world(test: impl AsyncFnOnce(World)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async { test(World::new(42).await).await });
}

/// Bytes that no compression shortens and no sniffer knows.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; size];
    rng.fill(&mut bytes);
    bytes[0] = 1;
    bytes
}

pub(crate) fn file(name: &str, bytes: &[u8]) -> AttachmentSource {
    AttachmentSource::reader(name, Cursor::new(bytes.to_vec()))
}

pub(crate) fn with_file(text: &str, name: &str, bytes: &[u8]) -> MessageDraft {
    MessageDraft::from(text).attach(file(name, bytes))
}

pub(crate) fn photo(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 99]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("a picture");
    bytes.into_inner()
}

pub(crate) async fn opened(client: &Client) -> Opened {
    let draft = TicketDraft {
        subject: "Kleid mit offener Naht".into(),
        text: "Die Naht ist offen.".into(),
        ..Default::default()
    };
    let opened = client.conversations().open(draft).await.expect("it is stored");
    flushed(client).await;
    opened
}

pub(crate) async fn flushed(client: &Client) {
    assert_eq!(client.outbox().flush(LONG).await.expect("flush"), FlushOutcome::Empty);
}
