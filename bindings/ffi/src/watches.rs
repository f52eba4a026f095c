//! What can be watched besides a timeline: each is an object with `next` and `cancel`, the current value first.

use std::sync::Arc;

use beistand_core::faq::FaqStatus;
use beistand_core::{Connection, Conversation, ConversationList, Subscription, Transfer, Typing, Who};

use crate::conversations::FfiConversation;
use crate::events::{EventSource, FfiConnection, FfiEvent, FfiTyping};
use crate::faq::FfiFaqStatus;
use crate::login::FfiIdentity;
use crate::pump::{Pump, Source};
use crate::runtime::Alive;

/// A subscription of the core, told in the words of this surface.
pub(crate) struct Told<T, F> {
    subscription: Subscription<T>,
    item: std::marker::PhantomData<fn() -> F>,
}

impl<T, F> From<Subscription<T>> for Told<T, F> {
    fn from(subscription: Subscription<T>) -> Self {
        Self { subscription, item: std::marker::PhantomData }
    }
}

impl<T: Clone + Send + Sync + 'static, F: From<T> + Send + 'static> Source for Told<T, F> {
    type Item = F;

    async fn next(&mut self) -> Option<F> {
        self.subscription.next().await.map(Into::into)
    }
}

impl Source for ConversationList {
    type Item = Vec<FfiConversation>;

    async fn next(&mut self) -> Option<Vec<FfiConversation>> {
        let list: Vec<Conversation> = ConversationList::next(self).await?;
        Some(list.into_iter().map(Into::into).collect())
    }
}

/// UniFFI knows no generic objects: one for each kind of item, all alike.
macro_rules! watch {
    ($(#[$doc:meta])* $name:ident, $source:ty, $item:ty) => {
        $(#[$doc])*
        #[derive(uniffi::Object)]
        pub struct $name {
            pump: Arc<Pump<$source>>,
            _alive: Alive,
        }

        impl $name {
            pub(crate) fn new(source: impl Into<$source>) -> Arc<Self> {
                Arc::new(Self { pump: Pump::new(source.into()), _alive: Alive::new() })
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.pump.cancel();
            }
        }

        #[uniffi::export]
        impl $name {
            /// The current value on the first call, then each time it has changed. `None` once it is cancelled or the client is
            /// gone. A call that is dropped in the middle loses nothing.
            pub async fn next(&self) -> Option<$item> {
                self.pump.next().await
            }

            /// Ends it: `next` gives `None`.
            pub fn cancel(&self) {
                self.pump.cancel();
            }
        }
    };
}

watch! {
    /// The list of conversations. While one is open, the socket is open.
    FfiConversationListWatch, ConversationList, Vec<FfiConversation>
}

watch! {
    /// How the client stands to its server.
    FfiConnectionWatch, Told<Connection, FfiConnection>, FfiConnection
}

watch! {
    /// Whom the phone speaks for.
    FfiIdentityWatch, Told<Who, FfiIdentity>, FfiIdentity
}

/// Everybody who types, in the words of this surface.
pub(crate) struct Typists(Vec<FfiTyping>);

impl From<Vec<Typing>> for Typists {
    fn from(typing: Vec<Typing>) -> Self {
        Self(typing.into_iter().map(Into::into).collect())
    }
}

/// Who types.
pub(crate) struct TypingSource(Told<Vec<Typing>, Typists>);

impl From<Subscription<Vec<Typing>>> for TypingSource {
    fn from(subscription: Subscription<Vec<Typing>>) -> Self {
        Self(subscription.into())
    }
}

impl Source for TypingSource {
    type Item = Vec<FfiTyping>;

    async fn next(&mut self) -> Option<Vec<FfiTyping>> {
        self.0.next().await.map(|typists| typists.0)
    }
}

watch! {
    /// Who types right now, in any conversation that somebody looks at.
    FfiTypingWatch, TypingSource, Vec<FfiTyping>
}

/// How far a file has got on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct FfiTransfer {
    /// Bytes that have arrived at the other side.
    pub done: u64,
    /// All its bytes; 0 while that is not known.
    pub total: u64,
    /// Whether it is on its way right now.
    pub active: bool,
}

impl From<Transfer> for FfiTransfer {
    fn from(transfer: Transfer) -> Self {
        Self { done: transfer.done, total: transfer.total, active: transfer.active }
    }
}

watch! {
    /// How far one file has got.
    FfiTransferWatch, Told<Transfer, FfiTransfer>, FfiTransfer
}

watch! {
    /// How the cache of the FAQ stands.
    FfiFaqStatusWatch, Told<FaqStatus, FfiFaqStatus>, FfiFaqStatus
}

watch! {
    /// What the client reports. Nothing comes first: an event is told when it happens.
    FfiEventWatch, EventSource, FfiEvent
}
