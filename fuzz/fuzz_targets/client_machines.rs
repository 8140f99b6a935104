//! The client's machines and servers, users and callers that do what they like: every conversation
//! ends, and no ticket comes of what was not sealed.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use kerbstone_client::clock::Offset;
use kerbstone_client::{
    ClientError, Input, Login, LoginOptions, Machine, PasswordChange, Secret, Step, TicketRequest,
    TicketSettings, WantedService,
};
use kerbstone_crypto::{Enctype, IterationLimit};
use kerbstone_fuzz::clock::{NOW, random};
use kerbstone_fuzz::scripted_kdc::{Said, held};
use kerbstone_fuzz::site::principal;
use kerbstone_fuzz::values::{AnyAddress, AnyName};
use kerbstone_proto::krb5_conf::Krb5Conf;
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

const TGT: &str = "krbtgt/HOME.TEST@HOME.TEST";
/// More steps than any conversation may have: referrals, hints, clocks and new passwords are all
/// bounded.
const TOO_MANY: usize = 200;

/// What is begun.
#[derive(Arbitrary, Debug)]
enum Beginning<'a> {
    Login {
        client: AnyName<'a>,
        wishes: Wishes,
        typed: bool,
    },
    Service(AnyName<'a>, bool),
    Renew,
    Validate,
    Forward(Vec<AnyAddress<'a>>, bool),
    Proxy(AnyName<'a>, Vec<AnyAddress<'a>>),
    Password(Option<AnyName<'a>>, &'a str),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Wishes {
    canonicalize: bool,
    sync_time: bool,
    postdated: bool,
    renewable: bool,
    change_expired: bool,
}

/// What comes in, whatever was wanted.
#[derive(Arbitrary, Debug)]
enum Told<'a> {
    /// A reply where one is awaited; what is usual elsewhere.
    Said(Said<'a>),
    /// Answers where a question was asked; what is usual elsewhere.
    Typed(Vec<&'a str>),
    /// A reply, even if none is awaited.
    Unasked(Said<'a>),
    /// Answers, even if nothing was asked.
    UnaskedAnswers(Vec<&'a str>),
    /// An address, even if none was wanted.
    Address(AnyAddress<'a>),
}

fuzz_target!(|bytes: &[u8]| {
    let mut source = Unstructured::new(bytes);
    let Ok(beginning) = source.arbitrary::<Beginning<'_>>() else {
        return;
    };
    let mut story = Vec::new();
    while !source.is_empty() && story.len() < 12 {
        match source.arbitrary::<Told<'_>>() {
            Ok(told) => story.push(told),
            Err(_) => break,
        }
    }
    if let Err(error) = begin(&beginning, &story) {
        let _ = (error.to_string(), error.help());
    }
});

fn begin(beginning: &Beginning<'_>, story: &[Told<'_>]) -> Result<(), ClientError> {
    let mut rng = random();
    match beginning {
        Beginning::Login {
            client,
            wishes,
            typed,
        } => {
            let secret = match typed {
                true => Secret::Prompt,
                false => Secret::Password(Zeroizing::new("wonderland".to_owned())),
            };
            let options = options(*wishes);
            let login = Login::new(client.principal(), options, secret, NOW, &mut rng)?;
            ticket_of(login, story);
        }
        Beginning::Service(server, far) => {
            let mut server = server.principal();
            if *far {
                server.realm = "".into();
            }
            let wish = WantedService::new(server);
            let client = principal("alice@HOME.TEST");
            let held = [held(TGT)];
            let request =
                TicketRequest::for_service(client, wish, &held, None, settings(), NOW, &mut rng)?;
            ticket_of(request, story);
        }
        Beginning::Renew => {
            ticket_of(
                TicketRequest::renew(&held(TGT), settings(), NOW, &mut rng)?,
                story,
            );
        }
        Beginning::Validate => {
            ticket_of(
                TicketRequest::validate(&held(TGT), settings(), NOW, &mut rng)?,
                story,
            );
        }
        Beginning::Forward(addresses, forwardable) => {
            let addresses = addresses.iter().map(|one| one.address()).collect();
            let (tgt, settings) = (held(TGT), settings());
            let request =
                TicketRequest::forward(&tgt, addresses, *forwardable, settings, NOW, &mut rng)?;
            ticket_of(request, story);
        }
        Beginning::Proxy(server, addresses) => {
            let addresses = addresses.iter().map(|one| one.address()).collect();
            let (tgt, server) = (held(TGT), server.principal());
            let request = TicketRequest::proxy(&tgt, server, addresses, settings(), NOW, &mut rng)?;
            ticket_of(request, story);
        }
        Beginning::Password(target, password) => {
            let target = target.as_ref().map(AnyName::principal);
            let password = Zeroizing::new((*password).to_owned());
            let held = held("kadmin/changepw@HOME.TEST");
            let mut change = PasswordChange::new(held, password, target, Offset::default());
            if let (Some(outcome), sealed) = run(&mut change, story) {
                assert!(
                    sealed || !outcome.is_success(),
                    "a success that nobody told of"
                );
            }
        }
    }
    Ok(())
}

fn options(wishes: Wishes) -> LoginOptions {
    LoginOptions {
        forwardable: true,
        renewable: wishes.renewable.then_some(Duration::from_secs(86_400)),
        start: wishes.postdated.then_some(Duration::from_secs(3600)),
        canonicalize: wishes.canonicalize,
        sync_time: wishes.sync_time,
        change_expired: wishes.change_expired,
        // More would be time for the processor and nothing else.
        iterations: IterationLimit::at_most(4096).or_weak(),
        ..LoginOptions::default()
    }
}

fn settings() -> TicketSettings {
    let conf = "[capaths]\nHOME.TEST = {\nOTHER.TEST = MIDDLE.TEST\n}\n\
                [domain_realm]\n.other.test = OTHER.TEST\n";
    TicketSettings {
        conf: Arc::new(Krb5Conf::parse(conf).expect("we wrote it")),
        enctypes: Enctype::DEFAULT.to_vec(),
        clock_skew: Duration::from_secs(300),
        sync_time: true,
        offset: Offset::default(),
    }
}

fn ticket_of<M: Machine>(mut machine: M, story: &[Told<'_>]) {
    let (ticket, sealed) = run(&mut machine, story);
    assert!(ticket.is_none() || sealed, "a ticket that nobody gave");
}

/// Runs a machine to its end, the last of the story again and again. Tells what it ended with, and
/// whether the last thing that it was told was sealed.
fn run<M: Machine>(machine: &mut M, story: &[Told<'_>]) -> (Option<M::Output>, bool) {
    let mut sealed = false;
    for round in 0..TOO_MANY {
        let step = match machine.poll() {
            None => return (None, sealed),
            Some(Step::Done(output)) => return (Some(output), sealed),
            Some(step) => step,
        };
        let Some(told) = story.get(round).or(story.last()) else {
            return (None, sealed);
        };
        sealed = is_sealed(told);
        if answer(machine, &step, told).is_err() {
            // Whoever goes on regardless gets nothing.
            let _ = machine.handle(Input::Reply(&[]), NOW, &mut random());
            assert!(!matches!(machine.poll(), Some(Step::Done(_))));
            return (None, sealed);
        }
    }
    panic!("it does not come to an end");
}

fn is_sealed(told: &Told<'_>) -> bool {
    match told {
        Told::Said(said) | Told::Unasked(said) => said.is_sealed(),
        Told::Typed(_) | Told::UnaskedAnswers(_) | Told::Address(_) => true,
    }
}

fn answer<M: Machine>(
    machine: &mut M,
    step: &Step<M::Output>,
    told: &Told<'_>,
) -> Result<(), ClientError> {
    let mut rng = random();
    let request = match step {
        Step::Send(request) => request.bytes.as_slice(),
        _ => &[],
    };
    let usual = Said::Reply(Vec::new(), None);
    match (step, told) {
        (Step::Send(_), Told::Said(said)) | (_, Told::Unasked(said)) => {
            let reply = said.to_bytes(request, &mut rng);
            machine.handle(Input::Reply(&reply), NOW, &mut rng)
        }
        (Step::Ask(_), Told::Typed(typed)) | (_, Told::UnaskedAnswers(typed)) => {
            machine.handle(Input::Answers(answers(typed)), NOW, &mut rng)
        }
        (_, Told::Address(address)) => {
            machine.handle(Input::LocalAddress(address.address()), NOW, &mut rng)
        }
        (Step::Ask(question), _) => {
            let typed = vec!["wonderland"; question.prompts.len()];
            machine.handle(Input::Answers(answers(&typed)), NOW, &mut rng)
        }
        (Step::LocalAddress { .. }, _) => {
            let address = AnyAddress::OfPeer.address();
            machine.handle(Input::LocalAddress(address), NOW, &mut rng)
        }
        (Step::Send(_), _) => {
            let reply = usual.to_bytes(request, &mut rng);
            machine.handle(Input::Reply(&reply), NOW, &mut rng)
        }
        (Step::Done(_), _) => Ok(()),
    }
}

fn answers(typed: &[&str]) -> Vec<Zeroizing<String>> {
    typed
        .iter()
        .map(|text| Zeroizing::new((*text).to_owned()))
        .collect()
}
