//! `kerb gateway explain URL`: what would become of a request, and why.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use clap::Args;
use http::{Method, Uri};
use kerbstone_gateway::Table;
use kerbstone_gateway::certificate::ClientCertificate;
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::explanation::{Explanation, Found, Question, Verdict};
use kerbstone_gateway::identity::Identity;
use kerbstone_gateway::place::HostName;
use kerbstone_gateway::rule::Denied;
use kerbstone_gateway::variables::Variable;
use kerbstone_gateway::way::Way;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::Builder;

use super::keys::{Keys, Purpose};
use super::settings::GatewaySettings;
use super::table;
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::serve::DEFAULT_CONFIG;

const CANNOT: &str = "cannot explain that";

/// The command line of `kerb gateway explain`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The address that is asked for, as `https://www.example.com/app`.
    url: String,
    /// The settings file.
    #[arg(value_name = "FILE", default_value = DEFAULT_CONFIG)]
    file: PathBuf,
    /// Who asks: alice, or alice@EXAMPLE.COM.
    #[arg(long = "as", value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// With which method.
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,
    /// By which listener; the first one without it.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// With which client certificate, in PEM.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// With a token for what is behind the gateway.
    #[arg(long)]
    token: bool,
}

/// Says what would become of a request.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let settings = GatewaySettings::read(&typed.file)
        .map_err(|error| Failure::refused(CANNOT, error.to_string(), error.help()))?;
    let table = Keys::open(&settings, Purpose::Look)
        .and_then(|keys| keys.acceptors(&settings))
        .and_then(|acceptors| table::table(&settings, acceptors, Purpose::Look))
        .map_err(|error| Failure::refused(CANNOT, error.to_string(), error.help()))?;
    let listener = match &typed.listener {
        Some(listener) => listener.clone(),
        None => first_listener(&settings)?,
    };
    let uri = address(&typed.url)?;
    let question = Question {
        host: HostName::parse(uri.authority().map_or("", |authority| authority.as_str())),
        listener: &listener,
        method: method(&typed.method)?,
        path: uri.path(),
        principal: typed
            .principal
            .as_deref()
            .map(|name| principal(name, &table))
            .transpose()?,
        certificate: typed.certificate.as_deref().map(certificate).transpose()?,
        has_token: typed.token,
    };
    let now = Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default());
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(CANNOT, error.to_string(), ""))?;
    let explanation = runtime.block_on(table.explain(&question, now.time));
    out!(
        console,
        "{} {uri}, by the listener {listener}\n",
        question.method
    );
    out!(console, "{}", told(&explanation, &question, &table));
    Ok(())
}

fn first_listener(settings: &GatewaySettings) -> Result<String, Failure> {
    let listeners = settings.listeners();
    let listeners = listeners.map_err(|error| Failure::refused(CANNOT, error.to_string(), ""))?;
    let first = listeners.into_iter().next();
    Ok(first.map_or_else(String::new, |listener| listener.name))
}

fn address(typed: &str) -> Result<Uri, Failure> {
    let help = "write it as https://HOST/PATH";
    let uri: Uri = typed
        .parse()
        .map_err(|_| Failure::misused(CANNOT, format!("`{typed}` is no address"), help))?;
    match uri.host() {
        Some(_) => Ok(uri),
        None => Err(Failure::misused(
            CANNOT,
            format!("`{typed}` names no host"),
            help,
        )),
    }
}

fn method(typed: &str) -> Result<Method, Failure> {
    Method::from_bytes(typed.as_bytes())
        .map_err(|_| Failure::misused(CANNOT, format!("`{typed}` is no method"), "GET, POST, ..."))
}

fn principal(typed: &str, table: &Table) -> Result<Principal, Failure> {
    let realm = table.local_names.default_realm();
    let parsed = Principal::parse(typed, realm.as_ref());
    parsed.map_err(|error| {
        Failure::misused(
            CANNOT,
            format!("`{typed}` is no principal: {error}"),
            "write it as alice@EXAMPLE.COM",
        )
    })
}

fn certificate(path: &Path) -> Result<Arc<ClientCertificate>, Failure> {
    let refused = |why: String| Failure::refused(CANNOT, why, "name a certificate in PEM");
    let der = CertificateDer::from_pem_file(path)
        .map_err(|error| refused(format!("{}: {error:?}", path.display())))?;
    let read = ClientCertificate::from_der(&der);
    let read = read.ok_or_else(|| refused(format!("{} is no certificate", path.display())))?;
    Ok(Arc::new(read))
}

fn told(explanation: &Explanation<'_>, question: &Question<'_>, table: &Table) -> String {
    match explanation {
        Explanation::BadPath(why) => format!("  answer    400: {why}\n"),
        Explanation::Nowhere => "  answer    404: no entry takes it\n".to_owned(),
        Explanation::Found(found) => found_in_words(found, question, table),
    }
}

