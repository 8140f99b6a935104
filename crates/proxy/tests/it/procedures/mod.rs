//! What the calls do, asked directly and through the plugin that Debian ships.

mod absent_fields;
mod accepting;
mod delegating;
mod initiating;
mod kernel;
mod mechanisms;
mod messages;
mod peer;
mod program;
mod several_legs;
mod site;
