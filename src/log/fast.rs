//! How the line of a request is put into characters: as `tracing-subscriber` puts every other line, byte for byte, but
//! in less than half its time, which a busy gate spends on each request. Lines that have a message, or colours, go its way.

use std::{
    fmt::{self, Debug, Write},
    time::SystemTime,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{Format, line::TARGET};

/// Writes requests' lines itself and leaves the others to `rest`.
pub(super) struct Fast<F> {
    pub(super) format: Format,
    pub(super) rest: F,
}

impl<F, S, N> FormatEvent<S, N> for Fast<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        let has_message = about.fields().field("message").is_some();
        if about.target() != TARGET || has_message || writer.has_ansi_escapes() {
            return self.rest.format_event(context, writer, event);
        }
        match self.format {
            Format::Text => text(&mut writer, about.level(), event),
            Format::Json => json(&mut writer, about.level(), event),
        }
    }
}

fn text(writer: &mut Writer<'_>, level: &Level, event: &Event<'_>) -> fmt::Result {
    write_time(writer)?;
    write!(writer, " {level:>5} {TARGET}:")?;
    let mut fields = Text(Fields::of(writer));
    event.record(&mut fields);
    fields.0.written?;
    writer.write_char('\n')
}

fn json(writer: &mut Writer<'_>, level: &Level, event: &Event<'_>) -> fmt::Result {
    writer.write_str(r#"{"timestamp":""#)?;
    write_time(writer)?;
    write!(writer, r#"","level":"{level}""#)?;
    let mut fields = Json(Fields::of(writer));
    event.record(&mut fields);
    fields.0.written?;
    writer.write_str(r#","target":""#)?;
    writer.write_str(TARGET)?;
    writer.write_str("\"}\n")
}

fn write_time(writer: &mut Writer<'_>) -> fmt::Result {
    // A clock that was never set must not end the process.
    let now = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    write!(writer, "{}", humantime::format_rfc3339_micros(now))
}

/// Where fields go, and whether they all went there.
struct Fields<'a, 'w> {
    writer: &'a mut Writer<'w>,
    written: fmt::Result,
}

impl<'a, 'w> Fields<'a, 'w> {
    fn of(writer: &'a mut Writer<'w>) -> Self {
        Self {
            writer,
            written: Ok(()),
        }
    }

    fn put(&mut self, write: impl FnOnce(&mut Writer<'w>) -> fmt::Result) {
        self.written = self.written.and_then(|()| write(self.writer));
    }
}

/// ` name=value`, a text in quotes.
struct Text<'a, 'w>(Fields<'a, 'w>);

impl Visit for Text<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.put(|writer| {
            writer.write_char(' ')?;
            writer.write_str(field.name())?;
            writer.write_char('=')?;
            write!(writer, "{value:?}")
        });
    }
}

/// `,"name":value`, where a name is a Rust identifier, which needs no escaping.
struct Json<'a, 'w>(Fields<'a, 'w>);

impl Json<'_, '_> {
    fn put_bare(&mut self, field: &Field, value: impl Debug) {
        self.0.put(|writer| {
            write_name(writer, field)?;
            write!(writer, "{value:?}")
        });
    }

    fn put_quoted(
        &mut self,
        field: &Field,
        write: impl FnOnce(&mut Escaped<'_, '_>) -> fmt::Result,
    ) {
        self.0.put(|writer| {
            write_name(writer, field)?;
            writer.write_char('"')?;
            write(&mut Escaped(writer))?;
            writer.write_char('"')
        });
    }
}

impl Visit for Json<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put_bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_bare(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_quoted(field, |inside| inside.write_str(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_quoted(field, |inside| write!(inside, "{value:?}"));
    }
}

fn write_name(writer: &mut Writer<'_>, field: &Field) -> fmt::Result {
    writer.write_str(",\"")?;
    writer.write_str(field.name())?;
    writer.write_str("\":")
}

/// The inside of a JSON string.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        if text.bytes().all(is_plain) {
            return self.0.write_str(text);
        }
        let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
        self.0.write_str(&quoted[1..quoted.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read as _, io::Seek as _, net::IpAddr, sync::Arc, time::Duration};

    use http::Method;
    use tower_cartgate::{HeaderForm, SecretName};
    use tracing::{Dispatch, level_filters::LevelFilter};
    use uuid::Uuid;

    use super::*;
    use crate::{
        listener::Peer,
        log::{Line, Path, Throttle, Verdict, dispatch},
    };

    const ODD: &str = "a \"b\" \\ c\n\u{1b}[31m\u{7f}\u{9b} \u{fc}\u{1f980}\"";

    #[test]
    fn a_line_looks_as_if_tracing_subscriber_had_written_it() {
        for format in [Format::Text, Format::Json] {
            let (own, reference) = (ours(format), theirs(format));
            assert_eq!(own.lines().count(), 9, "{own}");
            assert_eq!(own, reference);
        }
    }

    #[test]
    fn a_terminal_has_its_colours() {
        let coloured = logged(|file| dispatch(Format::Text, file, true, LevelFilter::INFO));
        assert!(coloured.contains("\u{1b}[3mverdict\u{1b}[0m"), "{coloured}");
    }

    fn ours(format: Format) -> String {
        logged(|file| dispatch(format, file, false, LevelFilter::INFO))
    }

    fn theirs(format: Format) -> String {
        logged(|file| {
            let builder = tracing_subscriber::fmt().with_ansi(false).with_writer(file);
            match format {
                Format::Text => builder.into(),
                Format::Json => builder.json().flatten_event(true).into(),
            }
        })
    }

    /// What such a log holds, with noughts for the digits of its times.
    fn logged(log: impl FnOnce(Arc<File>) -> Dispatch) -> String {
        let mut file = tempfile::tempfile().expect("a file");
        let handle = file.try_clone().expect("another handle");
        tracing::dispatcher::with_default(&log(Arc::new(handle)), write_each);
        file.rewind().expect("rewound");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("UTF-8");
        let timeless = |line: &str| {
            let (time, rest) = line.split_at(line.find('Z').expect("a time"));
            time.replace(|character: char| character.is_ascii_digit(), "0") + rest + "\n"
        };
        text.lines().map(timeless).collect()
    }

    fn write_each() {
        let secret: &SecretName = &"new".parse().expect("a name");
        let verdicts = [
            Verdict::Taken { secret },
            Verdict::NotTaken {
                secret,
                reason: "destination-refused",
                cause: Some(ODD),
            },
            Verdict::Kept {
                secret,
                copy: 3,
                dead: None,
            },
            Verdict::Duplicate {
                secret,
                of: Uuid::nil(),
            },
            Verdict::Rejected { reason: "mismatch" },
        ];
        for verdict in verdicts {
            line(verdict).write(&Throttle::default());
        }
        let slow = Line {
            duration: Duration::from_micros(4_000_100),
            ..line(verdicts[0])
        };
        slow.write(&Throttle::default());
        Line {
            endpoint: None,
            status: None,
            form: None,
            peer: Peer::Unix,
            duration: Duration::ZERO,
            method: None,
            path: None,
            ..line(verdicts[4])
        }
        .write(&Throttle::default());
        tracing::warn!(target: TARGET, requests = 1, "left out \u{1b}[31m");
        tracing::info!(path = ODD, listening = true, "elsewhere");
    }

    fn line(verdict: Verdict<'_>) -> Line<'_> {
        Line {
            verdict,
            id: Uuid::max(),
            endpoint: Some(ODD),
            status: Some(200),
            received: 1507,
            declared: Some(u64::MAX),
            form: Some((HeaderForm::Hex, 64)),
            duration: Duration::from_nanos(1_934_600),
            peer: Peer::Tcp((IpAddr::from([203, 0, 113, 9]), 1).into()),
            method: Some(&Method::POST),
            path: Some(Path(ODD)),
        }
    }
}
