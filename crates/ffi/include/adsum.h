/* adsum: who is here, and who must be told. Made by scripts/check-header: do not edit.
 *
 * An engine is made by adsum_engine_new and freed by adsum_engine_free. One call is one verb and
 * takes the time in milliseconds, from an origin that the host chooses. Then adsum_next gives what
 * is to be done, one decision after the other, until it returns false; before that, other verbs and
 * queries are refused with ADSUM_E_NOT_DRAINED.
 *
 * The caller's duties:
 * - One thread at a time calls an engine, and nobody calls it once it is freed.
 * - A pointer that is handed in is NULL, where that is allowed, or points to what its type says,
 *   which nobody changes during the call; where a length stands beside it, to so many of them.
 * - What is lent is read only until the next call on the same engine, and not written. What a query
 *   has lent may be handed to that call, as it is. What a decision has lent may not: it is copied,
 *   since adsum_next has to return false before the engine takes anything.
 *
 * Rules are those of docs/RULES.md. Kinds of decisions, notices, entries and reasons will be added:
 * pass over what you do not know.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** The version of this header; adsum_version() is that of the library. */
#define ADSUM_VERSION "0.2.0"


/**
 * What a call came to. Whatever begins with `ADSUM_E_` is a refusal, after which the engine is as
 * it was before the call; `adsum_last_error` has the details.
 */
enum adsum_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It is done.
     */
    ADSUM_OK = 0,
    /**
     * There is no such thing: what was asked for is not known, or no longer. Queries say so, which
     * refuse nothing, and nothing was written to `out`.
     */
    ADSUM_NOTHING = 1,
    /**
     * A pointer is NULL that must not be: `argument` says which, and `place` which of a list.
     */
    ADSUM_E_NULL = 2,
    /**
     * A number is none that may stand there: `argument` and `value` say which.
     */
    ADSUM_E_ARGUMENT = 3,
    /**
     * There are decisions about the last input which nobody has taken: `adsum_next` gives them,
     * `adsum_discard` drops them.
     */
    ADSUM_E_NOT_DRAINED = 4,
    /**
     * The engine is at work: it was called from the function that chooses who speaks for a user.
     */
    ADSUM_E_BUSY = 5,
    /**
     * A fault in adsum. It is contained, but nothing can be said of this engine any more: from now
     * on every call says so, and it is to be freed.
     */
    ADSUM_E_BUG = 6,
    /**
     * An option is out of its range: `argument`, `value`, `min` and `max` say which.
     */
    ADSUM_E_OPTION = 7,
    /**
     * The lease is less than twice the heartbeat: `argument` is `lease_ms`, `value` what it is and
     * `min` the least.
     */
    ADSUM_E_LEASE_TOO_SHORT = 8,
    /**
     * To tell whoever saw a session of its end there must be snapshots at connect:
     * `offline_notices` and `snapshot_on_connect` say otherwise.
     */
    ADSUM_E_WHO_SAW_IS_UNKNOWN = 9,
    /**
     * No attachment has this key: its session has ended, its grace is over, it was resumed and has
     * another key now, or the key was never given out.
     */
    ADSUM_E_UNKNOWN_SESSION = 20,
    /**
     * The session is detached, so it can say nothing until it is resumed.
     */
    ADSUM_E_DETACHED = 21,
    /**
     * The user has as many sessions as `limit` allows, all in all or of the kind `kind`.
     */
    ADSUM_E_SESSION_LIMIT = 22,
    /**
     * The audience, or what is to be taken out of it, would be longer than `limit`.
     */
    ADSUM_E_AUDIENCE_LIMIT = 23,
    /**
     * The list of blocked users would be longer than `limit`.
     */
    ADSUM_E_BLOCKED_LIMIT = 24,
    /**
     * A session would watch more users than `limit`, or more are named at once.
     */
    ADSUM_E_WATCH_LIMIT = 25,
    /**
     * More than `limit` users are named: `max_direct`, or of a system notice 2^20.
     */
    ADSUM_E_DIRECT_LIMIT = 26,
    /**
     * The grace is longer than `limit` milliseconds.
     */
    ADSUM_E_GRACE_LIMIT = 27,
    /**
     * What ends by itself is to last longer than `limit` milliseconds.
     */
    ADSUM_E_EXPIRY_LIMIT = 28,
    /**
     * No topic that the session is in has this key, or none has this name.
     */
    ADSUM_E_UNKNOWN_TOPIC = 29,
    /**
     * The session observes the topic, where only a member can do this.
     */
    ADSUM_E_NOT_MEMBER = 30,
    /**
     * The session is in the topic already, whose key is `topic`.
     */
    ADSUM_E_ALREADY_JOINED = 31,
    /**
     * The session is in `limit` topics, which is the most.
     */
    ADSUM_E_TOPIC_LIMIT = 32,
    /**
     * The topic has `limit` members, which is the most; or it has more, and blocks are to hide in
     * it.
     */
    ADSUM_E_MEMBER_LIMIT = 33,
    /**
     * A session would look at more than `limit` members of a topic by name.
     */
    ADSUM_E_NAMED_LIMIT = 34,
    /**
     * An option of a topic is out of its range: `argument` says which, and `value`, `min` and
     * `max` what it was and may be.
     */
    ADSUM_E_TOPIC_OPTIONS = 35,
    /**
     * Over the rate of directed presence, and of what is said in topics: the same call may succeed
     * at `retry_at`.
     */
    ADSUM_E_RATE_LIMITED = 36,
    /**
     * The engine can index no more users, sessions or resumes, or not as many as are to be
     * reserved.
     */
    ADSUM_E_FULL = 37,
    /**
     * A refusal that this version of the interface has no number for: `message` says what it is.
     */
    ADSUM_E_OTHER = 63,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_status adsum_status;
#else
typedef uint32_t adsum_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is to be done.
 */
enum adsum_decision_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Something that this version of the interface has no number for: pass over it.
     */
    ADSUM_DECISION_OTHER = 0,
    /**
     * Send `notice` to each session in `to`: at most 4,096, none twice. A larger fan-out comes as
     * several decisions with the same `id`.
     */
    ADSUM_DECISION_DELIVER = 1,
    /**
     * Send the one session in `to`, whose key is `key`, the present state of all whom it may see,
     * or, if `named.items` is not NULL, of the users named there: `entries`, from the part that
     * `is_first` to the one that `is_last`. `is_visible` says whether its own user is.
     */
    ADSUM_DECISION_SNAPSHOT = 2,
    /**
     * Tell the sessions in `to` what `topic` is like: `counts`, and as far as `view` shows them
     * `entries`, from the part that `is_first` to the one that `is_last`.
     */
    ADSUM_DECISION_TOPIC = 3,
    /**
     * Tell the sessions in `to` what has changed in `topic`, likewise.
     */
    ADSUM_DECISION_CHANGES = 4,
    /**
     * Somebody is in `topic`, whose key is `topic_key`. The host is told.
     */
    ADSUM_DECISION_TOPIC_OCCUPIED = 5,
    /**
     * Nobody is in `topic` any more, and `topic_key` is stale. The host is told.
     */
    ADSUM_DECISION_TOPIC_VACATED = 6,
    /**
     * `notice` was not sent to the sessions in `to`, because they are congested, and will not be.
     */
    ADSUM_DECISION_SKIPPED = 7,
    /**
     * Close the connection of the attachment `key`, because of `reason`. If `is_resumable`, the
     * session is detached and the key is good for `adsum_resume`; otherwise the key is stale.
     */
    ADSUM_DECISION_CLOSE = 8,
    /**
     * The first session of `user` has connected: `key`, which may be another node's. The host is
     * told.
     */
    ADSUM_DECISION_ONLINE = 9,
    /**
     * A session of `user` has ended, whose last key was `key`, because of `reason`: receivers knew
     * it by `session`, its connection was gone at `since`, and if it `is_last`, the user is
     * offline. The host is told, once for each session, be it another node's.
     */
    ADSUM_DECISION_ENDED = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_decision_kind adsum_decision_kind;
#else
typedef uint32_t adsum_decision_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What receivers are told.
 */
