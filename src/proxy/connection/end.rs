//! The reasons for which hyper stops reading from a connection.

/// Why the exchange with the client ended.
#[derive(Debug)]
pub(super) enum End {
    /// hyper is done with the connection, in order or with an error.
    Done(Result<(), hyper::Error>),
    /// The connection is idle, so hyper's buffers are freed until the client sends more.
    Paused,
    /// No request came, or the gate is closing.
    Idle,
    /// The head of a request did not arrive in time.
    HeadTooSlow,
    /// The client does not read the response.
    WriteStalled,
    /// The connection lost its place or its memory to others.
    Evicted,
}
