//! Tokens both ways between ours and the code of the Keystone that is installed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use kerbstone_identity::token::{
    AuditIds, Federation, Grant, KeyRepository, MethodCodes, Payload, Receipt, TokenError,
    TokenSeal,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

const METHODS: [&str; 6] = [
    "external",
    "password",
    "token",
    "oauth1",
    "mapped",
    "application_credential",
];
const USER: &str = "7a1b4d6a0f3c4f0c9f5c2f6d7e8b9a01";
const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const TRUST: &str = "fedcba9876543210fedcba9876543210";
const AUDIT: &str = "3T2dc1CGQxyJsHdDu1xkcw";
const CHAIN: &str = "VcxU2JYqT8OzfUVvrjEITQ";

/// Keystone's own code in a process of its own.
struct Keystone {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Keystone {
    /// `None` when Keystone is not installed and does not have to be.
    fn start(folder: &Path) -> Option<Self> {
        let installed = Path::new("/usr/lib/python3/dist-packages/keystone").is_dir();
        if !installed {
            assert!(
                std::env::var_os("CI").is_none(),
                "python3-keystone is missing"
            );
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keystone_tokens.py");
        let mut child = Command::new("/usr/bin/python3")
            .args(["-W", "ignore", script])
            .arg(folder)
            .arg(METHODS.join(","))
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            child,
            commands,
            answers,
        })
    }

    fn asked(&mut self, command: &Value) -> Result<Value, String> {
        writeln!(self.commands, "{command}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).expect("an answer of Keystone's code");
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["result"].take()),
        }
    }

    fn does(&mut self, command: &Value) -> Value {
        self.asked(command).unwrap()
    }

    fn token(&mut self, command: &Value) -> String {
        self.does(command).as_str().unwrap().to_owned()
    }
}

