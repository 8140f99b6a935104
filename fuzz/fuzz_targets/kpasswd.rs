//! The password service and whatever comes to it: frames, and requests made with the right keys
//! that say strange things. Nobody's password changes but that of the ticket's owner.

#![no_main]

use kerbstone_fuzz::clock::{NOW, random};
use kerbstone_fuzz::input::Input;
use kerbstone_fuzz::password_request::PasswordAsked;
use kerbstone_fuzz::site::{PRINCIPALS, Site, principal, site};
use kerbstone_fuzz::values::PEER;
use kerbstone_kdc::{Kdc, Peer, Transport};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::kpasswd::{PasswordReply, PasswordRequest, PasswordResult};
use kerbstone_proto::message::EncTicketPart;
use libfuzzer_sys::fuzz_target;

/// Requests to one service.
const LONGEST: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let site = site();
    let kdc = site.kdc();
    match Input::<PasswordAsked<'_>>::read(bytes, LONGEST) {
        Input::Raw(frame) => {
            read_frame(frame);
            let before = versions(site);
            ask(&kdc, frame);
            assert_eq!(versions(site), before, "changed without our keys");
        }
        Input::Operations(list) => {
            for asked in &list {
                let sent = asked.make(site, &mut random());
                let before = versions(site);
                ask(&kdc, &sent.bytes);
                judge(site, &sent.held.part, &before);
            }
        }
    }
});

fn read_frame(frame: &[u8]) {
    if let Ok(request) = PasswordRequest::from_bytes(frame) {
        let written = request.to_bytes().expect("it came in a frame");
        assert_eq!(PasswordRequest::from_bytes(&written).ok(), Some(request));
    }
    if let Ok(reply) = PasswordReply::from_bytes(frame)
        && let Ok(written) = reply.to_bytes()
    {
        assert_eq!(PasswordReply::from_bytes(&written).ok(), Some(reply));
    }
    if let Ok(result) = PasswordResult::from_bytes(frame) {
        assert_eq!(
            PasswordResult::from_bytes(&result.to_bytes()).ok(),
            Some(result)
        );
    }
}

fn ask(kdc: &Kdc, request: &[u8]) {
    let peer = Peer::new(Some(PEER.into()), 4711, Transport::Udp);
    let answer = kdc.answer_password(request, NOW, &peer, &mut random());
    if !answer.reply.is_empty() {
        PasswordReply::from_bytes(&answer.reply).expect("a reply can be read");
    }
}

fn versions(site: &Site) -> Vec<Option<u32>> {
    PRINCIPALS
        .iter()
        .map(|name| site.entry(&principal(name)).map(|entry| entry.kvno()))
        .collect()
}

fn judge(site: &Site, shown: &EncTicketPart, before: &[Option<u32>]) {
    let owner = site.entry(&shown.client());
    for ((name, before), after) in PRINCIPALS.iter().zip(before).zip(versions(site)) {
        if *before == after {
            continue;
        }
        let changed = site.entry(&principal(name)).expect("nobody goes");
        let owner = owner.as_deref().expect("the owner is ours");
        assert_eq!(
            owner.principal, changed.principal,
            "somebody else's password"
        );
        assert!(shown.flags.contains(TicketFlags::INITIAL));
        assert!(!shown.flags.contains(TicketFlags::INVALID));
    }
}
