//! What went wrong with a request of the server's own, for its log.

use std::error::Error as _;

/// Returns what went wrong, with the causes: the first of them is what helps. The address is left
/// out: there may be a secret of the application's in it.
pub(crate) fn with_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
