//! What receivers are told, as C has it.

use crate::bytes::adsum_bytes;
use crate::decision::adsum_decision;
use crate::notice::adsum_notice;
use crate::reason::{of_closing, of_leave};
use adsum::{Notice, NoticeId, PresenceKind, SessionId, Time};

impl adsum_decision {
    /// Says what receivers are told.
    #[inline]
    pub(crate) fn set_notice(&mut self, notice: &Notice<'_, Box<[u8]>, Box<[u8]>>) {
        use adsum_notice as Kind;
        match *notice {
            // By far the most frequent.
            Notice::Presence { id, user, session, kind, presence } => {
                self.set(Kind::ADSUM_NOTICE_PRESENCE, id, user, session);
                self.presence = adsum_bytes::of(presence);
                self.is_first = kind == PresenceKind::First;
            }
            Notice::User { id, user, kind, idle_since, presence } => {
                self.set_user(Kind::ADSUM_NOTICE_USER, id, user);
                self.presence = adsum_bytes::of(presence);
                self.is_first = kind == PresenceKind::First;
                self.is_idle = idle_since.is_some();
                self.idle_since = idle_since.map_or(0, Time::as_millis);
            }
            Notice::Directed { id, user, session, presence } => {
                self.set(Kind::ADSUM_NOTICE_DIRECTED, id, user, session);
                self.presence = adsum_bytes::of(presence);
            }
            Notice::DirectedOver { id, user, session } => {
                self.set(Kind::ADSUM_NOTICE_DIRECTED_OVER, id, user, session);
            }
            Notice::Withdrawn { id, user, session } => {
                self.set(Kind::ADSUM_NOTICE_WITHDRAWN, id, user, session);
            }
            Notice::Visibility { id, user, visible } => {
                self.set_user(Kind::ADSUM_NOTICE_VISIBILITY, id, user);
                self.is_visible = visible;
            }
            Notice::SessionEnded { id, user, session } => {
                self.set(Kind::ADSUM_NOTICE_SESSION_ENDED, id, user, session);
            }
            Notice::UserOffline { id, user } => {
                self.set_user(Kind::ADSUM_NOTICE_USER_OFFLINE, id, user);
            }
            Notice::System { id, presence } => {
                (self.notice, self.id) = (Kind::ADSUM_NOTICE_SYSTEM, id.get());
                self.presence = adsum_bytes::of(presence);
            }
            _ => self.set_topic_notice(notice),
        }
    }

    /// Says what receivers are told of a topic.
    fn set_topic_notice(&mut self, notice: &Notice<'_, Box<[u8]>, Box<[u8]>>) {
        use adsum_notice as Kind;
        let name: &[u8] = match *notice {
            Notice::Joined { id, topic, user, session, presence } => {
                self.set(Kind::ADSUM_NOTICE_JOINED, id, user, session);
                self.presence = adsum_bytes::of_optional(presence);
                topic
            }
            Notice::Member { id, topic, user, session, kind, presence } => {
                self.set(Kind::ADSUM_NOTICE_MEMBER, id, user, session);
                self.presence = adsum_bytes::of_optional(presence);
                self.is_first = kind == PresenceKind::First;
                topic
            }
            Notice::MemberSessionEnded { id, topic, user, session } => {
                self.set(Kind::ADSUM_NOTICE_MEMBER_SESSION_ENDED, id, user, session);
                topic
            }
            Notice::Left { id, topic, user, reason } => {
                self.set_user(Kind::ADSUM_NOTICE_LEFT, id, user);
                (self.reason, self.cause) = of_leave(reason);
                topic
            }
            Notice::TopicClosed { id, topic, reason } => {
                (self.notice, self.id) = (Kind::ADSUM_NOTICE_TOPIC_CLOSED, id.get());
                (self.reason, self.cause) = of_closing(reason);
                topic
            }
            Notice::Said { id, topic, user, session, presence } => {
                self.set(Kind::ADSUM_NOTICE_SAID, id, user, session);
                self.presence = adsum_bytes::of(presence);
                topic
            }
            Notice::SaidOver { id, topic, user, session } => {
                self.set(Kind::ADSUM_NOTICE_SAID_OVER, id, user, session);
                topic
            }
            _ => {
                self.id = notice.id().get();
                return;
            }
        };
        self.topic = adsum_bytes::of(name);
    }

    #[inline]
    const fn set(&mut self, notice: adsum_notice, id: NoticeId, user: &[u8], session: SessionId) {
        self.set_user(notice, id, user);
        self.session = session.to_bits();
    }

    #[inline]
    const fn set_user(&mut self, notice: adsum_notice, id: NoticeId, user: &[u8]) {
        self.notice = notice;
        self.id = id.get();
        self.user = adsum_bytes::of(user);
    }
}