fn found_in_words(found: &Found<'_>, question: &Question<'_>, table: &Table) -> String {
    let point = found.entry_point;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // A text in memory always takes more.
        let _taken = writeln!(text, "  {name:<9} {value}");
    };
    line("entry", point.label());
    line("ways", &ways(point, found.way));
    match &found.verdict {
        Verdict::Admitted(identity, admission) => {
            line("who", &who(identity, table));
            line("rule", "admitted");
            line("leads to", &destination(point, found, table));
            for (variable, value) in &admission.told {
                line("told", &variable_in_words(*variable, value, table));
            }
            if admission.told.is_empty() && matches!(point.destination, Destination::Pool(_)) {
                line("told", "nothing of the person");
            }
        }
        Verdict::Open => {
            let nobody = match found.way {
                Some(Way::Token) => {
                    "nobody known here: whose the token is, is judged behind the gateway"
                }
                _ => "nobody known",
            };
            line("who", nobody);
            line("leads to", &destination(point, found, table));
            line("told", "nothing of the person");
        }
        Verdict::Asked => line("answer", &asked(point, question)),
        Verdict::Denied(identity, why) => {
            line("who", &who(identity, table));
            line("answer", &format!("403: {why}"));
            line("because", &because(point, why));
        }
        Verdict::Unmapped(why) => {
            line("answer", &format!("403: {why}"));
            line(
                "because",
                "[[gateway.certificates.map]] says whose certificates are whose",
            );
        }
    }
    text
}

/// The list, with what decides in brackets.
fn ways(point: &EntryPoint, taken: Option<Way>) -> String {
    let ways: Vec<String> = point
        .ways
        .iter()
        .map(|way| match taken == Some(*way) {
            true => format!("[{}]", way.name()),
            false => way.name().to_owned(),
        })
        .collect();
    ways.join(", ")
}

fn who(identity: &Identity, table: &Table) -> String {
    let local = match &identity.local_name {
        Some(name) => format!("the user {name} here"),
        None => "no user here (auth_to_local)".to_owned(),
    };
    let mut text = format!("{}, {local}", identity.principal);
    let realm = identity.principal.realm.to_string_lossy();
    if let Some(domain) = table.domains.get(realm.as_ref()) {
        text.push_str(&format!(", of the domain {domain}"));
    }
    if !identity.groups.is_empty() {
        text.push_str(&format!(", in {}", identity.groups.join(", ")));
    }
    text
}

fn destination(point: &EntryPoint, found: &Found<'_>, table: &Table) -> String {
    let Destination::Pool(name) = &point.destination else {
        return "a page of the gateway's own".to_owned();
    };
    let members = table.pools.get(name).map(|pool| {
        let members = pool.report().members;
        let members: Vec<String> = members.into_iter().map(|member| member.address).collect();
        members.join(", ")
    });
    match members {
        Some(members) if members == **name => format!("{} at {members}", found.path),
        Some(members) => format!("{} at the pool {name}: {members}", found.path),
        None => format!("{} at the pool {name}", found.path),
    }
}

fn variable_in_words(variable: Variable, value: &str, table: &Table) -> String {
    let environment = variable.environment();
    match table.headers.name(variable) {
        Some(header) if header.as_str().eq_ignore_ascii_case(environment) => {
            format!("{environment}={value}")
        }
        Some(header) => format!("{environment}={value} (over HTTP: {header})"),
        None => format!("{environment}={value} (not over HTTP)"),
    }
}

fn asked(point: &EntryPoint, question: &Question<'_>) -> String {
    let challenges: Vec<&str> = point
        .ways
        .iter()
        .filter_map(|way| match way {
            Way::Negotiate => Some("WWW-Authenticate: Negotiate"),
            Way::Basic => Some("WWW-Authenticate: Basic"),
            Way::Form => Some("the form, for browsers"),
            _ => None,
        })
        .collect();
    let missing = match (&question.principal, &question.certificate) {
        (Some(_), _) => "no way here takes what --as can show",
        (None, Some(_)) => "no way here takes certificates",
        (None, None) => "nobody says who asks (--as, --certificate, --token)",
    };
    match challenges.as_slice() {
        [] => format!("401, without a challenge: {missing}"),
        some => format!("401 with {}: {missing}", some.join(", ")),
    }
}

fn because(point: &EntryPoint, why: &Denied) -> String {
    let joined = |list: &[kerbstone_gateway::pattern::Pattern]| {
        let list: Vec<&str> = list.iter().map(|one| one.as_str()).collect();
        list.join(", ")
    };
    match why {
        Denied::Realm => format!("realms = {}", joined(&point.rule.realms)),
        Denied::User => format!("users = {}", joined(&point.rule.users)),
        Denied::Group => format!("groups = {}", point.rule.groups.join(", ")),
        Denied::Anonymous => "anonymous people come in only where `users` names them".to_owned(),
        Denied::NoCertificate | Denied::Certificate(_) => {
            "certificate = ... of the entry".to_owned()
        }
        Denied::NoLocalName => "name = \"principal\" would do without a local name".to_owned(),
        Denied::NoDomain => {
            "[gateway.domains] has no line for the realm, and the entry no `domain`".to_owned()
        }
        Denied::Unspeakable => "it has control characters".to_owned(),
    }
}
