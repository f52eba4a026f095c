//! Who a person is today. A login may have made an anonymous person an alias of a user; whoever asks for the alias, since
//! it read a credential a moment before the merge, gets the user.

use beistand_protocol::{PersonId, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::optional_uuid;
use crate::{
    identity::{Algorithm, KeyMaterial},
    store::{AppId, IdentityKey, Reader, Stream},
};

/// The person that this one is today. Users are never aliases, so one step is enough.
pub(super) fn today(conn: &Connection, app: AppId, person: PersonId) -> rusqlite::Result<PersonId> {
    let user = conn
        .prepare_cached("SELECT alias_of FROM persons WHERE app_id = ?1 AND id = ?2")?
        .query_row(params![app.0, person.as_bytes()], |row| optional_uuid(row, 0))
        .optional()?;
    Ok(user.flatten().map_or(person, PersonId))
}

pub(super) fn reader_today(conn: &Connection, app: AppId, reader: Reader) -> rusqlite::Result<Reader> {
    match reader {
        Reader::Person(person) => today(conn, app, person).map(Reader::Person),
        Reader::Agent => Ok(reader),
    }
}

pub(super) fn stream_today(conn: &Connection, app: AppId, stream: Stream) -> rusqlite::Result<Stream> {
    match stream {
        Stream::Person(person) => today(conn, app, person).map(Stream::Person),
        Stream::Agents => Ok(stream),
    }
}

/// Who the person is to the app.
pub(super) fn subject(conn: &Connection, app: AppId, person: PersonId) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT subject FROM persons WHERE app_id = ?1 AND id = ?2")?
        .query_row(params![app.0, person.as_bytes()], |row| row.get(0))
        .optional()
        .map(Option::flatten)
}

/// What tokens of a name are held against, unless it was revoked.
pub(super) fn key_material(conn: &Connection, app: AppId, kid: &str) -> rusqlite::Result<Option<KeyMaterial>> {
    let stored = conn
        .prepare_cached(
            "SELECT algorithm, material FROM identity_keys WHERE app_id = ?1 AND kid = ?2 AND revoked_at IS NULL",
        )?
        .query_row(params![app.0, kid], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    // An algorithm of a later version is none that this one can hold a token against.
    Ok(stored.and_then(|(name, bytes)| Some(KeyMaterial::from_stored(Algorithm::parse(&name)?, bytes))))
}

/// All keys of an app, oldest first.
pub(super) fn keys(conn: &Connection, app: AppId) -> rusqlite::Result<Vec<IdentityKey>> {
    let rows = conn
        .prepare_cached(
            "SELECT kid, algorithm, created_at, revoked_at FROM identity_keys WHERE app_id = ?1 ORDER BY created_at, kid",
        )?
        .query_map([app.0], |row| {
            let (kid, created_at) = (row.get(0)?, UnixMillis(row.get(2)?));
            let revoked_at = row.get::<_, Option<i64>>(3)?.map(UnixMillis);
            let algorithm = Algorithm::parse(&row.get::<_, String>(1)?);
            Ok(algorithm.map(|algorithm| IdentityKey { kid, algorithm, created_at, revoked_at }))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().flatten().collect())
}
