//! Listeners: their certificates, clients' certificates, unix sockets, and what happens when files change.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use kerbstone_gateway::Limits;
use kerbstone_gateway::listener::{self, Address, Listener, ListenerSettings};
use kerbstone_gateway::tls::{
    CertificateFiles, ClientCertificates, TlsError, TlsSettings, TlsVersion,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::authority::{Authority, Issued};
use crate::client::{Stream, read_answer};
use crate::site::{Manners, Site};

const OPEN: &str = "GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n";
const CERTIFICATE: &str = "GET /certificate HTTP/1.1\r\nhost: localhost\r\n\r\n";
const TLS_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];
/// A year in which all certificates here have ended, unless they were made to.
const LATE: i32 = 2100;

/// A gateway whose files lie in a folder.
struct House {
    folder: TempDir,
    authority: Authority,
    listener: Arc<Listener>,
    site: Site,
}

impl House {
    async fn open(change: impl FnOnce(&mut ListenerSettings)) -> Self {
        let authority = Authority::new("The authority");
        let folder = tempfile::tempdir().unwrap();
        let server = authority.server(&["localhost"]);
        let [certificate, key] = server.write(folder.path(), "server");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let mut settings = ListenerSettings {
            name: "main".to_owned(),
            addresses: vec![Address::Tcp("127.0.0.1:0".parse().unwrap())],
            tls: Some(TlsSettings {
                certificates: vec![CertificateFiles { certificate, key }],
                client_certificates: ClientCertificates::None,
                authorities: vec![folder.path().join("ca.pem")],
                crls: Vec::new(),
                oldest: TlsVersion::V1_2,
            }),
            hsts: None,
        };
        change(&mut settings);
        let listener = Arc::new(Listener::open(settings).unwrap());
        let limits = Limits::default();
        let own = authority.certificate();
        let site = Site::behind(Manners::Echo, limits, Arc::clone(&listener), own).await;
        Self {
            folder,
            authority,
            listener,
            site,
        }
    }

    async fn asking(client_certificates: ClientCertificates) -> Self {
        Self::open(|settings| tls(settings).client_certificates = client_certificates).await
    }

    async fn with_crl(revoked: &[u64], until: i32) -> Self {
        // The list is the authority's, which is there only once the house is.
        let house = Self::open(|settings| {
            let ca = tls(settings).authorities[0].clone();
            tls(settings).client_certificates = ClientCertificates::Required;
            let crl = ca.with_file_name("crl.pem");
            std::fs::write(&crl, Authority::new("Another").crl(&[], LATE)).unwrap();
            tls(settings).crls = vec![crl];
        })
        .await;
        house.revoke(revoked, until);
        house
    }

    /// Writes a list of revoked certificates, and has it read.
    fn revoke(&self, revoked: &[u64], until: i32) {
        let crl = self.authority.crl(revoked, until);
        std::fs::write(self.folder.path().join("crl.pem"), crl).unwrap();
        self.listener.reload().unwrap();
    }

    fn alice(&self) -> Issued {
        self.authority.client("alice", 7, LATE)
    }

    async fn connect(&self, shown: Option<&Issued>) -> io::Result<Stream> {
        self.connect_as(shown, "localhost", TLS_1_3).await
    }

    async fn connect_as(
        &self,
        shown: Option<&Issued>,
        host: &'static str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<Stream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            Some(shown) => builder
                .with_client_auth_cert(vec![shown.certificate.clone()], shown.key.clone_key())
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.site.address()).await?;
        let name = ServerName::try_from(host).unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    /// Asks over a connection of its own; the answer is empty when there is none.
    async fn ask(&self, shown: Option<&Issued>, request: &str) -> String {
        match self.connect(shown).await {
            Ok(mut stream) => ask(&mut stream, request).await,
            Err(_) => String::new(),
        }
    }

