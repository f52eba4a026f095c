//! What a person does, inside one transaction each: the row and its local echo together, or neither. Each returns what
//! the machine is to be told once the transaction stands.
//!
//! The rule for changing what waits: a row that never left changes or vanishes here. One that may be at the server
//! already is followed by a change of its own, so that either order of arrival ends as the person wants it.

use std::sync::Arc;

use beistand_protocol::{
    ConversationId, Lane, MessageId, OpenConversation, OperationId, ReadMarks, SendMessage, Status, UnixMillis,
};
use rusqlite::Connection;

use super::machine::{Event, IdentityId};
use super::payload::Payload;
use crate::attachments::intake::Taken;
use crate::clock::Entropy;
use crate::error::{Error, ErrorKind, StoreError};
use crate::store::messages::Placed;
use crate::store::outbox::{self, Bounds, NewRow, StoredRow};
use crate::store::{conversations, files, messages};

/// Who acts, and when.
#[derive(Clone)]
pub(crate) struct Acting {
    pub identity: IdentityId,
    pub now: UnixMillis,
    /// The server's time that what is written now is dated with.
    pub born: Option<UnixMillis>,
    pub bounds: Bounds,
    pub entropy: Arc<dyn Entropy>,
}

impl Acting {
    pub(crate) fn enqueue(&self, connection: &Connection, lane: Lane, payload: Payload) -> Result<Event, StoreError> {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        let id = OperationId::mint(self.now, random);
        let (identity, now, born) = (self.identity, self.now, self.born);
        outbox::insert(connection, &NewRow { id, lane, payload, identity, now, born }).map(Event::Enqueued)
    }

    /// A write that a person waits for: refused while there is no room.
    fn enqueue_visible(&self, connection: &Connection, payload: Payload) -> Result<Event, StoreError> {
        outbox::check_room(connection, self.bounds)?;
        let conversation = payload.conversation().ok_or(StoreError::Value("a conversation"))?;
        self.enqueue(connection, Lane::Conversation(conversation), payload)
    }
}

fn not_found(what: &str) -> StoreError {
    Error::new(ErrorKind::NotFound, format!("there is no such {what} on this phone")).into()
}

fn too_late(why: &str) -> StoreError {
    Error::new(ErrorKind::TooLate, why).into()
}

pub(crate) fn open(
    connection: &Connection,
    acting: &Acting,
    conversation: ConversationId,
    body: OpenConversation,
    files: &[Taken],
) -> Result<Vec<Event>, StoreError> {
    conversations::insert_echo(connection, conversation, acting.identity, &body, acting.now)?;
    messages::insert_echo(connection, conversation, body.message.id, &body.message.text, acting.now)?;
    files::insert_own(connection, body.message.id, files, acting.now)?;
    Ok(vec![acting.enqueue_visible(connection, Payload::Open { conversation, body })?])
}

pub(crate) fn send(
    connection: &Connection,
    acting: &Acting,
    conversation: ConversationId,
    message: MessageId,
    body: SendMessage,
    files: &[Taken],
) -> Result<Vec<Event>, StoreError> {
    known_conversation(connection, acting, conversation)?;
    messages::insert_echo(connection, conversation, message, &body.text, acting.now)?;
    files::insert_own(connection, message, files, acting.now)?;
    Ok(vec![acting.enqueue_visible(connection, Payload::Send { conversation, message, body })?])
}

/// Nobody touches, or learns of, what another identity of this phone has left behind.
fn known_conversation(connection: &Connection, acting: &Acting, id: ConversationId) -> Result<(), StoreError> {
    if conversations::is_of(connection, id, acting.identity)? { Ok(()) } else { Err(not_found("conversation")) }
}

fn known_message(connection: &Connection, acting: &Acting, id: MessageId) -> Result<Placed, StoreError> {
    let placed = messages::place(connection, id)?.ok_or_else(|| not_found("message"))?;
    if conversations::is_of(connection, placed.conversation, acting.identity)? {
        Ok(placed)
    } else {
        Err(not_found("message"))
    }
}

fn known_row(connection: &Connection, acting: &Acting, id: OperationId) -> Result<StoredRow, StoreError> {
    let row = outbox::get(connection, id)?.filter(|row| row.row.identity == acting.identity);
    row.ok_or_else(|| not_found("outbox item"))
}

