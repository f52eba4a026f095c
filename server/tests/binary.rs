//! The binary as an operator and a script meet it.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use beistand_protocol::faq::Parcel;
use beistand_server::{faq::signing::is_signed_by, listener::throw_away::ThrowAway};

fn binary(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beistand-server"));
    for name in [
        "BEISTAND_SERVER_LISTEN",
        "BEISTAND_SERVER_DATA",
        "BEISTAND_SERVER_CONFIG",
        "BEISTAND_SERVER_TLS_CERT",
        "BEISTAND_SERVER_TLS_KEY",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command.arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
    command
}

struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.args(["serve", "--demo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http").unwrap().trim_start_matches("s").replace("://", "");
        Self { child, address }
    }

    fn get(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// For the demo's app.
    fn put(&self, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-App-Key: demo\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn terminate(mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status.code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn it_serves_the_demo_and_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(binary(folder.path()));
    assert!(running.get("/healthz", "").contains("{\"status\":\"ok\"}"));
    let config = running.get("/v1/config", "X-App-Key: demo\r\n");
    assert!(config.contains("order_number") && config.contains("Größe"));
    // A second server on the folder, beside which the small commands work.
    let second = binary(folder.path()).args(["serve"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second).contains("another server"), "{}", text(&second));
    let added = binary(folder.path()).args(["app", "add", "shoes", "--key", "shoe-key"]).output().unwrap();
    assert_eq!(text(&added), "shoe-key\n");
    assert!(running.get("/v1/config", "X-App-Key: shoe-key\r\n").starts_with("HTTP/1.1 200"));
    let agent = binary(folder.path()).args(["agent", "add", "Maike", "--app", "shoe-key"]).output().unwrap();
    assert_eq!(agent.stdout.len(), 33, "a generated password of 32 digits");
    let ambiguous = binary(folder.path()).args(["agent", "add", "Jonas"]).output().unwrap();
    assert!(text(&ambiguous).contains("--app"));
    let copy = folder.path().join("copy.db");
    assert!(binary(folder.path()).arg("backup").arg(&copy).status().unwrap().success());
    let again = binary(folder.path()).arg("backup").arg(&copy).output().unwrap();
    assert!(!again.status.success() && text(&again).contains("exists already"));
    let (code, log) = running.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"));
    for secret in ["Jana", "Petersen", "Naht", "shoe-key"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_hangup_makes_it_read_the_certificate_again() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let renew = || {
        let made = ThrowAway::make(&["localhost".to_owned()]).unwrap();
        std::fs::write(&cert, made.cert).unwrap();
        std::fs::write(&key, made.key).unwrap();
    };
    renew();
    let mut command = binary(folder.path());
    command.arg("--tls-cert").arg(&cert).arg("--tls-key").arg(&key);
    let mut running = Running::start(command);
    renew();
    running.signal("-HUP");
    let mut log = BufReader::new(running.child.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("the certificate was exchanged")));
}

#[test]
fn wrong_settings_name_their_key_and_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("beistand.toml");
    let data = folder.path().join("data");
    for (toml, args, named) in [
        ("[limits]\nbrust = 1", vec![], "brust"),
        ("[limits]\nburst = -5", vec![], "burst"),
        ("", vec!["--listen", "nowhere"], "listen"),
        ("", vec!["--log-format", "xml"], "--log-format"),
        ("", vec!["--listen", "127.0.0.1:0", "--tls-cert", "none", "--tls-key", "none"], "tls-file-unreadable"),
        ("log = \"a=b=c\"", vec![], "log"),
    ] {
        std::fs::write(&file, toml).unwrap();
        let mut command = binary(&data);
        if !args.is_empty() {
            command = Command::new(env!("CARGO_BIN_EXE_beistand-server"));
            command.arg("--data").arg(&data);
        }
        let output = command.arg("--config").arg(&file).args(&args).arg("serve").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{toml} {args:?}: {}", text(&output));
        assert!(text(&output).contains(named), "{named}: {}", text(&output));
    }
    assert!(!data.exists(), "a wrong setting leaves nothing behind");
}

#[test]
fn flags_win_over_environment_over_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("beistand.toml");
    std::fs::write(&file, "data = \"/nonexistent/from-file\"\nlog_format = \"json\"\nlisten = \"127.0.0.1:0\"")
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_beistand-server"));
    command.env("BEISTAND_SERVER_DATA", folder.path().join("data")).env("BEISTAND_SERVER_CONFIG", &file);
    let running = Running::start(command);
    assert!(folder.path().join("data/beistand.db").exists());
    let (code, log) = running.terminate();
    assert_eq!(code, Some(0));
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

/// The lines that a small command prints.
fn says(data: &Path, args: &[&str]) -> Vec<String> {
    let output = binary(data).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn articles_come_from_files_and_a_running_server_serves_them_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(binary(&data));
    let index = running.get("/v1/faq", "X-App-Key: demo\r\n");
    assert!(index.contains("\"de\"") && index.contains("\"en\""), "{index}");
    let served = || {
        let answer = running.get("/v1/faq/de", "X-App-Key: demo\r\n");
        assert!(answer.contains("content-type: application/vnd.beistand.faq\r\n"));
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let before = served();
    assert!(before.contains("Größe") && !before.contains("Neues aus der Werkstatt"));
    // What the demo has published goes out and comes in again without a change.
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    says(&data, &["faq", "export", &path("files")]);
    let again = says(&data, &["faq", "import", &path("files"), "--prune", "--publish"]);
    assert_eq!(again.last().unwrap(), "nothing has changed since the last publication");
    let listed = says(&data, &["faq", "list"]);
    let version = listed[0].split(' ').nth(2).unwrap().to_owned();
    std::fs::write(folder.path().join("files/de/news.md"), "---\ntitle: Neues aus der Werkstatt\n---\nBald.\n")
        .unwrap();
    let dry = says(&data, &["faq", "import", &path("files"), "--dry-run"]);
    assert_eq!(dry[0], "de + news");
    assert_eq!(says(&data, &["faq", "list"]), listed, "a dry run stores nothing");
    says(&data, &["faq", "import", &path("files")]);
    assert!(served() == before, "drafts are not published");
    let published = says(&data, &["faq", "publish", "--locale", "de"]);
    assert!(published[0].ends_with("1 changed, 0 removed"), "{published:?}");
    let after = served();
    assert!(after.contains("Neues aus der Werkstatt"));
    // A seed is the very bytes that the server gives; the key that is printed has signed them.
    let key = says(&data, &["faq", "key"]).remove(0);
    says(&data, &["faq", "bundle", "--locale", "de", "-o", &path("de.faq")]);
    says(&data, &["faq", "bundle", "--locale", "de", "-o", &path("de.faq.gz")]);
    says(&data, &["faq", "bundle", "--locale", "de", "--since", &version, "-o", &path("delta.faq")]);
    let seed = std::fs::read(path("de.faq")).unwrap();
    assert!(after.as_bytes() == seed);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path("de.faq.gz")).unwrap()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == seed);
    for name in ["de.faq", "delta.faq"] {
        let parcel = Parcel::from_bytes(&std::fs::read(path(name)).unwrap()).unwrap();
        assert!(is_signed_by(&parcel, &key), "{name}");
        assert_eq!(parcel.header.from.map(|from| from.to_string()).as_ref(), (name == "delta.faq").then_some(&version));
    }
    // JSON holds one language.
    let which = binary(&data).args(["faq", "export", &path("all.json")]).output().unwrap();
    assert!(text(&which).contains("--locale (there are: de, en)"), "{}", text(&which));
    says(&data, &["faq", "export", &path("de.json"), "--locale", "de"]);
    let imported = says(&data, &["faq", "import", &path("de.json"), "--locale", "fr", "--dry-run"]);
    assert!(imported.last().unwrap().starts_with("fr ") && imported.last().unwrap().contains(" added, 0 changed"));
    assert_eq!(running.terminate().0, Some(0));
}

#[test]
fn a_wrong_file_is_named_and_nothing_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (data, files) = (folder.path().join("data"), folder.path().join("files"));
    std::fs::create_dir_all(files.join("de")).unwrap();
    std::fs::write(files.join("de/good.md"), "---\ntitle: Gut\n---\nJa.\n").unwrap();
    std::fs::write(files.join("de/bad.md"), "---\ntitel: Schlecht\n---\nNein.\n").unwrap();
    says(&data, &["app", "add", "shop"]);
    let output = binary(&data).args(["faq", "import", "--publish"]).arg(&files).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("de/bad.md:2: ") && text(&output).contains("1 fault"), "{}", text(&output));
    assert!(says(&data, &["faq", "list"]).is_empty());
    let occupied = binary(&data).args(["faq", "export"]).arg(&files).output().unwrap();
    assert!(text(&occupied).contains("is not empty"), "{}", text(&occupied));
}

