//! Tests of the memory that a body holds while it is received.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::Service;
use tower_cartgate::{Keyring, Policy, Secret, Verified, VerifiedBody, VerifyLayer, max_buffered};
use tower_layer::Layer;

use crate::support::{BODY, BoxError, Steps, delivery, policy, whole};

/// A read buffer of a server, counted while any slice of it is alive.
struct Buffer {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes.len(), Relaxed);
    }
}

/// Returns slices of these lengths, each of its own buffer of at least 8 KiB.
struct Segments {
    lengths: std::vec::IntoIter<usize>,
    pending_between: bool,
    wait: bool,
    alive: Arc<AtomicUsize>,
    most_alive: Arc<AtomicUsize>,
}

impl Body for Segments {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.most_alive.fetch_max(self.alive.load(Relaxed), Relaxed);
        if self.pending_between && std::mem::replace(&mut self.wait, true) {
            self.wait = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(length) = self.lengths.next() else {
            return Poll::Ready(None);
        };
        let bytes = vec![b'x'; length.max(8192)];
        self.alive.fetch_add(bytes.len(), Relaxed);
        let buffer = Buffer {
            bytes,
            alive: Arc::clone(&self.alive),
        };
        Poll::Ready(Some(Ok(Frame::data(
            Bytes::from_owner(buffer).slice(..length),
        ))))
    }
}

/// Sends segments through a layer. Returns the most bytes of read buffers that were alive between
/// two of them, and the proof.
fn send(lengths: Vec<usize>, pending_between: bool) -> (usize, Verified) {
    let content = vec![b'x'; lengths.iter().sum()];
    let most_alive = Arc::new(AtomicUsize::new(0));
    let body = Segments {
        lengths: lengths.into_iter(),
        pending_between,
        wait: false,
        alive: Arc::default(),
        most_alive: Arc::clone(&most_alive),
    };
    let verified = through(&VerifyLayer::new(policy()), delivery(content, body));
    (most_alive.load(Relaxed), verified)
}

fn through<B>(layer: &VerifyLayer, request: Request<B>) -> Verified
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut service = layer.layer(tower::service_fn(keep));
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = std::pin::pin!(service.call(request));
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
            let mut response = answer.unwrap();
            return response.extensions_mut().remove().expect("it was verified");
        }
    }
}

/// Returns the proof in the response.
async fn keep(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::default();
    response
        .extensions_mut()
        .insert(request.into_body().verified().clone());
    Ok(response)
}

#[test]
fn small_slices_do_not_keep_their_buffers() {
    for pending_between in [false, true] {
        let (most_alive, verified) = send(vec![1; 20_000], pending_between);
        assert_eq!(verified.len(), 20_000);
        assert!(
            most_alive <= 8192,
            "{most_alive} bytes of read buffers were alive"
        );
    }
}

