//! Which files of messages lie in the folder. A file that the outbox or the journal may still have to send is never
//! forgotten; all others are a cache.

use beistand_protocol::{AttachmentId, Dimensions, MessageId, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::messages;
use crate::attachments::files::Variant;
use crate::attachments::intake::Taken;
use crate::error::StoreError;

/// A file that lies in the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StoredFile {
    pub taken: Taken,
    pub uploaded: bool,
}

/// The file is needed to send (again) the message that it belongs to.
const IS_NEEDED: &str =
    "EXISTS (SELECT 1 FROM outbox o WHERE o.message_id = files.message_id AND o.kind IN ('open', 'send'))
    OR EXISTS (SELECT 1 FROM journal j WHERE j.message_id = files.message_id AND j.kind IN ('open', 'send'))";

const COLUMNS: &str = "attachment_id, name, media_type, size, sha256, width, height, uploaded";

/// Remembers the files of a message that was just written here.
pub(crate) fn insert_own(
    connection: &Connection,
    message: MessageId,
    files: &[Taken],
    now: UnixMillis,
) -> Result<(), StoreError> {
    for (position, file) in files.iter().enumerate() {
        insert(connection, message, position, true, Variant::Whole, file, now)?;
    }
    Ok(())
}

/// Remembers a file that was fetched.
pub(crate) fn insert_fetched(
    connection: &Connection,
    message: MessageId,
    variant: Variant,
    file: &Taken,
    now: UnixMillis,
) -> Result<(), StoreError> {
    insert(connection, message, 0, false, variant, file, now)
}

fn insert(
    connection: &Connection,
    message: MessageId,
    position: usize,
    mine: bool,
    variant: Variant,
    file: &Taken,
    now: UnixMillis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO files (attachment_id, variant, message_id, position, mine, name, media_type, size, sha256,
               width, height, uploaded, used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            file.id.as_bytes(),
            variant.as_str(),
            message.as_bytes(),
            position,
            mine,
            file.name,
            file.media_type,
            file.size,
            file.sha256,
            file.dimensions.map(|size| size.width),
            file.dimensions.map(|size| size.height),
            !mine,
            now.0,
        ])?;
    // A file of the same name is there (again): it is not to be removed any more.
    connection
        .prepare_cached("DELETE FROM files_to_remove WHERE attachment_id = ? AND variant = ?")?
        .execute(params![file.id.as_bytes(), variant.as_str()])?;
    Ok(())
}

type Parts = (Vec<u8>, String, String, u64, String, Option<u32>, Option<u32>, bool);

fn read(row: &Row<'_>) -> Result<Parts, rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?))
}

fn build(parts: Parts) -> Result<StoredFile, StoreError> {
    let (id, name, media_type, size, sha256, width, height, uploaded) = parts;
    let id = AttachmentId::from_slice(&id).ok_or(StoreError::Value("an attachment id"))?;
    let dimensions = width.zip(height).map(|(width, height)| Dimensions { width, height });
    Ok(StoredFile { taken: Taken { id, name, media_type, size, sha256, dimensions }, uploaded })
}

/// A file, if it lies in the folder.
pub(crate) fn get(
    connection: &Connection,
    id: AttachmentId,
    variant: Variant,
) -> Result<Option<StoredFile>, StoreError> {
    let parts = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM files WHERE attachment_id = ? AND variant = ?"))?
        .query_row(params![id.as_bytes(), variant.as_str()], read)
        .optional()?;
    parts.map(build).transpose()
}

/// The same, if it is a file of the current identity.
pub(crate) fn get_shown(
    connection: &Connection,
    id: AttachmentId,
    variant: Variant,
) -> Result<Option<StoredFile>, StoreError> {
    let message: Option<Vec<u8>> = connection
        .prepare_cached("SELECT message_id FROM files WHERE attachment_id = ? AND variant = ?")?
        .query_row(params![id.as_bytes(), variant.as_str()], |row| row.get(0))
        .optional()?;
    let Some(message) = message.and_then(|message| MessageId::from_slice(&message)) else { return Ok(None) };
    if messages::file_is_shown(connection, message)? { get(connection, id, variant) } else { Ok(None) }
}

/// The files of a message, in their order.
pub(crate) fn of_message(connection: &Connection, message: MessageId) -> Result<Vec<StoredFile>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM files WHERE message_id = ? AND variant = 'whole' ORDER BY position");
    let mut statement = connection.prepare_cached(&sql)?;
    let parts = statement.query_map([message.as_bytes()], read)?.collect::<Result<Vec<_>, _>>()?;
    parts.into_iter().map(build).collect()
}

/// The server has the file whole, or has it no longer.
pub(crate) fn set_uploaded(connection: &Connection, id: AttachmentId, uploaded: bool) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE files SET uploaded = ? WHERE attachment_id = ? AND variant = 'whole'")?
        .execute(params![uploaded, id.as_bytes()])?;
    Ok(())
}

/// Somebody looks at the file: it stays longer.
pub(crate) fn use_now(
    connection: &Connection,
    id: AttachmentId,
    variant: Variant,
    now: UnixMillis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE files SET used_at = ? WHERE attachment_id = ? AND variant = ?")?
        .execute(params![now.0, id.as_bytes(), variant.as_str()])?;
    Ok(())
}

