//! The server as a value: opened, asked for its router, shut down.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use beistand_protocol::{
    AgentId, AppConfig, Code, Credential, Problem, Violation,
    agent::{Agent, Role},
    hex,
};
use tokio::sync::watch;

use crate::{
    api::{self, limits::RateLimits},
    bus::{Bus, in_process::InProcessBus},
    clock::{self, Clock},
    config::{ConfigError, ServerConfig, Version},
    desk::digest,
    faq::parcels::Parcels,
    files::{self, Files},
    identity::{self, KeyMaterial},
    listener::Proxies,
    metrics::Metrics,
    passwords::Passwords,
    push::{self, PushGateway, Pushes},
    realtime::{InProcessSocket, Peer, Sockets},
    store::{
        AppId, AppRow, Command, IdentityCommand, Outcome, Store, StoreError, StoreOptions,
        sqlite::{OpenError, SqliteStore},
    },
};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
}

/// An app with what it announces.
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) config: AppConfig,
    /// The body of `GET /v1/config`, made once.
    pub(crate) config_json: String,
    pub(crate) etag: String,
}

/// What every handler has at hand.
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) minimum_version: Option<Version>,
    pub(crate) proxies: Proxies,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) files: Files,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: RateLimits,
    pub(crate) passwords: Passwords,
    pub(crate) sockets: Sockets,
    pub(crate) push: Pushes,
    pub(crate) parcels: Parcels,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Sender<bool>,
    apps: RwLock<HashMap<String, Arc<App>>>,
}

impl Shared {
    /// The app of a key. Found ones are remembered: an app never loses its key. Others are looked up each time, since
    /// `app add` in another process may have made them a moment ago.
    pub(crate) async fn app(&self, key: &str) -> Result<Arc<App>, Problem> {
        if let Some(app) = self.apps.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(app.clone());
        }
        match self.store.app_by_key(key).await? {
            Some(row) => Ok(self.remember(row)),
            None => Err(Problem::new(Code::UnknownApp, "the app key names no app of this server")),
        }
    }

    /// The app of a number.
    pub(crate) async fn app_by_id(&self, id: AppId) -> Result<Arc<App>, Problem> {
        let known = self.apps.read().unwrap_or_else(PoisonError::into_inner).values().find(|app| app.id == id).cloned();
        if let Some(app) = known {
            return Ok(app);
        }
        let row = self.store.apps().await?.into_iter().find(|row| row.id == id);
        match row {
            Some(row) => Ok(self.remember(row)),
            None => Err(Problem::new(Code::UnknownApp, "the app is gone")),
        }
    }

    fn remember(&self, row: AppRow) -> Arc<App> {
        let config = self.config.app_config(&row.name);
        let config_json = serde_json::to_string(&config).unwrap_or_default();
        let etag = format!("\"{}\"", hex::encode(&digest::secret(config_json.as_bytes())[..12]));
        let app = Arc::new(App { id: row.id, key: row.key.clone(), name: row.name, config, config_json, etag });
        self.apps.write().unwrap_or_else(PoisonError::into_inner).insert(row.key, app.clone());
        app
    }
}

/// A running server without its listener.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

/// How long sockets may take to say goodbye, and uploads to keep what they have.
const GOODBYE: Duration = Duration::from_secs(2);

