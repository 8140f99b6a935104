//! Real peers, both directions: the tests stand in `tests/it`, the labs they use in `kerbstone-testkit`.
//!
//! Client and server are parameters of every case, so each runs MIT's programs, Heimdal's and ours at MIT's KDC,
//! Heimdal's and ours. The pairs without ours prove the harness: what fails there is no fault of Kerbstone.
