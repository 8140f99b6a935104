//! METHOD-DATA: how a client can pre-authenticate, and how its keys come from its password.

use kerbstone_proto::message::{
    EtypeInfo, EtypeInfo2, EtypeInfo2Entry, EtypeInfoEntry, MethodData, PaData, PaType,
};
use kerbstone_proto::name::KerberosString;
use kerbstone_realm::{OpenEntry, OpenKey};

use crate::etype_choice;

/// For an error: every key that the client may use, in the order of its list, and the mechanism.
pub(crate) fn for_error(requested: &[i32], client: &OpenEntry) -> MethodData {
    let keys: Vec<&OpenKey> = etype_choice::client_keys(requested, client).collect();
    let mut methods = describe(requested, &keys);
    methods.push(PaData::new(PaType::ENC_TIMESTAMP, []));
    MethodData(methods)
}

/// For a reply: the key that it is under.
pub(crate) fn for_reply(requested: &[i32], key: &OpenKey) -> MethodData {
    let mut methods = describe(requested, &[key]);
    if !etype_choice::knows_etype_info2(requested) {
        methods.push(PaData::new(PaType::PW_SALT, key.salt.as_slice()));
    }
    MethodData(methods)
}

/// ETYPE-INFO2 always, ETYPE-INFO only to clients of before (RFC 4120 5.2.7.5).
fn describe(requested: &[i32], keys: &[&OpenKey]) -> Vec<PaData> {
    let mut methods = Vec::new();
    if keys.is_empty() {
        return methods;
    }
    let newer: EtypeInfo2 = keys.iter().map(|key| entry2(key)).collect();
    methods.push(PaData::new(PaType::ETYPE_INFO2, newer.to_der()));
    if !etype_choice::knows_etype_info2(requested) {
        let older: EtypeInfo = keys.iter().map(|key| entry(key)).collect();
        methods.push(PaData::new(PaType::ETYPE_INFO, older.to_der()));
    }
    methods
}

fn entry2(key: &OpenKey) -> EtypeInfo2Entry {
    EtypeInfo2Entry {
        etype: key.key.enctype().number(),
        salt: Some(KerberosString::from(key.salt.as_slice())),
        s2kparams: key.s2k_params.clone(),
    }
}

fn entry(key: &OpenKey) -> EtypeInfoEntry {
    EtypeInfoEntry {
        etype: key.key.enctype().number(),
        salt: Some(key.salt.clone()),
    }
}