/// Changes the words of an own message, wherever it is by now.
pub(crate) fn edit(
    connection: &Connection,
    acting: &Acting,
    message: MessageId,
    text: &str,
) -> Result<Vec<Event>, StoreError> {
    let placed = known_message(connection, acting, message)?;
    if !placed.mine {
        return Err(too_late("only an own message can be edited"));
    }
    if placed.retracted {
        return Err(too_late("the message was taken back"));
    }
    let rows = outbox::about_message(connection, message)?;
    if let Some(head) = rows.iter().find(|row| row.row.wedged && row.payload.creates()) {
        return edit_refused(connection, acting, message, text, head, &rows);
    }
    // The newest words that have not left yet are simply replaced.
    for row in rows.iter().rev() {
        let settled = !row.may_be_stored || row.row.wedged;
        let payload = match &row.payload {
            Payload::Edit { .. } if settled => {
                messages::set_pending_text(connection, message, Some(text))?;
                row.payload.with_text(text)
            }
            creation @ (Payload::Send { .. } | Payload::Open { .. }) if settled => {
                messages::set_text(connection, message, text)?;
                creation.with_text(text)
            }
            Payload::Edit { .. } | Payload::Send { .. } | Payload::Open { .. } => break,
            _ => continue,
        };
        outbox::rewrite(connection, row.row.id, &payload, row.may_be_stored)?;
        return retry_row(connection, acting, row);
    }
    messages::set_pending_text(connection, message, Some(text))?;
    let before = newest_words(&rows).unwrap_or(placed.text);
    let payload = Payload::Edit { conversation: placed.conversation, message, text: text.to_owned(), before };
    Ok(vec![acting.enqueue_visible(connection, payload)?])
}

/// New words for a message whose creation was refused: they go into the creation itself, and edits behind it are moot.
fn edit_refused(
    connection: &Connection,
    acting: &Acting,
    message: MessageId,
    text: &str,
    head: &StoredRow,
    rows: &[StoredRow],
) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    for row in rows.iter().filter(|row| matches!(row.payload, Payload::Edit { .. })) {
        outbox::delete(connection, row.row.id)?;
        events.push(Event::Removed(row.row.id));
    }
    messages::set_pending_text(connection, message, None)?;
    messages::set_text(connection, message, text)?;
    outbox::rewrite(connection, head.row.id, &head.payload.with_text(text), head.may_be_stored)?;
    events.extend(retry_row(connection, acting, head)?);
    Ok(events)
}

/// The words that the newest edit under way will leave behind.
fn newest_words(rows: &[StoredRow]) -> Option<String> {
    rows.iter().rev().find_map(|row| match &row.payload {
        Payload::Edit { text, .. } => Some(text.clone()),
        _ => None,
    })
}

/// Takes an own message back, wherever it is by now. For the first message of a conversation that no server has confirmed
/// this takes the whole conversation back.
pub(crate) fn retract(connection: &Connection, acting: &Acting, message: MessageId) -> Result<Vec<Event>, StoreError> {
    let placed = known_message(connection, acting, message)?;
    if !placed.mine {
        return Err(too_late("only an own message can be taken back"));
    }
    if placed.retracted {
        return Ok(Vec::new());
    }
    let rows = outbox::about_message(connection, message)?;
    if let Some(row) = rows.iter().find(|row| row.payload.creates()) {
        return discard_row(connection, acting, row);
    }
    let mut events = Vec::new();
    // Edits that have not left are moot now.
    for row in rows.iter().filter(|row| matches!(row.payload, Payload::Edit { .. })) {
        outbox::delete(connection, row.row.id)?;
        events.push(Event::Removed(row.row.id));
    }
    messages::set_pending_text(connection, message, None)?;
    messages::set_pending_retract(connection, message, true)?;
    let payload = Payload::Retract { conversation: placed.conversation, message };
    events.push(acting.enqueue(connection, Lane::Conversation(placed.conversation), payload)?);
    Ok(events)
}