/// Bytes of files that wait to be sent.
pub(crate) fn waiting_bytes(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM files WHERE mine = 1 AND uploaded = 0")?
        .query_row([], |row| row.get(0))?)
}

/// Forgets files whose message is gone or taken back, and, where the others are more than `most` bytes, those that were not
/// used for longest; but never the one that was used last, which somebody is about to open.
pub(crate) fn forget(connection: &Connection, most: u64) -> Result<(), StoreError> {
    connection.execute(
        &format!(
            "DELETE FROM files WHERE NOT ({IS_NEEDED}) AND NOT EXISTS (SELECT 1 FROM messages m
               WHERE m.id = files.message_id AND json_extract(m.server, '$.retracted_at') IS NULL)"
        ),
        [],
    )?;
    connection.execute(
        &format!(
            "DELETE FROM files WHERE (attachment_id, variant) IN (
               SELECT attachment_id, variant FROM (
                 SELECT attachment_id, variant, size,
                   sum(size) OVER (ORDER BY used_at DESC, attachment_id, variant) AS kept
                 FROM files WHERE NOT ({IS_NEEDED}))
               WHERE kept > ? AND kept > size)"
        ),
        [most],
    )?;
    Ok(())
}

/// A file that one attachment has in the folder.
pub(crate) type Named = (AttachmentId, Variant);

fn named(row: &Row<'_>) -> Result<(Vec<u8>, String), rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?))
}

fn all(connection: &Connection, sql: &str) -> Result<Vec<Named>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], named)?.collect::<Result<Vec<_>, _>>()?;
    let variants = [Variant::Whole, Variant::Thumbnail];
    Ok(rows
        .into_iter()
        .filter_map(|(id, variant)| {
            let variant = variants.into_iter().find(|known| known.as_str() == variant)?;
            Some((AttachmentId::from_slice(&id)?, variant))
        })
        .collect())
}

/// Files that were forgotten and may still lie in the folder.
pub(crate) fn to_remove(connection: &Connection) -> Result<Vec<Named>, StoreError> {
    all(connection, "SELECT attachment_id, variant FROM files_to_remove")
}

/// They are gone from the folder.
pub(crate) fn removed(connection: &Connection, gone: &[Named]) -> Result<(), StoreError> {
    for (id, variant) in gone {
        connection
            .prepare_cached("DELETE FROM files_to_remove WHERE attachment_id = ? AND variant = ?")?
            .execute(params![id.as_bytes(), variant.as_str()])?;
    }
    Ok(())
}

/// All files that this database knows of.
pub(crate) fn known(connection: &Connection) -> Result<Vec<Named>, StoreError> {
    all(connection, "SELECT attachment_id, variant FROM files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_for_test;

    fn file(number: u8, size: u64) -> Taken {
        Taken {
            id: AttachmentId::mint(UnixMillis(1), [number; 10]),
            name: "a.txt".into(),
            media_type: "text/plain".into(),
            size,
            sha256: String::new(),
            dimensions: None,
        }
    }

    fn message(connection: &Connection, number: u8) -> MessageId {
        let id = MessageId::mint(UnixMillis(1), [number; 10]);
        connection
            .execute(
                "INSERT INTO messages (id, conversation_id, local_order, mine, text, created_at) VALUES (?, x'00', 1, 0, '', 1)",
                [id.as_bytes()],
            )
            .unwrap();
        id
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let connection = open_for_test();
        let about = message(&connection, 1);
        for number in 1..=4 {
            let at = UnixMillis(i64::from(number));
            insert_fetched(&connection, about, Variant::Whole, &file(number, 10), at).unwrap();
        }
        use_now(&connection, file(1, 0).id, Variant::Whole, UnixMillis(9)).unwrap();
        forget(&connection, 25).unwrap();
        let mut left: Vec<_> = known(&connection).unwrap().into_iter().map(|(id, _)| id).collect();
        left.sort();
        let mut expected = vec![file(1, 0).id, file(4, 0).id];
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(to_remove(&connection).unwrap().len(), 2);
    }

    #[test]
    fn a_file_larger_than_the_cache_stays_until_the_next_one() {
        let connection = open_for_test();
        let about = message(&connection, 1);
        insert_fetched(&connection, about, Variant::Whole, &file(1, 500), UnixMillis(1)).unwrap();
        forget(&connection, 100).unwrap();
        assert_eq!(known(&connection).unwrap().len(), 1);
        insert_fetched(&connection, about, Variant::Whole, &file(2, 10), UnixMillis(2)).unwrap();
        forget(&connection, 100).unwrap();
        assert_eq!(known(&connection).unwrap(), [(file(2, 0).id, Variant::Whole)]);
    }

    #[test]
    fn a_file_of_a_message_that_is_gone_is_forgotten() {
        let connection = open_for_test();
        let about = message(&connection, 1);
        insert_fetched(&connection, about, Variant::Thumbnail, &file(1, 10), UnixMillis(1)).unwrap();
        forget(&connection, 1000).unwrap();
        assert_eq!(known(&connection).unwrap().len(), 1);
        connection.execute("DELETE FROM messages", []).unwrap();
        forget(&connection, 1000).unwrap();
        assert_eq!(known(&connection).unwrap(), []);
        let gone = to_remove(&connection).unwrap();
        removed(&connection, &gone).unwrap();
        assert_eq!(to_remove(&connection).unwrap(), []);
    }
}
