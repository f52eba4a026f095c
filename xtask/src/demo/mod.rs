//! `cargo xtask demo`: a shop's support on this machine. With a terminal it stays, tells where to look and opens the chat
//! screen of a customer; without one, or with `--script`, it plays the whole story by itself.

mod faq;
mod lan;
mod proxy;
mod screen;
mod story;
mod terminal;

use std::{
    io::IsTerminal,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    process::{self, Scratch},
    server::Server,
    setup,
};

use self::terminal::{AGENT, APP_KEY, PASSWORD};

/// Builds what is needed and shows it.
pub fn run(script: bool, lan: bool, port: u16) -> Result<(), String> {
    setup::for_building().map_err(|missing| missing.0)?;
    println!("building the server and the terminal client");
    process::run(&mut process::cargo(&["build", "--quiet", "--workspace", "--bins"]))?;
    let port = if port == 0 { free_port()? } else { port };
    if lan {
        return lan::stay(port, &stop_signal()?);
    }
    if script || !std::io::stdout().is_terminal() { story::play(port) } else { stay(port) }
}

/// A port that nobody listens on.
fn free_port() -> Result<u16, String> {
    let found = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    found.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

/// Turns true when somebody stops the demo.
fn stop_signal() -> Result<Arc<AtomicBool>, String> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let noticed = signal_hook::flag::register(signal, Arc::clone(&stop));
        noticed.map_err(|error| format!("cannot listen for Ctrl-C: {error}"))?;
    }
    Ok(stop)
}

fn stay(port: u16) -> Result<(), String> {
    let scratch = Scratch::new("demo")?;
    let stop = stop_signal()?;
    let mut server = Server::start(&scratch.path().join("server"), port, &scratch.path().join("server.log"), &[])?;
    let (programs, phone) = (process::programs()?, scratch.path().join("phone"));
    println!(
        "
A shop's support runs on this machine.

  server     {url}
  app key    {APP_KEY}
  agents     {AGENT} and Aylin, password {PASSWORD}
  API        {url}/openapi.json

In another terminal:

  export PATH={programs}:$PATH
  export BEISTAND_SERVER={url} BEISTAND_APP_KEY={APP_KEY} BEISTAND_DATA={phone}

Write as a customer (the first command prints the id of the conversation):

  beistand open --subject \"Paket\" --text \"Wo ist mein Paket?\"
  beistand flush
  beistand list

Look for an answer first; from the second search on it needs no server:

  beistand faq search \"Rücksendeettikett verlorn\"
  beistand faq show return-code

Answer as an agent:

  beistand agent --user {AGENT} --password {PASSWORD} list
  beistand agent --user {AGENT} --password {PASSWORD} reply ID \"Es ist unterwegs.\"

Read the answer:

  beistand sync
  beistand show ID

The same story told and checked by itself: cargo xtask demo --script
Ctrl-C ends it, the chat screen as well; everything written here is removed then.
",
        url = server.url(),
        programs = programs.display(),
        phone = phone.display(),
    );
    let running = || !stop.load(Ordering::SeqCst);
    if std::io::stdin().is_terminal() {
        screen::open(&phone, &mut server, &running)?;
    } else {
        while running() {
            if !server.is_running() {
                return Err("the server ended by itself".to_owned());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    server.stop()
}