    /// The alert that a client gets who shows this.
    async fn alert(&self, shown: Option<&Issued>) -> String {
        let stream = self.connect(shown).await;
        let error = match stream {
            Ok(mut stream) => {
                let _perhaps_too_late = stream.write_all(OPEN.as_bytes()).await;
                stream.read(&mut [0]).await.unwrap_err()
            }
            Err(error) => error,
        };
        error.to_string()
    }
}

fn tls(settings: &mut ListenerSettings) -> &mut TlsSettings {
    settings.tls.as_mut().unwrap()
}

async fn ask(stream: &mut Stream, request: &str) -> String {
    let _perhaps_closed = stream.write_all(request.as_bytes()).await;
    read_answer(stream).await
}

fn own(stream: &Stream) -> CertificateDer<'static> {
    let shown = stream.get_ref().1.peer_certificates().unwrap();
    shown[0].clone().into_owned()
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 ")
}

#[tokio::test]
async fn a_required_certificate_says_who_comes() {
    let house = House::asking(ClientCertificates::Required).await;
    let answer = house.ask(Some(&house.alice()), CERTIFICATE).await;
    assert!(is_ok(&answer), "{answer}");
    assert!(
        answer.contains("remote_user: alice@EXAMPLE.TEST\r\n"),
        "{answer}"
    );
    let alert = house.alert(None).await;
    assert!(alert.contains("CertificateRequired"), "{alert}");
}

#[tokio::test]
async fn an_optional_certificate_is_none_or_a_good_one() {
    let house = House::asking(ClientCertificates::Optional).await;
    assert!(is_ok(&house.ask(Some(&house.alice()), CERTIFICATE).await));
    assert!(is_ok(&house.ask(None, OPEN).await));
    let answer = house.ask(None, CERTIFICATE).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.300}");
    let stranger = Authority::new("Somebody else").client("alice", 7, LATE);
    let alert = house.alert(Some(&stranger)).await;
    assert!(alert.contains("UnknownCA"), "{alert}");
}

#[tokio::test]
async fn a_listener_that_does_not_ask_sees_no_certificate() {
    let house = House::asking(ClientCertificates::None).await;
    let answer = house.ask(Some(&house.alice()), CERTIFICATE).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.300}");
}

#[tokio::test]
async fn expired_revoked_and_misused_certificates_end_the_handshake() {
    let house = House::with_crl(&[8], LATE).await;
    let client = |serial, until| house.authority.client("alice", serial, until);
    assert!(is_ok(&house.ask(Some(&client(7, LATE)), CERTIFICATE).await));
    for (shown, alert) in [
        (client(7, 2021), "CertificateExpired"),
        (client(8, LATE), "CertificateRevoked"),
        (
            Authority::new("Somebody else").client("alice", 7, LATE),
            "UnknownCA",
        ),
    ] {
        let said = house.alert(Some(&shown)).await;
        assert!(said.contains(alert), "{said}");
    }
}

#[tokio::test]
async fn a_list_that_is_too_old_lets_nobody_in() {
    let house = House::with_crl(&[], 2022).await;
    let alert = house.alert(Some(&house.alice())).await;
    assert!(alert.contains("received fatal alert"), "{alert}");
}

#[tokio::test]
async fn a_certificate_that_is_revoked_meanwhile_is_refused_with_the_next_request() {
    let house = House::with_crl(&[], LATE).await;
    let alice = house.alice();
    let bob = house.authority.client("bob", 9, LATE);
    let mut hers = house.connect(Some(&alice)).await.unwrap();
    let mut his = house.connect(Some(&bob)).await.unwrap();
    for stream in [&mut hers, &mut his] {
        assert!(is_ok(&ask(stream, CERTIFICATE).await));
    }
    house.revoke(&[7], LATE);
    let answer = ask(&mut hers, CERTIFICATE).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer:.300}");
    assert!(is_ok(&ask(&mut his, CERTIFICATE).await));
    assert!(
        house
            .alert(Some(&alice))
            .await
            .contains("CertificateRevoked")
    );
    // What is given back is good again, over the connection that is still open.
    house.revoke(&[], LATE);
    assert!(is_ok(&ask(&mut hers, CERTIFICATE).await));
}

