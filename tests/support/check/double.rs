//! The double does what tests and benchmarks rely on.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use portcullis_testing::{Client, Response, until, websocket};

struct Double {
    child: Child,
    client: Client,
}

impl Double {
    fn start() -> Self {
        let address: SocketAddr =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis-double-ide"))
            .args(["lab", "--ServerApp.base_url=/s/x/", &format!("--double-port={}", address.port())])
            .env("JUPYTER_TOKEN", "token")
            .stdout(Stdio::null())
            .spawn()
            .expect("the double starts");
        until::is("the double listens", 20, || TcpStream::connect(address).is_ok()).expect("it listens");
        Self { child, client: Client::new(address) }
    }

    fn ask(&self, method: &str, path: &str, token: &str) -> Response {
        self.client
            .request(method, path)
            .header("Authorization", &format!("token {token}"))
            .body("12345")
            .send()
            .expect("an answer")
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.child.kill().expect("it can be ended");
        self.child.wait().expect("it ends");
    }
}

#[test]
fn it_answers_below_its_prefix_to_those_with_the_token() {
    let double = Double::start();
    assert_eq!(double.client.get("/s/x/api").expect("an answer").status, 200);
    assert_eq!(double.client.get("/s/x/api/me").expect("an answer").status, 403);
    assert_eq!(double.ask("GET", "/s/x/api/me", "wrong").status, 403);
    assert_eq!(double.ask("GET", "/api/me", "token").status, 404);
    assert_eq!(double.ask("GET", "/s/x/files/bytes-70000", "token").body.len(), 70_000);
    let put = double.ask("PUT", "/s/x/api/contents/a", "token");
    assert_eq!((put.status, put.json().expect("JSON")["bytes"].as_u64()), (201, Some(5)));
    let seen = double.ask("GET", "/s/x/api/status", "token").text();
    assert!(seen.contains("PUT /s/x/api/contents/a"), "{seen}");
}

#[test]
fn it_echoes_messages() {
    let double = Double::start();
    let mut socket =
        websocket::open(&double.client, "/s/x/any", &[("Authorization", "token token")]).expect("a socket");
    assert_eq!(websocket::echo(&mut socket, "hello").expect("an echo"), "hello");
}