pub(crate) fn set_status(
    connection: &Connection,
    acting: &Acting,
    conversation: ConversationId,
    status: Status,
) -> Result<Vec<Event>, StoreError> {
    known_conversation(connection, acting, conversation)?;
    let rows = outbox::of_lane(connection, Lane::Conversation(conversation))?;
    let at_server = conversations::server(connection, conversation)?.map(|server| server.status);
    // A person knows two: what is not closed is open to them.
    let known = if at_server == Some(Status::Closed) { Status::Closed } else { Status::Open };
    let before = newest_status(&rows).unwrap_or(known);
    conversations::set_pending_status(connection, conversation, Some(status))?;
    Ok(vec![acting.enqueue_visible(connection, Payload::Status { conversation, status, before })?])
}

/// The status that the newest change under way will leave behind.
fn newest_status(rows: &[StoredRow]) -> Option<Status> {
    rows.iter().rev().find_map(|row| match &row.payload {
        Payload::Status { status, .. } => Some(*status),
        _ => None,
    })
}

/// Remembers how far the person has read, and queues it in a lane that nobody waits for. Marks that have not left yet are
/// replaced: only the last one counts.
pub(crate) fn mark_read(
    connection: &Connection,
    acting: &Acting,
    conversation: ConversationId,
    up_to: Option<u64>,
) -> Result<Vec<Event>, StoreError> {
    known_conversation(connection, acting, conversation)?;
    // Nobody has to be told that a person has read their own words.
    let newest = conversations::newest_of_others(connection, conversation)?;
    let read_seq = up_to.unwrap_or(newest).min(newest);
    if !conversations::mark_read(connection, conversation, read_seq)? {
        return Ok(Vec::new());
    }
    tell_marks(connection, acting, conversation, newest)
}

/// Remembers that messages of others have arrived on this phone, and tells the server likewise.
pub(crate) fn mark_delivered(
    connection: &Connection,
    acting: &Acting,
    conversation: ConversationId,
) -> Result<Vec<Event>, StoreError> {
    let Some(newest) = conversations::undelivered(connection, conversation)? else { return Ok(Vec::new()) };
    tell_marks(connection, acting, conversation, newest)
}

fn tell_marks(
    connection: &Connection,
    acting: &Acting,
    conversation: ConversationId,
    newest: u64,
) -> Result<Vec<Event>, StoreError> {
    let read_seq = conversations::mark_delivered(connection, conversation, newest)?;
    let lane = Lane::Read(conversation);
    let mut events = Vec::new();
    for row in outbox::of_lane(connection, lane)?.into_iter().filter(|row| !row.may_be_stored) {
        outbox::delete(connection, row.row.id)?;
        events.push(Event::Removed(row.row.id));
    }
    let marks = ReadMarks { delivered_seq: newest.max(read_seq), read_seq };
    events.push(acting.enqueue(connection, lane, Payload::Read { conversation, marks })?);
    Ok(events)
}

/// Another try for a wedged row.
pub(crate) fn retry(connection: &Connection, acting: &Acting, id: OperationId) -> Result<Vec<Event>, StoreError> {
    let row = known_row(connection, acting, id)?;
    retry_row(connection, acting, &row)
}

fn retry_row(connection: &Connection, acting: &Acting, row: &StoredRow) -> Result<Vec<Event>, StoreError> {
    if !row.row.wedged {
        // It leaves by itself; the tap makes it due now.
        return Ok(vec![Event::EverythingDue]);
    }
    outbox::unwedge(connection, row.row.id, acting.born)?;
    let fresh = super::machine::Row {
        wedged: false,
        attempts: 0,
        server_errors: 0,
        server_error_at: None,
        known_created_at: acting.born,
        ..row.row.clone()
    };
    Ok(vec![Event::Changed(fresh), Event::EverythingDue])
}

/// Gives a row up, and takes back what it may have done already.
pub(crate) fn discard(connection: &Connection, acting: &Acting, id: OperationId) -> Result<Vec<Event>, StoreError> {
    let row = known_row(connection, acting, id)?;
    discard_row(connection, acting, &row)
}

