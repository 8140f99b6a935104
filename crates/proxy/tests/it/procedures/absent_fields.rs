//! Calls with everything left out that may be, and with arrays where none are expected.

use std::sync::Arc;

use kerbstone_proxy::procedures::Answer;
use kerbstone_proxy::wire::{
    AcceptSecContextArgs, AcquireCredArgs, Call, Context, Credential, CredentialElement,
    ExportCredArgs, GetCallContextArgs, GetMicArgs, Handle, ImportAndCanonNameArgs, ImportCredArgs,
    IndicateMechsArgs, InitSecContextArgs, Name, Procedure, ReleaseHandleArgs, RpcOption,
    StoreCredArgs, UnwrapArgs, VerifyArgs, WrapArgs, WrapSizeLimitArgs, options,
};
use tempfile::TempDir;

use super::site::{answer, engine, own_caller, service, stored};

fn ask(call: impl Into<Call>) -> Answer {
    let folder = TempDir::new().unwrap();
    let krb5_conf = folder.path().join("krb5.conf");
    std::fs::write(
        &krb5_conf,
        "[libdefaults]\ndefault_realm = PROXY.TEST\ndns_lookup_kdc = false\n\
         dns_canonicalize_hostname = false\n",
    )
    .unwrap();
    let engine = engine(&krb5_conf, folder.path());
    let mut web = service("web");
    web.cred_store = vec![stored("keytab", "FILE:/nonexistent/keytab")];
    answer(&engine, &own_caller(), &Arc::new(web), &call.into())
}

fn empty(procedure: Procedure) -> Call {
    match procedure {
        Procedure::IndicateMechs => IndicateMechsArgs::default().into(),
        Procedure::GetCallContext => GetCallContextArgs::default().into(),
        Procedure::ImportAndCanonName => ImportAndCanonNameArgs::default().into(),
        Procedure::ExportCred => ExportCredArgs::default().into(),
        Procedure::ImportCred => ImportCredArgs::default().into(),
        Procedure::AcquireCred => AcquireCredArgs::default().into(),
        Procedure::StoreCred => StoreCredArgs::default().into(),
        Procedure::InitSecContext => InitSecContextArgs::default().into(),
        Procedure::AcceptSecContext => AcceptSecContextArgs::default().into(),
        Procedure::ReleaseHandle => ReleaseHandleArgs {
            call_context: Default::default(),
            handle: Handle::Other(7, Default::default()),
        }
        .into(),
        Procedure::GetMic => GetMicArgs::default().into(),
        Procedure::Verify => VerifyArgs::default().into(),
        Procedure::Wrap => WrapArgs::default().into(),
        Procedure::Unwrap => UnwrapArgs::default().into(),
        Procedure::WrapSizeLimit => WrapSizeLimitArgs::default().into(),
    }
}

#[test]
fn a_call_with_nothing_in_it_is_answered_with_an_error_where_something_is_needed() {
    for procedure in Procedure::ALL {
        let answer = ask(empty(*procedure));
        let succeeds = matches!(
            procedure,
            Procedure::IndicateMechs | Procedure::GetCallContext
        );
        assert_eq!(answer.reply.procedure(), *procedure);
        assert_eq!(answer.decision.is_granted(), succeeds, "{answer:?}");
        assert_eq!(answer.reply.status().major == 0, succeeds);
        if !succeeds {
            let words = &answer.reply.status().major_text;
            assert!(words.ends_with(b"\0") && words.len() > 10, "{procedure:?}");
        }
    }
}

#[test]
fn a_context_without_a_target_is_refused() {
    let begun = Context {
        exported_token: b"not a context".into(),
        ..Context::default()
    };
    for context in [None, Some(Context::default()), Some(begun)] {
        let args = InitSecContextArgs {
            context,
            token: Some(b"token".into()),
            ..InitSecContextArgs::default()
        };
        assert!(!ask(args).decision.is_granted());
    }
}

#[test]
fn options_that_mean_nothing_are_passed_over_and_values_that_mean_nothing_are_refused() {
    let flood = vec![RpcOption::new(b"no NUL", b""); 10_000];
    let mut args = ImportAndCanonNameArgs {
        input: Name {
            display: b"alice".into(),
            ..Name::default()
        },
        options: flood,
        ..ImportAndCanonNameArgs::default()
    };
    args.call_context.options = vec![RpcOption::new(b"", b""); 10_000];
    assert!(ask(args).decision.is_granted());
    let mut args = AcceptSecContextArgs::default();
    args.call_context.options = vec![RpcOption::new(options::EXPORTED_CONTEXT_TYPE, b"linux")];
    let decision = ask(args).decision;
    assert_eq!((decision.major, decision.minor), (13 << 16, 22));
}

#[test]
fn words_about_what_a_client_wrote_are_short_however_much_it_wrote() {
    let long = Name {
        display: vec![b'@'; 500_000].into(),
        name_type: vec![1; 100_000].into(),
        ..Name::default()
    };
    let longer = Name {
        name_type: Default::default(),
        ..long.clone()
    };
    for input in [long, longer] {
        let answer = ask(ImportAndCanonNameArgs {
            input,
            mech: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02".into(),
            ..ImportAndCanonNameArgs::default()
        });
        assert!(!answer.decision.is_granted());
        assert!(answer.reply.status().minor_text.len() < 1000);
        assert!(answer.decision.target.unwrap().len() <= 256);
        assert!(answer.decision.reason.unwrap().len() < 1000);
    }
}

#[test]
fn a_credential_of_ten_thousand_elements_is_answered() {
    let credential = Credential {
        elements: vec![CredentialElement::default(); 10_000],
        handle: vec![7; 100_000].into(),
        ..Credential::default()
    };
    let args = InitSecContextArgs {
        credential: Some(credential.clone()),
        target: Some(Name {
            display: b"http@www".into(),
            ..Name::default()
        }),
        ..InitSecContextArgs::default()
    };
    assert!(!ask(args).decision.is_granted());
    let args = AcquireCredArgs {
        input: Some(credential),
        ..AcquireCredArgs::default()
    };
    assert!(!ask(args).decision.is_granted());
}
