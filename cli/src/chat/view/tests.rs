//! Pictures of states, on a terminal in memory.

use beistand_core::protocol::Code;
use beistand_core::{Connection, Difference, Message, MessageState, Typing};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend, style::Modifier};

use super::*;
use crate::chat::{
    calendar::Calendar,
    event::Event,
    sample::{self, CONVERSATION, NOW},
    words::{DE, Words},
};

const THEME: Theme = Theme { colours: true };

fn terminal(state: &State, theme: Theme) -> Terminal<TestBackend> {
    let (columns, rows) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, state, theme)).unwrap();
    terminal
}

/// The rows of the screen as text.
pub fn picture(state: &State) -> Vec<String> {
    let terminal = terminal(state, THEME);
    let buffer = terminal.backend().buffer();
    let width = usize::from(buffer.area.width).max(1);
    buffer.content().chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>()).collect()
}

fn screen(words: &'static Words, size: (u16, u16), messages: Vec<Message>) -> State {
    let mut state = State::new(words, Calendar::utc(), size, Some(CONVERSATION));
    state.update(Event::Conversations(vec![sample::conversation(7, "Paket", 0)]), NOW);
    let differences = vec![Difference::Reset(messages)];
    state.update(Event::Timeline { conversation: CONVERSATION, differences, has_earlier: false, unread: Some(0) }, NOW);
    state
}

fn press(state: &mut State, code: KeyCode) {
    state.update(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), NOW);
}

fn has(picture: &[String], text: &str) -> bool {
    picture.iter().any(|row| row.contains(text))
}

#[test]
fn every_state_of_a_message_has_its_word() {
    let states = [
        (MessageState::Queued, "· wartet"),
        (MessageState::Sending, "→ wird gesendet"),
        (MessageState::Sent, "✓ gesendet"),
        (MessageState::Delivered, "✓✓ zugestellt"),
        (MessageState::Read, "✓✓ gelesen"),
        (MessageState::Wedged(Some(Code::TextTooLong)), "✗ nicht angenommen"),
    ];
    for (state, word) in states {
        let message = Message { state, ..sample::own(1, "Hallo") };
        for size in [(100, 30), (60, 20), (40, 10)] {
            assert!(has(&picture(&screen(&DE, size, vec![message.clone()])), word), "{word} at {size:?}");
        }
    }
    let wedged = Message { state: MessageState::Wedged(Some(Code::TextTooLong)), ..sample::own(1, "Hallo") };
    assert!(has(&picture(&screen(&DE, (60, 20), vec![wedged])), "Der Text ist zu lang."));
}

