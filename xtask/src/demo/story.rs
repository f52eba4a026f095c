//! The story of one ticket, told step by step. Every claim is checked on the other side; the first one that does not
//! hold ends the story with an error.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{process::Scratch, server::Server};

use super::{
    proxy::Proxy,
    terminal::{AGENT, DONE, Line, NOT_IN_TIME, Phone},
};

const SUBJECT: &str = "Kleid mit offener Naht";
const FIRST: &str = "Die Seitennaht des Kleids ist aufgegangen. Kann ich es umtauschen?";
const ANSWER: &str = "Hallo Jana, das tauschen wir gern um. Das Etikett ist unterwegs.";
const NOTE: &str = "Lieferant ist informiert, dritte Naht in dieser Woche.";
const LOST: &str = "Danke. Passt auch Größe M?";
const PHOTO: &str = "Hier ist die Naht:";
const LABEL: &str = "Das Etikett zum Ausdrucken.";
/// A photo as a phone takes it; its camera wrote into it where that was.
const NAHT: &[u8] = include_bytes!("Naht.jpg");
const PLACE: &[u8] = b"Kastanienallee";
const KILLED: [&str; 3] = ["Noch etwas:", "die Farbe ist auch anders als im Bild.", "Ein Foto kommt nach."];

/// How long anything may take that should take moments.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the steps share.
pub(super) struct Story<'a> {
    pub(super) folder: &'a Path,
    port: u16,
    pub(super) phone: Phone,
    /// The same phone without a network: nobody listens where it looks for its server.
    pub(super) offline: Phone,
    conversation: String,
    claims: u32,
}

/// Plays all steps; the server listens on `port`.
pub fn play(port: u16) -> Result<(), String> {
    let begun = Instant::now();
    let scratch = Scratch::new("story")?;
    let phone = Phone::new(&scratch.path().join("phone"), &format!("http://127.0.0.1:{port}"))?;
    let offline = phone.through(&format!("http://127.0.0.1:{}", super::free_port()?));
    let mut story = Story { folder: scratch.path(), port, phone, offline, conversation: String::new(), claims: 0 };

    story.writes_while_the_server_is_down()?;
    let server = story.arrives_once()?;
    story.is_answered()?;
    let proxy = story.answer_is_lost_on_the_way()?;
    let server = story.processes_are_killed(&proxy, server)?;
    story.is_closed_and_opened_again()?;
    story.photo_is_cut_off_on_the_way(&proxy)?;
    story.file_of_the_agent_is_read_offline()?;
    story.answers_are_found(&proxy)?;
    server.stop()?;

    println!("\n{} claims checked, all hold. The story took {:.1} s.", story.claims, begun.elapsed().as_secs_f64());
    Ok(())
}