enum adsum_notice
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing, or something that this version of the interface has no number for: pass over it.
     */
    ADSUM_NOTICE_NONE = 0,
    /**
     * What `session` of `user` says of itself: `presence`. If `is_first`, they held nothing of it.
     */
    ADSUM_NOTICE_PRESENCE = 1,
    /**
     * The one state of `user`, where an engine chooses who speaks: `presence`, `is_first`, and if
     * `is_idle`, `idle_since`.
     */
    ADSUM_NOTICE_USER = 2,
    /**
     * What `session` of `user` says to named users only: `presence`.
     */
    ADSUM_NOTICE_DIRECTED = 3,
    /**
     * What `session` of `user` said to named users no longer holds.
     */
    ADSUM_NOTICE_DIRECTED_OVER = 4,
    /**
     * `session` of `user` shows nothing any more, and goes on.
     */
    ADSUM_NOTICE_WITHDRAWN = 5,
    /**
     * Whether the receiver's own user, `user`, is visible: `is_visible`.
     */
    ADSUM_NOTICE_VISIBILITY = 6,
    /**
     * `session` of `user` has ended, and the user has others.
     */
    ADSUM_NOTICE_SESSION_ENDED = 7,
    /**
     * `user` is offline, or looks so.
     */
    ADSUM_NOTICE_USER_OFFLINE = 8,
    /**
     * `user` has become a member of `topic` with `session`, which shows `presence`, if anything.
     */
    ADSUM_NOTICE_JOINED = 9,
    /**
     * What `session` of the member `user` shows in `topic`: `presence`, if anything. If
     * `is_first`, it has just joined.
     */
    ADSUM_NOTICE_MEMBER = 10,
    /**
     * `session` of the member `user` is no longer in `topic`, and the user has others there.
     */
    ADSUM_NOTICE_MEMBER_SESSION_ENDED = 11,
    /**
     * `user` is no member of `topic` any more, because of `reason`.
     */
    ADSUM_NOTICE_LEFT = 12,
    /**
     * The receiver itself is no longer in `topic`, because of `reason`.
     */
    ADSUM_NOTICE_TOPIC_CLOSED = 13,
    /**
     * What `session` of the member `user` says in `topic`: `presence`.
     */
    ADSUM_NOTICE_SAID = 14,
    /**
     * What `session` of the member `user` said in `topic` no longer holds.
     */
    ADSUM_NOTICE_SAID_OVER = 15,
    /**
     * Something that the application says: `presence`.
     */
    ADSUM_NOTICE_SYSTEM = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_notice adsum_notice;
#else
typedef uint32_t adsum_notice;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why something came to its end.
 */
enum adsum_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing did.
     */
    ADSUM_REASON_NONE = 0,
    /**
     * It was disconnected: a logout.
     */
    ADSUM_REASON_DISCONNECTED = 1,
    /**
     * It was lost, for the `cause` beside it, and not resumed in time.
     */
    ADSUM_REASON_LOST = 2,
    /**
     * A newer session of its user took its place.
     */
    ADSUM_REASON_EVICTED = 3,
    /**
     * An administrator expelled its user.
     */
    ADSUM_REASON_EXPELLED = 4,
    /**
     * Nothing was heard of the session for the length of its lease.
     */
    ADSUM_REASON_LEASE_LAPSED = 5,
    /**
     * The session was resumed on another connection.
     */
    ADSUM_REASON_REPLACED = 6,
    /**
     * Its last session in the topic has left.
     */
    ADSUM_REASON_LEFT = 7,
    /**
     * It was removed from the topic.
     */
    ADSUM_REASON_REMOVED = 8,
    /**
     * The topic was closed.
     */
    ADSUM_REASON_CLOSED = 9,
    /**
     * A reason that this version of the interface has no number for.
     */
    ADSUM_REASON_OTHER = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_reason adsum_reason;
#else
typedef uint32_t adsum_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a connection was lost; each cause has a grace of its own.
 */
enum adsum_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It was not lost.
     */
    ADSUM_CAUSE_NONE = 0,
    /**
     * The connection broke.
     */
    ADSUM_CAUSE_CONNECTION_ERROR = 1,
    /**
     * Nothing was heard of it for too long.
     */
    ADSUM_CAUSE_TIMEOUT = 2,
    /**
     * The node that had the connection is gone.
     */
    ADSUM_CAUSE_NODE_LOSS = 3,
    /**
     * The client said that it is going away and will probably be back.
     */
    ADSUM_CAUSE_GOING_AWAY = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_cause adsum_cause;
#else
typedef uint32_t adsum_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an entry says.
 */
enum adsum_entry_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Something that this version of the interface has no number for: pass over it.
     */
    ADSUM_ENTRY_OTHER = 0,
    /**
     * What a session shows: to contacts, or as a member of a topic.
     */
    ADSUM_ENTRY_PRESENCE = 1,
    /**
     * A session of a member is no longer in the topic.
     */
    ADSUM_ENTRY_SESSION_ENDED = 2,
    /**
     * A user is no member of the topic any more.
     */
    ADSUM_ENTRY_LEFT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_entry_kind adsum_entry_kind;
#else
typedef uint32_t adsum_entry_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who may send directed presence to whom.
 */
enum adsum_direct_to
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Users of whom one is in the other's audience.
     */
    ADSUM_DIRECT_TO_CONTACTS = 0,
    /**
     * Anyone to anyone, blocks excepted.
     */
    ADSUM_DIRECT_TO_ANYONE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_direct_to adsum_direct_to;
#else
typedef uint32_t adsum_direct_to;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who is told when a session ends, or when a user goes invisible.
 */
enum adsum_offline_notices
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Whoever was told of the session.
     */
    ADSUM_OFFLINE_TO_WHOEVER_SAW = 0,
    /**
     * The same, and at the end of a user's last session all contacts who are online.
     */
    ADSUM_OFFLINE_TO_ALL_CONTACTS = 1,
    /**
     * Nobody: receivers keep believing in those who have gone.
     */
    ADSUM_OFFLINE_NEVER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_offline_notices adsum_offline_notices;
#else
typedef uint32_t adsum_offline_notices;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a newcomer over a session limit.
 */
enum adsum_over_limit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The newcomer is refused.
     */
    ADSUM_OVER_LIMIT_REFUSE = 0,
    /**
     * The oldest session goes if it connected at least `evict_min_age_ms` ago; otherwise the
     * newcomer is refused.
     */
    ADSUM_OVER_LIMIT_EVICT_OLDEST = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_over_limit adsum_over_limit;
#else
typedef uint32_t adsum_over_limit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether a block hides its two users from each other in a topic.
 */
enum adsum_topic_blocks
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Whoever views a topic sees all who are in it.
     */
    ADSUM_TOPIC_BLOCKS_IGNORED = 0,
    /**
     * Neither of the two is there for the other.
     */
    ADSUM_TOPIC_BLOCKS_HIDDEN = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_topic_blocks adsum_topic_blocks;
#else
typedef uint32_t adsum_topic_blocks;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a session is told of the members of a topic, each more than the one before.
 */
enum adsum_view_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing, but that the topic is closed to it.
     */
    ADSUM_VIEW_NOTHING = 0,
    /**
     * How many users, sessions and observers there are.
     */
    ADSUM_VIEW_COUNT = 1,
    /**
     * The same, and the sessions of those who have been members longest, `sample` users of them.
     */
    ADSUM_VIEW_SAMPLE = 2,
    /**
     * Every session of every member. In a large topic it is served as a sample.
     */
    ADSUM_VIEW_ALL = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum adsum_view_kind adsum_view_kind;
#else
typedef uint32_t adsum_view_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * An engine: an opaque thing made by `adsum_engine_new` and freed by `adsum_engine_free`. One
 * thread at a time may call it; it need not always be the same.
 */
typedef struct adsum_engine adsum_engine;

/**
 * A token bucket. A `burst` of 0 is no limit, whatever the interval.
 */
typedef struct adsum_rate {
    /**
     * How many tokens a full bucket has: 1 to 1,000,000; 0 for no limit.
     */
    uint32_t burst;
    /**
     * Milliseconds until a token comes back: 1 to one day, unless `burst` is 0.
     */
    uint32_t interval_ms;
} adsum_rate;

/**
 * How a topic behaves.
 */
typedef struct adsum_topic_options {
    /**
     * The most users who are all shown to those who view all: 1 to 100,000. Default: 200.
     */
    uint32_t full_up_to;
    /**
     * How long changes are gathered before they are told, in milliseconds: 0 (each is told at
     * once) to 60,000. Default: 0.
     */
    uint32_t coalesce_ms;
    /**
     * The most users who may be members: 1 to 2^27. Default: 1,000,000.
     */
    uint32_t max_members;
    /**
     * How many users the sample of a large topic has: 1 to 10,000. Default: 20.
     */
    uint16_t sample;
    /**
     * Whether blocks hide users from each other in it: a value of `adsum_topic_blocks`. Where they
     * do, `full_up_to` is the most users who may be members and `coalesce_ms` must be 0. Default:
     * `ADSUM_TOPIC_BLOCKS_IGNORED`.
     */
    uint32_t blocks;
} adsum_topic_options;

/**
 * The options of an engine. Have `adsum_options_default` fill them in and change what you will:
 * options will be added. `adsum::Options` says more of each.
 *
 * What is out of its range is refused with `ADSUM_E_OPTION`, and what is none of its values with
 * `ADSUM_E_ARGUMENT`; `argument` is the field's name, as `publish_rate.burst`.
 */
