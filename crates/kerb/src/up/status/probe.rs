//! Questions that only a healthy role answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{HostAddresses, KdcReq, KdcReqBody, KdcReqKind, KrbError, UInt32};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;

use crate::up::addresses::TICKETS;
use crate::up::site::Site;

/// Nobody has this name: an answer to it has been looked up and costs no key.
const CLIENT: [&str; 2] = ["kerb", "status"];
const PATIENCE: Duration = Duration::from_secs(1);
/// A datagram may get lost.
const ATTEMPTS: usize = 2;

/// Asks the KDC for a ticket for somebody who does not exist. It has to say so, from its store.
pub(in crate::up) fn kdc(site: &Site) -> Result<(), String> {
    let address = site
        .address(TICKETS)
        .ok_or_else(|| "its address is not known".to_owned())?;
    let request = request(&Realm::from(site.realm())).to_der();
    let answer = (0..ATTEMPTS)
        .map(|_| exchange(address, &request))
        .reduce(|before, again| before.or(again))
        .unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| format!("it does not answer at {address}: {error}"))?;
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
