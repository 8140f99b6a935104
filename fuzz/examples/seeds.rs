//! Writes the first inputs of the targets that take files or messages as they are: `cargo run
//! --example seeds`. Texts and what fuzzing found lie in `corpus/` beside them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::{Arbitrary, Unstructured};
use kerbstone_admin::frame::{Answer, Request, encode_answer, encode_request};
use kerbstone_admin::{KeySource, Operation, PrincipalChanges, Reply};
use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use kerbstone_fuzz::clock::{NOW, random};
use kerbstone_fuzz::gss_pair::{Tickets, credential, options, talk};
use kerbstone_fuzz::input::RAW;
use kerbstone_fuzz::password_request::PasswordAsked;
use kerbstone_fuzz::request::Asked;
use kerbstone_fuzz::site::{principal, site};
use kerbstone_gss::{Context, Name, Oid, krb5, spnego};
use kerbstone_proto::message::{KdcRep, KdcReq, KrbCred, PaData, PaType};
use kerbstone_realm::dump;

type Done = Result<(), Box<dyn Error>>;
/// Messages by name.
type Named = Vec<(String, Vec<u8>)>;

fn main() -> Done {
    let captured = captured()?;
    for (name, message) in &captured {
        for target in ["messages", "messages_oracle"] {
            keep(target, name, message)?;
        }
        match name.as_str() {
            "kpasswd_req" | "kpasswd_rep" => keep("kpasswd", name, &raw(message))?,
            _ if KdcReq::from_der(message).is_ok() => keep("kdc_requests", name, &raw(message))?,
            _ => {}
        }
    }
    for (name, inside) in insides(&captured) {
        for target in ["messages", "messages_oracle"] {
            keep(target, &name, &inside)?;
        }
    }
    fixtures()?;
    our_requests()?;
    records()?;
    admin_frames()?;
    gss_tokens()?;
    gss_exports()?;
    proxy_messages()
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn keep(target: &str, name: &str, bytes: &[u8]) -> Done {
    let folder = corpus(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    [&[RAW], bytes].concat()
}

fn tests_of_proto(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/proto/tests/it")
        .join(folder)
}

/// The messages that MIT's programs exchanged, by name.
fn captured() -> Result<Named, Box<dyn Error>> {
    let mut messages = Vec::new();
    for file in fs::read_dir(tests_of_proto("captured"))? {
        let path = file?.path();
        let Some(name) = path
            .file_stem()
            .filter(|_| path.extension() == Some("hex".as_ref()))
        else {
            continue;
        };
        let hex: Vec<u8> = fs::read_to_string(&path)?
            .bytes()
            .filter(u8::is_ascii_hexdigit)
            .collect();
        let pairs: Result<Vec<u8>, _> = hex
            .chunks(2)
            .map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16))
            .collect();
        messages.push((name.to_string_lossy().into_owned(), pairs?));
    }
    Ok(messages)
}

/// What is in the messages: pre-authentication data, and the sealed parts.
fn insides(captured: &[(String, Vec<u8>)]) -> Named {
    let mut found = Vec::new();
    for (name, message) in captured {
        let mut add =
            |what: &str, bytes: &[u8]| found.push((format!("{name}.{what}"), bytes.to_vec()));
        if let Ok(request) = KdcReq::from_der(message) {
            add("body", request.body.der());
            for pa in &request.padata {
                add(&format!("pa{}", pa.padata_type.0), &pa.padata_value);
            }
        }
        if let Ok(reply) = KdcRep::from_der(message) {
            let tgt = key("krbtgt-secret", "KERB.TESTkrbtgtKERB.TEST");
            if let Ok(plain) = reply.ticket.enc_part.decrypt(&tgt, KeyUsage::TICKET) {
                add("ticket", &plain);
            }
            let alice = key("alice-secret", "KERB.TESTalice");
            if let Ok(plain) = reply.enc_part.decrypt(&alice, KeyUsage::AS_REP_ENC_PART) {
                add("part", &plain);
            }
            if let Some(info) = PaData::find(&reply.padata, PaType::ETYPE_INFO2) {
                add("etype_info2", info);
            }
        }
        let counting: Vec<u8> = (0..32).collect();
        if let Ok(cred) = KrbCred::from_der(message)
            && let Ok(key) = Key::new(Enctype::Aes256CtsHmacSha1_96, &counting)
            && let Ok(plain) = cred.enc_part.decrypt(&key, KeyUsage::KRB_CRED)
        {
            add("part", &plain);
        }
    }
    found
}