typedef struct adsum_options {
    /**
     * Whether a user's own other sessions are told what one of them publishes. Default: yes.
     */
    bool own_echo;
    /**
     * Whether a session is told at connect whom it can see. Default: yes. Must be so where
     * `offline_notices` is whoever saw (`ADSUM_E_WHO_SAW_IS_UNKNOWN`).
     */
    bool snapshot_on_connect;
    /**
     * Who is told that a session has ended: one of `adsum_offline_notices`. Default: whoever saw.
     */
    uint32_t offline_notices;
    /**
     * Who may direct to whom: one of `adsum_direct_to`. Default: contacts.
     */
    uint32_t direct_to;
    /**
     * What happens to a newcomer over a limit: one of `adsum_over_limit`. Default: evict.
     */
    uint32_t over_limit;
    /**
     * For how long the oldest session is safe, in milliseconds, if it would be evicted: 0 to seven
     * days. Default: 10,000.
     */
    uint64_t evict_min_age_ms;
    /**
     * How long a session may be resumed after a connection error, in milliseconds: 0 (it ends at
     * once) to seven days. Default: 60,000.
     */
    uint64_t grace_connection_error_ms;
    /**
     * The same after a timeout, a lapsed lease included: 0 to seven days. Default: 15,000.
     */
    uint64_t grace_timeout_ms;
    /**
     * The same after the loss of a node: 0 to seven days. Default: 60,000.
     */
    uint64_t grace_node_loss_ms;
    /**
     * The same after a client said that it is going away: 0 to seven days. Default: 5,000.
     */
    uint64_t grace_going_away_ms;
    /**
     * How long a session may say nothing, in milliseconds: 1 to seven days, and at least twice the
     * heartbeat (`ADSUM_E_LEASE_TOO_SHORT`); 0 for ever. Default: 90,000.
     */
    uint64_t lease_ms;
    /**
     * How often the host promises a heartbeat for every live session, in milliseconds: 1 to three
     * and a half days. Not read if the lease is 0. Default: 30,000.
     */
    uint64_t heartbeat_ms;
    /**
     * How long a presence that ends by itself may last at the most, in milliseconds: 1 to 366
     * days. Default: seven days.
     */
    uint64_t max_expiry_ms;
    /**
     * After how many milliseconds without a sign of a person a user is idle: 1 to seven days; 0
     * for never. Default: 0.
     */
    uint64_t idle_after_ms;
    /**
     * How long what a session showed is held for a later one of the same user, in milliseconds: 0
     * to 60,000. Default: 10,000.
     */
    uint64_t settle_ms;
    /**
     * How long the last end of a user at another node is kept back, in milliseconds: 0 to 10,000
     * (rule C10). Default: 500.
     */
    uint64_t skew_ms;
    /**
     * The most entries of one audience: 1 to 2^27. Default: 100,000.
     */
    uint32_t max_audience;
    /**
     * The most users one user may block: 1 to 2^27. Default: 10,000.
     */
    uint32_t max_blocked;
    /**
     * The most users one directed presence may name: 1 to 2^20. Default: 1,000.
     */
    uint32_t max_direct;
    /**
     * The most names that a session's directed presences are remembered by: `max_direct` to 2^20.
     * Default: 4,096.
     */
    uint32_t max_told;
    /**
     * The most users that one session may watch: 1 to 2^20. Default: 500.
     */
    uint32_t max_watched;
    /**
     * The most topics that one session may be in: 1 to 1,000. Default: 100.
     */
    uint32_t max_topics;
    /**
     * The most members that a session may look at by name: 1 to 10,000. Default: 500.
     */
    uint32_t max_topic_named;
    /**
     * The most sessions one user may have: 1 to 1,024. Default: 16.
     */
    uint16_t max_sessions;
    /**
     * The most sessions of one device kind: 1 to `max_sessions`; 0 for as many as in all.
     * Default: 0.
     */
    uint16_t max_sessions_per_kind;
    /**
     * How often one session may publish. Default: ten at once, then one a second.
     */
    struct adsum_rate publish_rate;
    /**
     * How often one session may direct. Default: twenty at once, then four a second.
     */
    struct adsum_rate direct_rate;
    /**
     * How often one session may update what it shows in one topic. Default: twenty at once, then
     * ten a second.
     */
    struct adsum_rate topic_rate;
    /**
     * How topics behave that have no options of their own. What is refused is named with this
     * field: `topics.sample`, say.
     */
    struct adsum_topic_options topics;
} adsum_options;

/**
 * Bytes that belong to somebody else: an id of a user, the name of a topic, a presence.
 *
 * What is handed in is copied where it is kept, and may be gone when the call returns. What is
 * lent holds until the next call on that engine. `data` may be NULL if `len` is 0: where something
 * may be missing, NULL says that it is, and any other pointer with a `len` of 0 that it is empty.
 * Where something is lent that is empty and not missing, `data` points to a byte that is there for
 * ever and says nothing.
 */
typedef struct adsum_bytes {
    /**
     * The first byte.
     */
    const uint8_t *data;
    /**
     * How many there are.
     */
    size_t len;
} adsum_bytes;

/**
 * A session that may speak for its user: it shows something.
 */
typedef struct adsum_candidate {
    /**
     * What it shows.
     */
    struct adsum_bytes presence;
    /**
     * Since when it shows that.
     */
    uint64_t published;
    /**
     * When a person last did something on it, if `is_idle`.
     */
    uint64_t idle_since;
    /**
     * What kind of device it is on.
     */
    uint8_t kind;
    /**
     * Whether it is idle.
     */
    bool is_idle;
    /**
     * Whether it has no connection at the moment.
     */
    bool is_detached;
} adsum_candidate;

/**
 * Chooses which of a user's sessions speaks for it, by its place among the candidates, which are
 * in the order in which they connected. A place behind the end counts as the first.
 *
 * It must be pure (the same candidates, the same choice), return by `return` (no longjmp, no
 * exception), and give the engine that calls it no call.
 */
typedef size_t (*adsum_represent)(void *context,
                                  const struct adsum_candidate *candidates,
                                  size_t len);

/**
 * Names one topic, from its first session to its last. All zero is no topic.
 */
typedef struct adsum_topic {
    /**
     * Never zero, and never used for another topic.
     */
    uint64_t name;
    /**
     * Its place.
     */
    uint32_t place;
} adsum_topic;

/**
 * Why a call was refused: the status, and of the rest what the status says.
 */
typedef struct adsum_error {
    /**
     * What the call came to.
     */
    adsum_status status;
    /**
     * The device kind that has a limit of its own; -1 if it is no such limit.
     */
    int32_t kind;
    /**
     * The name of an argument, or of an option, which is its field's, as `publish_rate.burst`. It
     * holds for ever; NULL if there is none.
     */
    struct adsum_bytes argument;
    /**
     * Which entry of a list, counted from 0; SIZE_MAX if it is none.
     */
    size_t place;
    /**
     * The limit in force; 0 if it is none.
     */
    uint64_t limit;
    /**
     * What a number was.
     */
    uint64_t value;
    /**
     * The least it may be.
     */
    uint64_t min;
    /**
     * The most it may be.
     */
    uint64_t max;
    /**
     * The first moment at which the same call may succeed, in milliseconds.
     */
    uint64_t retry_at;
    /**
     * The key of the topic that the session is in already.
     */
    struct adsum_topic topic;
    /**
     * All of it in words, with a NUL at the end.
     */
    char message[160];
} adsum_error;

/**
 * Names one attachment of a session: one stretch of its life on one connection. What
 * `adsum_connect` and `adsum_resume` give out, and what every verb of a session takes. All zero is
 * no session. Of a session that another node has, `adsum_session_is_remote` says so, and no verb
 * takes the key.
 *
 * Keep it beside the connection, and tables of connections by `slot`: decisions name receivers by
 * that.
 */
typedef struct adsum_session {
    /**
     * Never zero, and never used for another attachment.
     */
    uint64_t name;
    /**
     * Where decisions find the session while it is attached. It stays the same when the session is
     * resumed, and goes to another once the session has ended.
     */
    uint32_t slot;
} adsum_session;

/**
 * One entry of a snapshot, of a topic's snapshot, or of what has changed in a topic.
 */
typedef struct adsum_entry {
    /**
     * What it says.
     */
    adsum_entry_kind kind;
    /**
     * Why the user has left.
     */
    adsum_reason reason;
    /**
     * Whose session, or who has left.
     */
    struct adsum_bytes user;
    /**
     * Which session, by the number that receivers know it by; 0 if none is named.
     */
    uint64_t session;
    /**
     * What it shows. In a topic `data` is NULL if it shows nothing.
     */
    struct adsum_bytes presence;
    /**
     * When a person last did something on any of the user's devices, if `is_idle`.
     */
    uint64_t idle_since;
    /**
     * Why the last session of who has left was lost, if it was.
     */
    adsum_cause cause;
    /**
     * Whether this is the one state of the user, which the session speaks for.
     */
    bool is_user;
    /**
     * Whether the user is told as one and idle.
     */
    bool is_idle;
} adsum_entry;

/**
 * Ids one after the other.
 */
typedef struct adsum_list {
    /**
     * The first. May be NULL if there is none, and is so where a list without entries is lent.
     */
    const struct adsum_bytes *items;
    /**
     * How many there are.
     */
    size_t len;
} adsum_list;

/**
 * How many are in a topic, those who are invisible not counted.
 */
typedef struct adsum_topic_counts {
    /**
     * Users who are members.
     */
    uint32_t users;
    /**
     * Their sessions there.
     */
    uint32_t sessions;
    /**
     * Sessions that observe and are no members.
     */
    uint32_t observers;
} adsum_topic_counts;

/**
 * What a session is told of the members of a topic.
 */
typedef struct adsum_view {
    /**
     * One of `adsum_view_kind`.
     */
    uint32_t kind;
    /**
     * How many users a sample has; nothing otherwise.
     */
    uint16_t sample;
} adsum_view;

