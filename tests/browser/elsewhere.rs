//! A web page of another origin on this machine.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// A server whose every page is the same HTML text.
pub(crate) struct Elsewhere {
    address: SocketAddr,
}

impl Elsewhere {
    pub(crate) fn serving(html: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let length = html.len();
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{html}"
        );
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let response = response.clone();
                // A browser opens connections in advance, so each has a thread.
                thread::spawn(move || serve(stream, &response));
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn serve(mut stream: TcpStream, response: &str) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
    }
    // The browser may have left.
    let _ = stream.write_all(response.as_bytes());
}
