//! Whom this phone speaks as, and how far it has synced as that. One identity is current; those before it are leaving,
//! and nothing of them is shown. The number of an identity is never given twice, so that what was asked for in the name
//! of one can never be taken for an answer to another.

use beistand_protocol::{Credential, DeviceId, DeviceSecret, Epoch};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::meta;
use crate::error::StoreError;
use crate::outbox::machine::IdentityId;

/// Which identity is current, a second time.
const CURRENT: &str = "current_identity";

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub id: IdentityId,
    pub credential: Credential,
    pub registered: bool,
    pub current: bool,
    /// The user, once a login has said it.
    pub subject: Option<String>,
    /// Whether the server has accepted the user.
    pub confirmed: bool,
    /// Whether the server may have heard of the user, whatever it answered.
    pub told: bool,
    /// Whose it was is not known: a login never takes it over.
    pub owner_lost: bool,
    /// Since when a login tries whether it is accepted, by this phone's clock.
    pub candidate: Option<i64>,
    /// Whether the server is still to stop waking it.
    pub push_ends: bool,
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

const COLUMNS: &str =
    "id, device_id, secret, registered, current, subject, confirmed, told, owner_lost, candidate, push_ends";

fn read(row: &Row<'_>) -> Result<Identity, rusqlite::Error> {
    let credential = Credential {
        device: DeviceId(Uuid::from_bytes(row.get(1)?)),
        secret: DeviceSecret(row.get::<_, [u8; 32]>(2)?),
    };
    Ok(Identity {
        id: row.get(0)?,
        credential,
        registered: row.get(3)?,
        current: row.get(4)?,
        subject: row.get(5)?,
        confirmed: row.get(6)?,
        told: row.get(7)?,
        owner_lost: row.get(8)?,
        candidate: row.get(9)?,
        push_ends: row.get(10)?,
    })
}

fn one(connection: &Connection, condition: &str, value: i64) -> Result<Option<Identity>, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM identities WHERE {condition} = ?"))?
        .query_row([value], read)
        .optional()?)
}

pub(crate) fn current(connection: &Connection) -> Result<Option<Identity>, StoreError> {
    one(connection, "current", 1)
}

pub(crate) fn by_id(connection: &Connection, id: IdentityId) -> Result<Option<Identity>, StoreError> {
    one(connection, "id", id)
}

/// Those that are not current, oldest first.
pub(crate) fn leaving(connection: &Connection) -> Result<Vec<Identity>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM identities WHERE current = 0 ORDER BY id"))?;
    Ok(statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?)
}

/// Whether it is current.
pub(crate) fn is_current(connection: &Connection, id: IdentityId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM identities WHERE id = ? AND current = 1")?.exists([id])?)
}

/// Stores a fresh credential as the current one, unless another process was faster; returns the current one.
pub(crate) fn ensure(connection: &Connection, fresh: Credential, now: i64) -> Result<Identity, StoreError> {
    if let Some(identity) = current(connection)? {
        return Ok(identity);
    }
    // After a rescue the row of the current identity may be lost: a new one takes its place, for whoever looked until now.
    // What is left of those that were leaving stays away from it.
    let lost = meta::get(connection, CURRENT)?.and_then(|id| id.parse::<IdentityId>().ok());
    if let Some(id) = lost {
        connection.execute(
            "INSERT INTO identities (id, device_id, secret, current, owner_lost, created_at) VALUES (?, ?, ?, 1, 1, ?)
             ON CONFLICT (id) DO NOTHING",
            params![id, fresh.device.as_bytes(), fresh.secret.0, now],
        )?;
    }
    match current(connection)? {
        Some(identity) => Ok(identity),
        None => insert(connection, fresh, None, now).and_then(|id| make_current(connection, id)),
    }
}

