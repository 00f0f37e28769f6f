//! With TLS: the cookie, the headers, the redirect, and certificates that change.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use portcullis_wire::launcher::{Configuration, TlsMaterial};
use portcullis_wire::{ToLauncher, ToServer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::generation::tests::configuration;
use crate::whole::browser::Browser;
use crate::whole::launcher::{Launcher, person};

struct Certificate {
    pem: String,
    key: String,
    client: Arc<ClientConfig>,
}

/// A certificate for `localhost` and a client that trusts nothing else.
fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Certificate { pem: made.cert.pem(), key: made.signing_key.serialize_pem(), client: Arc::new(client) }
}

fn with_tls(generation: u64, certificate: &str, key: &str) -> Configuration {
    let text = "ssl-enabled=1\nssl-certificate=/c\nssl-certificate-key=/k\nssl-hsts-include-subdomains=1\n";
    let material = TlsMaterial { certificate: certificate.into(), key: key.to_owned().into() };
    Configuration { tls: Some(material), ..configuration(generation, &[("rserver.conf", text)]) }
}

/// The answer to a request over TLS, or nothing when the certificate isn't the expected one.
fn ask(address: SocketAddr, certificate: &Certificate, request: &str) -> Option<String> {
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(certificate.client.clone(), name).expect("a client");
    let mut stream = StreamOwned::new(client, TcpStream::connect(address).expect("connected"));
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = Vec::new();
    // The server closes without a word of TLS's own; what came before is whole.
    let _ = stream.read_to_end(&mut text);
    Some(String::from_utf8_lossy(&text).into_owned())
}

const SIGN_IN_PAGE: &str = "GET /auth-sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn cookies_and_headers_are_for_https_only() {
    let (certificate, alice) = (certificate(), person("alice", 1));
    let redirect = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port_80 = redirect.local_addr().expect("an address");
    let launcher = Launcher::start_with(with_tls(1, &certificate.pem, &certificate.key), &[redirect]);
    launcher.send(ToServer::SignIn(Box::new(alice.clone())));
    launcher.caught();

    let page = ask(launcher.address, &certificate, SIGN_IN_PAGE).expect("the certificate holds");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("strict-transport-security: max-age=86400; includeSubDomains\r\n"), "{page}");

    let form = "username=alice&password=x";
    let post = |origin: &str| {
        format!(
            "POST /auth-do-sign-in HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
    };
    let foreign = ask(launcher.address, &certificate, &post("http://localhost")).expect("answered");
    assert!(foreign.starts_with("HTTP/1.1 403"), "another scheme is another origin: {foreign}");
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| ask(launcher.address, &certificate, &post("https://localhost")));
        let conversation = launcher.expect("start", |message| match message {
            ToLauncher::SignInStart { conversation, .. } => Some(conversation),
            _ => None,
        });
        launcher.send(ToServer::SignedIn { conversation, sign_in: alice.id });
        let answer = answer.join().expect("answered").expect("the certificate holds");
        assert!(answer.contains("set-cookie: __Host-portcullis=v1."), "{answer}");
        assert!(answer.contains("; Path=/; HttpOnly; SameSite=Lax; Secure\r\n"), "{answer}");
    });

    let plain = Browser::new(port_80)
        .raw("POST /x?y HTTP/1.1\r\nHost: ide.test:80\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((plain.status, plain.header("location")), (308, "https://ide.test/x?y"));
}

#[test]
fn a_new_certificate_takes_force_and_a_wrong_one_does_not() {
    let (old, new) = (certificate(), certificate());
    let launcher = Launcher::start_with(with_tls(1, &old.pem, &old.key), &[]);
    launcher.caught();
    launcher.send(ToServer::Configuration(Box::new(with_tls(2, &new.pem, &old.key))));
    let why = launcher.expect("refused", |message| match message {
        ToLauncher::ConfigurationRefused { generation: 2, why } => Some(why),
        _ => None,
    });
    assert!(why.contains("ssl-certificate-key"), "{why}");
    assert!(ask(launcher.address, &old, SIGN_IN_PAGE).is_some());
    launcher.send(ToServer::Configuration(Box::new(with_tls(3, &new.pem, &new.key))));
    while ask(launcher.address, &new, SIGN_IN_PAGE).is_none_or(|page| !page.starts_with("HTTP/1.1 200")) {
        std::thread::yield_now();
    }
    assert!(ask(launcher.address, &old, SIGN_IN_PAGE).is_none_or(|page| page.is_empty()));
}
