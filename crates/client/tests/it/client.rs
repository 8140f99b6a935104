//! Our client as the tests use it.

use std::path::Path;

use kerbstone_client::{
    Cache, ClientError, Context, Environment, InitialTicket, NoPrompter, Prompter, Question, Secret,
};
use kerbstone_testkit::lab::{Mit, Setup};
use zeroize::Zeroizing;

pub(crate) const REALM: &str = "CLIENT.TEST";

/// A realm with alice (`wonderland`), bob (`builder`) and host/server.client.test.
pub(crate) fn mit_realm() -> Option<Mit> {
    mit_realm_with(&Setup::realm(REALM))
}

pub(crate) fn mit_realm_with(setup: &Setup) -> Option<Mit> {
    let mit = Mit::start(setup)?;
    mit.add_user("alice", "wonderland");
    mit.add_user("bob", "builder");
    mit.add_service("host/server.client.test");
    Some(mit)
}

/// A context with a cache name.
pub(crate) fn context(krb5_conf: &Path, cache: &str) -> Context {
    Context::new(Environment {
        krb5_config: Some(krb5_conf.display().to_string()),
        ccname: Some(cache.to_owned()),
        ..Environment::default()
    })
    .unwrap()
}

/// A context whose cache is of this process.
pub(crate) fn memory(krb5_conf: &Path) -> Context {
    context(krb5_conf, &Cache::new_memory().name().to_string())
}

pub(crate) fn password(text: &str) -> Secret {
    Secret::Password(Zeroizing::new(text.to_owned()))
}

/// A login with krb5.conf's options and a password, which is not stored.
pub(crate) fn login(
    context: &Context,
    name: &str,
    text: &str,
) -> Result<InitialTicket, ClientError> {
    let client = context.parse_principal(name)?;
    let options = context.login_options(&client.realm)?;
    context.login(&client, &options, password(text), &mut NoPrompter)
}

/// A login into the default cache.
pub(crate) fn sign_in(context: &Context, name: &str, text: &str) -> Cache {
    let ticket = login(context, name, text).unwrap();
    let cache = context
        .collection()
        .unwrap()
        .cache_for_login(&ticket.credential.client)
        .unwrap();
    cache.replace(&ticket.to_cache(true)).unwrap();
    cache
}

/// Answers questions in order, and keeps them.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: Vec<&'static str>,
    pub(crate) asked: Vec<Question>,
}

impl Script {
    pub(crate) fn of(answers: &[&'static str]) -> Self {
        Self {
            answers: answers.to_vec(),
            asked: Vec::new(),
        }
    }
}

impl Prompter for Script {
    fn ask(&mut self, question: &Question) -> Result<Vec<Zeroizing<String>>, ClientError> {
        self.asked.push(question.clone());
        Ok(question
            .prompts
            .iter()
            .map(|_| Zeroizing::new(self.answers.remove(0).to_owned()))
            .collect())
    }
}
