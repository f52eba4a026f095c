//! What a person does, key by key, and what has to follow.

use beistand_core::protocol::{Code, Status};
use beistand_core::{ClientEvent, Difference};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use uuid::Uuid;

use super::*;
use crate::chat::{
    event::FileEvent,
    sample::{self, CONVERSATION, NOW},
    words::{DE, EN},
};

/// A screen with two conversations; the first is looked at, with these messages.
fn screen(messages: Vec<Message>, unread: u64) -> State {
    let mut state = State::new(&DE, Calendar::utc(), (100, 30), None);
    let list = vec![sample::conversation(7, "Paket", unread), sample::conversation(8, "Kleid", 0)];
    assert_eq!(state.update(Event::Conversations(list), NOW), [Action::Look(CONVERSATION)]);
    let differences = vec![Difference::Reset(messages)];
    let unread = Some(unread);
    state.update(Event::Timeline { conversation: CONVERSATION, differences, has_earlier: false, unread }, NOW);
    state
}

fn tell(state: &mut State, differences: Vec<Difference>, has_earlier: bool) -> Vec<Action> {
    state.update(Event::Timeline { conversation: CONVERSATION, differences, has_earlier, unread: None }, NOW)
}

fn press(state: &mut State, code: KeyCode) -> Vec<Action> {
    state.update(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), NOW)
}

fn ctrl(state: &mut State, letter: char) -> Vec<Action> {
    state.update(Event::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)), NOW)
}

fn write(state: &mut State, text: &str) {
    for c in text.chars() {
        press(state, KeyCode::Char(c));
    }
}

fn wedged(id: u8, text: &str) -> Message {
    Message { state: MessageState::Wedged(Some(Code::TextTooLong)), seq: None, ..sample::own(id, text) }
}

#[test]
fn enter_sends_and_an_empty_input_sends_nothing() {
    let mut state = screen(vec![sample::received(1, "Hallo")], 0);
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.focus, Focus::Input);
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    write(&mut state, "Wo ist es?");
    let sent = press(&mut state, KeyCode::Enter);
    assert_eq!(
        sent,
        [Action::Send(CONVERSATION, "Wo ist es?".into(), Vec::new()), Action::Typing(CONVERSATION, false)]
    );
    assert_eq!(press(&mut state, KeyCode::Enter), [], "the input is empty again");
}

#[test]
fn a_letter_in_the_input_is_a_letter_and_in_the_list_a_command() {
    let mut state = screen(Vec::new(), 0);
    press(&mut state, KeyCode::Char('n'));
    assert_eq!(state.screen, Screen::Form);
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Enter);
    let actions = press(&mut state, KeyCode::Char('n'));
    assert_eq!((state.screen, actions), (Screen::Talk, vec![Action::Typing(CONVERSATION, true)]));
    assert_eq!(state.compose().map(|compose| compose.editor.text()), Some("n"));
}

#[test]
fn words_that_are_not_accepted_come_back() {
    let mut state = screen(Vec::new(), 0);
    press(&mut state, KeyCode::Enter);
    write(&mut state, "danach");
    let text = "zu lang".to_owned();
    state.update(
        Event::NotWritten { conversation: CONVERSATION, editing: None, text, files: Vec::new(), code: "text-too-long" },
        NOW,
    );
    assert_eq!(state.compose().map(|compose| compose.editor.text()), Some("zu lang\ndanach"));
    assert_eq!(state.notice.as_deref(), Some("Der Text ist zu lang."));
}

#[test]
fn a_wedged_message_can_be_retried_edited_and_discarded() {
    let mut state = screen(vec![sample::received(1, "Hallo"), wedged(2, "lang")], 0);
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Up);
    assert_eq!(state.focus, Focus::History);
    let id = state.history.messages[1].id;
    assert_eq!(press(&mut state, KeyCode::Char('r')), [Action::Retry(id)]);
    assert_eq!(press(&mut state, KeyCode::Delete), [], "asks first");
    assert_eq!(state.dialog, Some(Dialog::Discard(id)));
    assert_eq!(press(&mut state, KeyCode::Char('x')), []);
    assert_eq!(press(&mut state, KeyCode::Char('j')), [Action::Discard(id)]);
    press(&mut state, KeyCode::Char('e'));
    assert_eq!(state.compose().map(|compose| compose.editor.text()), Some("lang"));
    write(&mut state, "?");
    let edited = press(&mut state, KeyCode::Enter);
    assert_eq!(edited.first(), Some(&Action::Edit(CONVERSATION, id, "lang?".into())));
}

