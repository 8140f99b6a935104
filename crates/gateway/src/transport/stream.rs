//! A connection's octets, whatever they go over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::{MemberAddress, Place, Protocol};
use super::trust::{self, Trust};

/// A connection's octets.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFault {
    /// Nobody listens there, or nobody can get there.
    #[error("{0}")]
    Refused(io::Error),
    /// The one who answers is not believed to be the member, or does not speak TLS.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// It took too long.
    #[error("no connection in {} ms", .0.as_millis())]
    Slow(Duration),
}

/// How long connecting may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectLimits {
    pub(crate) connect: Duration,
    pub(crate) tls: Duration,
}

impl Stream {
    /// Connects, and shakes hands where TLS is spoken.
    pub(crate) async fn connect(
        address: &MemberAddress,
        trust: Option<&Trust>,
        limits: ConnectLimits,
    ) -> Result<Self, ConnectFault> {
        let stream = Self::reach(address, limits.connect).await?;
        match (stream, address.protocol) {
            (Self::Tcp(stream), Protocol::Https) => {
                let shaking = shake_hands(stream, address, trust);
                match timeout(limits.tls, shaking).await {
                    Ok(shaken) => Ok(Self::Tls(Box::new(shaken.map_err(ConnectFault::Tls)?))),
                    Err(_) => Err(ConnectFault::Slow(limits.tls)),
                }
            }
            (stream, _) => Ok(stream),
        }
    }

    /// Connects, and says nothing.
    pub(crate) async fn reach(
        address: &MemberAddress,
        limit: Duration,
    ) -> Result<Self, ConnectFault> {
        let connecting = async {
            match &address.place {
                Place::Internet { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    let _slower_without = stream.set_nodelay(true);
                    Ok(Self::Tcp(stream))
                }
                Place::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
            }
        };
        match timeout(limit, connecting).await {
            Ok(connected) => connected.map_err(ConnectFault::Refused),
            Err(_) => Err(ConnectFault::Slow(limit)),
        }
    }
}

async fn shake_hands(
    stream: TcpStream,
    address: &MemberAddress,
    trust: Option<&Trust>,
) -> io::Result<TlsStream<TcpStream>> {
    let unbelieved = || io::Error::other("nothing says whom to believe");
    let trust = trust.ok_or_else(unbelieved)?;
    let name = match (&trust.name, &address.place) {
        (Some(name), _) => name.clone(),
        (None, Place::Internet { host, .. }) => {
            trust::server_name(host).map_err(io::Error::other)?
        }
        (None, Place::Unix(_)) => return Err(unbelieved()),
    };
    let connector = TlsConnector::from(trust.config.clone());
    connector.connect(name, stream).await
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
