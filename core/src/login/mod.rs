//! Who the person is to the app: signing in with a token of the app's own backend, and signing out.
//!
//! A phone has one current identity: a device with a secret of its own, and the user that a login has said, if any. What
//! is shown and written is the current one's. Another user, or nobody, gets a new identity; the one before is *leaving*:
//! what it has queued still goes with its own credential, and when nothing is left everything of it is wiped and the
//! device signed off. So no credential ever speaks for two users, whatever the order of calls and networks.
//!
//! `logins` keeps the providers of tokens, `proof` shows a token to the server, `leaving` sees those who leave off.

mod leaving;
pub(crate) mod logins;
mod proof;
mod provider;
mod token;

use std::sync::Arc;
use std::time::Duration;

use beistand_protocol::Code;

use crate::attachments::sweep;
use crate::client::{Client, Inner};
use crate::error::{Error, ErrorKind, Result, StoreError};
use crate::observe::{Observable, StoreChange};
use crate::outbox::machine::IdentityId;
use crate::push;
use crate::realtime::RealtimeMessage;
use crate::store::identity::{self, Identity};
use crate::store::leaving as left;

pub(crate) use leaving::{prepare, run};
pub(crate) use logins::Logins;
use logins::Slot;
use proof::Proof;
pub use provider::{TokenError, TokenProvider, TokenReason};

/// Whom the phone speaks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Who {
    /// The user, in the words of the app's own backend (the `sub` of its tokens); `None` for an anonymous person.
    pub subject: Option<String>,
    /// Whether the server has accepted the login. Until it has, what is written here is kept for this user alone.
    pub confirmed: bool,
}

/// What becomes of that which still waits to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Logout {
    /// It is sent for so long; the rest is treated as with [`Logout::Keep`].
    SendFirst {
        /// How long the call may take.
        within: Duration,
    },
    /// It leaves by itself, in the name of whom it was written by, whenever there is a network.
    Keep,
    /// It is thrown away.
    Discard,
}

/// What a logout came to: writes of the person that waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoggedOut {
    /// They have been sent.
    pub sent: u64,
    /// They still leave.
    pub kept: u64,
    /// They never will: thrown away, or refused by the server.
    pub discarded: u64,
}

/// Why a login failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// The app's provider of tokens failed, or panicked.
    ProviderFailed,
    /// The provider has not answered in time.
    ProviderTimeout,
    /// What the provider handed out is no token that names a user.
    TokenMalformed,
    /// The provider handed out a token of another user than before.
    OtherSubject,
    /// Another login or logout came while this one was under way.
    Superseded,
    /// The server does not accept the token, with this code.
    Refused(Code),
}

impl LoginError {
    /// The stable code, listed in `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ProviderFailed => "login-provider-failed",
            Self::ProviderTimeout => "login-provider-timeout",
            Self::TokenMalformed => "login-token-malformed",
            Self::OtherSubject => "login-other-subject",
            Self::Superseded => "login-superseded",
            Self::Refused(code) => code.as_str(),
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::ProviderFailed => "the app's token provider failed",
            Self::ProviderTimeout => "the app's token provider has not answered in time",
            Self::TokenMalformed => "the app's token provider handed out no token with a subject",
            Self::OtherSubject => "the app's token provider handed out a token of another user than before",
            Self::Superseded => "another login or logout came meanwhile",
            Self::Refused(code) => code.title(),
        }
    }
}

impl From<LoginError> for Error {
    fn from(error: LoginError) -> Self {
        Self::new(ErrorKind::LoginFailed(error), error.detail())
    }
}

/// How a login stands after its first transaction.
#[derive(Clone, Copy, Debug)]
enum Taken {
    /// It is the current user already, and the server knows.
    Confirmed,
    /// The current identity is to be proven.
    Current(IdentityId),
    /// A new identity that takes over unless the server refuses it.
    Candidate(IdentityId),
}

impl Client {
    /// Whom the phone speaks for, as far as this client knows; read from the disk with its first call.
    pub fn identity(&self) -> Observable<Who> {
        self.inner.who.clone()
    }

