//! The kinds of notices.

/// What receivers are told.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_notice {
    /// Nothing, or something that this version of the interface has no number for: pass over it.
    ADSUM_NOTICE_NONE = 0,
    /// What `session` of `user` says of itself: `presence`. If `is_first`, they held nothing of it.
    ADSUM_NOTICE_PRESENCE = 1,
    /// The one state of `user`, where an engine chooses who speaks: `presence`, `is_first`, and if
    /// `is_idle`, `idle_since`.
    ADSUM_NOTICE_USER = 2,
    /// What `session` of `user` says to named users only: `presence`.
    ADSUM_NOTICE_DIRECTED = 3,
    /// What `session` of `user` said to named users no longer holds.
    ADSUM_NOTICE_DIRECTED_OVER = 4,
    /// `session` of `user` shows nothing any more, and goes on.
    ADSUM_NOTICE_WITHDRAWN = 5,
    /// Whether the receiver's own user, `user`, is visible: `is_visible`.
    ADSUM_NOTICE_VISIBILITY = 6,
    /// `session` of `user` has ended, and the user has others.
    ADSUM_NOTICE_SESSION_ENDED = 7,
    /// `user` is offline, or looks so.
    ADSUM_NOTICE_USER_OFFLINE = 8,
    /// `user` has become a member of `topic` with `session`, which shows `presence`, if anything.
    ADSUM_NOTICE_JOINED = 9,
    /// What `session` of the member `user` shows in `topic`: `presence`, if anything. If
    /// `is_first`, it has just joined.
    ADSUM_NOTICE_MEMBER = 10,
    /// `session` of the member `user` is no longer in `topic`, and the user has others there.
    ADSUM_NOTICE_MEMBER_SESSION_ENDED = 11,
    /// `user` is no member of `topic` any more, because of `reason`.
    ADSUM_NOTICE_LEFT = 12,
    /// The receiver itself is no longer in `topic`, because of `reason`.
    ADSUM_NOTICE_TOPIC_CLOSED = 13,
    /// What `session` of the member `user` says in `topic`: `presence`.
    ADSUM_NOTICE_SAID = 14,
    /// What `session` of the member `user` said in `topic` no longer holds.
    ADSUM_NOTICE_SAID_OVER = 15,
    /// Something that the application says: `presence`.
    ADSUM_NOTICE_SYSTEM = 16,
}
