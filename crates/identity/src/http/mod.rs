//! The API: paths, bodies and statuses as Keystone has them.

mod error;

pub use error::ApiError;