    /// Signs a user in. The provider is asked for a token, now and whenever the server wants another one; it is kept until
    /// the next logout or the end of the process.
    ///
    /// The anonymous person of this phone becomes the user, with all conversations. If another user is signed in, the phone
    /// goes over to a new identity, as with [`Logout::Keep`]: once the server has accepted the new user, or at once
    /// where it cannot be reached. Then the login is confirmed later, by itself.
    ///
    /// Of several calls at once the last one counts. Dropping the future does not undo what has happened.
    ///
    /// # Errors
    /// [`ErrorKind::LoginFailed`] if the provider fails or the server does not accept its token, after one more try. What
    /// was there before stays.
    pub async fn login(&self, provider: Arc<dyn TokenProvider>) -> Result<Who> {
        let inner = &self.inner;
        inner.started().await?;
        let turn = inner.logins.begin();
        let token = inner.logins.ask(inner, &provider, TokenReason::First, turn).await?;
        let subject = token::subject(&token).ok_or(LoginError::TokenMalformed)?;
        let slot = Slot::new(subject.clone(), provider, token);
        let taken = self.take(&subject, turn).await?;
        inner.logins.keep(slot);
        match taken {
            Taken::Confirmed => {}
            Taken::Current(id) => self.prove_current(id, &subject).await?,
            Taken::Candidate(id) => self.prove_candidate(id, turn).await?,
        }
        if !inner.logins.is_turn(turn) {
            return Err(LoginError::Superseded.into());
        }
        let current = inner.identity().await?;
        inner.show(&current);
        Ok(Who { subject: current.subject, confirmed: current.confirmed })
    }

    /// Stores the login before the server hears of it.
    async fn take(&self, subject: &str, turn: u64) -> Result<Taken> {
        let (inner, subject) = (self.inner.clone(), subject.to_owned());
        let (now, fresh) = (inner.clock.wall().0, inner.fresh_credential());
        let taken = self.inner.database.write(move |connection| {
            if !inner.logins.is_turn(turn) {
                return Err(Error::from(LoginError::Superseded).into());
            }
            let current = inner.identity_within(connection)?;
            if current.subject.as_deref() == Some(&*subject) {
                return Ok(if current.confirmed { Taken::Confirmed } else { Taken::Current(current.id) });
            }
            if current.subject.is_none() && !current.owner_lost {
                identity::claim(connection, current.id, &subject, now)?;
                return Ok(Taken::Current(current.id));
            }
            let id = identity::insert(connection, fresh, None, now)?;
            identity::claim(connection, id, &subject, now)?;
            identity::set_candidate(connection, id, Some(now))?;
            Ok(Taken::Candidate(id))
        });
        Ok(taken.await?)
    }

    async fn prove_current(&self, id: IdentityId, subject: &str) -> Result<()> {
        let inner = &self.inner;
        // Rows wait until it is known again whom the device speaks for.
        inner.tell_worker(vec![crate::outbox::machine::Event::IdentityUnsure(id)]);
        match proof::prove(inner, id).await {
            Proof::Confirmed | Proof::NotNow => Ok(()),
            Proof::Failed(error) => {
                let subject = subject.to_owned();
                let undone =
                    inner.database.write(move |connection| identity::unclaim(connection, id, &subject)).await?;
                let current = inner.identity().await?;
                inner.show(&current);
                if undone && let Some(subject) = current.subject.as_deref() {
                    inner.logins.forget(subject);
                }
                Err(error.into())
            }
        }
    }

    async fn prove_candidate(&self, id: IdentityId, turn: u64) -> Result<()> {
        let inner = &self.inner;
        let proof = proof::prove(inner, id).await;
        let checked = inner.clone();
        let switched = inner.switch(move |connection| {
            let refused = match proof {
                Proof::Failed(error) => Some(error),
                _ if !checked.logins.is_turn(turn) => Some(LoginError::Superseded),
                _ => None,
            };
            if let Some(error) = refused {
                // The device may be known to the server by now: it is signed off.
                identity::set_candidate(connection, id, None)?;
                return Ok((Err(error), None));
            }
            let (left, current) = left::leave(connection, id, true, push::TOLD)?;
            Ok((Ok(left), Some(current)))
        });
        let switched = switched.await?;
        inner.logins.look();
        let left = switched.map_err(Error::from)?;
        self.after_leaving(left, false).await;
        Ok(())
    }

