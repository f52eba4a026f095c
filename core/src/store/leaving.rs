//! Leaving an identity: what of it still waits, what nobody can decide on any more, and the wiping of all that is left.
//! Each function runs inside a transaction of its caller.

use beistand_protocol::{AttachmentId, ConversationId, Credential, Lane, Message, UnixMillis};
use rusqlite::{Connection, params};

use super::identity::{self, Identity};
use super::outbox::{self, StoredRow};
use super::{conversations, messages, meta};
use crate::attachments::files::Variant;
use crate::error::StoreError;
use crate::model::OutboxState;
use crate::outbox::machine::IdentityId;
use crate::outbox::payload::Payload;

/// What leaving an identity came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Left {
    /// Which one, if there was one to leave.
    pub from: Option<IdentityId>,
    /// Writes of the person that still wait.
    pub waiting: u64,
    /// Writes of the person that will never leave.
    pub discarded: u64,
}

/// The rows of writes that a person would miss: neither read marks nor counts.
const OF_A_PERSON: &str = "lane NOT LIKE 'read:%' AND kind <> 'report'";

/// Leaves the current identity for `to`, which is there already. With `keep`, what waits still leaves with its own
/// credential; without, it goes.
pub(crate) fn leave(
    connection: &Connection,
    to: IdentityId,
    keep: bool,
    push_told: &str,
) -> Result<(Left, Identity), StoreError> {
    let from = identity::current(connection)?;
    let mut left = Left { from: None, waiting: 0, discarded: 0 };
    if let Some(from) = from {
        left.from = Some(from.id);
        // What was counted in the FAQ is nobody's: it stays, unless it may have left already.
        connection.execute(
            "UPDATE outbox SET identity = ? WHERE identity = ? AND kind = 'report' AND may_be_stored = 0",
            [to, from.id],
        )?;
        if keep {
            left.discarded = drop_undecided(connection, from.id)?;
        } else {
            left.discarded = waiting(connection, from.id)?;
            connection.execute("DELETE FROM outbox WHERE identity = ?", [from.id])?;
        }
        left.waiting = waiting(connection, from.id)?;
        if told_by(connection, push_told, &from)? {
            identity::set_push_ends(connection, from.id, true)?;
        }
        // Words that came before their conversation would find no owner later.
        connection.execute("DELETE FROM messages WHERE conversation_id NOT IN (SELECT id FROM conversations)", [])?;
    }
    set_switched(connection)?;
    let current = identity::make_current(connection, to)?;
    if let Some(from) = left.from {
        finish(connection, from)?;
    }
    Ok((left, current))
}

/// Remembers in the head of the file, which no rescue can do without, that it has known more than one identity.
pub(crate) fn set_switched(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.pragma_update(None, "application_id", 1)?)
}

/// Whether it has.
pub(crate) fn has_switched(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0))? != 0)
}

fn told_by(connection: &Connection, key: &str, identity: &Identity) -> Result<bool, StoreError> {
    let told = meta::get(connection, key)?.unwrap_or_default();
    Ok(told.starts_with(&identity.credential.device.to_string()))
}

/// Wipes an identity that has nothing left to send; whether it is wiped.
pub(crate) fn finish(connection: &Connection, id: IdentityId) -> Result<bool, StoreError> {
    if identity::is_current(connection, id)? || has_rows(connection, id)? {
        return Ok(false);
    }
    wipe(connection, id)?;
    Ok(true)
}

/// Whether anything of it is still to be sent.
pub(crate) fn has_rows(connection: &Connection, id: IdentityId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM outbox WHERE identity = ?")?.exists([id])?)
}

/// Writes of the person that still wait.
pub(crate) fn waiting(connection: &Connection, id: IdentityId) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT count(*) FROM outbox WHERE identity = ? AND {OF_A_PERSON}"))?
        .query_row([id], |row| row.get(0))?)
}

/// Nobody can decide any more on what was stopped: it goes, with what stands on it. Returns how many writes that was.
pub(crate) fn drop_undecided(connection: &Connection, id: IdentityId) -> Result<u64, StoreError> {
    let mut dropped = 0;
    for row in outbox::of_identity(connection, id)? {
        if matches!(row.state, OutboxState::Wedged { .. }) && outbox::get(connection, row.row.id)?.is_some() {
            dropped += drop_row(connection, &row)?;
        }
    }
    Ok(dropped)
}

/// Takes a row that will never leave out of the outbox, with its echo and with what makes no sense without it.
pub(crate) fn drop_row(connection: &Connection, row: &StoredRow) -> Result<u64, StoreError> {
    let before = waiting(connection, row.row.identity)?;
    outbox::delete(connection, row.row.id)?;
    match &row.payload {
        Payload::Open { conversation, .. } => {
            for lane in [Lane::Conversation(*conversation), Lane::Read(*conversation)] {
                for behind in outbox::of_lane(connection, lane)? {
                    outbox::delete(connection, behind.row.id)?;
                }
            }
            if conversations::is_of(connection, *conversation, row.row.identity)? {
                conversations::delete(connection, *conversation)?;
            }
        }
        Payload::Send { message, .. } => {
            for about in outbox::about_message(connection, *message)? {
                outbox::delete(connection, about.row.id)?;
            }
            messages::delete(connection, *message)?;
        }
        Payload::Edit { message, .. } => messages::set_pending_text(connection, *message, None)?,
        Payload::Retract { message, .. } => messages::set_pending_retract(connection, *message, false)?,
        Payload::Status { conversation, .. } => conversations::set_pending_status(connection, *conversation, None)?,
        Payload::Withdraw { .. } | Payload::Read { .. } | Payload::FaqFeedback { .. } | Payload::FaqReport { .. } => {}
    }
    Ok(before.saturating_sub(waiting(connection, row.row.identity)?))
}

