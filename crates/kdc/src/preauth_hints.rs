//! METHOD-DATA: how a client can pre-authenticate, and how its keys come from its password.
//!
//! ETYPE-INFO and PW-SALT are for clients that know none of our enctypes (RFC 4120 5.2.7.5); those
//! get no ticket here, so only ETYPE-INFO2 is written.

use kerbstone_proto::message::{EtypeInfo2, EtypeInfo2Entry, MethodData, PaData, PaType};
use kerbstone_proto::name::KerberosString;
use kerbstone_realm::{OpenEntry, OpenKey};

use crate::etype_choice;

/// For an error: every key that the client may use, in the order of its list, and the mechanism.
pub(crate) fn for_error(requested: &[i32], client: &OpenEntry) -> MethodData {
    let keys = etype_choice::client_keys(requested, client);
    let info: EtypeInfo2 = keys.map(describe).collect();
    MethodData(vec![
        PaData::new(PaType::ETYPE_INFO2, info.to_der()),
        PaData::new(PaType::ENC_TIMESTAMP, []),
    ])
}

/// For a reply: the key that it is under.
pub(crate) fn for_reply(key: &OpenKey) -> MethodData {
    let info = EtypeInfo2(vec![describe(key)]);
    MethodData(vec![PaData::new(PaType::ETYPE_INFO2, info.to_der())])
}

/// With the salt and the parameters that are stored with the key.
fn describe(key: &OpenKey) -> EtypeInfo2Entry {
    EtypeInfo2Entry {
        etype: key.key.enctype().number(),
        salt: Some(KerberosString::from(key.salt.as_slice())),
        s2kparams: key.s2k_params.clone(),
    }
}
