use crate::matrix::matrix;
use crate::stage::{PASSWORD, Stage, USER};

const NEW: &str = "battery staple 1";

matrix! {
    changes_a_password,
    keeps_the_password_when_the_old_one_was_wrong,
}

fn changes_a_password(stage: &Stage) {
    stage
        .session
        .change_password(USER, PASSWORD, NEW)
        .succeeded();
    stage.session.sign_in(USER, PASSWORD, &[]).failed();
    stage.session.sign_in(USER, NEW, &[]).succeeded();
}

fn keeps_the_password_when_the_old_one_was_wrong(stage: &Stage) {
    let keytab = stage.server.keytab(USER);
    let refused = stage.session.run("kpasswd", &[USER], "wrong\n");
    refused.failed();
    stage
        .session
        .sign_in_with_keytab(USER, &keytab, &[])
        .succeeded();
    stage.session.sign_in(USER, PASSWORD, &[]).succeeded();
}