/// Nothing of it can ever leave. Returns how many writes that was.
pub(crate) fn drop_all(connection: &Connection, id: IdentityId) -> Result<u64, StoreError> {
    let dropped = waiting(connection, id)?;
    connection.execute("DELETE FROM outbox WHERE identity = ?", [id])?;
    finish(connection, id)?;
    Ok(dropped)
}

const OWNERLESS: &str = "SELECT identity FROM outbox WHERE identity NOT IN (SELECT id FROM identities)
    UNION SELECT identity FROM conversations WHERE identity NOT IN (SELECT id FROM identities)";

/// Whether there is anything for [`drop_ownerless`].
pub(crate) fn has_ownerless(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached(OWNERLESS)?.exists([])?)
}

/// Rows and conversations of identities of which nothing else is known any more, as after a rescue: without the credential
/// nothing of them can leave. Returns how many writes that was.
pub(crate) fn drop_ownerless(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(OWNERLESS)?;
    let lost = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<IdentityId>, _>>()?;
    let mut dropped = 0;
    for id in lost {
        dropped += waiting(connection, id)?;
        connection.execute("DELETE FROM outbox WHERE identity = ?", [id])?;
        wipe(connection, id)?;
    }
    Ok(dropped)
}

/// Wipes all that an identity had but its credential. Its files go from the folder after the commit.
fn wipe(connection: &Connection, id: IdentityId) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM conversations WHERE identity = ?")?;
    let found = statement.query_map([id], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    for bytes in found {
        forget_files(connection, &bytes)?;
        if let Some(conversation) = ConversationId::from_slice(&bytes) {
            for lane in [Lane::Conversation(conversation), Lane::Read(conversation)] {
                connection.prepare_cached("DELETE FROM lanes WHERE lane = ?")?.execute([lane.to_string()])?;
            }
        }
        connection.prepare_cached("DELETE FROM messages WHERE conversation_id = ?")?.execute([&bytes])?;
        connection.prepare_cached("DELETE FROM conversations WHERE id = ?")?.execute([&bytes])?;
    }
    connection.execute("DELETE FROM journal WHERE identity = ?", [id])?;
    connection.execute("DELETE FROM unknown_changes WHERE identity = ?", [id])?;
    connection.execute("UPDATE identities SET cursor = NULL, epoch = NULL WHERE id = ?", [id])?;
    Ok(())
}

/// Everything of a conversation that may lie in the folder, also what is there in parts only.
fn forget_files(connection: &Connection, conversation: &[u8]) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT server FROM messages WHERE conversation_id = ? AND server LIKE '%\"attachments\":%'")?;
    let told = statement.query_map([conversation], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for json in told {
        let Ok(message) = serde_json::from_str::<Message>(&json) else { continue };
        for attachment in message.content.attachments() {
            forget_file(connection, attachment.id)?;
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT attachment_id FROM files WHERE message_id IN (SELECT id FROM messages WHERE conversation_id = ?)",
    )?;
    let here = statement.query_map([conversation], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    for id in here.iter().filter_map(|id| AttachmentId::from_slice(id)) {
        forget_file(connection, id)?;
    }
    connection
        .prepare_cached("DELETE FROM files WHERE message_id IN (SELECT id FROM messages WHERE conversation_id = ?)")?
        .execute([conversation])?;
    Ok(())
}

fn forget_file(connection: &Connection, id: AttachmentId) -> Result<(), StoreError> {
    for variant in [Variant::Whole, Variant::Thumbnail] {
        connection
            .prepare_cached("INSERT OR IGNORE INTO files_to_remove VALUES (?, ?)")?
            .execute(params![id.as_bytes(), variant.as_str()])?;
    }
    Ok(())
}

/// The server says that this device is another user's. What surely belongs to the new user, because it was begun after the
/// login and never left, goes over to a fresh identity; the rest stays with the device that it was written under.
pub(crate) fn part(
    connection: &Connection,
    from: &Identity,
    fresh: Credential,
    push_told: &str,
    now: UnixMillis,
) -> Result<(Left, Identity), StoreError> {
    let since = identity::login_at(connection, from.id)?.unwrap_or(i64::MAX);
    let to = identity::insert(connection, fresh, from.subject.as_deref(), now.0)?;
    connection.execute(
        "UPDATE conversations SET identity = ?1 WHERE identity = ?2 AND server IS NULL AND created_at >= ?3
           AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.conversation_id = conversations.id AND o.may_be_stored = 1)",
        params![to, from.id, since],
    )?;
    connection.execute(
        "UPDATE outbox SET identity = ?1 WHERE identity = ?2
           AND conversation_id IN (SELECT id FROM conversations WHERE identity = ?1)",
        [to, from.id],
    )?;
    identity::set_owner_lost(connection, from.id)?;
    if from.current {
        return leave(connection, to, true, push_told);
    }
    // It was leaving already: whoever is current stays.
    identity::delete_if_empty(connection, to)?;
    let current = identity::current(connection)?.ok_or(StoreError::Value("the identity"))?;
    Ok((Left { from: Some(from.id), waiting: 0, discarded: 0 }, current))
}
