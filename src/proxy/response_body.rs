//! The body of a response on its way to the client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use crate::{destination::DestinationBody, proxy::state::ConnectionState};

/// The body of a response.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// A few bytes of the gate itself.
    Own(Full<Bytes>),
    /// The body of a destination's response, passed on as it arrives.
    Destination(DestinationBody),
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Own(Full::new(bytes))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Destination(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Destination(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Destination(body) => body.size_hint(),
        }
    }
}

/// A response body that reports the end of the response to its connection when it is dropped.
#[derive(Debug)]
pub(crate) struct TrackedBody {
    body: ResponseBody,
    connection: Arc<ConnectionState>,
}

impl TrackedBody {
    pub(crate) fn new(body: ResponseBody, connection: &Arc<ConnectionState>) -> Self {
        Self {
            body,
            connection: Arc::clone(connection),
        }
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.connection.complete_response();
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
