//! The response of an app to an attempt, as far as the inbox uses it.

use http::{HeaderMap, Response, StatusCode, header::CONTENT_ENCODING};
use http_body_util::BodyExt as _;

use crate::destination::DestinationBody;

/// The bytes of a body that are read so that its connection can be reused. The connection of a
/// longer body is closed.
const BODY: usize = 64 * 1024;

/// The bytes of the first line that are stored.
const LINE: usize = 200;

/// The bytes of the body that are searched for that line.
const BEGINNING: usize = 4 * LINE;

/// A response of an app.
pub(super) struct AppResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The first line of the body that is not blank; empty if the body is encoded.
    pub(super) first_line: Vec<u8>,
}

impl AppResponse {
    /// Reads the body until its end, its limit, or `timeout`. The head alone already counts: an
    /// accepted event must not be sent again because of a body.
    pub(super) async fn read(
        response: Response<DestinationBody>,
        timeout: impl Future<Output = ()>,
    ) -> Self {
        let (head, body) = response.into_parts();
        let mut beginning = Vec::new();
        tokio::select! {
            biased;
            () = read_body(body, &mut beginning) => {}
            () = timeout => {}
        }
        let is_text = !head.headers.contains_key(CONTENT_ENCODING);
        let line = is_text.then(|| first_line(&beginning));
        Self {
            status: head.status,
            headers: head.headers,
            first_line: line.unwrap_or_default().to_vec(),
        }
    }
}

/// Reads a body up to the limit, and stores its beginning.
async fn read_body(mut body: DestinationBody, beginning: &mut Vec<u8>) {
    let mut room = BODY;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let missing = BEGINNING.saturating_sub(beginning.len());
        beginning.extend_from_slice(&data[..data.len().min(missing)]);
        let Some(left) = room.checked_sub(data.len()) else {
            return;
        };
        room = left;
    }
}

/// Returns the first line that is not blank, cut at the limit.
fn first_line(text: &[u8]) -> &[u8] {
    let mut lines = text
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty()).unwrap_or_default();
    // The cut must not split a character.
    let end = (0..=LINE.min(line.len())).rev();
    let is_boundary = |end: &usize| line.get(*end).is_none_or(|byte| byte & 0xC0 != 0x80);
    &line[..end.into_iter().find(is_boundary).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_found_and_cut_between_characters() {
        for (text, line) in [
            ("", ""),
            ("\r\n \n", ""),
            ("out of stock", "out of stock"),
            ("\r\n  out of stock \r\nand more", "out of stock"),
        ] {
            assert_eq!(first_line(text.as_bytes()), line.as_bytes());
        }
        let long = "é".repeat(LINE);
        assert_eq!(first_line(long.as_bytes()), "é".repeat(LINE / 2).as_bytes());
        let odd = format!("x{long}");
        assert_eq!(first_line(odd.as_bytes()).len(), LINE - 1);
        assert_eq!(first_line(&[0x80; 2 * LINE]).len(), 0, "no text at all");
    }
}
