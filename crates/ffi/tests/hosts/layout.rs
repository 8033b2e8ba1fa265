//! Assertions in C that each structure lies as Rust has it.

use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::decision::{adsum_decision, adsum_topic_counts};
use adsum_ffi::entry::adsum_entry;
use adsum_ffi::info::{
    adsum_attendant, adsum_counts, adsum_member, adsum_representative, adsum_session_info,
    adsum_stats, adsum_topic_info,
};
use adsum_ffi::names::{adsum_session, adsum_topic, adsum_view};
use adsum_ffi::options::{adsum_options, adsum_rate, adsum_topic_options};
use adsum_ffi::remote::{
    adsum_remote_end, adsum_remote_member, adsum_remote_sender, adsum_remote_session,
    adsum_user_state,
};
use adsum_ffi::represent::adsum_candidate;
use adsum_ffi::status::adsum_error;
use adsum_ffi::verbs::sessions::adsum_newcomer;
use std::fmt::Write;
use std::mem::offset_of;

/// Writes the size of a structure, and the place of each of its fields. That none is missing here
/// is seen by taking it apart.
macro_rules! layout {
    ($text:ident, $type:ident { $($field:ident),* $(,)? }) => {
        #[allow(unused)]
        fn $type(of: &$type) {
            let $type { $($field: _),* } = *of;
        }
        let (name, size) = (stringify!($type), size_of::<$type>());
        writeln!($text, "static_assert(sizeof({name}) == {size}, \"{name}\");").expect("it grows");
        $(
            let (field, at) = (stringify!($field), offset_of!($type, $field));
            writeln!($text, "static_assert(offsetof({name}, {field}) == {at}, \"{field}\");")
                .expect("it grows");
        )*
    };
}

/// Returns a text in C or C++ that says where everything lies.
pub(crate) fn assertions() -> String {
    let mut text = String::from("#include <assert.h>\n#include \"adsum.h\"\n");
    of_names(&mut text);
    of_decisions(&mut text);
    of_options(&mut text);
    of_answers(&mut text);
    of_nodes(&mut text);
    text
}

fn of_names(text: &mut String) {
    layout!(text, adsum_bytes { data, len });
    layout!(text, adsum_list { items, len });
    layout!(text, adsum_session { name, slot });
    layout!(text, adsum_topic { name, place });
    layout!(text, adsum_view { kind, sample });
    layout!(
        text,
        adsum_error {
            status,
            kind,
            argument,
            place,
            limit,
            value,
            min,
            max,
            retry_at,
            topic,
            message
        }
    );
    layout!(text, adsum_candidate { presence, published, idle_since, kind, is_idle, is_detached });
    layout!(text, adsum_newcomer { user, audience, blocked, kind });
}

fn of_decisions(text: &mut String) {
    layout!(
        text,
        adsum_entry { kind, reason, user, session, presence, idle_since, cause, is_user, is_idle }
    );
    layout!(text, adsum_topic_counts { users, sessions, observers });
    layout!(
        text,
        adsum_decision {
            kind,
            notice,
            to,
            to_len,
            id,
            user,
            session,
            presence,
            topic,
            key,
            topic_key,
            reason,
            cause,
            since,
            idle_since,
            entries,
            entries_len,
            named,
            counts,
            view,
            is_first,
            is_last,
            is_visible,
            is_resumable,
            is_idle
        }
    );
}

fn of_options(text: &mut String) {
    layout!(text, adsum_rate { burst, interval_ms });
    layout!(text, adsum_topic_options { full_up_to, coalesce_ms, max_members, sample, blocks });
    layout!(
        text,
        adsum_options {
            own_echo,
            snapshot_on_connect,
            offline_notices,
            direct_to,
            over_limit,
            evict_min_age_ms,
            grace_connection_error_ms,
            grace_timeout_ms,
            grace_node_loss_ms,
            grace_going_away_ms,
            lease_ms,
            heartbeat_ms,
            max_expiry_ms,
            idle_after_ms,
            settle_ms,
            skew_ms,
            max_audience,
            max_blocked,
            max_direct,
            max_told,
            max_watched,
            max_topics,
            max_topic_named,
            max_sessions,
            max_sessions_per_kind,
            publish_rate,
            direct_rate,
            topic_rate,
            topics
        }
    );
}

fn of_answers(text: &mut String) {
    layout!(
        text,
        adsum_session_info {
            key,
            id,
            user,
            presence,
            connected,
            heard,
            lost_at,
            lost_cause,
            kind,
            is_attached,
            is_congested
        }
    );
    layout!(text, adsum_representative { session, idle_since, is_idle });
    layout!(text, adsum_topic_info { key, name, counts, options, is_large });
    layout!(text, adsum_member { cursor, user, session, presence });
    layout!(text, adsum_attendant { session, view });
    layout!(
        text,
        adsum_counts {
            users_online,
            users_known,
            sessions,
            detached,
            remote,
            congested,
            presences,
            conflated,
            audience_entries,
            blocked_pairs,
            watches,
            topics,
            memberships,
            told,
            missed,
            expiring,
            timers
        }
    );
    layout!(text, adsum_stats { inputs, refusals, notices, deliveries, conflated, skipped });
}

fn of_nodes(text: &mut String) {
    layout!(
        text,
        adsum_user_state {
            user,
            audience,
            blocked,
            sessions,
            sessions_len,
            ended,
            ended_len,
            has_lists,
            is_visible
        }
    );
    layout!(
        text,
        adsum_remote_session {
            id,
            age_ms,
            number,
            presence,
            shown_ms,
            ends_ms,
            then,
            lost_ms,
            grace_ms,
            idle_ms,
            topics,
            topics_len,
            cause,
            kind,
            is_ending,
            is_idle
        }
    );
    layout!(text, adsum_remote_member { topic, number, presence, observes });
    layout!(text, adsum_remote_end { id, reason, cause });
    layout!(text, adsum_remote_sender { user, session, origin });
}
