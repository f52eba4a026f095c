//! Files in messages: who may take which, who may see which, and how they are given out.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{
    files::{AGENTS, PERSONS, Sample, photo, words},
    house::{Answer, Headers, House, Phone, conversation, house, message, options},
};

async fn open_with_files(house: &House, phone: &Phone, files: &[&Sample]) -> (Answer, String) {
    let path = format!("/v1/conversations/{}", conversation());
    let files: Vec<_> = files.iter().map(|file| file.id).collect();
    let body = json!({ "subject": "s", "message": { "id": message(), "text": "t", "attachments": files } });
    (house.write(phone, Method::PUT, &path, Some(body)).await, path)
}

async fn answer_with_file(house: &House, agent: &Headers, path: &str, file: &Sample, visibility: &str) -> Answer {
    let path = format!("{}/messages/{}", path.replace("/v1/", "/v1/agent/"), message());
    let body = json!({ "text": "", "attachments": [file.id], "visibility": visibility });
    house.call(Method::PUT, &path, agent.clone(), Some(body)).await
}

fn path_of(base: &str, file: &Sample) -> String {
    format!("{base}/attachments/{}", file.id)
}

#[tokio::test]
async fn a_message_takes_only_whole_files_of_its_sender_and_each_once() {
    let house = house().await;
    let (jana, tom, agent) = (house.phone().await, house.phone().await, house.sign_in().await);
    let (unfinished, toms, agents, used, fresh) = (words(), words(), words(), words(), words());
    house.announce(PERSONS, &jana.headers(), &unfinished).await;
    house.upload(PERSONS, &tom.headers(), &toms).await;
    house.upload(AGENTS, &agent, &agents).await;
    house.upload(PERSONS, &jana.headers(), &used).await;
    house.upload(PERSONS, &jana.headers(), &fresh).await;
    let (opened, path) = open_with_files(&house, &jana, &[&used]).await;
    assert_eq!(opened.status, 201);
    for files in [vec![&unfinished], vec![&toms], vec![&agents], vec![&used], vec![&fresh, &fresh], vec![&fresh, &toms]]
    {
        let (refused, _) = open_with_files(&house, &jana, &files).await;
        assert_eq!((refused.code(), &refused.body["field"]), ("unknown-attachment", &json!("attachments")));
    }
    assert_eq!(answer_with_file(&house, &agent, &path, &fresh, "all").await.code(), "unknown-attachment");
    // A refused message has taken nothing.
    let send = format!("{path}/messages/{}", message());
    let body = json!({ "text": " ", "attachments": [fresh.id] });
    let sent = house.write(&jana, Method::PUT, &send, Some(body.clone())).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    assert_eq!(house.write(&jana, Method::PUT, &send, Some(body)).await.status, 200);
    let other = json!({ "text": " ", "attachments": [] });
    assert_eq!(house.write(&jana, Method::PUT, &send, Some(other)).await.code(), "id-reused");
}

#[tokio::test]
async fn an_edit_changes_the_words_and_a_retraction_frees_the_files() {
    let house = house().await;
    let phone = house.phone().await;
    let (photo, note) = (photo(40, 30), words());
    // The same bytes twice: they lie on the disk once, until nobody has them any more.
    let twin = photo.with_id(words().id);
    for file in [&photo, &note, &twin] {
        house.upload(PERSONS, &phone.headers(), file).await;
    }
    assert_eq!(house.on_disk().len(), 3);
    let (_, path) = open_with_files(&house, &phone, &[&twin]).await;
    let send = format!("{path}/messages/{}", message());
    let body = json!({ "text": "vorher", "attachments": [photo.id, note.id] });
    house.write(&phone, Method::PUT, &send, Some(body)).await;
    let edited = house.write(&phone, Method::PATCH, &send, Some(json!({ "text": "nachher" }))).await.body;
    assert_eq!(
        (&edited["content"]["text"], edited["content"]["attachments"].as_array().unwrap().len()),
        (&json!("nachher"), 2)
    );
    let gone = house.write(&phone, Method::DELETE, &send, None).await.body;
    assert_eq!(gone["message"]["content"], json!({ "kind": "retracted" }));
    house.until_on_disk(2).await;
    assert!(!house.on_disk().contains(&note.sha256));
    let agent = house.sign_in().await;
    for file in [&photo, &note] {
        assert_eq!(house.get(&phone, &path_of("/v1", file)).await.code(), "not-found");
        assert_eq!(house.call(Method::GET, &path_of("/v1/agent", file), agent.clone(), None).await.code(), "not-found");
    }
    assert_eq!(house.get(&phone, &path_of("/v1", &twin)).await.status, 200);
    house.write(&phone, Method::DELETE, &path, None).await;
    house.until_on_disk(0).await;
}

