//! Contexts between ours and the C libraries, in both directions.

use kerbstone_gss::krb5::PrfKey;
use kerbstone_gss::{ChannelBindings, Context, ExportForm, GssFlags, Order, Part, Step, spnego};
use rand::rng;
use serde_json::json;

use crate::peer::{Library, Peer, hex};
use crate::site::{Site, TARGET, USUAL, establish_theirs, now, options};

const ENCTYPES: [&str; 6] = [
    "aes256-cts-hmac-sha1-96",
    "aes128-cts-hmac-sha1-96",
    "aes256-cts-hmac-sha384-192",
    "aes128-cts-hmac-sha256-128",
    "camellia256-cts-cmac",
    "camellia128-cts-cmac",
];

/// Everything that is done with a context, in both directions.
fn converse(context: &mut Context, peer: &mut Peer) {
    for message in [&b""[..], b"x", b"sixteen bytes :)", &[0x5a; 70_000]] {
        for confidential in [true, false] {
            let token = peer.wrap(confidential, message);
            let unwrapped = context.unwrap(&token).unwrap();
            assert_eq!(unwrapped.message, message);
            assert_eq!(unwrapped.confidential, confidential);
            assert_eq!(unwrapped.order, Order::InOrder);
            let token = context.wrap(confidential, message, &mut rng());
            let answer = peer.unwrap(&token);
            assert_eq!(answer.bytes("message"), message);
            assert_eq!(answer.is("conf"), confidential);
            assert_eq!(answer.supplement(), 0);
        }
        let mic = peer
            .ask(&json!({"do": "mic", "message": hex(message)}))
            .bytes("token");
        assert_eq!(context.verify_mic(message, &mic).unwrap(), Order::InOrder);
        let mic = context.get_mic(message);
        let request = json!({"do": "verify", "message": hex(message), "token": hex(&mic)});
        assert_eq!(peer.ask(&request).supplement(), 0);
    }
    limits(context, peer);
    // Heimdal has none without an answer of the acceptor.
    if context.flags().contains(GssFlags::MUTUAL) {
        same_prf(context, peer);
    }
}

fn limits(context: &Context, peer: &mut Peer) {
    for limit in [0, 1, 16, 44, 59, 60, 61, 75, 76, 77, 100, 1024, 65_536] {
        for confidential in [true, false] {
            let conf = i32::from(confidential);
            let answer = peer.ask(&json!({"do": "limit", "conf": conf, "limit": limit}));
            let ours = context.wrap_size_limit(confidential, limit);
            assert_eq!(
                ours as u64,
                answer.number("limit"),
                "{confidential} {limit}"
            );
        }
    }
}

fn same_prf(context: &Context, peer: &mut Peer) {
    for (full, key) in [(0, PrfKey::Full), (1, PrfKey::Partial)] {
        let request = json!({"do": "prf", "full": full, "input": hex(b"seed"), "length": 77});
        let theirs = peer.ask(&request).bytes("output");
        assert_eq!(*context.prf(key, b"seed", 77), theirs, "{key:?}");
    }
}

fn ours_to_theirs(site: &Site, library: Library, flags: GssFlags) {
    let (mut context, mut peer, said) = site.ours_to_theirs(library, options(flags)).unwrap();
    assert_eq!(said["initiator"], "alice@GSS.TEST");
    converse(&mut context, &mut peer);
}

fn theirs_to_ours(site: &Site, library: Library, flags: GssFlags) {
    let acceptor = site.acceptor(None);
    let (mut peer, mut context) = site.theirs_to_ours(library, flags, acceptor).unwrap();
    assert_eq!(context.initiator_name().to_string(), "alice@GSS.TEST");
    assert_eq!(
        context.acceptor_name().to_string(),
        "http/www.gss.test@GSS.TEST"
    );
    converse(&mut context, &mut peer);
}

#[test]
fn mit_understands_us_and_we_mit_with_keys_of_every_type() {
    for enctype in ENCTYPES {
        let Some(site) = Site::with_enctype(enctype) else {
            return;
        };
        ours_to_theirs(&site, Library::Mit, USUAL);
        theirs_to_ours(&site, Library::Mit, USUAL);
    }
}

