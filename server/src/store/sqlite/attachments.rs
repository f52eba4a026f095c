//! Rows of files, and who may see which.

use beistand_protocol::{AttachmentId, Dimensions, MessageId, PersonId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{self, optional_uuid, uuid};
use crate::store::{Announced, AppId, AttachmentRow, Reader, Stage, Uploader};

pub(super) fn stage_code(stage: Stage) -> i64 {
    match stage {
        Stage::Uploading => 0,
        Stage::Ready => 1,
        Stage::Scanning => 2,
        Stage::Blocked => 3,
        Stage::Gone => 4,
    }
}

fn stage(code: i64) -> Stage {
    match code {
        0 => Stage::Uploading,
        1 => Stage::Ready,
        2 => Stage::Scanning,
        3 => Stage::Blocked,
        _ => Stage::Gone,
    }
}

/// The value of the column `person_id`.
pub(super) fn uploader_key(uploader: Uploader) -> Option<[u8; 16]> {
    match uploader {
        Uploader::Person(person) => Some(*person.as_bytes()),
        Uploader::Agents => None,
    }
}

const ATTACHMENT: &str = "SELECT f.id, f.person_id, f.name, f.media_type, f.size, f.sha256, f.stage, f.width, \
     f.height, f.thumbnail_width, f.thumbnail_height, f.message_id, f.expires_at FROM attachments f ";

fn attachment(row: &Row<'_>) -> rusqlite::Result<AttachmentRow> {
    let dimensions = |first: usize| -> rusqlite::Result<Option<Dimensions>> {
        let (width, height): (Option<u32>, Option<u32>) = (row.get(first)?, row.get(first + 1)?);
        Ok(width.zip(height).map(|(width, height)| Dimensions { width, height }))
    };
    Ok(AttachmentRow {
        id: AttachmentId(uuid(row, 0)?),
        uploader: optional_uuid(row, 1)?.map_or(Uploader::Agents, |id| Uploader::Person(PersonId(id))),
        announced: Announced { name: row.get(2)?, media_type: row.get(3)?, size: row.get(4)?, sha256: row.get(5)? },
        stage: stage(row.get(6)?),
        dimensions: dimensions(7)?,
        thumbnail: dimensions(9)?,
        message: optional_uuid(row, 11)?.map(MessageId),
        expires_at: UnixMillis(row.get(12)?),
    })
}

pub(super) fn load(conn: &Connection, app: AppId, id: AttachmentId) -> rusqlite::Result<Option<AttachmentRow>> {
    conn.prepare_cached(&format!("{ATTACHMENT}WHERE f.app_id = ?1 AND f.id = ?2"))?
        .query_row(params![app.0, id.as_bytes()], attachment)
        .optional()
}

/// One's own files, and those of messages that one may see.
pub(super) fn load_for(
    conn: &Connection,
    app: AppId,
    reader: Reader,
    id: AttachmentId,
) -> rusqlite::Result<Option<AttachmentRow>> {
    let seen = rows::seen_by(reader);
    match reader {
        Reader::Agent => conn
            .prepare_cached(&format!(
                "{ATTACHMENT}WHERE f.app_id = ?1 AND f.id = ?2 AND (f.person_id IS NULL OR EXISTS \
                 (SELECT 1 FROM messages m WHERE m.app_id = f.app_id AND m.id = f.message_id AND {seen}))"
            ))?
            .query_row(params![app.0, id.as_bytes()], attachment)
            .optional(),
        Reader::Person(person) => conn
            .prepare_cached(&format!(
                "{ATTACHMENT}WHERE f.app_id = ?1 AND f.id = ?2 AND (f.person_id = ?3 OR EXISTS \
                 (SELECT 1 FROM messages m JOIN conversations c ON c.app_id = m.app_id AND c.id = m.conversation_id \
                 WHERE m.app_id = f.app_id AND m.id = f.message_id AND c.person_id = ?3 AND c.withdrawn_at IS NULL \
                 AND {seen}))"
            ))?
            .query_row(params![app.0, id.as_bytes(), person.as_bytes()], attachment)
            .optional(),
    }
}

pub(super) fn has_expired(conn: &Connection, at: UnixMillis) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM attachments WHERE message_id IS NULL AND expires_at <= ?1")?.exists([at.0])
}

/// Ready or being scanned: what is blocked or gone needs no bytes.
pub(super) fn is_kept(conn: &Connection, sha256: [u8; 32]) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM attachments WHERE sha256 = ?1 AND stage IN (1, 2)")?.exists([sha256])
}

pub(super) fn loose_files(conn: &Connection, limit: u32) -> rusqlite::Result<Vec<[u8; 32]>> {
    conn.prepare_cached(
        "SELECT l.sha256 FROM loose_files l WHERE NOT EXISTS \
         (SELECT 1 FROM attachments f WHERE f.sha256 = l.sha256 AND f.stage IN (1, 2)) LIMIT ?1",
    )?
    .query_map([limit], |row| row.get(0))?
    .collect()
}

pub(super) fn files_to_scan(conn: &Connection, limit: u32) -> rusqlite::Result<Vec<[u8; 32]>> {
    conn.prepare_cached(
        "SELECT sha256 FROM attachments WHERE stage = 2 GROUP BY sha256 ORDER BY min(created_at) LIMIT ?1",
    )?
    .query_map([limit], |row| row.get(0))?
    .collect()
}