#[test]
fn texts_of_others_reach_no_cell_as_control() {
    let evil = "\u{1b}]0;pwn\u{7}\u{1b}[2J\u{9b}31m\u{202e}txt.exe\r\u{8}";
    let mut message = sample::received(1, evil);
    message.author = beistand_core::protocol::Author::Agent {
        id: beistand_core::protocol::AgentId(uuid::Uuid::from_u128(1)),
        name: evil.into(),
    };
    let mut state = screen(&DE, (100, 30), vec![message.clone()]);
    let mut evil_conversation = sample::conversation(7, evil, 1);
    evil_conversation.preview = evil.into();
    state.update(Event::Conversations(vec![evil_conversation]), NOW);
    state.update(Event::Typing(vec![Typing { conversation_id: CONVERSATION, author: message.author }]), NOW);
    for row in picture(&state) {
        assert!(!row.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{row:?}");
    }
}

#[test]
fn wide_shows_list_and_history_and_narrow_one_of_them() {
    let mut state = screen(&DE, (100, 30), vec![sample::received(1, "Hallo")]);
    assert!(has(&picture(&state), "Gespräche") && has(&picture(&state), "Deniz"));
    state.update(Event::Resize(60, 20), NOW);
    assert!(!has(&picture(&state), "Gespräche") && has(&picture(&state), "Deniz"));
    press(&mut state, KeyCode::Esc);
    assert!(has(&picture(&state), "Gespräche") && !has(&picture(&state), "Deniz"));
}

#[test]
fn long_words_stay_inside() {
    let words = "Rücksendebestätigungsnummernvergabestelle".repeat(3);
    for size in [(40, 10), (60, 20), (100, 30)] {
        let mut state = screen(
            &DE,
            size,
            vec![sample::received(1, &words), sample::own(2, "返品をお願いします".repeat(9).as_str())],
        );
        state.update(Event::Paste(words.clone()), NOW);
        let picture = picture(&state);
        let shown: String = picture.iter().map(|row| row.trim()).collect();
        // A wide character fills a cell and leaves the next one empty.
        assert!(shown.contains("返 品"), "{picture:?}");
        // TestBackend has no cells outside: what is wide must end at the right margin, not be cut in the middle.
        let last = usize::from(size.0) - 1;
        for row in &picture {
            let visible: Vec<char> = row.chars().collect();
            assert!(visible.len() <= last || !visible[last].is_alphanumeric(), "{row}");
        }
    }
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    for size in [(39, 20), (60, 9), (12, 4)] {
        let picture = picture(&screen(&DE, size, Vec::new()));
        assert!(picture[0].contains("Das"), "{picture:?}");
    }
    for size in [(1, 1), (0, 0), (3, 1)] {
        picture(&screen(&DE, size, Vec::new()));
    }
}

#[test]
fn nothing_depends_on_colour() {
    let wedged = Message { state: MessageState::Wedged(Some(Code::TextTooLong)), ..sample::own(1, "Hallo") };
    let mut state = screen(&DE, (100, 30), vec![wedged]);
    state.update(Event::Connection(Connection::Offline), NOW);
    let coloured = picture(&state);
    let plain = terminal(&state, Theme { colours: false });
    let cells = plain.backend().buffer().content();
    let text: String = cells.iter().map(|cell| cell.symbol()).collect();
    assert_eq!(text, coloured.concat());
    assert!(
        cells.iter().all(|cell| cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset)
    );
    assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
}

#[test]
fn the_cursor_stands_where_one_writes() {
    let mut state = screen(&DE, (60, 20), Vec::new());
    state.update(Event::Paste("返品 x".into()), NOW);
    let mut terminal = terminal(&state, THEME);
    let cursor = terminal.get_cursor_position().unwrap();
    assert_eq!((cursor.x, cursor.y), (1 + 6, 18));
}

#[test]
fn the_help_line_fits_and_keeps_help_and_leaving() {
    for columns in 40..140 {
        let state = screen(&DE, (columns, 20), vec![sample::own(1, "Hallo")]);
        let help = picture(&state).pop().unwrap();
        assert!(help.contains("F1 Hilfe") && help.contains("Strg+C Beenden"), "{columns}: {help}");
    }
}

#[test]
fn the_help_shows_every_key_and_can_be_scrolled_to_its_end() {
    let mut state = screen(&DE, (60, 20), Vec::new());
    press(&mut state, KeyCode::F(1));
    let mut seen = picture(&state);
    for _ in 0..80 {
        press(&mut state, KeyCode::Down);
        seen.extend(picture(&state));
    }
    for text in
        ["Überall", "In der Liste", "Im Verlauf", "Beim Schreiben", "Neues Anliegen", "Wort vor der Schreibmarke"]
    {
        assert!(has(&seen, text), "{text}");
    }
}

#[test]
fn the_form_shows_what_is_missing_beside_its_field() {
    let mut state = screen(&DE, (60, 20), Vec::new());
    state.update(Event::Key(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL)), NOW);
    state.update(Event::Key(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL)), NOW);
    let picture = picture(&state);
    assert!(has(&picture, "Betreff") && has(&picture, "✗ Eine erforderliche Angabe fehlt."), "{picture:?}");
}

#[test]
fn an_empty_list_says_how_to_begin() {
    for size in [(100, 30), (60, 20)] {
        let mut state = State::new(&DE, Calendar::utc(), size, None);
        assert!(has(&picture(&state), "Einen Moment"));
        state.update(Event::Conversations(Vec::new()), NOW);
        let picture = picture(&state);
        assert!(has(&picture, "Noch keine Gespräche") && has(&picture, "Willkommen") && has(&picture, "n Neu"));
    }
}
