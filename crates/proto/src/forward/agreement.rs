//! The forward reader takes what `der`'s decoder takes, refuses what it refuses, and reads the
//! same values: over any messages, over those of MIT's programs, and over both with damage.

use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use proptest::prelude::*;
use proptest::sample::Index;

use super::ReadTwice;
use crate::message::{
    ApReq, Authenticator, AuthorizationData, EncTicketPart, EncryptedData, KdcRep, KdcReq,
    KdcReqBody, PaData, PaEncTsEnc, PaType, Ticket,
};

#[path = "../../tests/it/strategies.rs"]
#[allow(
    dead_code,
    reason = "the strategies of all messages, of which some are read forward"
)]
mod strategies;
use strategies as any;

/// Whether the bytes are such a message, upon which both readers agree.
fn agreed<T: ReadTwice>(bytes: &[u8]) -> bool {
    let forward = T::forward(bytes);
    assert_eq!(forward, T::derived(bytes), "{bytes:02x?}");
    forward.is_some()
}

/// Whether the bytes are any of the messages.
fn agreed_by_all(bytes: &[u8]) -> bool {
    [
        agreed::<KdcReq>(bytes),
        agreed::<KdcReqBody>(bytes),
        agreed::<Ticket>(bytes),
        agreed::<EncTicketPart>(bytes),
        agreed::<EncryptedData>(bytes),
        agreed::<ApReq>(bytes),
        agreed::<Authenticator>(bytes),
        agreed::<AuthorizationData>(bytes),
        agreed::<PaData>(bytes),
        agreed::<PaEncTsEnc>(bytes),
    ]
    .contains(&true)
}

macro_rules! captured {
    ($($name:literal),+) => {
        vec![$(from_hex(include_str!(concat!("../../tests/it/captured/", $name, ".hex")))),+]
    };
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn open(data: &EncryptedData, password: &str, salt: &str, usage: KeyUsage) -> Vec<u8> {
    let (enctype, limit) = (Enctype::Aes256CtsHmacSha1_96, IterationLimit::default());
    let (password, salt) = (password.as_bytes(), salt.as_bytes());
    let key = Key::from_password(enctype, password, salt, None, limit).unwrap();
    data.decrypt(&key, usage).unwrap().to_vec()
}

/// What MIT's programs sent, and what was inside.
fn of_mit() -> Vec<Vec<u8>> {
    let mut messages = captured!(
        "as_req_bare",
        "as_req_timestamp",
        "tgs_req",
        "tgs_req_forward",
        "fast_as_req"
    );
    let requests: Vec<KdcReq> = messages
        .iter()
        .map(|message| KdcReq::derived(message).unwrap())
        .collect();
    messages.extend(requests.iter().map(|request| request.body.der().to_vec()));
    let padata = |request: usize, kind| PaData::find(&requests[request].padata, kind).unwrap();

    let timestamp = padata(1, PaType::ENC_TIMESTAMP).to_vec();
    messages.push(open(
        &EncryptedData::derived(&timestamp).unwrap(),
        "alice-secret",
        "KERB.TESTalice",
        KeyUsage::AS_REQ_PA_ENC_TIMESTAMP,
    ));
    messages.push(timestamp);

    let ap_req = padata(2, PaType::TGS_REQ).to_vec();
    let ticket = ApReq::derived(&ap_req).unwrap().ticket;
    messages.extend([ap_req, ticket.to_der()]);
    let sealed = open(
        &ticket.enc_part,
        "krbtgt-secret",
        "KERB.TESTkrbtgtKERB.TEST",
        KeyUsage::TICKET,
    );
    let opened = EncTicketPart::derived(&sealed).unwrap();
    let authenticator = ApReq::derived(padata(2, PaType::TGS_REQ))
        .unwrap()
        .authenticator;
    let session_key = opened.key.to_key().unwrap();
    let authenticator = authenticator.decrypt(&session_key, KeyUsage::TGS_REQ_AUTH);
    messages.extend([sealed, authenticator.unwrap().to_vec()]);
    messages
}

/// Any message of any type, as bytes.
fn any_message() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        any::kdc_req().prop_map(|request| request.to_der()),
        any::kdc_req_body().prop_map(|body| body.to_der()),
        any::ticket().prop_map(|ticket| ticket.to_der()),
        any::enc_ticket_part().prop_map(|part| part.to_der()),
        any::encrypted_data().prop_map(|data| data.to_der()),
        any::ap_req().prop_map(|ap_req| ap_req.to_der()),
        any::authenticator().prop_map(|authenticator| authenticator.to_der()),
        any::authorization_data().prop_map(|data| data.to_der()),
        any::pa_data().prop_map(|pa| pa.to_der()),
        any::pa_enc_ts_enc().prop_map(|timestamp| timestamp.to_der()),
        any::kdc_rep().prop_map(|reply: KdcRep| reply.to_der()),
        proptest::sample::select(of_mit()),
    ]
    .boxed()
}

