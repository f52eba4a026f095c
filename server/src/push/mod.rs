//! Waking phones. When a message waits that a person may see, and none of that person's sockets is open, each of their
//! devices with a token gets a push: that something waits, never what. Who is pushed when is decided in `plan`, which is
//! pure; a gateway delivers.
//!
//! Nothing of this survives a restart, and nothing has to: a push that is lost costs no message, the next one or the
//! next look at the app brings everything.

mod plan;
mod recording;
mod webhook;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use beistand_protocol::{ConversationId, DeviceId, PersonId, PushToken};
use serde::Deserialize;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};

pub use recording::RecordingGateway;
pub use webhook::WebhookGateway;

use self::plan::Plan;
use crate::{
    config::ConfigError,
    server::Shared,
    store::{AppId, BoxFuture, Command, command::PushCommand},
};

/// `[push]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushConfig {
    /// Where pushes are handed over; without it there are none.
    pub webhook: Option<String>,
    /// A file with the secret that goes along as `Authorization: Bearer …`; the environment variable
    /// `BEISTAND_SERVER_PUSH_BEARER` goes before it.
    pub bearer_file: Option<std::path::PathBuf>,
    /// Pushes of a device at once. There is one for each conversation until the person has looked: more than six
    /// conversations that move at the same time are a mistake of somebody's.
    pub burst: u32,
    /// Pushes of a device a minute after that; who is woken more often turns notifications off. 0 for no limit.
    pub per_minute: u32,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self { webhook: None, bearer_file: None, burst: 6, per_minute: 2 }
    }
}

/// One push. It holds nothing that a person or an agent wrote, and no name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// The app's name at this server.
    pub app: String,
    /// Whose device.
    pub device: DeviceId,
    /// Where to wake it.
    pub token: PushToken,
    /// A later push with the same key takes the place of an earlier one.
    pub collapse_key: String,
    /// Messages that the person has not read.
    pub badge: u32,
}

/// Why a push was not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushError {
    /// The token is no longer good: it is forgotten.
    TokenGone,
    /// Another try may work.
    Later,
    /// It will never be taken.
    Refused,
}

/// Hands pushes over to whoever delivers them.
pub trait PushGateway: Send + Sync {
    /// Delivers one. May be called for several at once.
    fn push<'a>(&'a self, push: &'a Push) -> BoxFuture<'a, Result<(), PushError>>;
}

/// The gateway of the settings.
pub(crate) fn configured(config: &PushConfig) -> Result<Option<Arc<dyn PushGateway>>, ConfigError> {
    Ok(match &config.webhook {
        Some(url) => Some(Arc::new(WebhookGateway::new(url, webhook::bearer(config)?)?)),
        None => None,
    })
}

/// What the dispatcher is told.
enum Told {
    /// A message of an agent was stored, and its number.
    Stored(AppId, ConversationId, u64),
    /// The last socket of a person closed while this waited.
    Left(AppId, PersonId, Vec<ConversationId>),
}

/// What may wait for the dispatcher: more comes in only while the store is slower than the agents.
const WAITING: usize = 4096;

/// Pushes on their way at once: the gateway is asked no faster than it answers.
const AT_ONCE: usize = 16;

/// One try. A gateway that takes longer is stuck.
const TRY: Duration = Duration::from_secs(10);

/// The pauses before further tries: a hiccup, a restart, an outage. Later the person has looked by themselves.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// The push service; does nothing without a gateway.
pub(crate) struct Pushes {
    gateway: Option<Arc<dyn PushGateway>>,
    plan: Mutex<Plan>,
    /// Messages stored since the start.
    stored: AtomicU64,
    told: mpsc::Sender<Told>,
}

/// An open socket of a person.
pub(crate) struct Present {
    shared: Weak<Shared>,
    app: AppId,
    person: PersonId,
}

impl Drop for Present {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let left = shared.push.plan().socket_closed((self.app, self.person));
        if !left.is_empty() {
            // A full queue drops it, as it drops any push.
            let _ = shared.push.told.try_send(Told::Left(self.app, self.person, left));
        }
    }
}

/// What the service is started with.
pub(crate) struct Dispatcher(mpsc::Receiver<Told>);