impl Server {
    /// Opens the store (migrating it, and minting its epoch if it is new or restored) and gets everything ready.
    pub async fn open(
        config: ServerConfig,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Server, StartError> {
        let gateway = push::configured(&config.push)?;
        Self::open_with_gateway(config, options, clock, gateway).await
    }

    /// The same with a push gateway of the caller's instead of the configured one.
    pub async fn open_with_gateway(
        config: ServerConfig,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        gateway: Option<Arc<dyn PushGateway>>,
    ) -> Result<Server, StartError> {
        config.validate()?;
        let (push, dispatcher) = Pushes::new(gateway);
        let metrics = Arc::new(Metrics::new(clock.now().0 as f64 / 1000.0));
        let bus: Arc<dyn Bus> = Arc::new(InProcessBus::default());
        let max_bytes = config.max_megabytes.saturating_mul(1024 * 1024);
        let store = SqliteStore::open(&options, max_bytes, &*clock, bus.clone(), metrics.clone(), true)?;
        let store: Arc<dyn Store> = Arc::new(store);
        let files = Files::new(&config, &options);
        let (stopping, _) = watch::channel(false);
        let shared = Shared {
            minimum_version: config.minimum_version.as_deref().and_then(|version| version.parse().ok()),
            proxies: config.proxies()?,
            limits: RateLimits::new(&config.limits, &config.push, clock.clone()),
            passwords: Passwords::default(),
            sockets: Sockets::new(metrics.clone()),
            push,
            parcels: Parcels::default(),
            apps: RwLock::default(),
            config,
            store,
            files,
            bus,
            clock,
            metrics,
            stopping,
        };
        let shared = Arc::new(shared);
        dispatcher.start(&shared);
        files::sweep::start(&shared);
        files::scan::start(&shared);
        Ok(Server { shared })
    }

    /// The whole HTTP API. The client's address is taken from `ConnectInfo<SocketAddr>` if the listener gives it.
    pub fn router(&self) -> axum::Router {
        api::router(self.shared.clone())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The store, for tests that ask what is stored.
    pub fn store(&self) -> Arc<dyn Store> {
        self.shared.store.clone()
    }

    /// The server's time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.shared.clock.clone()
    }

    /// Makes an app.
    pub async fn add_app(&self, name: &str, key: &str) -> Result<AppRow, StoreError> {
        add_app(&*self.shared.store, &*self.shared.clock, name, key).await
    }

    /// Makes an agent of the app with this key.
    pub async fn add_agent(&self, app_key: &str, name: &str, password: &str, role: Role) -> Result<Agent, Problem> {
        let app = self.shared.store.app_by_key(app_key).await?;
        let app = app.ok_or_else(|| Problem::new(Code::UnknownApp, "the app key names no app of this server"))?;
        let password_hash = self.shared.passwords.hash(password, &*self.shared.clock).await?;
        Ok(add_agent(&*self.shared.store, &*self.shared.clock, app.id, name, password_hash, role).await?)
    }

    /// Adds a key that tokens of the app with this key of its own are held against.
    pub async fn add_identity_key(&self, app_key: &str, kid: &str, material: KeyMaterial) -> Result<(), Problem> {
        let app = self.shared.store.app_by_key(app_key).await?;
        let app = app.ok_or_else(|| Problem::new(Code::UnknownApp, "the app key names no app of this server"))?;
        Ok(add_identity_key(&*self.shared.store, &*self.shared.clock, app.id, kid, material).await?)
    }

    /// What a device's socket would get, without a socket: the credential is checked, then frames come and go.
    pub async fn connect_in_process(&self, app_key: &str, credential: &str) -> Result<InProcessSocket, Problem> {
        let app = self.shared.app(app_key).await?;
        let credential = Credential::from_token(credential)
            .ok_or_else(|| Problem::new(Code::Unauthorized, "the credential is malformed"))?;
        let device = api::extract::check_device(&self.shared, &app, &credential).await?;
        let peer = Peer::Person { app: app.id, person: device.person, device: credential.device };
        InProcessSocket::open(self.shared.clone(), peer).await
    }

    /// The same for the agent of a name, without a session.
    pub async fn connect_agent_in_process(&self, app_key: &str, name: &str) -> Result<InProcessSocket, Problem> {
        let app = self.shared.app(app_key).await?;
        let Some(row) = self.shared.store.agent_by_name(app.id, name).await? else {
            return Err(Problem::new(Code::UnknownAgent, "there is no such agent"));
        };
        InProcessSocket::open(self.shared.clone(), Peer::agent(app.id, &row.agent)).await
    }

    /// Whether the server has begun to stop.
    pub fn is_stopping(&self) -> bool {
        *self.shared.stopping.borrow()
    }

    /// Waits until the server has begun to stop.
    pub async fn stopped(&self) {
        let _ = self.shared.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Begins to stop: new requests get 503, sockets are closed with 1001. Returns at once.
    pub fn begin_shutdown(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// Stops: sockets are closed with 1001, what was accepted is written, the database is closed.
    pub async fn shutdown(&self) {
        self.begin_shutdown();
        self.shared.sockets.all_gone(GOODBYE).await;
        self.shared.files.all_done(GOODBYE).await;
        self.shared.store.close().await;
    }
}

/// Makes an app; for the server and for the binary's own commands, which work on the store alone.
pub(crate) async fn add_app(store: &dyn Store, clock: &dyn Clock, name: &str, key: &str) -> Result<AppRow, StoreError> {
    let command = Command::AddApp { name: name.to_owned(), key: key.to_owned(), at: clock.now() };
    match store.apply(command).await?.outcome {
        Outcome::App(app) => Ok(app),
        _ => Err(StoreError::Failed("the store answered something else".into())),
    }
}

/// Adds a key that tokens are held against.
pub(crate) async fn add_identity_key(
    store: &dyn Store,
    clock: &dyn Clock,
    app: AppId,
    kid: &str,
    material: KeyMaterial,
) -> Result<(), StoreError> {
    identity::check_kid(kid)
        .map_err(|fault| StoreError::Refused(Violation::new(Code::BadParameter, "--kid", fault.to_string())))?;
    let command = IdentityCommand::AddKey { app, kid: kid.to_owned(), material, at: clock.now() };
    store.apply(Command::Identity(command)).await.map(drop)
}

/// Makes an agent.
pub(crate) async fn add_agent(
    store: &dyn Store,
    clock: &dyn Clock,
    app: AppId,
    name: &str,
    password_hash: String,
    role: Role,
) -> Result<Agent, StoreError> {
    let at = clock.now();
    let agent = Agent { id: AgentId::mint(at, clock::random(clock)), name: name.to_owned(), role };
    store.apply(Command::AddAgent { app, agent: agent.clone(), password_hash, at }).await?;
    Ok(agent)
}
