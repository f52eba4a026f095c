//! Whom this phone speaks as, and how far it has synced as that.

use beistand_protocol::{Credential, DeviceId, DeviceSecret, Epoch};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::outbox::machine::IdentityId;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub id: IdentityId,
    pub credential: Credential,
    pub registered: bool,
}

/// Where sync stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct SyncState {
    pub cursor: Option<String>,
    pub epoch: Option<Epoch>,
    pub snapshot: i64,
    /// Counts acknowledgements: a page of a snapshot that was made before one of them is out of date.
    pub acks: i64,
}

fn read(row: &Row<'_>) -> Result<(i64, Vec<u8>, Vec<u8>, bool), rusqlite::Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn build(parts: (i64, Vec<u8>, Vec<u8>, bool)) -> Result<Identity, StoreError> {
    let (id, device, secret, registered) = parts;
    let device = DeviceId::from_slice(&device).ok_or(StoreError::Value("a device id"))?;
    let secret = <[u8; 32]>::try_from(secret).map_err(|_| StoreError::Value("a device secret"))?;
    Ok(Identity { id, credential: Credential { device, secret: DeviceSecret(secret) }, registered })
}

pub(crate) fn current(connection: &Connection) -> Result<Option<Identity>, StoreError> {
    let found = connection
        .prepare_cached("SELECT id, device_id, secret, registered FROM identities WHERE current = 1")?
        .query_row([], read)
        .optional()?;
    found.map(build).transpose()
}

pub(crate) fn by_id(connection: &Connection, id: IdentityId) -> Result<Option<Identity>, StoreError> {
    let found = connection
        .prepare_cached("SELECT id, device_id, secret, registered FROM identities WHERE id = ?")?
        .query_row([id], read)
        .optional()?;
    found.map(build).transpose()
}

/// Stores a fresh credential as the current one, unless another process was faster; returns the current one.
pub(crate) fn ensure(connection: &Connection, fresh: Credential, now: i64) -> Result<Identity, StoreError> {
    if let Some(identity) = current(connection)? {
        return Ok(identity);
    }
    // After a rescue, rows may name an identity that could not be read: the new one takes its place.
    let orphan: Option<i64> = connection
        .query_row(
            "SELECT max(identity) FROM (SELECT identity FROM outbox UNION SELECT identity FROM conversations)",
            [],
            |row| row.get(0),
        )
        .optional()?
        .flatten();
    connection.execute(
        "INSERT INTO identities (id, device_id, secret, current, created_at) VALUES (?, ?, ?, 1, ?)",
        params![orphan.unwrap_or(1), fresh.device.as_bytes(), fresh.secret.0, now],
    )?;
    current(connection)?.ok_or(StoreError::Value("the identity"))
}

pub(crate) fn set_registered(connection: &Connection, id: IdentityId) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE identities SET registered = 1 WHERE id = ?")?.execute([id])?;
    Ok(())
}

pub(crate) fn sync_state(connection: &Connection, id: IdentityId) -> Result<SyncState, StoreError> {
    let found = connection
        .prepare_cached("SELECT cursor, epoch, snapshot, acks FROM identities WHERE id = ?")?
        .query_row([id], |row| {
            Ok(SyncState {
                cursor: row.get(0)?,
                epoch: row.get::<_, Option<String>>(1)?.map(Epoch),
                snapshot: row.get(2)?,
                acks: row.get(3)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn count_acknowledgement(connection: &Connection, id: IdentityId) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE identities SET acks = acks + 1 WHERE id = ?")?.execute([id])?;
    Ok(())
}

/// Everything but the count of acknowledgements.
pub(crate) fn set_sync_state(connection: &Connection, id: IdentityId, state: &SyncState) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE identities SET cursor = ?, epoch = ?, snapshot = ? WHERE id = ?")?
        .execute(params![state.cursor, state.epoch.as_ref().map(|epoch| &epoch.0), state.snapshot, id])?;
    Ok(())
}
