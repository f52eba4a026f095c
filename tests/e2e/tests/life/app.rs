//! An app as these tests see it: a client on real files, with a runtime of its own, and perhaps a real server.

use std::path::Path;
use std::time::{Duration, Instant};

use beistand_core::protocol::{ConversationId, MessageId};
use beistand_core::{Client, FlushOutcome, Opened, Settings, TicketDraft};
use beistand_e2e::processes::{Desk, Template};
use beistand_test_support::process::ServerProcess;
use beistand_test_support::proxy::{Fault, Proxy};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Where nobody listens.
pub const NOWHERE: &str = "http://127.0.0.1:1";
/// Longer than anything here takes, shorter than anybody's patience.
pub const SOON: Duration = Duration::from_secs(10);

pub fn settings(server: &str, folder: &Path) -> Settings {
    Settings::new(server, "demo", folder).expect("settings")
}

pub fn client(server: &str, folder: &Path) -> Client {
    Client::builder(settings(server, folder)).build().expect("the client is built")
}

pub fn draft(text: &str) -> TicketDraft {
    TicketDraft { subject: "Kleid mit offener Naht".into(), text: text.into(), ..TicketDraft::default() }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Looks again until it is so.
///
/// # Panics
/// If it is not so after [`SOON`].
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {SOON:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A client, a server process, and a proxy between them.
pub struct House {
    pub runtime: Runtime,
    pub client: Client,
    pub proxy: Proxy,
    pub server: ServerProcess,
    pub desk: Desk,
    pub folder: TempDir,
    _template: Template,
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let template = Template::new();
        let server = template.start_server(&folder.path().join("server"));
        let desk = template.desk(&server);
        let proxy = Proxy::start(server.port, || Fault::None);
        let client = client(&proxy.url(), &folder.path().join("phone"));
        Self { runtime: runtime(), client, proxy, server, desk, folder, _template: template }
    }

    pub fn open(&self, text: &str) -> Opened {
        self.runtime.block_on(self.client.conversations().open(draft(text))).expect("it is stored")
    }

    pub fn send(&self, conversation: ConversationId, text: &str) -> MessageId {
        self.runtime.block_on(self.client.conversations().send(conversation, text)).expect("it is stored")
    }

    pub fn flush(&self) {
        let flushed = self.runtime.block_on(self.client.outbox().flush(SOON)).expect("flush");
        assert_eq!(flushed, FlushOutcome::Empty);
    }

    /// The words at the server, oldest first.
    pub fn words(&self, conversation: ConversationId) -> Vec<String> {
        let stored = self.desk.messages(conversation).expect("the agent reads");
        stored.iter().map(|message| message.content.as_text().unwrap_or("(taken back)").to_owned()).collect()
    }

    pub fn agent_writes(&self, conversation: ConversationId, text: &str) -> MessageId {
        // The highest bits are of no matter to a server: an id only has to be new.
        let id = MessageId::mint(beistand_core::protocol::UnixMillis(1), std::array::from_fn(|_| fastrand::u8(..)));
        self.desk.write(conversation, id, text, false).expect("the agent writes").id
    }
}
