//! A client that sends what it is told to, over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::site::Site;

pub(crate) type Stream = TlsStream<TcpStream>;

pub(crate) async fn connect(site: &Site) -> Stream {
    connect_with(site, &[]).await
}

pub(crate) async fn connect_h2(site: &Site) -> Stream {
    connect_with(site, &[b"h2"]).await
}

async fn connect_with(site: &Site, protocols: &[&[u8]]) -> Stream {
    connect_to(site.address(), site.certificate(), protocols).await
}

pub(crate) async fn connect_to(
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    protocols: &[&[u8]],
) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

/// Sends one request over a connection of its own and returns the answer.
pub(crate) async fn exchange(site: &Site, request: &str) -> String {
    let mut stream = connect(site).await;
    // The gateway may have answered and closed before it was all sent.
    let _sent = stream.write_all(request.as_bytes()).await;
    read_answer(&mut stream).await
}

/// Reads one answer: to the end of the length that it announces, or of the connection.
pub(crate) async fn read_answer(stream: &mut Stream) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&answer) {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
        }
    }
    String::from_utf8(answer).unwrap()
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    if head.starts_with("http/1.1 101 ") {
        return true;
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    match length {
        Some(length) => body.len() >= length,
        None => head.contains("transfer-encoding: chunked") && body.ends_with("0\r\n\r\n"),
    }
}
