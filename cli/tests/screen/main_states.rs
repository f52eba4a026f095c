//! What a person sees in the main states, and that nothing overflows.

use beistand_test_support::process::ServerProcess;
use beistand_test_support::proxy::{Fault, Proxy};
use vt100::Screen;

use crate::{
    CTRL_N, CTRL_O, DELETE, DOWN, ENTER, ESCAPE, F1, NARROW, PAGE_UP, UP, WIDE, World,
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
    let (mut world, id) = busy();
    let chat = world.chat(WIDE, &[&id]);
    chat.shows(&["Rücksendebestätigung ist heute Morgen", "Schreiben Sie hier"]);
    world.server.kill();
    chat.shows(&["Keine Verbindung"]);
    chat.keys("Hier ist mein ganzer Schriftwechsel mit der Post seit März.\r");
    chat.shows(&["· wartet", "1 Nachricht wartet"]);
    // Meanwhile somebody decides that messages are short.
    let config = world.folder.path().join("strict.toml");
    std::fs::write(&config, "[limits]\ntext_chars = 20\n").unwrap();
    let (data, port) = (world.folder.path().join("server"), world.server.port);
    world.server = ServerProcess::start(&data, port, &["--config", config.to_str().unwrap()]);
    chat.shows(&["✗ nicht angenommen", "Der Text ist zu lang."]);
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
    // The answer is on the phone before the screen is: one that comes while the history is opened is new to nobody.
    assert!(world.phone().run(&["sync"]).status.success());
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
        let screen = chat.wait("the new size, with the cursor behind the text", |screen| {
            let all = rows(screen);
            let at_text = all[usize::from(screen.cursor_position().0)].contains("Sendungsverfolgungsnummer.");
            let drawn = all.last().is_some_and(|row| row.contains("F1 Hilfe"));
            if small { has(screen, "zu klein") } else { drawn && at_text }
        });
        nothing_overflows(&screen);
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

#[test]
fn a_file_is_attached_with_progress_and_the_answers_file_is_saved() {
    let (world, id) = busy();
    let photo = world.folder.path().join("Einlieferungsbeleg Rücksendung.txt");
    let lines = (0..60_000_u32).map(|line| format!("{:08x}\n", line.wrapping_mul(0x9e37_79b9))).collect::<String>();
    std::fs::write(&photo, &lines).unwrap();
    let proxy = Proxy::start(world.server.port, || Fault::None);
    let chat = Emulator::start(&proxy.url(), &world.data(), WIDE, &[&id]);
    chat.shows(&["Rücksendebestätigung ist heute Morgen", "Schreiben Sie hier"]);
    chat.keys(CTRL_O);
    chat.shows(&["Datei anhängen", "Pfad der Datei"]);
    chat.paste(&format!("'{}'", photo.display()));
    chat.keys(ENTER);
    chat.wait("the file is taken", |screen| has(screen, "+ [Einlieferungsbeleg") && !has(screen, "Pfad der Datei"));
    chat.keys("Hier ist der Beleg.");
    // From now on each request takes its time.
    proxy.set_faults(|| Fault::Slow(120));
    chat.keys(ENTER);
    let screen = chat.wait("progress", |screen| {
        // The cursor is back in the input: the picture is whole.
        has(screen, "wird hochgeladen █") && has(screen, " %") && screen.cursor_position().0 == 28
    });
    picture(&screen, "chat-attach", "A file on its way, with how far it has got");
    proxy.set_faults(|| Fault::None);
    chat.wait("it has arrived", |screen| has(screen, "✓ gesendet") && has(screen, "auf diesem Gerät"));

    let label = world.folder.path().join("Etikett.txt");
    std::fs::write(&label, "Etikett").unwrap();
    world.agent(&["reply", &id, "Das Etikett:", "--attach", label.to_str().unwrap()]);
    chat.shows(&["[Etikett.txt]", "beim Kundendienst"]);
    chat.keys(UP);
    chat.shows(&["s Sichern"]);
    chat.keys("s");
    chat.shows(&["Datei sichern", "Wohin?"]);
    // Ctrl+U takes the proposed name away.
    let place = world.folder.path().join("gesichert.txt");
    chat.keys("\x15");
    chat.paste(place.to_str().unwrap());
    chat.keys(ENTER);
    chat.shows(&["Gesichert:"]);
    assert_eq!(std::fs::read(&place).unwrap(), b"Etikett");
}

#[test]
fn taking_a_message_back_stops_its_upload() {
    let (world, id) = busy();
    let file = world.folder.path().join("film.txt");
    std::fs::write(&file, "eine Zeile\n".repeat(200_000)).unwrap();
    let proxy = Proxy::start(world.server.port, || Fault::None);
    let chat = Emulator::start(&proxy.url(), &world.data(), NARROW, &[&id]);
    chat.shows(&["Nachricht"]);
    chat.keys(CTRL_O);
    chat.shows(&["Datei anhängen"]);
    chat.paste(file.to_str().unwrap());
    chat.keys(ENTER);
    chat.shows(&["+ [film.txt]"]);
    proxy.set_faults(|| Fault::Slow(200));
    chat.keys(ENTER);
    chat.wait("progress", |screen| has(screen, " %"));
    chat.keys(UP);
    chat.shows(&["Entf Zurücknehmen"]);
    chat.keys(DELETE);
    chat.shows(&["Zurücknehmen?"]);
    chat.keys("j");
    proxy.set_faults(|| Fault::None);
    chat.wait("the file goes", |screen| !has(screen, "film.txt"));
    // What is sent afterwards is not held up.
    chat.keys("\t");
    chat.keys("Doch nicht.");
    chat.shows(&["Doch nicht."]);
    chat.keys(ENTER);
    chat.shows(&["✓ gesendet"]);
}
