//! The console as a user sees it.

use serde_json::{Value, json};

use crate::{browser::Browser, gate::Gate};

/// The console of a gate in a browser that is signed in.
pub(crate) struct Page {
    pub(crate) browser: Browser,
    base: String,
}

impl Page {
    /// Signs a new browser in.
    pub(crate) fn of(gate: &Gate) -> Self {
        Self::by_link(Browser::start(), &gate.link())
    }

    /// Signs this browser in by a link.
    pub(crate) fn by_link(browser: Browser, link: &str) -> Self {
        browser.open(link);
        browser.wait_for("document.documentElement.dataset.session === 'yes'");
        let (base, _) = link.split_once("login").expect("a link");
        Self {
            browser,
            base: base.to_owned(),
        }
    }

    /// Signs a new browser in, and waits until its page receives events.
    pub(crate) fn live(gate: &Gate) -> Self {
        let page = Self::of(gate);
        page.is_live();
        page
    }

    /// Waits until the page receives events.
    #[track_caller]
    pub(crate) fn is_live(&self) {
        self.browser
            .wait_for("document.documentElement.dataset.stream === 'live'");
    }

    /// Opens a view by its address: `inbox?state=dead`.
    pub(crate) fn open(&self, view: &str) {
        self.browser.open(&format!("{}#/{view}", self.base));
        let name = view.split(['?', '/']).next().unwrap_or_default();
        self.browser.wait_for(&format!(
            "document.documentElement.dataset.view === {name:?}"
        ));
    }

    /// Waits until the live view shows this delivery.
    #[track_caller]
    pub(crate) fn shows(&self, id: &str) {
        self.browser.wait_for(&row(id));
    }

    /// Returns the ids of the live view, in its order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('#live-rows > tr[data-id]')]
            .map(row => row.dataset.id)";
        let ids = self.browser.run(script);
        let ids = ids.as_array().expect("a list").iter();
        ids.map(|id| id.as_str().expect("text").to_owned())
            .collect()
    }

    /// Returns the text of a delivery's row.
    pub(crate) fn row_text(&self, id: &str) -> String {
        self.browser
            .text(&format!("#live-rows > tr[data-id='{id}']"))
    }

    /// Returns the status and the text of a resource, from a script of the page.
    pub(crate) fn text_of(&self, path: &str) -> (u64, String) {
        let result = self.browser.run_async(&format!(
            "const headers = {{'X-Cartgate-Key': localStorage.getItem('cartgate-key')}};
             const response = await fetch({path:?}, {{headers}});
             return [response.status, await response.text()]"
        ));
        let status = result[0].as_u64().unwrap_or_default();
        (status, result[1].as_str().unwrap_or_default().to_owned())
    }

    /// Sends a request from a script of the page; returns the status and the body.
    pub(crate) fn fetch(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let options = json!({
            "method": method,
            "headers": {"Content-Type": "application/json"},
            "body": body.map(Value::to_string),
        });
        let result = self.browser.run_async(&format!(
            "const options = {options};
             options.headers['X-Cartgate-Key'] = localStorage.getItem('cartgate-key');
             const response = await fetch({path:?}, options);
             const text = await response.text();
             let json = null;
             try {{ json = JSON.parse(text); }} catch {{ }}
             return [response.status, json];"
        ));
        let status = result[0]
            .as_u64()
            .unwrap_or_else(|| panic!("no response: {result}"));
        (status.try_into().expect("a status"), result[1].clone())
    }
}

/// Returns an expression for the row of a delivery.
pub(crate) fn row(id: &str) -> String {
    format!("document.querySelector(\"#live-rows > tr[data-id='{id}']\")")
}
