//! What the calls do, asked directly and through the plugin that Debian ships.

mod absent_fields;
mod accepting;
mod acting_for_users;
mod changing_keytab;
mod delegating;
mod hostile;
mod initiating;
mod kernel;
mod mechanisms;
mod messages;
mod names;
mod peer;
mod policy;
mod program;
mod several_legs;
mod site;
mod time;
