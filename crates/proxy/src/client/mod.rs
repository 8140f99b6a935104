//! Asking a daemon: one connection, one call at a time, with a deadline.
