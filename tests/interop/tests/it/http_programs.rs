//! Programs that sign in with Negotiate, with MIT's library, at our acceptor.

use std::path::Path;

use kerbstone_testkit::lab::{Finished, Suite, require, require_file};

use crate::matrix::at_each_server;
use crate::responder::{Responder, accept, credential};
use crate::stage::Stage;

const SERVICE: &str = "HTTP/www.lab.example";

at_each_server! {
    curl_signs_in,
    curl_delegates,
    requests_of_python_signs_in_and_wants_our_proof,
}

/// A server with our acceptor, for alice who has signed in.
fn serve(stage: &Stage) -> Responder {
    stage.server.add_service(SERVICE);
    let credential = credential(stage, SERVICE);
    stage.sign_in(&["-f"]);
    Responder::start(move |token| accept(&credential, token))
}

/// Visits a responder with curl.
pub(crate) fn curl(stage: &Stage, responder: &Responder, options: &[&str]) -> Option<Finished> {
    if !require("curl", "curl") {
        return None;
    }
    let port = responder.port();
    let resolve = format!("www.lab.example:{port}:127.0.0.1");
    let url = format!("http://www.lab.example:{port}/");
    let usual = [
        "-sSi",
        "--negotiate",
        "-u",
        ":",
        "--resolve",
        &resolve,
        &url,
    ];
    Some(stage.session.run("curl", &[options, &usual].concat(), ""))
}

fn curl_signs_in(stage: &Stage) {
    let responder = serve(stage);
    let Some(page) = curl(stage, &responder, &[]) else {
        return;
    };
    page.succeeded()
        .saying("200 OK")
        .saying("alice@LAB.EXAMPLE mutual=true delegated=[]");
}

fn curl_delegates(stage: &Stage) {
    let responder = serve(stage);
    let Some(page) = curl(stage, &responder, &["--delegation", "always"]) else {
        return;
    };
    page.succeeded()
        .saying("delegated=[\"krbtgt/LAB.EXAMPLE@LAB.EXAMPLE\"]");
}

#[test]
fn curl_without_tickets_stays_outside() {
    let Some(stage) = Stage::set(Suite::Mit, Suite::Mit) else {
        return;
    };
    let responder = serve(&stage);
    stage.session.destroy().succeeded();
    let Some(page) = curl(&stage, &responder, &[]) else {
        return;
    };
    page.saying("401 Unauthorized");
}

#[test]
fn curl_with_a_ticket_of_keys_that_are_no_more_is_told_so() {
    let Some(stage) = Stage::set(Suite::Mit, Suite::Mit) else {
        return;
    };
    let responder = serve(&stage);
    // New keys, of which our acceptor's keytab knows nothing.
    let kerbstone_testkit::lab::Server::Mit(mit) = &stage.server else {
        return;
    };
    mit.admin(&["change_password", "-randkey", SERVICE]);
    let Some(page) = curl(&stage, &responder, &[]) else {
        return;
    };
    page.saying("401 Unauthorized")
        .saying("key version 2, the keytab has version 1");
}

const VISIT: &str = "\
import sys, requests, requests_kerberos
proof = requests_kerberos.HTTPKerberosAuth(
    mutual_authentication=requests_kerberos.REQUIRED, hostname_override='www.lab.example')
print(requests.get(sys.argv[1], auth=proof).text)
";

/// python3-requests-kerberos, which takes no page whose server has not proved itself.
fn requests_of_python(stage: &Stage, responder: &Responder) -> Option<Finished> {
    let module = Path::new("/usr/lib/python3/dist-packages/requests_kerberos/__init__.py");
    if !require_file(module, "python3-requests-kerberos") {
        return None;
    }
    let url = format!("http://127.0.0.1:{}/", responder.port());
    // Whatever other Pythons there are: Debian's module is Debian's.
    Some(
        stage
            .session
            .run("/usr/bin/python3", &["-c", VISIT, &url], ""),
    )
}

fn requests_of_python_signs_in_and_wants_our_proof(stage: &Stage) {
    let responder = serve(stage);
    let Some(page) = requests_of_python(stage, &responder) else {
        return;
    };
    page.succeeded().saying("alice@LAB.EXAMPLE mutual=true");

    let credential = credential(stage, SERVICE);
    let forger = Responder::start(move |token| {
        let mut answer = accept(&credential, token);
        if let Some(last) = answer.token.as_mut().and_then(|token| token.last_mut()) {
            *last ^= 1;
        }
        answer
    });
    let Some(page) = requests_of_python(stage, &forger) else {
        return;
    };
    page.failed().saying("MutualAuthenticationError");
}
