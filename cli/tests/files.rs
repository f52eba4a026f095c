//! Files with the terminal client, both ways, against the real server: what is fetched is what was attached, byte for byte,
//! also over a line that breaks.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use beistand_test_support::process::{Phone, ServerProcess, documents};
use beistand_test_support::proxy::{Fault, Proxy};
use serde_json::Value;
use tempfile::TempDir;

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

    /// A text that no compression makes small.
    fn file(&self, name: &str, lines: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        let line = |number: u32| format!("{number:>8} {:08x}\n", number.wrapping_mul(0x9e37_79b9));
        std::fs::write(&path, (0..lines).map(line).collect::<String>()).unwrap();
        path
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn must(phone: &Phone, words: &[&str]) -> Vec<Value> {
    let said = phone.run(words);
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
    documents(&said)
}

fn agent(phone: &Phone, words: &[&str]) -> Vec<Value> {
    must(phone, &[&["agent", "--user", "Deniz", "--password", "demo"], words].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn same(one: &Path, other: &Path) -> bool {
    std::fs::read(one).unwrap() == std::fs::read(other).unwrap()
}

/// The files of the newest message that `show` tells.
fn files(shown: &[Value], pointer: &str) -> Vec<Value> {
    shown.last().unwrap().pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

#[test]
fn what_a_person_attaches_an_agent_fetches_and_the_other_way_round() {
    let world = World::new();
    let phone = world.phone();
    let (bill, note) = (world.file("Rechnung März.txt", 20_000), world.file("notiz.txt", 3));
    let opened = must(
        &phone,
        &[
            "open",
            "--subject",
            "Rechnung",
            "--text",
            "Anbei.",
            "--attach",
            text(&bill),
            "--attach",
            text(&note),
            "--wait",
            "30",
        ],
    );
    let id = opened[0]["conversation"].as_str().unwrap().to_owned();
    let own = files(&must(&phone, &["show", &id]), "/message/attachments");
    assert_eq!(
        (own.len(), own[0]["name"].as_str(), own[0]["state"].as_str()),
        (2, Some("Rechnung März.txt"), Some("here"))
    );

    let seen = files(&agent(&phone, &["show", &id]), "/message/content/attachments");
    let got = world.at("desk.txt");
    let told = agent(&phone, &["fetch", seen[0]["id"].as_str().unwrap(), "-o", text(&got)]);
    assert_eq!(told[0]["bytes"], std::fs::metadata(&bill).unwrap().len());
    assert!(same(&bill, &got));

    agent(&phone, &["reply", &id, "--attach", text(&note)]);
    must(&phone, &["sync"]);
    let answer = files(&must(&phone, &["show", &id]), "/message/attachments");
    assert_eq!(answer[0]["state"], "remote");
    let attachment = answer[0]["id"].as_str().unwrap();
    must(&phone, &["fetch", attachment, "-o", text(&world.at("phone.txt"))]);
    assert!(same(&note, &world.at("phone.txt")));
    let piped = phone.run(&["fetch", attachment, "-o", "-"]);
    assert_eq!(piped.stdout, std::fs::read(&note).unwrap());
    assert_eq!(files(&must(&phone, &["show", &id]), "/message/attachments")[0]["state"], "here");
}

#[test]
fn an_agents_file_goes_both_ways_over_a_line_that_breaks() {
    let world = World::new();
    let phone = world.phone();
    let id = must(&phone, &["open", "--subject", "Etikett", "--text", "Bitte.", "--wait", "30"])[0]["conversation"]
        .as_str()
        .unwrap()
        .to_owned();
    let label = world.file("etikett.txt", 120_000);
    let mut count = 0;
    let proxy = Proxy::start(world.server.port, move || {
        count += 1;
        match count % 4 {
            2 => Fault::CutRequest,
            3 if count > 4 => Fault::CutAnswer,
            _ => Fault::None,
        }
    });
    let far = Phone { server: proxy.url(), ..phone.clone() };
    let sent = (0..3).any(|_| {
        let words =
            ["agent", "--user", "Deniz", "--password", "demo", "reply", &id, "Das Etikett.", "--attach", text(&label)];
        far.run(&[&words[..], &["--id", "01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f"]].concat()).status.success()
    });
    assert!(sent, "one of three tries gets its session through");
    assert!(proxy.tally().answers_cut + proxy.tally().requests_cut > 2, "the line did break");
    let seen = files(&agent(&phone, &["show", &id]), "/message/content/attachments");
    assert_eq!((seen.len(), seen[0]["name"].as_str()), (1, Some("etikett.txt")));

    // The first answers are cut after some bytes; each try goes on where the last one stopped.
    let mut cuts = 3;
    proxy.set_faults(move || {
        cuts -= 1;
        if cuts < 2 && cuts > -2 { Fault::CutAfter(700_000) } else { Fault::None }
    });
    let got = world.at("geholt.txt");
    let attachment = seen[0]["id"].as_str().unwrap();
    let words = ["agent", "--user", "Deniz", "--password", "demo", "fetch", attachment, "-o", text(&got)];
    let said = far.run(&words);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(same(&label, &got));
}

#[test]
fn what_is_no_file_is_refused_before_anything_is_stored() {
    let world = World::new();
    let phone = world.phone();
    let id = must(&phone, &["open", "--subject", "S", "--text", "T"])[0]["conversation"].as_str().unwrap().to_owned();
    std::fs::write(world.at("leer.txt"), "").unwrap();
    for bad in ["nichts.txt", "leer.txt", "."] {
        let said = phone.run(&["send", &id, "x", "--attach", text(&world.at(bad))]);
        assert_eq!(said.status.code(), Some(2), "{bad}: {}", String::from_utf8_lossy(&said.stderr));
    }
    assert_eq!(must(&phone, &["show", &id]).len(), 2, "the conversation and its first message");
    let said = phone.run(&["fetch", "01920e5c-7b1a-7c3e-9f10-5a2b3c4d5e6f", "-o", text(&world.at("x"))]);
    assert_eq!(said.status.code(), Some(4));
    assert!(!world.at("x").exists());
}
