//! The story of the answers: found without a network on the first launch, found in spite of typing errors, offered before a
//! ticket is sent, and new ones after the editors have published. Every claim is checked.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

use super::{
    proxy::Proxy,
    story::{Story, step, text_of},
    terminal::{Phone, Said},
};

/// What the editors change, and into what.
const CHANGED: (&str, &str, &str) = ("de/returns/return-period.md", "**30 Tage** Zeit", "**60 Tage** Zeit");

const DRAFT: &str = "Ich soll immer eine Bestellnummer angeben, finde aber keine. In der Mail vom Paketdienst steht nur eine \
                     ewig lange Zahl. Welche meinen Sie denn?";
const OFF_TOPIC: &str = "Wie kündige ich meine Lebensversicherung und wie hoch ist der Rückkaufswert?";

impl Story<'_> {
    pub(super) fn answers_are_found(&mut self, proxy: &Proxy) -> Result<(), String> {
        step(9, "Mara opens the app for the first time, in a tunnel. It was built with the shop's articles in it.");
        let carried = self.folder.join("de.faq.gz");
        self.server_command(&["faq", "bundle", "--locale", "de", "-o", text_of(&carried)?])?;
        let key = self.server_command(&["faq", "key"])?;
        let new = Phone::new(&self.folder.join("new-phone"), "")?.carrying(&carried, key.trim());
        let nowhere = self.offline.address();
        let (offline, online) = (new.through(nowhere), new.through(proxy.url()));

        self.first_launch_without_a_network(&offline)?;
        self.suggestion_spares_a_ticket(&offline)?;
        self.editors_publish(proxy, &offline, &online, &carried)?;
        self.rating_reaches_the_editors(&offline, &online)
    }

    fn first_launch_without_a_network(&mut self, phone: &Phone) -> Result<(), String> {
        let found = phone.must(&["faq", "search", "Versandkosten"])?;
        self.claim("she has answers before there ever was a network", first(&found) == Some("shipping-costs"))?;
        let found = phone.must(&["faq", "search", "Rücksendeettikett verlorn"])?;
        self.claim("what she mistypes is found all the same", first(&found) == Some("return-code"))?;
        let shown = phone.must(&["faq", "show", "return-code"])?;
        self.claim("the article opens, with its steps as a list", holds(&shown, "\"type\":\"list\""))
    }

    fn suggestion_spares_a_ticket(&mut self, phone: &Phone) -> Result<(), String> {
        step(10, "She begins to write to a person.");
        let offered = phone.must(&["faq", "suggest", DRAFT])?;
        let right = articles(&offered).contains(&"find-order-number");
        self.claim("her draft brings up the article that answers it", right)?;
        let offered = phone.must(&["faq", "suggest", OFF_TOPIC])?;
        self.claim("a draft that no article answers brings up nothing", offered.documents.is_empty())?;
        let silent = phone.must(&["list"])?.documents.is_empty() && phone.waiting()? == 0;
        self.claim("no ticket was written", silent)
    }

    fn editors_publish(
        &mut self,
        proxy: &Proxy,
        offline: &Phone,
        online: &Phone,
        carried: &Path,
    ) -> Result<(), String> {
        step(11, "The editors change a sentence and publish; Mara has a network again.");
        let folder = self.folder.join("faq");
        copy(&process::root().join("server/demo/faq"), &folder)?;
        let (file, before, after) = CHANGED;
        let file = folder.join(file);
        let failed = |error: std::io::Error| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(&file).map_err(failed)?;
        self.claim("the editors' folder holds the sentence", text.contains(before))?;
        std::fs::write(&file, text.replace(before, after)).map_err(failed)?;
        let said = self.server_command(&["faq", "import", text_of(&folder)?, "--publish"])?;
        self.claim("the running server publishes one changed article", said.contains("86 articles, 1 changed"))?;
        proxy.faq();
        let refreshed = online.must(&["faq", "refresh"])?;
        self.claim("her phone has the new publication", refreshed.documents[0]["changed"] == true)?;
        let whole = std::fs::metadata(carried).map_err(|error| format!("{}: {error}", carried.display()))?.len();
        let asked = proxy.faq();
        let travelled: usize = asked.iter().map(|(_, bytes)| bytes).sum();
        let small = travelled > 0 && travelled as u64 * 5 < whole;
        println!("     {travelled} bytes came, heads of the answers included; all articles are {whole} bytes");
        self.claim(
            "only what has changed came over the line",
            small && asked.iter().all(|(line, _)| line.contains("since=")),
        )?;
        let found = offline.must(&["faq", "search", "Frist 60 Tage zurückgeben"])?;
        self.claim("without a network she finds the new sentence", articles(&found).contains(&"return-period"))?;
        let shown = offline.must(&["faq", "show", "return-period"])?;
        self.claim("and reads it", holds(&shown, "60 Tage"))
    }

    fn rating_reaches_the_editors(&mut self, offline: &Phone, online: &Phone) -> Result<(), String> {
        step(12, "It helped, and she says so.");
        offline.must(&["faq", "rate", "return-period", "--helpful", "--comment", "Danke für die längere Frist!"])?;
        self.flush(online)?;
        let counts = self.phone.agent(&["faq"])?;
        let heard = counts.documents.iter().any(|document| {
            let article = &document["article"];
            article["article"] == "return-period"
                && article["helpful"] == 1
                && article["comments"][0]["text"] == "Danke für die längere Frist!"
        });
        self.claim("the editors count one reader whom it helped, and read what she said", heard)
    }

    /// A command of the server on the database of the running one.
    fn server_command(&self, arguments: &[&str]) -> Result<String, String> {
        println!("     $ beistand-server {}", arguments.join(" "));
        let mut command = Command::new(process::program("beistand-server")?);
        process::output(command.arg("--data").arg(self.folder.join("server")).args(arguments))
    }
}

/// The articles that were found, best first.
fn articles(said: &Said) -> Vec<&str> {
    said.documents.iter().filter_map(|hit| hit["article"].as_str()).collect()
}

fn first(said: &Said) -> Option<&str> {
    articles(said).first().copied()
}

fn holds(said: &Said, text: &str) -> bool {
    said.documents.iter().any(|document| document.to_string().contains(text))
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |path: &Path| {
        let path: PathBuf = path.to_path_buf();
        move |error: std::io::Error| format!("{}: {error}", path.display())
    };
    std::fs::create_dir_all(to).map_err(failed(to))?;
    for entry in std::fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            std::fs::copy(&from, &to).map_err(failed(&from))?;
        }
    }
    Ok(())
}