#[tokio::test]
async fn a_session_of_before_a_change_is_not_resumed() {
    let house = House::with_crl(&[], LATE).await;
    let alice = house.alice();
    let mut roots = RootCertStore::empty();
    roots.add(house.authority.certificate()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![alice.certificate.clone()], alice.key.clone_key())
        .unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let again = async || {
        let stream = TcpStream::connect(house.site.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        let answer = ask(&mut stream, CERTIFICATE).await;
        (stream.get_ref().1.handshake_kind().unwrap(), is_ok(&answer))
    };
    use rustls::HandshakeKind::{Full, Resumed};
    assert_eq!(again().await, (Full, true));
    assert_eq!(again().await, (Resumed, true));
    house.revoke(&[7], LATE);
    assert_eq!(again().await, (Full, false));
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_the_next_and_nobody_is_cut_off() {
    let house = House::open(|_| {}).await;
    let mut before = house.connect(None).await.unwrap();
    assert!(is_ok(&ask(&mut before, OPEN).await));
    assert!(!house.listener.reload_if_changed().unwrap());
    house
        .authority
        .server(&["localhost"])
        .write(house.folder.path(), "server");
    assert!(house.listener.reload_if_changed().unwrap());
    let after = house.connect(None).await.unwrap();
    assert_ne!(own(&before), own(&after));
    assert!(is_ok(&ask(&mut before, OPEN).await));
}

#[tokio::test]
async fn files_that_do_not_fit_leave_everything_as_it_was() {
    let house = House::open(|_| {}).await;
    let before = own(&house.connect(None).await.unwrap());
    let key = house.folder.path().join("server.key");
    let other = house.authority.server(&["localhost"]);
    let [_, other_key] = other.write(house.folder.path(), "other");
    std::fs::rename(&other_key, &key).unwrap();
    let error = house.listener.reload_if_changed().unwrap_err();
    assert!(matches!(error, TlsError::Mismatch { .. }), "{error}");
    // It is told once.
    assert!(!house.listener.reload_if_changed().unwrap());
    assert_eq!(own(&house.connect(None).await.unwrap()), before);
}

#[tokio::test]
async fn each_host_has_its_certificate() {
    let mut others = Vec::new();
    let house = House::open(|settings| {
        let folder: PathBuf = tls(settings).authorities[0].parent().unwrap().to_owned();
        let authority = Authority::new("Of other hosts");
        for (name, hosts) in [("exact", "www.example.test"), ("wild", "*.example.test")] {
            let issued = authority.server(&[hosts]);
            let [certificate, key] = issued.write(&folder, name);
            tls(settings)
                .certificates
                .push(CertificateFiles { certificate, key });
            others.push(issued.certificate);
        }
    })
    .await;
    // Those of the other authority are not believed here, which is how they are told apart.
    for (host, is_first) in [
        ("localhost", true),
        ("www.example.test", false),
        ("ftp.example.test", false),
    ] {
        let stream = house.connect_as(None, host, TLS_1_3).await;
        assert_eq!(stream.is_ok(), is_first, "{host}");
    }
    let shown = async |host: &'static str| {
        let address = house.site.address().to_string();
        let asking = tokio::task::spawn_blocking(move || {
            Command::new("openssl")
                .args(["s_client", "-connect", &address, "-servername", host])
                .stdin(Stdio::null())
                .output()
        });
        let output = asking.await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let start = text.find("-----BEGIN CERTIFICATE").unwrap();
        CertificateDer::from_pem_slice(&text.as_bytes()[start..]).unwrap()
    };
    let [exact, wild] = others.try_into().unwrap();
    assert_eq!(shown("www.example.test").await, exact);
    assert_eq!(shown("ftp.example.test").await, wild);
    let first = own(&house.connect(None).await.unwrap());
    assert_eq!(shown("unknown.test").await, first);
}

#[tokio::test]
async fn an_old_version_of_tls_is_spoken_where_it_may_be() {
    let house = House::open(|_| {}).await;
    let mut old = house
        .connect_as(None, "localhost", &[&version::TLS12])
        .await
        .unwrap();
    assert!(is_ok(&ask(&mut old, OPEN).await));
    let strict = House::open(|settings| tls(settings).oldest = TlsVersion::V1_3).await;
    assert!(
        strict
            .connect_as(None, "localhost", &[&version::TLS12])
            .await
            .is_err()
    );
    assert!(is_ok(&strict.ask(None, OPEN).await));
}

#[tokio::test]
async fn browsers_are_told_to_come_over_tls_alone() {
    let value = "max-age=31536000; includeSubDomains";
    let house = House::open(|settings| settings.hsts = Some(HeaderValue::from_static(value))).await;
    for request in [OPEN, CERTIFICATE] {
        let answer = house.ask(None, request).await;
        let line = format!("strict-transport-security: {value}\r\n");
        assert!(answer.contains(&line), "{answer:.400}");
    }
}

#[tokio::test]
async fn a_unix_socket_has_its_permissions_and_speaks_in_clear() {
    let path = tempfile::tempdir().unwrap().keep().join("gateway.sock");
    let socket = path.clone();
    let _house = House::open(move |settings| {
        settings.addresses = vec![Address::Unix(socket, 0o600)];
        settings.tls = None;
    })
    .await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream
        .write_all(
            OPEN.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(is_ok(&answer), "{answer}");
    assert!(answer.contains("x-forwarded-proto: http\r\n"), "{answer}");
}

#[test]
fn a_socket_left_over_is_replaced_and_one_in_use_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    let settings = ListenerSettings {
        name: "near".to_owned(),
        addresses: vec![Address::Unix(path.clone(), 0o660)],
        tls: None,
        hsts: None,
    };
    let listener = [Arc::new(Listener::open(settings).unwrap())];
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let _doors = listener::bind(&listener, 2).unwrap();
    let error = listener::bind(&listener, 2).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "somebody's file").unwrap();
    assert!(listener::bind(&listener, 1).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's file");
}

#[test]
fn a_port_that_somebody_has_is_not_shared_with_them() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = ListenerSettings {
        name: "main".to_owned(),
        addresses: vec![Address::Tcp(taken.local_addr().unwrap())],
        tls: None,
        hsts: None,
    };
    let listener = [Arc::new(Listener::open(settings).unwrap())];
    for workers in [1, 2] {
        let error = listener::bind(&listener, workers).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    }
    drop(taken);
    let _ours = listener::bind(&listener, 2).unwrap();
    let error = listener::bind(&listener, 2).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_connection_that_has_rested_goes_on_where_it_was() {
    let house = House::open(|_| {}).await;
    let mut stream = house.connect(None).await.unwrap();
    for request in [OPEN, OPEN, CERTIFICATE, OPEN] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_eq!(is_ok(&answer), request == OPEN, "{answer:.200}");
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    // Half a request comes before the rest, and half behind it.
    let (head, rest) = OPEN.split_at(20);
    stream
        .write_all([OPEN, head].concat().as_bytes())
        .await
        .unwrap();
    assert!(is_ok(&read_answer(&mut stream).await));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    assert!(is_ok(&read_answer(&mut stream).await));
}

#[tokio::test]
async fn a_body_that_nobody_wanted_is_no_request_after_a_rest() {
    let house = House::open(|_| {}).await;
    let mut stream = house.connect(None).await.unwrap();
    let head = "POST /closed HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.200}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let answer = ask(&mut stream, OPEN).await;
    assert_eq!(answer, "", "{answer:.200}");
    assert_eq!(house.site.back_end_requests(), 0);
}
