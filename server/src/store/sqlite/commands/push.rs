//! Push tokens.

use rusqlite::params;

use super::{Context, Done, done};
use crate::store::{Applied, Outcome, command::PushCommand};

pub(super) fn apply(context: &Context<'_>, command: PushCommand) -> Done<Applied> {
    match command {
        PushCommand::Set { app, device, token, at } => {
            context
                .conn
                .prepare_cached(
                    "DELETE FROM push_tokens WHERE app_id = ?1 AND service = ?2 AND token = ?3 AND device_id <> ?4",
                )?
                .execute(params![app.0, token.service, token.token, device.as_bytes()])?;
            context
                .conn
                .prepare_cached(
                    // Not for a device that has left meanwhile.
                    "INSERT INTO push_tokens (app_id, device_id, service, token, created_at) \
                     SELECT app_id, id, ?3, ?4, ?5 FROM devices \
                     WHERE app_id = ?1 AND id = ?2 AND signed_off_at IS NULL ON CONFLICT (app_id, device_id) DO UPDATE SET \
                     service = excluded.service, token = excluded.token, created_at = excluded.created_at",
                )?
                .execute(params![app.0, device.as_bytes(), token.service, token.token, at.0])?;
        }
        PushCommand::Remove { app, device } => {
            context
                .conn
                .prepare_cached("DELETE FROM push_tokens WHERE app_id = ?1 AND device_id = ?2")?
                .execute(params![app.0, device.as_bytes()])?;
        }
        PushCommand::Forget { app, device, token } => {
            context
                .conn
                .prepare_cached(
                    "DELETE FROM push_tokens WHERE app_id = ?1 AND device_id = ?2 AND service = ?3 AND token = ?4",
                )?
                .execute(params![app.0, device.as_bytes(), token.service, token.token])?;
        }
    }
    done(false, Outcome::Done)
}
