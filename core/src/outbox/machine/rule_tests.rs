//! One test a rule of the machine.

use std::time::Duration;

use beistand_protocol::{Code, ConversationId, Lane, OperationId, UnixMillis};

use super::*;

pub(super) fn lane(n: u8) -> Lane {
    Lane::Conversation(ConversationId::mint(UnixMillis(1), [n; 10]))
}

pub(super) fn row(id: u8, lane: Lane, lane_seq: u64) -> Row {
    Row {
        files: false,
        id: OperationId::mint(UnixMillis(1), [id; 10]),
        lane,
        lane_seq,
        kind: OperationKind::Send,
        identity: 1,
        attempts: 0,
        wedged: false,
        server_errors: 0,
        server_error_at: None,
        known_created_at: None,
    }
}

fn at(seconds: u64) -> Now {
    Now {
        mono: Duration::from_secs(seconds),
        wall: UnixMillis(1_000_000_000_000 + i64::try_from(seconds).unwrap() * 1000),
    }
}

fn ready() -> Machine {
    let mut machine = Machine::new(Policy::default(), 7);
    machine.step(Event::IdentityReady(1), at(0));
    machine
}

fn refused(id: OperationId) -> Event {
    Event::Ended { id, outcome: Outcome::Refused { code: Code::TextTooLong, detail: String::new() } }
}

fn sends(effects: &[Effect]) -> Vec<OperationId> {
    effects.iter().filter_map(|effect| if let Effect::Send(id) = effect { Some(*id) } else { None }).collect()
}

#[test]
fn files_leave_two_lanes_at_a_time_and_words_pass_them() {
    let mut machine = ready();
    let uploads = |effects: &[Effect]| {
        effects
            .iter()
            .filter_map(|effect| if let Effect::Upload(id) = effect { Some(*id) } else { None })
            .collect::<Vec<_>>()
    };
    let photos: Vec<Row> = (1..=4).map(|n| Row { files: true, ..row(n, lane(n), 1) }).collect();
    let mut begun = Vec::new();
    for photo in &photos {
        begun.extend(uploads(&machine.step(Event::Enqueued(photo.clone()), at(0))));
    }
    assert_eq!(begun, [photos[0].id, photos[1].id]);
    let words = row(9, lane(9), 1);
    assert_eq!(sends(&machine.step(Event::Enqueued(words.clone()), at(0))), [words.id]);
    assert!(machine.is_armed(at(0)));
    machine.step(Event::Ended { id: photos[0].id, outcome: Outcome::Stored }, at(1));
    assert_eq!(uploads(&machine.step(Event::Settled(photos[0].id), at(1))), [photos[2].id]);
}

#[test]
fn an_upload_that_got_further_begins_its_waits_anew_and_one_that_cannot_leave_wedges() {
    let mut machine = ready();
    let photo = Row { files: true, attempts: 9, ..row(1, lane(1), 1) };
    machine.step(Event::Enqueued(photo.clone()), at(0));
    let effects = machine.step(Event::Ended { id: photo.id, outcome: Outcome::Interrupted }, at(1));
    assert!(matches!(&effects[..], [Effect::Requeue { row, .. }] if row.attempts == 1), "{effects:?}");
    let wake = machine.next_wake(at(1)).unwrap();
    assert!(wake <= Duration::from_secs(2), "{wake:?}");
    machine.step(Event::Tick, at(2));
    let outcome = Outcome::Unsendable { code: "attachment-lost" };
    let effects = machine.step(Event::Ended { id: photo.id, outcome }, at(3));
    assert!(matches!(&effects[..], [Effect::Wedge { code, .. }] if code == "attachment-lost"), "{effects:?}");
}

#[test]
fn a_lane_has_one_request_in_flight_and_keeps_its_order() {
    let mut machine = ready();
    let (first, second) = (row(1, lane(1), 1), row(2, lane(1), 2));
    assert_eq!(sends(&machine.step(Event::Enqueued(first.clone()), at(0))), [first.id]);
    assert_eq!(sends(&machine.step(Event::Enqueued(second.clone()), at(0))), []);
    let effects = machine.step(Event::Ended { id: first.id, outcome: Outcome::Stored }, at(1));
    assert_eq!(effects, [Effect::Acknowledge(first.id)], "the lane waits for the commit");
    assert_eq!(sends(&machine.step(Event::Settled(first.id), at(1))), [second.id]);
}

