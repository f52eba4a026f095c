//! However the screen ends, the terminal is as it was.

use crate::{CTRL_C, ESCAPE, NARROW, WIDE, World, terminate};

#[test]
fn leaving_gives_the_terminal_back() {
    let world = World::new();
    let chat = world.chat(NARROW, &[]);
    let screen = chat.shows(&["Noch keine Gespräche"]);
    assert!(screen.alternate_screen() && screen.bracketed_paste());
    chat.keys(CTRL_C);
    let (status, screen) = chat.ends();
    assert!(status.success());
    assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
}

#[test]
fn being_asked_to_end_gives_the_terminal_back_and_keeps_what_was_sent() {
    let world = World::new();
    let id = world.opened("Paket", "Wo ist mein Paket?");
    let chat = world.chat(WIDE, &[&id]);
    chat.shows(&["Wo ist mein Paket?"]);
    chat.keys("Bis gleich.\r");
    chat.shows(&["Bis gleich."]);
    terminate(chat.id());
    let (status, screen) = chat.ends();
    assert!(status.success() && !screen.alternate_screen() && !screen.hide_cursor());
    let shown = world.phone().run(&["show", &id]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Bis gleich."));
}

#[test]
fn unsent_text_is_asked_about() {
    let world = World::new();
    let id = world.opened("Paket", "Wo ist mein Paket?");
    let chat = world.chat(NARROW, &[&id]);
    chat.shows(&["Wo ist mein Paket?"]);
    chat.keys("Noch nicht");
    chat.shows(&["Noch nicht"]);
    chat.keys(CTRL_C);
    chat.shows(&["Beenden?", "verloren"]);
    chat.keys(ESCAPE);
    chat.wait("the question goes", |screen| !crate::emulator::has(screen, "Beenden?"));
    chat.keys(CTRL_C);
    chat.shows(&["Beenden?"]);
    chat.keys("j");
    assert!(chat.ends().0.success());
}

#[test]
fn without_a_terminal_the_screen_says_what_to_use_instead() {
    let world = World::new();
    let said = world.phone().run(&["chat"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("at a terminal"));
}