#[test]
fn keys_are_added_beside_a_running_server_and_neither_tokens_nor_secrets_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = binary(&data);
    command.args(["--log", "beistand_server=trace"]);
    let running = Running::start(command);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let secret = "a secret that only a shop's backend knows";
    std::fs::write(path("secret"), format!("{secret}\n")).unwrap();
    std::fs::write(path("short"), "short").unwrap();
    std::fs::write(path("public"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").unwrap();
    for (args, said) in [
        (vec!["--kid", "x", "--alg", "HS256", "--secret-file", &path("short")], "shorter than 32 bytes"),
        (vec!["--kid", "x", "--alg", "HS256", "--secret-file", &path("public")], "no secret"),
        (vec!["--kid", "x", "--alg", "HS256", "--public-key", &path("public")], "HS256 needs --secret-file"),
        (vec!["--kid", "x", "--alg", "EdDSA", "--secret-file", &path("secret")], "EdDSA needs --public-key"),
        (vec!["--kid", "x", "--alg", "ES256", "--public-key", &path("secret")], "no public key in PEM"),
        (vec!["--kid", "x", "--alg", "EdDSA", "--public-key", &path("public")], "not of the kind that EdDSA needs"),
        (vec!["--kid", "a b", "--alg", "HS256", "--secret-file", &path("secret")], "a kid has"),
        (vec!["--kid", "x", "--alg", "HS256", "--secret-file", &path("none")], "cannot read"),
        (vec!["--kid", "demo", "--alg", "HS256", "--secret-file", &path("secret")], "of this name"),
        (vec!["--kid", "x", "--alg", "RS256", "--public-key", &path("public")], "RS256"),
        (vec!["--kid", "x", "--alg", "HS256"], "--secret-file"),
    ] {
        let output = binary(&data).args(["key", "add"]).args(&args).output().unwrap();
        assert!(!output.status.success() && text(&output).contains(said), "{args:?}: {}", text(&output));
    }
    let shop = ["--app", "demo", "--kid", "shop"];
    assert!(
        says(&data, &[&["key", "add", "--alg", "HS256", "--secret-file", &path("secret")], &shop[..]].concat())
            .is_empty()
    );
    assert_eq!(says(&data, &["key", "list"]), ["demo HS256 active", "shop HS256 active"]);
    let token = || {
        let user = ["--secret-file", &path("secret"), "--sub", "user-1", "--name", "Jana"];
        says(&data, &[&["key", "token"], &shop[..], &user[..]].concat()).remove(0)
    };
    let (device, word) = (uuid::Uuid::now_v7(), "ab".repeat(32));
    let registered = running.put(&format!("/v1/devices/{device}"), "", &format!("{{\"secret\":\"{word}\"}}"));
    assert!(registered.starts_with("HTTP/1.1 201"), "{registered}");
    let log_in = |token: &str| {
        let credential = format!("Authorization: Bearer {device}.{word}\r\n");
        running.put("/v1/identity", &credential, &format!("{{\"token\":\"{token}\"}}"))
    };
    let good = token();
    let answer = log_in(&good);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"subject\":\"user-1\""), "{answer}");
    says(&data, &["key", "revoke", "shop"]);
    assert_eq!(says(&data, &["key", "list"]), ["demo HS256 active", "shop HS256 revoked"]);
    assert!(log_in(&token()).contains("token-refused"));
    // What the database holds of a revoked key is its name.
    let (code, log) = running.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("/v1/identity"), "{log}");
    for told in [secret, &good, &good[good.len() - 20..], "user-1", "Jana"] {
        assert!(!log.contains(told), "{told} is in the log");
    }
}