impl Drop for Keystone {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn sealed(folder: &TempDir) -> TokenSeal {
    let keys = KeyRepository::set_up(folder.path(), 3, &mut rand::rng()).unwrap();
    TokenSeal::new(Arc::new(keys), MethodCodes::new(&METHODS))
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn expiry() -> Timestamp {
    "2031-02-03T04:05:06.125Z".parse().unwrap()
}

fn federation() -> Federation {
    Federation {
        group_ids: vec![PROJECT.to_owned(), "wheel".to_owned()],
        identity_provider_id: "kerberos-site".to_owned(),
        protocol_id: "mapped".to_owned(),
    }
}

fn grants() -> Vec<Grant> {
    let project = PROJECT.to_owned();
    vec![
        Grant::Unscoped,
        Grant::Domain(project.clone()),
        Grant::Domain("default".to_owned()),
        Grant::Project(project.clone()),
        Grant::Project("a project of LDAP".to_owned()),
        Grant::Trust {
            project_id: Some(project.clone()),
            trust_id: TRUST.to_owned(),
        },
        Grant::Trust {
            project_id: None,
            trust_id: TRUST.to_owned(),
        },
        Grant::FederatedUnscoped(federation()),
        Grant::FederatedProject(project.clone(), federation()),
        Grant::FederatedDomain(project.clone(), federation()),
        Grant::Oauth1 {
            project_id: project.clone(),
            access_token_id: TRUST.to_owned(),
        },
        Grant::System("all".to_owned()),
        Grant::ApplicationCredential {
            project_id: project,
            credential_id: TRUST.to_owned(),
        },
    ]
}

fn payloads() -> Vec<Payload> {
    let mut payloads = Vec::new();
    for (place, grant) in grants().into_iter().enumerate() {
        // Identifiers of users from LDAP and from other identity providers are no UUIDs.
        for user_id in [
            USER,
            "ALICE@EXAMPLE.ORG",
            "dcb1a2ff-naïve",
            &USER.to_uppercase(),
        ] {
            payloads.push(Payload {
                user_id: user_id.to_owned(),
                methods: vec!["token".to_owned(), "password".to_owned()],
                grant: grant.clone(),
                expires_at: expiry(),
                audit: AuditIds {
                    own: AUDIT.to_owned(),
                    chain: (place % 2 == 0).then(|| CHAIN.to_owned()),
                },
            });
        }
    }
    payloads
}

fn audit_ids(payload: &Payload) -> Vec<&str> {
    std::iter::once(payload.audit.own.as_str())
        .chain(payload.audit.chain.as_deref())
        .collect()
}

/// What Keystone's `validate_token` says of it.
fn as_keystone_says(payload: &Payload) -> Value {
    let mut said = json!({
        "user_id": payload.user_id,
        "methods": payload.methods,
        "audit_ids": audit_ids(payload),
        "system": null,
        "domain_id": payload.grant.domain_id(),
        "project_id": payload.grant.project_id(),
        "trust_id": null,
        "federated_group_ids": null,
        "identity_provider_id": null,
        "protocol_id": null,
        "access_token_id": null,
        "app_cred_id": null,
        // Keystone never tells fractions of a second.
        "expires_at": "2031-02-03T04:05:06.000000Z",
    });
    match &payload.grant {
        Grant::Trust { trust_id, .. } => said["trust_id"] = json!(trust_id),
        Grant::FederatedUnscoped(federation)
        | Grant::FederatedProject(_, federation)
        | Grant::FederatedDomain(_, federation) => {
            said["federated_group_ids"] = json!(federation.group_ids);
            said["identity_provider_id"] = json!(federation.identity_provider_id);
            said["protocol_id"] = json!(federation.protocol_id);
        }
        Grant::Oauth1 {
            access_token_id, ..
        } => said["access_token_id"] = json!(access_token_id),
        Grant::System(system) => said["system"] = json!(system),
        Grant::ApplicationCredential { credential_id, .. } => {
            said["app_cred_id"] = json!(credential_id);
        }
        _ => {}
    }
    said
}

/// Keystone takes a user whose identifier has capital hexadecimal digits for a UUID, and forgets that they were capital.
fn is_forgotten_by_keystone(payload: &Payload) -> bool {
    payload.user_id == USER.to_uppercase()
}

#[test]
fn keystone_opens_our_tokens_of_every_form() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let Some(mut keystone) = Keystone::start(folder.path()) else {
        return;
    };
    for payload in payloads() {
        let (token, issued_at) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
        assert!(!token.contains('='), "{token}");
        let mut said = keystone.does(&json!({"do": "open", "token": token}));
        let issued = said.as_object_mut().unwrap().remove("issued_at").unwrap();
        assert_eq!(said, as_keystone_says(&payload), "{payload:?}");
        assert_eq!(issued, format!("{issued_at:.6}"));
    }
}

#[test]
fn we_open_keystones_tokens_of_every_form_and_pack_the_same_octets() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let Some(mut keystone) = Keystone::start(folder.path()) else {
        return;
    };
    for payload in payloads()
        .into_iter()
        .filter(|payload| !is_forgotten_by_keystone(payload))
    {
        let mut fields = as_keystone_says(&payload);
        fields["expires_at"] = json!("2031-02-03T04:05:06.125000Z");
        let version = payload.grant.version();
        let made = json!({"do": "make", "version": version, "fields": fields});
        let token = keystone.token(&made);
        let opened = ours.open(&token, now()).unwrap();
        assert_eq!(opened.content, payload);
        let padded = format!("{token}{}", "=".repeat((4 - token.len() % 4) % 4));
        assert_eq!(ours.open(&padded, now()).unwrap(), opened);
        let old = keystone.token(&json!({"do": "old_msgpack", "token": token}));
        assert_eq!(ours.open(&old, now()).unwrap().content, payload);
        let (again, _) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
        let octets = |token: &str| json!({"do": "payload", "token": token});
        assert_eq!(
            keystone.does(&octets(&again)),
            keystone.does(&octets(&token))
        );
    }
}

