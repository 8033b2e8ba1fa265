//! What decisions say of topics: what members show and say there, and who is gone.

use crate::Run;
use adsum::{Config, Decision, Notice, SessionId, SessionKey, TopicBlocks, TopicChange};
use adsum_model::{Event, User, strategy};
use std::cell::Cell;

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

/// Rule T6: where blocks hide, whatever is told in a topic is told to nobody whom the user it is
/// about has blocked, or who has blocked that one.
#[test]
fn nobody_is_told_of_whom_a_block_hides_in_a_topic() {
    let (told, hidden) = (Cell::new(0_u32), Cell::new(0_u32));
    strategy::check(1_000, 80, |mut case| {
        for op in case.ops.iter_mut().skip(6).step_by(2) {
            op.0[0] = 132 + op.0[0] % 61;
        }
        let mut options = case.setup.options();
        options.topics.coalesce_ms = 0;
        options.topics.blocks = TopicBlocks::Hidden;
        let config = Config::new(options).map_err(|error| error.to_string())?;
        let mut run = Run::<u32>::new(&config, case.setup.choice());
        for op in &case.ops {
            let (now, event) = run.decode(*op);
            // This may make the topic one where blocks are ignored.
            if let Event::TopicOptions { .. } = event {
                continue;
            }
            let mut all = Vec::new();
            _ = run.input(now, &event, usize::MAX, &mut |decision, to| {
                let mut about = Vec::new();
                each_shown(decision, |member, _| about.push(member.user));
                each_gone(decision, |_, user, _| about.push(user));
                if let Decision::Deliver {
                    notice: Notice::Said { user, .. } | Notice::SaidOver { user, .. },
                    ..
                } = decision
                {
                    about.push(**user);
                }
                // By a block itself each has left for the other.
                if !matches!(event, Event::Block { .. } | Event::Connect { .. }) {
                    all.extend(about.into_iter().map(|user| (user, to.to_vec())));
                }
            })?;
            let user_of =
                |key: &SessionKey| run.model.find(*key).ok().map(|id| run.model.sessions[&id].user);
            for (user, to) in all {
                for viewer in to.iter().filter_map(user_of) {
                    told.set(told.get() + 1);
                    if run.model.is_blocked(user, viewer) {
                        return Err(format!("{viewer} is told of {user} by {event:?}"));
                    }
                }
            }
            let pairs = run.model.topics.values().map(|topic| {
                let users = topic.places.keys().map(|id| run.model.sessions[id].user);
                let users: Vec<_> = users.collect();
                users.iter().any(|one| users.iter().any(|two| run.model.is_blocked(*one, *two)))
            });
            hidden.set(hidden.get() + u32::from(pairs.into_iter().any(|any| any)));
        }
        Ok(())
    });
    println!("told {} times, {} times while somebody was hidden", told.get(), hidden.get());
    assert!(told.get() > 3_000 && hidden.get() > 1_000);
}