#[test]
fn a_draft_survives_that_another_message_is_changed() {
    let mut state = screen(vec![sample::own(1, "Halo")], 0);
    press(&mut state, KeyCode::Enter);
    write(&mut state, "Entwurf");
    press(&mut state, KeyCode::Up);
    press(&mut state, KeyCode::Char('e'));
    assert_eq!(state.compose().map(|compose| compose.editor.text()), Some("Halo"));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.compose().map(|compose| compose.editor.text()), Some("Entwurf"));
}

#[test]
fn only_own_messages_can_be_changed() {
    let mut state = screen(vec![sample::received(1, "Hallo")], 0);
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.focus, Focus::History);
    for key in [KeyCode::Char('e'), KeyCode::Char('r'), KeyCode::Delete, KeyCode::Char('d')] {
        assert_eq!(press(&mut state, key), []);
        assert_eq!((state.dialog.clone(), state.focus), (None, Focus::History));
    }
}

#[test]
fn taking_back_asks_first() {
    let mut state = screen(vec![sample::own(1, "Hallo")], 0);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Char('d'));
    assert_eq!(press(&mut state, KeyCode::Char('n')), []);
    press(&mut state, KeyCode::Char('d'));
    assert_eq!(press(&mut state, KeyCode::Char('y')), [Action::TakeBack(state.history.messages[0].id)]);
}

#[test]
fn leaving_asks_only_if_text_would_be_lost() {
    let mut state = screen(Vec::new(), 0);
    assert_eq!(ctrl(&mut state, 'c'), [Action::Quit]);
    press(&mut state, KeyCode::Enter);
    write(&mut state, "x");
    assert_eq!(ctrl(&mut state, 'c'), []);
    assert_eq!(state.dialog, Some(Dialog::Quit));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.dialog, None);
    ctrl(&mut state, 'c');
    assert_eq!(ctrl(&mut state, 'c'), [Action::Quit], "who asks twice means it");
    assert_eq!(state.update(Event::Stop, NOW), [Action::Quit]);
}

#[test]
fn text_in_a_ticket_that_is_put_aside_counts_as_unsent() {
    let mut state = screen(Vec::new(), 0);
    assert_eq!(ctrl(&mut state, 'n'), [Action::AskConfig]);
    write(&mut state, "Kleid");
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.screen, Screen::Talk);
    assert_eq!(ctrl(&mut state, 'c'), []);
    press(&mut state, KeyCode::Esc);
    ctrl(&mut state, 'n');
    assert!(!state.form.as_ref().unwrap().is_blank(), "it is still there");
}

#[test]
fn a_new_ticket_is_opened_and_looked_at() {
    let mut state = screen(Vec::new(), 0);
    ctrl(&mut state, 'n');
    write(&mut state, "Kleid");
    press(&mut state, KeyCode::Tab);
    write(&mut state, "Naht");
    let actions = press(&mut state, KeyCode::Enter);
    assert!(matches!(actions.as_slice(), [Action::Open(draft)] if draft.subject == "Kleid" && draft.text == "Naht"));
    let id = ConversationId(Uuid::from_u128(99));
    assert_eq!(state.update(Event::Opened(id), NOW), [Action::Look(id)]);
    assert_eq!((state.screen, state.focus, state.form.is_none()), (Screen::Talk, Focus::Input, true));
    // The list may come before the conversation is in it.
    assert_eq!(state.update(Event::Conversations(vec![sample::conversation(7, "Paket", 0)]), NOW), []);
    assert_eq!(state.history.conversation, Some(id));
}

