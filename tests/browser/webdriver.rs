//! A WebDriver client: the commands of the W3C protocol over HTTP and JSON, and a chromedriver that
//! carries them out.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{support::PATIENCE, tool::tool};

/// The line by which chromedriver names its port.
const STARTED: &str = "started successfully on port ";

/// The limit of one command. A page may take long on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running chromedriver. Its browsers end with it.
pub(crate) struct Driver {
    child: Child,
    address: String,
    agent: ureq::Agent,
}

/// An error of a command: its code in the protocol, and a message.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct DriverError {
    code: String,
    message: String,
}

impl Driver {
    /// Starts a chromedriver. It chooses a free port and ends if another program was quicker to
    /// listen there, so it gets a second and a third attempt.
    pub(crate) fn start() -> Self {
        let mut lines = Vec::new();
        for _ in 0..3 {
            match Self::attempt() {
                Ok(driver) => return driver,
                Err(printed) => lines.extend(printed),
            }
        }
        panic!("chromedriver starts; it printed {lines:#?}");
    }

    /// Starts a chromedriver, or returns the lines that it printed before it ended.
    fn attempt() -> Result<Self, Vec<String>> {
        let mut command = tool("chromedriver");
        command.arg("--port=0").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("chromedriver starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        // The thread reads to the end, because a full pipe would block the driver.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut driver = Self {
            child,
            address: String::new(),
            agent: agent(),
        };
        let mut printed = Vec::new();
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if let Some((_, port)) = line.split_once(STARTED) {
                        driver.address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
                        return Ok(driver);
                    }
                    printed.push(line);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(printed),
                Err(RecvTimeoutError::Timeout) => panic!("chromedriver is ready: {printed:#?}"),
            }
        }
    }

    /// Sends a command without parameters.
    pub(crate) fn get(&self, path: &str) -> Result<Value, DriverError> {
        let request = self.agent.get(format!("{}{path}", self.address));
        read(request.call())
    }

    /// Sends a command with parameters.
    pub(crate) fn post(&self, path: &str, parameters: &Value) -> Result<Value, DriverError> {
        let request = self.agent.post(format!("{}{path}", self.address));
        let request = request.content_type("application/json");
        read(request.send(parameters.to_string()))
    }

    /// Sends a command that deletes something.
    pub(crate) fn delete(&self, path: &str) -> Result<Value, DriverError> {
        let request = self.agent.delete(format!("{}{path}", self.address));
        read(request.call())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT));
    config.build().into()
}

fn read(response: Result<http::Response<ureq::Body>, ureq::Error>) -> Result<Value, DriverError> {
    let mut response = response.expect("chromedriver responds");
    let mut text = response.body_mut().with_config().limit(64 << 20).reader();
    let value: Value = serde_json::from_reader(&mut text).expect("JSON");
    let value = &value["value"];
    match value["error"].as_str() {
        Some(code) => Err(DriverError {
            code: code.to_owned(),
            message: value["message"].as_str().unwrap_or_default().to_owned(),
        }),
        None => Ok(value.clone()),
    }
}
