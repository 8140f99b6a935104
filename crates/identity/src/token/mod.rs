//! Fernet tokens in the form that Keystone gives them.
