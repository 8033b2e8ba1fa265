//! The keys of the engine's rules.

use super::super::key::Key;
use super::super::settings::{DirectTo, OfflineNotices, OneState, OverLimit, TopicBlocks, Watch};
use super::super::value::{WEEK, boolean, choice, list, name_of, number, seconds};
use crate::store::{LONGEST_TOPIC, Patterns, may_be_a_topics};

const DIRECT_TO: [(&str, DirectTo); 2] =
    [("contacts", DirectTo::Contacts), ("anyone", DirectTo::Anyone)];
const OFFLINE_NOTICES: [(&str, OfflineNotices); 2] =
    [("whoever_saw", OfflineNotices::WhoeverSaw), ("all_contacts", OfflineNotices::AllContacts)];
const OVER_LIMIT: [(&str, OverLimit); 2] =
    [("evict", OverLimit::Evict), ("refuse", OverLimit::Refuse)];
const WATCH: [(&str, Watch); 2] = [("nobody", Watch::Nobody), ("anyone", Watch::Anyone)];
const ONE_STATE: [(&str, OneState); 3] =
    [("off", OneState::Off), ("newest", OneState::Newest), ("show", OneState::Show)];

const TOPIC_BLOCKS: [(&str, TopicBlocks); 2] =
    [("ignored", TopicBlocks::Ignored), ("hidden", TopicBlocks::Hidden)];

pub(super) static PRESENCE: [Key; 28] = [
    key!(
        "presence_offline_block":
        "Send no offline notices at all",
        boolean, presence.offline_block
    ),
    key!(
        "offline_notices":
        "Who is told that somebody has gone: whoever was told of them, or all friends, as in tim",
        choice "whoever_saw|all_contacts" OFFLINE_NOTICES, presence.offline_notices
    ),
    key!(
        "snapshot_at_login":
        "Tell a session at login who is there",
        boolean, presence.snapshot_at_login
    ),
    key!(
        "own_echo":
        "Tell a user's other sessions what one of them publishes",
        boolean, presence.own_echo
    ),
    key!(
        "direct_to":
        "Who may send directed presence to whom: friends, or, as in tim, anyone to anyone",
        choice "contacts|anyone" DIRECT_TO, presence.direct_to
    ),
    key!(
        "grace_error":
        "How long a user counts as there after the connection broke",
        seconds 0..=WEEK, presence.grace_error_ms
    ),
    key!(
        "grace_going_away":
        "How long a user counts as there after a client went away without logging out: a page that \
         is reloaded, an app in the background",
        seconds 0..=WEEK, presence.grace_going_away_ms
    ),
    key!(
        "grace_timeout":
        "How long a user counts as there after falling silent",
        seconds 0..=WEEK, presence.grace_timeout_ms
    ),
    key!(
        "device_limit":
        "The most sessions of one user",
        number "COUNT" 1..=1_024, presence.device_limit
    ),
    key!(
        "devicetype_limit" "device_type_limit":
        "The most sessions of one user with the same device kind (termtyp)",
        number "COUNT" 1..=1_024, presence.devicetype_limit
    ),
    key!(
        "over_limit":
        "Over a limit: the oldest session makes way, or the newcomer is refused",
        choice "evict|refuse" OVER_LIMIT, presence.over_limit
    ),
    key!(
        "auth_min_unix":
        "How old a session must be to make way",
        seconds 0..=WEEK, presence.auth_min_ms
    ),
    key!(
        "publish_burst":
        "How many presences a session may publish at once, 0 for as many as it likes at any time",
        number "COUNT" 0..=1_000_000, presence.publish_burst
    ),
    key!(
        "publish_interval_ms":
        "How long until it may publish one more; the newest is kept until then",
        number "MILLISECONDS" 1..=86_400_000, presence.publish_interval_ms
    ),
    key!(
        "max_audience":
        "The most users whom one user's presence goes to",
        number "COUNT" 1..=134_217_728, presence.max_audience
    ),
    key!(
        "max_direct":
        "The most users one directed presence may name",
        number "COUNT" 1..=1_048_576, presence.max_direct
    ),
    key!(
        "max_told":
        "The most sessions that one session's directed presence may have reached",
        number "COUNT" 1..=1_048_576, presence.max_told
    ),
    key!(
        "watch":
        "Who may ask to be told of accounts that are no friends: nobody, or anyone of anyone, but \
         for blocks",
        choice "nobody|anyone" WATCH, presence.watch
    ),
    key!(
        "max_watched":
        "The most accounts that one session may watch",
        number "COUNT" 1..=1_048_576, presence.max_watched
    ),
    key!(
        "one_state":
        "Tell friends one state of each user, and not what each device shows: that of the device \
         that spoke last, or of the one whose show ranks highest",
        choice "off|newest|show" ONE_STATE, presence.one_state
    ),
    key!(
        "idle_after":
        "With one_state: how long nobody has to be at any device of a user until friends are told \
         so, 0 for never",
        seconds 0..=WEEK, presence.idle_after_ms
    ),
    Key {
        name: "topics",
        aliases: &[],
        about: "The names of topics that may be joined by whom no token lets join others: patterns \
                in which * stands for anything, none for no topics",
        unit: "PATTERNS",
        secret: false,
        set: |config, given| {
            let patterns = list(given)?;
            let patterns: Vec<_> = patterns.split(',').map(|one| one.trim().to_owned()).collect();
            if !patterns.iter().all(|pattern| may_be_a_topics(pattern)) {
                return Err(format!(
                    "must be patterns with a comma between them, like room:*,lobby, each of 1 to \
                     {LONGEST_TOPIC} bytes besides its stars, or none"
                ));
            }
            let is_none = patterns.as_slice() == ["none"];
            config.presence.topics = Patterns::new(if is_none { Vec::new() } else { patterns });
            Ok(())
        },
        show: |config| {
            let patterns: Vec<_> = config.presence.topics.iter().collect();
            Some(if patterns.is_empty() { "none".to_owned() } else { patterns.join(",") })
        },
    },
    key!(
        "max_topics":
        "The most topics that one session may be in",
        number "COUNT" 1..=1_000, presence.max_topics
    ),
    key!(
        "topic_full_up_to":
        "The most users of a topic who are all shown to those who view all of it",
        number "COUNT" 1..=100_000, presence.topic_full_up_to
    ),
    key!(
        "topic_sample":
        "How many users are shown of a larger one",
        number "COUNT" 1..=10_000, presence.topic_sample
    ),
    key!(
        "topic_coalesce_ms":
        "How long changes in a topic are gathered before they are told, 0 to tell each at once",
        number "MILLISECONDS" 0..=60_000, presence.topic_coalesce_ms
    ),
    key!(
        "topic_max_members":
        "The most users of a topic",
        number "COUNT" 1..=134_217_728, presence.topic_max_members
    ),
    key!(
        "topic_blocks":
        "Whether those see each other in topics of whom one has blocked the other; if they are \
         hidden, a topic takes no more users than topic_full_up_to",
        choice "ignored|hidden" TOPIC_BLOCKS, presence.topic_blocks
    ),
];
