//! Initiators that are not as the RFC has them, and are known to exist.

use kerbstone_gss::krb5::Acceptor;
use kerbstone_gss::{Context, GssFlags, Oid, Refused, Step};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::flags::ApOptions;
use kerbstone_proto::message::Checksum;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{TicketSource, WantedTicket};
use rand::rng;

use crate::virtual_pair::{SERVICE, Tickets, now};

/// What stands where others have the checksum of GSS.
enum Proof<'a> {
    None,
    Over(&'a [u8]),
    Gss(&'a [u8]),
}

/// Shows an AP-REQ made by hand, in a frame if there is a mechanism.
fn accept(mech: Option<&Oid>, options: ApOptions, proof: Proof<'_>) -> Result<Context, Refused> {
    let mut tickets = Tickets::new();
    let server = Principal::parse(SERVICE, None).unwrap();
    let ticket = tickets
        .service_ticket(&WantedTicket::for_server(server))
        .unwrap();
    let builder = ApReqBuilder::new(
        &ticket.ticket,
        &ticket.session_key,
        &ticket.client,
        ApPurpose::Application,
    )
    .options(options);
    let builder = match proof {
        Proof::None => builder,
        Proof::Over(data) => builder.checksum_over(data),
        Proof::Gss(value) => builder.checksum(Checksum {
            cksumtype: 0x8003,
            checksum: value.to_vec(),
        }),
    };
    let request = builder.build(now(), &mut rng()).request.to_der();
    let token = mech.map_or_else(|| request.clone(), |mech| framed(mech, &request));
    let step = Acceptor::new(tickets.credential(), None).step(&token, now(), &mut rng())?;
    match step {
        Step::Established { context, .. } => Ok(*context),
        Step::Continue { .. } => panic!("one token is enough"),
    }
}

fn framed(mech: &Oid, request: &[u8]) -> Vec<u8> {
    let oid = mech.contents();
    let inner = [&[6, oid.len() as u8], oid, &[1, 0], request].concat();
    let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
    [&[0x60, 0x82], &length[..], &inner].concat()
}

fn gss_checksum(flags: GssFlags, more: &[u8]) -> Vec<u8> {
    [
        &16_u32.to_le_bytes(),
        &[0; 16][..],
        &flags.0.to_le_bytes(),
        more,
    ]
    .concat()
}

#[test]
fn no_checksum_at_all_means_no_flags() {
    for mech in [Oid::KRB5, Oid::KRB5_MS, Oid::KRB5_OLD] {
        let context = accept(Some(&mech), ApOptions::EMPTY, Proof::None).unwrap();
        assert!(
            !context
                .flags()
                .intersects(GssFlags::MUTUAL | GssFlags::REPLAY)
        );
        assert_eq!(*context.mech(), mech);
    }
}

#[test]
fn a_plain_checksum_over_nothing_is_sambas_and_one_over_something_is_not() {
    let options = ApOptions::MUTUAL_REQUIRED;
    let context = accept(Some(&Oid::KRB5), options, Proof::Over(b"")).unwrap();
    let flags = GssFlags::MUTUAL | GssFlags::REPLAY | GssFlags::SEQUENCE;
    assert!(context.flags().contains(flags));
    let refused = accept(Some(&Oid::KRB5), options, Proof::Over(b"a KDC's request"));
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("checksum in the authenticator"), "{words}");
}

#[test]
fn a_request_without_a_frame_is_taken_in_dce_style_only() {
    let usual = gss_checksum(GssFlags::MUTUAL, &[]);
    let refused = accept(None, ApOptions::MUTUAL_REQUIRED, Proof::Gss(&usual)).unwrap_err();
    assert!(
        refused.to_string().contains("DCE style have no frame"),
        "{refused}"
    );
    let dce = gss_checksum(GssFlags::MUTUAL | GssFlags::DCE_STYLE, &[]);
    let refused = accept(Some(&Oid::KRB5), ApOptions::EMPTY, Proof::Gss(&dce)).unwrap_err();
    assert!(
        refused.to_string().contains("DCE style have no frame"),
        "{refused}"
    );
}

#[test]
fn a_checksum_of_gss_that_is_cut_off_is_refused_and_its_extensions_are_passed_over() {
    let whole = gss_checksum(GssFlags::REPLAY, b"\0\0\0\x02\0\0\0\x03abc");
    let context = accept(Some(&Oid::KRB5), ApOptions::EMPTY, Proof::Gss(&whole)).unwrap();
    assert!(context.flags().contains(GssFlags::REPLAY));
    for end in 0..24 {
        let cut = Proof::Gss(&whole[..end]);
        assert!(accept(Some(&Oid::KRB5), ApOptions::EMPTY, cut).is_err());
    }
    let more = b"\x01\0\xff\x7fno KRB-CRED";
    let delegation = gss_checksum(GssFlags::DELEG, more);
    let refused = accept(Some(&Oid::KRB5), ApOptions::EMPTY, Proof::Gss(&delegation));
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("its credentials are cut off"), "{words}");
}

#[test]
fn what_an_initiator_may_not_choose_is_left_out() {
    let greedy = gss_checksum(GssFlags(0xffff_ffff).difference(GssFlags::DCE_STYLE), &[]);
    let context = accept(Some(&Oid::KRB5), ApOptions::EMPTY, Proof::Gss(&greedy)).unwrap();
    let never = GssFlags::DELEG | GssFlags::DELEG_POLICY | GssFlags::ANON;
    assert!(!context.flags().intersects(never | GssFlags::CHANNEL_BOUND));
}
