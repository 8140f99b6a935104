//! kerbstone.toml: settings are read or refused with a line and help.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

// The settings are the binary's own, so their file is taken as it is.
#[allow(dead_code, reason = "the service uses more of it")]
#[path = "../../crates/kerb/src/serve/settings.rs"]
mod settings;

use settings::Settings;

fuzz_target!(|text: &str| {
    if let Err(error) = Settings::parse(text, Path::new("/etc/kerbstone.toml")) {
        assert!(!error.to_string().is_empty());
        assert!(!error.help().is_empty());
    }
});