/// Stores a fresh identity that is not current (yet).
pub(crate) fn insert(
    connection: &Connection,
    fresh: Credential,
    subject: Option<&str>,
    now: i64,
) -> Result<IdentityId, StoreError> {
    let newest: i64 = connection.query_row(
        "SELECT coalesce(max(id), 0) FROM (SELECT id FROM identities UNION ALL SELECT identity FROM outbox
           UNION ALL SELECT identity FROM conversations UNION ALL SELECT identity FROM journal
           UNION ALL SELECT identity FROM unknown_changes)",
        [],
        |row| row.get(0),
    )?;
    // The very first is 1. From then on the clock tells numbers apart that nothing here remembers any more.
    let id = if newest == 0 && meta::get(connection, CURRENT)?.is_none() { 1 } else { now.max(newest + 1) };
    connection.execute(
        "INSERT INTO identities (id, device_id, secret, subject, current, created_at) VALUES (?, ?, ?, ?, 0, ?)",
        params![id, fresh.device.as_bytes(), fresh.secret.0, subject, now],
    )?;
    Ok(id)
}

/// From now on it is the one that is shown.
pub(crate) fn make_current(connection: &Connection, id: IdentityId) -> Result<Identity, StoreError> {
    connection
        .execute("UPDATE identities SET current = (id = ?1), candidate = NULL WHERE current = 1 OR id = ?1", [id])?;
    meta::set(connection, CURRENT, &id.to_string())?;
    current(connection)?.ok_or(StoreError::Value("the identity"))
}

/// A login begins to try it.
pub(crate) fn set_candidate(connection: &Connection, id: IdentityId, since: Option<i64>) -> Result<(), StoreError> {
    connection.execute("UPDATE identities SET candidate = ? WHERE id = ?", params![since, id])?;
    Ok(())
}

/// How much this phone has ever written into conversations: numbers of lanes only grow.
fn written(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row(
        "SELECT coalesce(sum(last_seq), 0) FROM lanes WHERE lane LIKE 'conversation:%'",
        [],
        |row| row.get(0),
    )?)
}

/// It belongs to this user from now on; the server has not accepted that yet.
pub(crate) fn claim(connection: &Connection, id: IdentityId, subject: &str, now: i64) -> Result<(), StoreError> {
    let written = written(connection)?;
    connection.execute(
        "UPDATE identities SET subject = ?, confirmed = 0, told = 0, login_at = ?, written = ? WHERE id = ?",
        params![subject, now, written, id],
    )?;
    Ok(())
}

/// Takes a claim back that the server has surely never accepted and under which nothing was written. Whether it was.
pub(crate) fn unclaim(connection: &Connection, id: IdentityId, subject: &str) -> Result<bool, StoreError> {
    let written = written(connection)?;
    let changed = connection.execute(
        "UPDATE identities SET subject = NULL, login_at = NULL
         WHERE id = ? AND subject = ? AND confirmed = 0 AND told = 0 AND login_at IS NOT NULL AND written = ?",
        params![id, subject, written],
    )?;
    Ok(changed > 0)
}

/// A proof is about to leave, or is known not to have been accepted.
pub(crate) fn set_told(connection: &Connection, id: IdentityId, told: bool) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE identities SET told = ? WHERE id = ?")?.execute(params![told, id])?;
    Ok(())
}

/// What the server says about the user of a device.
pub(crate) fn set_confirmed(
    connection: &Connection,
    id: IdentityId,
    subject: &str,
    confirmed: bool,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE identities SET subject = ?2, confirmed = ?3, told = max(told, ?3)
             WHERE id = ?1 AND (subject IS NOT ?2 OR confirmed <> ?3)",
        )?
        .execute(params![id, subject, confirmed])?;
    Ok(changed > 0)
}

/// The server speaks of another user than this phone does.
pub(crate) fn set_owner_lost(connection: &Connection, id: IdentityId) -> Result<(), StoreError> {
    connection.execute("UPDATE identities SET subject = NULL, confirmed = 0, owner_lost = 1 WHERE id = ?", [id])?;
    Ok(())
}

/// When its user was set.
pub(crate) fn login_at(connection: &Connection, id: IdentityId) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .query_row("SELECT login_at FROM identities WHERE id = ?", [id], |row| row.get(0))
        .optional()?
        .flatten())
}

