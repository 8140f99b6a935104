//! Doors of the gateway: where one may knock, and what TLS is spoken there.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::HeaderValue;

use crate::file_stamp::Stamp;
use crate::tls::{ClientCertificates, TlsError, TlsIdentity, TlsSettings};

/// Connections that the kernel keeps for us while we accept others.
const BACKLOG: i32 = 1024;

/// What a listener is told in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Its name, by which entry points ask for it.
    pub name: String,
    /// Where it listens.
    pub addresses: Vec<Address>,
    /// TLS; without it, HTTP is spoken in clear.
    pub tls: Option<TlsSettings>,
    /// `Strict-Transport-Security`, which goes with every answer over TLS.
    pub hsts: Option<HeaderValue>,
}

/// Where one can knock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// At a port.
    Tcp(SocketAddr),
    /// At a unix socket with those permissions.
    Unix(PathBuf, u32),
}

/// A listener, which all its connections share.
#[derive(Debug)]
pub struct Listener {
    settings: ListenerSettings,
    tls: Option<ArcSwap<TlsIdentity>>,
    /// The files as they were when they were last looked at.
    seen: Mutex<Stamp>,
}

/// An address that cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct CannotListen {
    /// Which.
    pub address: Address,
    /// Why.
    pub source: io::Error,
}

/// Listening sockets of one worker, each with its listener.
#[derive(Debug, Default)]
pub struct Doors(pub(crate) Vec<(Arc<Listener>, Socket)>);

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Reads certificates and keys; [`bind`] opens it.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn open(settings: ListenerSettings) -> Result<Self, TlsError> {
        let seen = stamp(&settings);
        let tls = settings.tls.as_ref().map(TlsIdentity::load).transpose()?;
        Ok(Self {
            tls: tls.map(ArcSwap::from_pointee),
            seen: Mutex::new(seen),
            settings,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What it was told.
    pub const fn settings(&self) -> &ListenerSettings {
        &self.settings
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[Address] {
        &self.settings.addresses
    }

    /// Reads certificates, keys, authorities and lists anew, for connections from now on. Those that are open stay; a
    /// client's certificate is judged again with the next request.
    ///
    /// # Errors
    /// [`TlsError`]; everything stays as it was then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let stamp = stamp(&self.settings);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
        if let (Some(tls), Some(settings)) = (&self.tls, &self.settings.tls) {
            tls.store(Arc::new(TlsIdentity::load(settings)?));
        }
        Ok(())
    }

    /// As [`reload`](Self::reload), if a file is another than when last seen; says whether.
    ///
    /// # Errors
    /// [`TlsError`], once for each change.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let is_same =
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == stamp(&self.settings);
        if is_same {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    /// Whether TLS is spoken there.
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn tls(&self) -> Option<Arc<TlsIdentity>> {
        self.tls.as_ref().map(ArcSwap::load_full)
    }

    /// Whether that is still what connections are judged by.
    pub(crate) fn is_present(&self, tls: &Arc<TlsIdentity>) -> bool {
        let present = self.tls.as_ref().map(ArcSwap::load);
        present.is_some_and(|present| Arc::ptr_eq(&present, tls))
    }

    pub(crate) const fn hsts(&self) -> Option<&HeaderValue> {
        self.settings.hsts.as_ref()
    }
}

fn stamp(settings: &ListenerSettings) -> Stamp {
    let Some(tls) = &settings.tls else {
        return Stamp::default();
    };
    let pairs = tls.certificates.iter();
    let pairs = pairs.flat_map(|files| [&files.certificate, &files.key]);
    let judged_by = tls.authorities.iter().chain(&tls.crls);
    let asks = tls.client_certificates != ClientCertificates::None;
    Stamp::of(pairs.chain(judged_by.filter(|_| asks)))
}

/// Binds every address of the listeners, once for each worker: the kernel shares connections out among the sockets.
///
/// # Errors
/// [`CannotListen`] when one is taken or may not be had.
pub fn bind(listeners: &[Arc<Listener>], workers: usize) -> Result<Vec<Doors>, CannotListen> {
    let workers = workers.max(1);
    let mut doors: Vec<Doors> = (0..workers).map(|_| Doors::default()).collect();
    for listener in listeners {
        for address in listener.addresses() {
            let sockets = match address {
                Address::Tcp(address) => bind_tcp(*address, workers),
                Address::Unix(path, mode) => bind_unix(path, *mode, workers),
            };
            let sockets = sockets.map_err(|source| CannotListen {
                address: address.clone(),
                source,
            })?;
            for (door, socket) in doors.iter_mut().zip(sockets) {
                door.0.push((Arc::clone(listener), socket));
            }
        }
    }
    Ok(doors)
}

impl Doors {
    /// Where they are; of a port that was left to the kernel, the one that it chose.
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        let tcp = self.0.iter().filter_map(|(_, socket)| match socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        });
        tcp.collect()
    }
}

fn bind_tcp(mut address: SocketAddr, workers: usize) -> io::Result<Vec<Socket>> {
    if workers == 1 {
        return Ok(vec![Socket::Tcp(listen_at(address, false)?)]);
    }
    // Sockets that share a port share it with those of any program of the same user: whether another one listens there
    // is found out by one that does not share.
    address = listen_at(address, false)?.local_addr()?;
    let sockets = (0..workers).map(|_| listen_at(address, true).map(Socket::Tcp));
    sockets.collect()
}

fn listen_at(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Nobody can knock between the socket's birth and its permissions: it does not listen yet.
fn bind_unix(path: &Path, mode: u32, workers: usize) -> io::Result<Vec<Socket>> {
    remove_stale(path)?;
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    let listener = UnixListener::from(socket);
    let copies = (1..workers).map(|_| listener.try_clone().map(Socket::Unix));
    let mut sockets: Vec<Socket> = copies.collect::<io::Result<_>>()?;
    sockets.push(Socket::Unix(listener));
    Ok(sockets)
}

/// A socket that nobody listens at any more is left over from a process that is gone.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = |file: std::fs::Metadata| file.file_type().is_socket();
    if !std::fs::symlink_metadata(path).is_ok_and(is_socket) {
        return Ok(());
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(_) => Ok(()),
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path, _) => write!(f, "unix:{}", path.display()),
        }
    }
}