/**
 * What is to be done now, or should be known. What a decision of its kind does not have is zero.
 * Whatever it points to holds until the next call on the engine.
 */
typedef struct adsum_decision {
    /**
     * What is to be done.
     */
    adsum_decision_kind kind;
    /**
     * What receivers are told, of Deliver and Skipped.
     */
    adsum_notice notice;
    /**
     * The slots of those who are told.
     */
    const uint32_t *to;
    /**
     * How many they are.
     */
    size_t to_len;
    /**
     * The number of the notice, or of the snapshot, which all of its parts share.
     */
    uint64_t id;
    /**
     * Whom it is about.
     */
    struct adsum_bytes user;
    /**
     * The session that it is about, by the number that receivers know it by.
     */
    uint64_t session;
    /**
     * What is shown or said. In a topic `data` is NULL if nothing is shown.
     */
    struct adsum_bytes presence;
    /**
     * The name of the topic that it is about.
     */
    struct adsum_bytes topic;
    /**
     * The attachment that it is about, for the host alone.
     */
    struct adsum_session key;
    /**
     * The key of the topic, for the host alone.
     */
    struct adsum_topic topic_key;
    /**
     * Why.
     */
    adsum_reason reason;
    /**
     * Why it was lost, if that is the reason.
     */
    adsum_cause cause;
    /**
     * When the connection was gone of a session that has ended, in milliseconds.
     */
    uint64_t since;
    /**
     * When a person last did something on any of the user's devices, if `is_idle`.
     */
    uint64_t idle_since;
    /**
     * What a snapshot consists of, or what has changed: at most 4,096. NULL if that is nothing.
     */
    const struct adsum_entry *entries;
    /**
     * How many they are.
     */
    size_t entries_len;
    /**
     * The users that a snapshot is the whole truth of; `items` is NULL if it is of everything, and
     * not if it is of nobody.
     */
    struct adsum_list named;
    /**
     * How many are in the topic.
     */
    struct adsum_topic_counts counts;
    /**
     * What of the topic is shown.
     */
    struct adsum_view view;
    /**
     * Whether receivers held nothing of this session, or this is the first part.
     */
    bool is_first;
    /**
     * Whether this is the last part, or the session was the user's last.
     */
    bool is_last;
    /**
     * Whether the user is visible.
     */
    bool is_visible;
    /**
     * Whether the session can still be resumed.
     */
    bool is_resumable;
    /**
     * Whether the user is told as one and idle.
     */
    bool is_idle;
} adsum_decision;

/**
 * What a session is in a topic.
 */
typedef struct adsum_remote_member {
    /**
     * The topic's name.
     */
    struct adsum_bytes topic;
    /**
     * How often what it shows there has changed.
     */
    uint64_t number;
    /**
     * What it shows there; `data` is NULL if it is what it publishes.
     */
    struct adsum_bytes presence;
    /**
     * Whether it observes, and is no member: it shows nothing there, and is only counted.
     */
    bool observes;
} adsum_remote_member;

/**
 * What a node says of one of its sessions.
 */
typedef struct adsum_remote_session {
    /**
     * Its id in the engine of its node. Receivers at other nodes know it by another.
     */
    uint64_t id;
    /**
     * How long ago it connected, in milliseconds.
     */
    uint64_t age_ms;
    /**
     * How often what it shows has changed. What comes with the number that is known is not told
     * again.
     */
    uint64_t number;
    /**
     * What it shows; `data` is NULL if it shows nothing.
     */
    struct adsum_bytes presence;
    /**
     * How long it has shown it, in milliseconds.
     */
    uint64_t shown_ms;
    /**
     * In how many milliseconds that ends by itself, if `is_ending`.
     */
    uint64_t ends_ms;
    /**
     * What takes its place then; `data` is NULL if nothing does.
     */
    struct adsum_bytes then;
    /**
     * How long ago it was lost, in milliseconds, if it is detached.
     */
    uint64_t lost_ms;
    /**
     * How much of its grace is left, in milliseconds, if it is detached.
     */
    uint64_t grace_ms;
    /**
     * How long ago a person last did something on it, in milliseconds, if `is_idle`.
     */
    uint64_t idle_ms;
    /**
     * The topics in which it is a member, in the order in which it joined them. May be NULL if
     * there is none.
     */
    const struct adsum_remote_member *topics;
    /**
     * How many they are.
     */
    size_t topics_len;
    /**
     * Why it was lost, as one of `adsum_cause`; `ADSUM_CAUSE_NONE` if it is attached.
     */
    uint32_t cause;
    /**
     * What kind of device it is on.
     */
    uint8_t kind;
    /**
     * Whether what it shows ends by itself.
     */
    bool is_ending;
    /**
     * Whether it is idle.
     */
    bool is_idle;
} adsum_remote_session;

/**
 * Why a session has ended.
 */
typedef struct adsum_remote_end {
    /**
     * Its id in the engine of its node.
     */
    uint64_t id;
    /**
     * Why, as one of `adsum_reason`: disconnected, lost, evicted or expelled.
     */
    uint32_t reason;
    /**
     * Why it was lost, as one of `adsum_cause`, if that is the reason.
     */
    uint32_t cause;
} adsum_remote_end;

/**
 * Everything that one node says of one user. `adsum_local_user` and `adsum_next_changed` lend it,
 * and `adsum_remote_state` takes it. Clocks of nodes are apart, so it has durations and no moments
 * (rule C18).
 */
typedef struct adsum_user_state {
    /**
     * Of whom it is.
     */
    struct adsum_bytes user;
    /**
     * Who may see the user, if `has_lists`.
     */
    struct adsum_list audience;
    /**
     * Whom the user has blocked, if `has_lists`.
     */
    struct adsum_list blocked;
    /**
     * All sessions of the user that the node has, in the order in which they connected. May be
     * NULL if there is none.
     */
    const struct adsum_remote_session *sessions;
    /**
     * How many they are.
     */
    size_t sessions_len;
    /**
     * Why sessions have ended that the other engine may still have of the node. Those that are in
     * neither list count as disconnected. May be NULL if there is none, and is so where it is
     * lent: the host has heard of each end by `ADSUM_DECISION_ENDED`, and puts here what it kept.
     */
    const struct adsum_remote_end *ended;
    /**
     * How many they are.
     */
    size_t ended_len;
    /**
     * Whether it says what belongs to the user and not to one node. If not, the other engine goes
     * on with what it has (rule C13); if so, with what is given, be it empty.
     */
    bool has_lists;
    /**
     * Whether the user is visible, if `has_lists`.
     */
    bool is_visible;
} adsum_user_state;

/**
 * What the engine knows of one session.
 */
typedef struct adsum_session_info {
    /**
     * The key of its attachment, or of the last one if it is detached.
     */
    struct adsum_session key;
    /**
     * What receivers know it by.
     */
    uint64_t id;
    /**
     * Whose session it is.
     */
    struct adsum_bytes user;
    /**
     * What it shows; `data` is NULL if it shows nothing. A publish that waits is not counted.
     */
    struct adsum_bytes presence;
    /**
     * When it connected.
     */
    uint64_t connected;
    /**
     * When something was last heard of it.
     */
    uint64_t heard;
    /**
     * When it was lost, if it is not attached.
     */
    uint64_t lost_at;
    /**
     * Why it was lost, if it is not attached.
     */
    adsum_cause lost_cause;
    /**
     * What kind of device it is on.
     */
    uint8_t kind;
    /**
     * Whether it has a connection, congested or not.
     */
    bool is_attached;
    /**
     * Whether it is congested.
     */
    bool is_congested;
} adsum_session_info;

/**
 * What the engine knows of one topic.
 */
typedef struct adsum_topic_info {
    /**
     * Its key.
     */
    struct adsum_topic key;
    /**
     * Its name.
     */
    struct adsum_bytes name;
    /**
     * How many are in it.
     */
    struct adsum_topic_counts counts;
    /**
     * The options in force for it.
     */
    struct adsum_topic_options options;
    /**
     * Whether it is so large that those who view all are served a sample.
     */
    bool is_large;
} adsum_topic_info;

/**
 * One session of a member of a topic.
 */
typedef struct adsum_member {
    /**
     * Where it stands: what to hand in to go on after its user.
     */
    uint64_t cursor;
    /**
     * Whose session.
     */
    struct adsum_bytes user;
    /**
     * Which session, by the number that receivers know it by.
     */
    uint64_t session;
    /**
     * What it shows in the topic; `data` is NULL if it shows nothing.
     */
    struct adsum_bytes presence;
} adsum_member;

/**
 * A session that is in a topic, as a member or as an observer.
 */
typedef struct adsum_attendant {
    /**
     * The session.
     */
    struct adsum_session_info session;
    /**
     * What it views.
     */
    struct adsum_view view;
} adsum_attendant;

/**
 * What the engine knows of the session that speaks for a user who is told as one.
 */
typedef struct adsum_representative {
    /**
     * The session, which may have ended, if what it showed is held.
     */
    struct adsum_session_info session;
    /**
     * When a person last did something on any of the user's devices, if `is_idle`.
     */
    uint64_t idle_since;
    /**
     * Whether the user is idle.
     */
    bool is_idle;
} adsum_representative;

