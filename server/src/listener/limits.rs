//! How much of the network the server lets in, each number with its reason. Nothing here concerns what is written into
//! conversations: that is `[limits]`.

use std::time::Duration;

use serde::Deserialize;

use crate::config::ConfigError;

/// `[connections]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionsConfig {
    /// Connections at once, sockets among them. At 20 KB each, 50,000 take a gigabyte. The limit of the system on open
    /// files lowers it.
    pub most: u32,
    /// Connections at once from one address (of IPv6: from one /64); 0 for no limit. A carrier puts some hundred
    /// households behind one address; several thousand phones that look at their tickets in the same second are one
    /// machine. Trusted proxies are not counted.
    pub per_address: u32,
    /// From the connection to the end of the first request's headers, TLS included: three lost packets on a slow line.
    pub header_seconds: u32,
    /// A connection that carries nothing: longer than the minute in which somebody reads an answer and writes the next.
    pub idle_seconds: u32,
    /// A body that stops coming, or an answer that is no longer taken. Silence, not slowness: a phone in a tunnel comes
    /// out of it or begins anew.
    pub stall_seconds: u32,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self { most: 50_000, per_address: 2_000, header_seconds: 15, idle_seconds: 75, stall_seconds: 60 }
    }
}

impl ConnectionsConfig {
    /// Holds every value against its rule.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.most == 0 {
            return Err(ConfigError::new("connections.most", "must be at least 1"));
        }
        for (key, seconds) in [
            ("connections.header_seconds", self.header_seconds),
            ("connections.idle_seconds", self.idle_seconds),
            ("connections.stall_seconds", self.stall_seconds),
        ] {
            if !(1..=3600).contains(&seconds) {
                return Err(ConfigError::new(key, "must lie between 1 and 3600"));
            }
        }
        Ok(())
    }

    pub(crate) fn header(&self) -> Duration {
        Duration::from_secs(self.header_seconds.into())
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds.into())
    }

    pub(crate) fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds.into())
    }
}

/// Open files that are not connections: the database with its journal and readers, uploads, the log, what the runtime
/// needs.
#[cfg(unix)]
const OTHER_FILES: u64 = 512;

/// Raises the system's limit on open files as far as this process may, and gives the number of connections that fit
/// below it, at most `wanted`. Most systems start programs with a limit of 1,024 and allow far more.
pub(crate) fn connections_that_fit(wanted: u32) -> u32 {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let needed = u64::from(wanted) + OTHER_FILES;
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        // No limit is written as none.
        let Some(current) = current.filter(|current| *current < needed) else { return wanted };
        let raised = maximum.map_or(needed, |maximum| maximum.min(needed));
        let limit = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
            Ok(()) => raised,
            Err(_) => current,
        };
        // With very few files left, half of them serve better than none.
        let fit = limit.saturating_sub(OTHER_FILES).max(limit / 2);
        if fit < u64::from(wanted) {
            tracing::info!(connections = fit, open_files = limit, "the limit on open files lowers connections.most");
        }
        u32::try_from(fit).unwrap_or(wanted).min(wanted)
    }
    #[cfg(not(unix))]
    wanted
}
