//! What persons and agents do alike: append a message, take one back, change a conversation's row.

use beistand_protocol::{
    AttachmentId, Author, Code, Content, Conversation, ConversationId, Message, MessageId, PersonId, ReadMarks, Status,
    UnixMillis, Visibility,
};
use rusqlite::{OptionalExtension as _, params};

use super::{Context, Done, refuse};
use crate::{
    desk::digest::Digest,
    store::{
        AppId, Reader,
        sqlite::{
            rows::{self, uuid},
            writer::Fault,
        },
    },
};

/// What a command needs to know of a conversation before it changes it.
pub(super) struct Standing {
    pub(super) person: PersonId,
    pub(super) status: Status,
    pub(super) withdrawn_at: Option<UnixMillis>,
    pub(super) last_seq: u64,
    pub(super) person_last_seq: u64,
    pub(super) assigned: bool,
    pub(super) first_message: MessageId,
    pub(super) digest: Digest,
}

/// A message to append.
pub(super) struct NewMessage<'a> {
    pub(super) app: AppId,
    pub(super) person: PersonId,
    pub(super) conversation: ConversationId,
    pub(super) id: MessageId,
    pub(super) author: Author,
    pub(super) text: &'a str,
    pub(super) attachments: &'a [AttachmentId],
    pub(super) visibility: Visibility,
    pub(super) sent_at: Option<UnixMillis>,
    pub(super) digest: Digest,
    pub(super) at: UnixMillis,
}

/// What is known of a message id.
pub(super) struct Known {
    pub(super) conversation: ConversationId,
    pub(super) by_person: bool,
    pub(super) visibility: Visibility,
    pub(super) digest: Digest,
    pub(super) retracted_at: Option<UnixMillis>,
}