fn key(password: &str, salt: &str) -> Key {
    Key::from_password(
        Enctype::Aes256CtsHmacSha1_96,
        password.as_bytes(),
        salt.as_bytes(),
        None,
        IterationLimit::DEFAULT,
    )
    .expect("the default parameters")
}

fn fixtures() -> Done {
    for file in fs::read_dir(tests_of_proto("fixtures"))? {
        let path = file?.path();
        let (Some(name), Some(target)) = (path.file_stem(), path.extension()) else {
            continue;
        };
        keep(
            &target.to_string_lossy(),
            &name.to_string_lossy(),
            &fs::read(&path)?,
        )?;
    }
    Ok(())
}

/// Requests to our own realm, good ones: what the operations of a target make when the fuzzer says
/// nothing.
fn our_requests() -> Done {
    let nothing = [0; 64];
    let asked = Asked::arbitrary(&mut Unstructured::new(&nothing))?;
    keep(
        "kdc_requests",
        "as_req",
        &raw(&asked.to_bytes(site(), &mut random())),
    )?;
    let asked = PasswordAsked::arbitrary(&mut Unstructured::new(&nothing))?;
    let sent = asked.make(site(), &mut random());
    keep("kpasswd", "change", &raw(&sent.bytes))?;
    keep("messages", "ticket_part", &sent.held.part.to_der())
}

/// A dump of our realms without its first and last line.
fn records() -> Done {
    let mut text = Vec::new();
    dump(&*site().store, &mut text)?;
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let records = lines
        .get(1..lines.len().saturating_sub(1))
        .unwrap_or_default();
    keep("realm_records", "realms", &records.concat())
}

fn admin_frames() -> Done {
    let alice = || principal("alice@HOME.TEST");
    let operations = [
        Operation::CreatePrincipal {
            principal: alice(),
            keys: KeySource::Random,
            keysalts: None,
            changes: PrincipalChanges::default(),
        },
        Operation::GetPrincipal { principal: alice() },
        Operation::ListPrincipals {
            realm: alice().realm,
            pattern: Some("a*".to_owned()),
        },
        Operation::ExtractKeys {
            principal: alice(),
            kvno: Some(1),
        },
        Operation::SetString {
            principal: alice(),
            key: "k".to_owned(),
            value: Some("v".to_owned()),
        },
        Operation::GetPrivileges,
    ];
    for (number, operation) in operations.into_iter().enumerate() {
        let frame = encode_request(&Request::Execute(Box::new(operation)))?;
        keep(
            "admin_frame",
            &format!("request{number}"),
            behind_length(&frame),
        )?;
    }
    keep(
        "admin_frame",
        "dump",
        behind_length(&encode_request(&Request::Dump)?),
    )?;
    let answer = encode_answer(&Answer::Reply(Reply::Policies(vec!["users".to_owned()])))?;
    keep("admin_frame", "answer", behind_length(&answer))
}

fn behind_length(frame: &[u8]) -> &[u8] {
    frame.get(4..).unwrap_or_default()
}