/**
 * How much of everything an engine holds at the moment.
 */
typedef struct adsum_counts {
    /**
     * Users with at least one session.
     */
    size_t users_online;
    /**
     * Users whose id the engine keeps.
     */
    size_t users_known;
    /**
     * Sessions, detached ones included.
     */
    size_t sessions;
    /**
     * Sessions that are detached.
     */
    size_t detached;
    /**
     * Sessions that other nodes have.
     */
    size_t remote;
    /**
     * Sessions that are congested.
     */
    size_t congested;
    /**
     * Presence values.
     */
    size_t presences;
    /**
     * Publishes that wait for their token.
     */
    size_t conflated;
    /**
     * Entries in audiences.
     */
    size_t audience_entries;
    /**
     * Pairs of a user and one it has blocked.
     */
    size_t blocked_pairs;
    /**
     * Pairs of a session and a user that it watches.
     */
    size_t watches;
    /**
     * Topics that somebody is in.
     */
    size_t topics;
    /**
     * Pairs of a session and a topic that it is in.
     */
    size_t memberships;
    /**
     * Receivers of directed presence that are remembered.
     */
    size_t told;
    /**
     * Things to be told to congested sessions.
     */
    size_t missed;
    /**
     * What ends by itself, and updates in topics that wait for a token.
     */
    size_t expiring;
    /**
     * Deadlines that are armed.
     */
    size_t timers;
} adsum_counts;

/**
 * What an engine has done since it was made. The numbers only grow.
 */
typedef struct adsum_stats {
    /**
     * Inputs that were accepted.
     */
    uint64_t inputs;
    /**
     * Inputs that were refused by the engine.
     */
    uint64_t refusals;
    /**
     * Notices, entries of snapshots included.
     */
    uint64_t notices;
    /**
     * Receivers of notices, and entries of snapshots.
     */
    uint64_t deliveries;
    /**
     * Publishes that had to wait for a token, or replaced one that waited.
     */
    uint64_t conflated;
    /**
     * Receivers who were not sent a directed or system notice because they were congested.
     */
    uint64_t skipped;
} adsum_stats;

/**
 * Who speaks at another node.
 */
typedef struct adsum_remote_sender {
    /**
     * Whose session it is.
     */
    struct adsum_bytes user;
    /**
     * Its id in the engine of its node.
     */
    uint64_t session;
    /**
     * The node.
     */
    uint32_t origin;
} adsum_remote_sender;

/**
 * Who connects, and what the host says of them. Each list is a set, in which the user itself does
 * not count.
 */
typedef struct adsum_newcomer {
    /**
     * Whose session it is.
     */
    struct adsum_bytes user;
    /**
     * Who may see the user's presence.
     */
    struct adsum_list audience;
    /**
     * Whom the user has blocked.
     */
    struct adsum_list blocked;
    /**
     * What kind of device it is on, for the limits.
     */
    uint8_t kind;
} adsum_newcomer;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes an empty engine and writes it to `out`. `options` may be NULL for the default. With
 * `choose`, contacts are told one state of each user, that of the session which it chooses;
 * `context` is what it is called with. Where that is NULL they are told one of each session.
 *
 * `error` may be NULL; otherwise it says why the options were refused.
 */
adsum_status adsum_engine_new(const struct adsum_options *options,
                              adsum_represent choose,
                              void *context,
                              struct adsum_engine **out,
                              struct adsum_error *error);

/**
 * Frees an engine with all that it holds and has lent. NULL is passed over, and so is an engine
 * that is at work: the function that chooses who speaks for a user cannot free it.
 *
 * Decisions that are left are dropped, as by `adsum_discard`, and for that the function may be
 * called once more.
 */
void adsum_engine_free(struct adsum_engine *engine);

/**
 * Writes the next decision about the last input to `out` and returns true; returns false when none
 * is left, and then the next input may be given. What it lends holds until the next call on this
 * engine.
 *
 * It returns false too where the engine is faulty or `out` is NULL, as `adsum_last_error` says.
 */
bool adsum_next(struct adsum_engine *engine, struct adsum_decision *out);

/**
 * Drops the decisions about the last input that are left: notices that nobody gets. State is not
 * lost by it, but deadlines that `adsum_advance` had not come to stay due.
 */
adsum_status adsum_discard(struct adsum_engine *engine);

/**
 * Writes to `out` when that goes out which was the last input, in milliseconds, if it has to wait
 * for a token: a publish (rule 13), or an update in a topic (rule T12). `ADSUM_NOTHING` if it does
 * not.
 */
adsum_status adsum_waits_until(const struct adsum_engine *engine, uint64_t *out);

/**
 * Writes to `out` why a call on this engine was refused last; `ADSUM_NOTHING` if none was. It may
 * be called between any two others, and what is lent goes on holding.
 *
 * `ADSUM_E_BUSY` is not kept, since the engine is at work then: this call, too, is refused with it
 * from the function that chooses. Nor is a refusal of this call itself.
 */
adsum_status adsum_last_error(const struct adsum_engine *engine, struct adsum_error *out);

/**
 * Returns the version of the library, as `ADSUM_VERSION` is that of the header: a text that is
 * there for ever. Structures may differ between versions, so a host that loads the library at run
 * time compares the two.
 */
const char *adsum_version(void);

/**
 * Fills in what a well-run messenger does.
 */
adsum_status adsum_options_default(struct adsum_options *out);

/**
 * Fills in what tim does: offline notices to all contacts at the end of the last session, no
 * grace, no snapshot, no echo to own sessions, one session per user, a lease of 600 s, no rate.
 */
adsum_status adsum_options_tim(struct adsum_options *out);

/**
 * Lends what this node says of a user to others (rule C1): its sessions here, and if `with_lists`,
 * what belongs to the user and not to this node (rule C13). Times are as long ago or from now as
 * `now` says. `ADSUM_NOTHING` if the user is not online.
 */
adsum_status adsum_local_user(const struct adsum_engine *engine,
                              uint64_t now,
                              struct adsum_bytes user,
                              bool with_lists,
                              struct adsum_user_state *out);

/**
 * Lends the same of the next user of whom it has changed since that was lent last (rule C2), once
 * `adsum_note_changes` has been called; `ADSUM_NOTHING` if nothing has changed. A user who has
 * changed more than once is lent once.
 *
 * Of a user who is offline by now there are no sessions, and `has_lists` is false even if
 * `with_lists`: this engine has forgotten the lists. Leave it false in what you send. With empty
 * lists, another engine that still has a session of the user would lose those that it has.
 *
 * Ask after each drain until nothing is left. What is lent may be handed to another engine as it
 * is.
 */
adsum_status adsum_next_changed(struct adsum_engine *engine,
                                uint64_t now,
                                bool with_lists,
                                struct adsum_user_state *out);

/**
 * Writes to `out` which node has a session, by the id that receivers here know it by;
 * `ADSUM_NOTHING` if no other node does.
 */
adsum_status adsum_origin_of(const struct adsum_engine *engine, uint64_t session, uint32_t *out);

/**
 * Lends which nodes have sessions of a user, each once for each session: as many as are written to
 * `len`.
 */
adsum_status adsum_origins_of(const struct adsum_engine *engine,
                              struct adsum_bytes user,
                              const uint32_t **out,
                              size_t *len);

/**
 * Lends the keys of the user's sessions, detached ones and those of other nodes included, in the
 * order in which they connected: as many as are written to `len`. `adsum_user_sessions` says more
 * of each.
 */
adsum_status adsum_sessions_of(const struct adsum_engine *engine,
                               struct adsum_bytes user,
                               const struct adsum_session **out,
                               size_t *len);

/**
 * Lends what is known of the user's sessions, detached ones and those of other nodes included, in
 * the order in which they connected: as many as are written to `len`.
 */
adsum_status adsum_user_sessions(const struct adsum_engine *engine,
                                 struct adsum_bytes user,
                                 const struct adsum_session_info **out,
                                 size_t *len);

/**
 * Lends what is known of all sessions, detached ones and those of other nodes included, in no
 * particular order: as many as are written to `len`.
 */
adsum_status adsum_all_sessions(const struct adsum_engine *engine,
                                const struct adsum_session_info **out,
                                size_t *len);

/**
 * Writes to `out` what is known of the session that has this key; `ADSUM_NOTHING` if it is stale,
 * or that of a session which another node has.
 */
adsum_status adsum_session_by_key(const struct adsum_engine *engine,
                                  struct adsum_session session,
                                  struct adsum_session_info *out);

/**
 * Writes to `until` when what a session shows ends by itself (`adsum_publish_until`), in
 * milliseconds, and to `then` what takes its place, with NULL for `data` if nothing does.
 * `ADSUM_NOTHING` if it shows nothing, or what it shows has no end, or the key is stale, or that
 * of a session which another node has. A publish that waits for its token is not counted.
 */
adsum_status adsum_presence_end(const struct adsum_engine *engine,
                                struct adsum_session session,
                                uint64_t *until,
                                struct adsum_bytes *then);

