//! The chat screen of a customer, with something to see on it. Leaving it ends the demo.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::{
    process::{self, Ended},
    server::Server,
};

use super::terminal::{AGENT, APP_KEY, PASSWORD, Phone};

/// How long the first messages may take to arrive.
const ARRIVED_WITHIN: &str = "20";

/// Writes a first conversation, and shows the screen until the customer leaves it or `running` says no.
pub fn open(data: &Path, server: &mut Server, running: &dyn Fn() -> bool) -> Result<(), String> {
    let phone = Phone::new(data, server.url())?;
    let question = "Die Seitennaht ist nach dem ersten Tragen aufgegangen. Kann ich das Kleid umtauschen?";
    let opened =
        phone.must(&["open", "--subject", "Kleid mit offener Naht", "--text", question, "--wait", ARRIVED_WITHIN])?;
    let conversation = opened.text_at("/conversation")?;
    phone.agent(&["show", &conversation])?;
    phone.agent(&["assign", &conversation])?;
    let program = process::program("beistand")?;
    // What stands in the terminal is hidden while the screen is up, so the way to answer stands in the conversation.
    let answer = format!(
        "Guten Tag, das tauschen wir gern um. Möchten Sie selbst antworten? In einem zweiten Terminal:\n\n{} --server {} \
         --app-key {APP_KEY} agent --user {AGENT} --password {PASSWORD} reply {conversation} \"Das Etikett ist unterwegs.\"",
        program.display(),
        server.url(),
    );
    phone.agent(&["reply", &conversation, &answer])?;
    show(&program, data, server, running)
}

fn show(program: &Path, data: &Path, server: &mut Server, running: &dyn Fn() -> bool) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["--server", server.url(), "--app-key", APP_KEY, "--data"]).arg(data).arg("chat");
    command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut screen = Ended(command.spawn().map_err(|error| format!("the chat screen does not start: {error}"))?);
    let mut asked = false;
    loop {
        match screen.0.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("the chat screen ended with {status}")),
            Ok(None) => {}
            Err(error) => return Err(format!("the chat screen cannot be watched: {error}")),
        }
        if !asked && (!running() || !server.is_running()) {
            // Asked, not killed: it gives the terminal back.
            process::run(Command::new("sh").args(["-c", &format!("kill -TERM {}", screen.0.id())]))?;
            asked = true;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
