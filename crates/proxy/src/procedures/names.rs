//! Names as they travel, and the names and principals that they are.

use kerbstone_client::{SystemNames, service_principal};
use kerbstone_gss::{MajorStatus, Name, Oid};
use kerbstone_proto::krb5_conf::{CanonicalizeHostname, Krb5Conf};
use kerbstone_proto::name::{Principal, Realm};
use nix::unistd::gethostname;

use super::failure::{Failure, Outcome, Trouble};
use super::local_user::user_name;
use super::minor::Minor;
use crate::desk::Patience;
use crate::wire;

/// No object identifier of a name type is longer.
const MAX_OID: usize = 64;

/// A name as a call brings it. What it displays counts before what it exports, as upstream has it.
pub(super) fn read(name: &wire::Name, conf: &Krb5Conf, patience: Patience) -> Outcome<Name> {
    let realm = default_realm(conf);
    let (bytes, name_type) = if name.display.is_empty() {
        if name.exported.is_empty() {
            return Err(nameless().into());
        }
        (&*name.exported, Oid::NT_EXPORT_NAME)
    } else {
        (without_nul(&name.display), type_of(name))
    };
    if name_type.contents().len() > MAX_OID {
        return Err(Failure::of_major(MajorStatus::BAD_NAMETYPE).into());
    }
    if let Some(uid) = uid_in(bytes, &name_type)? {
        return user(uid, realm.as_ref(), patience);
    }
    let name = Name::import(bytes, &name_type, realm.as_ref());
    Ok(name.map_err(|error| Failure::from(&error))?)
}

/// The failure of a call that needs a name and has none.
pub(super) fn nameless() -> Failure {
    let missing = Failure::missing("name");
    Failure {
        major: MajorStatus(missing.major.0 | MajorStatus::BAD_NAME.0),
        ..missing
    }
}

/// A name as a call brings it, for the record. Nobody has checked it.
pub(super) fn shown(name: &wire::Name) -> String {
    const MAX_SHOWN: usize = 256;
    let shown = name.display.get(..MAX_SHOWN).unwrap_or(&name.display);
    String::from_utf8_lossy(without_nul(shown)).into_owned()
}

/// The type of a name's display form; a user's name if it says nothing.
pub(super) fn type_of(name: &wire::Name) -> Oid {
    if name.name_type.is_empty() {
        Oid::NT_USER_NAME
    } else {
        Oid::from_contents(&name.name_type)
    }
}

/// The user's number in a name of one of the types that are numbers.
pub(super) fn uid_in(bytes: &[u8], name_type: &Oid) -> Result<Option<u32>, Failure> {
    let digits = || {
        str::from_utf8(bytes)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
    };
    let uid: Option<u32> = if *name_type == Oid::NT_STRING_UID_NAME {
        digits()
    } else if *name_type == Oid::NT_MACHINE_UID_NAME {
        // Upstream reads digits, RFC 2744 has the number itself.
        digits().or_else(|| bytes.try_into().ok().map(u32::from_ne_bytes))
    } else {
        return Ok(None);
    };
    uid.map(Some).ok_or_else(|| {
        Failure::new(MajorStatus::BAD_NAME, Minor::EINVAL).because("it is no user's number")
    })
}

/// The principal that a user of this system is.
pub(super) fn user(uid: u32, realm: Option<&Realm>, patience: Patience) -> Outcome<Name> {
    if patience == Patience::Never {
        return Err(Trouble::MustWait);
    }
    let unknown = || {
        Failure::new(MajorStatus::BAD_NAME, Minor::ENOENT)
            .because(format!("there is no user with the number {uid}"))
    };
    let name = user_name(uid).ok_or_else(unknown)?;
    Ok(Name::user(&name, realm).map_err(|error| Failure::from(&error))?)
}

/// The principal that a name is for the krb5 mechanism, as `gss_canonicalize_name` finds it.
pub(super) fn canonical(name: &Name, conf: &Krb5Conf, patience: Patience) -> Outcome<Principal> {
    let Name::HostBased { service, host } = name else {
        return Ok(name.to_principal().map_err(|error| Failure::from(&error))?);
    };
    let asks_dns = conf
        .libdefaults()
        .dns_canonicalize_hostname()
        .map_or(true, |policy| policy == CanonicalizeHostname::Yes);
    if asks_dns && patience == Patience::Never {
        return Err(Trouble::MustWait);
    }
    let host = match host {
        Some(host) => host.clone(),
        None => own_host()?,
    };
    Ok(service_principal(service, &host, conf, &SystemNames))
}

fn own_host() -> Result<String, Failure> {
    gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .ok_or_else(|| Failure::of_minor(Minor::EIO).because("this host has no name"))
}

/// The realm of names that name none.
pub(super) fn default_realm(conf: &Krb5Conf) -> Option<Realm> {
    conf.libdefaults().default_realm()
}

/// What of a name travels beside its display and exported form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forms<'a> {
    /// The composite form, with the PAC of whoever has the name, if it is known.
    All(Option<&'a [u8]>),
    /// Nothing: the kernel has no room for it.
    WithoutComposite,
}

/// A principal as a name of the krb5 mechanism.
pub(super) fn write(principal: &Principal, forms: Forms<'_>) -> wire::Name {
    let name = Name::Principal(principal.clone());
    let composite = match forms {
        Forms::All(None) => name.export_composite().unwrap_or_default(),
        Forms::All(Some(pac)) => name.export_composite_with_pac(pac).unwrap_or_default(),
        Forms::WithoutComposite => Vec::new(),
    };
    wire::Name {
        display: principal.unparse().into(),
        name_type: Oid::NT_KRB5_PRINCIPAL.contents().into(),
        exported: name.export().unwrap_or_default().into(),
        exported_composite: composite.into(),
        attributes: Vec::new(),
        extensions: Vec::new(),
    }
}

/// Some clients count the NUL at a string's end.
fn without_nul(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\0").unwrap_or(bytes)
}