#[test]
fn a_wedged_lane_does_not_stop_the_others() {
    let mut machine = ready();
    let (bad, behind, other) = (row(1, lane(1), 1), row(2, lane(1), 2), row(3, lane(2), 1));
    machine.step(Event::Enqueued(bad.clone()), at(0));
    machine.step(Event::Enqueued(behind.clone()), at(0));
    let effects = machine.step(refused(bad.id), at(1));
    assert!(matches!(&effects[..], [Effect::Wedge { id, code, .. }] if *id == bad.id && code == "text-too-long"));
    assert_eq!(sends(&machine.step(Event::EverythingDue, at(2))), []);
    assert_eq!(sends(&machine.step(Event::Enqueued(other.clone()), at(2))), [other.id]);
    // The person discards the wedged one: its lane goes on.
    assert_eq!(sends(&machine.step(Event::Removed(bad.id), at(3))), [behind.id]);
}

#[test]
fn a_failure_waits_longer_each_time_and_never_longer_than_the_longest() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    let mut now = at(0);
    for _ in 0..40 {
        machine.step(Event::Ended { id: only.id, outcome: Outcome::transient() }, now);
        assert!(machine.is_armed(now));
        let wake = machine.next_wake(now).unwrap();
        assert!(wake > now.mono && wake <= now.mono + Policy::default().longest_wait);
        let wait = i64::try_from((wake - now.mono).as_millis()).unwrap();
        now = Now { mono: wake, wall: now.wall.plus(wait) };
        assert_eq!(sends(&machine.step(Event::Tick, now)), [only.id]);
    }
}

#[test]
fn everything_is_due_when_the_world_comes_back() {
    for event in [Event::EverythingDue, Event::IdentityReady(1), Event::Enqueued(row(9, lane(1), 9))] {
        let mut machine = ready();
        let only = row(1, lane(1), 1);
        machine.step(Event::Enqueued(only.clone()), at(0));
        let outcome = Outcome::Transient { retry_after: Some(Duration::from_secs(3600)), server_error: true };
        machine.step(Event::Ended { id: only.id, outcome }, at(0));
        assert_eq!(sends(&machine.step(Event::Tick, at(1))), []);
        assert_eq!(sends(&machine.step(event, at(1))), [only.id]);
    }
}

#[test]
fn a_jump_of_the_wall_clock_makes_everything_due() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    let outcome = Outcome::Transient { retry_after: Some(Duration::from_secs(3600)), server_error: true };
    machine.step(Event::Ended { id: only.id, outcome }, at(0));
    let slept = Now { mono: at(1).mono, wall: at(1).wall.plus(86_400_000) };
    assert_eq!(sends(&machine.step(Event::Tick, slept)), [only.id]);
}

#[test]
fn a_missing_identity_is_prepared_once_for_all_lanes() {
    let mut machine = Machine::new(Policy::default(), 7);
    let effects = machine.step(Event::Enqueued(row(1, lane(1), 1)), at(0));
    assert_eq!(effects, [Effect::PrepareIdentity(1)]);
    assert_eq!(machine.step(Event::Enqueued(row(2, lane(2), 1)), at(0)), []);
    assert_eq!(sends(&machine.step(Event::IdentityReady(1), at(1))).len(), 2);
}

#[test]
fn a_refused_credential_does_not_count_as_an_attempt_nor_loop() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    let denied = || Event::Ended { id: only.id, outcome: Outcome::Identity { code: Code::Unauthorized } };
    let effects = machine.step(denied(), at(0));
    assert!(effects.contains(&Effect::PrepareIdentity(1)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Requeue { row, .. } if row.attempts == 0)));
    assert_eq!(sends(&machine.step(Event::IdentityReady(1), at(0))), [only.id]);
    // Again: now it waits before it asks.
    let effects = machine.step(denied(), at(0));
    assert!(!effects.contains(&Effect::PrepareIdentity(1)));
    assert!(machine.next_wake(at(0)).unwrap() > at(0).mono);
}

#[test]
fn rows_of_a_failed_identity_do_not_stop_another_one() {
    let mut machine = Machine::new(Policy::default(), 7);
    let other = Row { identity: 2, ..row(2, lane(2), 1) };
    machine.step(Event::Enqueued(row(1, lane(1), 1)), at(0));
    machine.step(Event::IdentityFailed(1), at(0));
    machine.step(Event::Enqueued(other.clone()), at(0));
    assert_eq!(sends(&machine.step(Event::IdentityReady(2), at(0))), [other.id]);
}

