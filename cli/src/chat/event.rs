//! What reaches the screen, and what it asks for. Everything between is a decision without input and output.

use std::path::PathBuf;

use beistand_core::protocol::{AppConfig, AttachmentId, ConversationId, MessageId};
use beistand_core::{ClientEvent, Connection, Conversation, Difference, OutboxItem, Transfer, Typing};
use crossterm::event::KeyEvent;

use super::{form::Draft, state::Chosen};

/// Something has happened.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size now: columns and rows.
    Resize(u16, u16),
    /// The terminal is in front, or no longer.
    InFront(bool),
    /// The process is asked to end.
    Stop,
    /// A new day has begun.
    Day,
    /// The list of conversations, as it is now.
    Conversations(Vec<Conversation>),
    /// A conversation's history has changed.
    Timeline {
        /// Whose.
        conversation: ConversationId,
        /// How.
        differences: Vec<Difference>,
        /// Whether there are earlier messages.
        has_earlier: bool,
        /// With the first messages: how many of them the person has not read.
        unread: Option<u64>,
    },
    /// Earlier messages were asked for; whether they have come.
    Earlier(ConversationId, bool),
    /// There is no such conversation here.
    Missing(ConversationId),
    /// What waits or has stopped.
    Outbox(Vec<OutboxItem>),
    /// What the server announces.
    Config(Box<AppConfig>),
    /// How the client stands to its server.
    Connection(Connection),
    /// Who types.
    Typing(Vec<Typing>),
    /// What the client reports besides.
    News(ClientEvent),
    /// A ticket is safe on disk.
    Opened(ConversationId),
    /// A ticket was not accepted: the member at fault and the code.
    NotOpened(String, &'static str),
    /// Something else was not done, with this code.
    NotDone(&'static str),
    /// Something about a file.
    File(FileEvent),
    /// Words were not accepted; they come back.
    NotWritten {
        /// Where they were written.
        conversation: ConversationId,
        /// The message that was to be changed, if one was.
        editing: Option<MessageId>,
        /// The words.
        text: String,
        /// The files beside them.
        files: Vec<Chosen>,
        /// Why.
        code: &'static str,
    },
}

/// What became of a file that was to be attached or saved.
#[derive(Debug)]
pub enum FileEvent {
    /// It can be attached to what is written in a conversation; an error names why not.
    Checked(ConversationId, Result<Chosen, &'static str>),
    /// How far it has got on its way.
    Moved(AttachmentId, Transfer),
    /// It was saved there; an error names why not.
    Saved(AttachmentId, Result<PathBuf, &'static str>),
}

/// Something is to be done.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Look at a conversation, and at no other.
    Look(ConversationId),
    /// Load earlier messages of the conversation that is looked at.
    LoadEarlier,
    /// Open a ticket.
    Open(Box<Draft>),
    /// Ask what the server announces.
    AskConfig,
    /// Send a message.
    Send(ConversationId, String, Vec<Chosen>),
    /// See whether a file can be attached.
    CheckFile(ConversationId, String),
    /// Tell how far files have got.
    Follow(Vec<AttachmentId>),
    /// Fetch a file and save it there.
    Save(AttachmentId, PathBuf),
    /// Fetch it no longer.
    CancelFetch(AttachmentId),
    /// Change the words of a message.
    Edit(ConversationId, MessageId, String),
    /// Take a message back.
    TakeBack(MessageId),
    /// Try a message that has stopped again.
    Retry(MessageId),
    /// Give a message that has stopped up.
    Discard(MessageId),
    /// Close a conversation.
    Close(ConversationId),
    /// Open a conversation again.
    Reopen(ConversationId),
    /// Everything up to a place was seen.
    MarkRead(ConversationId, u64),
    /// The person types, or no longer.
    Typing(ConversationId, bool),
    /// Draw everything anew.
    Redraw,
    /// End.
    Quit,
}
