//! Questions that only a healthy role answers.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{HostAddresses, KdcReq, KdcReqBody, KdcReqKind, KrbError, UInt32};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_proxy::client::{ClientError as ProxyError, Limits, Proxy};
use kerbstone_proxy::wire::{Call, GetCallContextArgs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::up::role::{GATEWAY, GSS, HTTPS, IDENTITY, KDC, SERVER, TICKETS};
use crate::up::site::Site;

/// Nobody has this name: an answer to it has been looked up and costs no key.
const CLIENT: [&str; 2] = ["kerb", "status"];
const PATIENCE: Duration = Duration::from_secs(1);
/// A datagram may get lost.
const ATTEMPTS: usize = 2;

/// Asks the KDC for a ticket for somebody who does not exist. It has to say so, from its store.
pub(in crate::up) fn kdc(site: &Site) -> Result<(), String> {
    let address = site
        .address(KDC, TICKETS)
        .ok_or_else(|| "its address is not known".to_owned())?;
    let request = request(&Realm::from(site.realm())).to_der();
    let answer = (0..ATTEMPTS)
        .map(|_| exchange(address, &request))
        .reduce(|before, again| before.or(again))
        .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| no_answer(address, &error))?;
    let error = KrbError::from_der(&answer)
        .map_err(|error| format!("it does not answer a question for a ticket: {error}"))?;
    match error.error_code {
        ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN => Ok(()),
        code => {
            let name = code.name().unwrap_or("an error without a name");
            Err(format!("it answers {name} ({})", code.0))
        }
    }
}

/// Asks the proxy for nothing in particular. It has to answer, or to hang up on somebody for whom it has no service.
pub(in crate::up) fn proxy(site: &Site) -> Result<(), String> {
    let limits = Limits {
        patience: PATIENCE,
        attempts: 1,
        connections: 1,
    };
    let call = Call::GetCallContext(GetCallContextArgs::default());
    match Proxy::new(limits).call(&site.proxy_socket(), &call) {
        Ok(_) | Err(ProxyError::Closed { mid_reply: false }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Calls the GSS server and hangs up. It has to hang up, too.
pub(in crate::up) fn gss(site: &Site) -> Result<(), String> {
    let address = site
        .address(GSS, SERVER)
        .ok_or_else(|| "its address is not known".to_owned())?;
    let call = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.shutdown(Shutdown::Write)?;
        stream.read(&mut [0])
    };
    call()
        .map(|_| ())
        .map_err(|error| no_answer(address, &error))
}

/// Asks the identity service which versions of its API there are.
pub(in crate::up) fn identity(site: &Site) -> Result<(), String> {
    let socket = site.run_folder().join(IDENTITY);
    let ask = || {
        let mut stream = UnixStream::connect(&socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /v3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok::<_, io::Error>(answer)
    };
    match ask() {
        Ok(answer) if answer.ends_with(b" 200") => Ok(()),
        Ok(answer) => Err(format!("it answers {:?}", String::from_utf8_lossy(&answer))),
        Err(error) => Err(format!(
            "it does not answer at {}: {error}",
            socket.display()
        )),
    }
}

/// Asks the gateway for its first page, over TLS. Whoever has no ticket gets an answer, too.
pub(in crate::up) fn gateway(site: &Site) -> Result<(), String> {
    let address = site
        .address(GATEWAY, HTTPS)
        .ok_or_else(|| "its address is not known".to_owned())?;
    let answer = first_page(site, address).map_err(|error| no_answer(address, &error))?;
    let first = answer
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(first);
    match line.split_ascii_whitespace().nth(1) {
        Some("200" | "401") if line.starts_with("HTTP/1.1 ") => Ok(()),
        _ => Err(format!("it answers {line:?}")),
    }
}

fn first_page(site: &Site, address: SocketAddr) -> io::Result<[u8; 64]> {
    let host = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let config = Arc::new(client_config(site)?);
    let connection = ClientConnection::new(config, host).map_err(io::Error::other)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    let port = address.port();
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = [0; 64];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// The system calls a silence of sockets by several names, none of which is one.
fn no_answer(address: SocketAddr, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("nothing comes within {} s", PATIENCE.as_secs())
        }
        _ => error.to_string(),
    };
    format!("it does not answer at {address}: {why}")
}

/// Trusts the site's authority, and nobody else.
pub(crate) fn client_config(site: &Site) -> io::Result<ClientConfig> {
    let pem = fs::read(site.ca())?;
    let authority = CertificateDer::from_pem_slice(&pem).map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(authority).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(request)?;
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

fn request(realm: &Realm) -> KdcReq {
    let body = KdcReqBody {
        kdc_options: KdcOptions::default(),
        cname: Some(PrincipalName::new_principal(&CLIENT)),
        realm: realm.clone(),
        sname: Some(Principal::krbtgt(realm, realm).name),
        from: None,
        till: KerberosTime::ZERO,
        rtime: None,
        nonce: UInt32(1),
        etype: vec![Enctype::Aes256CtsHmacSha1_96.number()],
        addresses: HostAddresses::default(),
        enc_authorization_data: None,
        additional_tickets: Vec::new(),
    };
    KdcReq::new(KdcReqKind::As, Vec::new(), body)
}
