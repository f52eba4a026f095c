//! What a person sees in the main states, and that nothing overflows.

use beistand_test_support::proxy::{Fault, Proxy};
use vt100::Screen;

use crate::{
    CTRL_N, DELETE, DOWN, ENTER, ESCAPE, F1, NARROW, PAGE_UP, UP, WIDE, World,
    emulator::{Emulator, has, rows},
    picture,
};

const ANSWER: &str = "Guten Tag, die Rücksendebestätigung ist heute Morgen eingegangen. Das Geld ist in drei bis fünf Werktagen auf Ihrem Konto.";

/// A customer with two conversations; the second has an answer that was not read.
fn busy() -> (World, String) {
    let world = World::new();
    let dress = world.opened("Kleid mit offener Naht", "Die Seitennaht ist aufgegangen. Kann ich es umtauschen?");
    world.agent(&["reply", &dress, "Das tauschen wir gern um. Das Etikett ist unterwegs."]);
    world.agent(&["status", &dress, "solved"]);
    let parcel = world.opened(
        "Rücksendebestätigung fehlt",
        "Ich habe das Paket am Montag abgegeben, aber keine Rücksendebestätigung bekommen.",
    );
    world.agent(&["show", &parcel]);
    world.agent(&["assign", &parcel]);
    world.agent(&["reply", &parcel, ANSWER]);
    (world, parcel)
}

#[test]
fn list_and_history_stand_side_by_side_and_what_is_sent_arrives() {
    let (world, id) = busy();
    let chat = world.chat(WIDE, &[]);
    chat.shows(&["Gespräche", "1 neu", "Kleid mit offener Naht", "gelöst", "Neue Nachrichten", "✓✓ gelesen"]);
    chat.keys(ENTER);
    chat.keys("Vielen Dank, 返品も確認しました 👍");
    let screen = chat.shows(&["👍"]);
    assert!(!screen.hide_cursor());
    chat.keys(ENTER);
    chat.shows(&["✓ gesendet", "Schreiben Sie hier"]);
    world.agent(&["show", &id]);
    world.agent(&["reply", &id, "Sehr gern."]);
    let screen = chat.wait("read, and nothing is new", |screen| {
        has(screen, "Sehr gern.") && rows(screen).iter().filter(|row| row.contains("✓✓ gelesen")).count() == 2
    });
    picture(
        &screen,
        "chat",
        "The chat screen: conversations on the left, the history with the state of each message on the right",
    );
    let shown = world.phone().run(&["show", &id]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("返品も確認しました 👍"));
}

#[test]
fn offline_says_what_waits_and_sends_it_when_the_server_is_back() {
    let (mut world, id) = busy();
    let chat = world.chat(WIDE, &[&id]);
    chat.shows(&["Rücksendebestätigung ist heute Morgen", "Schreiben Sie hier"]);
    world.server.kill();
    chat.shows(&["Keine Verbindung"]);
    chat.keys("Ist das Geld schon unterwegs?\r");
    chat.keys("Ich habe noch nichts auf dem Konto.\r");
    let screen = chat.wait("two messages wait", |screen| {
        has(screen, "2 Nachrichten warten") && rows(screen).iter().filter(|row| row.ends_with("· wartet")).count() == 2
    });
    picture(&screen, "chat-offline", "Without a connection: a banner says that two messages wait");
    world.server.restart();
    chat.wait("both are sent", |screen| {
        rows(screen).iter().filter(|row| row.contains("✓ gesendet")).count() == 2 && !has(screen, "Keine Verbindung")
    });
}