pub(crate) fn set_push_ends(connection: &Connection, id: IdentityId, ends: bool) -> Result<(), StoreError> {
    connection.execute("UPDATE identities SET push_ends = ? WHERE id = ?", params![ends, id])?;
    Ok(())
}

/// One that was made in vain goes again.
pub(crate) fn delete_if_empty(connection: &Connection, id: IdentityId) -> Result<(), StoreError> {
    connection.execute(
        "DELETE FROM identities WHERE id = ?1 AND current = 0 AND registered = 0 AND told = 0
           AND NOT EXISTS (SELECT 1 FROM outbox WHERE identity = ?1)
           AND NOT EXISTS (SELECT 1 FROM conversations WHERE identity = ?1)",
        [id],
    )?;
    Ok(())
}

/// The last thing that is known of it goes: its credential.
pub(crate) fn delete(connection: &Connection, id: IdentityId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM identities WHERE id = ? AND current = 0", [id])?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_for_test;

    fn fresh(number: u8) -> Credential {
        let device = DeviceId::mint(beistand_protocol::UnixMillis(1), [number; 10]);
        Credential { device, secret: DeviceSecret([number; 32]) }
    }

    #[test]
    fn the_number_of_an_identity_is_never_given_twice() {
        let connection = open_for_test();
        assert_eq!(ensure(&connection, fresh(1), 5).unwrap().id, 1);
        let second = insert(&connection, fresh(2), None, 7_000).unwrap();
        make_current(&connection, second).unwrap();
        delete(&connection, 1).unwrap();
        // The clock was set back, and the row of the first is gone.
        let third = insert(&connection, fresh(3), None, 3).unwrap();
        assert_eq!((second, third), (7_000, 7_001));
        make_current(&connection, third).unwrap();
        delete(&connection, second).unwrap();
        assert_eq!(current(&connection).unwrap().unwrap().id, third);
        assert_eq!(leaving(&connection).unwrap(), []);
    }

    #[test]
    fn a_claim_under_which_something_was_written_is_not_taken_back() {
        let connection = open_for_test();
        let id = ensure(&connection, fresh(1), 5).unwrap().id;
        claim(&connection, id, "anna", 9).unwrap();
        assert!(!unclaim(&connection, id, "bert").unwrap(), "it is another user's by now");
        assert!(unclaim(&connection, id, "anna").unwrap());
        claim(&connection, id, "anna", 9).unwrap();
        set_told(&connection, id, true).unwrap();
        assert!(!unclaim(&connection, id, "anna").unwrap(), "the server may know");
        set_told(&connection, id, false).unwrap();
        connection.execute("INSERT INTO lanes VALUES ('conversation:x', 1)", []).unwrap();
        assert!(!unclaim(&connection, id, "anna").unwrap(), "somebody has written as anna");
        assert_eq!(current(&connection).unwrap().unwrap().subject.as_deref(), Some("anna"));
    }

    #[test]
    fn a_rescue_shows_nobody_what_was_leaving() {
        let connection = open_for_test();
        let first = ensure(&connection, fresh(1), 5).unwrap().id;
        connection
            .execute(
                "INSERT INTO conversations (id, identity, draft, created_at, touched_at) VALUES (x'01', ?, '', 1, 1)",
                [first],
            )
            .unwrap();
        let second = insert(&connection, fresh(2), Some("bert"), 9).unwrap();
        make_current(&connection, second).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute("DELETE FROM identities", []).unwrap();
        let now = ensure(&connection, fresh(3), 20).unwrap();
        assert_eq!((now.id, now.owner_lost, now.subject), (second, true, None), "what was shown is still known");
        assert!(crate::store::leaving::has_ownerless(&connection).unwrap());
        crate::store::leaving::drop_ownerless(&connection).unwrap();
        let left: i64 = connection.query_row("SELECT count(*) FROM conversations", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "and nobody is shown the rest");
    }
}
