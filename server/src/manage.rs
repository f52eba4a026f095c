//! What an operator does to a database without the server: make apps and agents, manage keys. Works beside a running server; SQLite
//! makes the two writers wait for each other.

use std::sync::Arc;

use beistand_protocol::{Code, Violation, agent::Role, hex, text};

use crate::{
    bus::in_process::InProcessBus,
    clock::{self, Clock},
    config::ServerConfig,
    identity::KeyMaterial,
    metrics::Metrics,
    passwords,
    server::{self, StartError},
    store::{
        AppRow, Command, Execution, IdentityCommand, IdentityKey, Store, StoreError, StoreOptions, sqlite::SqliteStore,
    },
};

/// A database opened for an operator's commands.
pub struct Management {
    store: SqliteStore,
    clock: Arc<dyn Clock>,
}

impl Management {
    /// Opens (and makes, if missing) the database of a configuration, without the lock that a server holds.
    pub fn open(config: &ServerConfig, clock: impl Clock + 'static) -> Result<Self, StartError> {
        let options = StoreOptions { path: config.database(), vfs: None, execution: Execution::Inline };
        let bus = Arc::new(InProcessBus::default());
        let store = SqliteStore::open(&options, 0, &clock, bus, Arc::new(Metrics::default()), false)?;
        Ok(Self { store, clock: Arc::new(clock) })
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &self.store
    }

    /// The time and chance that go with it.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The app with this key, or the only app.
    pub async fn app(&self, key: Option<&str>) -> Result<AppRow, StoreError> {
        if let Some(key) = key {
            let app = self.store.app_by_key(key).await?;
            return app.ok_or_else(|| refused("--app", "there is no app with this key"));
        }
        match <[AppRow; 1]>::try_from(self.store.apps().await?) {
            Ok([only]) => Ok(only),
            Err(apps) if apps.is_empty() => Err(refused("--app", "there is no app yet: make one first")),
            Err(_) => Err(refused("--app", "there are several apps: name one by its key")),
        }
    }

    /// A random key or password: 128 bits in hexadecimal.
    pub fn random_key(&self) -> String {
        hex::encode(&clock::random::<16>(&*self.clock))
    }

    /// Makes an app.
    pub async fn add_app(&self, name: &str, key: &str) -> Result<AppRow, StoreError> {
        check_name(name, "NAME")?;
        check_name(key, "--key")?;
        server::add_app(&self.store, &*self.clock, name, key).await
    }

    /// Makes an agent of the app with this key, or of the only app.
    pub async fn add_agent(
        &self,
        app_key: Option<&str>,
        name: &str,
        password: &str,
        role: Role,
    ) -> Result<(), StoreError> {
        text::check(name, 100, "NAME").map_err(StoreError::Refused)?;
        let app = self.app(app_key).await?;
        let hash = passwords::hash(password, clock::random(&*self.clock)).map_err(StoreError::Failed)?;
        server::add_agent(&self.store, &*self.clock, app.id, name, hash, role).await?;
        Ok(())
    }

    /// Adds a key that tokens are held against.
    pub async fn add_identity_key(
        &self,
        app_key: Option<&str>,
        kid: &str,
        material: KeyMaterial,
    ) -> Result<(), StoreError> {
        let app = self.app(app_key).await?;
        server::add_identity_key(&self.store, &*self.clock, app.id, kid, material).await
    }

    /// Revokes a key.
    pub async fn revoke_identity_key(&self, app_key: Option<&str>, kid: &str) -> Result<(), StoreError> {
        let app = self.app(app_key).await?.id;
        let command = IdentityCommand::RevokeKey { app, kid: kid.to_owned(), at: self.clock.now() };
        self.store.apply(Command::Identity(command)).await.map(drop)
    }

    /// The keys of an app, revoked ones too, oldest first.
    pub async fn identity_keys(&self, app_key: Option<&str>) -> Result<Vec<IdentityKey>, StoreError> {
        self.store.identity_keys(self.app(app_key).await?.id).await
    }
}

fn refused(field: &str, detail: &str) -> StoreError {
    StoreError::Refused(Violation::new(Code::BadParameter, field, format!("{field}: {detail}")))
}

fn check_name(name: &str, field: &str) -> Result<(), StoreError> {
    let good = (1..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(()) } else { Err(refused(field, "1 to 100 visible ASCII characters without spaces are allowed")) }
}
