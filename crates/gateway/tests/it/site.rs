//! A gateway in this process, before a back end with manners of its choice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kerbstone_crypto::{Enctype, Key};
use kerbstone_gateway::certificate::{CertificateMap, Field, MapRule};
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::entry_points::EntryPoints;
use kerbstone_gateway::identity::Naming;
use kerbstone_gateway::listener::{self, Address, Listener, ListenerSettings};
use kerbstone_gateway::observer::{Event, Lost, Observer};
use kerbstone_gateway::place::Place;
use kerbstone_gateway::pool::{MemberSettings, PoolSettings, Pools};
use kerbstone_gateway::request_path::PathPrefix;
use kerbstone_gateway::tls::{CertificateFiles, ClientCertificates, TlsSettings, TlsVersion};
use kerbstone_gateway::way::Way;
use kerbstone_gateway::{Gateway, Limits, Setup, Table, server};
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName};
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::time::KerberosTime;
use kerbstone_verify::AcceptorSource;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::tickets::{SERVICE, principal};

/// How a back end behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// It answers with what it was sent.
    Echo,
    /// It takes requests and never answers.
    Silent,
    /// It is not there.
    Absent,
    /// It changes the protocol, and echoes.
    Upgrade,
}

pub(crate) struct Site {
    address: Option<SocketAddr>,
    certificate: CertificateDer<'static>,
    key: Key,
    requests: Arc<AtomicUsize>,
}

struct NoBooks;

impl Observer for NoBooks {
    fn decided(&self, _: &Event<'_>) {}
    fn lost(&self, _: Lost) {}
}

impl Site {
    /// `/open` is for everybody, `/closed` for those with a ticket.
    pub(crate) async fn start(manners: Manners, limits: Limits) -> Self {
        Self::start_with(manners, limits, Vec::new(), |_| {}).await
    }

    /// The same with more entry points and another table; those points lead to the pool `site`.
    pub(crate) async fn start_with(
        manners: Manners,
        limits: Limits,
        more: Vec<EntryPoint>,
        change: impl FnOnce(&mut Table),
    ) -> Self {
        let door = listener();
        let door = (Arc::new(door.0), door.1);
        Self::build(manners, limits, door, more, change).await
    }

    /// The same behind a listener of the caller's making, whose certificate is that; `/certificate` is for those with a
    /// certificate.
    pub(crate) async fn behind(
        manners: Manners,
        limits: Limits,
        listener: Arc<Listener>,
        certificate: CertificateDer<'static>,
    ) -> Self {
        let door = (listener, certificate);
        Self::build(manners, limits, door, Vec::new(), |_| {}).await
    }

    async fn build(
        manners: Manners,
        limits: Limits,
        (listener, certificate): (Arc<Listener>, CertificateDer<'static>),
        more: Vec<EntryPoint>,
        change: impl FnOnce(&mut Table),
    ) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let back_end = back_end(manners, Arc::clone(&requests)).await;
        let key = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut rand::rng()).unwrap();
        let entry = |path, way| {
            let place = Place::below(PathPrefix::parse(path).unwrap());
            let mut point = EntryPoint::new(place, Destination::Pool("site".into()));
            point.ways = vec![way];
            point.naming = Naming::Principal;
            point
        };
        let mut entries = vec![
            entry("/open", Way::Nobody),
            entry("/closed", Way::Negotiate),
            entry("/certificate", Way::Certificate),
        ];
        entries.extend(more);
        let address = format!("http://{back_end}").parse().unwrap();
        let mut pool = PoolSettings::new("site", vec![MemberSettings::at(address)]);
        pool.timeouts.answer = limits.answer;
        let mut table = Table::new(
            EntryPoints::new(entries).unwrap(),
            Arc::new(Pools::new(vec![pool]).unwrap()),
            Arc::new(AcceptorSource::keytab(credential(&key))),
        );
        table.limits = limits;
        let rule = MapRule::new(Field::CommonName, None, Some("{cn}@EXAMPLE.TEST")).unwrap();
        table.certificates = CertificateMap::new(vec![rule]);
        change(&mut table);
        let gateway = Gateway::new(Setup {
            table,
            observer: Arc::new(NoBooks),
        });
        let doors = listener::bind(&[listener], 1).unwrap().remove(0);
        let address = doors.local_addresses().first().copied();
        tokio::spawn(server::serve(
            Arc::new(gateway),
            doors,
            std::future::pending(),
        ));
        Self {
            address,
            certificate,
            key,
            requests,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// The service's key.
    pub(crate) fn key(&self) -> Key {
        self.key.clone()
    }

    pub(crate) fn back_end_requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn listener() -> (Listener, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let (chain, private) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&chain, certificate.pem()).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    let files = CertificateFiles {
        certificate: chain,
        key: private,
    };
    let settings = ListenerSettings {
        name: "main".to_owned(),
        addresses: vec![Address::Tcp("127.0.0.1:0".parse().unwrap())],
        tls: Some(TlsSettings {
            certificates: vec![files],
            client_certificates: ClientCertificates::None,
            authorities: Vec::new(),
            crls: Vec::new(),
            oldest: TlsVersion::V1_2,
        }),
        hsts: None,
    };
    (Listener::open(settings).unwrap(), certificate.der().clone())
}

fn credential(key: &Key) -> AcceptorCredential {
    let entry = KeytabEntry {
        principal: principal(SERVICE),
        timestamp: KerberosTime::ZERO,
        kvno: 1,
        key: KeyBlock::from(key),
    };
    let keytab = Keytab::from_entries([entry]).unwrap();
    let replays = Arc::new(MemoryReplayCache::new(&mut rand::rng()));
    AcceptorCredential::new(&keytab, AcceptorName::Any, replays).unwrap()
}

async fn back_end(manners: Manners, requests: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    if manners == Manners::Absent {
        return address;
    }
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, manners, Arc::clone(&requests)));
        }
    });
    address
}

/// One request, then the connection is closed.
async fn serve(mut stream: TcpStream, manners: Manners, requests: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&piece[..length]),
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    match manners {
        Manners::Silent => {
            let _gone = stream.read(&mut [0]).await;
        }
        Manners::Upgrade => {
            let head = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let (mut reader, mut writer) = stream.split();
            let _ended = tokio::io::copy(&mut reader, &mut writer).await;
        }
        Manners::Echo | Manners::Absent => {
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                request.len()
            );
            stream
                .write_all(&[head.as_bytes(), &request].concat())
                .await
                .unwrap();
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    match length {
        Some(length) => body.len() >= length,
        None => !head.contains("transfer-encoding: chunked") || body.contains("\r\n0\r\n"),
    }
}