/**
 * Writes to `out` what is known of the session that receivers know by this number;
 * `ADSUM_NOTHING` if it has ended.
 */
adsum_status adsum_session_by_id(const struct adsum_engine *engine,
                                 uint64_t id,
                                 struct adsum_session_info *out);

/**
 * Writes to `out` what is known of the topic of this name; `ADSUM_NOTHING` if nobody is in it.
 */
adsum_status adsum_topic_by_name(const struct adsum_engine *engine,
                                 struct adsum_bytes name,
                                 struct adsum_topic_info *out);

/**
 * Writes to `out` what is known of the topic of this key; `ADSUM_NOTHING` if it is stale.
 */
adsum_status adsum_topic_by_key(const struct adsum_engine *engine,
                                struct adsum_topic topic,
                                struct adsum_topic_info *out);

/**
 * Lends all topics that somebody is in, in no particular order: as many as are written to `len`.
 */
adsum_status adsum_all_topics(const struct adsum_engine *engine,
                              const struct adsum_topic_info **out,
                              size_t *len);

/**
 * Lends the topics that a session is in, in the order in which it joined them; none if the key is
 * stale: as many as are written to `len`.
 */
adsum_status adsum_topics_of(const struct adsum_engine *engine,
                             struct adsum_session session,
                             const struct adsum_topic_info **out,
                             size_t *len);

/**
 * Lends the members of a topic who are visible, in the order in which they became so;
 * `ADSUM_NOTHING` if the key is stale.
 */
adsum_status adsum_topic_users(const struct adsum_engine *engine,
                               struct adsum_topic topic,
                               struct adsum_list *out);

/**
 * Lends the sessions of those whose cursor is greater than `after`, in the same order and at most
 * `most` users' of them: as many as are written to `len`. To read a large topic in pages, begin
 * with 0 and go on with the cursor of the last one. `ADSUM_NOTHING` if the key is stale.
 */
adsum_status adsum_topic_members(const struct adsum_engine *engine,
                                 struct adsum_topic topic,
                                 uint64_t after,
                                 size_t most,
                                 const struct adsum_member **out,
                                 size_t *len);

/**
 * Lends all sessions that are in a topic, members and observers, those who are detached or
 * invisible included, in no particular order: as many as are written to `len`. `ADSUM_NOTHING` if
 * the key is stale.
 */
adsum_status adsum_topic_sessions(const struct adsum_engine *engine,
                                  struct adsum_topic topic,
                                  const struct adsum_attendant **out,
                                  size_t *len);

/**
 * Lends those of them that observe, likewise.
 */
adsum_status adsum_topic_observers(const struct adsum_engine *engine,
                                   struct adsum_topic topic,
                                   const struct adsum_session_info **out,
                                   size_t *len);

/**
 * Writes to `out` what a session shows in a topic as a member whom others see, with NULL for
 * `data` if it shows nothing; `ADSUM_NOTHING` if it is none.
 */
adsum_status adsum_topic_presence(const struct adsum_engine *engine,
                                  struct adsum_topic topic,
                                  struct adsum_session session,
                                  struct adsum_bytes *out);

/**
 * Lends the users whom a session looks at by name, each once, in no particular order;
 * `ADSUM_NOTHING` if the topic's key is stale.
 */
adsum_status adsum_topic_looks_at(const struct adsum_engine *engine,
                                  struct adsum_topic topic,
                                  struct adsum_session session,
                                  struct adsum_list *out);

/**
 * Writes to `out` what a session views of a topic; `ADSUM_NOTHING` if it is not in it.
 */
adsum_status adsum_topic_view(const struct adsum_engine *engine,
                              struct adsum_topic topic,
                              struct adsum_session session,
                              struct adsum_view *out);

/**
 * Writes to `out` whether the user has a session, be it a detached one.
 */
adsum_status adsum_is_online(const struct adsum_engine *engine, struct adsum_bytes user, bool *out);

/**
 * Writes to `out`, which has room for `users.len` of them, of each of these users whether it is
 * online.
 */
adsum_status adsum_online_of(const struct adsum_engine *engine, struct adsum_list users, bool *out);

/**
 * Lends everyone who is online, each once, in no particular order.
 */
adsum_status adsum_users_online(const struct adsum_engine *engine, struct adsum_list *out);

/**
 * Writes to `out` whether the user is online and invisible.
 */
adsum_status adsum_is_invisible(const struct adsum_engine *engine,
                                struct adsum_bytes user,
                                bool *out);

/**
 * Lends the user's audience while it is online, in no particular order; nobody if it is not.
 */
adsum_status adsum_audience(const struct adsum_engine *engine,
                            struct adsum_bytes user,
                            struct adsum_list *out);

/**
 * Lends those whom the user has blocked while it is online, in no particular order; nobody if it
 * is not.
 */
adsum_status adsum_blocked(const struct adsum_engine *engine,
                           struct adsum_bytes user,
                           struct adsum_list *out);

/**
 * Lends those whom a session watches, each once, in no particular order; nobody if the key is
 * stale.
 */
adsum_status adsum_watched(const struct adsum_engine *engine,
                           struct adsum_session session,
                           struct adsum_list *out);

/**
 * Writes to `out` how many sessions watch the user, who need not be online. For the host alone.
 */
adsum_status adsum_watchers(const struct adsum_engine *engine,
                            struct adsum_bytes user,
                            size_t *out);

/**
 * Writes to `out` whether `viewer` may see what `user` publishes.
 */
adsum_status adsum_sees(const struct adsum_engine *engine,
                        struct adsum_bytes viewer,
                        struct adsum_bytes user,
                        bool *out);

/**
 * Writes to `out` whether a session may see what `user` publishes, as a contact's or because it
 * watches the user.
 */
adsum_status adsum_session_sees(const struct adsum_engine *engine,
                                struct adsum_session session,
                                struct adsum_bytes user,
                                bool *out);

/**
 * Writes to `out` which session speaks for a user whose contacts are told one state of it;
 * `ADSUM_NOTHING` where nobody chooses, or the user shows nothing.
 */
adsum_status adsum_speaks_for(const struct adsum_engine *engine,
                              struct adsum_bytes user,
                              struct adsum_representative *out);

/**
 * Writes to `out` the latest moment that the engine has been told of.
 */
adsum_status adsum_now(const struct adsum_engine *engine, uint64_t *out);

/**
 * Writes the options in force to `out`.
 */
adsum_status adsum_options_of(const struct adsum_engine *engine, struct adsum_options *out);

/**
 * Writes to `out` how much of everything the engine holds.
 */
adsum_status adsum_count(const struct adsum_engine *engine, struct adsum_counts *out);

/**
 * Writes to `out` what the engine has done so far.
 */
adsum_status adsum_stats_of(const struct adsum_engine *engine, struct adsum_stats *out);

/**
 * Checks everything that must always hold between the parts of the engine, for tests: writes to
 * `out` whether it does. It walks over everything.
 */
adsum_status adsum_verify(const struct adsum_engine *engine, bool *out);

/**
 * Makes a presence what the session shows from now on (rule 2). Over the rate it is not told now
 * (rule 13): `adsum_waits_until` says when.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_publish(struct adsum_engine *engine,
                           uint64_t now,
                           struct adsum_session session,
                           struct adsum_bytes presence);

/**
 * Publishes a presence that ends by itself (rule 25): at `until` `then` is put in its place, or if
 * `then.data` is NULL, the session shows nothing any more.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`, and with `ADSUM_E_EXPIRY_LIMIT`
 * if it is to last longer than `max_expiry_ms`.
 */
adsum_status adsum_publish_until(struct adsum_engine *engine,
                                 uint64_t now,
                                 struct adsum_session session,
                                 struct adsum_bytes presence,
                                 uint64_t until,
                                 struct adsum_bytes then);

/**
 * Takes back what a session shows (rule 25a).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_withdraw(struct adsum_engine *engine,
                            uint64_t now,
                            struct adsum_session session);

/**
 * Says something to named users only (rule 3).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_DIRECT_LIMIT`, which takes
 * no token, and `ADSUM_E_RATE_LIMITED`.
 */
adsum_status adsum_direct(struct adsum_engine *engine,
                          uint64_t now,
                          struct adsum_session session,
                          struct adsum_list users,
                          struct adsum_bytes presence);

/**
 * Says something to named users only, for so long (rule 26): after `for_ms` milliseconds those
 * whom it reached are told that it is over.
 *
 * Refused with `ADSUM_E_EXPIRY_LIMIT`, and as `adsum_direct` is.
 */
adsum_status adsum_direct_for(struct adsum_engine *engine,
                              uint64_t now,
                              struct adsum_session session,
                              struct adsum_list users,
                              struct adsum_bytes presence,
                              uint64_t for_ms);

/**
 * Says something to named users for the application, from no session (rule 15).
 *
 * Refused with `ADSUM_E_DIRECT_LIMIT` for more than 2^20 names.
 */
adsum_status adsum_system(struct adsum_engine *engine,
                          uint64_t now,
                          struct adsum_list users,
                          struct adsum_bytes presence);

