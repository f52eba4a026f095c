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

pub(crate) fn server_time(connection: &Connection) -> Result<Option<UnixMillis>, StoreError> {
    Ok(get(connection, "server_time")?.and_then(|text| text.parse().ok()).map(UnixMillis))
}

pub(crate) fn set_server_time(connection: &Connection, time: UnixMillis) -> Result<(), StoreError> {
    set(connection, "server_time", &time.0.to_string())
}
