//! `cargo xtask demo --lan`: the shop for real phones in the same network. A throw-away authority signs a certificate for
//! this machine's addresses; phones fetch the authority over plain HTTP from a port of its own and hold it against the
//! fingerprint that is printed here. Its key was never written, and everything else is removed at the end.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    process::{self, Scratch},
    server::Server,
};

use super::terminal::{AGENT, APP_KEY, PASSWORD};

/// What `beistand-server certificate` tells.
struct Made {
    fingerprint: String,
    addresses: Vec<String>,
}

fn make(folder: &Path) -> Result<Made, String> {
    let told = process::output(Command::new(process::program("beistand-server")?).arg("certificate").arg(folder))?;
    let all = |name: &str| -> Vec<String> {
        told.lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
    };
    let fingerprints = all("fingerprint ");
    // The server listens on 0.0.0.0, and people type an address into a phone.
    let addresses = all("address ").into_iter().filter(|address| !address.contains(':')).collect();
    let fingerprint = fingerprints.into_iter().next().ok_or("the server made no certificate")?;
    Ok(Made { fingerprint, addresses })
}

/// Hands the authority's certificate to whoever asks, whatever they ask for.
fn hand_out(authority: Vec<u8>) -> Result<u16, String> {
    let failed = |error: std::io::Error| format!("the certificate cannot be handed out: {error}");
    let listener = TcpListener::bind(("0.0.0.0", 0)).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    // Ends with the program, as the demo does.
    thread::spawn(move || {
        for phone in listener.incoming().map_while(Result::ok) {
            // One after the other: whoever is slow loses its turn.
            let _ = answer(phone, &authority);
        }
    });
    Ok(port)
}

fn answer(mut phone: TcpStream, authority: &[u8]) -> std::io::Result<()> {
    phone.set_read_timeout(Some(Duration::from_secs(2)))?;
    phone.set_write_timeout(Some(Duration::from_secs(2)))?;
    // The request says nothing that would change the answer.
    let _ = phone.read(&mut [0; 4096])?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-x509-ca-cert\r\nContent-Disposition: attachment; \
         filename=\"beistand-authority.crt\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        authority.len()
    );
    phone.write_all(head.as_bytes())?;
    phone.write_all(authority)
}

/// Runs until told to stop.
pub fn stay(port: u16, stop: &Arc<AtomicBool>) -> Result<(), String> {
    let scratch = Scratch::new("lan")?;
    let keys = scratch.path().join("tls");
    let made = make(&keys)?;
    let authority = keys.join("authority.pem");
    let bytes = std::fs::read(&authority).map_err(|error| format!("{}: {error}", authority.display()))?;
    let certificate_port = hand_out(bytes)?;
    let file = |name: &str| keys.join(name).to_string_lossy().into_owned();
    let tls = [("BEISTAND_SERVER_TLS_CERT", file("cert.pem")), ("BEISTAND_SERVER_TLS_KEY", file("key.pem"))];
    let (data, log) = (scratch.path().join("server"), scratch.path().join("server.log"));
    let mut server = Server::start_on(&format!("0.0.0.0:{port}"), &data, &log, &tls)?;
    let Some(first) = made.addresses.first() else {
        return Err("this machine has no address in a network; without --lan the demo needs none".to_owned());
    };
    let others = made.addresses[1..].iter().map(|other| format!("\n             https://{other}:{port}"));
    println!(
        "
A shop's support runs on this machine, for every device in its network.

  server     https://{address}:{port}{others}
  app key    {APP_KEY}
  agents     {AGENT} and Aylin, password {PASSWORD}

The certificate is signed by a throw-away authority. A device has to trust it first:

  1. open    http://{address}:{certificate_port}/   on the device, and install what it downloads
             Android: Settings, Security, Encryption & credentials, Install a certificate, CA certificate.
                      Apps trust it only if their network security configuration allows user certificates.
             iOS:     Settings, Profile Downloaded; then General, About, Certificate Trust Settings.
  2. compare the SHA-256 fingerprint, since it came over plain HTTP:
             {fingerprint}
  3. remove  it afterwards. Its key was never stored, and the certificate ends in 30 days.

From a terminal on this machine, or on another with a copy of the file:

  export PATH={programs}:$PATH
  export BEISTAND_SERVER=https://{address}:{port} BEISTAND_APP_KEY={APP_KEY} BEISTAND_CA_FILE={authority}
  beistand --data {phone} open --subject \"Paket\" --text \"Wo ist mein Paket?\"
  beistand --data {phone} flush
  beistand agent --user {AGENT} --password {PASSWORD} list

Everybody in this network can reach it, and the agents' password is in the manual: use it where you know everybody.
Stop with Ctrl-C; keys, certificates and data are removed then.
",
        address = first,
        others = others.collect::<String>(),
        fingerprint = made.fingerprint,
        programs = process::programs()?.display(),
        authority = authority.display(),
        phone = scratch.path().join("phone").display(),
    );
    while !stop.load(Ordering::SeqCst) {
        if !server.is_running() {
            return Err("the server ended by itself".to_owned());
        }
        thread::sleep(Duration::from_millis(100));
    }
    server.stop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_gets_the_authority_and_a_silent_one_does_not_hold_up_the_next() {
        let port = hand_out(b"PEM".to_vec()).unwrap();
        let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut phone = TcpStream::connect(("127.0.0.1", port)).unwrap();
        phone.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        phone.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nPEM"), "{answer}");
    }
}