#[test]
fn another_history_is_read_before_anything_is_sent() {
    let mut machine = ready();
    let (one, two) = (row(1, lane(1), 1), row(2, lane(2), 1));
    machine.step(Event::Enqueued(one.clone()), at(0));
    machine.step(Event::Enqueued(two.clone()), at(0));
    let effects = machine.step(Event::Ended { id: one.id, outcome: Outcome::EpochChanged }, at(1));
    assert!(!effects.contains(&Effect::Resync), "a request is still under way");
    let effects = machine.step(Event::Ended { id: two.id, outcome: Outcome::EpochChanged }, at(1));
    assert!(effects.contains(&Effect::Resync) && sends(&effects).is_empty());
    machine.step(Event::ResyncFailed, at(2));
    assert!(machine.is_armed(at(2)));
    let effects = machine.step(Event::EverythingDue, at(3));
    assert_eq!(effects, [Effect::Resync]);
    assert_eq!(sends(&machine.step(Event::Resynced, at(4))).len(), 2);
}

#[test]
fn too_many_requests_stop_all_lanes_for_as_long_as_the_server_asks() {
    let mut machine = ready();
    let (one, two) = (row(1, lane(1), 1), row(2, lane(2), 1));
    machine.step(Event::Enqueued(one.clone()), at(0));
    let outcome = Outcome::RateLimited { retry_after: Duration::from_secs(30) };
    machine.step(Event::Ended { id: one.id, outcome }, at(0));
    assert_eq!(sends(&machine.step(Event::Enqueued(two), at(1))), []);
    assert_eq!(machine.next_wake(at(1)), Some(Duration::from_secs(30)));
    assert_eq!(sends(&machine.step(Event::Tick, at(30))).len(), 2);
}

#[test]
fn background_writes_never_stand_before_a_message() {
    let mut machine = ready();
    let read = |n: u8| {
        let lane = Lane::Read(ConversationId::mint(UnixMillis(1), [n; 10]));
        Row { kind: OperationKind::Read, ..row(n, lane, 1) }
    };
    let rows: Vec<Row> = (1..=10).map(read).chain((11..=30).map(|n| row(n, lane(n), 1))).collect();
    let effects = machine.step(Event::Loaded(rows.clone()), at(0));
    let sent = sends(&effects);
    assert_eq!(sent.len(), Policy::default().in_flight);
    assert!(sent.iter().all(|id| rows[10..].iter().any(|row| row.id == *id)));
}

#[test]
fn a_refused_background_write_is_dropped() {
    let mut machine = ready();
    let lane = Lane::Read(ConversationId::mint(UnixMillis(1), [1; 10]));
    let only = Row { kind: OperationKind::Read, ..row(1, lane, 1) };
    machine.step(Event::Enqueued(only.clone()), at(0));
    assert_eq!(machine.step(refused(only.id), at(0)), [Effect::Drop(only.id)]);
    machine.step(Event::Settled(only.id), at(0));
    assert!(machine.is_empty());
}

#[test]
fn a_rating_is_dropped_when_refused_and_numbered_anew_when_its_lane_has_passed_it() {
    let mut machine = ready();
    let rating = Row { kind: OperationKind::Feedback, ..row(1, Lane::Faq, 1) };
    machine.step(Event::Enqueued(rating.clone()), at(0));
    assert_eq!(sends(&machine.step(Event::Tick, at(1))), [rating.id]);
    let outcome = Outcome::Refused { code: Code::OperationSuperseded, detail: String::new() };
    let superseded = machine.step(Event::Ended { id: rating.id, outcome }, at(1));
    assert_eq!(superseded, [Effect::Renumber(rating.id)]);
    let higher = Row { lane_seq: 500, ..rating.clone() };
    machine.step(Event::Loaded(vec![higher]), at(1));
    machine.step(Event::NotCommitted(rating.id), at(1));
    assert_eq!(sends(&machine.step(Event::EverythingDue, at(2))), [rating.id]);
    assert_eq!(machine.step(refused(rating.id), at(2)), [Effect::Drop(rating.id)]);
    machine.step(Event::Settled(rating.id), at(2));
    assert!(machine.is_empty());
}