#[test]
fn mit_understands_us_and_we_mit_with_every_set_of_flags() {
    let Some(site) = Site::usual() else { return };
    for flags in [
        GssFlags::EMPTY,
        GssFlags::REPLAY | GssFlags::SEQUENCE,
        GssFlags::MUTUAL,
        USUAL | GssFlags::IDENTIFY,
        USUAL | GssFlags::DCE_STYLE,
    ] {
        ours_to_theirs(&site, Library::Mit, flags);
        theirs_to_ours(&site, Library::Mit, flags);
    }
}

#[test]
fn heimdal_understands_us_and_we_heimdal() {
    let Some(site) = Site::usual() else { return };
    if Library::Heimdal.file().is_none() {
        return;
    }
    for flags in [GssFlags::EMPTY, USUAL, USUAL | GssFlags::DCE_STYLE] {
        ours_to_theirs(&site, Library::Heimdal, flags);
        theirs_to_ours(&site, Library::Heimdal, flags);
    }
}

#[test]
fn both_sides_say_the_same_of_a_context() {
    let Some(site) = Site::usual() else { return };
    let (context, mut peer, _) = site.ours_to_theirs(Library::Mit, options(USUAL)).unwrap();
    let theirs = peer.ask(&json!({"do": "inquire"}));
    assert_eq!(
        theirs.text("initiator"),
        context.initiator_name().to_string()
    );
    assert_eq!(theirs.text("acceptor"), context.acceptor_name().to_string());
    assert_eq!(theirs.number("flags"), u64::from(context.flags().0));
    let lifetime = context.lifetime(now()).as_secs();
    // The acceptor adds the skew of five minutes that it tolerates.
    assert!(theirs.number("lifetime").abs_diff(lifetime + 300) < 10);
    let key = peer.ask(&json!({"do": "session_key"})).bytes("key");
    assert_eq!(context.session_key().bytes(), key);
}

#[test]
fn delegated_credentials_arrive_on_either_side() {
    let Some(site) = Site::usual() else { return };
    for library in [Library::Mit, Library::Heimdal] {
        if library.file().is_none() {
            continue;
        }
        let flags = USUAL | GssFlags::DELEG;
        let (context, _, said) = site.ours_to_theirs(library, options(flags)).unwrap();
        assert!(context.flags().contains(GssFlags::DELEG));
        assert_eq!(said["delegated"], "alice@GSS.TEST", "{library:?}");
        let acceptor = site.acceptor(None);
        let (_, context) = site.theirs_to_ours(library, flags, acceptor).unwrap();
        let [tgt] = context.delegated() else {
            panic!("{library:?} delegated {:?}", context.delegated());
        };
        assert_eq!(tgt.server.to_string(), "krbtgt/GSS.TEST@GSS.TEST");
        assert_eq!(tgt.client.to_string(), "alice@GSS.TEST");
        assert!(tgt.endtime > now().time);
    }
}

#[test]
fn delegation_by_policy_follows_the_kdcs_flag() {
    let Some(site) = Site::usual() else { return };
    let flags = USUAL | GssFlags::DELEG_POLICY;
    let (context, _, said) = site.ours_to_theirs(Library::Mit, options(flags)).unwrap();
    assert!(
        context
            .flags()
            .contains(GssFlags::DELEG | GssFlags::DELEG_POLICY)
    );
    assert_eq!(said["delegated"], "alice@GSS.TEST");
}

