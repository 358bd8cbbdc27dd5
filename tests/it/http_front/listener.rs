//! The listener itself: TLS, and a shutdown that loses no request.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::ring, version,
};
use rustls_pki_types::ServerName;
use scimgate::{
    config::{ServerSettings, TlsSettings},
    http::server::serve,
};
use tokio::sync::oneshot;

use super::{fixture::Fixture, logged::Broken};

/// A server on a thread of its own.
struct Running {
    address: SocketAddr,
    token: String,
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Running {
    fn start(settings: ServerSettings, store: Broken) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let (front, token, _directory) =
                    Fixture::over(settings.clone(), Arc::new(store)).await.into_front();
                tell.send(token).unwrap();
                let stop = async { stopped.await.unwrap() };
                serve(front, &settings, vec![listener], stop).await.unwrap();
            });
        });
        Self { address, token: told.recv().unwrap(), stop, thread }
    }

    fn request(&self, path: &str) -> String {
        let Self { address, token, .. } = self;
        format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn settings() -> ServerSettings {
    ServerSettings { workers: Some(1), request_timeout_secs: 5, ..ServerSettings::default() }
}

#[test]
fn requests_under_way_end_well_when_the_server_stops() {
    //
    let server = Running::start(settings(), Broken::Slow(Duration::from_millis(400)));
    let mut connection = TcpStream::connect(server.address).unwrap();
    connection.write_all(server.request("/health/ready").as_bytes()).unwrap();
    // The request has reached the store.
    thread::sleep(Duration::from_millis(100));
    let address = server.address;
    server.stop();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn head_is_get_without_the_body() {
    let server = Running::start(settings(), Broken::Slow(Duration::ZERO));
    let mut connection = TcpStream::connect(server.address).unwrap();
    let request = server.request("/scim/v2/ServiceProviderConfig").replace("GET", "HEAD");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: application/scim+json"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    server.stop();
}

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    // S-01
    let directory = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate_file, key_file) = (directory.path().join("crt.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate_file, own.cert.pem()).unwrap();
    std::fs::write(&key_file, own.signing_key.serialize_pem()).unwrap();
    let tls = Some(TlsSettings { certificate_file, key_file });
    let server = Running::start(ServerSettings { tls, ..settings() }, Broken::Slow(Duration::ZERO));
    for (version, expected) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let (spoken, answer) = ask_over_tls(&server, version, own.cert.der().clone());
        assert_eq!(spoken, Some(expected));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains(&format!("https://localhost:{}/scim/v2/Schemas", server.address.port())),
            "{answer}"
        );
    }
    server.stop();
}

fn ask_over_tls(
    server: &Running,
    version: &'static SupportedProtocolVersion,
    certificate: rustls_pki_types::CertificateDer<'static>,
) -> (Option<ProtocolVersion>, String) {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(server.address).unwrap());
    let request = server.request("/scim/v2/Schemas").replace("Host: 127.0.0.1", "Host: localhost");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // A server may close without saying so in TLS; the answer is whole then too.
    let _ended = stream.read_to_string(&mut answer);
    (stream.conn.protocol_version(), answer)
}
