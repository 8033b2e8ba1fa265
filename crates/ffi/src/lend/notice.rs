//! What receivers are told, as C has it.

use crate::bytes::adsum_bytes;
use crate::decision::adsum_decision;
use crate::notice::adsum_notice;
use crate::reason::{of_closing, of_leave};
use adsum::{Notice, NoticeId, PresenceKind, Time};

impl adsum_decision {
    /// Says what receivers are told.
    #[inline]
    pub(crate) fn with(self, notice: &Notice<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        use adsum_notice as Kind;
        match *notice {
            // By far the most frequent.
            Notice::Presence { id, user, session, kind, presence } => Self {
                session: session.to_bits(),
                presence: adsum_bytes::of(presence),
                is_first: kind == PresenceKind::First,
                ..self.about(Kind::ADSUM_NOTICE_PRESENCE, id, user)
            },
            Notice::User { id, user, kind, idle_since, presence } => Self {
                presence: adsum_bytes::of(presence),
                is_first: kind == PresenceKind::First,
                is_idle: idle_since.is_some(),
                idle_since: idle_since.map_or(0, Time::as_millis),
                ..self.about(Kind::ADSUM_NOTICE_USER, id, user)
            },
            Notice::Directed { id, user, session, presence } => Self {
                session: session.to_bits(),
                presence: adsum_bytes::of(presence),
                ..self.about(Kind::ADSUM_NOTICE_DIRECTED, id, user)
            },
            Notice::DirectedOver { id, user, session } => Self {
                session: session.to_bits(),
                ..self.about(Kind::ADSUM_NOTICE_DIRECTED_OVER, id, user)
            },
            Notice::Withdrawn { id, user, session } => Self {
                session: session.to_bits(),
                ..self.about(Kind::ADSUM_NOTICE_WITHDRAWN, id, user)
            },
            Notice::Visibility { id, user, visible } => {
                Self { is_visible: visible, ..self.about(Kind::ADSUM_NOTICE_VISIBILITY, id, user) }
            }
            Notice::SessionEnded { id, user, session } => Self {
                session: session.to_bits(),
                ..self.about(Kind::ADSUM_NOTICE_SESSION_ENDED, id, user)
            },
            Notice::UserOffline { id, user } => {
                self.about(Kind::ADSUM_NOTICE_USER_OFFLINE, id, user)
            }
            Notice::System { id, presence } => Self {
                notice: Kind::ADSUM_NOTICE_SYSTEM,
                id: id.get(),
                presence: adsum_bytes::of(presence),
                ..self
            },
            _ => self.with_topic(notice),
        }
    }

    /// Says what receivers are told of a topic.
    fn with_topic(self, notice: &Notice<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        use adsum_notice as Kind;
        match *notice {
            Notice::Joined { id, topic, user, session, presence } => Self {
                topic: adsum_bytes::of(topic),
                session: session.to_bits(),
                presence: adsum_bytes::of_optional(presence),
                ..self.about(Kind::ADSUM_NOTICE_JOINED, id, user)
            },
            Notice::Member { id, topic, user, session, kind, presence } => Self {
                topic: adsum_bytes::of(topic),
                session: session.to_bits(),
                presence: adsum_bytes::of_optional(presence),
                is_first: kind == PresenceKind::First,
                ..self.about(Kind::ADSUM_NOTICE_MEMBER, id, user)
            },
            Notice::MemberSessionEnded { id, topic, user, session } => Self {
                topic: adsum_bytes::of(topic),
                session: session.to_bits(),
                ..self.about(Kind::ADSUM_NOTICE_MEMBER_SESSION_ENDED, id, user)
            },
            Notice::Left { id, topic, user, reason } => {
                let (reason, cause) = of_leave(reason);
                let topic = adsum_bytes::of(topic);
                Self { topic, reason, cause, ..self.about(Kind::ADSUM_NOTICE_LEFT, id, user) }
            }
            Notice::TopicClosed { id, topic, reason } => {
                let (reason, cause) = of_closing(reason);
                let (notice, topic) = (Kind::ADSUM_NOTICE_TOPIC_CLOSED, adsum_bytes::of(topic));
                Self { notice, id: id.get(), topic, reason, cause, ..self }
            }
            Notice::Said { id, topic, user, session, presence } => Self {
                topic: adsum_bytes::of(topic),
                session: session.to_bits(),
                presence: adsum_bytes::of(presence),
                ..self.about(Kind::ADSUM_NOTICE_SAID, id, user)
            },
            Notice::SaidOver { id, topic, user, session } => Self {
                topic: adsum_bytes::of(topic),
                session: session.to_bits(),
                ..self.about(Kind::ADSUM_NOTICE_SAID_OVER, id, user)
            },
            _ => Self { id: notice.id().get(), ..self },
        }
    }

    #[inline]
    const fn about(self, notice: adsum_notice, id: NoticeId, user: &[u8]) -> Self {
        Self { notice, id: id.get(), user: adsum_bytes::of(user), ..self }
    }
}
