//! A KDC and whatever comes to it: requests made with the right keys that say strange things, and
//! bytes. No answer gives more than was proved.

#![no_main]

use kerbstone_fuzz::clock::{NOW, random};
use kerbstone_fuzz::input::Input;
use kerbstone_fuzz::judge::judge;
use kerbstone_fuzz::request::Asked;
use kerbstone_fuzz::site::{Site, site};
use kerbstone_fuzz::values::PEER;
use kerbstone_kdc::{Kdc, Peer, Transport};
use libfuzzer_sys::fuzz_target;

/// Requests to one KDC.
const LONGEST: usize = 6;

fuzz_target!(|bytes: &[u8]| {
    let site = site();
    let kdc = site.kdc();
    match Input::<Asked<'_>>::read(bytes, LONGEST) {
        Input::Raw(request) => ask(site, &kdc, request),
        Input::Operations(list) => {
            for asked in &list {
                ask(site, &kdc, &asked.to_bytes(site, &mut random()));
            }
        }
    }
});

fn ask(site: &Site, kdc: &Kdc, request: &[u8]) {
    let peer = Peer::new(Some(PEER.into()), 4711, Transport::Udp);
    let answer = kdc.answer(request, NOW, &peer, &mut random());
    judge(site, request, &answer.reply);
    let mut line = String::new();
    answer.audit.write_json_line(&mut line);
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    let again = kdc.answer(request, NOW, &peer, &mut random());
    assert_eq!(
        again.reply, answer.reply,
        "a retransmission is answered alike"
    );
    let _ = kdc.too_big(request, NOW);
}
