//! What comes after an upgrade: octets in both directions, until one side ends or nothing comes for too long.

use std::io;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::transport::Tunnel;

const PIECE: usize = 8 << 10;

/// Joins a client with the member of a pool that has changed the protocol with it.
pub(crate) async fn join_member(client: OnUpgrade, member: Tunnel) {
    let idle = member.idle();
    let carried = match client.await {
        Ok(client) => carry(TokioIo::new(client), member, idle).await,
        Err(error) => Err(io::Error::other(error)),
    };
    if let Err(error) = carried {
        tracing::debug!(%error, "a tunnel ended");
    }
}

async fn carry<A, B>(mut one: A, mut other: B, idle: Duration) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_one, mut from_other) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let next = async {
            tokio::select! {
                read = one.read(&mut from_one) => read.map(|length| (true, length)),
                read = other.read(&mut from_other) => read.map(|length| (false, length)),
            }
        };
        let (is_from_one, length) = timeout(idle, next)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        let written = async {
            match is_from_one {
                true => {
                    other
                        .write_all(from_one.get(..length).unwrap_or_default())
                        .await?
                }
                false => {
                    one.write_all(from_other.get(..length).unwrap_or_default())
                        .await?
                }
            }
            // TLS keeps what is not flushed.
            if is_from_one {
                other.flush().await
            } else {
                one.flush().await
            }
        };
        timeout(idle, written)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        if length == 0 {
            let _already_gone = one.shutdown().await;
            return other.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn octets_go_both_ways_until_one_side_ends() {
        let (client, client_side) = tokio::io::duplex(64);
        let (server, server_side) = tokio::io::duplex(64);
        let tunnel = tokio::spawn(carry(client_side, server_side, Duration::from_secs(60)));
        let (mut client, mut server) = (client, server);
        let mut buffer = [0; 4];
        client.write_all(b"ping").await.unwrap();
        server.read_exact(&mut buffer).await.unwrap();
        server.write_all(b"pong").await.unwrap();
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"pong");
        drop(server);
        assert_eq!(client.read(&mut buffer).await.unwrap(), 0);
        tunnel.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_in_which_nothing_moves_is_closed() {
        let (_client, client_side) = tokio::io::duplex(64);
        let (_server, server_side) = tokio::io::duplex(64);
        let error = carry(client_side, server_side, Duration::from_secs(60))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
