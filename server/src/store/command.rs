//! Writes as data. Each variant holds everything that its transaction needs, the time included, so that the same
//! commands on an empty store give the same store.

use beistand_protocol::{
    AgentId, Conversation, ConversationId, Device, DeviceId, EditMessage, Epoch, Identity, Lane, Message, MessageId,
    OpenConversation, Opened, OperationId, PersonId, PushToken, ReadMarks, Receipts, Retraction, SendMessage, Status,
    UnixMillis, Violation, Withdrawn,
    agent::{Agent, AgentMessage, ApiKey, Role},
    faq::Locale,
};

use super::{
    ActingAgent, AppId, AppRow, AttachmentCommand, AttachmentRow, FaqFeedbackCommand, IdentityCommand,
    faq::{FaqCommand, FaqPublication, LocaleChanges},
};
use crate::desk::digest::Digest;

/// A write.
#[derive(Clone, Debug)]
pub enum Command {
    /// A push token.
    Push(PushCommand),
    /// A new app. Refused if the name or the key is taken.
    AddApp {
        /// Its name.
        name: String,
        /// Its key.
        key: String,
        /// When.
        at: UnixMillis,
    },
    /// A new agent. Refused if the name is taken.
    AddAgent {
        /// Where.
        app: AppId,
        /// Who.
        agent: Agent,
        /// The argon2id hash in PHC form.
        password_hash: String,
        /// When.
        at: UnixMillis,
    },
    /// A device registers, for the first time or again.
    RegisterDevice(RegisterDevice),
    /// A person writes.
    Person(Box<PersonCommand>),
    /// A person says something about the FAQ, or their app tells what it counted there.
    FaqFeedback(Box<FaqFeedbackCommand>),
    /// An agent writes.
    Agent(Box<AgentCommand>),
    /// A session begins; sessions that have ended are swept.
    BeginSession {
        /// Where.
        app: AppId,
        /// Whose.
        agent: AgentId,
        /// SHA-256 of the token.
        token_hash: [u8; 32],
        /// When it ends by itself.
        expires_at: UnixMillis,
        /// When.
        at: UnixMillis,
    },
    /// A session ends.
    EndSession {
        /// SHA-256 of the token.
        token_hash: [u8; 32],
    },
    /// A new API key.
    AddApiKey {
        /// Where.
        app: AppId,
        /// The admin that makes it.
        agent: AgentId,
        /// Its entry.
        entry: ApiKey,
        /// SHA-256 of the key.
        key_hash: [u8; 32],
    },
    /// An API key ends. Refused if there is none.
    RemoveApiKey {
        /// Where.
        app: AppId,
        /// Which.
        id: String,
    },
    /// A write that concerns files.
    Attachment(AttachmentCommand),
    /// A write that concerns the FAQ.
    Faq(FaqCommand),
    /// A write that concerns who persons are.
    Identity(IdentityCommand),
}

/// A push token.
#[derive(Clone, Debug)]
pub enum PushCommand {
    /// A device says where to wake it; another device with the same token loses it.
    Set {
        /// Where.
        app: AppId,
        /// Which device.
        device: DeviceId,
        /// Its token.
        token: PushToken,
        /// When.
        at: UnixMillis,
    },
    /// A device is not to be woken any more.
    Remove {
        /// Where.
        app: AppId,
        /// Which device.
        device: DeviceId,
    },
    /// The token is no longer good; a newer one of the device stays.
    Forget {
        /// Where.
        app: AppId,
        /// Which device.
        device: DeviceId,
        /// The token that is not good.
        token: PushToken,
    },
}

/// A device registers.
#[derive(Clone, Debug)]
pub struct RegisterDevice {
    /// Where.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// The person to mint if the device is new.
    pub person: PersonId,
    /// The person's name, if one is known.
    pub name: Option<String>,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// Its platform.
    pub platform: Option<String>,
    /// Its person's language.
    pub locale: Option<String>,
    /// When.
    pub at: UnixMillis,
}

/// The operation that a person's write carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operation {
    /// Which one.
    pub id: OperationId,
    /// Which device.
    pub device: DeviceId,
    /// Its lane.
    pub lane: Lane,
    /// Its place in the lane.
    pub lane_seq: u64,
}

/// A person writes.
#[derive(Clone, Debug)]
pub struct PersonCommand {
    /// Where.
    pub app: AppId,
    /// Who.
    pub person: PersonId,
    /// Which operation.
    pub operation: Operation,
    /// The history that the phone believes in.
    pub epoch: Option<Epoch>,
    /// The digest of the request's named fields.
    pub digest: Digest,
    /// What checking the body has found. Carried along instead of answered at once, because a replay of a write that
    /// was accepted yesterday stays accepted when the rules have changed since.
    pub check: Result<(), Violation>,
    /// When.
    pub at: UnixMillis,
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub write: PersonWrite,
}

/// What a person may write.
#[derive(Clone, Debug)]
pub enum PersonWrite {
    /// Opens the conversation.
    Open(OpenConversation),
    /// Takes the conversation back.
    Withdraw,
    /// Sends a message.
    Send(MessageId, SendMessage),
    /// Edits a message.
    Edit(MessageId, EditMessage),
    /// Takes a message back.
    Retract(MessageId),
    /// Sets the status.
    SetStatus(Status),
    /// Moves the read marks.
    Read(ReadMarks),
}

/// An agent writes.
#[derive(Clone, Debug)]
pub struct AgentCommand {
    /// Where.
    pub app: AppId,
    /// Who.
    pub agent: ActingAgent,
    /// When.
    pub at: UnixMillis,
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub write: AgentWrite,
}

/// What an agent may write.
#[derive(Clone, Debug)]
pub enum AgentWrite {
    /// Answers, or writes a note.
    Send {
        /// Which message.
        id: MessageId,
        /// What it says.
        body: AgentMessage,
        /// The digest of the named fields.
        digest: Digest,
        /// What checking the body has found.
        check: Result<(), Violation>,
    },
    /// Gives the conversation to an agent, or back.
    Assign(Option<AgentId>),
    /// Sets the status.
    SetStatus(Status),
    /// Moves the agents' read marks.
    Read(ReadMarks),
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Whether something came into being (201) or was there before (200).
    pub created: bool,
    /// What to answer.
    pub outcome: Outcome,
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An app.
    App(AppRow),
    /// An agent.
    Agent(Agent),
    /// A device.
    Device(Device),
    /// Whom a device speaks for.
    Identity(Identity),
    /// A conversation with its first message.
    Opened(Box<Opened>),
    /// A conversation that was taken back.
    Withdrawn(Withdrawn),
    /// A message.
    Message(Box<Message>),
    /// A message that was taken back.
    Retraction(Box<Retraction>),
    /// A conversation.
    Conversation(Box<Conversation>),
    /// Read marks.
    Receipts(Receipts),
    /// A file.
    Attachment(Box<AttachmentRow>),
    /// What an import has changed, by language.
    FaqChanges(Vec<(Locale, LocaleChanges)>),
    /// The publications that were made.
    FaqPublished(Vec<FaqPublication>),
    /// Nothing to tell.
    Done,
}

/// The role that a stored name stands for; unknown names get the smaller one.
pub(crate) fn role_from_name(name: &str) -> Role {
    if name == "admin" { Role::Admin } else { Role::Agent }
}
