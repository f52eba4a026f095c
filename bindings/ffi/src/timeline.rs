//! Looking at a conversation: the newest messages first, then differences, in batches.

use std::sync::Arc;

use beistand_core::{Difference, Timeline};

use crate::error::FfiError;
use crate::message::FfiMessage;
use crate::pump::{Pump, Source};
use crate::runtime::{self, Alive, FfiCancel};

/// One difference between what was told and what is.
#[derive(Clone, PartialEq, Debug, uniffi::Enum)]
pub enum FfiDifference {
    /// Everything is to be shown anew.
    Reset {
        /// All messages of the window, oldest first.
        messages: Vec<FfiMessage>,
    },
    /// A message stands at this place now; those behind it move on.
    Insert {
        /// The place, from the oldest.
        index: u32,
        /// The message.
        message: FfiMessage,
    },
    /// The message at this place looks different.
    Update {
        /// The place.
        index: u32,
        /// The message.
        message: FfiMessage,
    },
    /// The message at this place is gone; those behind it move up.
    Remove {
        /// The place.
        index: u32,
        /// Which it was.
        id: String,
    },
}

/// A place of a window, which never holds as many messages as would not fit.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl From<Difference> for FfiDifference {
    fn from(difference: Difference) -> Self {
        match difference {
            Difference::Reset(messages) => Self::Reset { messages: messages.into_iter().map(Into::into).collect() },
            Difference::Insert { index, message } => Self::Insert { index: place(index), message: message.into() },
            Difference::Update { index, message } => Self::Update { index: place(index), message: message.into() },
            Difference::Remove { index, id } => Self::Remove { index: place(index), id: id.to_string() },
        }
    }
}

/// What leads from the last batch to what is; to be applied in order, all of it.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct FfiTimelineBatch {
    /// The differences; empty if only what stands below has changed.
    pub differences: Vec<FfiDifference>,
    /// Whether `load_earlier` may bring more.
    pub has_earlier: bool,
    /// Whether older messages are on this phone, so that `load_earlier` needs no network.
    pub has_earlier_here: bool,
}

impl FfiTimelineBatch {
    fn of(timeline: &Timeline, differences: Vec<Difference>) -> Self {
        Self {
            differences: differences.into_iter().map(Into::into).collect(),
            has_earlier: timeline.has_earlier(),
            has_earlier_here: timeline.has_earlier_here(),
        }
    }
}

fn untold(timeline: &mut Timeline) -> Option<FfiTimelineBatch> {
    let window = timeline.untold()?;
    Some(FfiTimelineBatch::of(timeline, window))
}

impl Source for Timeline {
    type Item = FfiTimelineBatch;

    async fn next(&mut self) -> Option<FfiTimelineBatch> {
        let differences = Timeline::next(self).await?;
        Some(FfiTimelineBatch::of(self, differences))
    }
}

/// A window over a conversation. While one is open, the socket is open.
#[derive(uniffi::Object)]
pub struct FfiTimelineWatch {
    pump: Arc<Pump<Timeline>>,
    _alive: Alive,
}

impl FfiTimelineWatch {
    pub(crate) fn new(timeline: Timeline) -> Arc<Self> {
        Arc::new(Self { pump: Pump::new(timeline), _alive: Alive::new() })
    }
}

impl Drop for FfiTimelineWatch {
    fn drop(&mut self) {
        self.pump.cancel();
    }
}

#[uniffi::export]
impl FfiTimelineWatch {
    /// The whole window on the first call, then what has changed since the last one. `None` once it is cancelled or the client
    /// is gone. A call that is dropped in the middle loses nothing.
    pub async fn next(&self) -> Option<FfiTimelineBatch> {
        self.pump.next().await
    }

    /// Widens the window by `count` (1 to 100) older messages, from this phone first, else from the server; may be called while
    /// `next` waits. What came is told by `next`, in its order.
    ///
    /// # Errors
    /// `Unreachable` if they are only at the server and it does not answer.
    pub async fn load_earlier(&self, count: u32, cancel: Option<Arc<FfiCancel>>) -> Result<(), FfiError> {
        let pump = self.pump.clone();
        runtime::run_until(cancel, async move {
            // The network is waited for outside: what is new shows meanwhile.
            let Some(mut aside) = pump.aside().await else { return Ok(()) };
            let missing = aside.source().map(|timeline| timeline.earlier(count));
            drop(aside);
            if let Some(missing) = missing {
                missing.fetch().await?;
            }
            let Some(mut aside) = pump.aside().await else { return Ok(()) };
            // The window is widened after it was told, even if nobody has asked for it yet.
            if let Some(window) = aside.source().and_then(untold) {
                aside.tell(window);
            }
            let Some(timeline) = aside.source() else { return Ok(()) };
            let differences = timeline.widen(count).await?;
            let batch = FfiTimelineBatch::of(timeline, differences);
            aside.tell(batch);
            Ok::<_, FfiError>(())
        })
        .await
    }

    /// Ends it: `next` gives `None`, and the socket may be closed.
    pub fn cancel(&self) {
        self.pump.cancel();
    }
}