/// What may happen to bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Truncate(Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let tags = proptest::sample::select(vec![0x02_u8, 0x30, 0x61, 0x80, 0xa0, 0xa1, 0xbf]);
        let byte = prop_oneof![any::<u8>(), tags];
        prop_oneof![
            4 => (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Self::Flip(at, byte)),
            2 => (any::<Index>(), byte).prop_map(|(at, byte)| Self::Insert(at, byte)),
            2 => any::<Index>().prop_map(Self::Delete),
            1 => any::<Index>().prop_map(Self::Truncate),
        ]
    }

    fn happen_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Self::Flip(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Delete(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

/// An element with those inside it, so that it can be changed and all lengths still fit.
#[derive(Clone)]
struct Element {
    tag: u8,
    contents: Vec<u8>,
    inside: Vec<Self>,
}

impl Element {
    fn all_of(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut elements = Vec::new();
        while let [tag, after_tag @ ..] = bytes {
            let (contents, rest) = super::split_contents(after_tag)?;
            let inside = if tag & 0x20 == 0 {
                Vec::new()
            } else {
                Self::all_of(contents)?
            };
            elements.push(Self {
                tag: *tag,
                contents: contents.to_vec(),
                inside,
            });
            bytes = rest;
        }
        Some(elements)
    }

    fn write(&self, buffer: &mut Vec<u8>) {
        let mut contents = Vec::new();
        self.inside
            .iter()
            .for_each(|element| element.write(&mut contents));
        if self.inside.is_empty() {
            contents.clone_from(&self.contents);
        }
        buffer.push(self.tag);
        match u32::try_from(contents.len()).unwrap().to_be_bytes() {
            [0, 0, 0, b @ 0..0x80] => buffer.push(b),
            [0, 0, 0, b] => buffer.extend([0x81, b]),
            [0, 0, a, b] => buffer.extend([0x82, a, b]),
            [_, a, b, c] => buffer.extend([0x83, a, b, c]),
        }
        buffer.extend(contents);
    }

    fn count(elements: &[Self]) -> usize {
        elements
            .iter()
            .map(|element| 1 + Self::count(&element.inside))
            .sum()
    }
}

/// What may happen to the elements of a message.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Repeat,
    SwapWithNext,
    Retag(u8),
    Empty,
    Contents(Vec<u8>),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let contents = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..10),
            proptest::collection::vec(
                proptest::sample::select(vec![0_u8, 1, 0x7f, 0x80, 0xff]),
                1..7
            ),
            "[0-9]{14}Z".prop_map(String::into_bytes),
            "20[0-9]{2}[01][0-9][0-3][0-9][0-2][0-9][0-6][0-9][0-6][0-9]Z"
                .prop_map(String::into_bytes),
        ];
        prop_oneof![
            Just(Self::Remove),
            Just(Self::Repeat),
            Just(Self::SwapWithNext),
            Just(Self::Empty),
            any::<u8>().prop_map(Self::Retag),
            contents.prop_map(Self::Contents),
        ]
    }

    /// Happens to the element of that number, counted from the front; gives back how many are
    /// to be skipped yet when there are fewer.
    fn happen_to(&self, elements: &mut Vec<Element>, mut number: usize) -> Result<(), usize> {
        for at in 0..elements.len() {
            if number == 0 {
                self.happen_at(elements, at);
                return Ok(());
            }
            match self.happen_to(&mut elements[at].inside, number - 1) {
                Ok(()) => {
                    if elements[at].inside.is_empty() {
                        elements[at].contents.clear();
                    }
                    return Ok(());
                }
                Err(left) => number = left,
            }
        }
        Err(number)
    }

    fn happen_at(&self, elements: &mut Vec<Element>, at: usize) {
        match self {
            Self::Remove => drop(elements.remove(at)),
            Self::Repeat => elements.insert(at, elements[at].clone()),
            Self::SwapWithNext => {
                let next = (at + 1) % elements.len();
                elements.swap(at, next);
            }
            Self::Retag(tag) => elements[at].tag = *tag,
            Self::Empty => {
                elements[at].inside.clear();
                elements[at].contents.clear();
            }
            Self::Contents(contents) => {
                elements[at].inside.clear();
                elements[at].contents.clone_from(contents);
            }
        }
    }
}

fn changed(message: &[u8], changes: &[(Index, Change)]) -> Vec<u8> {
    let mut elements = Element::all_of(message).unwrap();
    for (which, change) in changes {
        let count = Element::count(&elements);
        if count > 0 {
            change.happen_to(&mut elements, which.index(count)).unwrap();
        }
    }
    let mut bytes = Vec::new();
    elements
        .iter()
        .for_each(|element| element.write(&mut bytes));
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_read_any_message(message in any_message()) {
        agreed_by_all(&message);
    }

    #[test]
    fn both_read_damaged_messages(
        mut message in any_message(),
        damages in proptest::collection::vec(Damage::any(), 1..4),
    ) {
        for damage in &damages {
            damage.happen_to(&mut message);
        }
        agreed_by_all(&message);
    }

    #[test]
    fn both_read_messages_of_other_elements(
        message in any_message(),
        changes in proptest::collection::vec((any::<Index>(), Change::any()), 1..4),
    ) {
        agreed_by_all(&changed(&message, &changes));
    }
}