fn discard_row(connection: &Connection, acting: &Acting, row: &StoredRow) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    let mut remove = |connection: &Connection, row: &StoredRow| -> Result<(), StoreError> {
        outbox::delete(connection, row.row.id)?;
        events.push(Event::Removed(row.row.id));
        Ok(())
    };
    let lane = row.row.lane;
    let follow_up = match &row.payload {
        Payload::Open { conversation, .. } => {
            // Whatever stands behind the opening has nowhere to go.
            for behind in outbox::of_lane(connection, lane)? {
                remove(connection, &behind)?;
            }
            for behind in outbox::of_lane(connection, Lane::Read(*conversation))? {
                remove(connection, &behind)?;
            }
            conversations::delete(connection, *conversation)?;
            Payload::Withdraw { conversation: *conversation }
        }
        Payload::Send { conversation, message, .. } => {
            for about in outbox::about_message(connection, *message)? {
                remove(connection, &about)?;
            }
            if row.may_be_stored {
                messages::set_pending_text(connection, *message, None)?;
                messages::set_pending_retract(connection, *message, true)?;
            } else {
                messages::delete(connection, *message)?;
            }
            Payload::Retract { conversation: *conversation, message: *message }
        }
        Payload::Edit { conversation, message, before, .. } => {
            remove(connection, row)?;
            // A newer edit of the same message still stands, and comes after this one in any case.
            let newer = newest_words(&outbox::about_message(connection, *message)?);
            messages::set_pending_text(connection, *message, newer.as_deref())?;
            let there = messages::place(connection, *message)?.is_some_and(|placed| !placed.retracted);
            if newer.is_some() || !there {
                return Ok(events);
            }
            if row.may_be_stored {
                // The words that are put back show at once, whatever the server has by now.
                messages::set_pending_text(connection, *message, Some(before))?;
            }
            Payload::Edit {
                conversation: *conversation,
                message: *message,
                text: before.clone(),
                before: before.clone(),
            }
        }
        Payload::Status { conversation, before, .. } => {
            remove(connection, row)?;
            let newer = newest_status(&outbox::of_lane(connection, lane)?);
            conversations::set_pending_status(connection, *conversation, newer)?;
            if newer.is_some() {
                return Ok(events);
            }
            Payload::Status { conversation: *conversation, status: *before, before: *before }
        }
        Payload::Retract { .. } | Payload::Withdraw { .. } if row.may_be_stored && !row.row.wedged => {
            return Err(too_late("it may have been taken back at the server already"));
        }
        Payload::Retract { message, .. } => {
            let at_server = messages::place(connection, *message)?.is_some_and(|placed| placed.seq.is_some());
            if !at_server && !row.row.wedged {
                return Err(too_late(
                    "the message was given up with its sending; its retraction only makes sure of it",
                ));
            }
            remove(connection, row)?;
            if at_server {
                messages::set_pending_retract(connection, *message, false)?;
            } else {
                messages::delete(connection, *message)?;
            }
            return Ok(events);
        }
        // Whoever has changed their mind about an article says so with the next rating.
        Payload::Withdraw { .. } | Payload::Read { .. } | Payload::FaqFeedback { .. } | Payload::FaqReport { .. } => {
            remove(connection, row)?;
            return Ok(events);
        }
    };
    if row.may_be_stored {
        events.push(acting.enqueue(connection, lane, follow_up)?);
    }
    Ok(events)
}

/// The server holds the message with other words: older ones of this row, which was rewritten after a refusal. What the
/// person wants is then an edit. `None` if the row never was rewritten: then the id is really somebody else's.
pub(crate) fn become_edit(
    connection: &Connection,
    acting: &Acting,
    id: OperationId,
) -> Result<Option<Vec<Event>>, StoreError> {
    let Some(row) = outbox::get(connection, id)? else { return Ok(Some(Vec::new())) };
    if !row.rewritten {
        return Ok(None);
    }
    let (conversation, message, text) = match row.payload {
        Payload::Open { conversation, body } => (conversation, body.message.id, body.message.text),
        Payload::Send { conversation, message, body } => (conversation, message, body.text),
        Payload::Edit { conversation, message, text, .. } => (conversation, message, text),
        _ => return Ok(None),
    };
    outbox::delete(connection, id)?;
    messages::set_pending_text(connection, message, Some(&text))?;
    let acting = Acting { identity: row.row.identity, ..acting.clone() };
    let before = messages::place(connection, message)?.map_or_else(|| text.clone(), |placed| placed.text);
    let payload = Payload::Edit { conversation, message, text, before };
    Ok(Some(vec![acting.enqueue(connection, Lane::Conversation(conversation), payload)?]))
}
