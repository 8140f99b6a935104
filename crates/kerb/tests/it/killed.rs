//! What was acknowledged survives SIGKILL: password changes on the wire while the KDC is killed and started again.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use kerbstone_client::password_change::service_name;
use kerbstone_client::{ClientError, Context, Environment, InitialTicket, NoPrompter, Secret};
use kerbstone_testkit::lab::{Kerb, Krb5ConfText, Setup};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use zeroize::Zeroizing;

/// What a client says after each attempt.
enum Said {
    Acknowledged,
    /// Called a replay, because the request was repeated and a process that is dead may have done its work.
    Refused,
    /// Without an answer.
    Unanswered,
}

/// How it went.
#[derive(Debug, Default)]
struct Figures {
    acknowledged: usize,
    refused: usize,
    unanswered: usize,
    kills: usize,
}

#[test]
fn killed_during_password_changes_the_kdc_loses_none_that_it_acknowledged() {
    let figures = run(4, 250, 1..30);
    eprintln!("{figures:?}");
    assert!(figures.kills >= 8, "{figures:?}");
}

/// Minutes of processor time: `cargo test -p kerbstone-kerb --test it -- --ignored --nocapture ten_thousand`.
#[test]
#[ignore = "takes minutes; the test above is the same with fewer changes"]
fn killed_during_ten_thousand_password_changes_the_kdc_loses_none_that_it_acknowledged() {
    let figures = run(8, 10_000, 1..100);
    eprintln!("{figures:?}, lost: 0");
    assert!(figures.kills >= 100, "{figures:?}");
}

/// Lets clients change their passwords until `goal` changes are acknowledged, with a SIGKILL after every few. Each client
/// signs in with the password that must hold before each change and at the end.
fn run(clients: usize, goal: usize, between_kills: std::ops::Range<usize>) -> Figures {
    let mut kerb = Kerb::start(&Setup::realm("KILLED.TEST").enctypes(&["aes128-cts-hmac-sha1-96"]));
    let confs = [configuration(&kerb, 1465), configuration(&kerb, 1)];
    let accounts: Vec<Account> = (0..clients)
        .map(|number| Account::open(&kerb, number, &confs[number % 2]))
        .collect();
    let (figures, accounts) = thread::scope(|scope| {
        let (say, said) = channel();
        let workers: Vec<_> = accounts
            .into_iter()
            .map(|account| {
                let say = say.clone();
                scope.spawn(move || account.change_while_wanted(&say))
            })
            .collect();
        drop(say);
        let figures = kill_now_and_then(&mut kerb, said, goal, between_kills);
        let ended = workers.into_iter().map(|worker| worker.join().unwrap());
        (figures, ended.collect::<Vec<_>>())
    });
    for account in accounts {
        account.sign_in();
        account.assert_no_older_password_works();
    }
    figures
}

/// A krb5.conf whose clients send what is longer than this over TCP, and do not wait long for the dead.
fn configuration(kerb: &Kerb, udp_preference_limit: usize) -> PathBuf {
    let folder = kerb.folder().join(format!("udp-{udp_preference_limit}"));
    std::fs::create_dir(&folder).unwrap();
    let extra = format!(
        "[libdefaults]\nudp_preference_limit = {udp_preference_limit}\nrequest_timeout = 3\n"
    );
    Krb5ConfText::new(&[kerb.addresses()], &extra).write(&folder)
}

fn kill_now_and_then(
    kerb: &mut Kerb,
    said: Receiver<Said>,
    goal: usize,
    between_kills: std::ops::Range<usize>,
) -> Figures {
    let mut rng = StdRng::seed_from_u64(std::process::id().into());
    let mut figures = Figures::default();
    let mut next_kill = rng.random_range(between_kills.clone());
    while figures.acknowledged < goal {
        match said.recv().expect("a client that goes on") {
            Said::Acknowledged => figures.acknowledged += 1,
            Said::Refused => figures.refused += 1,
            Said::Unanswered => figures.unanswered += 1,
        }
        if figures.acknowledged >= next_kill {
            // Another moment of whatever the KDC does for the other clients.
            thread::sleep(Duration::from_micros(rng.random_range(0..8_000)));
            kill(kerb);
            figures.kills += 1;
            next_kill = figures.acknowledged + rng.random_range(between_kills.clone());
        }
    }
    figures
}

/// Ends the KDC's process without a warning, and starts it again.
pub(crate) fn kill(kerb: &mut Kerb) {
    let process = Pid::from_raw(kerb.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
    kerb.stop();
    kerb.start_servers();
}

/// A user, and what their password must be.
struct Account {
    context: Context,
    name: String,
    /// The one that was acknowledged last, then those that were tried since.
    candidates: Vec<String>,
    /// Those that were acknowledged before.
    superseded: Vec<String>,
    made: usize,
}

impl Account {
    fn open(kerb: &Kerb, number: usize, krb5_conf: &Path) -> Self {
        let name = format!("user{number}");
        let password = format!("{name} at first");
        kerb.add_user(&name, &password);
        let environment = Environment {
            krb5_config: Some(krb5_conf.display().to_string()),
            ..Environment::default()
        };
        Self {
            context: Context::new(environment).unwrap(),
            name,
            candidates: vec![password],
            superseded: Vec::new(),
            made: 0,
        }
    }

    /// Ends when nobody listens any more.
    fn change_while_wanted(mut self, say: &Sender<Said>) -> Self {
        loop {
            let ticket = self.sign_in();
            self.made += 1;
            let new = format!("{} number {}", self.name, self.made);
            let answer = self
                .context
                .change_password(&ticket, Zeroizing::new(new.clone()), None);
            let said = match answer {
                Ok(outcome) if outcome.is_success() => {
                    let old = std::mem::replace(&mut self.candidates, vec![new]);
                    self.superseded.extend(old);
                    Said::Acknowledged
                }
                // It has happened or it has not.
                other => {
                    self.candidates.push(new);
                    match other {
                        Ok(_) => Said::Refused,
                        Err(error) => {
                            assert!(is_passing(&error), "{}: {error:?}", self.name);
                            Said::Unanswered
                        }
                    }
                }
            };
            if say.send(said).is_err() {
                return self;
            }
        }
    }

    /// Signs in with the password that holds; with none of them, an acknowledged change is lost.
    fn sign_in(&self) -> InitialTicket {
        loop {
            let mut refused = 0;
            for password in &self.candidates {
                match self.try_password(password) {
                    Ok(ticket) => return ticket,
                    Err(ClientError::PasswordIncorrect { .. }) => refused += 1,
                    Err(error) => assert!(is_passing(&error), "{}: {error:?}", self.name),
                }
            }
            assert!(
                refused < self.candidates.len(),
                "lost: none of {:?} is the password of {}",
                self.candidates,
                self.name
            );
        }
    }

    fn assert_no_older_password_works(&self) {
        // Each try costs a key derivation; the last ones are those that could come back.
        for password in self.superseded.iter().rev().take(3) {
            let refused = self.try_password(password);
            assert!(
                matches!(refused, Err(ClientError::PasswordIncorrect { .. })),
                "{password}: {refused:?}"
            );
        }
    }

    fn try_password(&self, password: &str) -> Result<InitialTicket, ClientError> {
        let client = self.context.parse_principal(&self.name)?;
        let mut options = self.context.login_options(&client.realm)?;
        options.service = Some(service_name());
        let secret = Secret::Password(Zeroizing::new(password.to_owned()));
        self.context
            .login(&client, &options, secret, &mut NoPrompter)
    }
}

/// What a KDC that is not there brings.
const fn is_passing(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { .. })
}
