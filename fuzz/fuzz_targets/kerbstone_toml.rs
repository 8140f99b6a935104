//! kerbstone.toml: settings are read or refused with a line and help.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

// The settings are the binary's own, so their files are taken as they are.
#[allow(dead_code, reason = "the service uses more of it")]
#[path = "../../crates/kerb/src/serve/settings.rs"]
mod settings;
#[allow(dead_code, reason = "the service uses more of it")]
#[path = "../../crates/kerb/src/settings_file.rs"]
mod settings_file;

use settings::Settings;

fuzz_target!(|text: &str| {
    let read = settings_file::parse::<Settings>(text, Path::new("/etc/kerbstone.toml"));
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
        assert!(!error.help().is_empty());
    }
});