impl Story<'_> {
    fn writes_while_the_server_is_down(&mut self) -> Result<(), String> {
        step(1, "Jana writes while the server is down.");
        let said = self.phone.must(&["open", "--subject", SUBJECT, "--text", FIRST])?;
        self.conversation = said.text_at("/conversation")?;
        let listed = self.phone.must(&["list"])?;
        let found = listed.documents.iter().any(|document| document.to_string().contains(&self.conversation));
        self.claim("the conversation has an id and stands in her list, without a network", found)?;
        let timeline = self.phone.timeline(&self.conversation)?;
        let queued =
            matches!(timeline.as_slice(), [line] if line.text == FIRST && line.state.as_deref() == Some("queued"));
        self.claim("her words are on the phone, marked as queued", queued)?;
        let flushed = self.phone.run(&["flush", "--timeout", "1"])?;
        self.claim(
            "the phone does not pretend: it says that nothing was delivered in time",
            flushed.code == NOT_IN_TIME,
        )
    }

    fn arrives_once(&mut self) -> Result<Server, String> {
        step(2, "The server starts, and the message arrives once.");
        let server = self.server()?;
        self.flush(&self.phone.clone())?;
        let desk = self.desk()?;
        self.claim("the agent has the message exactly once", times(&desk, FIRST) == 1 && desk.len() == 1)?;
        let sent = self.phone.timeline(&self.conversation)?.iter().all(|line| line.state.as_deref() != Some("queued"));
        self.claim("nothing waits on the phone any more", sent && self.phone.waiting()? == 0)?;
        Ok(server)
    }

    fn is_answered(&mut self) -> Result<(), String> {
        step(3, "Deniz answers, and leaves a note for colleagues.");
        let conversation = self.conversation.clone();
        self.phone.agent(&["reply", &conversation, ANSWER])?;
        self.phone.agent(&["note", &conversation, NOTE])?;
        self.phone.must(&["sync"])?;
        let timeline = self.phone.timeline(&conversation)?;
        let named = timeline.iter().any(|line| line.text == ANSWER && line.agent.as_deref() == Some(AGENT));
        self.claim("the phone shows the answer with the name of the agent", named)?;
        self.claim("the desk shows the note", times(&self.desk()?, NOTE) == 1)?;
        let leaked = holds(&self.folder.join("phone"), NOTE.as_bytes())?;
        self.claim("the note is nowhere on the phone, not even in its files", times(&timeline, NOTE) == 0 && !leaked)
    }

    fn answer_is_lost_on_the_way(&mut self) -> Result<Proxy, String> {
        step(4, "The server stores a message, but its answer is lost on the way.");
        let proxy = Proxy::start(self.port)?;
        proxy.cut_next_answer();
        let phone = self.phone.through(proxy.url());
        self.offline.must(&["send", &self.conversation, LOST])?;
        self.flush(&phone)?;
        let lost = proxy.lost(1, PATIENCE);
        let stored = matches!(lost.as_slice(), [line] if is_stored(line));
        self.claim("the server had stored it, and the connection was cut before the phone heard so", stored)?;
        self.claim("the phone sent it again, and the agent has it exactly once", times(&self.desk()?, LOST) == 1)?;
        Ok(proxy)
    }

    fn processes_are_killed(&mut self, proxy: &Proxy, server: Server) -> Result<Server, String> {
        step(5, "The phone's process is killed in the middle of sending, and the server's right after it stored.");
        let conversation = self.conversation.clone();
        let phone = self.phone.through(proxy.url());
        proxy.hold_next_answer();
        let [first, second, third] = KILLED;
        self.offline.must(&["send", &conversation, first])?;
        let mut sending = phone.start(&["flush", "--timeout", "60"])?;
        let held = matches!(proxy.lost(2, PATIENCE).as_slice(), [_, line] if is_stored(line));
        sending.kill()?;
        self.claim("kill -9 hit the phone after the server had stored and before the phone knew", held)?;
        server.kill()?;
        println!("     kill -9 for the server as well");
        self.phone.must(&["send", &conversation, second])?;
        self.phone.must(&["send", &conversation, third])?;
        let timeline = self.phone.timeline(&conversation)?;
        self.claim(
            "everything she wrote is still on the phone",
            KILLED.iter().all(|text| times(&timeline, text) == 1),
        )?;
        self.claim("all three wait in her outbox, the one that the server has as well", self.phone.waiting()? == 3)?;
        let server = self.server()?;
        self.flush(&self.phone.clone())?;
        let desk = self.desk()?;
        let order: Vec<&str> = desk.iter().map(|line| line.text.as_str()).collect();
        let expected = [FIRST, ANSWER, NOTE, LOST, first, second, third];
        self.claim("after both are back, the agent has everything exactly once and in order", order == expected)?;
        Ok(server)
    }

    fn is_closed_and_opened_again(&mut self) -> Result<(), String> {
        step(6, "Deniz reads, Jana closes and opens again.");
        let conversation = self.conversation.clone();
        self.phone.must(&["close", &conversation])?;
        self.flush(&self.phone.clone())?;
        self.claim("the desk sees it closed", self.status()? == "closed")?;
        self.phone.must(&["reopen", &conversation])?;
        self.flush(&self.phone.clone())?;
        self.claim("the desk sees it open again", self.status()? == "open")?;
        self.phone.must(&["sync"])?;
        let timeline = self.phone.timeline(&conversation)?;
        let read =
            timeline.iter().filter(|line| line.agent.is_none()).all(|line| line.state.as_deref() == Some("read"));
        self.claim("the phone knows that Deniz has read everything", read)
    }

    fn photo_is_cut_off_on_the_way(&mut self, proxy: &Proxy) -> Result<(), String> {
        step(7, "Jana sends a photo, and the connection breaks in the middle of it.");
        let conversation = self.conversation.clone();
        let photo = self.folder.join("Naht.jpg");
        std::fs::write(&photo, NAHT).map_err(|error| format!("the photo cannot be written: {error}"))?;
        self.offline.must(&["send", &conversation, PHOTO, "--attach", text_of(&photo)?])?;
        std::fs::remove_file(&photo).map_err(|error| format!("the photo cannot be removed: {error}"))?;
        self.claim("the photo is gone from her camera roll, and safe in the outbox", self.phone.waiting()? == 1)?;
        proxy.cut_next_file(150_000);
        self.flush(&self.phone.through(proxy.url()))?;
        self.claim("the connection was cut in the middle of the photo", proxy.files_cut() == 1)?;
        let said = self.phone.agent(&["show", &conversation])?;
        let file = said.documents.iter().rev().find_map(|line| line.pointer("/message/content/attachments/0").cloned());
        let file = file.ok_or("the agent sees no photo")?;
        let id = file["id"].as_str().unwrap_or_default().to_owned();
        let there = self.folder.join("desk.jpg");
        self.phone.agent(&["fetch", &id, "-o", text_of(&there)?])?;
        let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let here = self.folder.join("phone.jpg");
        self.offline.must(&["fetch", &id, "-o", text_of(&here)?])?;
        let (there, here) = (read(&there)?, read(&here)?);
        self.claim("it is whole at the agent's side, byte for byte what her phone has", there == here)?;
        let shown = (file["dimensions"]["width"].as_u64(), file["dimensions"]["height"].as_u64());
        self.claim(
            "the desk knows its size, 1600 by 1200, and has a small picture of it",
            shown == (Some(1600), Some(1200)) && file["thumbnail"].is_object(),
        )?;
        let told = |bytes: &[u8]| bytes.windows(PLACE.len()).any(|window| window == PLACE);
        self.claim("it no longer tells where it was taken", told(NAHT) && !told(&there))
    }

    fn file_of_the_agent_is_read_offline(&mut self) -> Result<(), String> {
        step(8, "Deniz sends a label, and Jana reads it without a network.");
        let conversation = self.conversation.clone();
        let label = self.folder.join("Etikett.pdf");
        let bytes = format!("%PDF-1.4\n{}", "Rücksendung an die Schneiderei. ".repeat(2000));
        std::fs::write(&label, &bytes).map_err(|error| format!("the label cannot be written: {error}"))?;
        self.phone.agent(&["reply", &conversation, LABEL, "--attach", text_of(&label)?])?;
        self.phone.must(&["sync"])?;
        let said = self.phone.must(&["show", &conversation])?;
        let id = said
            .documents
            .iter()
            .rev()
            .find_map(|line| line.pointer("/message/attachments/0/id")?.as_str().map(str::to_owned));
        let id = id.ok_or("the phone sees no label")?;
        let copy = self.folder.join("copy.pdf");
        self.phone.must(&["fetch", &id, "-o", text_of(&copy)?])?;
        std::fs::remove_file(&copy).map_err(|error| format!("the copy cannot be removed: {error}"))?;
        self.offline.must(&["fetch", &id, "-o", text_of(&copy)?])?;
        let read = std::fs::read(&copy).map_err(|error| format!("the copy cannot be read: {error}"))?;
        self.claim("once fetched, the label is there without a network, byte for byte", read == bytes.as_bytes())
    }

    fn server(&self) -> Result<Server, String> {
        let server = Server::start(&self.folder.join("server"), self.port, &self.folder.join("server.log"), &[])?;
        println!("     the server listens on {}", server.url());
        Ok(server)
    }

    /// Sends what waits; the phone must say that all of it was delivered.
    pub(super) fn flush(&mut self, phone: &Phone) -> Result<(), String> {
        let said = phone.run(&["flush", "--timeout", &PATIENCE.as_secs().to_string()])?;
        self.claim("the phone says that everything is delivered", said.code == DONE)
    }

    /// The timeline as the agent sees it.
    fn desk(&self) -> Result<Vec<Line>, String> {
        Ok(self.phone.agent(&["show", &self.conversation])?.lines())
    }

    fn status(&self) -> Result<String, String> {
        self.phone.agent(&["show", &self.conversation])?.text_at("/conversation/status")
    }

    pub(super) fn claim(&mut self, claim: &str, holds: bool) -> Result<(), String> {
        self.claims += 1;
        println!("   {} {claim}", if holds { "✓" } else { "✗" });
        if holds {
            return Ok(());
        }
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let desk = self.desk().map_or_else(|error| error, |lines| format!("{lines:#?}"));
        let phone = self.phone.timeline(&self.conversation).map_or_else(|error| error, |lines| format!("{lines:#?}"));
        Err(format!("this claim does not hold: {claim}\nagent: {desk}\nphone: {phone}\nlog of the server:\n{log}"))
    }
}

pub(super) fn text_of(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}

pub(super) fn step(number: u32, what: &str) {
    println!("\n{number}. {what}");
}

/// Whether this line of an answer says that the message is stored.
fn is_stored(line: &str) -> bool {
    line.contains(" 200") || line.contains(" 201")
}

fn times(lines: &[Line], text: &str) -> usize {
    lines.iter().filter(|line| line.text == text).count()
}

/// Whether any file of a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> Result<bool, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let found = if path.is_dir() {
            holds(&path, bytes)?
        } else {
            std::fs::read(&path).map_err(failed)?.windows(bytes.len()).any(|window| window == bytes)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