#[test]
fn what_is_seen_is_marked_as_read_and_what_is_passed_by_is_not() {
    let mut state = screen(vec![sample::received(1, "Hallo"), sample::received(2, "Da")], 2);
    assert!(state.history.first_new.is_some());
    assert_eq!(press(&mut state, KeyCode::Down), [Action::Look(ConversationId(Uuid::from_u128(8)))]);
    press(&mut state, KeyCode::Up);
    tell(&mut state, vec![Difference::Reset(vec![sample::received(1, "Hallo"), sample::received(2, "Da")])], false);
    state.update(Event::InFront(false), NOW);
    assert_eq!(press(&mut state, KeyCode::Enter), [], "the terminal is behind another window");
    assert_eq!(state.update(Event::InFront(true), NOW), [Action::MarkRead(CONVERSATION, 3)]);
    assert_eq!(press(&mut state, KeyCode::Left), [], "once is enough");
}

#[test]
fn a_message_that_comes_while_one_reads_further_up_is_told_and_not_marked() {
    let many = (0..40).map(|id| sample::received(id, "eins")).collect();
    let mut state = screen(many, 0);
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::PageUp);
    let list = vec![sample::conversation(7, "Paket", 1)];
    assert_eq!(state.update(Event::Conversations(list), NOW), []);
    let new = Difference::Insert { index: 40, message: sample::received(90, "neu") };
    assert_eq!(tell(&mut state, vec![new], false), []);
    assert_eq!(state.newer, 1);
    let seen = press(&mut state, KeyCode::PageDown);
    let seen = [seen, press(&mut state, KeyCode::PageDown)].concat();
    assert_eq!((seen, state.newer), (vec![Action::MarkRead(CONVERSATION, 91)], 0));
}

#[test]
fn at_the_top_earlier_messages_are_loaded_once_and_nothing_moves() {
    let mut state = screen((10..30).map(|id| sample::own(id, "eins")).collect(), 0);
    tell(&mut state, Vec::new(), true);
    press(&mut state, KeyCode::Enter);
    let mut actions = Vec::new();
    for _ in 0..10 {
        actions.extend(press(&mut state, KeyCode::PageUp));
    }
    assert_eq!(actions, [Action::LoadEarlier]);
    let (rows, height) = state.shown_rows().unwrap();
    let seen = rows[state.history.top(&rows, height) + 2].part.clone();
    let older =
        (0..10).map(|id| Difference::Insert { index: usize::from(id), message: sample::own(id, "alt") }).collect();
    tell(&mut state, older, false);
    state.update(Event::Earlier(CONVERSATION, true), NOW);
    let (rows, height) = state.shown_rows().unwrap();
    assert!(rows[state.history.top(&rows, height)..][..3].iter().any(|row| row.part == seen));
    assert!(!state.history.has_earlier);
}

#[test]
fn the_banner_says_what_waits() {
    let mut state = screen(Vec::new(), 0);
    assert_eq!(state.banner(), None);
    state.update(Event::Connection(Connection::Offline), NOW);
    state.waiting = 3;
    assert_eq!(state.banner().unwrap(), "Keine Verbindung · 3 Nachrichten warten und gehen von selbst hinaus");
    state.update(Event::News(ClientEvent::UnknownApp), NOW);
    assert_eq!(state.banner().as_deref(), Some(DE.unknown_app));
    state.update(Event::Outbox(Vec::new()), NOW);
    state.update(Event::Connection(Connection::Online), NOW);
    assert_eq!(state.banner(), None, "something has left, so nothing is in the way");
}

#[test]
fn a_conversation_is_closed_and_opened_again_with_the_same_key() {
    let mut state = screen(Vec::new(), 0);
    assert_eq!(press(&mut state, KeyCode::Char('c')), [Action::Close(CONVERSATION)]);
    let closed = Conversation { status: Status::Closed, ..sample::conversation(7, "Paket", 0) };
    state.update(Event::Conversations(vec![closed]), NOW);
    assert_eq!(press(&mut state, KeyCode::Char('c')), [Action::Reopen(CONVERSATION)]);
}