#[test]
fn both_take_what_mit_sent() {
    for message in of_mit() {
        assert!(agreed_by_all(&message), "{message:02x?}");
    }
}

#[test]
fn both_refuse_what_mit_sent_with_any_byte_changed_cut_or_doubled() {
    for message in of_mit() {
        for at in 0..message.len() {
            agreed_by_all(&message[..at]);
            let mut shorter = message.clone();
            let byte = shorter.remove(at);
            agreed_by_all(&shorter);
            let mut other = message.clone();
            for change in [1, 0x80, 0x20, 0xff] {
                other[at] = byte ^ change;
                agreed_by_all(&other);
            }
            other[at] = byte;
            other.insert(at, byte);
            agreed_by_all(&other);
        }
    }
}

/// `elements` in a row, and around them that tag and a length.
fn around(tag: u8, elements: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Element {
        tag,
        contents: elements.concat(),
        inside: Vec::new(),
    }
    .write(&mut bytes);
    bytes
}

#[test]
fn both_read_the_same_numbers() {
    let cipher = around(0xa2, &[&around(0x04, &[b"sealed"])]);
    let read = |etype: &[u8], kvno: &[u8]| {
        let etype = around(0xa0, &[&around(0x02, &[etype])]);
        let kvno = around(0xa1, &[&around(0x02, &[kvno])]);
        agreed::<EncryptedData>(&around(0x30, &[&etype, &kvno, &cipher]))
    };
    let mut taken = 0;
    for first in 0..=255 {
        taken += usize::from(read(&[first], &[first]));
        for second in 0..=255 {
            taken += usize::from(read(&[first, second], &[first, second]));
        }
    }
    assert_eq!(taken, 1 << 16, "all numbers of up to two bytes, once each");
    for length in 0..10 {
        for (first, second, last) in [
            (0, 0, 0),
            (0, 0x7f, 0xff),
            (0, 0x80, 0),
            (0, 0xff, 0xff),
            (1, 0, 0),
            (0x7f, 0xff, 0xff),
            (0x80, 0, 0),
            (0xff, 0x7f, 0xff),
            (0xff, 0x80, 0),
            (0xff, 0xff, 0xff),
        ] {
            let mut number = vec![last; length];
            number
                .iter_mut()
                .take(2)
                .zip([first, second])
                .for_each(|(slot, byte)| *slot = byte);
            read(&number, &[1]);
            read(&[1], &number);
            let time = around(0xa0, &[&around(0x18, &[b"20261122101500Z"])]);
            let usec = around(0xa1, &[&around(0x02, &[&number])]);
            agreed::<PaEncTsEnc>(&around(0x30, &[&time, &usec]));
        }
    }
    for usec in [999_999_u32, 1_000_000] {
        let [_, usec @ ..] = usec.to_be_bytes();
        let time = around(0xa0, &[&around(0x18, &[b"20261122101500Z"])]);
        let field = around(0xa1, &[&around(0x02, &[&usec])]);
        let taken = agreed::<PaEncTsEnc>(&around(0x30, &[&time, &field]));
        assert_eq!(taken, usec == [0x0f, 0x42, 0x3f]);
    }
}

#[test]
fn both_read_the_same_flags_and_names() {
    let request = of_mit().swap_remove(0);
    let body = KdcReq::derived(&request).unwrap().body.der().to_vec();
    let elements = Element::all_of(&body).unwrap();
    let with_field = |tag: u8, value: Vec<u8>| {
        let mut elements = elements.clone();
        for field in &mut elements[0].inside {
            if field.tag == tag {
                field.inside.clear();
                field.contents.clone_from(&value);
            }
        }
        let mut bytes = Vec::new();
        elements[0].write(&mut bytes);
        agreed::<KdcReqBody>(&bytes)
    };
    for length in 0..70 {
        for unused in [0, 1, 4, 7, 8, 255] {
            for byte in [0, 0x10, 0x80, 0xff] {
                let mut flags = vec![byte; length];
                if let Some(first) = flags.first_mut() {
                    *first = unused;
                }
                let taken = with_field(0xa0, around(0x03, &[&flags]));
                assert!(taken || unused != 0 || !(1..=64).contains(&length));
            }
        }
    }
    let name_type = around(0xa0, &[&around(0x02, &[&[1]])]);
    for count in [0, 1, 2, 63, 64, 65, 500] {
        let component = around(0x1b, &[b"Jos\xe9\xff\0"]);
        let components = around(0xa1, &[&around(0x30, &[&component.repeat(count)])]);
        let taken = with_field(0xa1, around(0x30, &[&name_type, &components]));
        assert_eq!(
            taken,
            count <= crate::name::MAX_COMPONENTS,
            "{count} components"
        );
    }
}
