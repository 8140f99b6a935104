//! A realm of MIT's with alice, who is signed in, and a web service.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use kerbstone_client::{CacheTickets, Context as Client, Environment};
use kerbstone_gss::krb5::{Acceptor, Initiator, InitiatorOptions};
use kerbstone_gss::{
    AcceptorCredential, AcceptorName, ChannelBindings, Context, GssFlags, Name, Refused, Step,
};
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::time::Timestamp;
use kerbstone_testkit::lab::{Mit, Session, Setup, Suite};
use rand::rng;
use serde_json::{Value, json};

use crate::peer::{Library, Peer, hex};

pub(crate) const REALM: &str = "GSS.TEST";
pub(crate) const TARGET: &str = "http@www.gss.test";
pub(crate) const SERVICE: &str = "http/www.gss.test";

/// What contexts of the tests do if nothing else is said.
pub(crate) const USUAL: GssFlags = GssFlags::MUTUAL
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE)
    .union(GssFlags::CONF)
    .union(GssFlags::INTEG);

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) mit: Mit,
    pub(crate) session: Session,
    keytab: PathBuf,
}

impl Site {
    /// With keys of one type everywhere.
    pub(crate) fn with_enctype(enctype: &str) -> Option<Self> {
        Self::start(&setup().enctypes(&[enctype]))
    }

    pub(crate) fn usual() -> Option<Self> {
        Self::start(&setup())
    }

    fn start(setup: &Setup) -> Option<Self> {
        let mit = Mit::start(setup)?;
        mit.add_user("alice", "wonderland");
        mit.add_service(SERVICE);
        mit.admin(&["modprinc", "+ok_as_delegate", SERVICE]);
        let keytab = mit.keytab(SERVICE);
        let session = Session::new(Suite::Mit, mit.krb5_conf());
        session.sign_in("alice", "wonderland", &["-f"]).succeeded();
        Some(Self {
            mit,
            session,
            keytab,
        })
    }

    /// One side in a C library.
    pub(crate) fn peer(&self, library: Library) -> Option<Peer> {
        Some(Peer::start(&library.file()?, &self.environment()))
    }

    /// What programs on C libraries run with.
    pub(crate) fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("KRB5_CONFIG", self.mit.krb5_conf().display().to_string()),
            (
                "KRB5CCNAME",
                format!("FILE:{}", self.session.cache().display()),
            ),
            ("KRB5_KTNAME", format!("FILE:{}", self.keytab.display())),
            ("KRB5RCACHEDIR", self.mit.folder().display().to_string()),
            ("HOME", self.mit.folder().display().to_string()),
        ]
    }

    pub(crate) fn client(&self) -> Client {
        let environment = Environment {
            krb5_config: Some(self.mit.krb5_conf().display().to_string()),
            ccname: Some(format!("FILE:{}", self.session.cache().display())),
            ..Environment::default()
        };
        Client::new(environment).unwrap()
    }

    pub(crate) fn keytab(&self) -> Keytab {
        Keytab::parse(&fs::read(&self.keytab).unwrap()).unwrap()
    }

    pub(crate) fn credential(&self) -> AcceptorCredential {
        AcceptorCredential::without_replay_cache(&self.keytab(), AcceptorName::Any).unwrap()
    }

    pub(crate) fn acceptor(&self, bindings: Option<ChannelBindings>) -> Acceptor {
        Acceptor::new(Arc::new(self.credential()), bindings)
    }

    /// Ours begins, theirs accepts.
    pub(crate) fn ours_to_theirs(
        &self,
        library: Library,
        options: InitiatorOptions,
    ) -> Option<(Context, Peer, Value)> {
        let mut peer = self.peer(library)?;
        let client = self.client();
        let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
        let bindings = options.bindings.clone();
        let mut initiator = Initiator::new(options);
        let mut input = None;
        let mut said = Value::Null;
        loop {
            let step = initiator
                .step(input.as_deref(), &mut tickets, now(), &mut rng())
                .unwrap();
            let (token, context) = match step {
                Step::Continue { token } => (Some(token), None),
                Step::Established { token, context } => (token, Some(context)),
            };
            if let Some(token) = token {
                let answer = peer.ask(&accept_request(&token, bindings.as_ref()));
                input = Some(answer.bytes("token"));
                said = answer.into_value();
            }
            if let Some(context) = context {
                return Some((*context, peer, said));
            }
        }
    }

    /// Theirs begins, ours accepts.
    pub(crate) fn theirs_to_ours(
        &self,
        library: Library,
        flags: GssFlags,
        mut acceptor: Acceptor,
    ) -> Option<(Peer, Context)> {
        let mut peer = self.peer(library)?;
        let context = establish_theirs(&mut peer, flags, &mut acceptor, json!({})).unwrap();
        Some((peer, context))
    }
}

/// Lets a library begin, with `more` in its requests.
pub(crate) fn establish_theirs(
    peer: &mut Peer,
    flags: GssFlags,
    acceptor: &mut Acceptor,
    more: Value,
) -> Result<Context, Refused> {
    let mut request = json!({"do": "init", "target": TARGET, "flags": flags.0});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let mut established = None;
    loop {
        let answer = peer.ask(&request);
        let token = answer.bytes("token");
        if !token.is_empty() {
            match acceptor.step(&token, now(), &mut rng())? {
                Step::Continue { token } => request["token"] = hex(&token).into(),
                Step::Established { token, context } => {
                    request["token"] = hex(&token.unwrap_or_default()).into();
                    established = Some(*context);
                }
            }
        }
        if answer.is("done") {
            return Ok(established.expect("both are done"));
        }
    }
}

pub(crate) fn accept_request(token: &[u8], bindings: Option<&ChannelBindings>) -> Value {
    let mut request = json!({"do": "accept", "token": hex(token)});
    if let Some(bindings) = bindings {
        request["bindings"] = hex(&bindings.application_data).into();
    }
    request
}

pub(crate) fn options(flags: GssFlags) -> InitiatorOptions {
    InitiatorOptions {
        flags,
        ..InitiatorOptions::new(Name::host_based(TARGET))
    }
}

pub(crate) fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp::from_unix_duration(since_1970)
}

fn setup() -> Setup {
    Setup::realm(REALM).krb5_conf("[domain_realm]\n.gss.test = GSS.TEST\nwww.gss.test = GSS.TEST")
}
