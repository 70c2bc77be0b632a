//! A chromium without a window, with a profile of its own.

use std::time::Instant;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    support::{PATIENCE, ms},
    tool::tool,
    webdriver::{Driver, DriverError},
};

/// Without a window, without services of its own, and without a sandbox, which root cannot have.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
];

/// Collects violations of the content policy from the beginning of every page.
const COLLECT_VIOLATIONS: &str = "
    window.violations = [];
    document.addEventListener('securitypolicyviolation', event => window.violations.push(
        `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
";

/// The interval at which a condition in a page is checked.
const POLL_MS: u64 = 10;

/// A key by its code in WebDriver.
pub(crate) const ENTER: &str = "\u{E007}";
pub(crate) const TAB: &str = "\u{E004}";

/// A running browser. It ends when it is dropped.
pub(crate) struct Browser {
    driver: Driver,
    /// The path of its session.
    session: String,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a browser with further arguments.
    pub(crate) fn with(more: &[&str]) -> Self {
        let driver = Driver::start();
        let profile = tempfile::tempdir().expect("a directory");
        let own = format!("--user-data-dir={}", profile.path().display());
        let arguments = ARGUMENTS.iter().chain(more).copied();
        let arguments: Vec<_> = arguments.chain([own.as_str()]).collect();
        let chromium = tool("chromium").get_program().to_owned();
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments, "binary": chromium.to_str()},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = driver
            .post("/session", &capabilities)
            .expect("chromium starts");
        let id = session["sessionId"].as_str().expect("an id");
        let browser = Self {
            session: format!("/session/{id}"),
            driver,
            _profile: profile,
        };
        let script = json!({"source": COLLECT_VIOLATIONS});
        browser.chrome("Page.addScriptToEvaluateOnNewDocument", &script);
        browser
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) {
        self.command("/url", &json!({"url": url}));
    }

    /// Returns the address of the page.
    pub(crate) fn url(&self) -> String {
        let url = self.get("/url");
        url.as_str().expect("text").to_owned()
    }

    /// Runs a script in the page; returns its result.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.run_with(script, &[])
    }

    /// Runs a script with arguments.
    pub(crate) fn run_with(&self, script: &str, arguments: &[Value]) -> Value {
        let parameters = json!({"script": script, "args": arguments});
        self.command("/execute/sync", &parameters)
    }

    /// Runs the body of an asynchronous function; returns its result.
    pub(crate) fn run_async(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {body} }})().then(done, error => done(`threw ${{error}}`));"
        );
        let parameters = json!({"script": script, "args": []});
        self.command("/execute/async", &parameters)
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub(crate) fn wait_for(&self, expression: &str) {
        let begun = Instant::now();
        while !self.is(expression) {
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain: {expression}\n{}",
                self.state()
            );
            std::thread::sleep(ms(POLL_MS));
        }
    }

    /// Returns whether an expression is true in the page now. It is not while the page changes.
    pub(crate) fn is(&self, expression: &str) -> bool {
        let script = json!({"script": format!("return !!({expression})"), "args": []});
        let path = format!("{}/execute/sync", self.session);
        self.driver
            .post(&path, &script)
            .is_ok_and(|value| value == true)
    }

    /// Returns the visible text of an element; empty without one.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        let text = self.run_with(script, &[selector.into()]);
        text.as_str().expect("text").to_owned()
    }

    /// Clicks an element as a user does, once it is visible and nothing covers it.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let begun = Instant::now();
        while let Err(error) = self.try_click(selector) {
            assert!(
                begun.elapsed() < PATIENCE,
                "cannot click {selector}: {error}\n{}",
                self.state()
            );
            std::thread::sleep(ms(POLL_MS));
        }
    }

    /// Clicks an element. Fails while the page still moves.
    fn try_click(&self, selector: &str) -> Result<(), DriverError> {
        let query = json!({"using": "css selector", "value": selector});
        let found = self.try_command("/element", &query)?;
        let mut ids = found.as_object().expect("a reference").values();
        let id = ids.next_back().and_then(Value::as_str).expect("an id");
        let script = "arguments[0].scrollIntoView({block: 'center'})";
        let parameters = json!({"script": script, "args": [found]});
        self.try_command("/execute/sync", &parameters)?;
        self.try_command(&format!("/element/{id}/click"), &json!({}))?;
        Ok(())
    }

    /// Presses and releases keys one after the other.
    pub(crate) fn press(&self, keys: &[&str]) {
        let actions = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})));
        let actions = actions.collect::<Vec<_>>();
        let source = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.command("/actions", &json!({"actions": [source]}));
    }

    /// Moves the pointer.
    pub(crate) fn point_at(&self, x: u32, y: u32) {
        let action = json!({"type": "pointerMove", "duration": 0, "x": x, "y": y});
        let source = json!({"type": "pointer", "id": "mouse", "actions": [action]});
        self.command("/actions", &json!({"actions": [source]}));
    }

    /// Returns the names by which a screen reader presents the elements of a selector.
    pub(crate) fn accessible_names(&self, selector: &str) -> Vec<(String, String)> {
        let query = json!({"using": "css selector", "value": selector});
        let found = self.command("/elements", &query);
        let elements = found.as_array().expect("a list").iter();
        let named = elements.map(|element| {
            let id = element
                .as_object()
                .expect("a reference")
                .values()
                .next_back();
            let id = id.and_then(Value::as_str).expect("an id");
            let name = self.get(&format!("/element/{id}/computedlabel"));
            let script = "return arguments[0].outerHTML.slice(0, 200)";
            let html = self.run_with(script, std::slice::from_ref(element));
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&html), text(&name))
        });
        named.collect()
    }

    /// Enters the first frame of the page.
    pub(crate) fn enter_frame(&self) {
        self.command("/frame", &json!({"id": 0}));
    }

    /// Returns the cookies of the page.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        let cookies = self.get("/cookie");
        cookies.as_array().expect("a list").clone()
    }

    /// Sets the size of the page and its colours.
    pub(crate) fn resize(&self, width: u32, height: u32, is_dark: bool) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.chrome("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.chrome("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Returns the page as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let image = self.get("/screenshot");
        let image = image.as_str().expect("Base64");
        STANDARD.decode(image).expect("Base64")
    }

    /// Checks that the page violated no policy, and that the browser reports no error apart from
    /// responses with a status that the test expects.
    #[track_caller]
    pub(crate) fn is_content(&self) {
        let violations = self.run("return window.violations");
        assert_eq!(violations, json!([]));
        let log = self.command("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().expect("a list");
        let errors: Vec<_> = entries.iter().filter(|entry| is_error(entry)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }

    /// Returns the place and the text of the page, for a test that fails.
    fn state(&self) -> String {
        let text = self.run("return location.href + '\\n' + document.documentElement.innerText");
        let log = self.command("/se/log", &json!({"type": "browser"}));
        format!("{}\n{log:#}", text.as_str().unwrap_or_default())
    }

    /// Sends a command of chromium's own protocol.
    fn chrome(&self, command: &str, parameters: &Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.command("/goog/cdp/execute", &body);
    }

    fn get(&self, path: &str) -> Value {
        self.driver
            .get(&format!("{}{path}", self.session))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn command(&self, path: &str, parameters: &Value) -> Value {
        self.try_command(path, parameters)
            .unwrap_or_else(|error| panic!("{path} {parameters}: {error}"))
    }

    fn try_command(&self, path: &str, parameters: &Value) -> Result<Value, DriverError> {
        self.driver
            .post(&format!("{}{path}", self.session), parameters)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser as well; this lets it end in order.
        let _ = self.driver.delete(&self.session);
    }
}

/// Whether an entry of the browser's log is an error of the page. A response with an error status
/// is reported as a failed load.
fn is_error(entry: &Value) -> bool {
    let message = entry["message"].as_str().unwrap_or_default();
    let is_status = message.contains("the server responded with a status of");
    entry["level"] == "SEVERE" && !is_status
}
