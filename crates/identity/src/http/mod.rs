//! The API: paths, bodies and statuses as Keystone has them.
