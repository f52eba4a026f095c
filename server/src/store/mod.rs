//! The storage trait. A write is a [`Command`]: plain data, one transaction, answered by an [`Applied`] after COMMIT.
//! Reads are methods of their own. Neither SQL nor closures cross this line, so that another database (PostgreSQL, with
//! its own way of batching and of taking row locks) fits behind it; `contract` is the suite that each one must pass.

pub mod attachment;
pub mod command;
#[cfg(test)]
mod contract;
pub mod faq;
pub mod faq_feedback;
pub mod identity;
pub mod sqlite;

use std::{future::Future, path::PathBuf, pin::Pin};

use beistand_protocol::{
    AgentId, AttachmentId, Code, Conversation, ConversationId, DeviceId, Epoch, Message, MessagePage, PersonId,
    Problem, PushToken, Status, SyncPage, UnixMillis, Violation,
    agent::{Agent, AgentList, ApiKeyList, ConversationPage, Role},
    faq::{Bundle, Delta, FaqCounts, FaqIndex, Locale},
};

pub use attachment::{Announced, AttachmentCommand, AttachmentRow, Stage, Uploader, Waiting};
pub use command::{Applied, Command, Operation, Outcome};
pub use faq::{FaqCommand, FaqDrafts, FaqImage};
pub use faq_feedback::{FaqFeedbackCommand, FaqFeedbackWrite};
pub use identity::{ACTIVE_KEYS, IdentityCommand, IdentityKey};

use crate::identity::KeyMaterial;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The result of a query.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// An app's number inside one store; its key is what the outside knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AppId(pub i64);

/// A stream of changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stream {
    /// What one person may see.
    Person(PersonId),
    /// What the agents of the app see.
    Agents,
}

/// Says that a stream has a newer change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Hint {
    /// Whose app.
    pub app: AppId,
    /// Which stream.
    pub stream: Stream,
    /// Its newest change.
    pub seq: u64,
}

/// Says that sockets are to close: those of a person who has become an alias, or those of a device that has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Farewell {
    /// Whose app.
    pub app: AppId,
    /// Whose sockets.
    pub person: PersonId,
    /// Only this device's.
    pub device: Option<DeviceId>,
}

/// An app as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppRow {
    /// Its number.
    pub id: AppId,
    /// Its name, unique; the configuration file uses it.
    pub name: String,
    /// Its key, unique.
    pub key: String,
}

/// A device as stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceRow {
    /// Whose it is.
    pub person: PersonId,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// When it was first registered.
    pub created_at: UnixMillis,
    /// Whether it has left: its secret is known, and good no longer.
    pub signed_off: bool,
}

/// Where a person can be woken, and what for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushTargets {
    /// The person's devices that have a token.
    pub devices: Vec<(DeviceId, PushToken)>,
    /// Messages of others that the person has not read.
    pub badge: u32,
}

/// An agent with what is needed to check a password.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Who.
    pub agent: Agent,
    /// The argon2id hash in PHC form.
    pub password_hash: String,
}

/// Who a session or an API key speaks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authenticated {
    /// In which app.
    pub app: AppId,
    /// Who; an API key speaks for the admin that made it, with the role of an agent.
    pub agent: Agent,
    /// When the session ends; an API key has no end.
    pub expires_at: Option<UnixMillis>,
}

/// Who asks for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// A person: own conversations, nothing withdrawn, no notes.
    Person(PersonId),
    /// An agent of the app: everything.
    Agent,
}

/// Where a list of conversations for agents goes on.
#[derive(Clone, Debug)]
pub struct ConversationQuery {
    /// Only those with this status.
    pub status: Option<Status>,
    /// Strictly after this one, newest change first.
    pub after: Option<(UnixMillis, ConversationId)>,
    /// At most so many.
    pub limit: u32,
}

/// Where a sync goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncQuery {
    /// The cursor as the asker sent it; `None` begins a snapshot.
    pub cursor: Option<String>,
    /// The most changes in the page.
    pub limit: u32,
    /// The device whose lanes the first page of a snapshot lists.
    pub device: Option<DeviceId>,
}

