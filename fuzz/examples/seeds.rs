//! Writes the first inputs of the targets that take files or messages as they are: `cargo run
//! --example seeds`. Texts and what fuzzing found lie in `corpus/` beside them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::{Arbitrary, Unstructured};
use kerbstone_admin::frame::{Answer, Request, encode_answer, encode_request};
use kerbstone_admin::{KeySource, Operation, PrincipalChanges, Reply};
use kerbstone_crypto::{Enctype, IterationLimit, Key, KeyUsage};
use kerbstone_fuzz::clock::random;
use kerbstone_fuzz::input::RAW;
use kerbstone_fuzz::password_request::PasswordAsked;
use kerbstone_fuzz::request::Asked;
use kerbstone_fuzz::site::{principal, site};
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
    admin_frames()
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
