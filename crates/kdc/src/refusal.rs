//! Why a request is refused, and the KRB-ERROR that says so.

use std::borrow::Cow;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::{KrbError, Microseconds};
use kerbstone_proto::name::{KerberosString, Principal, Realm};
use kerbstone_proto::time::Timestamp;

/// Longest text of an error; a name in it may be as long as its sender likes.
const LONGEST_TEXT: usize = 240;

/// The code for the client, the words for people, and what else the error carries.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) why: Cow<'static, str>,
    /// What only the administrator shall read.
    pub(crate) detail: Option<String>,
    /// For the client's next attempt: METHOD-DATA.
    e_data: Option<Vec<u8>>,
    /// The client's clock as it told us, so that it can measure the difference.
    client_time: Option<Timestamp>,
    /// Where the client's account is, with KDC_ERR_WRONG_REALM.
    moved_to: Option<Box<Principal>>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            why: why.into(),
            detail: None,
            e_data: None,
            client_time: None,
            moved_to: None,
        }
    }

    pub(crate) fn with_detail(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(crate) fn with_e_data(mut self, e_data: Vec<u8>) -> Self {
        self.e_data = Some(e_data);
        self
    }

    pub(crate) fn at_client_time(mut self, time: Timestamp) -> Self {
        self.client_time = Some(time);
        self
    }

    pub(crate) fn moved_to(mut self, client: Principal) -> Self {
        self.moved_to = Some(Box::new(client));
        self
    }

    /// The message. `server` is the service that was asked for, or who refuses.
    pub(crate) fn to_krb_error(
        &self,
        now: Timestamp,
        client: Option<&Principal>,
        server: Principal,
    ) -> KrbError {
        let mut error = KrbError::new(self.code, now, server);
        if let Some(time) = self.client_time {
            error.ctime = Some(time.time);
            error.cusec = Some(Microseconds::of(time));
        }
        if let Some(client) = self.moved_to.as_deref().or(client) {
            error.crealm = Some(client.realm.clone());
            error.cname = Some(client.name.clone());
        }
        error.e_text = Some(KerberosString::from(&*self.text()));
        error.e_data.clone_from(&self.e_data);
        error
    }

    fn text(&self) -> Cow<'_, str> {
        if self.why.len() <= LONGEST_TEXT {
            return Cow::Borrowed(&self.why);
        }
        Cow::Owned(self.why.chars().take(LONGEST_TEXT).collect())
    }
}

/// Who refuses where no service was named: the ticket-granting service.
pub(crate) fn ticket_granting_service(realm: &Realm) -> Principal {
    Principal::krbtgt(realm, realm)
}
