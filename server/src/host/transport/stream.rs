//! A socket as the stream that the WebSocket library reads and writes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::Socket;
use crate::host::lobby::Seat;

/// What is said where nothing more may be read.
pub(crate) const TOO_MUCH: &str = "too much before a login";

/// A stream that reads from the socket. What the library writes (pongs, and its part of closing)
/// goes into the same queue as everything else, so that nothing comes between the bytes of a frame.
pub(crate) struct SocketStream {
    socket: Arc<Socket>,
    /// Where to ask for more room than there is before a login, once, if that may be.
    seat: Option<Weak<Seat>>,
}

impl SocketStream {
    pub(crate) fn new(socket: Arc<Socket>, seat: Option<Weak<Seat>>) -> Self {
        Self { socket, seat }
    }

    /// Returns how many bytes may be read now.
    fn may_read(&mut self) -> usize {
        let most = self.socket.may_read();
        match self.seat.take_if(|_| most == 0) {
            Some(seat) => {
                // It is told if it has to leave, and the connection ends.
                if let Some(seat) = seat.upgrade() {
                    seat.has_long_login();
                }
                self.socket.limit_reading(usize::MAX);
                usize::MAX
            }
            None => most,
        }
    }
}

impl AsyncRead for SocketStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.may_read();
        if most == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, TOO_MUCH)));
        }
        loop {
            ready!(self.socket.stream.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            let most = most.min(room.len());
            match self.socket.stream.try_read(&mut room[..most]) {
                Ok(bytes) => {
                    self.socket.has_read(bytes);
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
        self.socket.append_raw(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