impl Pushes {
    pub(crate) fn new(gateway: Option<Arc<dyn PushGateway>>) -> (Self, Dispatcher) {
        let (told, receiver) = mpsc::channel(WAITING);
        (Self { gateway, plan: Mutex::default(), stored: AtomicU64::new(0), told }, Dispatcher(receiver))
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent's message that the person may see was stored.
    pub(crate) fn stored(&self, app: AppId, conversation: ConversationId) {
        if self.gateway.is_some() {
            let number = self.stored.fetch_add(1, Ordering::SeqCst) + 1;
            let _ = self.told.try_send(Told::Stored(app, conversation, number));
        }
    }

    /// The number of the newest message: what is read from now on holds it.
    pub(crate) fn newest(&self) -> u64 {
        self.stored.load(Ordering::SeqCst)
    }

    /// The person has seen what there was when `newest` was asked.
    pub(crate) fn synced(&self, app: AppId, person: PersonId, newest: u64) {
        if self.gateway.is_some() {
            self.plan().synced((app, person), newest);
        }
    }

    /// A socket of the person opens; it is open as long as what is returned.
    pub(crate) fn present(shared: &Arc<Shared>, app: AppId, person: PersonId) -> Option<Present> {
        shared.push.gateway.as_ref()?;
        shared.push.plan().socket_opened((app, person));
        Some(Present { shared: Arc::downgrade(shared), app, person })
    }
}

impl Dispatcher {
    /// Starts it; it ends with the server.
    pub(crate) fn start(self, shared: &Arc<Shared>) {
        if let Some(gateway) = shared.push.gateway.clone() {
            tokio::spawn(run(Arc::downgrade(shared), gateway, self.0));
        }
    }
}

async fn run(server: Weak<Shared>, gateway: Arc<dyn PushGateway>, mut told: mpsc::Receiver<Told>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(told) = told.recv().await {
        let Some(shared) = server.upgrade() else { return };
        let due = match told {
            Told::Stored(app, conversation, number) => match shared.store.owner(app, conversation).await {
                Ok(Some(person)) if shared.push.plan().stored((app, person), conversation, number) => {
                    Some((app, person, vec![conversation]))
                }
                _ => None,
            },
            Told::Left(app, person, conversations) => Some((app, person, conversations)),
        };
        let Some((app, person, conversations)) = due else { continue };
        for conversation in conversations {
            for push in pushes(&shared, app, person, conversation).await {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let (server, gateway) = (server.clone(), gateway.clone());
                tokio::spawn(async move {
                    let _place = place;
                    deliver(server, gateway, app, person, conversation, push).await;
                });
            }
        }
    }
}

/// A push for each device of the person that may have one now.
async fn pushes(shared: &Shared, app: AppId, person: PersonId, conversation: ConversationId) -> Vec<Push> {
    let (Ok(named), Ok(targets)) = (shared.app_by_id(app).await, shared.store.push_targets(app, person).await) else {
        shared.push.plan().not_pushed((app, person), conversation);
        return Vec::new();
    };
    let mut pushes = Vec::new();
    for (device, token) in targets.devices {
        if shared.limits.push(app, device) {
            let collapse_key = conversation.to_string();
            pushes.push(Push { app: named.name.clone(), device, token, collapse_key, badge: targets.badge });
        } else {
            shared.metrics.pushed("limited");
        }
    }
    if pushes.is_empty() {
        // The next message may find a device, or a new minute.
        shared.push.plan().not_pushed((app, person), conversation);
    }
    pushes
}

async fn deliver(
    server: Weak<Shared>,
    gateway: Arc<dyn PushGateway>,
    app: AppId,
    person: PersonId,
    conversation: ConversationId,
    push: Push,
) {
    let mut pauses = AGAIN.into_iter();
    let outcome = loop {
        let tried = timeout(TRY, gateway.push(&push)).await.unwrap_or(Err(PushError::Later));
        match tried {
            Ok(()) => break "sent",
            Err(PushError::TokenGone) => break "gone",
            Err(PushError::Refused) => break "refused",
            Err(PushError::Later) => {}
        }
        let Some(pause) = pauses.next() else { break "given_up" };
        sleep(pause).await;
        let Some(shared) = server.upgrade() else { return };
        if !shared.push.plan().is_waiting((app, person), conversation) {
            break "late";
        }
    };
    let Some(shared) = server.upgrade() else { return };
    shared.metrics.pushed(outcome);
    match outcome {
        "gone" => {
            let forget = PushCommand::Forget { app, device: push.device, token: push.token };
            // If the disk is full the token stays, and the next push finds out again.
            let _ = shared.store.apply(Command::Push(forget)).await;
        }
        "refused" | "given_up" => {
            tracing::warn!(outcome, service = push.token.service, "a push was not delivered");
            shared.push.plan().not_pushed((app, person), conversation);
        }
        _ => {}
    }
}
