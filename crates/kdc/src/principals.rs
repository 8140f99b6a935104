//! Finding the principals of a request.

use std::sync::Arc;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_realm::{Directory, OpenEntry, RealmError};

use crate::refusal::Refusal;

/// The entry of that name or alias.
pub(crate) fn lookup(
    directory: &Directory,
    principal: &Principal,
) -> Result<Option<Arc<OpenEntry>>, Refusal> {
    directory.lookup(principal).map_err(unavailable)
}

/// The client of an AS-REQ, or the referral to the realm where it is.
pub(crate) fn find_client(
    directory: &Directory,
    client: &Principal,
) -> Result<Arc<OpenEntry>, Refusal> {
    let entry = lookup(directory, client)?;
    if let Some(entry) = entry {
        return local_or_referral(entry, client);
    }
    let Some(meant) = enterprise_meaning(client) else {
        return Err(unknown_client());
    };
    if is_same_realm(&meant.realm, &client.realm) {
        let here = Principal::new(meant.name, client.realm.clone());
        return lookup(directory, &here)?.ok_or_else(unknown_client);
    }
    find_elsewhere(directory, client, meant)
}

/// The store cannot be read: another KDC may be able to.
pub(crate) fn unavailable(error: RealmError) -> Refusal {
    let why = "the realm's records cannot be read now";
    Refusal::new(ErrorCode::KDC_ERR_SVC_UNAVAILABLE, why).with_detail(error.to_string())
}

/// An enterprise name of another realm: its realm if we serve it or share a key with it.
fn find_elsewhere(
    directory: &Directory,
    client: &Principal,
    meant: Principal,
) -> Result<Arc<OpenEntry>, Refusal> {
    let upper = Realm::from(meant.realm.to_string_lossy().to_ascii_uppercase().as_str());
    for realm in [meant.realm.clone(), upper] {
        let served = directory.realm(&realm).map_err(unavailable)?.is_some();
        let trusted = || lookup(directory, &Principal::krbtgt(&realm, &client.realm));
        if served || trusted()?.is_some() {
            return Err(referral(Principal::new(meant.name, realm)));
        }
    }
    Err(unknown_client())
}

fn local_or_referral(entry: Arc<OpenEntry>, asked: &Principal) -> Result<Arc<OpenEntry>, Refusal> {
    if entry.principal.realm == asked.realm {
        Ok(entry)
    } else {
        Err(referral(Principal::clone(&entry.principal)))
    }
}

fn referral(client: Principal) -> Refusal {
    Refusal::new(
        ErrorCode::KDC_ERR_WRONG_REALM,
        format!("the client belongs to the realm {}", client.realm),
    )
    .moved_to(client)
}

fn unknown_client() -> Refusal {
    Refusal::new(
        ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
        "the client is not known in this realm",
    )
}

/// `alice@example.org` in one component (RFC 6806 5): the principal that it looks like.
pub(crate) fn enterprise_meaning(client: &Principal) -> Option<Principal> {
    let [component] = client.name.components.as_slice() else {
        return None;
    };
    if client.name.name_type != NameType::ENTERPRISE {
        return None;
    }
    let bytes = component.as_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'@')?;
    let (user, realm) = bytes.split_at_checked(at)?;
    let realm = realm.strip_prefix(b"@")?;
    if user.is_empty() || realm.is_empty() {
        return None;
    }
    let name = PrincipalName::new(NameType::PRINCIPAL, [user]);
    Some(Principal::new(name, Realm::from(realm)))
}

/// People write the realm of an enterprise name like a mail domain.
fn is_same_realm(one: &Realm, other: &Realm) -> bool {
    one.as_bytes().eq_ignore_ascii_case(other.as_bytes())
}
