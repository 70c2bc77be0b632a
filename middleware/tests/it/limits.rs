//! Tests of body limits, trailers, and bodies that end with an error.

use std::{fmt, io};

use bytes::Bytes;
use http::{Request, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, Full, Limited};
use tower_cartgate::{Rejection, RejectionKind, VerifyLayer, verify};

use crate::support::{BODY, BoxError, Step, Steps, delivery, judge, policy, whole};

fn layer(limit: usize) -> VerifyLayer {
    VerifyLayer::new(policy().with_max_body(limit as u64))
}

fn frames(body: &str) -> Request<Steps> {
    delivery(
        body,
        Steps::data(body.as_bytes().chunks(3).map(Bytes::copy_from_slice)),
    )
}

#[test]
fn a_body_at_the_limit_passes_and_one_byte_more_does_not() {
    let over = BODY.len() - 1;
    assert_eq!(judge(&layer(BODY.len()), frames(BODY)), Ok(BODY.into()));
    assert_eq!(
        judge(&layer(over), frames(BODY)),
        Err(RejectionKind::TooLarge)
    );
    assert_eq!(judge(&layer(BODY.len()), whole(BODY)), Ok(BODY.into()));
    assert_eq!(
        judge(&layer(over), whole(BODY)),
        Err(RejectionKind::TooLarge)
    );

    let request = whole(BODY);
    assert!(
        verify(
            &policy().with_max_body(BODY.len() as u64),
            request.headers(),
            BODY
        )
        .is_ok()
    );
    let rejection = verify(
        &policy().with_max_body(over as u64),
        request.headers(),
        BODY,
    )
    .unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::TooLarge);
}

#[test]
fn the_limit_is_one_mebibyte_unless_set() {
    let layer = VerifyLayer::new(policy());
    let at_limit = Bytes::from(vec![b' '; 1024 * 1024]);
    assert_eq!(judge(&layer, whole(at_limit.clone())), Ok(at_limit));
    assert_eq!(
        judge(&layer, whole(vec![b' '; 1024 * 1024 + 1])),
        Err(RejectionKind::TooLarge)
    );
}

#[test]
fn an_empty_body_can_be_genuine() {
    assert_eq!(judge(&layer(0), whole("")), Ok(Bytes::new()));
    assert_eq!(
        judge(&layer(0), delivery("", Steps::data(["", ""]))),
        Ok(Bytes::new())
    );
    assert_eq!(judge(&layer(0), frames("x")), Err(RejectionKind::TooLarge));
}

#[test]
fn a_declared_length_over_the_limit_is_refused_unread() {
    let by_hint = delivery(BODY, Steps::never().hinting(12));
    assert_eq!(judge(&layer(11), by_hint), Err(RejectionKind::TooLarge));
    let refused: [&[&str]; 4] = [
        &["12"],
        &["11", "12"],
        &["12", "11"],
        &["99999999999999999999999999999999"],
    ];
    for lengths in refused {
        assert_eq!(
            judge(&layer(11), declaring(lengths, Steps::never())),
            Err(RejectionKind::TooLarge)
        );
    }
}

#[test]
fn a_declared_length_is_no_measure_otherwise() {
    for lengths in [&["11"][..], &["3"], &["no number"], &["-12"], &[""]] {
        let request = declaring(lengths, Steps::data([BODY]));
        assert_eq!(judge(&layer(11), request), Ok(BODY.into()), "{lengths:?}");
        let longer = declaring(
            lengths,
            Steps::new([Step::Data(BODY.into()), Step::Data("x".into()), Step::Never]),
        );
        assert_eq!(
            judge(&layer(11), longer),
            Err(RejectionKind::TooLarge),
            "{lengths:?}"
        );
    }
}

fn declaring(lengths: &[&str], body: Steps) -> Request<Steps> {
    let mut request = delivery(BODY, body);
    for length in lengths {
        request
            .headers_mut()
            .append(CONTENT_LENGTH, length.parse().unwrap());
    }
    request
}

#[test]
fn a_body_that_says_that_it_has_ended_is_not_asked_for_more() {
    let steps = [Step::Wait, Step::Data(BODY.into()), Step::End];
    assert_eq!(
        judge(&layer(11), delivery(BODY, Steps::new(steps))),
        Ok(BODY.into())
    );
}

#[test]
fn what_is_too_long_is_not_read_on() {
    let steps = [
        Step::Data("123456".into()),
        Step::Data("7890123".into()),
        Step::Never,
    ];
    assert_eq!(
        judge(&layer(12), delivery(BODY, Steps::new(steps))),
        Err(RejectionKind::TooLarge)
    );
}

/// [`crate::support::echo`] asserts that no trailers arrive.
#[test]
fn trailers_are_dropped() {
    let steps = [Step::Data(BODY.into()), Step::Trailers];
    assert_eq!(
        judge(&layer(11), delivery(BODY, Steps::new(steps))),
        Ok(BODY.into())
    );
}

#[test]
fn a_body_that_breaks_off_is_refused_even_if_what_came_would_verify() {
    let steps = [
        Step::Data(BODY.into()),
        Step::Fail(io::Error::other("reset").into()),
    ];
    assert_eq!(
        judge(&layer(11), delivery(BODY, Steps::new(steps))),
        Err(RejectionKind::Unreadable)
    );
}

/// An error that wraps another, as frameworks do.
#[derive(Debug)]
struct Around(BoxError);

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("around")
    }
}

impl std::error::Error for Around {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn a_guards_own_rejection_is_taken_from_the_errors_chain() {
    for kind in [RejectionKind::TooSlow, RejectionKind::Busy] {
        for error in [
            Rejection::new(kind).into(),
            Around(Around(Rejection::new(kind).into()).into()).into(),
        ] {
            let steps = [Step::Data("{".into()), Step::Fail(error)];
            assert_eq!(
                judge(&layer(11), delivery(BODY, Steps::new(steps))),
                Err(kind)
            );
        }
    }
}

#[test]
fn a_limit_around_the_body_is_a_limit() {
    let full = Full::<Bytes>::from(BODY);
    let limited = Limited::new(full.clone(), 5);
    assert_eq!(
        judge(&layer(11), delivery(BODY, limited)),
        Err(RejectionKind::TooLarge)
    );
    let hidden = Limited::new(full, 5).map_err(Around);
    assert_eq!(
        judge(&layer(11), delivery(BODY, hidden)),
        Err(RejectionKind::TooLarge)
    );
}

/// A buffer that is not `Bytes`, and not contiguous.
#[test]
fn any_buffer_will_do() {
    let data = bytes::Buf::chain(&b"{\"order\""[..], &b":1}"[..]);
    assert_eq!(
        judge(&layer(11), delivery(BODY, Full::new(data))),
        Ok(BODY.into())
    );
}