/// Counts of what is stored, for tests and operators. Holds no user data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Persons.
    pub persons: u64,
    /// Devices.
    pub devices: u64,
    /// Conversations, withdrawn ones too.
    pub conversations: u64,
    /// Messages, notes and retracted ones too.
    pub messages: u64,
    /// Operations.
    pub operations: u64,
    /// Files of messages and uploads, gone ones too.
    pub attachments: u64,
}

/// Why a command had no effect, or a query no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules say no.
    #[error("refused: {0}")]
    Refused(Violation),
    /// The disk is full or cannot be written: nothing was stored, another try may work.
    #[error("the disk does not take writes: {0}")]
    Full(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// A refusal without a member of the body at fault.
    pub fn refused(code: Code, detail: &'static str) -> Self {
        Self::Refused(Violation::new(code, "", detail))
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(violation) => Some(violation.code),
            _ => None,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(violation) if violation.field.is_empty() => {
                Problem::new(violation.code, violation.detail)
            }
            StoreError::Refused(violation) => violation.into(),
            StoreError::Full(_) | StoreError::Closed => {
                let mut problem = Problem::new(Code::Unavailable, "the server cannot store anything now");
                problem.retry_after = Some(5);
                problem
            }
            StoreError::Failed(_) => Problem::new(Code::Internal, "the store failed"),
        }
    }
}

/// How commands and queries are carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Execution {
    /// A writer thread of its own, which takes what has queued up into one transaction, and a few reader connections.
    #[default]
    Thread,
    /// At once, on the caller's thread, one connection: deterministic, for seeded simulations.
    Inline,
}

/// Where and how to store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database file; made if missing.
    pub path: PathBuf,
    /// The name of a registered SQLite VFS, for simulated disks. With one there is no lock file, and the connection
    /// holds the database exclusively, since such a disk need not know shared memory.
    pub vfs: Option<String>,
    /// Threads or not.
    pub execution: Execution,
}

/// The store.
pub trait Store: Send + Sync {
    /// Carries out a command in a transaction of its own (or a savepoint of a batch) and answers after COMMIT.
    fn apply(&self, command: Command) -> Answer<'_, Applied>;

    /// The app of a key.
    fn app_by_key<'a>(&'a self, key: &'a str) -> Answer<'a, Option<AppRow>>;
    /// The app of a name.
    fn app_by_name<'a>(&'a self, name: &'a str) -> Answer<'a, Option<AppRow>>;
    /// All apps.
    fn apps(&self) -> Answer<'_, Vec<AppRow>>;
    /// A device.
    fn device(&self, app: AppId, device: DeviceId) -> Answer<'_, Option<DeviceRow>>;
    /// Where a person can be woken.
    fn push_targets(&self, app: AppId, person: PersonId) -> Answer<'_, PushTargets>;
    /// An agent by the name that signs in.
    fn agent_by_name<'a>(&'a self, app: AppId, name: &'a str) -> Answer<'a, Option<AgentRow>>;
    /// All agents of an app.
    fn agents(&self, app: AppId) -> Answer<'_, AgentList>;
    /// Who a session token speaks for, by SHA-256 of the token.
    fn session(&self, token_hash: [u8; 32], now: UnixMillis) -> Answer<'_, Option<Authenticated>>;
    /// Who an API key speaks for, by SHA-256 of the key.
    fn api_key(&self, key_hash: [u8; 32]) -> Answer<'_, Option<Authenticated>>;
    /// The API keys of an app.
    fn api_keys(&self, app: AppId) -> Answer<'_, ApiKeyList>;

    /// What tokens of a key's name are held against; `None` for a revoked key too.
    fn identity_key<'a>(&'a self, app: AppId, kid: &'a str) -> Answer<'a, Option<KeyMaterial>>;
    /// The keys of an app, revoked ones too, oldest first.
    fn identity_keys(&self, app: AppId) -> Answer<'_, Vec<IdentityKey>>;

