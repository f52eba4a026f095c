//! `beistand-stage`: worlds on demand for tests that are written in other languages. Each world has the real server on a
//! real port, a network that can break before it, and an agent who does what the test says.
//!
//! It speaks HTTP and JSON on loopback; `README.md` beside this has the calls. Its first line of output is
//! `stage http://127.0.0.1:PORT`. It ends when its standard input does, so that it never outlives whoever started it.

#![allow(clippy::print_stdout, reason = "its first line tells the address")]

mod control;
mod step;
mod world;

use std::io::Read as _;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("stage http://{}", listener.local_addr()?);
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    // Standard input cannot be waited for without a thread that cannot be stopped; the runtime must not wait for it.
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        let mut input = std::io::stdin();
        while input.read(&mut rest).is_ok_and(|read| read > 0) {}
        let _ = ended.send(());
    });
    tokio::select! {
        served = axum::serve(listener, control::router()) => served,
        _ = end => Ok(()),
    }
}
