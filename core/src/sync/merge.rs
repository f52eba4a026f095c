//! What a change of the server means for what stands here. Pure.
//!
//! Resources carry a version that only grows, so pages and HTTP answers may arrive in any order and any number of times:
//! the newest version wins, and the end is the same. A snapshot is believed whatever the versions say, since a server
//! restored from a backup counts from an earlier one.

use beistand_protocol::MessageId;

/// How much a change is to be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// The usual stream, and answers to own writes: newer versions win.
    Stream,
    /// A snapshot: it is the truth, whatever stood here.
    Snapshot,
}

/// What merging needs to know of a message that stands here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalMessage {
    /// The version of the server's word; 0 if it has not come.
    pub version: u64,
    /// Whether the server's word has come.
    pub at_server: bool,
}

/// What merging needs to know of a conversation that stands here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalConversation {
    /// The version of the server's word; 0 if it has not come.
    pub version: u64,
    /// All messages from this seq on are here.
    pub contiguous_from: u64,
    /// Whether the server's word has come.
    pub at_server: bool,
}

/// Whether to take up the server's word of a version.
pub fn takes(local_version: Option<u64>, at_server: bool, version: u64, authority: Authority) -> bool {
    match (authority, local_version) {
        (Authority::Snapshot, _) | (Authority::Stream, None) => true,
        // The same version again changes nothing; an echo has none yet.
        (Authority::Stream, Some(local)) => !at_server || version > local,
    }
}

/// What a snapshot's window does to the messages of a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WindowPlan {
    /// From this seq on, only the listed messages exist.
    pub from: u64,
    /// They.
    pub listed: Vec<MessageId>,
    /// From this seq on, everything is here afterwards.
    pub contiguous_from: u64,
}

/// Plans the merge of a snapshot's newest messages (ascending by seq) of a conversation. `newest_here` is the largest seq
/// that stands here. `whole` says that the window holds all messages that the person may see.
///
/// Older messages here stay useful only if the window reaches down to them; else there is a gap, and they are fetched
/// again as history.
pub fn plan_window(
    local: Option<LocalConversation>,
    newest_here: u64,
    window: &[(u64, MessageId)],
    whole: bool,
) -> WindowPlan {
    let listed = window.iter().map(|(_, id)| *id).collect();
    let Some((lowest, _)) = window.first().copied() else {
        return WindowPlan { from: 1, listed, contiguous_from: 1 };
    };
    if whole {
        return WindowPlan { from: 1, listed, contiguous_from: 1 };
    }
    let contiguous_from = match local {
        Some(local) if local.at_server && newest_here.saturating_add(1) >= lowest => local.contiguous_from.min(lowest),
        _ => lowest,
    };
    WindowPlan { from: lowest, listed, contiguous_from }
}

/// Where a page of history (ascending by seq, asked for below `before`) leaves the gapless part.
pub fn after_history(contiguous_from: u64, before: u64, lowest: Option<u64>, has_more: bool) -> u64 {
    if before > contiguous_from {
        return contiguous_from;
    }
    match lowest {
        _ if !has_more => 1,
        Some(lowest) => lowest.min(contiguous_from),
        None => contiguous_from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use beistand_protocol::UnixMillis;
    use proptest::prelude::*;

    fn id(n: u64) -> MessageId {
        MessageId::mint(UnixMillis(i64::try_from(n).unwrap()), [0; 10])
    }

    fn local(contiguous_from: u64) -> Option<LocalConversation> {
        Some(LocalConversation { version: 1, contiguous_from, at_server: true })
    }

    #[test]
    fn a_window_that_reaches_the_old_messages_keeps_them() {
        let window: Vec<_> = (10..=39).map(|seq| (seq, id(seq))).collect();
        assert_eq!(plan_window(local(1), 9, &window, false).contiguous_from, 1);
        assert_eq!(plan_window(local(3), 50, &window, false).contiguous_from, 3);
    }

    #[test]
    fn a_window_above_a_gap_begins_anew() {
        let window: Vec<_> = (10..=39).map(|seq| (seq, id(seq))).collect();
        assert_eq!(plan_window(local(1), 8, &window, false).contiguous_from, 10);
        assert_eq!(plan_window(None, 0, &window, false).contiguous_from, 10);
        assert_eq!(plan_window(None, 0, &window, true).contiguous_from, 1);
    }

    #[test]
    fn history_only_grows_the_gapless_part_where_it_touches_it() {
        assert_eq!(after_history(30, 30, Some(10), true), 10);
        assert_eq!(after_history(30, 30, Some(10), false), 1);
        assert_eq!(after_history(30, 50, Some(31), true), 30);
    }

    proptest! {
        #[test]
        fn any_order_and_number_of_arrivals_ends_with_the_newest_version(
            arrivals in proptest::collection::vec(1u64..20, 1..40)
        ) {
            let mut here: Option<u64> = None;
            for version in &arrivals {
                if takes(here, here.is_some(), *version, Authority::Stream) {
                    here = Some(*version);
                }
            }
            prop_assert_eq!(here, arrivals.iter().max().copied());
        }

        #[test]
        fn a_snapshot_is_believed_whatever_stood_here(here in 0u64..100, version in 0u64..100) {
            prop_assert!(takes(Some(here), true, version, Authority::Snapshot));
        }
    }
}
