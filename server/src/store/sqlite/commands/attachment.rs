//! What happens to a file's row: from its announcement to its end. The bytes are on the disk before a row says that
//! they are whole, and a file is removed from the disk only after its last row has let go of it.

use beistand_protocol::{
    Attachment, AttachmentId, AttachmentState, Author, Code, Content, MessageId, PersonId, UnixMillis, Violation,
    Visibility, limits::UPLOAD_EXPIRES_MS, message::KnownContent,
};
use rusqlite::params;

use super::{Context, Done, done, refuse, timeline::NewMessage};
use crate::store::{
    Announced, AppId, Applied, AttachmentCommand, AttachmentRow, Outcome, Stage, Uploader, Waiting,
    sqlite::{
        attachments::{self, stage_code, uploader_key},
        persons,
        rows::{self, uuid},
        writer::Fault,
    },
};

pub(super) fn apply(context: &mut Context<'_>, command: AttachmentCommand) -> Done<Applied> {
    match command {
        AttachmentCommand::Create { app, id, uploader, announced, most, at } => {
            let uploader = match uploader {
                Uploader::Person(person) => Uploader::Person(persons::today(context.conn, app, person)?),
                Uploader::Agents => uploader,
            };
            context.create_upload(app, id, uploader, &announced, most, at)
        }
        AttachmentCommand::GoOn { app, id, at } => {
            context
                .conn
                .prepare_cached("UPDATE attachments SET expires_at = ?3 WHERE app_id = ?1 AND id = ?2 AND stage = 0")?
                .execute(params![app.0, id.as_bytes(), at.plus(UPLOAD_EXPIRES_MS).0])?;
            done(false, Outcome::Done)
        }
        AttachmentCommand::Complete { app, id, dimensions, thumbnail, scan, at } => {
            let stage = if scan { Stage::Scanning } else { Stage::Ready };
            context
                .conn
                .prepare_cached(
                    "UPDATE attachments SET stage = ?3, width = ?4, height = ?5, thumbnail_width = ?6, \
                     thumbnail_height = ?7, expires_at = ?8 WHERE app_id = ?1 AND id = ?2 AND stage = 0",
                )?
                .execute(params![
                    app.0,
                    id.as_bytes(),
                    stage_code(stage),
                    dimensions.map(|size| size.width),
                    dimensions.map(|size| size.height),
                    thumbnail.map(|size| size.width),
                    thumbnail.map(|size| size.height),
                    at.plus(UPLOAD_EXPIRES_MS).0,
                ])?;
            done(false, Outcome::Attachment(context.upload(app, id)?))
        }
        AttachmentCommand::Forget { app, id } => {
            context
                .conn
                .prepare_cached("DELETE FROM attachments WHERE app_id = ?1 AND id = ?2 AND stage = 0")?
                .execute(params![app.0, id.as_bytes()])?;
            done(false, Outcome::Done)
        }
        AttachmentCommand::GiveUp { app, id, at } => {
            if context.upload(app, id)?.message.is_some() {
                return refuse(Code::Forbidden, "the file stands in a message: take the message back instead");
            }
            context.let_go(app, "id = ?2", *id.as_bytes(), at)?;
            done(false, Outcome::Done)
        }
        AttachmentCommand::Scanned { sha256, found, at } => context.scanned(sha256, found, at),
        AttachmentCommand::Expire { at } => context.expire(at),
        AttachmentCommand::Removed { files } => {
            for file in files {
                context.conn.prepare_cached("DELETE FROM loose_files WHERE sha256 = ?1")?.execute([file])?;
            }
            done(false, Outcome::Done)
        }
    }
}

