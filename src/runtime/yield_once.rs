//! Yields to the other ready tasks of a worker.
//!
//! A request yields once before it writes, so that all ready requests read before any of them
//! writes. Each write wakes its reader on another core, at a third of the write's cost; a reader
//! that receives several writes in a row is woken once.

use std::{future::poll_fn, mem::replace, task::Poll};

/// Completes after all ready tasks were polled. Unlike tokio's `yield_now`, it does not poll the
/// kernel for new events.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn all_read_and_then_all_write() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let requests = LocalSet::new();
        for number in 0..3 {
            let seen = Rc::clone(&seen);
            requests.spawn_local(async move {
                seen.borrow_mut().push(("read", number));
                yield_once().await;
                seen.borrow_mut().push(("written", number));
            });
        }
        requests.await;
        let all = [("read", 0), ("read", 1), ("read", 2)];
        assert_eq!(seen.borrow()[..3], all);
        assert_eq!(seen.borrow().len(), 6);
    }
}
