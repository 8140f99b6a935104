//! The lines that klist prints for one entry of a cache.

use std::net::{IpAddr, Ipv6Addr};

use kerbstone_proto::ccache::Credential;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{HostAddress, Ticket};
use kerbstone_proto::name::Principal;

use super::enctype;
use crate::compat::date::Calendar;

/// What is shown beside names and times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Details {
    pub(crate) flags: bool,
    pub(crate) enctypes: bool,
    pub(crate) authdata_types: bool,
    pub(crate) addresses: bool,
    pub(crate) numeric_addresses: bool,
}

/// The letters of a ticket's flags, in the order in which they are printed.
const FLAG_LETTERS: [(TicketFlags, char); 14] = [
    (TicketFlags::FORWARDABLE, 'F'),
    (TicketFlags::FORWARDED, 'f'),
    (TicketFlags::PROXIABLE, 'P'),
    (TicketFlags::PROXY, 'p'),
    (TicketFlags::MAY_POSTDATE, 'D'),
    (TicketFlags::POSTDATED, 'd'),
    (TicketFlags::INVALID, 'i'),
    (TicketFlags::RENEWABLE, 'R'),
    (TicketFlags::INITIAL, 'I'),
    (TicketFlags::HW_AUTHENT, 'H'),
    (TicketFlags::PRE_AUTHENT, 'A'),
    (TicketFlags::TRANSITED_POLICY_CHECKED, 'T'),
    (TicketFlags::OK_AS_DELEGATE, 'O'),
    (TicketFlags::ANONYMOUS, 'a'),
];

/// `FRIA` and the like.
pub(crate) fn flag_letters(flags: TicketFlags) -> String {
    FLAG_LETTERS
        .iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, letter)| *letter)
        .collect()
}

/// Every line of one entry; `owner` is the cache's principal, unparsed.
pub(crate) fn lines(
    credential: &Credential,
    owner: &[u8],
    details: Details,
    calendar: &Calendar,
) -> Vec<u8> {
    let ticket = (!credential.is_config())
        .then(|| Ticket::from_der(&credential.ticket).ok())
        .flatten();
    let mut text = Vec::new();
    let mut fields = Fields::default();
    let config_column = if credential.is_config() {
        config_name(&mut text, credential)
    } else {
        times_and_name(&mut text, credential, calendar);
        0
    };
    let client = credential.client.unparse();
    if client != owner {
        text.extend_from_slice(b"\tfor client ");
        text.extend_from_slice(&client);
        fields.count += 1;
    }
    if credential.is_config() {
        config_value(&mut text, config_column, &credential.ticket);
    }
    if !credential.renew_till.is_zero() {
        fields.begin(&mut text);
        text.extend_from_slice(b"renew until ");
        text.extend(calendar.column(credential.renew_till.unix()));
        fields.count += 2;
    }
    let letters = flag_letters(credential.flags);
    if details.flags && !letters.is_empty() {
        fields.begin(&mut text);
        text.extend_from_slice(format!("Flags: {letters}").as_bytes());
        fields.count += 1;
    }
    if fields.count > 2 {
        fields.end(&mut text);
    }
    if let Some(ticket) = ticket.as_ref().filter(|_| details.enctypes) {
        fields.begin(&mut text);
        let (session, sealed) = (credential.key.enctype, ticket.enc_part.etype);
        let (session, sealed) = (enctype::describe(session), enctype::describe(sealed));
        text.extend_from_slice(format!("Etype (skey, tkt): {session}, {sealed} ").as_bytes());
        fields.count += 1;
    }
    if details.authdata_types {
        fields.begin(&mut text);
        let kinds: Vec<String> = credential
            .authdata
            .iter()
            .map(|element| element.ad_type.to_string())
            .collect();
        text.extend_from_slice(format!("AD types: {}", kinds.join(", ")).as_bytes());
        fields.count += 1;
    }
    if fields.count > 0 {
        fields.end(&mut text);
    }
    if details.addresses {
        addresses(&mut text, &credential.addresses, details.numeric_addresses);
    }
    if let Some(ticket) = ticket {
        let named = Principal::new(ticket.sname, ticket.realm);
        if named != credential.server {
            text.extend_from_slice(b"\tTicket server: ");
            text.extend(named.unparse());
            text.push(b'\n');
        }
    }
    text
}

/// How much stands in the line already, in klist's own counting: a date counts twice.
#[derive(Default)]
struct Fields {
    count: usize,
}

impl Fields {
    fn begin(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(if self.count == 0 { b"\t" } else { b", " });
    }

    fn end(&mut self, text: &mut Vec<u8>) {
        text.push(b'\n');
        self.count = 0;
    }
}

fn times_and_name(text: &mut Vec<u8>, credential: &Credential, calendar: &Calendar) {
    let start = if credential.starttime.is_zero() {
        credential.authtime
    } else {
        credential.starttime
    };
    text.extend(calendar.column(start.unix()));
    text.extend_from_slice(b"  ");
    text.extend(calendar.column(credential.endtime.unix()));
    text.extend_from_slice(b"  ");
    text.extend(credential.server.unparse());
    text.push(b'\n');
}

/// `config: name(about) = `; returns the column that the value begins in.
fn config_name(text: &mut Vec<u8>, credential: &Credential) -> usize {
    let start = text.len();
    text.extend_from_slice(b"config: ");
    for (at, component) in credential.server.name.components.iter().skip(1).enumerate() {
        if at == 0 {
            text.extend_from_slice(component.as_bytes());
        } else {
            text.push(b'(');
            text.extend_from_slice(component.as_bytes());
            text.push(b')');
        }
    }
    text.extend_from_slice(b" = ");
    text.len().saturating_sub(start)
}

/// The value, with what does not print in octal, broken after column 72.
fn config_value(text: &mut Vec<u8>, column: usize, value: &[u8]) {
    let mut column = column;
    for &byte in value {
        while column < 8 {
            text.push(b' ');
            column += 1;
        }
        if (0x21..0x7f).contains(&byte) {
            text.push(byte);
            column += 1;
        } else {
            text.extend_from_slice(format!("\\{byte:03o}").as_bytes());
            column += 4;
        }
        if column > 72 {
            text.push(b'\n');
            column = 0;
        }
    }
    if column > 0 {
        text.push(b'\n');
    }
}

fn addresses(text: &mut Vec<u8>, addresses: &[HostAddress], numeric: bool) {
    if addresses.is_empty() {
        text.extend_from_slice(b"\tAddresses: (none)\n");
        return;
    }
    let shown: Vec<String> = addresses
        .iter()
        .map(|address| show_address(address, numeric))
        .collect();
    text.extend_from_slice(format!("\tAddresses: {}\n", shown.join(", ")).as_bytes());
}

/// Address types of RFC 4120 7.5.3.
const IPV4: i32 = 2;
const IPV6: i32 = 24;

fn show_address(address: &HostAddress, numeric: bool) -> String {
    let (kind, length) = (address.addr_type, address.address.len());
    let broken = || format!("broken address (type {kind} length {length})");
    let parsed = match kind {
        IPV4 => <[u8; 4]>::try_from(address.address.as_slice())
            .ok()
            .map(IpAddr::from),
        IPV6 => <[u8; 16]>::try_from(address.address.as_slice())
            .ok()
            .map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => return format!("unknown addrtype {kind}"),
    };
    match parsed {
        None => broken(),
        Some(address) if numeric => address.to_string(),
        Some(address) => dns_lookup::lookup_addr(&address).unwrap_or_else(|_| address.to_string()),
    }
}
