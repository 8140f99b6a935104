//! S4U2Self (MS-SFU 3.2.5.1): a ticket for a service to itself, in the name of a user whom it
//! has authenticated in its own way.

use std::sync::Arc;

use kerbstone_proto::error::ProtoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, S4uOptions, TicketFlags};
use kerbstone_proto::message::{PaData, PaForUser, PaS4uX509User, PaType, S4uUserId};
use kerbstone_proto::name::{NameType, Principal, PrincipalName};
use kerbstone_realm::{Attributes, OpenEntry};

use crate::asking::Asking;
use crate::principals;
use crate::referral::Destination;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::s4u2proxy::Wish;
use crate::shown_pac;
use crate::tgs_header::Header;
use crate::ticket_flags::NOT_FOR_AS;

/// For whom a service asks.
#[derive(Debug)]
pub(crate) struct ForUser {
    /// As the ticket will name the user.
    pub(crate) user: Principal,
    /// The user's entry, if it is of this realm.
    pub(crate) entry: Option<Arc<OpenEntry>>,
    /// What is to be answered, where the request was of the kind that gets an answer.
    asked: Option<S4uUserId>,
}

/// The user that the request names, if it is such a request. Of the two forms the newer counts.
pub(crate) fn read(
    asking: &Asking<'_>,
    request: &Request,
    header: &Header,
) -> Result<Option<ForUser>, Refusal> {
    let (user, asked) = if let Some(padata) = request.padata(PaType::S4U_X509_USER) {
        let id = read_x509_user(padata, request, header)?;
        let user = named_user(&id)?;
        (user, Some(id))
    } else if let Some(padata) = request.padata(PaType::FOR_USER) {
        (read_for_user(padata, header)?, None)
    } else {
        return Ok(None);
    };
    let mut found = ForUser {
        user,
        entry: None,
        asked,
    };
    if found.user.realm == asking.settings.name {
        found.look_up(asking, request.body.kdc_options)?;
    }
    Ok(Some(found))
}

fn read_x509_user(padata: &[u8], request: &Request, header: &Header) -> Result<S4uUserId, Refusal> {
    let asked = PaS4uX509User::from_der(padata).map_err(|error| illegible(&error))?;
    let key = header.reply_key();
    if asked.user_id.nonce != request.body.nonce {
        return Err(not_bound(&ProtoError::Modified));
    }
    asked
        .verify_request(key)
        .map_err(|error| not_bound(&error))?;
    Ok(asked.user_id.into_value())
}

fn read_for_user(padata: &[u8], header: &Header) -> Result<Principal, Refusal> {
    let asked = PaForUser::from_der(padata).map_err(|error| illegible(&error))?;
    asked
        .verify(&header.ticket.session_key)
        .map_err(|error| not_bound(&error))?;
    Ok(asked.user())
}

/// Who is who's certificate is not known here.
fn named_user(id: &S4uUserId) -> Result<Principal, Refusal> {
    let user = id.user().filter(|user| !is_blank(&user.name));
    user.ok_or_else(|| {
        let why = "the request names no user, and certificates are not mapped to users here";
        Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, why)
    })
}

fn is_blank(name: &PrincipalName) -> bool {
    name.components
        .iter()
        .all(|component| component.as_bytes().is_empty())
}

impl ForUser {
    fn look_up(&mut self, asking: &Asking<'_>, options: KdcOptions) -> Result<(), Refusal> {
        let certified = |id: &S4uUserId| {
            id.subject_certificate
                .as_ref()
                .is_some_and(|c| !c.is_empty())
        };
        if self.asked.as_ref().is_some_and(certified) {
            let why = "certificates are not mapped to users here";
            return Err(Refusal::new(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, why));
        }
        let entry =
            principals::find_client(asking.directory, &self.user).map_err(
                |refusal| match refusal.code {
                    ErrorCode::KDC_ERR_WRONG_REALM => Refusal::new(
                        ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
                        "the user to act for belongs to another realm",
                    ),
                    _ => refusal,
                },
            )?;
        // The answer says which name it became; who gets none must get the name that it asked for.
        let canonical = self.asked.is_some() && options.contains(KdcOptions::CANONICALIZE);
        if canonical || self.user.name.name_type == NameType::ENTERPRISE {
            self.user = Principal::clone(&entry.principal);
        }
        self.entry = Some(entry);
        Ok(())
    }