    /// One conversation.
    fn conversation(&self, app: AppId, reader: Reader, id: ConversationId) -> Answer<'_, Option<Conversation>>;
    /// Whose conversation it is, withdrawn or not.
    fn owner(&self, app: AppId, id: ConversationId) -> Answer<'_, Option<PersonId>>;
    /// A page of history; `None` if there is no such conversation for the reader.
    fn history(
        &self,
        app: AppId,
        reader: Reader,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'_, Option<MessagePage>>;
    /// A page of an agent's list.
    fn conversations(&self, app: AppId, query: ConversationQuery) -> Answer<'_, ConversationPage>;
    /// A page of a stream.
    fn sync(&self, app: AppId, stream: Stream, query: SyncQuery) -> Answer<'_, SyncPage>;
    /// The newest change of a stream, and its history.
    fn newest(&self, app: AppId, stream: Stream) -> Answer<'_, (u64, Epoch)>;

    /// A file, whoever may see it.
    fn attachment(&self, app: AppId, id: AttachmentId) -> Answer<'_, Option<AttachmentRow>>;
    /// A file, if the reader may see it: its own, and what stands in a message that it may see.
    fn readable_attachment(&self, app: AppId, reader: Reader, id: AttachmentId) -> Answer<'_, Option<AttachmentRow>>;
    /// Whether a file has waited too long.
    fn has_expired(&self, at: UnixMillis) -> Answer<'_, bool>;
    /// Whether any row has the file with this SHA-256.
    fn is_kept(&self, sha256: [u8; 32]) -> Answer<'_, bool>;
    /// Files that no row has any more, by SHA-256; at most so many.
    fn loose_files(&self, limit: u32) -> Answer<'_, Vec<[u8; 32]>>;
    /// Files to scan, oldest first, by SHA-256.
    fn files_to_scan(&self, limit: u32) -> Answer<'_, Vec<[u8; 32]>>;

    /// What an app has published, languages whose articles are all gone too.
    fn faq_index(&self, app: AppId) -> Answer<'_, FaqIndex>;
    /// The publication of a language, whole; `None` if there is none.
    fn faq_bundle(&self, app: AppId, locale: Locale) -> Answer<'_, Option<(u64, Bundle)>>;
    /// The publication of a language and what it changed since an earlier one; `None` if that one is not known.
    fn faq_delta(&self, app: AppId, locale: Locale, since: u64) -> Answer<'_, Option<(u64, Delta)>>;
    /// Whether a number is that of a publication of the language.
    fn faq_knows(&self, app: AppId, locale: Locale, version: u64) -> Answer<'_, bool>;
    /// A picture of the FAQ.
    fn faq_image(&self, app: AppId, sha256: [u8; 32]) -> Answer<'_, Option<FaqImage>>;
    /// The seed of the key that signs publications, if there is one yet.
    fn faq_signing_seed(&self, app: AppId) -> Answer<'_, Option<[u8; 32]>>;
    /// What editors work on.
    fn faq_drafts(&self, app: AppId) -> Answer<'_, FaqDrafts>;
    /// What readers of the FAQ have said and what was counted; at most so many articles and searches.
    fn faq_counts(&self, app: AppId, limit: u32) -> Answer<'_, FaqCounts>;

    /// All messages of a conversation, notes included; for tests and exports.
    fn all_messages(&self, app: AppId, id: ConversationId) -> Answer<'_, Vec<Message>>;
    /// How much is stored.
    fn census(&self) -> Answer<'_, Census>;
    /// Answers if the store can read.
    fn ping(&self) -> Answer<'_, ()>;

    /// Ends: what was accepted is written, the file is closed; later calls answer [`StoreError::Closed`].
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The role of an agent in words, as stored and as typed on a command line.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Agent => "agent",
        Role::Admin => "admin",
    }
}

/// An agent that a command is carried out for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActingAgent {
    /// Who.
    pub id: AgentId,
    /// The name that persons see.
    pub name: String,
}