#[test]
fn a_rating_waits_longer_than_any_message() {
    let mut machine = ready();
    let day = 24 * 3600 * 1000;
    let read = Lane::Read(ConversationId::mint(UnixMillis(1), [3; 10]));
    let rows = vec![
        row(1, lane(1), 1),
        Row { kind: OperationKind::Feedback, ..row(2, Lane::Faq, 1) },
        Row { kind: OperationKind::Read, ..row(3, read, 1) },
    ];
    let ids: Vec<OperationId> = rows.iter().map(|row| row.id).collect();
    // Nobody is ready: all of them wait.
    let mut waiting = Machine::new(Policy::default(), 7);
    std::mem::swap(&mut machine, &mut waiting);
    machine.step(Event::Loaded(rows), at(0));
    machine.step(Event::ServerTime(UnixMillis(day)), at(0));
    let effects = machine.step(Event::ServerTime(UnixMillis(30 * day)), at(0));
    assert!(matches!(&effects[0], Effect::Wedge { id, code, .. } if *id == ids[0] && code == "expired"), "{effects:?}");
    assert_eq!(effects[1..], [Effect::Drop(ids[2])]);
}

#[test]
fn a_background_row_that_is_poison_does_not_hold_up_its_lane() {
    let mut machine = ready();
    let (poison, other) = (row(1, Lane::Faq, 1), row(2, lane(2), 1));
    machine.step(Event::ServerTime(UnixMillis(1)), at(0));
    machine.step(Event::Enqueued(poison.clone()), at(0));
    let failed =
        || Event::Ended { id: poison.id, outcome: Outcome::Transient { retry_after: None, server_error: true } };
    for _ in 0..60 {
        assert!(!machine.step(failed(), at(1)).contains(&Effect::Drop(poison.id)));
        machine.step(Event::EverythingDue, at(1));
    }
    machine.step(Event::ServerTime(UnixMillis(2 * 24 * 3600 * 1000)), at(2));
    machine.step(Event::Enqueued(other.clone()), at(2));
    machine.step(Event::Ended { id: other.id, outcome: Outcome::Stored }, at(2));
    machine.step(Event::Settled(other.id), at(2));
    machine.step(Event::EverythingDue, at(2));
    assert_eq!(machine.step(failed(), at(2)), [Effect::Drop(poison.id)]);
}

#[test]
fn all_lanes_get_their_turn() {
    let mut machine = ready();
    let rows: Vec<Row> = (1..=50).flat_map(|n| [row(n, lane(n), 1), row(100 + n, lane(n), 2)]).collect();
    let mut under_way = sends(&machine.step(Event::Loaded(rows.clone()), at(0)));
    let mut order = under_way.clone();
    while let Some(id) = under_way.pop() {
        machine.step(Event::Ended { id, outcome: Outcome::Stored }, at(1));
        let next = sends(&machine.step(Event::Settled(id), at(1)));
        order.extend(&next);
        under_way.splice(0..0, next);
    }
    let first_half: std::collections::HashSet<Lane> =
        order.iter().take(50).map(|id| rows.iter().find(|row| row.id == *id).unwrap().lane).collect();
    assert_eq!(first_half.len(), 50, "each lane is served once before any is served twice");
    assert_eq!(order.len(), 100);
}

#[test]
fn a_week_by_the_servers_time_wedges_and_a_wrong_phone_clock_does_not() {
    let mut machine = ready();
    let start = UnixMillis(2_000_000_000_000);
    let week = 7 * 24 * 3600 * 1000;
    machine.step(Event::ServerTime(start), at(0));
    let waits = Row { known_created_at: Some(start), ..row(1, lane(1), 1) };
    machine.step(Event::Enqueued(waits.clone()), at(0));
    let outcome = Outcome::Transient { retry_after: Some(Duration::from_secs(3600)), server_error: false };
    machine.step(Event::Ended { id: waits.id, outcome: outcome.clone() }, at(0));
    let wrong = Now { mono: at(1).mono, wall: UnixMillis(99_000_000_000_000) };
    assert_eq!(machine.step(Event::Tick, wrong), [Effect::Send(waits.id)], "due, not expired");
    machine.step(Event::Ended { id: waits.id, outcome }, wrong);
    let later = |seconds| Now { mono: at(seconds).mono, wall: wrong.wall };
    assert_eq!(machine.step(Event::ServerTime(start.plus(week)), later(2)), []);
    let effects = machine.step(Event::ServerTime(start.plus(week + 120_000)), later(3));
    assert!(matches!(&effects[..], [Effect::Wedge { code, .. }] if code == "expired"));
}