#[test]
fn tokens_bound_to_a_certificate_are_those_of_newer_keystones() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let Some(mut keystone) = Keystone::start(folder.path()) else {
        return;
    };
    for (project_id, domain_id) in [(Some(PROJECT), None), (None, Some("default")), (None, None)] {
        let payload = Payload {
            user_id: USER.to_owned(),
            methods: vec!["oauth2_credential".to_owned()],
            grant: Grant::Oauth2 {
                project_id: project_id.map(str::to_owned),
                domain_id: domain_id.map(str::to_owned),
                thumbprint: Some(PROJECT.to_owned()),
            },
            expires_at: expiry(),
            audit: AuditIds {
                own: AUDIT.to_owned(),
                chain: None,
            },
        };
        let token = keystone.token(&json!({"do": "make_oauth2", "fields": {
            "user_id": USER, "methods": payload.methods, "project_id": project_id, "domain_id": domain_id,
            "expires_at": "2031-02-03T04:05:06.125000Z", "audit_ids": [AUDIT], "thumbprint": PROJECT,
        }}));
        assert_eq!(ours.open(&token, now()).unwrap().content, payload);
        let (again, _) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
        let octets = |token: &str| json!({"do": "payload", "token": token});
        assert_eq!(
            keystone.does(&octets(&again)),
            keystone.does(&octets(&token))
        );
    }
}

#[test]
fn a_token_of_thousands_of_characters_goes_both_ways() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let Some(mut keystone) = Keystone::start(folder.path()) else {
        return;
    };
    let mut payload = payloads().remove(0);
    for groups in [10_usize, 200] {
        payload.grant = Grant::FederatedUnscoped(Federation {
            group_ids: (0..groups).map(|group| format!("{group:032x}")).collect(),
            ..federation()
        });
        let (token, _) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
        assert!(token.len() > 25 * groups, "{}", token.len());
        let said = keystone.does(&json!({"do": "open", "token": token}));
        assert_eq!(
            said["federated_group_ids"].as_array().unwrap().len(),
            groups
        );
        let made = json!({"do": "make", "version": 4, "fields": as_keystone_says(&payload)});
        let theirs = ours.open(&keystone.token(&made), now()).unwrap().content;
        assert_eq!(theirs.grant, payload.grant);
    }
}

#[test]
fn receipts_go_both_ways() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let Some(mut keystone) = Keystone::start(folder.path()) else {
        return;
    };
    for user_id in [USER, "somebody-of-ldap"] {
        let receipt = Receipt {
            user_id: user_id.to_owned(),
            methods: vec!["password".to_owned()],
            expires_at: expiry(),
        };
        let (sealed, _) = ours
            .seal_receipt(&receipt, now(), &mut rand::rng())
            .unwrap();
        let said = keystone.does(&json!({"do": "open_receipt", "token": sealed}));
        assert_eq!(said[0], user_id);
        assert_eq!(said[1], json!(["password"]));
        let theirs = keystone.token(&json!({
            "do": "make_receipt", "user_id": user_id, "methods": ["password"],
            "expires_at": "2031-02-03T04:05:06.125000Z",
        }));
        assert_eq!(ours.open_receipt(&theirs, now()).unwrap().content, receipt);
        assert!(matches!(
            ours.open(&theirs, now()),
            Err(TokenError::Malformed)
        ));
    }
}

#[test]
fn a_rotation_by_keystone_while_we_run_breaks_nothing() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let Some(mut keystone) = Keystone::start(folder.path()) else {
        return;
    };
    let payload = payloads().remove(0);
    let (before, _) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
    let fields = as_keystone_says(&payload);
    let made = json!({"do": "make", "version": 0, "fields": fields});
    for round in 0..4 {
        keystone.does(&json!({"do": "rotate"}));
        // Tokens that no key opens make us look for new keys a hundred times a second at most.
        thread::sleep(Duration::from_millis(20));
        let theirs = keystone.token(&made);
        ours.open(&theirs, now()).unwrap();
        let (token, _) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
        keystone.does(&json!({"do": "open", "token": token}));
        // Three keys: the one that sealed it goes with the second rotation after the next.
        // Ours forgets it within a second; one that has just begun does not know it.
        let opened = sealed(&folder).open(&before, now());
        assert_eq!(opened.is_ok(), round < 1, "round {round}");
        assert_eq!(
            keystone
                .asked(&json!({"do": "open", "token": before}))
                .is_ok(),
            round < 1,
            "round {round}"
        );
    }
}

