//! A small world in one process: one phone and one server, each on a disk that can lose power, a network with weather
//! between them, virtual time over all. Everything draws from one seed, so that a run can be played again.

use std::sync::Arc;
use std::time::Duration;

use beistand_core::store::{Execution as CoreExecution, StorageOptions};
use beistand_core::{Client, Settings};
use beistand_server::{Clock, Execution, Server, ServerConfig, StoreOptions};

use tempfile::TempDir;

use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::desk::Desk;
use crate::disk::Disk;
use crate::folder::DiskFolder;
use crate::identity;
use crate::network::Network;

/// The key of the one app.
pub const APP_KEY: &str = "demo";
const SERVER_FILE: &str = "server/beistand.sqlite3";

/// A server's settings without limits of how often something may be asked: they have tests of their own, and would only
/// slow others down.
pub fn without_rate_limits() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.limits.burst = 0;
    config.limits.writes_per_minute = 0;
    config.limits.registration_burst = 0;
    config.limits.registrations_per_minute = 0;
    config.limits.login_burst = 0;
    config.limits.logins_per_minute = 0;
    config
}

/// How a program ends against its will.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The process is killed; what it wrote stays.
    Killed,
    /// The power fails; what it had not synced may be gone.
    PowerLost,
}

/// One phone, one server, and what lies between.
pub struct World {
    /// The source of all chance.
    pub chance: Chance,
    /// The phone's clock; may be wrong.
    pub phone_clock: VirtualClock,
    server_clock: VirtualClock,
    /// The phone's disk.
    pub phone_disk: Disk,
    /// The server's disk.
    pub server_disk: Disk,
    /// What lies between.
    pub network: Network,
    server: Option<Server>,
    client: Option<Client>,
    backup: Option<Vec<u8>>,
    /// Where the server keeps files: a real folder, which outlives its crashes and is not part of a backup.
    server_files: TempDir,
}

impl World {
    /// A world with a running server and a phone that has not called yet. Needs a current-thread tokio runtime whose time
    /// is paused.
    pub async fn new(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let mut world = Self {
            phone_clock: VirtualClock::new(chance.clone()),
            server_clock: VirtualClock::new(chance.clone()),
            phone_disk: Disk::new(seed ^ 0x5eed),
            server_disk: Disk::new(seed ^ 0xd15c),
            network: Network::new(chance.clone(), APP_KEY),
            server: None,
            client: None,
            backup: None,
            server_files: tempfile::tempdir().expect("a temporary folder"),
            chance,
        };
        world.start_server().await;
        world.server().add_app("demo", APP_KEY).await.expect("the app is made");
        world.start_phone();
        world
    }

    /// The running server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("the server runs")
    }

    /// Whether the server runs.
    pub fn has_server(&self) -> bool {
        self.server.is_some()
    }

    /// The phone's client.
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("the phone runs")
    }

    /// An agent at the running server.
    pub async fn desk(&self) -> Desk {
        let router = self.network.router().expect("the server runs");
        Desk::sign_in(self.server(), router, APP_KEY, &self.chance).await
    }

    /// Gives the server the key of the shop's backend; once, it outlives restarts.
    pub async fn add_identity_key(&self) {
        identity::add_key(self.server(), APP_KEY).await;
    }

    /// The shop's backend, for an app whose users sign in.
    pub fn backend(&self) -> identity::Backend {
        identity::Backend::new(APP_KEY, self.server_clock.clone())
    }

    /// A token for a user, made now by the clock of the server and good for ten minutes.
    pub fn token(&self, subject: &str) -> String {
        identity::token(APP_KEY, subject, Clock::now(&self.server_clock), 600)
    }

    /// Starts the server on its disk.
    pub async fn start_server(&mut self) {
        let config = ServerConfig { files: Some(self.server_files.path().to_owned()), ..without_rate_limits() };
        let store = StoreOptions {
            path: SERVER_FILE.into(),
            vfs: Some(self.server_disk.vfs_name().to_owned()),
            execution: Execution::Inline,
        };
        let server = Server::open(config, store, Arc::new(self.server_clock.clone())).await.expect("the server starts");
        self.network.connect_server(Some(server.clone()));
        self.server = Some(server);
    }

    /// Ends the server in order.
    pub async fn stop_server(&mut self) {
        self.network.connect_server(None);
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// Ends the server against its will.
    pub fn break_server(&mut self, ending: Ending) {
        self.network.connect_server(None);
        end(&self.server_disk, ending);
        self.server = None;
    }

    /// Stops the server, copies its database, starts it again.
    pub async fn take_backup(&mut self) {
        self.stop_server().await;
        self.backup = self.server_disk.contents(SERVER_FILE);
        self.start_server().await;
    }

    /// Puts the last backup in the place of the server's database; `false` if none was taken.
    pub async fn restore_backup(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        self.stop_server().await;
        for file in self.server_disk.files() {
            self.server_disk.remove(&file).expect("an old file is removed");
        }
        self.server_disk.write_file(SERVER_FILE, &backup).expect("the backup is put back");
        self.server_disk.sync_file(SERVER_FILE).expect("the backup is synced");
        // The mark that `beistand-server backup` leaves in a copy.
        let copy = self.server_disk.open(SERVER_FILE).expect("the backup opens");
        copy.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('restored', '1')", []).expect("it is marked");
        drop(copy);
        self.start_server().await;
        true
    }

    /// Starts the phone's app.
    pub fn start_phone(&mut self) {
        let mut settings = Settings::new("http://127.0.0.1:1", APP_KEY, "phone").expect("settings");
        settings.locale = Some("de-DE".into());
        settings.faq_report = true;
        let storage = StorageOptions {
            execution: CoreExecution::Inline,
            vfs: Some(self.phone_disk.vfs_name().to_owned()),
            files: Some(DiskFolder::of_a_client(&self.phone_disk, "phone/attachments")),
        };
        let client = Client::builder(settings)
            .clock(Arc::new(self.phone_clock.clone()))
            .entropy(Arc::new(self.chance.clone()))
            .transport(Arc::new(self.network.clone()))
            .storage(storage)
            .build()
            .expect("the client is built");
        self.client = Some(client);
    }

    /// Ends the phone's app against its will, and starts it again.
    pub async fn break_phone(&mut self, ending: Ending) {
        self.client = None;
        // Tasks that were aborted are gone once everything else has had its turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
        end(&self.phone_disk, ending);
        self.start_phone();
    }
}

fn end(disk: &Disk, ending: Ending) {
    match ending {
        Ending::Killed => disk.kill(),
        Ending::PowerLost => {
            disk.crash();
            disk.reboot();
        }
    }
}