#[test]
fn a_wedged_message_says_why_and_can_be_discarded() {
    let (world, id) = busy();
    let proxy = Proxy::start(world.server.port, || Fault::None);
    let chat = Emulator::start(&proxy.url(), &world.data(), WIDE, &[&id]);
    chat.shows(&["Rücksendebestätigung ist heute Morgen", "Schreiben Sie hier"]);
    let body = r#"{"type":"https://beistand.dev/problems/text-too-long","title":"The text is too long","status":422,"detail":"too long","code":"text-too-long"}"#;
    let refusal = format!(
        "HTTP/1.1 422 Unprocessable Content\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    proxy.set_faults(move || Fault::Answer(refusal.clone()));
    chat.keys("Hier ist mein ganzer Schriftwechsel mit der Post seit März.\r");
    chat.shows(&["✗ nicht angenommen", "Der Text ist zu lang."]);
    proxy.set_faults(|| Fault::None);
    chat.keys(UP);
    let screen = chat.shows(&["✗ nicht angenommen", "r Wiederholen", "e Ändern", "Entf Verwerfen"]);
    picture(&screen, "chat-wedged", "A message that was not accepted, with the reason and the keys to decide about it");
    chat.keys(DELETE);
    chat.shows(&["Verwerfen?"]);
    chat.keys("j");
    chat.wait("it goes", |screen| !has(screen, "nicht angenommen") && !has(screen, "Schriftwechsel"));
}

/// Nothing stands in the last column but frames and lines, and no row is broken by the terminal.
fn nothing_overflows(screen: &Screen) {
    for (at, row) in rows(screen).iter().enumerate() {
        assert!(!screen.row_wrapped(at as u16), "{row}");
    }
}

#[test]
fn a_narrow_terminal_shows_one_part_and_a_resize_leaves_nothing_behind() {
    let (world, _) = busy();
    let chat = world.chat(NARROW, &[]);
    let screen = chat.shows(&["Gespräche", "Rücksendebestätigung fehlt", "1 neu"]);
    picture(&screen, "chat-narrow-list", "Sixty columns: the list of conversations");
    nothing_overflows(&screen);
    chat.keys(ENTER);
    chat.shows(&["Neue Nachrichten", "Nachricht"]);
    chat.paste("Die Rücksendebestätigungsnummer steht auf dem Einlieferungsbeleg,\rund der Paketaufkleber trägt die Sendungsverfolgungsnummer.");
    let screen = chat.shows(&["Sendungsverfolgungsnummer."]);
    picture(&screen, "chat-narrow", "Sixty columns: the history, and a message of several lines");
    nothing_overflows(&screen);
    for (columns, rows_high) in [(30, 6), (110, 30), (60, 20), (40, 10), (200, 50)] {
        chat.resize(columns, rows_high);
        let small = columns < 40;
        let screen = chat.wait("the new size", |screen| {
            if small {
                has(screen, "zu klein")
            } else {
                rows(screen).last().is_some_and(|row| row.contains("F1 Hilfe"))
            }
        });
        nothing_overflows(&screen);
        let cursor = screen.cursor_position();
        assert!(
            small || rows(&screen)[usize::from(cursor.0)].contains("Sendungsverfolgungsnummer."),
            "the cursor follows the text"
        );
    }
    // What is left of a larger picture would stand twice now.
    let screen =
        chat.wait("one help line", |screen| rows(screen).iter().filter(|row| row.contains("F1 Hilfe")).count() == 1);
    assert_eq!(rows(&screen).iter().filter(|row| row.contains("Gespräche")).count(), 1);
}

#[test]
fn an_empty_screen_leads_to_a_ticket() {
    let world = World::new();
    let chat = world.chat(WIDE, &[]);
    let screen = chat.shows(&["Noch keine Gespräche", "Willkommen", "neues Anliegen"]);
    picture(&screen, "chat-empty", "Before the first conversation");
    chat.keys(CTRL_N);
    // The server announces a topic and fields, and they are asked for in German.
    chat.shows(&["Neues Anliegen", "Betreff", "Thema", "Bestellnummer", "Kaufdatum"]);
    chat.keys("\x13");
    chat.shows(&["✗ Eine erforderliche Angabe fehlt."]);
    chat.keys("Kleid mit offener Naht");
    chat.keys(DOWN);
    chat.keys("\x1b[C\x1b[C\x1b[C");
    chat.keys(DOWN);
    chat.keys("A-20418");
    let screen = chat.shows(&["Rückgabe", "A-20418"]);
    picture(&screen, "chat-ticket", "A new ticket with the fields that the server announces");
    chat.keys("\t\t\t\t\t");
    chat.keys("Die Seitennaht ist aufgegangen.");
    chat.shows(&["Die Seitennaht ist aufgegangen."]);
    chat.keys("\x13");
    chat.shows(&["✓ gesendet", "Kleid mit offener Naht", "Schreiben Sie hier"]);
    let listed = String::from_utf8(world.phone().run(&["list"]).stdout).unwrap();
    assert!(listed.contains("A-20418") && listed.contains("returns"), "{listed}");
}

#[test]
fn the_help_stands_above_everything_and_goes_away() {
    let (world, id) = busy();
    let chat = world.chat(WIDE, &[&id]);
    chat.shows(&["Schreiben Sie hier"]);
    chat.keys(F1);
    let screen = chat.shows(&["Hilfe", "Überall", "In der Liste"]);
    picture(&screen, "chat-help", "The help");
    chat.keys(ESCAPE);
    chat.wait("the help goes", |screen| !has(screen, "Überall") && has(screen, "Schreiben Sie hier"));
}

#[test]
fn the_past_is_loaded_when_one_scrolls_up_to_it() {
    let world = World::new();
    let id = world.opened("Tagebuch", "Der Anfang.");
    for number in 0..70 {
        world.phone().run(&["send", &id, &format!("Eintrag {number}.")]);
    }
    assert!(world.phone().run(&["flush"]).status.success());
    let chat = world.chat(NARROW, &[&id]);
    let mut seen = chat.shows(&["Eintrag 69."]);
    while !has(&seen, "Der Anfang.") {
        chat.keys(PAGE_UP);
        let before = rows(&seen);
        seen = chat.wait("something earlier", |screen| rows(screen) != before);
    }
    chat.keys("x");
    chat.wait("the input is still there", |screen| rows(screen).iter().any(|row| row.trim() == "x"));
}

#[test]
fn what_another_writes_cannot_steer_the_terminal() {
    let (world, id) = busy();
    world.agent(&["reply", &id, "harmlos\u{202e}gnp.exe \u{2067}Ende"]);
    let chat = world.chat(WIDE, &[&id, "--lang", "en"]);
    let screen = chat.shows(&["harmlos▯gnp.exe", "Write here"]);
    assert!(screen.alternate_screen());
    assert!(
        !screen
            .contents()
            .chars()
            .any(|c| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c))
    );
}