/// Two sides of a context, and the tokens that made it.
fn gss_pair(negotiates: bool) -> Result<(Context, Context, Vec<Vec<u8>>), Box<dyn Error>> {
    let mut tickets = Tickets::new(Enctype::Aes256CtsHmacSha1_96);
    let mut tokens = Vec::new();
    let keep = |_: usize, token: &mut Vec<u8>| tokens.push(token.clone());
    let (mut one, mut other) = (random(), random());
    let sides = if negotiates {
        let mechs = vec![Oid::NTLMSSP, Oid::KRB5_MS, Oid::KRB5];
        let mut initiator = spnego::Initiator::new(options()).offer(mechs);
        let mut acceptor = spnego::Acceptor::new(credential(), None);
        talk(
            |input| initiator.step(input, &mut tickets, NOW, &mut one),
            |input| acceptor.step(input, NOW, &mut other),
            keep,
        )
    } else {
        let mut initiator = krb5::Initiator::new(options());
        let mut acceptor = krb5::Acceptor::new(credential(), None);
        talk(
            |input| initiator.step(input, &mut tickets, NOW, &mut one),
            |input| acceptor.step(input, NOW, &mut other),
            keep,
        )
    };
    match sides {
        (Some(initiator), Some(acceptor)) => Ok((initiator, acceptor, tokens)),
        _ => Err("two sides that nobody disturbs".into()),
    }
}

/// The first byte says to whom a token goes.
fn gss_tokens() -> Done {
    let (mut initiator, _, bare) = gss_pair(false)?;
    let (_, _, negotiated) = gss_pair(true)?;
    let mut tokens: Named = Vec::new();
    for (number, token) in bare.into_iter().enumerate() {
        let to = if number % 2 == 0 { 0 } else { 2 };
        // Changed, as what is right is accepted, and in more octets than a fuzzer would change back.
        let mut token = [&[to], &token[..]].concat();
        for octet in token.iter_mut().rev().take(12) {
            *octet = !*octet;
        }
        tokens.push((format!("krb5_{number}"), token));
    }
    for (number, token) in negotiated.into_iter().enumerate() {
        for to in [1, 4, 5] {
            tokens.push((
                format!("spnego_{number}_{to}"),
                [&[to], &token[..]].concat(),
            ));
        }
    }
    let mut rng = random();
    for confidential in [true, false] {
        let token = initiator.wrap(confidential, b"message", &mut rng);
        for to in [6, 7, 9] {
            let name = format!("wrap_{confidential}_{to}");
            tokens.push((name, [&[to], &token[..]].concat()));
        }
    }
    let mic = initiator.get_mic(b"message");
    tokens.push(("mic".to_owned(), [&[8], &mic[..]].concat()));
    tokens.push(("ntlm".to_owned(), b"\x01NTLMSSP\0\x01\0\0\0".to_vec()));
    for (name, token) in tokens {
        keep("gss_tokens", &name, &token)?;
    }
    Ok(())
}

fn gss_exports() -> Done {
    let (initiator, acceptor, _) = gss_pair(false)?;
    let name = Name::Principal(principal("alice@HOME.TEST"));
    keep("gss_exports", "name", &[&[0], &name.export()?[..]].concat())?;
    let composite = name.export_composite()?;
    keep("gss_exports", "composite", &[&[1], &composite[..]].concat())?;
    keep("gss_exports", "host", b"\x02HTTP@www.home.test")?;
    for (side, context) in [("initiator", initiator), ("acceptor", acceptor)] {
        let exported = context.export();
        keep("gss_exports", side, &[&[3], &exported[..]].concat())?;
    }
    Ok(())
}

/// What Debian's plugin and daemon said to each other: whole, and each half of a procedure behind
/// the byte that chooses it.
fn proxy_messages() -> Done {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/proxy/tests/recorded");
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (call, header, way) = match path.extension() {
            Some(end) if end == "call" => (name.clone(), 40, 0),
            Some(end) if end == "reply" => (name.replace(".reply", ".call"), 24, 1),
            _ => continue,
        };
        let message = fs::read(&path)?;
        // The refused context is kept without its call, which is like the first one.
        let call =
            fs::read(folder.join(call)).or_else(|_| fs::read(folder.join("init_first.call")))?;
        let procedure = call.get(23).copied().unwrap_or_default();
        let inside = message.get(header..).unwrap_or_default();
        keep(
            "rpc_header",
            &name,
            message.get(..message.len().min(64)).unwrap_or_default(),
        )?;
        keep(
            "proxy_calls",
            &name,
            &[&[(procedure - 1) << 1 | way], inside].concat(),
        )?;
    }
    Ok(())
}
