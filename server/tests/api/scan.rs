//! The virus scan, against a scanner in the test's process that speaks clamd's INSTREAM.

use std::{net::SocketAddr, sync::Arc};

use axum::http::Method;
use beistand_server::ServerConfig;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

use super::{
    files::{AGENTS, PERSONS, Sample, photo, sample},
    house::{Headers, House, Phone, conversation, house_with, message},
};

/// The test file of the anti-virus industry, in two halves so that no scanner takes this source for it.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"];

/// Answers one connection of clamd.
async fn answer(mut stream: TcpStream, may_answer: Arc<Semaphore>) -> std::io::Result<()> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    let mut content = Vec::new();
    loop {
        let length = stream.read_u32().await? as usize;
        if length == 0 {
            break;
        }
        let start = content.len();
        content.resize(start + length, 0);
        stream.read_exact(&mut content[start..]).await?;
    }
    may_answer.acquire().await.unwrap().forget();
    let eicar = EICAR.concat();
    let verdict: &[u8] = if content.windows(eicar.len()).any(|window| window == eicar.as_bytes()) {
        b"stream: Eicar-Test-Signature FOUND\0"
    } else {
        b"stream: OK\0"
    };
    stream.write_all(verdict).await
}

struct Scanner {
    address: SocketAddr,
    may_answer: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Scanner {
    /// A scanner that listens, and answers as often as it is allowed to.
    async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, may_answer) = (listener.local_addr().unwrap(), Arc::new(Semaphore::new(0)));
        let allowed = may_answer.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away in the middle is no fault of the scanner.
                tokio::spawn(answer(stream, allowed.clone()));
            }
        });
        Self { address, may_answer, task }
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn house_scanned_by(address: SocketAddr) -> House {
    let mut config = ServerConfig::default();
    config.scan.clamd = Some(address.to_string());
    house_with(config).await
}

async fn send(house: &House, phone: &Phone, file: &Sample) -> (String, Value) {
    house.upload(PERSONS, &phone.headers(), file).await;
    let path = format!("/v1/conversations/{}", conversation());
    let body = json!({ "subject": "s", "message": { "id": message(), "text": "", "attachments": [file.id] } });
    let opened = house.write(phone, Method::PUT, &path, Some(body)).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    (format!("{path}/messages"), opened.body["message"].clone())
}

/// The one message of a history, once its file has another state than `scanning`.
async fn until_scanned(house: &House, phone: &Phone, history: &str) -> Value {
    for _ in 0..2000 {
        let message = house.get(phone, history).await.body["messages"][0].clone();
        if message["content"]["attachments"][0]["state"] != "scanning" {
            return message;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the scan does not end");
}

async fn download(house: &House, headers: &Headers, base: &str, file: &Sample) -> super::house::Answer {
    house.call(Method::GET, &format!("{base}/attachments/{}", file.id), headers.clone(), None).await
}

#[tokio::test]
async fn a_file_is_opened_by_its_sender_alone_until_the_scan_has_ended() {
    let scanner = Scanner::start("127.0.0.1:0".parse().unwrap()).await;
    let house = house_scanned_by(scanner.address).await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let photo = photo(30, 20);
    let (history, sent) = send(&house, &phone, &photo).await;
    assert_eq!(sent["content"]["attachments"][0]["state"], "scanning");
    assert_eq!(download(&house, &agent, "/v1/agent", &photo).await.code(), "attachment-scanning");
    let small = format!("/v1/agent/attachments/{}/thumbnail", photo.id);
    assert_eq!(house.call(Method::GET, &small, agent.clone(), None).await.code(), "attachment-scanning");
    assert_eq!(download(&house, &phone.headers(), "/v1", &photo).await.status, 200);
    // What an agent sends waits for the person as well.
    let answer = sample("Antwort.txt", "text/plain", "Guten Tag");
    house.upload(AGENTS, &agent, &answer).await;
    let path = format!("{}/{}", history.replace("/v1/", "/v1/agent/"), message());
    let body = json!({ "text": "", "attachments": [answer.id] });
    assert_eq!(house.call(Method::PUT, &path, agent.clone(), Some(body)).await.status, 201);
    assert_eq!(download(&house, &phone.headers(), "/v1", &answer).await.code(), "attachment-scanning");
    let cursor = house.get(&phone, "/v1/sync").await.body["cursor"].as_str().unwrap().to_owned();
    scanner.may_answer.add_permits(10);
    let ready = until_scanned(&house, &phone, &history).await;
    assert_eq!((&ready["content"]["attachments"][0]["state"], &ready["version"]), (&json!("ready"), &json!(2)));
    assert_eq!(download(&house, &agent, "/v1/agent", &photo).await.status, 200);
    let changes = house.get(&phone, &format!("/v1/sync?cursor={cursor}")).await.body;
    assert!(changes["changes"].to_string().contains("\"state\":\"ready\""), "{changes}");
}

#[tokio::test]
async fn a_file_in_which_something_was_found_is_gone_for_everybody() {
    let scanner = Scanner::start("127.0.0.1:0".parse().unwrap()).await;
    scanner.may_answer.add_permits(10);
    let house = house_scanned_by(scanner.address).await;
    let (phone, agent) = (house.phone().await, house.sign_in().await);
    let virus = sample("Rechnung.txt", "text/plain", EICAR.concat());
    let (history, _) = send(&house, &phone, &virus).await;
    let blocked = until_scanned(&house, &phone, &history).await;
    assert_eq!(blocked["content"]["attachments"][0]["state"], "blocked");
    house.until_on_disk(0).await;
    assert_eq!(download(&house, &agent, "/v1/agent", &virus).await.code(), "attachment-blocked");
    assert_eq!(download(&house, &phone.headers(), "/v1", &virus).await.code(), "attachment-blocked");
}

#[tokio::test]
async fn files_wait_for_a_scanner_that_cannot_be_reached() {
    // A port that was free a moment ago, and on which nobody listens now.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let house = house_scanned_by(address).await;
    let phone = house.phone().await;
    let photo = photo(30, 20);
    let (history, _) = send(&house, &phone, &photo).await;
    let unreachable = || async {
        let metrics = house.call(Method::GET, "/metrics", Vec::new(), None).await.body;
        metrics.as_str().unwrap().contains("beistand_scans_total{verdict=\"unreachable\"}")
    };
    while !unreachable().await {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let message = house.get(&phone, &history).await.body["messages"][0].clone();
    assert_eq!(message["content"]["attachments"][0]["state"], "scanning");
    let scanner = Scanner::start(address).await;
    scanner.may_answer.add_permits(10);
    let ready = until_scanned(&house, &phone, &history).await;
    assert_eq!(ready["content"]["attachments"][0]["state"], "ready");
}
