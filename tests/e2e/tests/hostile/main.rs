//! Strangers against the real server: it stays within its memory and serves the others. What was measured is printed;
//! `--nocapture` shows it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends at the first surprise, and tells figures")]

mod stage;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet, time::interval};

use stage::{HONEST_WITHIN, Stage, open_files, pour, until_closed, uuid_of_now};

fn full() -> bool {
    std::env::var_os("BEISTAND_FULL").is_some()
}

async fn all(mut set: JoinSet<()>) {
    while let Some(ended) = set.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_slow_headers_are_cut_off_and_hold_nobody_up() {
    let mut stage = Stage::set("header_seconds = 3").await;
    let mut slow = JoinSet::new();
    for _ in 0..if full() { 2_000 } else { 400 } {
        let mut stream = stage.connect().await.unwrap();
        slow.spawn(async move {
            let mut beat = interval(Duration::from_millis(200));
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
            while stream.write_all(b"z").await.is_ok() {
                beat.tick().await;
            }
        });
    }
    let longest = stage.honest_rounds(20).await;
    all(slow).await;
    stage.judge("slow headers", longest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_half_open_connections_cost_little() {
    let files = open_files();
    let wanted = 10_000_u64.min(files.saturating_sub(1_000)) as usize;
    let mut stage = Stage::set("header_seconds = 600").await;
    let before = stage.memory().now;
    let mut half_open: Vec<TcpStream> = Vec::new();
    for number in 0..wanted {
        let mut stream = stage.connect().await.unwrap();
        if number % 2 == 0 {
            // Half of them have said something.
            stream.write_all(b"GET /v1/sync HTTP/1.1\r\n").await.unwrap();
        }
        half_open.push(stream);
    }
    // The one that asks is among them.
    let expected = half_open.len() as u64;
    stage.until("beistand_connections", |count| count > expected).await;
    let each = (stage.memory().now - before) as f64 / half_open.len() as f64;
    println!("{} half-open connections of 10000 wanted ({files} open files), {each:.1} KB each", half_open.len());
    let longest = stage.honest_rounds(20).await;
    stage.judge("half-open connections", longest);
    drop(half_open);
    stage.until("beistand_connections", |count| count < 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_places_are_held_for_nothing_the_honest_get_one() {
    let mut stage = Stage::set("most = 100\nheader_seconds = 600").await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(stage.connect().await.unwrap());
    }
    let longest = stage.honest_rounds(20).await;
    stage.judge("a full house", longest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_never_reads_gets_no_queue() {
    let mut stage = Stage::set("").await;
    let (id, token) = stage.device().await;
    let conversation = uuid_of_now();
    let opening = json!({ "subject": "Paket", "message": { "id": uuid_of_now().to_string(), "text": "Wo?" } });
    let path = format!("http://{}/v1/conversations/{conversation}", stage.address);
    let opened = reqwest_client()
        .put(path)
        .header("x-app-key", "demo")
        .header("operation-id", uuid_of_now().to_string())
        .header("operation-order", format!("{id}/conversation:{conversation}/1"))
        .header("content-type", "application/json")
        .bearer_auth(&token)
        .body(opening.to_string())
        .send()
        .await
        .unwrap();
    assert!(opened.status().is_success(), "{}", opened.status());
    let mut deaf = Vec::new();
    for _ in 0..20 {
        deaf.push(stage.socket(Some(&token)).await);
    }
    let key = agent_key(&stage).await;
    let stage_ref = Arc::new((stage.address, key));
    let mut agents = JoinSet::new();
    let messages = if full() { 20_000 } else { 1_200 };
    for _ in 0..8 {
        let stage = stage_ref.clone();
        agents.spawn(async move {
            let http = reqwest_client();
            for _ in 0..messages / 8 {
                let path =
                    format!("http://{}/v1/agent/conversations/{conversation}/messages/{}", stage.0, uuid_of_now());
                let body = json!({ "text": "Guten Tag" }).to_string();
                let request = http.put(path).header("content-type", "application/json");
                let answer = request.bearer_auth(&stage.1).body(body).send().await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.status());
            }
        });
    }
    let longest = stage.honest_rounds(20).await;
    all(agents).await;
    stage.judge(&format!("20 deaf sockets and {messages} messages"), longest);
    if full() {
        // They answer no ping: silent for too long.
        stage.until("beistand_sockets", |count| count == 0).await;
    }
    drop(deaf);
}

fn reqwest_client() -> reqwest::Client {
    let tls = beistand_core::api::tls::client_config(false, &[]).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(HONEST_WITHIN * 10).build().unwrap()
}

async fn agent_key(stage: &Stage) -> String {
    let http = reqwest_client();
    let body = json!({ "name": "Deniz", "password": "demo" }).to_string();
    let request = http.post(format!("http://{}/v1/agent/session", stage.address)).header("x-app-key", "demo");
    let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = http.post(format!("http://{}/v1/agent/api-keys", stage.address)).header("cookie", cookie);
    let body = json!({ "label": "hostile" }).to_string();
    let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
    let made: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_ten_megabytes_are_refused_before_they_are_kept() {
    let mut stage = Stage::set("").await;
    let mut sockets = JoinSet::new();
    for _ in 0..100 {
        let mut socket = stage.socket(None).await;
        sockets.spawn(async move {
            // A text frame with a mask, its length in eight bytes.
            let mut head = vec![0x81, 0xff];
            head.extend(10_000_000_u64.to_be_bytes());
            head.extend([0; 4]);
            if socket.write_all(&head).await.is_ok() && !pour(&mut socket, &[b'x'; 10_000], 1_000).await {
                until_closed(&mut socket).await;
            }
        });
    }
    let longest = stage.honest_rounds(10).await;
    all(sockets).await;
    stage.judge("100 frames of 10 MB", longest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_are_refused() {
    let mut stage = Stage::set("").await;
    let mut floods = JoinSet::new();
    for number in 0..200 {
        let mut stream = stage.connect().await.unwrap();
        floods.spawn(async move {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").await.unwrap();
            // Many headers, or one without an end.
            let bytes = if number % 2 == 0 { b"x-flood: 0123456789\r\n".repeat(500) } else { vec![b'x'; 10_000] };
            if !pour(&mut stream, &bytes, 1_000).await {
                until_closed(&mut stream).await;
            }
        });
    }
    let longest = stage.honest_rounds(10).await;
    all(floods).await;
    stage.judge("200 floods of headers", longest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end_or_never_come_are_given_up() {
    let mut stage = Stage::set("stall_seconds = 3").await;
    let mut bodies = JoinSet::new();
    for number in 0..120 {
        let mut stream = stage.connect().await.unwrap();
        let head = format!(
            "PUT /v1/devices/{} HTTP/1.1\r\nhost: x\r\nx-app-key: demo\r\ncontent-type: application/json\r\n",
            uuid_of_now()
        );
        bodies.spawn(async move {
            if number % 6 == 0 {
                // Without an end: a chunk of 64 KB again and again.
                let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
                let _ = stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await;
                if !pour(&mut stream, &chunk, 1_000).await {
                    until_closed(&mut stream).await;
                }
            } else {
                let _ = stream.write_all(format!("{head}content-length: 10000000000\r\n\r\n{{").as_bytes()).await;
                until_closed(&mut stream).await;
            }
        });
    }
    let longest = stage.honest_rounds(10).await;
    all(bodies).await;
    stage.judge("120 bodies without an end", longest);
}