/**
 * Says that the session's connection takes nothing more for now (rule 14): until `adsum_writable`
 * no decision names it as a receiver of a notice.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_congested(struct adsum_engine *engine,
                             uint64_t now,
                             struct adsum_session session);

/**
 * Says that the session's connection takes notices again (rule 14). It is told what changed
 * meanwhile.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_writable(struct adsum_engine *engine,
                            uint64_t now,
                            struct adsum_session session);

/**
 * Takes everything that a node says of one user, whose sessions it has (rule C1). `origin` is the
 * node, or one life of it: a number of the host's choice.
 *
 * Such sessions are seen as this engine's own are, and are never receivers: no verb takes their
 * key, of which `adsum_session_is_remote` says so (rule C14). What has changed is told here, and
 * what has not is not. A session that is not in the list any more has ended; if it was the user's
 * last, that is told `skew_ms` later, unless another appears meanwhile (rule C10).
 *
 * Lists that are given replace those that the engine holds; which of two nodes knows the newer
 * ones is the host's to know (rule C13). Empty ones replace them too: a state with `has_lists` and
 * nothing in them takes the user's contacts and blocks away. A node to which the user is offline
 * has forgotten the lists, and must not give any: `adsum_next_changed` sees to that.
 *
 * Refused with `ADSUM_E_SESSION_LIMIT` for more than 1,024 sessions of one user,
 * `ADSUM_E_TOPIC_LIMIT`, `ADSUM_E_AUDIENCE_LIMIT`, `ADSUM_E_BLOCKED_LIMIT` and `ADSUM_E_FULL`.
 * What is wrong within a session is named so: `sessions.cause`, with the session's place.
 */
adsum_status adsum_remote_state(struct adsum_engine *engine,
                                uint64_t now,
                                uint32_t origin,
                                const struct adsum_user_state *state);

/**
 * Says something to named users for a session that another node has, as `adsum_direct` does for
 * this engine's own (rule C12). The node has taken the token.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` if the node has no such session of this user as far as is
 * known here, and `ADSUM_E_DIRECT_LIMIT`.
 */
adsum_status adsum_remote_direct(struct adsum_engine *engine,
                                 uint64_t now,
                                 const struct adsum_remote_sender *from,
                                 struct adsum_list users,
                                 struct adsum_bytes presence);

/**
 * Says something to named users for a session that another node has, for so long, as
 * `adsum_direct_for` does. Refused as `adsum_remote_direct` is, and with `ADSUM_E_EXPIRY_LIMIT`.
 */
adsum_status adsum_remote_direct_for(struct adsum_engine *engine,
                                     uint64_t now,
                                     const struct adsum_remote_sender *from,
                                     struct adsum_list users,
                                     struct adsum_bytes presence,
                                     uint64_t for_ms);

/**
 * Says something in the topic of this name for a session that another node has, as `adsum_say`
 * does for this engine's own (rule C12). The node has taken the token.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_UNKNOWN_TOPIC` and `ADSUM_E_NOT_MEMBER`, as far
 * as is known here.
 */
adsum_status adsum_remote_say(struct adsum_engine *engine,
                              uint64_t now,
                              const struct adsum_remote_sender *from,
                              struct adsum_bytes topic,
                              struct adsum_bytes presence);

/**
 * Says something in a topic for a session that another node has, for so long, as `adsum_say_for`
 * does. Refused as `adsum_remote_say` is, and with `ADSUM_E_EXPIRY_LIMIT`.
 */
adsum_status adsum_remote_say_for(struct adsum_engine *engine,
                                  uint64_t now,
                                  const struct adsum_remote_sender *from,
                                  struct adsum_bytes topic,
                                  struct adsum_bytes presence,
                                  uint64_t for_ms);

/**
 * Says that nothing is heard of a node (rule C5): its sessions are detached for
 * `grace_node_loss_ms`, and nobody is told. When that is over they end, in `adsum_advance`. What
 * is due by `now` happens too, as by `adsum_advance`.
 */
adsum_status adsum_origin_lost(struct adsum_engine *engine, uint64_t now, uint32_t origin);

/**
 * Says that nothing is heard of a node, as `adsum_origin_lost` does, and since when (rule C6): the
 * grace counts from that moment.
 */
adsum_status adsum_origin_lost_since(struct adsum_engine *engine,
                                     uint64_t now,
                                     uint32_t origin,
                                     uint64_t since);

/**
 * Says that a node that was lost is back, and has what it had (rule C5): nobody is told. What is
 * due by `now` happens too.
 */
adsum_status adsum_origin_back(struct adsum_engine *engine, uint64_t now, uint32_t origin);

/**
 * Says that a node will not come back (rule C5): its sessions end now, one after the other. What
 * is due by `now` happens too, and what `adsum_discard` drops stays due.
 */
adsum_status adsum_origin_gone(struct adsum_engine *engine, uint64_t now, uint32_t origin);

/**
 * Ends one of this engine's own sessions that has to make way for one at another node, as a limit
 * would (rules 12 and C11).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`.
 */
adsum_status adsum_evict(struct adsum_engine *engine, uint64_t now, struct adsum_session session);

/**
 * Ends one of this engine's own sessions whose user is expelled (rule 15), where other nodes have
 * sessions of the user too: each node ends its own. `adsum_expel` ends all that this engine knows
 * of.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`.
 */
adsum_status adsum_expel_session(struct adsum_engine *engine,
                                 uint64_t now,
                                 struct adsum_session session);

/**
 * Notes from now on whose state at this node changes, for `adsum_next_changed`.
 */
adsum_status adsum_note_changes(struct adsum_engine *engine);

/**
 * Brings up a user's connection as a new session and writes its key to `out` (rules 1 and 12). For
 * a user who is online already the lists replace what the engine holds.
 *
 * Refused with `ADSUM_E_SESSION_LIMIT`, `ADSUM_E_FULL`, `ADSUM_E_AUDIENCE_LIMIT` and
 * `ADSUM_E_BLOCKED_LIMIT`.
 */
adsum_status adsum_connect(struct adsum_engine *engine,
                           uint64_t now,
                           const struct adsum_newcomer *newcomer,
                           struct adsum_session *out);

/**
 * Ends a session by its own will: a logout, a closed tab (rule 4).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, for a second disconnect too.
 */
adsum_status adsum_disconnect(struct adsum_engine *engine,
                              uint64_t now,
                              struct adsum_session session);

/**
 * Reports that a session's connection is gone and nobody said goodbye, and why, as one of
 * `adsum_cause` (rule 5). With a grace for this cause the session is detached, and may be resumed.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, also for the late end of a connection that
 * `adsum_resume` has replaced; and with `ADSUM_E_ARGUMENT` if there is no such cause.
 */
adsum_status adsum_lost(struct adsum_engine *engine,
                        uint64_t now,
                        struct adsum_session session,
                        uint32_t cause);

/**
 * Reports a loss as `adsum_lost` does, with a grace for this one loss in milliseconds: 0 (the
 * session ends at once) to seven days. Beyond, it is refused with `ADSUM_E_GRACE_LIMIT`, and
 * otherwise as `adsum_lost` is.
 */
adsum_status adsum_lost_with_grace(struct adsum_engine *engine,
                                   uint64_t now,
                                   struct adsum_session session,
                                   uint32_t cause,
                                   uint64_t grace_ms);

/**
 * Attaches a session to a new connection and writes the key of the new attachment to `out`
 * (rule 5). The key before is stale from now on, for every verb.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, also if the grace is over and `adsum_advance` has not
 * been told yet; and with `ADSUM_E_FULL` when some 2^31 resumes have used up the session's keys.
 */
adsum_status adsum_resume(struct adsum_engine *engine,
                          uint64_t now,
                          struct adsum_session session,
                          struct adsum_session *out);

/**
 * Says that a person did something on this session's device (rule U4). It is a sign of life as
 * well.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_active(struct adsum_engine *engine, uint64_t now, struct adsum_session session);

/**
 * Says that a session is alive (rule 11). Any other accepted input of a session says so too, but
 * not `adsum_congested` and `adsum_writable`. It leads to no decision.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_heartbeat(struct adsum_engine *engine,
                             uint64_t now,
                             struct adsum_session session);

/**
 * Says that time has come to `now`: everything that is due happens. Call it at `adsum_deadline`,
 * and before inputs that came later. Where much is due of which nobody is told it does a part of
 * it, and `adsum_deadline` is a moment that has come: call it until that is later than `now`, and
 * give no other input before.
 */
adsum_status adsum_advance(struct adsum_engine *engine, uint64_t now);

/**
 * Writes to `out` when to call `adsum_advance` next; `ADSUM_NOTHING` while nothing is pending. Ask
 * again after each drain.
 */
adsum_status adsum_deadline(const struct adsum_engine *engine, uint64_t *out);

/**
 * Ends all sessions of a user at once (rule 15). Nothing happens if the user is not online.
 */
adsum_status adsum_expel(struct adsum_engine *engine, uint64_t now, struct adsum_bytes user);

/**
 * Fetches into the processor's caches what the next inputs of these sessions will read. It changes
 * nothing and may always be left out; with many users online and several inputs waiting it saves
 * much of their time.
 */
adsum_status adsum_prefetch(const struct adsum_engine *engine,
                            const struct adsum_session *sessions,
                            size_t len);