#[test]
fn a_conversation_that_is_gone_makes_room_for_the_next() {
    let mut state = screen(Vec::new(), 0);
    let left = vec![sample::conversation(8, "Kleid", 0)];
    assert_eq!(state.update(Event::Conversations(left), NOW), [Action::Look(ConversationId(Uuid::from_u128(8)))]);
    assert_eq!(state.notice.as_deref(), Some(DE.gone));
    let gone = ConversationId(Uuid::from_u128(8));
    assert_eq!(state.update(Event::Conversations(Vec::new()), NOW), []);
    assert_eq!(state.update(Event::Missing(gone), NOW), []);
    assert_eq!(state.history.conversation, None);
}

#[test]
fn what_another_conversation_tells_is_not_shown_here() {
    let mut state = screen(Vec::new(), 0);
    let differences = vec![Difference::Reset(vec![sample::own(1, "fremd")])];
    let conversation = ConversationId(Uuid::from_u128(8));
    state.update(Event::Timeline { conversation, differences, has_earlier: false, unread: None }, NOW);
    assert!(state.history.messages.is_empty());
}

#[test]
fn pasted_text_goes_into_the_input_and_sends_nothing() {
    let mut state = screen(Vec::new(), 0);
    let actions = state.update(Event::Paste("eins\r\nzwei\u{1b}[2J".into()), NOW);
    assert_eq!(actions, [Action::Typing(CONVERSATION, true)]);
    assert_eq!(state.compose().map(|compose| compose.editor.text()), Some("eins\nzwei[2J"));
}

#[test]
fn keys_on_a_screen_that_is_too_small_do_nothing_but_leave() {
    let mut state = screen(vec![sample::own(1, "Hallo")], 0);
    state.update(Event::Resize(10, 3), NOW);
    for key in [KeyCode::Char('n'), KeyCode::Enter, KeyCode::Tab, KeyCode::F(1), KeyCode::PageUp] {
        assert_eq!(press(&mut state, key), []);
    }
    assert_eq!((state.screen, state.focus), (Screen::Talk, Focus::List));
    assert_eq!(ctrl(&mut state, 'c'), [Action::Quit]);
}

#[test]
fn the_keys_that_are_named_are_those_that_work() {
    use crate::chat::keys::{Hint, Pressed};
    let mut state = screen(vec![sample::received(1, "Hallo"), wedged(2, "lang")], 0);
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.hints()[0], (Pressed::R, Hint::Retry));
    press(&mut state, KeyCode::Up);
    assert!(!state.hints().iter().any(|(_, hint)| matches!(hint, Hint::Retry | Hint::Edit | Hint::Discard)));
    press(&mut state, KeyCode::F(1));
    assert_eq!(state.hints()[0].1, Hint::CloseHelp);
}

/// Every key in every state: nothing panics, whatever the size.
#[test]
fn no_key_and_no_size_breaks_the_screen() {
    let keys = [
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Delete,
        KeyCode::Backspace,
        KeyCode::F(1),
        KeyCode::Char('n'),
        KeyCode::Char('e'),
        KeyCode::Char('y'),
        KeyCode::Char('漢'),
        KeyCode::Char(' '),
    ];
    let text = "Rücksendebestätigung 返品をお願いします 👩‍👩‍👧‍👦 ";
    for seed in 0..4 {
        let mut random = fastrand_of(seed);
        let mut state = screen(vec![sample::received(1, text), wedged(2, text), sample::own(3, &text.repeat(30))], 1);
        state.words = if seed % 2 == 0 { &DE } else { &EN };
        for _ in 0..150 {
            match random() % 12 {
                0 => {
                    let size = ((random() % 130) as u16, (random() % 40) as u16);
                    state.update(Event::Resize(size.0, size.1), NOW);
                }
                1 => {
                    state.update(Event::Paste(text.into()), NOW);
                }
                2 => {
                    let index = (random() % 5) as usize;
                    let message = sample::received((random() % 250) as u8, text);
                    tell(&mut state, vec![Difference::Insert { index, message }], random().is_multiple_of(2));
                }
                _ => {
                    let key = keys[(random() % keys.len() as u64) as usize];
                    press(&mut state, key);
                }
            }
            crate::chat::view::tests::picture(&state);
        }
    }
}