    /// Checks the request, in MIT's order. A ticket of another realm comes from a service there
    /// that wants one of our users, or from a service of ours that asked a user's realm before.
    pub(crate) fn check(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        let refuse = |code, why: &'static str| Err(Refusal::new(code, why));
        let (asking, options) = (wish.asking, wish.request.body.kdc_options);
        let part = &wish.header.ticket.part;
        let is_referral = matches!(wish.destination, Destination::Nearer(_));
        if !is_referral && !is_principal(asking, &part.client(), wish.destination.entry())? {
            let why = "a service can ask for a ticket in a user's name to itself only";
            return refuse(ErrorCode::KRB_AP_ERR_BADMATCH, why);
        }
        if options.intersects(NOT_FOR_AS) {
            let why = "a ticket in a user's name cannot be had with these options";
            return refuse(ErrorCode::KDC_ERR_BADOPTION, why);
        }
        match (&self.entry, wish.cross_realm, is_referral) {
            (_, false, true) => {
                let why = "the service is not known in this realm";
                return refuse(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why);
            }
            (Some(_), true, false) => {
                let why = "the user is of this realm, which is to be asked with its own ticket";
                return refuse(ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN, why);
            }
            (None, false, _) => {
                let why = "the user is of another realm, which is to be asked first";
                return refuse(ErrorCode::KDC_ERR_POLICY, why);
            }
            _ => {}
        }
        let pac = wish.pac.ok_or_else(no_pac)?;
        match &self.entry {
            Some(entry) if shown_pac::is_of_client(pac, part) => check_user(asking, options, entry),
            None if shown_pac::is_of_other(pac, part, &self.user) => Ok(()),
            _ => {
                let why = "the PAC of the ticket shown is that of somebody else";
                refuse(ErrorCode::KDC_ERR_BADOPTION, why)
            }
        }
    }

    /// Whether the ticket may be shown to other services in the user's name, as its flag says:
    /// not if the service may act for users at some without being trusted to say who they are.
    pub(crate) fn restrict(service: &OpenEntry, flags: &mut TicketFlags) {
        let trusted = service
            .attributes
            .contains(Attributes::OK_TO_AUTH_AS_DELEGATE);
        if !trusted && !service.delegation.targets.is_empty() {
            flags.set(TicketFlags::FORWARDABLE, false);
        }
    }

    /// The answer, for those who asked in the newer form.
    pub(crate) fn reply(&self, header: &Header) -> Option<PaData> {
        let asked = self.asked.as_ref()?;
        let mut options = asked.options();
        options.set(
            S4uOptions::from_bits(!S4uOptions::USE_REPLY_KEY_USAGE.bits()),
            false,
        );
        let user_id = S4uUserId {
            nonce: asked.nonce,
            cname: Some(self.user.name.clone()),
            crealm: self.user.realm.clone(),
            subject_certificate: None,
            options: (!options.is_empty()).then_some(options),
        };
        let reply = PaS4uX509User::reply(user_id, header.reply_key());
        Some(PaData::new(PaType::S4U_X509_USER, reply.to_der()))
    }
}

/// Whether a name is that principal's, or an alias of it.
pub(crate) fn is_principal(
    asking: &Asking<'_>,
    name: &Principal,
    entry: &OpenEntry,
) -> Result<bool, Refusal> {
    let found = principals::lookup(asking.directory, name)?;
    Ok(found.is_some_and(|found| found.principal == entry.principal))
}

/// What an AS exchange would ask of the user but for the password, which nobody used.
fn check_user(asking: &Asking<'_>, options: KdcOptions, user: &OpenEntry) -> Result<(), Refusal> {
    if user.expiration.is_some_and(|end| asking.now.time > end) {
        let why = "the account of the user to act for has expired";
        return Err(Refusal::new(ErrorCode::KDC_ERR_NAME_EXP, why));
    }
    let postdating = KdcOptions::ALLOW_POSTDATE | KdcOptions::POSTDATED;
    if options.intersects(postdating) && user.attributes.contains(Attributes::DISALLOW_POSTDATED) {
        let why = "tickets of the user to act for cannot be postdated";
        return Err(Refusal::new(ErrorCode::KDC_ERR_CANNOT_POSTDATE, why));
    }
    if user.attributes.contains(Attributes::DISALLOW_ALL_TIX) || asking.is_locked(user) {
        let why = "the user to act for may have no tickets";
        return Err(Refusal::new(ErrorCode::KDC_ERR_CLIENT_REVOKED, why));
    }
    Ok(())
}

fn no_pac() -> Refusal {
    let why = "the ticket shown has no PAC, without which nobody acts for others";
    Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, why)
}

fn illegible(error: &ProtoError) -> Refusal {
    Refusal::new(
        ErrorCode::KRB_ERR_GENERIC,
        format!("the user to act for cannot be read: {error}"),
    )
}

fn not_bound(error: &ProtoError) -> Refusal {
    let why = "the user to act for was not named by the owner of the ticket shown";
    Refusal::new(error.krb_code(), why)
}
