//! What a doctor asks: a KDC about a principal without proving anything, and a keytab about a ticket.

mod keytab_fit;
mod principal_probe;

pub use self::keytab_fit::KeytabFit;
pub use self::principal_probe::{PrincipalProbe, PrincipalState, Told};