#[test]
fn channel_bindings_must_be_the_same_where_both_have_them() {
    let Some(site) = Site::usual() else { return };
    let ours = ChannelBindings::application_data(*b"tls-server-end-point:ours");
    let mut wish = options(USUAL);
    wish.bindings = Some(ours.clone());
    site.ours_to_theirs(Library::Mit, wish).unwrap();
    let mut peer = site.peer(Library::Mit).unwrap();
    for (theirs, accepted) in [
        (json!({"bindings": hex(b"tls-server-end-point:ours")}), true),
        (json!({}), true),
        (
            json!({"bindings": hex(b"tls-server-end-point:another")}),
            false,
        ),
    ] {
        let mut acceptor = site.acceptor(Some(ours.clone()));
        let outcome = establish_theirs(&mut peer, GssFlags::EMPTY, &mut acceptor, theirs);
        match outcome {
            Ok(_) => assert!(accepted),
            Err(refused) => {
                assert!(!accepted, "{refused}");
                assert!(
                    refused
                        .to_string()
                        .contains("channel bindings do not match")
                );
            }
        }
        peer.ask(&json!({"do": "forget"}));
    }
    let strict = site.credential().require_bindings();
    let mut acceptor = kerbstone_gss::krb5::Acceptor::new(strict.into(), Some(ours));
    let refused = establish_theirs(&mut peer, GssFlags::EMPTY, &mut acceptor, json!({}));
    assert!(refused.unwrap_err().to_string().contains("required here"));
}

#[test]
fn messages_out_of_order_are_told_as_mit_tells_them() {
    let Some(site) = Site::usual() else { return };
    let (mut context, mut peer, _) = site.ours_to_theirs(Library::Mit, options(USUAL)).unwrap();
    let ours: Vec<_> = (0..70)
        .map(|_| context.wrap(true, b"m", &mut rng()))
        .collect();
    let theirs: Vec<_> = (0..70).map(|_| peer.wrap(false, b"m")).collect();
    for index in [0, 2, 1, 1, 69, 68, 2, 3] {
        let supplement = peer.unwrap(&ours[index]).supplement();
        let order = context.unwrap(&theirs[index]).unwrap().order;
        let expected = match order {
            Order::InOrder => 0,
            Order::Duplicate => 2,
            // MIT calls it out of sequence; too old to say whether it is a duplicate says more.
            Order::Old | Order::Unsequenced => 8,
            Order::Gap => 16,
        };
        assert_eq!(supplement, expected, "message {index}: {order:?}");
    }
}

const HEADER: u64 = 2;
const DATA: u64 = 1;
const TRAILER: u64 = 7;
const PADDING: u64 = 9;
const SIGN_ONLY: u64 = 11;

#[test]
fn messages_in_parts_are_protected_as_mit_protects_them() {
    for enctype in ENCTYPES {
        let Some(site) = Site::with_enctype(enctype) else {
            return;
        };
        for flags in [USUAL, USUAL | GssFlags::DCE_STYLE] {
            let wish = options(flags);
            let (mut context, mut peer, _) = site.ours_to_theirs(Library::Mit, wish).unwrap();
            for (confidential, has_trailer) in
                [(true, true), (true, false), (false, true), (false, false)]
            {
                parts_of_theirs(&mut context, &mut peer, confidential, has_trailer);
                parts_of_ours(&mut context, &mut peer, confidential, has_trailer);
            }
        }
    }
}

fn parts_of_theirs(context: &mut Context, peer: &mut Peer, confidential: bool, has_trailer: bool) {
    let mut wanted = vec![
        json!([HEADER, ""]),
        json!([SIGN_ONLY, hex(b"associated")]),
        json!([DATA, hex(b"first part,")]),
        json!([DATA, hex(b" and the second one")]),
        json!([PADDING, ""]),
    ];
    if has_trailer {
        wanted.push(json!([TRAILER, ""]));
    }
    let conf = i32::from(confidential);
    let answer = peer.ask(&json!({"do": "wrap_parts", "conf": conf, "parts": wanted}));
    let mut pieces: Vec<(u64, Vec<u8>)> = answer
        .value("parts")
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            let kind = part[0].as_u64().unwrap();
            (kind, crate::peer::unhex(part[1].as_str().unwrap()))
        })
        .collect();
    let lengths = context.part_lengths(confidential, has_trailer);
    assert_eq!(pieces[0].1.len(), lengths.header);
    let mut parts: Vec<Part<'_>> = pieces
        .iter_mut()
        .map(|(kind, bytes)| match *kind {
            HEADER => Part::Header(bytes),
            DATA => Part::Data(bytes),
            TRAILER => Part::Trailer(bytes),
            PADDING => Part::Padding(bytes),
            _ => Part::SignOnly(bytes),
        })
        .collect();
    let opened = context.unwrap_parts(&mut parts).unwrap();
    assert_eq!(opened.confidential, confidential);
    assert_eq!(opened.order, Order::InOrder);
    drop(parts);
    assert_eq!(pieces[2].1, b"first part,");
    assert_eq!(pieces[3].1, b" and the second one");
}