#[test]
fn a_first_slice_that_is_waited_after_does_not_keep_its_buffer() {
    let mut service = VerifyLayer::new(policy()).layer(tower::service_fn(keep));
    let alive = Arc::new(AtomicUsize::new(0));
    let body = Segments {
        lengths: vec![1, 1].into_iter(),
        pending_between: true,
        wait: false,
        alive: Arc::clone(&alive),
        most_alive: Arc::default(),
    };
    let mut answer = Box::pin(service.call(delivery("xx", body)));
    assert!(
        answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert_eq!(alive.load(Relaxed), 0);
}

#[test]
fn a_whole_body_and_large_frames_are_not_copied() {
    let frame = Bytes::from(vec![b'x'; 32 * 1024]);
    let one = through(&VerifyLayer::new(policy()), whole(BODY));
    assert_eq!(one.chunks().len(), 1);
    let whole_frame = through(
        &VerifyLayer::new(policy()),
        delivery(&frame, Full::new(frame.clone())),
    );
    assert_eq!(whole_frame.chunks()[0].as_ptr(), frame.as_ptr());
    // A small frame before a large one is copied; the large one is not.
    let (most_alive, verified) = send(vec![1, 40_000, 40_000, 1, 1], true);
    let lengths: Vec<_> = verified.chunks().iter().map(Bytes::len).collect();
    assert_eq!(lengths, [1, 40_000, 40_000, 2]);
    assert!(most_alive <= 80_000 + 8192);
}

#[test]
fn a_body_in_pieces_comes_piece_by_piece_and_says_what_is_left() {
    let (_, verified) = send(vec![1, 40_000], false);
    let mut body = std::pin::pin!(verified.body());
    let mut context = Context::from_waker(Waker::noop());
    for (left, next) in [(40_001, 1), (40_000, 40_000)] {
        assert_eq!(body.size_hint().exact(), Some(left));
        assert!(!body.is_end_stream());
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) else {
            panic!("there is more")
        };
        assert_eq!(frame.into_data().unwrap().len(), next);
    }
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());
    assert!(matches!(
        body.as_mut().poll_frame(&mut context),
        Poll::Ready(None)
    ));
    // In one piece, it is the same buffer each time.
    assert_eq!(verified.bytes(), vec![b'x'; 40_001]);
    assert_eq!(verified.bytes().as_ptr(), verified.bytes().as_ptr());
}

#[test]
fn what_is_held_stays_within_what_is_promised() {
    let shapes: [(&str, Vec<usize>); 6] = [
        ("one-byte frames", vec![1; 20_000]),
        ("one byte more than a block", vec![1; 4 * 1024 + 1]),
        ("one byte more than four blocks", vec![1; 60 * 1024 + 1]),
        ("frames of a read buffer", vec![8000; 120]),
        ("large frames", vec![32 * 1024; 30]),
        ("large and small by turns", [1, 32 * 1024].repeat(30)),
    ];
    for (shape, lengths) in shapes {
        let received: usize = lengths.iter().sum();
        // The frames exist before and after the measurement, which therefore counts only the layer.
        let frames: Vec<_> = lengths
            .iter()
            .map(|length| Bytes::from(vec![b'x'; *length]))
            .collect();
        let request = delivery(frames.concat(), Steps::data(frames.clone()));
        let layer = VerifyLayer::new(policy());
        let mut held = 0;
        let info = measure(|| held = through(&layer, request).len());
        assert_eq!(held, received);
        // A large frame is not copied. The list of pieces and the proof are small.
        let copied: usize = lengths.iter().filter(|length| **length < 32 * 1024).sum();
        let most = max_buffered(copied as u64) + 4 * 1024;
        assert!(
            info.bytes_max <= most,
            "{shape}: {} bytes for {received}",
            info.bytes_max
        );
    }
}

#[test]
fn the_promise_is_a_number() {
    let kib = 1024;
    assert_eq!(max_buffered(0), 4 * kib);
    assert_eq!(max_buffered(10 * kib), 24 * kib);
    assert_eq!(max_buffered(60 * kib), 124 * kib);
    assert_eq!(max_buffered(1024 * kib), 1088 * kib);
    assert_eq!(max_buffered(u64::MAX), u64::MAX);
}

#[test]
fn memory_for_an_unread_body_is_not_sized_by_what_it_declares() {
    let mut request = whole(BODY);
    request
        .headers_mut()
        .insert(http::header::CONTENT_LENGTH, "1000000".parse().unwrap());
    let layer = VerifyLayer::new(Policy::new(Keyring::single(
        Secret::new("another").unwrap(),
    )));
    let mut service = layer.layer(tower::service_fn(keep));
    let mut context = Context::from_waker(Waker::noop());
    let info = measure(|| {
        let answer = std::pin::pin!(service.call(request)).poll(&mut context);
        let Poll::Ready(Ok(response)) = answer else {
            panic!("nothing to wait for")
        };
        assert_eq!(response.status(), 401);
    });
    assert!(info.bytes_max < 4096, "{info:?}");
}