impl Context<'_> {
    /// A row that must exist by now; another one's id does not.
    fn upload(&self, app: AppId, id: AttachmentId) -> Done<Box<AttachmentRow>> {
        match attachments::load(self.conn, app, id)? {
            Some(row) => Ok(Box::new(row)),
            None => refuse(Code::NotFound, "there is no such upload"),
        }
    }

    fn create_upload(
        &mut self,
        app: AppId,
        id: AttachmentId,
        uploader: Uploader,
        announced: &Announced,
        most: Waiting,
        at: UnixMillis,
    ) -> Done<Applied> {
        let known = attachments::load(self.conn, app, id)?;
        if let Some(row) = &known {
            if row.uploader != uploader {
                return refuse(Code::NotFound, "there is no such upload");
            }
            if row.announced != *announced {
                return refuse(Code::IdReused, "this attachment id was used before for another file");
            }
            if row.stage != Stage::Gone {
                // Whoever announces it again goes on with it.
                self.conn
                    .prepare_cached("UPDATE attachments SET expires_at = ?3 WHERE app_id = ?1 AND id = ?2")?
                    .execute(params![app.0, id.as_bytes(), at.plus(UPLOAD_EXPIRES_MS).0])?;
                return done(false, Outcome::Attachment(self.upload(app, id)?));
            }
        }
        self.check_waiting(app, uploader, announced.size, most)?;
        self.conn
            .prepare_cached(
                "INSERT INTO attachments (app_id, id, person_id, name, media_type, size, sha256, stage, created_at, \
                 expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9) \
                 ON CONFLICT (app_id, id) DO UPDATE SET stage = 0, created_at = ?8, expires_at = ?9, width = NULL, \
                 height = NULL, thumbnail_width = NULL, thumbnail_height = NULL",
            )?
            .execute(params![
                app.0,
                id.as_bytes(),
                uploader_key(uploader),
                announced.name,
                announced.media_type,
                announced.size,
                announced.sha256,
                at.0,
                at.plus(UPLOAD_EXPIRES_MS).0,
            ])?;
        done(true, Outcome::Attachment(self.upload(app, id)?))
    }

    fn check_waiting(&self, app: AppId, uploader: Uploader, size: u64, most: Waiting) -> Done<()> {
        let Uploader::Person(person) = uploader else { return Ok(()) };
        let (files, bytes): (u64, u64) = self
            .conn
            .prepare_cached(
                "SELECT count(*), coalesce(sum(size), 0) FROM attachments \
                 WHERE app_id = ?1 AND person_id = ?2 AND message_id IS NULL AND stage < 3",
            )?
            .query_row(params![app.0, person.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let too_many = most.files > 0 && files >= most.files;
        let too_much = most.bytes > 0 && files > 0 && bytes.saturating_add(size) > most.bytes;
        if too_many || too_much {
            return refuse(Code::RateLimited, "too many files wait to be sent in a message");
        }
        Ok(())
    }

    /// Takes the files of a new message for it: each whole, its author's, and in no other message.
    pub(super) fn take_files(&mut self, new: &NewMessage<'_>) -> Done<Vec<Attachment>> {
        let uploader = match new.author {
            Author::Person => Uploader::Person(new.person),
            Author::Agent { .. } | Author::System | Author::Unknown => Uploader::Agents,
        };
        let mut taken = Vec::with_capacity(new.attachments.len());
        for id in new.attachments {
            // A second mention of the same file finds it in this message already.
            let row = attachments::load(self.conn, new.app, *id)?
                .filter(|row| row.uploader == uploader && row.is_whole() && row.message.is_none());
            let Some(row) = row else {
                let detail = "a file is not uploaded, not the sender's, or in a message already";
                return Err(Violation::new(Code::UnknownAttachment, "attachments", detail).into());
            };
            self.conn
                .prepare_cached("UPDATE attachments SET message_id = ?3 WHERE app_id = ?1 AND id = ?2")?
                .execute(params![new.app.0, id.as_bytes(), new.id.as_bytes()])?;
            taken.push(row.shown());
        }
        Ok(taken)
    }

    /// Lets go of the files of a message that was taken back.
    pub(super) fn free_files(&mut self, app: AppId, message: MessageId, at: UnixMillis) -> Done<()> {
        self.let_go(app, "message_id = ?2", *message.as_bytes(), at)
    }

    /// Rows that a condition of our own names lose their bytes. They are remembered for a while, so that whoever asks for
    /// one hears that it is gone, and not that it never was.
    fn let_go(&self, app: AppId, condition: &'static str, key: [u8; 16], at: UnixMillis) -> Done<()> {
        self.conn
            .prepare_cached(&format!(
                "INSERT OR IGNORE INTO loose_files (sha256) SELECT sha256 FROM attachments \
                 WHERE app_id = ?1 AND {condition} AND stage IN (1, 2)"
            ))?
            .execute(params![app.0, key])?;
        self.conn
            .prepare_cached(&format!(
                "UPDATE attachments SET stage = 4, message_id = NULL, expires_at = ?3 WHERE app_id = ?1 AND {condition}"
            ))?
            .execute(params![app.0, key, at.plus(UPLOAD_EXPIRES_MS).0])?;
        Ok(())
    }

    fn expire(&self, at: UnixMillis) -> Done<Applied> {
        self.conn
            .execute("DELETE FROM attachments WHERE message_id IS NULL AND expires_at <= ?1 AND stage = 4", [at.0])?;
        self.conn.execute(
            "INSERT OR IGNORE INTO loose_files (sha256) SELECT sha256 FROM attachments \
             WHERE message_id IS NULL AND expires_at <= ?1 AND stage IN (1, 2)",
            [at.0],
        )?;
        self.conn.execute(
            "UPDATE attachments SET stage = 4, expires_at = ?2 WHERE message_id IS NULL AND expires_at <= ?1",
            [at.0, at.plus(UPLOAD_EXPIRES_MS).0],
        )?;
        done(false, Outcome::Done)
    }

    /// A clean file is ready; one in which something was found is blocked wherever it stands, since its bytes are the
    /// same everywhere. Messages say so with their next version.
    fn scanned(&mut self, sha256: [u8; 32], found: bool, at: UnixMillis) -> Done<Applied> {
        let stages = if found { "stage IN (1, 2)" } else { "stage = 2" };
        let rows = self
            .conn
            .prepare_cached(&format!("SELECT app_id, id, message_id FROM attachments WHERE sha256 = ?1 AND {stages}"))?
            .query_map([sha256], |row| {
                Ok((AppId(row.get(0)?), AttachmentId(uuid(row, 1)?), rows::optional_uuid(row, 2)?.map(MessageId)))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let (stage, state) = match found {
            true => (Stage::Blocked, AttachmentState::Blocked),
            false => (Stage::Ready, AttachmentState::Ready),
        };
        for (app, id, message) in rows {
            self.conn
                .prepare_cached("UPDATE attachments SET stage = ?3, expires_at = ?4 WHERE app_id = ?1 AND id = ?2")?
                .execute(params![app.0, id.as_bytes(), stage_code(stage), at.plus(UPLOAD_EXPIRES_MS).0])?;
            if let Some(message) = message {
                self.show_state(app, message, id, state)?;
            }
        }
        if found {
            self.conn.prepare_cached("INSERT OR IGNORE INTO loose_files (sha256) VALUES (?1)")?.execute([sha256])?;
        }
        done(false, Outcome::Done)
    }

    fn show_state(&mut self, app: AppId, message: MessageId, id: AttachmentId, state: AttachmentState) -> Done<()> {
        let (mut content, visibility, person) = self
            .conn
            .prepare_cached(
                "SELECT m.content, m.visibility, c.person_id FROM messages m \
                 JOIN conversations c ON c.app_id = m.app_id AND c.id = m.conversation_id \
                 WHERE m.app_id = ?1 AND m.id = ?2",
            )?
            .query_row(params![app.0, message.as_bytes()], |row| {
                let visibility = if row.get::<_, i64>(1)? == 0 { Visibility::All } else { Visibility::Agents };
                Ok((rows::json::<Content>(row, 0)?, visibility, PersonId(uuid(row, 2)?)))
            })
            .map_err(Fault::Sqlite)?;
        let Content::Known(KnownContent::Text { attachments, .. }) = &mut content else { return Ok(()) };
        for attachment in attachments.iter_mut().filter(|attachment| attachment.id == id) {
            attachment.state = state;
        }
        self.conn
            .prepare_cached("UPDATE messages SET content = ?3, version = version + 1 WHERE app_id = ?1 AND id = ?2")?
            .execute(params![app.0, message.as_bytes(), rows::to_json(&content)?])?;
        self.log_message(app, person, message, visibility)
    }
}
