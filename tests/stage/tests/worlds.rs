//! The stage does what its README says: a phone in one of its worlds meets a real server, and a network that breaks.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use beistand_core::{Client, FlushOutcome, MessageState, Settings, TicketDraft};
use serde_json::{Value, json};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Stage {
    child: Child,
    url: String,
}

impl Stage {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_beistand-stage"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the stage starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
        let url = line.trim().strip_prefix("stage ").expect("its address").to_owned();
        Self { child, url }
    }

    /// Whoever started it is gone: it ends by itself.
    fn leave(mut self) -> bool {
        drop(self.child.stdin.take());
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn post(url: String, body: Value) -> (u16, Value) {
    let tls = beistand_core::api::tls::client_config(false, &[]).expect("a configuration");
    let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client");
    let answer = http
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .expect("the stage answers");
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON"))
}

#[tokio::test]
async fn a_world_has_a_real_server_and_a_network_that_breaks() {
    let stage = Stage::start();
    let (_, world) = post(format!("{}/worlds", stage.url), json!({})).await;
    let act = |step: Value| post(format!("{}/worlds/{}/do", stage.url, world["id"]), step);
    let folder = tempfile::tempdir().expect("a folder");
    let server = world["server"].as_str().expect("an address");
    let settings = Settings::new(server, world["app_key"].as_str().expect("a key"), folder.path()).expect("settings");
    let client = Client::builder(settings).build().expect("a client");

    let ticket = client
        .conversations()
        .open(TicketDraft { subject: "Parcel".into(), text: "It never came".into(), ..TicketDraft::default() })
        .await
        .expect("it is opened");
    assert_eq!(client.outbox().flush(PATIENCE).await.expect("it leaves"), FlushOutcome::Empty);

    act(json!({ "network": "offline" })).await;
    let message = client.conversations().send(ticket.conversation, "Hello?").await.expect("it is safe");
    let message_then = client.outbox().wait_for(message, Duration::from_millis(300)).await.expect("an answer");
    assert!(message_then.is_none(), "it left without a network");
    act(json!({ "network": "online" })).await;
    act(json!({ "network": "lose_next_answer" })).await;
    client.wake();
    let sent = client.outbox().wait_for(message, PATIENCE).await.expect("an answer").expect("in time");
    assert_eq!(sent.state, MessageState::Sent);

    let (_, had) = act(json!({ "server_messages": { "of": ticket.conversation } })).await;
    let texts: Vec<&str> =
        had["messages"].as_array().expect("a list").iter().filter_map(|message| message["text"].as_str()).collect();
    assert_eq!(texts, ["It never came", "Hello?"], "once each");

    let (status, said) = act(json!({ "network": "sideways" })).await;
    assert!(status == 400 && said["error"].is_string(), "{said}");
    client.shutdown().await;
    assert!(stage.leave(), "it ends with its input");
}
