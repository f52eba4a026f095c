//! Every write of a phone carries its operation: which one it is, and its place in its lane. The server answers an
//! operation that it has seen from what it stored, and one that its lane has passed without any effect, so a late
//! duplicate of *close* after *reopen* changes nothing.

use std::fmt;
use std::str::FromStr;

use crate::ids::{ConversationId, DeviceId};

/// The id of the operation: the id of the outbox row.
pub const OPERATION_ID_HEADER: &str = "operation-id";
/// The place of the operation, `<device>/<lane>/<lane_seq>`.
pub const OPERATION_ORDER_HEADER: &str = "operation-order";
/// The epoch that the phone believes in. A server of another epoch answers 409 `epoch-changed` before it does anything,
/// so that what a restored backup has lost is queued again before anything newer is written.
pub const EPOCH_HEADER: &str = "beistand-epoch";

/// A queue of writes that keep their order: one for each conversation, and background ones for what nobody waits for.
/// A background write is never shown, never stops for its person to decide, and never holds up a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// What a person writes in a conversation.
    Conversation(ConversationId),
    /// Read marks of a conversation: they never hold up a message.
    Read(ConversationId),
    /// What the person says about articles of the FAQ, and what the app has counted there.
    Faq,
}

impl Lane {
    /// The conversation that this lane belongs to, if it belongs to one.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Conversation(id) | Self::Read(id) => Some(*id),
            Self::Faq => None,
        }
    }

    /// Whether nobody sees this lane.
    pub fn is_background(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Faq)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(f, "conversation:{id}"),
            Self::Read(id) => write!(f, "read:{id}"),
            Self::Faq => f.write_str("faq"),
        }
    }
}

impl FromStr for Lane {
    type Err = NotAnOrder;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "faq" {
            return Ok(Self::Faq);
        }
        let (kind, id) = text.split_once(':').ok_or(NotAnOrder)?;
        let id = id.parse().map_err(|_| NotAnOrder)?;
        match kind {
            "conversation" => Ok(Self::Conversation(id)),
            "read" => Ok(Self::Read(id)),
            _ => Err(NotAnOrder),
        }
    }
}

/// The value of `Operation-Order`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperationOrder {
    /// The device that wrote it; must be the one that sends it.
    pub device: DeviceId,
    /// Its lane.
    pub lane: Lane,
    /// Its place in the lane: 1, 2, 3 …; gaps are allowed.
    pub lane_seq: u64,
}

impl fmt::Display for OperationOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.device, self.lane, self.lane_seq)
    }
}

/// A text that is no operation order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not of the form <device>/<lane>/<lane_seq>")]
pub struct NotAnOrder;

impl FromStr for OperationOrder {
    type Err = NotAnOrder;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let (Some(device), Some(lane), Some(seq), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnOrder);
        };
        let lane_seq = seq.parse::<u64>().ok().filter(|seq| (1..=i64::MAX as u64).contains(seq)).ok_or(NotAnOrder)?;
        Ok(Self { device: device.parse().map_err(|_| NotAnOrder)?, lane: lane.parse()?, lane_seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    #[test]
    fn an_order_survives_its_text() {
        let id = ConversationId::mint(UnixMillis(5), [1; 10]);
        for lane in [Lane::Conversation(id), Lane::Read(id), Lane::Faq] {
            let order = OperationOrder { device: DeviceId::mint(UnixMillis(6), [2; 10]), lane, lane_seq: 42 };
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for bad in ["", "a/b/c", "//", "x/read:y/1", "x/faq/1", "x/faq:/1"] {
            assert!(bad.parse::<OperationOrder>().is_err());
        }
    }
}
