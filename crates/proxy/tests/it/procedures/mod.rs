//! What the calls do, asked directly and through the plugin that Debian ships.

mod absent_fields;
mod accepting;
mod delegating;
mod initiating;
mod mechanisms;
mod program;
mod site;
