//! The client, and what the library says of itself.

use std::sync::Arc;

use beistand_core::protocol::PushToken;
use beistand_core::{Client, Settings};

use crate::attachments::FfiAttachments;
use crate::config::{FfiConfig, FfiSettings};
use crate::conversations::FfiConversations;
use crate::error::FfiError;
use crate::events::FfiConnection;
use crate::faq::FfiFaq;
use crate::outbox::FfiOutbox;
use crate::runtime::{self, Alive, FfiCancel, guarded, run, run_until};
use crate::watches::{FfiConnectionWatch, FfiEventWatch, FfiTypingWatch};

/// Where an installation is to be woken.
#[derive(uniffi::Record)]
pub struct FfiPushToken {
    /// Who delivers: `fcm`, `apns`, `apns-sandbox` …
    pub service: String,
    /// What that service calls this installation.
    pub token: String,
}

/// A client of one app, for one data folder.
#[derive(uniffi::Object)]
pub struct FfiClient {
    core: Client,
    _alive: Alive,
}

impl FfiClient {
    pub(crate) fn core(&self) -> &Client {
        &self.core
    }
}

#[uniffi::export]
impl FfiClient {
    /// Builds a client. Opens nothing and starts nothing, no thread either.
    #[uniffi::constructor]
    pub fn new(config: FfiConfig) -> Result<Arc<Self>, FfiError> {
        guarded(|| {
            let core = Client::builder(Settings::try_from(config)?).build()?;
            Ok::<_, FfiError>(Arc::new(Self { core, _alive: Alive::new() }))
        })
    }

    /// Tickets and chat.
    pub fn conversations(&self) -> Arc<FfiConversations> {
        FfiConversations::new(self.core.conversations(), self.core.outbox())
    }

    /// Files of messages.
    pub fn attachments(&self) -> Arc<FfiAttachments> {
        FfiAttachments::new(self.core.attachments())
    }

    /// What waits to be sent.
    pub fn outbox(&self) -> Arc<FfiOutbox> {
        FfiOutbox::new(self.core.outbox())
    }

    /// Answers without a network.
    pub fn faq(&self) -> Arc<FfiFaq> {
        FfiFaq::new(self.core.faq())
    }

    /// What the client reports from now on.
    pub fn events(&self) -> Arc<FfiEventWatch> {
        FfiEventWatch::new(self.core.events())
    }

    /// How the client stands to its server, now.
    pub fn connection(&self) -> FfiConnection {
        self.core.connection().get().into()
    }

    /// How the client stands to its server, to be watched.
    pub fn watch_connection(&self) -> Arc<FfiConnectionWatch> {
        FfiConnectionWatch::new(self.core.connection().subscribe())
    }

    /// Who types right now, to be watched.
    pub fn watch_typing(&self) -> Arc<FfiTypingWatch> {
        FfiTypingWatch::new(self.core.typing().subscribe())
    }

    /// What the server last announced.
    pub async fn settings(&self) -> Result<FfiSettings, FfiError> {
        let core = self.core.clone();
        Ok(run(async move { core.app_config().await }).await?.into())
    }

    /// Says where this installation is to be woken, or that it is not to be any more.
    pub async fn set_push_token(&self, token: Option<FfiPushToken>) -> Result<(), FfiError> {
        let core = self.core.clone();
        let token = token.map(|FfiPushToken { service, token }| PushToken { service, token });
        run(async move { core.set_push_token(token).await }).await
    }

    /// Fetches everything that is new, now.
    pub async fn sync(&self, cancel: Option<Arc<FfiCancel>>) -> Result<(), FfiError> {
        let core = self.core.clone();
        run_until(cancel, async move { core.sync().await }).await
    }

    /// The network, the foreground or a push came: everything that waits is due now.
    pub fn wake(&self) {
        runtime::enter(|| self.core.wake());
    }

    /// The app goes to the background. Returns within two seconds.
    pub async fn pause(&self) -> Result<(), FfiError> {
        let core = self.core.clone();
        run(async move { core.pause().await }).await
    }

    /// The app is in front again.
    pub async fn resume(&self) -> Result<(), FfiError> {
        let core = self.core.clone();
        run(async move { core.resume().await }).await
    }

    /// Ends the client for good. Later calls are an error; the folder is free for another client.
    pub async fn shutdown(&self) {
        let core = self.core.clone();
        let ended = run(async move {
            core.shutdown().await;
            Ok::<_, FfiError>(())
        });
        let _ = ended.await;
    }

    /// The same without waiting for the end.
    pub fn begin_shutdown(&self) {
        let core = self.core.clone();
        runtime::start(async move { core.shutdown().await });
    }
}

/// Which flavour of the library this is: `chat`, or `calls` with media for calls. The surface is the same.
#[uniffi::export]
pub fn flavour() -> String {
    let flavour = if supports_calls() { "calls" } else { "chat" };
    flavour.to_owned()
}

/// Whether this flavour of the library has media for calls.
#[uniffi::export]
pub fn supports_calls() -> bool {
    cfg!(feature = "calls")
}

/// The version of the library, which its façade has as well.
#[uniffi::export]
pub fn library_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
