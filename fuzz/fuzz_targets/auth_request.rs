//! Bodies of sign-ins, to the whole service: nothing but 201, 400, 401, 403, 404 and 413 comes back, and nobody gets a
//! token but whom the front has let in.

#![no_main]

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use kerbstone_identity::auth::{Auth, AuthSettings};
use kerbstone_identity::bootstrap::Bootstrap;
use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::model::Interface;
use kerbstone_identity::server::Arrival;
use kerbstone_identity::service::{Service, Settings};
use kerbstone_identity::token::{KeyRepository, MethodCodes, TokenSeal};
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::runtime::{Builder, Runtime};

static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("auth-request-{}", std::process::id())));

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let settings = AuthSettings::default();
    let keys = KeyRepository::set_up(&FOLDER, 3, &mut StdRng::seed_from_u64(1)).expect("keys");
    let seal = TokenSeal::new(Arc::new(keys), MethodCodes::new(&settings.methods));
    let directory = Directory::in_memory().expect("a directory");
    let first = Bootstrap {
        administrator: "admin".to_owned(),
        project: "admin".to_owned(),
        region: None,
        service: "keystone".to_owned(),
        urls: vec![(Interface::Public, "http://fuzz.test/v3".to_owned())],
    };
    directory
        .change(|change| {
            first
                .make(change)
                .map_err(|_: DirectoryError| unreachable!())
        })
        .map_err(|fault: DirectoryError| fault.to_string())
        .expect("a first user");
    kerbstone_identity::http::router(Arc::new(Service {
        directory,
        settings: Settings::default(),
        tokens: Arc::new(Auth::new(settings, seal)),
        blobs: None,
        clock: Timestamp::now,
    }))
});

fuzz_target!(|data: &[u8]| {
    let Some((how, body)) = data.split_first() else {
        return;
    };
    let is_let_in = how & 1 == 1;
    let mut request = Request::builder()
        .method("POST")
        .uri("/v3/auth/tokens")
        .extension(Arrival::Gateway(0));
    if is_let_in {
        request = request
            .header("remote_user", "admin")
            .header("auth_type", "Negotiate");
    }
    let request = request.body(Body::from(body.to_vec())).expect("a request");
    let status = RUNTIME.block_on(async {
        let answer = TowerToHyperService::new(ROUTER.clone()).call(request).await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX)
            .await
            .expect("a body");
        serde_json::from_slice::<serde_json::Value>(&body).expect("JSON");
        status
    });
    assert!(
        matches!(status.as_u16(), 201 | 400 | 401 | 403 | 404 | 413),
        "{status}"
    );
    assert!(is_let_in || status != StatusCode::CREATED);
});