    /// Signs the user out, or lets an anonymous person begin anew. Works without a network, and returns when it is stored: a
    /// new anonymous identity is shown at once, and nothing of the one before, nor can it be reached by any call. A timeline
    /// that is open becomes empty and ends; a list shows that of the new identity. The server hears of it when it can be
    /// reached, and wakes this installation no more for whoever has left.
    ///
    /// # Errors
    /// Those of the local database; nothing has changed then.
    pub async fn logout(&self, mode: Logout) -> Result<LoggedOut> {
        let inner = &self.inner;
        inner.started().await?;
        inner.logins.begin();
        let (now, fresh) = (inner.clock.wall().0, inner.fresh_credential());
        let (keep, within_transaction) = (mode != Logout::Discard, inner.clone());
        let switched = inner.switch(move |connection| {
            // Also from one that was never used: somebody may be about to write in its name.
            within_transaction.identity_within(connection)?;
            let to = identity::insert(connection, fresh, None, now)?;
            let (left, current) = left::leave(connection, to, keep, push::TOLD)?;
            Ok((left, Some(current)))
        });
        let left = switched.await?;
        self.after_leaving(left, !keep).await;
        let mut out = LoggedOut { sent: 0, kept: left.waiting, discarded: left.discarded };
        if let (Logout::SendFirst { within }, Some(from)) = (mode, left.from) {
            (out.kept, out.discarded) = self.send_first(from, left, within).await?;
            out.sent = (left.waiting + left.discarded).saturating_sub(out.kept + out.discarded);
        }
        Ok(out)
    }

    async fn after_leaving(&self, left: left::Left, for_good: bool) {
        let inner = &self.inner;
        let Some(from) = left.from else { return };
        if left.discarded > 0 {
            tracing::debug!(identity = from, discarded = left.discarded, "writes of who has left were dropped");
        }
        // What the app hands out from now on is another user's: only a token that is here already still speaks.
        inner.logins.retire(inner.who.get().subject.as_deref(), for_good);
        sweep::removed(inner).await;
        inner.logins.look();
    }

    /// Waits until nothing of the identity waits any more, or time is up; what is left then, and what was dropped.
    async fn send_first(&self, from: IdentityId, left: left::Left, within: Duration) -> Result<(u64, u64)> {
        let inner = &self.inner;
        let mut changes = inner.changes.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        inner.everything_due();
        loop {
            let waiting = inner.database.read(move |connection| left::waiting(connection, from)).await?;
            let dropped = left.discarded + inner.logins.dropped(from);
            let late = tokio::time::Instant::now() >= deadline;
            // While the app is paused nothing leaves.
            if waiting == 0 || late || !inner.is_running() {
                return Ok((waiting, dropped));
            }
            // Another process may be the worker: its commits are seen by looking again from time to time.
            let look_again = tokio::time::Instant::now() + Duration::from_millis(250);
            tokio::select! {
                biased;
                open = changes.wait(None) => if !open {
                    return Ok((waiting, dropped));
                },
                () = tokio::time::sleep_until(look_again.min(deadline)) => {}
            }
        }
    }
}

impl Inner {
    /// A transaction that may change who is current: who is, is shown from the commit on, and everybody is told.
    pub(crate) async fn switch<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> std::result::Result<(T, Option<Identity>), StoreError> + Send + 'static,
    {
        let inner = self.clone();
        let tell = Box::new(move |(_, current): &(T, Option<Identity>)| {
            if let Some(current) = current {
                inner.show(current);
                inner.reload_worker();
                inner.changes.announce(StoreChange::Everything);
            }
        });
        let committed = self.database.write_and_tell(work, Some(tell)).await;
        self.report_recoveries();
        Ok(committed?.0)
    }

    /// The server has accepted a user, or is known to have: conversations of the user's other phones are fetched, and the
    /// socket opens anew in the name of the person.
    pub(crate) fn accepted(&self, identity: &Identity) {
        if identity.current {
            self.show(identity);
            self.logins.pull_soon();
            self.tell_realtime(RealtimeMessage::Switched);
        }
        self.everything_due();
    }
}
