//! One loaded configuration: its services, and the engine that answers for them.

use crate::procedures::Engine;
use crate::settings::Settings;

use super::doorkeeper::Doorkeeper;
use super::peer::Peer;

/// What a reload replaces as a whole. Calls that have begun end in the one that they began in.
#[derive(Debug)]
pub struct Hall {
    pub(super) settings: Settings,
    pub(super) engine: Engine,
    asks_program: bool,
    asks_selinux_context: bool,
}

impl Hall {
    /// Puts settings and their engine together.
    #[must_use]
    pub fn new(settings: Settings, engine: Engine) -> Self {
        let services = &settings.services;
        Self {
            asks_program: services.iter().any(|service| service.program.is_some()),
            asks_selinux_context: services
                .iter()
                .any(|service| service.selinux_context.is_some()),
            settings,
            engine,
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Finds out about a caller what some service wants to know.
    pub(super) fn ask(&self, peer: &mut Peer, doorkeeper: Option<&Doorkeeper>) {
        let Some(doorkeeper) = doorkeeper else {
            return;
        };
        if self.asks_program {
            peer.ask_program(doorkeeper);
        }
        if self.asks_selinux_context {
            peer.ask_selinux_context(doorkeeper);
        }
    }
}