#[test]
fn refuses_what_comes_from_the_future_or_from_nowhere() {
    let folder = TempDir::new().unwrap();
    let ours = sealed(&folder);
    let payload = payloads().remove(0);
    let day = jiff::SignedDuration::from_hours(24);
    let tomorrow = now().checked_add(day).unwrap();
    let (token, _) = ours.seal(&payload, tomorrow, &mut rand::rng()).unwrap();
    let refused = ours.open(&token, now());
    assert!(
        matches!(refused, Err(TokenError::FromTheFuture)),
        "{refused:?}"
    );
    assert!(ours.open(&token, tomorrow).is_ok());
    let elsewhere = TempDir::new().unwrap();
    let refused = sealed(&elsewhere).open(&token, tomorrow);
    assert!(
        matches!(refused, Err(TokenError::UnknownKey)),
        "{refused:?}"
    );
    for nonsense in [
        "",
        "=",
        "gAAAAA",
        "%%%",
        "gAAAAA\u{e9}",
        &"A".repeat(40_000),
    ] {
        assert!(ours.open(nonsense, now()).is_err(), "{nonsense}");
    }
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-f]{32}",
        "[0-9A-F]{32}",
        "[^\u{0}]{0,40}",
        "[a-z]{16}"
    ]
}

fn audit_id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{21}[AQgw]"
}

fn any_federation() -> impl Strategy<Value = Federation> {
    (prop::collection::vec(id(), 0..30), id(), ".{0,20}").prop_map(
        |(group_ids, identity_provider_id, protocol_id)| Federation {
            group_ids,
            identity_provider_id,
            protocol_id,
        },
    )
}

fn any_grant() -> impl Strategy<Value = Grant> {
    prop_oneof![
        Just(Grant::Unscoped),
        id().prop_map(Grant::Domain),
        id().prop_map(Grant::Project),
        (prop::option::of(id()), "[0-9a-f]{32}").prop_map(|(project_id, trust_id)| Grant::Trust {
            project_id,
            trust_id
        }),
        any_federation().prop_map(Grant::FederatedUnscoped),
        (id(), any_federation()).prop_map(|(id, from)| Grant::FederatedProject(id, from)),
        (id(), any_federation()).prop_map(|(id, from)| Grant::FederatedDomain(id, from)),
        (id(), id()).prop_map(|(project_id, access_token_id)| Grant::Oauth1 {
            project_id,
            access_token_id
        }),
        ".{0,9}".prop_map(Grant::System),
        (id(), id()).prop_map(|(project_id, credential_id)| Grant::ApplicationCredential {
            project_id,
            credential_id
        }),
        (
            prop::option::of(id()),
            prop::option::of(id()),
            prop::option::of(id())
        )
            .prop_map(|(project_id, domain_id, thumbprint)| Grant::Oauth2 {
                project_id,
                domain_id,
                thumbprint
            }),
    ]
}

prop_compose! {
    fn any_payload()(
        user_id in id(),
        chosen in prop::sample::subsequence(METHODS.to_vec(), 0..=METHODS.len()),
        grant in any_grant(),
        expires_at in 0_i64..250_000_000_000_000_000,
        own in audit_id(),
        chain in prop::option::of(audit_id()),
    ) -> Payload {
        Payload {
            user_id,
            // The order of a number's methods.
            methods: chosen.into_iter().rev().map(str::to_owned).collect(),
            grant,
            expires_at: Timestamp::from_microsecond(expires_at / 64 * 64).unwrap(),
            audit: AuditIds { own, chain },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_sealed_opens_as_it_was(payload in any_payload()) {
        let folder = TempDir::new().unwrap();
        let ours = sealed(&folder);
        let (token, _) = ours.seal(&payload, now(), &mut rand::rng()).unwrap();
        let opened = ours.open(&token, now()).unwrap().content;
        let micros = |payload: &Payload| payload.expires_at.as_microsecond();
        prop_assert!(micros(&opened).abs_diff(micros(&payload)) <= 32);
        prop_assert_eq!(Payload { expires_at: payload.expires_at, ..opened }, payload);
    }
}
