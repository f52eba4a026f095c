//! Single values: the last configuration, the last known server time.

use beistand_protocol::{AppConfig, UnixMillis};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::StoreError;

pub(crate) fn get(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

pub(crate) fn set(connection: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, key: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM meta WHERE key = ?")?.execute([key])?;
    Ok(())
}

/// The configuration that the server last announced, and its entity tag.
pub(crate) fn app_config(connection: &Connection) -> Result<Option<(AppConfig, Option<String>)>, StoreError> {
    let Some(json) = get(connection, "app_config")? else { return Ok(None) };
    // A copy that this version cannot read is fetched again.
    let Ok(config) = serde_json::from_str(&json) else { return Ok(None) };
    Ok(Some((config, get(connection, "app_config_etag")?)))
}

pub(crate) fn set_app_config(
    connection: &Connection,
    config: &AppConfig,
    etag: Option<&str>,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(config).map_err(|_| StoreError::Value("the configuration"))?;
    set(connection, "app_config", &json)?;
    set(connection, "app_config_etag", etag.unwrap_or_default())
}

/// The last word of a server on its time, and what the phone showed then.
pub(crate) fn told_time(connection: &Connection) -> Result<Option<(UnixMillis, UnixMillis)>, StoreError> {
    let Some(text) = get(connection, "told_time")? else { return Ok(None) };
    let told = text.split_once(' ').and_then(|(time, wall)| Some((time.parse().ok()?, wall.parse().ok()?)));
    Ok(told.map(|(time, wall)| (UnixMillis(time), UnixMillis(wall))))
}

/// Stores it, and dates with it what was written before any server had told its time.
pub(crate) fn set_told_time(connection: &Connection, told: (UnixMillis, UnixMillis)) -> Result<(), StoreError> {
    let (time, wall) = told;
    set(connection, "told_time", &format!("{} {}", time.0, wall.0))?;
    connection
        .prepare_cached("UPDATE outbox SET known_created_at = ? WHERE known_created_at IS NULL")?
        .execute([time.0])?;
    Ok(())
}