/**
 * Makes room for so many users known, contacts of online users included, and so many sessions in
 * all. It may always be left out.
 *
 * Refused with `ADSUM_E_FULL` for more than the engine can index: 2^30 users or 2^31 sessions. The
 * memory is taken at once, so fewer than that may still be more than there is room for, and that
 * ends the process.
 */
adsum_status adsum_reserve(struct adsum_engine *engine, size_t users, size_t sessions);

/**
 * Gives back memory that only a past peak needed. It may walk over everything.
 */
adsum_status adsum_shrink_to_fit(struct adsum_engine *engine);

/**
 * Has a session join a topic as a member whom others see, and writes the topic's key to `out`
 * (rule T1). It shows `presence` there, or, if `presence.data` is NULL, what it publishes. Who may
 * join what is the host's to check.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_ALREADY_JOINED`, which has
 * the topic's key, `ADSUM_E_TOPIC_LIMIT`, `ADSUM_E_MEMBER_LIMIT` and `ADSUM_E_FULL`; and with
 * `ADSUM_E_ARGUMENT` if there is no such view.
 */
adsum_status adsum_join(struct adsum_engine *engine,
                        uint64_t now,
                        struct adsum_session session,
                        struct adsum_bytes topic,
                        struct adsum_bytes presence,
                        struct adsum_view view,
                        struct adsum_topic *out);

/**
 * Has a session join a topic as an observer, who is told of the members and is none itself
 * (rule T7). Otherwise as `adsum_join`.
 */
adsum_status adsum_observe(struct adsum_engine *engine,
                           uint64_t now,
                           struct adsum_session session,
                           struct adsum_bytes topic,
                           struct adsum_view view,
                           struct adsum_topic *out);

/**
 * Changes what a member's session shows in a topic (rule T2).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_UNKNOWN_TOPIC` and
 * `ADSUM_E_NOT_MEMBER`.
 */
adsum_status adsum_update(struct adsum_engine *engine,
                          uint64_t now,
                          struct adsum_session session,
                          struct adsum_topic topic,
                          struct adsum_bytes presence);

/**
 * Has a session leave a topic (rule T1).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED` and `ADSUM_E_UNKNOWN_TOPIC`.
 */
adsum_status adsum_leave(struct adsum_engine *engine,
                         uint64_t now,
                         struct adsum_session session,
                         struct adsum_topic topic);

/**
 * Changes what a session is told of a topic (rule T7).
 *
 * Refused as `adsum_leave` is, and with `ADSUM_E_ARGUMENT` if there is no such view.
 */
adsum_status adsum_look(struct adsum_engine *engine,
                        uint64_t now,
                        struct adsum_session session,
                        struct adsum_topic topic,
                        struct adsum_view view);

/**
 * Has a session look at members by name, beside its view and in place of those whom it named
 * before (rule T9a).
 *
 * Refused as `adsum_leave` is, with `ADSUM_E_NAMED_LIMIT` for more than `max_topic_named`, and
 * with `ADSUM_E_FULL`.
 */
adsum_status adsum_look_at(struct adsum_engine *engine,
                           uint64_t now,
                           struct adsum_session session,
                           struct adsum_topic topic,
                           struct adsum_list users);

/**
 * Says something in a topic (rule T11a), which holds until the session says something else there
 * or leaves.
 *
 * Refused as `adsum_update` is, and with `ADSUM_E_RATE_LIMITED`, by `direct_rate`.
 */
adsum_status adsum_say(struct adsum_engine *engine,
                       uint64_t now,
                       struct adsum_session session,
                       struct adsum_topic topic,
                       struct adsum_bytes presence);

/**
 * Says something in a topic, as `adsum_say` does, for `for_ms` milliseconds.
 *
 * Refused as `adsum_say` is, and with `ADSUM_E_EXPIRY_LIMIT`.
 */
adsum_status adsum_say_for(struct adsum_engine *engine,
                           uint64_t now,
                           struct adsum_session session,
                           struct adsum_topic topic,
                           struct adsum_bytes presence,
                           uint64_t for_ms);

/**
 * Takes all sessions of a user out of a topic, those that observe included. Nothing happens if it
 * is not there.
 */
adsum_status adsum_topic_remove(struct adsum_engine *engine,
                                uint64_t now,
                                struct adsum_bytes topic,
                                struct adsum_bytes user);

/**
 * Closes a topic: all who are in it are told, and are in it no more. Nothing happens if nobody is
 * in it.
 */
adsum_status adsum_topic_close(struct adsum_engine *engine, uint64_t now, struct adsum_bytes topic);

/**
 * Gives a topic options of its own, until it is empty.
 *
 * Refused with `ADSUM_E_TOPIC_OPTIONS` if one is out of its range, and with `ADSUM_E_ARGUMENT` if
 * `blocks` stands for nothing; with `ADSUM_E_UNKNOWN_TOPIC` if nobody is in it; and with
 * `ADSUM_E_MEMBER_LIMIT` if blocks are to hide in it and it has more members than `full_up_to`.
 */
adsum_status adsum_topic_set_options(struct adsum_engine *engine,
                                     uint64_t now,
                                     struct adsum_bytes topic,
                                     const struct adsum_topic_options *options);

/**
 * Adds contacts to a user's audience (rule 8).
 *
 * Refused with `ADSUM_E_AUDIENCE_LIMIT` and `ADSUM_E_FULL`.
 */
adsum_status adsum_audience_add(struct adsum_engine *engine,
                                uint64_t now,
                                struct adsum_bytes user,
                                struct adsum_list contacts);

/**
 * Takes contacts out of a user's audience (rule 8).
 *
 * Refused with `ADSUM_E_AUDIENCE_LIMIT`.
 */
adsum_status adsum_audience_remove(struct adsum_engine *engine,
                                   uint64_t now,
                                   struct adsum_bytes user,
                                   struct adsum_list contacts);

/**
 * Makes this a user's audience (rule 8).
 *
 * Refused with `ADSUM_E_AUDIENCE_LIMIT` and `ADSUM_E_FULL`.
 */
adsum_status adsum_audience_replace(struct adsum_engine *engine,
                                    uint64_t now,
                                    struct adsum_bytes user,
                                    struct adsum_list contacts);

/**
 * Blocks another user for a user (rule 9).
 *
 * Refused with `ADSUM_E_BLOCKED_LIMIT` and `ADSUM_E_FULL`.
 */
adsum_status adsum_block(struct adsum_engine *engine,
                         uint64_t now,
                         struct adsum_bytes user,
                         struct adsum_bytes other);

/**
 * Takes a user's block back (rule 9). Nothing happens if there is none.
 */
adsum_status adsum_unblock(struct adsum_engine *engine,
                           uint64_t now,
                           struct adsum_bytes user,
                           struct adsum_bytes other);

/**
 * Makes the user of this session invisible (rule 10).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_invisible(struct adsum_engine *engine,
                             uint64_t now,
                             struct adsum_session session);

/**
 * Makes the user of this session visible again (rule 10).
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
 */
adsum_status adsum_visible(struct adsum_engine *engine, uint64_t now, struct adsum_session session);

/**
 * Has a session be told of users who need not have its user in their audience, in addition to
 * those that it watches already (rule 21). Who may watch whom is the host's to check.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_FULL`, and
 * `ADSUM_E_WATCH_LIMIT` if more than `max_watched` are named or would be watched.
 */
adsum_status adsum_watch(struct adsum_engine *engine,
                         uint64_t now,
                         struct adsum_session session,
                         struct adsum_list users);

/**
 * Ends watches of a session (rule 24). Nobody is told.
 *
 * Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, and `ADSUM_E_WATCH_LIMIT` if more
 * than `max_watched` are named.
 */
adsum_status adsum_unwatch(struct adsum_engine *engine,
                           uint64_t now,
                           struct adsum_session session,
                           struct adsum_list users);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** Returns the bytes of a text, without the NUL at its end. */
static inline adsum_bytes adsum_text(const char *text) {
    adsum_bytes bytes;
    bytes.data = (const uint8_t *)text;
    bytes.len = strlen(text);
    return bytes;
}

/** Returns no bytes: for what may be missing. */
static inline adsum_bytes adsum_none(void) {
    adsum_bytes bytes;
    bytes.data = NULL;
    bytes.len = 0;
    return bytes;
}

/** Returns a list of so many ids, which may be NULL if there are none. */
static inline adsum_list adsum_ids(const adsum_bytes *items, size_t len) {
    adsum_list list;
    list.items = items;
    list.len = len;
    return list;
}

/**
 * Returns whether this is one of the two slots that every known user has. A host keeps two tables,
 * one for those and one for the others; both start at 0 and are dense.
 */
static inline bool adsum_slot_is_near(uint32_t slot) { return slot >> 31 == 0; }

/** Returns the place of a slot in its table. */
static inline size_t adsum_slot_index(uint32_t slot) { return slot & 0x7fffffffu; }

/**
 * Returns whether another node has this session (adsum_remote_state). No verb takes its key, and
 * its slot is nobody's: no table has a place for it.
 */
static inline bool adsum_session_is_remote(adsum_session session) {
    return session.slot == UINT32_MAX;
}
