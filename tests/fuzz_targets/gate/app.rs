//! The protected app: parses HTTP as strictly as possible, and records its requests.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The requests, or the faults of some.
type Records = Arc<Mutex<Vec<Result<Received, String>>>>;

pub struct App {
    pub address: SocketAddr,
    records: Records,
}

impl App {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let records = Records::default();
        let kept = Arc::clone(&records);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(connection, &kept));
            }
        });
        Self { address, records }
    }

    /// Returns the requests since the last call.
    pub fn take(&self) -> Vec<Result<Received, String>> {
        std::mem::take(&mut self.records.lock().expect("no app thread panics"))
    }
}

fn serve(connection: TcpStream, records: &Records) {
    let mut reader = BufReader::new(connection);
    while let Some(record) = read(&mut reader).transpose() {
        let broken = record.is_err();
        records.lock().expect("no app thread panics").push(record);
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        if broken || reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

/// Reads a request. Returns none when the connection ends, even within a request: an incomplete one
/// is not a delivery.
fn read(reader: &mut impl BufRead) -> Result<Option<Received>, String> {
    let Some(first) = line(reader)? else {
        return Ok(None);
    };
    let [method, target, "HTTP/1.1"] = first.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("request line {first:?}"));
    };
    let mut headers = HeaderMap::new();
    loop {
        match line(reader)? {
            None => return Ok(None),
            Some(line) if line.is_empty() => break,
            Some(line) => field(&line, &mut headers)?,
        }
    }
    let mut body = vec![0; length(&headers)?];
    if reader.read_exact(&mut body).is_err() {
        return Ok(None);
    }
    let (method, target) = (method.to_owned(), target.to_owned());
    Ok(Some(Received {
        method,
        target,
        headers,
        body,
    }))
}

fn line(reader: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line).is_err() || !line.ends_with(b"\n") {
        return Ok(None);
    }
    let text = line.strip_suffix(b"\r\n").ok_or("a bare line feed")?;
    if text.contains(&b'\r') {
        return Err("a bare carriage return".to_owned());
    }
    // One character per byte, because values may contain any byte above ASCII.
    Ok(Some(text.iter().copied().map(char::from).collect()))
}

fn field(line: &str, headers: &mut HeaderMap) -> Result<(), String> {
    let wrong = || format!("header line {line:?}");
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.parse().map_err(|_| wrong())?;
    let value: Vec<u8> = value
        .trim_matches(' ')
        .chars()
        .map(|byte| byte as u8)
        .collect();
    headers.append(name, HeaderValue::from_bytes(&value).map_err(|_| wrong())?);
    Ok(())
}

fn length(headers: &HeaderMap) -> Result<usize, String> {
    let lengths: Vec<_> = headers.get_all("content-length").iter().collect();
    match lengths[..] {
        [length] => length.to_str().ok().and_then(|text| text.parse().ok()),
        _ => None,
    }
    .ok_or_else(|| format!("lengths {lengths:?}"))
}
