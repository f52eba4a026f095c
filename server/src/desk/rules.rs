//! What a write does to a conversation. Functions of the state and the write; no I/O, no clock.

use beistand_protocol::{
    Code, ReadMarks, Status, UnixMillis, Violation, Visibility,
    limits::{SENT_AT_AHEAD_MS, SENT_AT_EARLIEST},
};

/// The status after a message of the person: whatever was, somebody has to act now.
pub fn status_after_person_wrote(_before: Status) -> Status {
    Status::Open
}

/// The status after an agent's message. An answer passes the turn to the person; a note is nobody's turn; an answer to
/// something solved or closed leaves it so, since the agent did not reopen it.
pub fn status_after_agent_wrote(before: Status, visibility: Visibility) -> Status {
    match (before, visibility) {
        (Status::Open, Visibility::All) => Status::Pending,
        (other, _) => other,
    }
}

/// Whether a person may set this status.
pub fn person_may_set(status: Status) -> Result<(), Violation> {
    match status {
        Status::Open | Status::Closed => Ok(()),
        Status::Pending | Status::Solved => {
            Err(Violation::new(Code::StatusNotAllowed, "status", "a person may set open and closed"))
        }
    }
}

/// The marks after a report: they only grow, and never past the newest message.
pub fn marks_after(before: ReadMarks, reported: ReadMarks, last_seq: u64) -> ReadMarks {
    let clamped =
        ReadMarks { delivered_seq: reported.delivered_seq.min(last_seq), read_seq: reported.read_seq.min(last_seq) };
    before.grown(clamped)
}

/// Whether a phone's time is believed.
pub fn check_sent_at(sent_at: Option<UnixMillis>, now: UnixMillis, field: &'static str) -> Result<(), Violation> {
    match sent_at {
        Some(time) if time.0 < SENT_AT_EARLIEST || time > now.plus(SENT_AT_AHEAD_MS) => {
            Err(Violation::new(Code::TimeOutOfRange, field, "the time lies before 2000 or more than a year ahead"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_only_grow_and_stop_at_the_newest_message() {
        let before = ReadMarks { delivered_seq: 4, read_seq: 2 };
        let after = marks_after(before, ReadMarks { delivered_seq: 1, read_seq: 99 }, 7);
        assert_eq!(after, ReadMarks { delivered_seq: 7, read_seq: 7 });
        assert_eq!(marks_after(after, ReadMarks::default(), 7), after);
    }

    #[test]
    fn only_an_open_conversation_becomes_pending_by_an_answer() {
        assert_eq!(status_after_agent_wrote(Status::Open, Visibility::All), Status::Pending);
        assert_eq!(status_after_agent_wrote(Status::Open, Visibility::Agents), Status::Open);
        assert_eq!(status_after_agent_wrote(Status::Closed, Visibility::All), Status::Closed);
    }
}
