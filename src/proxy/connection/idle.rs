//! A connection on which nothing is said for now: without hyper, whose buffers and state are twenty times as large as all
//! else that it holds. Its clocks run on, and it may be sent away.

use std::{future::poll_fn, task::Poll};

use crate::{
    net::stream::Stream,
    proxy::{connection::timeouts::Clock, shared::Shared, state::ConnectionState},
};

/// Waits for the client to say something, be it that it says no more. False if the connection's time is over.
pub(crate) async fn wait(
    stream: &Stream,
    clock: &mut Clock,
    state: &ConnectionState,
    shared: &Shared,
) -> bool {
    poll_fn(|cx| {
        state.listen(cx.waker());
        if stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        clock.observe(state);
        if state.is_evicted() {
            return Poll::Ready(false);
        }
        clock.poll(cx, state, shared).map(|_| false)
    })
    .await
}