#[test]
fn only_a_row_that_fails_for_a_day_while_others_pass_is_poison() {
    let mut machine = ready();
    let start = UnixMillis(2_000_000_000_000);
    let (poison, other) = (row(1, lane(1), 1), row(2, lane(2), 1));
    machine.step(Event::ServerTime(start), at(0));
    machine.step(Event::Enqueued(poison.clone()), at(0));
    let broken =
        || Event::Ended { id: poison.id, outcome: Outcome::Transient { retry_after: None, server_error: true } };
    let is_wedged = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Wedge { .. }));
    for _ in 0..60 {
        assert!(!is_wedged(&machine.step(broken(), at(1))), "within a day");
        machine.step(Event::EverythingDue, at(1));
    }
    machine.step(Event::ServerTime(start.plus(25 * 3_600_000)), at(2));
    assert!(!is_wedged(&machine.step(broken(), at(2))), "nothing else has passed: the server is broken, not the row");
    machine.step(Event::Enqueued(other.clone()), at(3));
    machine.step(Event::Ended { id: other.id, outcome: Outcome::Stored }, at(3));
    machine.step(Event::EverythingDue, at(3));
    assert!(is_wedged(&machine.step(broken(), at(4))));
}

#[test]
fn a_discarded_row_keeps_its_lane_until_its_request_has_ended() {
    let mut machine = ready();
    let (gone, next) = (row(1, lane(1), 1), row(2, lane(1), 2));
    machine.step(Event::Enqueued(gone.clone()), at(0));
    machine.step(Event::Enqueued(next.clone()), at(0));
    assert_eq!(sends(&machine.step(Event::Removed(gone.id), at(0))), []);
    let effects = machine.step(Event::Ended { id: gone.id, outcome: Outcome::transient() }, at(1));
    assert_eq!(sends(&effects), [next.id]);
}

#[test]
fn what_cannot_be_committed_is_tried_again() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    machine.step(Event::Ended { id: only.id, outcome: Outcome::Stored }, at(0));
    machine.step(Event::NotCommitted(only.id), at(0));
    assert!(machine.is_armed(at(0)));
    assert_eq!(sends(&machine.step(Event::EverythingDue, at(1))), [only.id]);
}

#[test]
fn an_old_app_stops_all_lanes_and_looks_again_after_the_longest_wait() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    let effects = machine.step(Event::Ended { id: only.id, outcome: Outcome::UpdateRequired }, at(0));
    assert!(effects.contains(&Effect::Report(Report::UpdateRequired)));
    assert_eq!(machine.next_wake(at(0)), Some(Policy::default().longest_wait));
}

#[test]
fn a_row_of_unknown_age_is_as_old_as_the_next_word_of_the_server() {
    let mut machine = ready();
    let start = UnixMillis(2_000_000_000_000);
    let undated = row(1, lane(1), 1);
    machine.step(Event::ServerTime(start), at(0));
    machine.step(Event::Enqueued(undated.clone()), at(0));
    machine.step(Event::Ended { id: undated.id, outcome: Outcome::transient() }, at(0));
    let month = 30 * 24 * 3600 * 1000;
    let effects = machine.step(Event::ServerTime(start.plus(month)), at(1));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Wedge { .. })), "written just now, for all we know");
}

#[test]
fn a_failed_identity_does_not_spin_while_its_lane_waits_for_longer() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    let outcome = Outcome::Transient { retry_after: Some(Duration::from_secs(200)), server_error: true };
    machine.step(Event::Ended { id: only.id, outcome }, at(0));
    machine.step(Event::IdentityFailed(1), at(0));
    assert!(machine.next_wake(at(5)).unwrap() >= Duration::from_secs(200));
}

#[test]
fn a_lane_that_the_server_has_passed_is_numbered_anew_and_not_wedged_at_once() {
    let mut machine = ready();
    let only = row(1, lane(1), 1);
    machine.step(Event::Enqueued(only.clone()), at(0));
    let outcome = Outcome::Refused { code: Code::OperationSuperseded, detail: String::new() };
    assert_eq!(machine.step(Event::Ended { id: only.id, outcome }, at(0)), [Effect::Renumber(only.id)]);
    machine.step(Event::NotCommitted(only.id), at(0));
    assert!(machine.is_armed(at(0)));
}

#[test]
fn taking_back_what_the_server_never_had_is_done() {
    let mut machine = ready();
    let only = Row { kind: OperationKind::Retract, ..row(1, lane(1), 1) };
    machine.step(Event::Enqueued(only.clone()), at(0));
    let outcome = Outcome::Refused { code: Code::NotFound, detail: String::new() };
    assert_eq!(machine.step(Event::Ended { id: only.id, outcome }, at(0)), [Effect::Acknowledge(only.id)]);
}
