//! The keys of webhooks.

use adsum_tim::Secret;

use super::super::key::Key;
use super::super::value::{http_address, number, text};

pub(super) static WEBHOOKS: [Key; 9] = [
    Key {
        name: "webhook_url",
        aliases: &[],
        about: "Where it is posted who comes online and who goes; without it nobody is told. Set \
                admin_token too: after a start a hook has to ask who is online",
        unit: "URL",
        secret: false,
        set: |config, given| {
            config.webhooks.url = Some(http_address(given)?);
            Ok(())
        },
        show: |config| config.webhooks.url.clone(),
    },
    key!(
        "webhook_secret_file":
        "The file with the secret that posts are signed with",
        path, webhooks.secret_file
    ),
    key!(
        "webhook_secret":
        "That secret itself, in place of a file",
        secret 16, webhooks.secret
    ),
    key!(
        "webhook_batch":
        "The most edges of one post",
        number "COUNT" 1..=1_000, webhooks.batch
    ),
    key!(
        "webhook_wait_ms":
        "How long the first edge of a post waits for others",
        number "MILLISECONDS" 0..=60_000, webhooks.wait_ms
    ),
    key!(
        "webhook_timeout_ms":
        "How long one post may take",
        number "MILLISECONDS" 10..=60_000, webhooks.timeout_ms
    ),
    key!(
        "webhook_retry_ms":
        "How long an edge is kept while posts fail; then it is dropped, and the next post says \
         that something was missed",
        number "MILLISECONDS" 0..=60_000, webhooks.retry_ms
    ),
    key!(
        "webhook_pause_ms":
        "How long to wait after the first post that fails; twice as long each time, up to forty \
         times",
        number "MILLISECONDS" 1..=60_000, webhooks.pause_ms
    ),
    key!(
        "webhook_users":
        "The most users of whom an edge waits; that of one more is dropped, and the next post \
         says that something was missed",
        number "COUNT" 1..=10_000_000, webhooks.users
    ),
];
