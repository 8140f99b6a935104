//! Sockets that a supervisor has opened for us (`sd_listen_fds(3)`).

use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

/// Why what was handed over cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivationError {
    /// A user's proxy has one socket.
    #[error("received too many sockets from the supervisor: {0}")]
    TooMany(usize),
    /// It is something else.
    #[error("what the supervisor handed over is no listening unix socket: {0}")]
    NoListener(std::io::Error),
}

/// Every socket that was handed over.
pub(super) fn sockets() -> Result<Vec<UnixListener>, ActivationError> {
    let mut handed_over = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handed_over.len() {
        let socket = handed_over
            .take_unix_listener(index)
            .map_err(ActivationError::NoListener)?;
        sockets.extend(socket);
    }
    Ok(sockets)
}

/// The one socket of a user's proxy, if it was handed over.
pub(super) fn only_socket() -> Result<Option<UnixListener>, ActivationError> {
    let mut sockets = sockets()?;
    match sockets.len() {
        0 | 1 => Ok(sockets.pop()),
        more => Err(ActivationError::TooMany(more)),
    }
}
