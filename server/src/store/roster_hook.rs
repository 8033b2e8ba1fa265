//! Contacts that your backend is asked for.

use std::sync::Arc;
use std::time::Duration;

use adsum_tim::Secret;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::access::Access;
use super::error::StoreError;
use super::login::{Credentials, Login};
use super::relations::Relations;
use crate::causes::with_causes;

/// How many questions may be under way at once.
const AT_ONCE: usize = 64;
/// The longest answer that is read, in bytes: 10,000 contacts and as many blocks, with long ids.
const LONGEST: usize = 2 * 1_024 * 1_024;

/// How your backend is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct RosterHookOptions {
    /// Where: `user` is added to its query.
    pub url: String,
    /// What it is shown, in `Authorization: Bearer`.
    pub key: Option<Secret>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The most entries of each list.
    pub max_relations: u32,
}

/// Asks your backend for contacts, and somebody else who a client is.
///
/// `GET url?user=ID` is answered by `{"contacts": [...], "blocked": [...]}`, of which either may
/// be left out, or by 404 for a user who has none. Contacts must be mutual.
pub struct RosterHook {
    who: Arc<dyn Access>,
    client: Client,
    url: Url,
    key: Option<Secret>,
    max_relations: usize,
    runtime: Handle,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    contacts: Vec<String>,
    #[serde(default)]
    blocked: Vec<String>,
}

impl RosterHook {
    /// Returns a hook that asks on the runtime that this is called in.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for what is no address; [`StoreError::Failed`].
    pub fn new(who: Arc<dyn Access>, options: RosterHookOptions) -> Result<Self, StoreError> {
        let RosterHookOptions { url, key, timeout, max_relations } = options;
        let url: Url = url.parse().map_err(|_| StoreError::Invalid("address"))?;
        let mut client = Client::builder()
            .user_agent(concat!("adsum-server/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            // The key is for this address and no other.
            .redirect(Policy::none())
            .no_proxy();
        if url.scheme() == "http" {
            // Nobody's certificate is looked at, so the machine need not have any.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(failed)?;
        let (max_relations, runtime) = (max_relations as usize, Handle::current());
        Ok(Self { who, client, url, key, max_relations, runtime })
    }

    async fn ask(&self, node: &str) -> Result<Relations, StoreError> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("user", node);
        let mut request = self.client.get(url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(&key.0);
        }
        let mut response = request.send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Relations::default()),
            other => return Err(StoreError::Failed(format!("roster_url answered {other}").into())),
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&part);
            if body.len() > LONGEST {
                return Err(StoreError::Failed("roster_url answered too much".into()));
            }
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| StoreError::Failed("roster_url did not answer with contacts".into()))?;
        self.relations_in(answer, node)
    }

    fn relations_in(&self, answer: Answer, node: &str) -> Result<Relations, StoreError> {
        let Answer { contacts, blocked } = answer;
        if contacts.len().max(blocked.len()) > self.max_relations {
            return Err(StoreError::Failed("roster_url answered with too many".into()));
        }
        let relations = Relations { friends: contacts, blocked, ..Relations::default() };
        Ok(relations.tidied(node))
    }
}

fn failed(error: reqwest::Error) -> StoreError {
    StoreError::failed(format!("roster_url: {}", with_causes(error)))
}

impl Access for RosterHook {
    /// Whom a token says that its user knows is not looked at.
    fn login(&self, credentials: &Credentials<'_>) -> Result<Login, StoreError> {
        Ok(Login { relations: None, ..self.who.login(credentials)? })
    }

    fn is_quick(&self, credentials: &Credentials<'_>) -> bool {
        self.who.is_quick(credentials)
    }

    fn takes_tokens(&self) -> bool {
        self.who.takes_tokens()
    }

    fn relations(&self, node: &str) -> Result<Relations, StoreError> {
        self.runtime.block_on(self.ask(node))
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    fn release(&self, node: &str) {
        self.who.release(node);
    }
}
