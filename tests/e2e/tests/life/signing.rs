//! Signing in and out with the terminal client, a process for each step, against a real server.

use std::process::{Command, Stdio};

use beistand_test_support::process::{Phone, binary, documents};
use serde_json::{Value, json};

use crate::app::House;

fn last(output: &std::process::Output) -> Value {
    let complaints = String::from_utf8_lossy(&output.stderr);
    documents(output).pop().unwrap_or_else(|| panic!("nothing was said: {complaints}"))
}

#[test]
fn a_terminal_signs_in_and_out() {
    let house = House::new();
    let secret = house.folder.path().join("secret");
    std::fs::write(&secret, "beistand-demo: no secret, for laptops only").unwrap();
    let token = |subject: &str| {
        let made = Command::new(binary("beistand-server"))
            .args(["key", "token", "--app", "demo", "--kid", "demo", "--sub", subject, "--secret-file"])
            .arg(&secret)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let file = house.folder.path().join(format!("{subject}.token"));
        std::fs::write(&file, made.stdout).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let phone = Phone { server: house.server.url.clone(), data: house.folder.path().join("terminal") };
    let nobody = json!({"subject": null, "confirmed": false});
    assert_eq!(last(&phone.run(&["whoami"])), nobody);

    let said = phone.run(&["login", "--token-file", &token("jana")]);
    assert_eq!(last(&said), json!({"subject": "jana", "confirmed": true}));
    let opened = phone.run(&["open", "--subject", "Paket", "--text", "Von Jana.", "--wait", "20"]);
    assert!(opened.status.success());
    assert_eq!(last(&phone.run(&["whoami"])), json!({"subject": "jana", "confirmed": true}));

    // A token that is none changes nothing; the code is the core's.
    let none = house.folder.path().join("none");
    std::fs::write(&none, "kein Token").unwrap();
    let refused = phone.run(&["login", "--token-file", none.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(last(&refused)["error"]["code"], "login-token-malformed");

    // Somewhere without a server, what waits is kept.
    let tunnel = Phone { server: "http://127.0.0.1:1".into(), ..phone.clone() };
    tunnel.run(&["open", "--subject", "Noch etwas", "--text", "Offline geschrieben."]);
    let out = tunnel.run(&["logout", "--send-first", "0"]);
    assert_eq!(last(&out), json!({"sent": 0, "kept": 1, "discarded": 0}));
    assert_eq!(last(&tunnel.run(&["whoami"])), nobody);
    assert_eq!(documents(&phone.run(&["list"])), Vec::<Value>::new());
    assert_eq!(last(&phone.run(&["login", "--token-file", &token("karl")]))["subject"], "karl");
    assert!(phone.run(&["flush", "--timeout", "30"]).status.success());
    assert_eq!(documents(&phone.run(&["list"])), Vec::<Value>::new(), "karl sees nothing of jana");

    // She finds both again.
    let out = phone.run(&["logout", "--discard"]);
    assert_eq!(last(&out), json!({"sent": 0, "kept": 0, "discarded": 0}));
    phone.run(&["login", "--token-file", &token("jana")]);
    assert!(phone.run(&["sync"]).status.success());
    assert_eq!(documents(&phone.run(&["list"])).len(), 2);
}
