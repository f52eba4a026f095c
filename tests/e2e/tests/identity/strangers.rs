//! What belongs to somebody else stays theirs, also where a phone was copied or the caller is slow.

use beistand_core::api::transport::{Body, Request, Transport};
use beistand_core::outbox::payload::Method;
use beistand_core::{AttachmentSource, Client, ErrorKind, Logout, Settings, TicketDraft};

use super::{at_server, credential, later, listed, offline, open, world};

#[test]
fn a_device_that_is_another_users_speaks_for_nobody_else() {
    world(async |world, backend| {
        let client = world.client().clone();
        let before = open(&client, "noch ohne Namen").await;
        later().await;
        // The folder was copied to another phone, and its user has signed in there.
        let body = format!("{{\"token\":\"{}\"}}", world.token("bert"));
        let request = Request {
            method: Method::Put,
            path: "v1/identity".into(),
            headers: Vec::new(),
            credential: Some(credential(&world)),
            body: Some(Body::Json(body)),
        };
        assert_eq!(world.network.send(request).await.unwrap().status, 200);
        offline(&world, true);
        client.login(backend.user("anna")).await.unwrap();
        let opened = open(&client, "nur von Anna").await;
        offline(&world, false);
        later().await;
        let who = client.identity().get();
        assert_eq!((who.subject.as_deref(), who.confirmed), (Some("anna"), true));
        assert_eq!(at_server(&world, opened.conversation).await.unwrap().0.as_deref(), Some("anna"));
        assert_eq!(at_server(&world, before.conversation).await.unwrap().0.as_deref(), Some("bert"));
        assert_eq!(listed(&client).await, [opened.conversation]);
    });
}

/// A file that takes as long to read as the test wants.
struct Slow {
    begun: std::sync::mpsc::Sender<()>,
    go_on: std::sync::mpsc::Receiver<()>,
    at_end: bool,
}

impl std::io::Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if std::mem::replace(&mut self.at_end, true) {
            return Ok(0);
        }
        self.begun.send(()).unwrap();
        let _ = self.go_on.recv();
        buffer[0] = b'x';
        Ok(1)
    }
}

#[test]
fn a_ticket_that_was_begun_before_a_logout_is_never_said_by_the_next_user() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new("http://127.0.0.1:1", "demo", folder.path()).unwrap();
        let client = Client::builder(settings).build().unwrap();
        assert_eq!(listed(&client).await, []);
        let (begun, copying) = std::sync::mpsc::channel();
        let (copied, go_on) = std::sync::mpsc::channel();
        let conversations = client.conversations();
        let opening = tokio::spawn(async move {
            let attachments = vec![AttachmentSource::reader("a.txt", Slow { begun, go_on, at_end: false })];
            conversations
                .open(TicketDraft { subject: "s".into(), text: "t".into(), attachments, ..TicketDraft::default() })
                .await
        });
        tokio::task::spawn_blocking(move || copying.recv().unwrap()).await.unwrap();
        client.logout(Logout::Keep).await.unwrap();
        copied.send(()).unwrap();
        assert_eq!(opening.await.unwrap().unwrap_err().kind, ErrorKind::TooLate);
        assert_eq!(listed(&client).await, []);
        client.shutdown().await;
    });
}
