//! A socket as the stream that the WebSocket library reads and writes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::Socket;

/// What is said where nothing more may be read.
pub(crate) const TOO_MUCH: &str = "too much before a login";

/// A stream that reads from the socket. What the library writes (pongs, and its part of closing)
/// goes into the same queue as everything else, so that nothing comes between the bytes of a frame.
pub(crate) struct SocketStream(pub(crate) Arc<Socket>);

impl AsyncRead for SocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.0.may_read();
        if most == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, TOO_MUCH)));
        }
        loop {
            ready!(self.0.stream.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            let most = most.min(room.len());
            match self.0.stream.try_read(&mut room[..most]) {
                Ok(bytes) => {
                    self.0.has_read(bytes);
                    buffer.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for SocketStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.append_raw(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
