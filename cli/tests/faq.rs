//! The FAQ in the terminal, against the real server and without any: what is found, shown, suggested and rated, and what a
//! person gets who has nothing but a seed.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use beistand_test_support::process::{Phone, ServerProcess, binary, documents};
use serde_json::Value;
use tempfile::TempDir;

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

struct World {
    folder: TempDir,
    server: ServerProcess,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = ServerProcess::start(&folder.path().join("server"), 0, &[]);
        Self { folder, server }
    }

    fn phone(&self) -> Phone {
        Phone { server: self.server.url.clone(), data: self.folder.path().join("phone") }
    }

    fn offline(&self) -> Phone {
        Phone { server: NOWHERE.into(), ..self.phone() }
    }

    /// A command of the server on its own database.
    fn server(&self, words: &[&str]) -> String {
        let mut command = Command::new(binary("beistand-server"));
        command.arg("--data").arg(self.folder.path().join("server")).args(words).stdin(Stdio::null());
        let said = command.output().unwrap();
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    fn seed(&self, locale: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{locale}.faq.gz"));
        self.server(&["faq", "bundle", "--locale", locale, "-o", text(&file)]);
        file
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A command for scripts, in German unless it says otherwise.
fn run(phone: &Phone, words: &[&str]) -> Output {
    phone.command(words).env("LC_ALL", "de_DE.UTF-8").output().unwrap()
}

fn must(phone: &Phone, words: &[&str]) -> Vec<Value> {
    let said = run(phone, words);
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
    documents(&said)
}

/// What a person reads on standard output, and on standard error.
fn read(phone: &Phone, words: &[&str]) -> (String, String) {
    let mut command = Command::new(binary("beistand"));
    command.args(["--server", &phone.server, "--app-key", "demo", "--data"]).arg(&phone.data).args(words);
    let said = command.env("LC_ALL", "de_DE.UTF-8").env("COLUMNS", "60").stdin(Stdio::null()).output().unwrap();
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
    (String::from_utf8(said.stdout).unwrap(), String::from_utf8(said.stderr).unwrap())
}

fn articles(found: &[Value]) -> Vec<&str> {
    found.iter().map(|hit| hit["article"].as_str().unwrap()).collect()
}

#[test]
fn a_first_search_fetches_the_articles_and_later_ones_need_no_network() {
    let world = World::new();
    let found = must(&world.phone(), &["faq", "search", "Rücksendeettikett verlorn"]);
    assert_eq!(articles(&found)[0], "return-code", "typing errors are forgiven");
    for (query, expected) in [
        ("gutschein einloesen", "redeem-voucher"),
        ("groessentabelle herren", "size-chart-men"),
        ("wie gross sind die schuhe", "shoe-sizes"),
    ] {
        let found = must(&world.offline(), &["faq", "search", query]);
        assert!(articles(&found).contains(&expected), "{query}: {:?}", articles(&found));
    }
}

#[test]
fn a_hit_tells_where_what_was_looked_for_stands() {
    let world = World::new();
    let found = must(&world.phone(), &["faq", "search", "rücksendung", "--limit", "2"]);
    assert!((1..=2).contains(&found.len()));
    for hit in &found {
        assert_eq!((&hit["locale"], hit["score"].as_f64().unwrap() > 0.0), (&"de".into(), true));
        let title: Vec<u16> = hit["title"].as_str().unwrap().encode_utf16().collect();
        for part in hit["title_highlights"].as_array().unwrap() {
            let at = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
            assert!(at("start") < at("end") && at("utf16_end") <= title.len());
        }
        assert!(hit["snippet"]["text"].is_string() && hit["snippet"]["highlights"].is_array());
    }
    let marked = found.iter().any(|hit| !hit["title_highlights"].as_array().unwrap().is_empty());
    assert!(marked, "{found:#?}");
}

#[test]
fn the_language_is_that_of_the_person_or_the_one_that_is_named() {
    let world = World::new();
    let phone = world.phone();
    let of = |words: &[&str]| must(&phone, words)[0]["locale"].as_str().unwrap().to_owned();
    assert_eq!(of(&["faq", "search", "Paket"]), "de");
    assert_eq!(of(&["faq", "search", "parcel", "--locale", "en-GB"]), "en");
    assert_eq!(of(&["faq", "show", "how-to-return"]), "de");
    assert_eq!(of(&["faq", "show", "how-to-return", "--locale", "en"]), "en");
    assert_eq!(of(&["faq", "show", "how-to-return", "--locale", "pt"]), "de", "the default of the app");
}

#[test]
fn a_seed_has_answers_before_there_ever_was_a_network() {
    let world = World::new();
    let (seed, key) = (world.seed("de"), world.server(&["faq", "key"]));
    let phone = world.offline();
    let trusted = ["--faq-seed", text(&seed), "--faq-key", &key];
    let found = must(&phone, &[&trusted[..], &["faq", "search", "Versandkosten"]].concat());
    assert_eq!(articles(&found)[0], "shipping-costs");
    let (list, _) = read(&phone, &[&trusted[..], &["faq", "list", "returns"]].concat());
    assert!(list.contains("how-to-return      Wie schicke ich etwas zurück?"), "{list}");
}

#[test]
fn a_seed_that_somebody_else_signed_is_not_taken() {
    let world = World::new();
    let seed = world.seed("de");
    let other = "A".repeat(43) + "=";
    let said = run(&world.offline(), &["--faq-seed", text(&seed), "--faq-key", &other, "faq", "search", "Paket"]);
    assert_eq!(said.status.code(), Some(1));
    let complaint = String::from_utf8(said.stderr).unwrap();
    assert!(complaint.contains("were not taken"), "{complaint}");
    let absent = run(&world.offline(), &["--faq-seed", "/nowhere/de.faq", "faq", "search", "Paket"]);
    assert_eq!(absent.status.code(), Some(2));
}

#[test]
fn nothing_here_and_no_network_is_said_and_is_no_empty_answer() {
    let folder = TempDir::new().unwrap();
    let phone = Phone { server: NOWHERE.into(), data: folder.path().join("phone") };
    let said = run(&phone, &["faq", "search", "Paket"]);
    assert_eq!((said.status.code(), &documents(&said)[0]["error"]["code"]), (Some(1), &"unreachable".into()));
}

#[test]
fn nothing_found_is_said_in_one_line() {
    let world = World::new();
    assert!(must(&world.phone(), &["faq", "search", "xqzzyw"]).is_empty());
    let (said, _) = read(&world.phone(), &["faq", "search", "xqzzyw"]);
    assert_eq!(said, "No article fits (de). `beistand open` writes to a person.\n");
}

#[test]
fn a_draft_gets_what_answers_it_and_a_strange_one_nothing() {
    let world = World::new();
    let phone = world.phone();
    let near = "Ich soll immer eine Bestellnummer angeben, finde aber keine. Welche Nummer meinen Sie denn?";
    let found = must(&phone, &["faq", "suggest", near]);
    assert!(articles(&found).contains(&"find-order-number"), "{:?}", articles(&found));
    let far = "Wie kündige ich meine Lebensversicherung und wie hoch ist der Rückkaufswert?";
    assert!(must(&phone, &["faq", "suggest", far]).is_empty());

    // The same beside a ticket, offline: it is written first, and told what may answer it.
    let (id, remark) = read(&world.offline(), &["open", "--subject", "Bestellnummer", "--text", near, "--suggest"]);
    assert_eq!(id.trim().len(), 36);
    assert!(remark.contains("This may already answer it:") && remark.contains("find-order-number"), "{remark}");
    let (_, remark) = read(&world.offline(), &["open", "--subject", "Frage", "--text", far, "--suggest"]);
    assert_eq!(remark, "");
    let opened = must(&world.offline(), &["open", "--subject", "Frage", "--text", near, "--suggest"]);
    assert!(articles(opened[0]["suggestions"].as_array().unwrap()).contains(&"find-order-number"));
}

#[test]
fn an_unknown_article_or_collection_is_4() {
    let world = World::new();
    for words in
        [&["faq", "show", "no-such"][..], &["faq", "rate", "no-such", "--helpful"], &["faq", "list", "no-such"]]
    {
        let said = run(&world.phone(), words);
        assert_eq!(
            (said.status.code(), &documents(&said)[0]["error"]["code"]),
            (Some(4), &"not-found".into()),
            "{words:?}"
        );
    }
}

#[test]
fn a_rating_reaches_the_editors() {
    let world = World::new();
    let phone = world.phone();
    must(&phone, &["faq", "refresh"]);
    must(&world.offline(), &["faq", "rate", "how-to-return", "--not-helpful", "--comment", "Wo ist der Knopf?"]);
    must(&phone, &["flush", "--timeout", "30"]);
    let said = must(&phone, &["agent", "--user", "Deniz", "--password", "demo", "faq"]);
    assert_eq!(said[0]["article"]["article"], "how-to-return");
    assert_eq!((&said[0]["article"]["not_helpful"], &said[0]["article"]["helpful"]), (&1.into(), &0.into()));
    assert_eq!(said[0]["article"]["comments"][0]["text"], "Wo ist der Knopf?");
}

#[test]
fn what_editors_publish_is_there_after_a_refresh_and_cannot_steer_the_terminal() {
    let world = World::new();
    let phone = world.phone();
    assert_eq!(must(&phone, &["faq", "refresh"])[0]["changed"], true);
    assert_eq!(must(&phone, &["faq", "refresh"])[0]["changed"], false);
    let folder = world.folder.path().join("faq/de");
    std::fs::create_dir_all(&folder).unwrap();
    // The server takes no control characters; references to characters make some at the phone.
    let article = "---\ntitle: Blinkt die Zauberjacke?\n---\n\nJa&#x202e; &#27;[31m, **&#155;2J** &#7; sehr.\n";
    std::fs::write(folder.join("magic-jacket.md"), article).unwrap();
    world.server(&["faq", "import", text(&world.folder.path().join("faq")), "--publish"]);
    assert!(!articles(&must(&world.offline(), &["faq", "search", "Zauberjacke"])).contains(&"magic-jacket"));
    assert_eq!(must(&phone, &["faq", "refresh"])[0]["changed"], true);
    assert_eq!(articles(&must(&world.offline(), &["faq", "search", "Zauberjacke"]))[0], "magic-jacket");
    for words in [&["faq", "show", "magic-jacket"][..], &["faq", "search", "Zauberjacke"]] {
        let (shown, _) = read(&world.offline(), words);
        assert!(shown.contains("Zauberjacke"));
        assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
    }
}

#[test]
fn an_article_is_one_document_with_typed_blocks() {
    let world = World::new();
    let shown = must(&world.phone(), &["faq", "show", "size-chart-women"]);
    assert_eq!((shown.len(), &shown[0]["id"]), (1, &"size-chart-women".into()));
    assert!(shown[0]["blocks"].as_array().unwrap().iter().any(|block| block["type"] == "table"));
    assert!(shown[0]["updated_at"].as_str().unwrap().ends_with('Z'));
}
