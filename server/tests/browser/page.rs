//! One tab with the page in it: what a person does there, and what they see.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::command::Command;

/// How long anything may take that has no deadline of its own to keep.
const PATIENCE: Duration = Duration::from_secs(20);

/// Resolves as soon as an expression holds; it is looked at again whenever the page changes.
const UNTIL: &str = "
    const [patience_ms, done] = arguments;
    const holds = () => Boolean(EXPRESSION);
    if (holds()) return done(true);
    const finish = (value) => { observer.disconnect(); clearTimeout(timer); done(value); };
    const observer = new MutationObserver(() => { if (holds()) finish(true); });
    observer.observe(
        document, { subtree: true, childList: true, attributes: true, characterData: true });
    const timer = setTimeout(() => finish(false), patience_ms);
";

/// Notes the moment (milliseconds since 1970) at which an expression first holds.
const STAMP: &str = "
    window.stamp = null;
    const look = () => { if (window.stamp === null && EXPRESSION) window.stamp = Date.now(); };
    window.looking?.disconnect(); // one that was told to look for something else
    window.looking = new MutationObserver(look);
    window.looking.observe(document, {
        subtree: true, childList: true, attributes: true, characterData: true });
";

/// Keeps every state that the first friend is ever shown in.
const RECORD: &str = "
    window.states = [];
    const look = () => {
        const state = document.querySelector('#online > li, #offline > li')?.dataset.state;
        if (state && window.states.at(-1) !== state) window.states.push(state);
    };
    look();
    new MutationObserver(look).observe(document.querySelector('.people-part'), {
        subtree: true, childList: true, attributes: true });
";

/// The row of the only friend, be they here or not.
pub(crate) const FRIEND: &str = ".people-part :is(#online, #offline)";

pub(crate) struct Page {
    client: Client,
    address: String,
}

impl Page {
    pub(crate) fn new(client: Client, address: String) -> Self {
        Self { client, address }
    }

    pub(crate) async fn open(&self) {
        self.client.goto(&self.address).await.unwrap();
        // The script is a module: it runs after the document is there.
        self.until("document.documentElement.dataset.ready !== undefined").await;
    }

