//! What the options of Rust are called here: by the fields in which they stand.

/// Returns the field in which an option stands, by the name that Rust has for it.
pub(crate) fn field_of(option: &'static str) -> &'static str {
    match option {
        "grace.connection_error_ms" => "grace_connection_error_ms",
        "grace.timeout_ms" => "grace_timeout_ms",
        "grace.node_loss_ms" => "grace_node_loss_ms",
        "grace.going_away_ms" => "grace_going_away_ms",
        "lease.lease_ms" => "lease_ms",
        "lease.heartbeat_ms" => "heartbeat_ms",
        "over_limit.min_age_ms" => "evict_min_age_ms",
        same => same,
    }
}

/// Returns the field of a topic's own options in which one of them stands.
pub(crate) fn field_of_topic(option: &'static str) -> &'static str {
    option.strip_prefix("topics.").unwrap_or(option)
}
