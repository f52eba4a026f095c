//! Bodies that know their connection: one that stops coming ends it, an answer that is not taken is noticed.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::register::{Millis, State};

/// A connection's state with the clock that it is kept by.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) state: Arc<State>,
    pub(super) began: Instant,
}

impl Watch {
    pub(super) fn now(&self) -> Millis {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn moved(&self) {
        self.state.moved(self.now());
    }
}

/// The body of a request. When it stops coming for too long the connection is closed without an answer: an error code
/// would tell the phone that its message is at fault, while only its line was.
pub(super) struct RequestBody {
    pub(super) inner: Incoming,
    pub(super) watch: Watch,
    pub(super) stall: Duration,
    pub(super) timer: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.watch.moved();
            this.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        loop {
            let stall = this.stall;
            let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + stall)));
            ready!(timer.as_mut().poll(cx));
            // Another stream of the same connection may have used the line meanwhile.
            let left = stall.saturating_sub(this.watch.state.silent_for(this.watch.now()));
            if left.is_zero() {
                this.watch.state.close();
                return Poll::Pending;
            }
            timer.as_mut().reset(Instant::now() + left);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A request under way.
pub(super) struct Flight(Watch);

impl Flight {
    pub(super) fn begin(watch: Watch) -> Self {
        watch.state.begin(watch.now());
        Self(watch)
    }

    /// The answer's body, which ends the request with its own end.
    pub(super) fn answer(self, body: Body) -> AnswerBody {
        AnswerBody { inner: body, untaken: false, flight: self }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.state.end(self.0.now());
    }
}

/// The body of an answer.
pub(super) struct AnswerBody {
    inner: Body,
    untaken: bool,
    flight: Flight,
}

impl AnswerBody {
    fn set_untaken(&mut self, untaken: bool) {
        if self.untaken != untaken {
            self.untaken = untaken;
            self.flight.0.state.set_untaken(untaken);
        }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.set_untaken(false);
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        this.set_untaken(matches!(frame, Some(Ok(_))));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.set_untaken(false);
    }
}

/// The connection's bytes. What leaves counts as movement, since an answer may be slow on its way long after its body
/// was handed over; what comes does not, or a header that trickles in would never be late.
pub(super) struct Line<T> {
    pub(super) inner: T,
    pub(super) watch: Watch,
}

impl<T: AsyncRead + Unpin> AsyncRead for Line<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Line<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes));
        self.watch.moved();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices));
        self.watch.moved();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