fn parts_of_ours(context: &mut Context, peer: &mut Peer, confidential: bool, has_trailer: bool) {
    let lengths = context.part_lengths(confidential, has_trailer);
    let mut header = vec![0; lengths.header];
    let mut trailer = vec![0; lengths.trailer];
    let mut data = *b"what is to be said";
    let mut parts = vec![
        Part::Header(&mut header),
        Part::SignOnly(b"associated"),
        Part::Data(&mut data),
        Part::Padding(&mut []),
    ];
    if has_trailer {
        parts.push(Part::Trailer(&mut trailer));
    }
    context
        .wrap_parts(confidential, &mut parts, &mut rng())
        .unwrap();
    drop(parts);
    let mut sent = vec![
        json!([HEADER, hex(&header)]),
        json!([SIGN_ONLY, hex(b"associated")]),
        json!([DATA, hex(&data)]),
    ];
    if has_trailer {
        sent.push(json!([TRAILER, hex(&trailer)]));
    }
    let answer = peer.ask(&json!({"do": "unwrap_parts", "parts": sent}));
    assert_eq!(answer.is("conf"), confidential);
    assert_eq!(answer.supplement(), 0);
    let found = answer.value("parts")[2][1].as_str().unwrap();
    assert_eq!(crate::peer::unhex(found), b"what is to be said");
}

#[test]
fn names_are_exported_as_mit_exports_them() {
    let Some(site) = Site::usual() else { return };
    let mut peer = site.peer(Library::Mit).unwrap();
    for name in [
        "alice@GSS.TEST",
        "http/www.gss.test@GSS.TEST",
        "a\\/b\\@c@GSS.TEST",
    ] {
        let theirs = peer
            .ask(&json!({"do": "exported_name", "name": name}))
            .bytes("name");
        let ours = kerbstone_gss::Name::user(name, None).unwrap();
        assert_eq!(ours.export().unwrap(), theirs);
    }
}

#[test]
fn a_context_goes_on_in_another_process_whoever_exported_it() {
    let Some(site) = Site::usual() else { return };
    for flags in [USUAL, GssFlags::REPLAY | GssFlags::SEQUENCE] {
        let (mut ours, mut theirs, _) = site.ours_to_theirs(Library::Mit, options(flags)).unwrap();
        converse(&mut ours, &mut theirs);
        pass_on(&site, ours, theirs);
        let acceptor = site.acceptor(None);
        let (mut theirs, mut ours) = site.theirs_to_ours(Library::Mit, flags, acceptor).unwrap();
        converse(&mut ours, &mut theirs);
        pass_on(&site, ours, theirs);
    }
}