impl Context<'_> {
    pub(super) fn standing(&self, app: AppId, id: ConversationId) -> Done<Option<Standing>> {
        let standing = self
            .conn
            .prepare_cached(
                "SELECT person_id, status, withdrawn_at, last_seq, person_last_seq, assignee_id IS NOT NULL, \
                 first_message_id, request_digest FROM conversations WHERE app_id = ?1 AND id = ?2",
            )?
            .query_row(params![app.0, id.as_bytes()], |row| {
                Ok(Standing {
                    person: PersonId(uuid(row, 0)?),
                    status: rows::status(row.get(1)?),
                    withdrawn_at: row.get::<_, Option<i64>>(2)?.map(UnixMillis),
                    last_seq: row.get(3)?,
                    person_last_seq: row.get(4)?,
                    assigned: row.get(5)?,
                    first_message: MessageId(uuid(row, 6)?),
                    digest: Digest(row.get(7)?),
                })
            })
            .optional()?;
        Ok(standing)
    }

    pub(super) fn known_message(&self, app: AppId, id: MessageId) -> Done<Option<Known>> {
        let known = self
            .conn
            .prepare_cached(
                "SELECT conversation_id, author, visibility, request_digest, retracted_at FROM messages \
                 WHERE app_id = ?1 AND id = ?2",
            )?
            .query_row(params![app.0, id.as_bytes()], |row| {
                Ok(Known {
                    conversation: ConversationId(uuid(row, 0)?),
                    by_person: row.get::<_, i64>(1)? == 0,
                    visibility: if row.get::<_, i64>(2)? == 0 { Visibility::All } else { Visibility::Agents },
                    digest: Digest(row.get(3)?),
                    retracted_at: row.get::<_, Option<i64>>(4)?.map(UnixMillis),
                })
            })
            .optional()?;
        Ok(known)
    }

    /// Refuses an id whose message was taken back before it arrived.
    pub(super) fn not_retracted_unseen(&self, app: AppId, id: MessageId) -> Done<()> {
        let gone = self
            .conn
            .prepare_cached("SELECT 1 FROM retracted_unseen WHERE app_id = ?1 AND id = ?2")?
            .exists(params![app.0, id.as_bytes()])?;
        if gone { refuse(Code::MessageRetracted, "the message was taken back before it arrived") } else { Ok(()) }
    }

    /// Appends a message as the newest of its conversation and moves the conversation's marks; the conversation's own
    /// version and log entry are left to [`Self::touch`].
    pub(super) fn append(&mut self, new: &NewMessage<'_>) -> Done<()> {
        let attachments = self.take_files(new)?;
        let visible = new.visibility == Visibility::All;
        let seq: u64 = self
            .conn
            .prepare_cached(
                "UPDATE conversations SET last_seq = last_seq + 1, \
                 person_last_seq = CASE WHEN ?3 THEN last_seq + 1 ELSE person_last_seq END \
                 WHERE app_id = ?1 AND id = ?2 RETURNING last_seq",
            )?
            .query_row(params![new.app.0, new.conversation.as_bytes(), visible], |row| row.get(0))?;
        let (author, author_id, author_name) = match &new.author {
            Author::Person => (0, None, None),
            Author::Agent { id, name } => (1, Some(*id.as_bytes()), Some(name)),
            Author::System | Author::Unknown => (2, None, None),
        };
        let content = rows::to_json(&Content::with_attachments(new.text, attachments))?;
        self.conn
            .prepare_cached(
                "INSERT INTO messages (app_id, id, conversation_id, seq, version, author, author_id, author_name, \
                 content, visibility, sent_at, created_at, request_digest) \
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                new.app.0,
                new.id.as_bytes(),
                new.conversation.as_bytes(),
                seq,
                author,
                author_id,
                author_name,
                content,
                rows::visibility_code(new.visibility),
                new.sent_at.map(|time| time.0),
                new.at.0,
                new.digest.0,
            ])?;
        self.log_message(new.app, new.person, new.id, new.visibility)
    }

    /// Takes the words and the files of a message away and keeps its place.
    pub(super) fn tombstone(&mut self, app: AppId, person: PersonId, id: MessageId, at: UnixMillis) -> Done<()> {
        self.free_files(app, id, at)?;
        let content = rows::to_json(&Content::retracted())?;
        self.conn
            .prepare_cached(
                "UPDATE messages SET content = ?3, retracted_at = ?4, version = version + 1 \
                 WHERE app_id = ?1 AND id = ?2",
            )?
            .execute(params![app.0, id.as_bytes(), content, at.0])?;
        self.log_message(app, person, id, Visibility::All)
    }

    /// Counts a change of a conversation and tells whom it concerns.
    pub(super) fn touch(
        &mut self,
        app: AppId,
        person: PersonId,
        id: ConversationId,
        at: UnixMillis,
        visibility: Visibility,
    ) -> Done<()> {
        self.conn
            .prepare_cached(
                "UPDATE conversations SET version = version + 1, updated_at = ?3 WHERE app_id = ?1 AND id = ?2",
            )?
            .execute(params![app.0, id.as_bytes(), at.0])?;
        self.log_conversation(app, person, id, visibility)
    }

    pub(super) fn set_status(&self, app: AppId, id: ConversationId, status: Status) -> Done<()> {
        self.conn
            .prepare_cached("UPDATE conversations SET status = ?3 WHERE app_id = ?1 AND id = ?2")?
            .execute(params![app.0, id.as_bytes(), rows::status_code(status)])?;
        Ok(())
    }

    /// Writes marks; `side` is `person` or `agents`, a name of our own and never input.
    pub(super) fn set_marks(&self, app: AppId, id: ConversationId, side: &'static str, marks: ReadMarks) -> Done<()> {
        self.conn
            .prepare_cached(&format!(
                "UPDATE conversations SET {side}_delivered = ?3, {side}_read = ?4 WHERE app_id = ?1 AND id = ?2"
            ))?
            .execute(params![app.0, id.as_bytes(), marks.delivered_seq, marks.read_seq])?;
        Ok(())
    }

    /// A conversation that must exist by now.
    pub(super) fn conversation(&self, app: AppId, reader: Reader, id: ConversationId) -> Done<Box<Conversation>> {
        match rows::load_conversation(self.conn, app, reader, id, true)? {
            Some(conversation) => Ok(Box::new(conversation)),
            None => Err(Fault::Sqlite(rusqlite::Error::QueryReturnedNoRows)),
        }
    }

    /// A message that must exist by now.
    pub(super) fn message(&self, app: AppId, reader: Reader, id: MessageId) -> Done<Box<Message>> {
        match rows::load_message(self.conn, app, reader, id)? {
            Some(message) => Ok(Box::new(message)),
            None => Err(Fault::Sqlite(rusqlite::Error::QueryReturnedNoRows)),
        }
    }
}
