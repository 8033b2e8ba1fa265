//! What decisions say of topics: what members show and say there, and who is gone.

use adsum::{Decision, Notice, SessionId, TopicChange};
use adsum_model::User;

/// A session of a member, in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) topic: User,
    pub(crate) user: User,
    pub(crate) session: SessionId,
}

/// Calls `shows` with every member that a decision tells of, and what it shows.
pub(crate) fn each_shown<P>(
    decision: &Decision<'_, User, P>,
    mut shows: impl FnMut(Member, Option<&P>),
) {
    match decision {
        Decision::Deliver {
            notice:
                Notice::Joined { topic, user, session, presence, .. }
                | Notice::Member { topic, user, session, presence, .. },
            ..
        } => {
            let member = Member { topic: **topic, user: **user, session: *session };
            shows(member, *presence);
        }
        Decision::Topic(snapshot) => snapshot.entries().for_each(|entry| {
            let (user, session) = (*entry.user, entry.session);
            shows(Member { topic: *snapshot.topic(), user, session }, entry.presence);
        }),
        Decision::Changes(changes) => changes.iter().for_each(|change| {
            if let TopicChange::Member { user, session, presence } = change {
                shows(Member { topic: *changes.topic(), user: *user, session }, presence);
            }
        }),
        _ => {}
    }
}

/// Calls `gone` with the topic and the user of whatever a decision calls gone there, and with the
/// session unless all of the user's are meant.
pub(crate) fn each_gone<P>(
    decision: &Decision<'_, User, P>,
    mut gone: impl FnMut(User, User, Option<SessionId>),
) {
    match decision {
        Decision::Deliver { notice, .. } => match notice {
            Notice::MemberSessionEnded { topic, user, session, .. } => {
                gone(**topic, **user, Some(*session));
            }
            Notice::Left { topic, user, .. } => gone(**topic, **user, None),
            _ => {}
        },
        Decision::Changes(changes) => changes.iter().for_each(|change| match change {
            TopicChange::SessionEnded { user, session } => {
                gone(*changes.topic(), *user, Some(session));
            }
            TopicChange::Left { user, .. } => gone(*changes.topic(), *user, None),
            _ => {}
        }),
        _ => {}
    }
}
