//! Reads `Forwarded` and `X-Forwarded-*`, by which a proxy describes the client of a request.

mod element;
mod headers;

pub(crate) use headers::{
    FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, ForwardedHeaders, REAL_IP, ip,
};