/// A small generator, so that a failing seed can be played again.
fn fastrand_of(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    }
}

/// A message of somebody else with a file at the server.
fn with_file() -> Message {
    let file = beistand_core::Attachment {
        id: AttachmentId(Uuid::from_u128(70)),
        name: "Etikett\u{202e}gpj.pdf".into(),
        media_type: "application/pdf".into(),
        size: 120_000,
        dimensions: None,
        thumbnail: None,
        state: beistand_core::AttachmentState::Remote,
    };
    Message { attachments: vec![file], ..sample::received(1, "") }
}

#[test]
fn a_file_is_looked_at_before_it_is_attached_and_may_be_sent_without_words() {
    let mut state = screen(Vec::new(), 0);
    press(&mut state, KeyCode::Enter);
    ctrl(&mut state, 'o');
    state.update(Event::Paste("/tmp/nichts.jpg".into()), NOW);
    let checked = press(&mut state, KeyCode::Enter);
    assert_eq!(checked, [Action::CheckFile(CONVERSATION, "/tmp/nichts.jpg".into())]);
    state.update(Event::File(FileEvent::Checked(CONVERSATION, Err("unreadable"))), NOW);
    let unreadable = "Diese Datei lässt sich nicht lesen.";
    assert!(matches!(&state.dialog, Some(Dialog::Attach(_, Some(why))) if why == unreadable));
    let chosen = Chosen { path: "/tmp/foto.jpg".into(), name: "foto.jpg".into(), size: 5 };
    state.update(Event::File(FileEvent::Checked(CONVERSATION, Ok(chosen.clone()))), NOW);
    assert_eq!(state.dialog, None);
    assert_eq!(ctrl(&mut state, 'c'), [], "a file that was not sent is asked about, too");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Backspace);
    assert!(state.compose().unwrap().files.is_empty());
    state.update(Event::File(FileEvent::Checked(CONVERSATION, Ok(chosen.clone()))), NOW);
    let sent = press(&mut state, KeyCode::Enter);
    assert_eq!(sent[0], Action::Send(CONVERSATION, String::new(), vec![chosen.clone()]));
    let (text, files) = (String::new(), vec![chosen]);
    state.update(
        Event::NotWritten { conversation: CONVERSATION, editing: None, text, files, code: "storage-full" },
        NOW,
    );
    assert_eq!(state.compose().unwrap().files.len(), 1, "it comes back");
}

#[test]
fn a_file_is_saved_where_one_says_and_its_way_can_be_cancelled() {
    let id = AttachmentId(Uuid::from_u128(70));
    let mut state = screen(vec![with_file()], 0);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Char('s'));
    assert!(matches!(&state.dialog, Some(Dialog::Save(0, editor, None)) if !editor.text().contains('\u{202e}')));
    let saving = press(&mut state, KeyCode::Enter);
    assert!(matches!(saving.as_slice(), [Action::Follow(_), Action::Save(fetched, _)] if *fetched == id));
    let transfer = Transfer { done: 60_000, total: 120_000, active: true };
    state.update(Event::File(FileEvent::Moved(id, transfer)), NOW);
    assert!(crate::chat::view::tests::picture(&state).iter().any(|row| row.contains("█████░░░░░ 50 %")));
    assert_eq!(press(&mut state, KeyCode::Char('x')), [Action::CancelFetch(id)]);
    state.update(Event::File(FileEvent::Saved(id, Ok("/tmp/x".into()))), NOW);
    assert_eq!(state.notice, None, "what was cancelled says nothing more");
}

#[test]
fn files_that_are_on_their_way_are_followed() {
    let mut message = sample::own(1, "Foto");
    message.attachments = with_file().attachments;
    message.attachments[0].state = beistand_core::AttachmentState::Uploading;
    let id = message.attachments[0].id;
    let mut state = screen(Vec::new(), 0);
    let actions = tell(&mut state, vec![Difference::Insert { index: 0, message }], false);
    assert_eq!(actions, [Action::Follow(vec![id])]);
}