#[tokio::test]
async fn a_file_is_seen_by_those_who_see_its_message() {
    let house = house().await;
    let (jana, tom, agent) = (house.phone().await, house.phone().await, house.sign_in().await);
    let (hers, unsent, answer, note, draft) = (photo(8, 8), photo(9, 9), photo(10, 10), photo(11, 11), photo(12, 12));
    house.upload(PERSONS, &jana.headers(), &hers).await;
    house.upload(PERSONS, &jana.headers(), &unsent).await;
    for file in [&answer, &note, &draft] {
        house.upload(AGENTS, &agent, file).await;
    }
    let (_, path) = open_with_files(&house, &jana, &[&hers]).await;
    for (file, visibility) in [(&answer, "all"), (&note, "agents")] {
        let written = answer_with_file(&house, &agent, &path, file, visibility).await;
        assert_eq!(written.status, 201, "{}", written.body);
    }
    house.server.add_app("other", "other").await.unwrap();
    house.server.add_agent("other", "Robin", "geheim", beistand_protocol::agent::Role::Agent).await.unwrap();
    let body = json!({ "name": "Robin", "password": "geheim" });
    let signed = house.call(Method::POST, "/v1/agent/session", vec![("x-app-key", "other".into())], Some(body)).await;
    let cookie = signed.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let stranger: Headers = vec![("cookie", cookie)];
    let cases = [
        // File, seen by: its person, another person, the app's agents, those of another app.
        (&hers, [true, false, true, false]),
        (&unsent, [true, false, false, false]),
        (&answer, [true, false, true, false]),
        (&note, [false, false, true, false]),
        (&draft, [false, false, true, false]),
    ];
    for (file, seen) in cases {
        let askers = [
            ("/v1", jana.headers()),
            ("/v1", tom.headers()),
            ("/v1/agent", agent.clone()),
            ("/v1/agent", stranger.clone()),
        ];
        for ((base, headers), seen) in askers.into_iter().zip(seen) {
            for path in [path_of(base, file), format!("{}/thumbnail", path_of(base, file))] {
                let got = house.call(Method::GET, &path, headers.clone(), None).await;
                assert_eq!(got.status, if seen { 200 } else { 404 }, "{path}");
                if !seen {
                    assert_eq!(got.code(), "not-found");
                }
            }
        }
    }
    // What was withdrawn is not the person's any more, beside what they have sent themselves.
    house.write(&jana, Method::DELETE, &path, None).await;
    assert_eq!(house.get(&jana, &path_of("/v1", &answer)).await.code(), "not-found");
}

#[tokio::test]
async fn a_download_is_an_attachment_that_nothing_runs_and_that_goes_on_where_it_stopped() {
    let house = house().await;
    let phone = house.phone().await;
    let mut file = words();
    file.name = "Größe; \"42\".txt".replace('"', "");
    file.bytes = "Zeile\n".repeat(20_000).into_bytes();
    let file = super::files::sample(&file.name, "text/plain", file.bytes);
    house.upload(PERSONS, &phone.headers(), &file).await;
    let path = path_of("/v1", &file);
    let get = |more: Headers| {
        let mut headers = phone.headers();
        headers.push(("accept-encoding", "gzip".into()));
        headers.extend(more);
        house.call(Method::GET, &path, headers, None)
    };
    let whole = get(Vec::new()).await;
    assert_eq!(whole.body, Value::from(String::from_utf8(file.bytes.clone()).unwrap()));
    let etag = format!("\"{}\"", file.sha256);
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "120000"),
        ("etag", &etag),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment; filename=\"Gr__e_ 42.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%3B%2042.txt"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, immutable"),
    ] {
        assert_eq!(whole.headers[name], value);
    }
    assert!(!whole.headers.contains_key("content-encoding"));
    let rest = get(vec![("range", "bytes=119994-".into()), ("if-range", etag.clone())]).await;
    assert_eq!((rest.status.as_u16(), &rest.body), (206, &json!("Zeile\n")));
    assert_eq!(rest.headers["content-range"], "bytes 119994-119999/120000");
    assert_eq!(get(vec![("range", "bytes=5-".into()), ("if-range", "\"old\"".into())]).await.status, 200);
    assert_eq!(get(vec![("range", "bytes=0-1,4-5".into())]).await.status, 200);
    let outside = get(vec![("range", "bytes=120000-".into())]).await;
    assert_eq!(outside.code(), "range-not-satisfiable");
    assert_eq!(outside.headers["content-range"], "bytes */120000");
    assert_eq!(get(vec![("if-none-match", etag)]).await.status, 304);
}

#[tokio::test]
async fn a_start_sweeps_what_no_row_has_and_keeps_the_rest() {
    let house = house().await;
    let phone = house.phone().await;
    let (kept, unfinished) = (photo(20, 20), words());
    house.upload(PERSONS, &phone.headers(), &kept).await;
    house.announce(PERSONS, &phone.headers(), &unfinished).await;
    house.patch(PERSONS, &phone.headers(), unfinished.id, 0, b"Hal").await;
    let before = house.on_disk();
    let files = house.folder.path().join("files");
    std::fs::create_dir_all(files.join("blobs/ff")).unwrap();
    std::fs::write(files.join("blobs/ff").join("f".repeat(64)), b"lost").unwrap();
    std::fs::write(files.join("blobs/ff/strange"), b"lost").unwrap();
    std::fs::write(files.join(format!("uploads/1-{}.part", words().id)), b"lost").unwrap();
    std::fs::write(files.join("uploads/strange.part"), b"lost").unwrap();
    house.server.shutdown().await;
    let again = beistand_server::Server::open(
        beistand_server::ServerConfig::default(),
        options(&house.folder, beistand_server::Execution::Thread),
        house.clock.clone(),
    );
    let again = again.await.unwrap();
    house.until_on_disk(3).await;
    assert_eq!(house.on_disk(), before);
    let house = House { router: again.router(), server: again, ..house };
    assert_eq!(house.offset(PERSONS, &phone.headers(), unfinished.id).await, 3);
    assert_eq!(house.get(&phone, &path_of("/v1", &kept)).await.status, 200);
}
