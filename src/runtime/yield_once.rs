//! A request's turn among those that its worker has at hand. Who is about to write lets the others go first that are ready
//! by now, so that all of them read, and then all of them write: each write wakes whoever waits for it, on another core and
//! at a third of the write's cost, and one who is being written to by several is woken once.

use std::{future::poll_fn, mem::replace, task::Poll};

/// Ready once all that were ready before had their turn. Unlike tokio's `yield_now` it does not ask the kernel for more.
pub(crate) async fn yield_once() {
    let mut waited = false;
    poll_fn(|cx| {
        if replace(&mut waited, true) {
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