/// Both sides are exported: ours goes on in MIT's library, and MIT's in ours.
fn pass_on(site: &Site, ours: Context, mut theirs: Peer) {
    let (initiator, acceptor) = (ours.initiator_name().clone(), ours.acceptor_name().clone());
    let (flags, times) = (ours.flags(), ours.ticket_times());
    let old = theirs.wrap(true, b"on the way");
    let exported = theirs.ask(&json!({"do": "export"})).bytes("token");
    let mut moved = Context::import(&exported).unwrap();
    assert_eq!(moved.flags() | GssFlags::DELEG, flags | GssFlags::DELEG);
    assert_eq!(*moved.initiator_name(), initiator);
    assert_eq!(*moved.acceptor_name(), acceptor);
    assert_eq!(moved.ticket_times().endtime, times.endtime);
    let exported = ours.export();
    let mut again = Context::import(&exported).unwrap();
    assert_eq!(again.unwrap(&old).unwrap().order, Order::InOrder);
    assert_eq!(again.unwrap(&old).unwrap().order, Order::Duplicate);
    let exported = again.export();
    let mut peer = site.peer(Library::Mit).unwrap();
    peer.ask(&json!({"do": "import", "token": hex(&exported)}));
    // MIT's knows as well what has come already.
    assert_eq!(peer.unwrap(&old).supplement(), 2);
    let said = peer.ask(&json!({"do": "inquire"}));
    assert_eq!(said.text("initiator"), initiator.to_string());
    assert_eq!(said.text("acceptor"), acceptor.to_string());
    converse(&mut moved, &mut peer);
    for end in 0..exported.len() {
        assert!(Context::import(&exported[..end]).is_err());
    }
}

#[test]
fn a_context_that_mit_negotiated_by_spnego_goes_on_with_us() {
    let Some(site) = Site::usual() else { return };
    let mut peer = site.peer(Library::Mit).unwrap();
    let mut request = json!({"do": "init", "target": TARGET, "flags": USUAL.0, "mech": "spnego"});
    let mut acceptor = spnego::Acceptor::new(site.credential().into(), None);
    let token = peer.ask(&request).bytes("token");
    let Step::Established { token, context } = acceptor.step(&token, now(), &mut rng()).unwrap()
    else {
        panic!("one token is enough where both begin with krb5");
    };
    request["token"] = hex(&token.unwrap()).into();
    assert!(peer.ask(&request).is("done"));
    let exported = peer.ask(&json!({"do": "export"})).bytes("token");
    let mut moved = Context::import(&exported).unwrap();
    let mut www = *context;
    let token = moved.wrap(true, b"hello", &mut rng());
    assert_eq!(www.unwrap(&token).unwrap().message, b"hello");
}

#[test]
fn the_pac_goes_with_the_context_and_with_the_name() {
    let Some(site) = Site::usual() else { return };
    let attribute = json!({"do": "attribute", "attribute": "urn:mspac:"});
    let (ours, mut theirs, _) = site.ours_to_theirs(Library::Mit, options(USUAL)).unwrap();
    assert!(ours.pac().is_none(), "who begins cannot prove it");
    let theirs_pac = theirs.ask(&attribute).bytes("value");
    let exported = theirs.ask(&json!({"do": "export"})).bytes("token");
    let moved = Context::import(&exported).unwrap();
    assert_eq!(moved.pac(), Some(theirs_pac.as_slice()));
    let acceptor = site.acceptor(None);
    let (_, ours) = site.theirs_to_ours(Library::Mit, USUAL, acceptor).unwrap();
    let pac = ours.pac().expect("MIT's KDC issues one").to_vec();
    let named = kerbstone_gss::Name::Principal(ours.initiator_name().clone());
    let composite = named.export_composite_with_pac(&pac).unwrap();
    let exported = ours.export_as(ExportForm::WithAttributes);
    let again = Context::import(&exported).unwrap();
    assert_eq!(again.pac(), Some(pac.as_slice()));
    let mut peer = site.peer(Library::Mit).unwrap();
    let exported = again.export_as(ExportForm::WithAttributes);
    peer.ask(&json!({"do": "import", "token": hex(&exported)}));
    let said = peer.ask(&attribute);
    assert_eq!(said.bytes("value"), pac);
    assert!(said.is("authenticated"));
    let mut of_name = attribute;
    of_name["composite"] = hex(&composite).into();
    assert_eq!(peer.ask(&of_name).bytes("value"), pac);
    peer.ask(&json!({"do": "forget"}));
    let exported = Context::import(&exported).unwrap().export();
    peer.ask(&json!({"do": "import", "token": hex(&exported)}));
    of_name.as_object_mut().unwrap().remove("composite");
    assert_ne!(peer.try_ask(&of_name).error(), 0, "the short form has none");
}
