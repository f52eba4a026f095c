//! What the app gives the client: somebody to ask for tokens. It is foreign code: it may fail, panic, block its thread or
//! never answer, and none of that may reach further than one call.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::LoginError;

/// Why a token is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenReason {
    /// A login begins, or is to be proven anew.
    First,
    /// The server says that the token has expired.
    Expired,
    /// The server does not accept the token: its key may have been changed.
    Refused,
    /// The server says that the token is not good yet: a clock is wrong.
    ClockSkew,
}

/// The app's backend has no token now.
#[derive(Clone, PartialEq, Eq, Debug, Default, thiserror::Error)]
#[error("the token provider failed")]
pub struct TokenError {
    /// What happened, in the provider's own words; nobody but the app reads it.
    pub detail: String,
}

/// Hands out tokens: JSON Web Tokens that the app's own backend has signed for the user who is signed in to the app.
pub trait TokenProvider: Send + Sync {
    /// A fresh token. Asked once at a time; a token that was handed out before is no answer to another reason than
    /// [`TokenReason::First`].
    fn token(&self, reason: TokenReason) -> BoxFuture<'static, Result<String, TokenError>>;
}

/// Asks; whatever the provider does, this ends.
pub(super) async fn ask(
    provider: Arc<dyn TokenProvider>,
    reason: TokenReason,
    within: Duration,
    inline: bool,
) -> Result<String, LoginError> {
    let asked = async move {
        // The call itself may panic, before there is a future.
        let answer = AssertUnwindSafe(async move { provider.token(reason).await }).catch_unwind();
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(Ok(token))) => Ok(token),
            Ok(_) => Err(LoginError::ProviderFailed),
            Err(_) => Err(LoginError::ProviderTimeout),
        }
    };
    if inline {
        return asked.await;
    }
    // On a thread that may be blocked: the wait below ends in time all the same.
    let runtime = tokio::runtime::Handle::current();
    let thread = tokio::task::spawn_blocking(move || runtime.block_on(asked));
    match tokio::time::timeout(within, thread).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(LoginError::ProviderFailed),
        Err(_) => Err(LoginError::ProviderTimeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Does(fn() -> BoxFuture<'static, Result<String, TokenError>>);

    impl TokenProvider for Does {
        fn token(&self, _: TokenReason) -> BoxFuture<'static, Result<String, TokenError>> {
            (self.0)()
        }
    }

    /// Long enough for a busy machine to print how a provider died.
    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(100);

    async fn asked(
        does: fn() -> BoxFuture<'static, Result<String, TokenError>>,
        within: Duration,
    ) -> Result<String, LoginError> {
        ask(Arc::new(Does(does)), TokenReason::First, within, false).await
    }

    #[tokio::test]
    async fn whatever_a_provider_does_the_question_ends() {
        assert_eq!(asked(|| Box::pin(async { Ok("t".to_owned()) }), LONG).await, Ok("t".to_owned()));
        let failed = asked(|| Box::pin(async { Err(TokenError::default()) }), LONG).await;
        assert_eq!(failed, Err(LoginError::ProviderFailed));
        assert_eq!(asked(|| panic!("at once"), LONG).await, Err(LoginError::ProviderFailed));
        assert_eq!(asked(|| Box::pin(async { panic!("later") }), LONG).await, Err(LoginError::ProviderFailed));
        assert_eq!(asked(|| Box::pin(std::future::pending()), SHORT).await, Err(LoginError::ProviderTimeout));
        let (free, blocked) = std::sync::mpsc::channel::<()>();
        static HELD: std::sync::Mutex<Option<std::sync::mpsc::Receiver<()>>> = std::sync::Mutex::new(None);
        *HELD.lock().unwrap() = Some(blocked);
        let stuck = asked(
            || {
                let held = HELD.lock().unwrap().take();
                let _ = held.map(|held| held.recv());
                Box::pin(async { Ok("late".to_owned()) })
            },
            SHORT,
        );
        assert_eq!(stuck.await, Err(LoginError::ProviderTimeout));
        drop(free);
    }
}
