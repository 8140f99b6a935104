//! The table of pairs.

/// Runs each case, a function that takes a `Stage`, for every client at every server:
/// `matrix! { case, ... }` makes the tests `case::mit_at_mit`, `case::mit_at_heimdal` and so on.
macro_rules! matrix {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use kerbstone_testkit::lab::Suite;

            use crate::stage::Stage;

            fn run(client: Suite, server: Suite) {
                if let Some(stage) = Stage::set(client, server) {
                    super::$case(&stage);
                }
            }

            #[test]
            fn mit_at_mit() {
                run(Suite::Mit, Suite::Mit);
            }

            #[test]
            fn mit_at_heimdal() {
                run(Suite::Mit, Suite::Heimdal);
            }

            #[test]
            fn heimdal_at_mit() {
                run(Suite::Heimdal, Suite::Mit);
            }

            #[test]
            fn heimdal_at_heimdal() {
                run(Suite::Heimdal, Suite::Heimdal);
            }

            #[test]
            fn mit_at_ours() {
                run(Suite::Mit, Suite::Kerb);
            }

            #[test]
            fn heimdal_at_ours() {
                run(Suite::Heimdal, Suite::Kerb);
            }

            #[test]
            fn ours_at_ours() {
                run(Suite::Kerb, Suite::Kerb);
            }

            #[test]
            fn ours_at_mit() {
                run(Suite::Kerb, Suite::Mit);
            }

            #[test]
            fn ours_at_heimdal() {
                run(Suite::Kerb, Suite::Heimdal);
            }
        })+
    };
}

/// Runs each case for every server, with MIT's client where it needs one: `case::at_mit`, `case::at_heimdal`.
macro_rules! at_each_server {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use kerbstone_testkit::lab::Suite;

            use crate::stage::Stage;

            fn run(server: Suite) {
                if let Some(stage) = Stage::set(Suite::Mit, server) {
                    super::$case(&stage);
                }
            }

            #[test]
            fn at_mit() {
                run(Suite::Mit);
            }

            #[test]
            fn at_heimdal() {
                run(Suite::Heimdal);
            }

            #[test]
            fn at_ours() {
                run(Suite::Kerb);
            }
        })+
    };
}

pub(crate) use {at_each_server, matrix};
