//! The service that speaks GSS-API: a context by krb5 and by SPNEGO, and a message through each.

use super::program::Program;
use super::verdict::{Way, failed, left_out};
use super::walk::{Visitor, Walk};
use crate::up::{GSS, SERVER};

const WAY: Way = Way::Gss;
const SERVICE: &str = "host@localhost";
const MESSAGE: &str = "a message of the tour";
const NO_GSS_CLIENT: &str = "gss-client is not here; the package krb5-gss-samples brings it";

/// Both mechanisms, and how each client is told to use it.
const MECHANISMS: [(&str, bool); 2] = [
    ("opens a context by krb5, and sends a message", false),
    ("opens a context by SPNEGO, and sends a message", true),
];

/// Takes every GSS client there.
pub(super) async fn walk(walk: &mut Walk<'_, '_, '_>, visitor: Option<&Visitor>) {
    let clients = walk.means.clients;
    let address = walk.means.site.address(GSS, SERVER);
    let port = address
        .map(|address| address.port())
        .unwrap_or_default()
        .to_string();
    for (what, is_spnego) in MECHANISMS {
        let program = clients.kerb.gss_client(&port, is_spnego);
        // Its last word is that the server has proved to have heard the message.
        send(walk, "kerb", what, program, visitor).await;
    }
    let Some(gss_client) = &clients.gss_client else {
        walk.leave_out(WAY, "MIT", "opens a context", left_out(NO_GSS_CLIENT));
        return;
    };
    for (what, is_spnego) in MECHANISMS {
        let program = Program::new("gss-client", gss_client).args(["-port", &port]);
        let program = match is_spnego {
            true => program.arg("-spnego"),
            false => program,
        };
        send(walk, "MIT", what, program, visitor).await;
    }
}

async fn send(
    walk: &mut Walk<'_, '_, '_>,
    client: &str,
    what: &str,
    program: Program,
    visitor: Option<&Visitor>,
) {
    let doing = async {
        let Visitor { shell, .. } = Visitor::signed_in(visitor)?;
        let program = program.args(["localhost", SERVICE, MESSAGE]);
        let said = shell.run(program).await?.succeeded()?;
        match said.out.contains("Signature verified") {
            true => Ok(()),
            false => Err(failed(
                "the server has not proved that it heard the message",
            )),
        }
    };
    walk.step(WAY, client, what, doing).await;
}
