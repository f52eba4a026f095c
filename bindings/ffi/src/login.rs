//! Who the person is to the app: signing in with tokens of the app's own backend, and signing out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use beistand_core::{Client, LoggedOut, Logout, TokenError, TokenProvider, TokenReason, Who};

use crate::client::FfiClient;
use crate::error::FfiError;
use crate::runtime::{FfiCancel, run_until};
use crate::watches::FfiIdentityWatch;

/// Whom the phone speaks for.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiIdentity {
    /// The user, in the words of the app's own backend; none for an anonymous person.
    pub subject: Option<String>,
    /// Whether the server has accepted the login.
    pub confirmed: bool,
}

impl From<Who> for FfiIdentity {
    fn from(who: Who) -> Self {
        Self { subject: who.subject, confirmed: who.confirmed }
    }
}

/// Why a token is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiTokenReason {
    /// A login begins, or is to be proven anew.
    First,
    /// The server says that the token has expired.
    Expired,
    /// The server does not accept the token.
    Refused,
    /// The server says that the token is not good yet: a clock is wrong.
    ClockSkew,
}

impl From<TokenReason> for FfiTokenReason {
    fn from(reason: TokenReason) -> Self {
        match reason {
            TokenReason::First => Self::First,
            TokenReason::Expired => Self::Expired,
            TokenReason::Refused => Self::Refused,
            TokenReason::ClockSkew => Self::ClockSkew,
        }
    }
}

/// The app's backend has no token now.
#[derive(Debug, uniffi::Error)]
pub enum FfiTokenError {
    /// What happened stays with the app.
    Failed,
}

impl fmt::Display for FfiTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token provider failed")
    }
}

impl std::error::Error for FfiTokenError {}

impl From<uniffi::UnexpectedUniFFICallbackError> for FfiTokenError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Hands out tokens of the user who is signed in to the app. The one thing besides the log that the library asks of the app.
#[uniffi::export(with_foreign)]
#[async_trait::async_trait]
pub trait FfiTokenProvider: Send + Sync {
    /// A fresh token. Asked once at a time, under no lock; what takes too long is given up.
    async fn token(&self, reason: FfiTokenReason) -> Result<String, FfiTokenError>;
}

/// The app's provider as the core knows it.
struct Asked(Arc<dyn FfiTokenProvider>);

impl TokenProvider for Asked {
    fn token(
        &self,
        reason: TokenReason,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send + 'static>> {
        let provider = self.0.clone();
        Box::pin(async move { provider.token(reason.into()).await.map_err(|_| TokenError::default()) })
    }
}

/// What becomes of that which still waits to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum FfiLogout {
    /// It is sent for so long; the rest is treated as with `Keep`.
    SendFirst {
        /// How long the call may take.
        within: Duration,
    },
    /// It leaves by itself, in the name of whom it was written by.
    Keep,
    /// It is thrown away.
    Discard,
}

impl From<FfiLogout> for Logout {
    fn from(mode: FfiLogout) -> Self {
        match mode {
            FfiLogout::SendFirst { within } => Self::SendFirst { within },
            FfiLogout::Keep => Self::Keep,
            FfiLogout::Discard => Self::Discard,
        }
    }
}

/// What a logout came to: writes of the person that waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiLoggedOut {
    /// They have been sent.
    pub sent: u64,
    /// They still leave.
    pub kept: u64,
    /// They never will.
    pub discarded: u64,
}

impl From<LoggedOut> for FfiLoggedOut {
    fn from(out: LoggedOut) -> Self {
        Self { sent: out.sent, kept: out.kept, discarded: out.discarded }
    }
}

#[uniffi::export]
impl FfiClient {
    /// Whom the phone speaks for, as far as is known now; read from the disk with the first call.
    pub fn identity(&self) -> FfiIdentity {
        self.core().identity().get().into()
    }

    /// Whom the phone speaks for, to be watched.
    pub fn watch_identity(&self) -> Arc<FfiIdentityWatch> {
        FfiIdentityWatch::new(self.core().identity().subscribe())
    }

    /// Signs a user in. The provider is kept until the next logout or the end of the process. Giving the call up does not undo
    /// what has happened.
    pub async fn login(
        &self,
        provider: Arc<dyn FfiTokenProvider>,
        cancel: Option<Arc<FfiCancel>>,
    ) -> Result<FfiIdentity, FfiError> {
        let core: Client = self.core().clone();
        let who = run_until(cancel, async move { core.login(Arc::new(Asked(provider))).await }).await?;
        Ok(who.into())
    }

    /// Signs the user out, offline too.
    pub async fn logout(&self, mode: FfiLogout, cancel: Option<Arc<FfiCancel>>) -> Result<FfiLoggedOut, FfiError> {
        let core: Client = self.core().clone();
        Ok(run_until(cancel, async move { core.logout(mode.into()).await }).await?.into())
    }
}
