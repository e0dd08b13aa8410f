//! A connection between two nodes, secured or not, as the gRPC library takes it from either end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tonic::transport::server::Connected;

/// Anything that bytes flow through both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for T {}

/// A connection.
pub(crate) struct Wire {
    // Read already, and still to be found by the reader.
    first: Bytes,
    io: Box<dyn Duplex>,
    // Held for as long as the connection lives.
    _place: Option<OwnedSemaphorePermit>,
}

impl Wire {
    /// A connection whose other side has said something.
    pub(crate) fn greeted(first: Bytes, io: Box<dyn Duplex>) -> Self {
        Self { first, io, _place: None }
    }

    /// A connection that takes one of the server's places.
    pub(crate) fn accepted(io: Box<dyn Duplex>, place: OwnedSemaphorePermit) -> Self {
        Self { first: Bytes::new(), io, _place: Some(place) }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let length = self.first.remaining().min(buffer.remaining());
        buffer.put_slice(&self.first.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl Connected for Wire {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn what_came_first_is_read_first_in_pieces_of_any_size() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut wire = Wire::greeted(Bytes::from_static(b"good"), Box::new(ours));
        theirs.write_all(b" world").await.unwrap();
        let mut piece = [0; 3];
        wire.read_exact(&mut piece).await.unwrap();
        assert_eq!(&piece, b"goo");
        let mut rest = [0; 7];
        wire.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"d world");
        wire.write_all(b"back").await.unwrap();
        let mut back = [0; 4];
        theirs.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"back");
    }
}