    /// Leaves the page for another one of the same server.
    pub(crate) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.address)).await.unwrap();
    }

    /// Comes back to it, as the browser's own button does.
    pub(crate) async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// Runs a script and hands back what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client
            .execute(script, vec![])
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    pub(crate) async fn run_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// Runs a script that says itself when it is done.
    pub(crate) async fn run_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute_async(script, arguments).await.unwrap()
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText ?? ''", json!(css));
        self.run(&script).await.as_str().unwrap().to_owned()
    }

    /// Waits until an expression holds in the page.
    ///
    /// # Panics
    /// With what the page shows, if it does not hold in time.
    pub(crate) async fn until(&self, expression: &str) {
        self.until_within(expression, PATIENCE).await;
    }

    pub(crate) async fn until_within(&self, expression: &str, patience: Duration) {
        let script = UNTIL.replace("EXPRESSION", expression);
        let patience_ms = json!(u64::try_from(patience.as_millis()).unwrap());
        let held = self.client.execute_async(&script, vec![patience_ms]).await;
        if !matches!(held, Ok(Value::Bool(true))) {
            let shown = self.text("body").await;
            panic!("{expression}: not within {patience:?} ({held:?}); the page shows:\n{shown}");
        }
    }

    /// Waits until an element's text is, or contains, some words.
    pub(crate) async fn until_text(&self, css: &str, words: &str) {
        self.until(&contains(css, words)).await;
    }

    /// Begins to watch for the moment at which an element's text contains some words.
    pub(crate) async fn stamp_when_text(&self, css: &str, words: &str) {
        self.run(&STAMP.replace("EXPRESSION", &contains(css, words))).await;
    }

    /// The moment that was watched for, in milliseconds since 1970.
    pub(crate) async fn stamp(&self) -> u64 {
        self.until("window.stamp !== null").await;
        self.run("return window.stamp").await.as_u64().unwrap()
    }

    /// This machine's clock as the page reads it.
    pub(crate) async fn clock(&self) -> u64 {
        self.run("return Date.now()").await.as_u64().unwrap()
    }

    pub(crate) async fn record_states(&self) {
        self.run(RECORD).await;
    }

    pub(crate) async fn recorded_states(&self) -> Vec<String> {
        let states = self.run("return window.states").await;
        serde_json::from_value(states).unwrap()
    }

    pub(crate) async fn find(&self, css: &str) -> Element {
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("click {css}: {error}"));
    }

    /// Clicks what may be out of view, or not there yet.
    pub(crate) async fn trigger(&self, css: &str) {
        let found = format!("document.querySelector({})", json!(css));
        self.until(&format!("{found} !== null")).await;
        self.run(&format!("{found}.click()")).await;
    }

    /// Puts text into a field, in place of what is there. The driver itself cannot type emoji.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let script = format!(
            "const field = document.querySelector({}); field.focus(); field.select(); \
             document.execCommand('insertText', false, {})",
            json!(css),
            json!(text)
        );
        self.run(&script).await;
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    pub(crate) async fn tab(&self) {
        self.press(&Key::Tab.to_string()).await;
    }

    /// Makes an account and comes in with it.
    pub(crate) async fn register(&self, name: &str) {
        self.fill("#name", name).await;
        self.fill("#password", &password(name)).await;
        self.click("#create").await;
        self.until_inside(name).await;
    }

    pub(crate) async fn log_in(&self, name: &str) {
        self.fill("#name", name).await;
        self.fill("#password", &password(name)).await;
        self.click("#enter-form [type=submit]").await;
        self.until_inside(name).await;
    }

    pub(crate) async fn until_inside(&self, name: &str) {
        self.until_text("#me", name).await;
        self.until("!document.querySelector('#inside').hidden").await;
        self.until_text("#link", "Connected").await;
    }

    /// The name that others can ask by.
    pub(crate) async fn name(&self) -> String {
        self.text("#me").await
    }

    pub(crate) async fn ask(&self, whom: &str) {
        self.fill("#ask", whom).await;
        self.click("#ask-form button").await;
        self.until_text("#asked-said", "Asked").await;
    }

    /// Presses a button in the row of the first person of a list.
    pub(crate) async fn act(&self, list: &str, label: &str) {
        let script = format!(
            "[...document.querySelectorAll('#{list} button')].find((it) => it.textContent === {})",
            json!(label)
        );
        self.until(&format!("{script} !== undefined")).await;
        self.run(&format!("{script}.click()")).await;
    }

    /// The same for what can be undone, and does not wait until that is over.
    pub(crate) async fn act_for_good(&self, list: &str, label: &str) {
        self.act(list, label).await;
        self.act(list, "OK").await;
    }

    /// Tells friends a state, as the protocol calls it, and words.
    pub(crate) async fn tell(&self, show: &str, status: &str) {
        self.trigger(&format!("#shows input[value={show}]")).await;
        self.fill("#status", status).await;
        self.click("#state-form [type=submit]").await;
        self.until_text("#said", "Told.").await;
    }

    /// Waits until the only friend's words are these.
    pub(crate) async fn until_words(&self, words: &str) {
        self.until_text(&format!("{FRIEND} .words"), words).await;
    }

    /// Waits until the only friend is in the folded list.
    pub(crate) async fn until_friend_is_gone(&self) {
        self.until("document.querySelector('#offline > li[data-state=offline]') !== null").await;
    }

    /// Waits until the only friend is shown with so many devices; one alone is not listed.
    pub(crate) async fn until_devices(&self, count: usize) {
        let listed = if count > 1 { count } else { 0 };
        let shown = format!("document.querySelectorAll('{FRIEND} .devices > li').length");
        self.until(&format!("{shown} === {listed}")).await;
    }

    /// Waits until the only friend is shown in a state, by its words.
    pub(crate) async fn until_friend_is(&self, state: &str) {
        self.until_text(&format!("{FRIEND} .state"), state).await;
    }

    pub(crate) async fn window(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// One more tab of this browser, with the page in it, and now in front.
    pub(crate) async fn new_tab(&self) -> WindowHandle {
        let tab = self.client.new_window(true).await.unwrap().handle;
        self.client.switch_to_window(tab.clone()).await.unwrap();
        self.open().await;
        tab
    }

    pub(crate) async fn close_tab(&self) {
        self.client.close_window().await.unwrap();
    }

    pub(crate) async fn switch_to(&self, tab: WindowHandle) {
        self.client.switch_to_window(tab).await.unwrap();
    }

    /// Asks the browser itself, by its debugging protocol.
    pub(crate) async fn browser(&self, method: &str, params: Value) {
        let body = json!({ "cmd": method, "params": params });
        self.client.issue_cmd(Command::post("goog/cdp/execute", body)).await.unwrap();
    }

    /// The name and the role under which an assistive technology meets an element.
    pub(crate) async fn name_and_role(&self, element: &Element) -> (String, String) {
        let mut found = Vec::new();
        for what in ["computedlabel", "computedrole"] {
            let path = format!("element/{}/{what}", element.element_id());
            let value = self.client.issue_cmd(Command::get(path)).await.unwrap();
            found.push(value.as_str().unwrap().to_owned());
        }
        let role = found.pop().unwrap();
        (found.pop().unwrap(), role)
    }

    pub(crate) async fn focused(&self) -> Element {
        self.client.active_element().await.unwrap()
    }

    /// What the browser complained of since it was asked last: errors of scripts, and whatever
    /// the page's security policy forbade.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log =
            self.client.issue_cmd(Command::post("se/log", json!({ "type": "browser" }))).await;
        let entries = log.unwrap();
        entries.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }
}

pub(crate) fn password(name: &str) -> String {
    format!("correct horse of {name}")
}

fn contains(css: &str, words: &str) -> String {
    format!("document.querySelector({})?.textContent.includes({})", json!(css), json!(words))
}
