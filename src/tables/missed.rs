//! What a congested session was not told.
//!
//! Only what is needed to make its belief true again later: for each session that changed in the
//! meantime, whether it knew that session before. A session that came and went unseen leaves
//! nothing here. Where so much has changed that a snapshot says it in fewer words, a mark takes
//! the place of all of it: so what is kept is bounded by the receiver's own lists, whoever else
//! lists it.

use crate::key::SessionId;
use crate::tables::ids::User;
use crate::tables::sorted_map::SortedMap;

/// Something about a user that a congested session is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A presence; `first` if the receiver knew nothing of this session.
    Presence { session: SessionId, first: bool },
    /// A session that it was told of has ended.
    SessionGone { session: SessionId },
    /// A session that it was told of shows nothing any more, and goes on.
    Withdrawn { session: SessionId },
    /// A session has ended whose directed presence it was told, whatever it knew of the session
    /// otherwise.
    DirectedEnded { session: SessionId },
    /// Directed presence that it was told is over; its session goes on.
    DirectedOver { session: SessionId },
    /// The user looks offline. `unaware` if the receiver may believe something of it that was over
    /// before and that it was not told.
    Offline { unaware: bool },
}

/// What is known of one session that changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whether the receiver believed in the presence that this session publishes when it last
    /// listened. `None` while nothing is noted of that presence.
    pub(crate) believed: Option<bool>,
    /// Whether its presence changed.
    pub(crate) shown: bool,
    /// Whether it ended, or was no longer to be seen, at some moment. Where no session is named:
    /// whether something that was over before may be believed.
    pub(crate) ended: bool,
    /// Whether it showed nothing any more at some moment.
    pub(crate) withdrawn: bool,
    /// Whether its directed presence was over at some moment.
    pub(crate) directed_over: bool,
    /// Whether it ended and took directed presence with it.
    pub(crate) directed_ended: bool,
    /// Whether what is noted of the published presence was to be told only because the receiver
    /// watches the user.
    pub(crate) by_watch: bool,
    /// So many had changed before: what is told of one user is told in this order. That of ids
    /// would show who else came and went.
    pub(crate) nth: u32,
}

/// What a note has changed in the number of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Added,
    Removed,
    AsBefore,
}

/// Each entry counts as a reference to its user, which the caller takes and gives back.
#[derive(Default)]
pub(crate) struct Missed {
    /// By user, so that what is about one stands together: first whether it looked offline at some
    /// moment, then its sessions.
    entries: SortedMap<(User, Option<SessionId>), Change>,
    /// So many entries there have been.
    noted: u32,
    /// Whether only a snapshot makes good.
    everything: bool,
    /// Whether it has to hear whether its own user is visible.
    pub(crate) own_visibility: bool,
}

impl Missed {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn is_everything(&self) -> bool {
        self.everything
    }

    /// Returns whether nothing was missed.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.len() == 0 && !self.everything && !self.own_visibility
    }

    /// Returns what is about each session, or about the user where no session is named, a user's
    /// entries one after the other.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (User, Option<SessionId>, Change)> + '_ {
        self.entries.iter().map(|((user, session), change)| (user, session, change))
    }

    /// Returns whether the receiver may believe in the presence that this session publishes, as far
    /// as is noted.
    pub(crate) fn believes(&self, user: User, session: SessionId) -> bool {
        !self.entries.get((user, Some(session))).is_some_and(Change::is_first)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.noted = 0;
        (self.everything, self.own_visibility) = (false, false);
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// Forgets what was to be told of the user only because the receiver watched it: published
    /// presence, of which it need not hear the end either. What ends directed presence stays.
    /// Returns the number of entries that are gone.
    pub(crate) fn forget_watched(&mut self, user: User) -> usize {
        let before = self.entries.len();
        let (mut last, mut any_ended) = ((user, None), false);
        while let Some((key, change)) = self.entries.first_after(last).filter(|(k, _)| k.0 == user)
        {
            last = key;
            let stays = !change.by_watch || change.is_of_directed();
            match self.entries.get_mut(key).filter(|_| stays) {
                Some(change) if change.by_watch => {
                    change.forget_published();
                    any_ended |= change.ended;
                }
                Some(change) => any_ended |= change.ended,
                None => _ = self.entries.remove(key),
            }
        }
        let looked_offline = self.entries.get((user, None));
        if looked_offline.is_some_and(|change| change.by_watch && !change.ended && !any_ended) {
            self.entries.remove((user, None));
        }
        before - self.entries.len()
    }

    /// Puts the mark in the place of everything. The references of the entries must have been given
    /// back.
    pub(crate) fn mark_everything(&mut self) {
        self.entries.clear();
        self.everything = true;
    }

    /// Notes something, unless only a snapshot makes good anyway; `by_watch` if it was to be told
    /// only because the receiver watches the user.
    pub(crate) fn note(&mut self, user: User, note: Note, by_watch: bool) -> Noted {
        if self.everything {
            return Noted::AsBefore;
        }
        let session = match note {
            Note::Presence { session, .. }
            | Note::SessionGone { session }
            | Note::Withdrawn { session }
            | Note::DirectedEnded { session }
            | Note::DirectedOver { session } => Some(session),
            Note::Offline { .. } => None,
        };
        let Some(change) = self.entries.get_mut((user, session)) else {
            let nth = self.noted;
            self.noted = nth.wrapping_add(1);
            let mut change = Change { nth, ..Change::default() };
            change.add(note, by_watch);
            self.entries.insert((user, session), change);
            return Noted::Added;
        };
        match note {
            // It never heard of the presence, so it need not hear that this is over.
            Note::SessionGone { .. } | Note::Withdrawn { .. } if change.is_first() => {
                if !change.is_of_directed() {
                    self.entries.remove((user, session));
                    return Noted::Removed;
                }
                change.forget_published();
                if let Note::SessionGone { .. } = note {
                    // It heard of what was directed, and is told of the end instead of that alone.
                    (change.ended, change.directed_ended) = (true, true);
                }
            }
            _ => change.add(note, by_watch),
        }
        Noted::AsBefore
    }
}

impl Change {
    /// Returns whether the presence that the session publishes is new to the receiver.
    pub(crate) fn is_first(&self) -> bool {
        self.believed == Some(false)
    }

    /// Returns whether this ends directed presence.
    pub(crate) const fn is_of_directed(&self) -> bool {
        self.directed_over || self.directed_ended
    }

    /// Forgets what is noted of the published presence.
    const fn forget_published(&mut self) {
        (self.believed, self.shown, self.withdrawn) = (None, false, false);
        self.ended = self.directed_ended;
    }

    fn add(&mut self, note: Note, by_watch: bool) {
        match note {
            Note::DirectedEnded { .. } => (self.ended, self.directed_ended) = (true, true),
            Note::DirectedOver { .. } => self.directed_over = true,
            Note::Presence { first, .. } => {
                self.is_of_published(!first, by_watch);
                self.shown = true;
            }
            Note::SessionGone { .. } => {
                self.is_of_published(true, by_watch);
                self.ended = true;
            }
            Note::Withdrawn { .. } => {
                self.is_of_published(true, by_watch);
                self.withdrawn = true;
            }
            Note::Offline { unaware } => {
                self.is_of_published(true, by_watch);
                self.ended |= unaware;
            }
        }
    }

    /// Something is noted of the published presence. Unless more is, the receiver believed in it as
    /// this says.
    fn is_of_published(&mut self, believed: bool, by_watch: bool) {
        self.by_watch = by_watch && (self.believed.is_none() || self.by_watch);
        self.believed = self.believed.or(Some(believed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_went_unseen_leaves_nothing() {
        let mut missed = Missed::default();
        let user = User(1);
        let session = |index| SessionId::new(index, core::num::NonZeroU32::MIN);
        let presence = |index, first| Note::Presence { session: session(index), first };
        let gone = Note::SessionGone { session: session(0) };
        assert_eq!(missed.note(user, gone, false), Noted::Added);
        for index in 1..1_000 {
            let ended = Note::SessionGone { session: session(index) };
            assert_eq!(missed.note(user, presence(index, true), false), Noted::Added);
            assert_eq!(missed.note(user, presence(index, false), false), Noted::AsBefore);
            assert_eq!(missed.note(user, ended, false), Noted::Removed);
            let withdrawn = Note::Withdrawn { session: session(index) };
            assert_eq!(missed.note(user, presence(index, true), false), Noted::Added);
            assert_eq!(missed.note(user, withdrawn, false), Noted::Removed);
        }
        assert_eq!(missed.note(user, presence(0, true), false), Noted::AsBefore);
        let known = Change { believed: Some(true), shown: true, ended: true, ..Change::default() };
        let entries: alloc::vec::Vec<_> = missed.entries().collect();
        assert_eq!(entries, [(user, Some(session(0)), known)]);
        assert_eq!(missed.note(user, Note::Offline { unaware: false }, false), Noted::Added);
        assert_eq!(missed.note(user, Note::Offline { unaware: false }, false), Noted::AsBefore);
        assert_eq!(missed.len(), 2);
        missed.mark_everything();
        assert_eq!(missed.note(user, Note::Offline { unaware: false }, false), Noted::AsBefore);
        assert_eq!((missed.len(), missed.is_everything(), missed.is_empty()), (0, true, false));
        missed.clear();
        assert!(missed.is_empty());
    }

    fn sessions() -> [SessionId; 3] {
        [0, 1, 2].map(|index| SessionId::new(index, core::num::NonZeroU32::MIN))
    }

    #[test]
    fn what_is_new_is_not_believed_whatever_was_directed() {
        let (mut missed, user, [new, known, unheard]) = (Missed::default(), User(1), sessions());
        missed.note(user, Note::Presence { session: new, first: true }, false);
        missed.note(user, Note::Presence { session: known, first: false }, false);
        let believed = [new, known, unheard].map(|session| missed.believes(user, session));
        assert_eq!(believed, [false, true, true]);
        missed.note(user, Note::DirectedEnded { session: new }, false);
        missed.note(user, Note::DirectedEnded { session: unheard }, false);
        assert_eq!([new, unheard].map(|session| missed.believes(user, session)), [false, true]);
        let of = |session| missed.entries.get((user, Some(session))).copied();
        let all = Change { ended: true, directed_ended: true, ..Change::default() };
        assert_eq!(of(new), Some(Change { believed: Some(false), shown: true, ..all }));
        assert_eq!(of(unheard), Some(Change { nth: 2, ..all }));
    }

    /// The end of what was directed is told, and nothing of a presence that came and went unseen,
    /// in whichever order they came.
    #[test]
    fn what_ends_directed_presence_stays_when_the_rest_was_unheard() {
        let (user, [session, ..]) = (User(1), sessions());
        let presence = |first| Note::Presence { session, first };
        let over = Change { directed_over: true, ..Change::default() };
        let ended = Change { ended: true, directed_ended: true, ..Change::default() };
        for (note, left) in
            [(Note::DirectedOver { session }, over), (Note::DirectedEnded { session }, ended)]
        {
            for last in [Note::Withdrawn { session }, Note::SessionGone { session }] {
                for notes in [
                    [note, presence(true), last],
                    [presence(true), note, last],
                    [presence(true), last, note],
                ] {
                    let mut missed = Missed::default();
                    for note in notes {
                        missed.note(user, note, false);
                    }
                    let entry = missed.entries.get((user, Some(session))).copied();
                    // An entry that was gone is another one, and comes later.
                    let nth = u32::from(notes[2] != last);
                    // Where the session ends, what was directed is told to end with it.
                    let ends = left.ended || notes[2] == Note::SessionGone { session };
                    let left = Change { nth, ended: ends, directed_ended: ends, ..left };
                    assert_eq!(entry, Some(left), "{notes:?}");
                }
                // What it believed in is over, though.
                let mut missed = Missed::default();
                for note in [presence(false), note, last] {
                    missed.note(user, note, false);
                }
                let entry = missed.entries.get((user, Some(session))).copied();
                assert!(entry.is_some_and(|it| it.withdrawn || it.ended), "{note:?} {last:?}");
            }
        }
    }

    #[test]
    fn what_may_be_believed_of_before_stays_so() {
        let (mut missed, user) = (Missed::default(), User(1));
        for unaware in [true, false] {
            missed.note(user, Note::Offline { unaware }, false);
            assert!(missed.entries.get((user, None)).is_some_and(|change| change.ended));
        }
        let (mut missed, user) = (Missed::default(), User(1));
        for unaware in [false, true] {
            missed.note(user, Note::Offline { unaware }, false);
            let offline = missed.entries.get((user, None));
            assert!(offline.is_some_and(|change| change.ended == unaware));
        }
    }

    /// Whoever stops to watch hears no more of what it was told as a watcher alone.
    #[test]
    fn what_was_to_be_told_to_a_watcher_alone_is_forgotten() {
        let (user, [one, two, three]) = (User(1), sessions());
        let presence = |session| Note::Presence { session, first: false };
        // Noted once for another reason, it is no longer for the watch alone.
        for (first, then) in [(true, false), (false, true)] {
            let mut missed = Missed::default();
            missed.note(user, presence(one), first);
            missed.note(user, presence(one), then);
            assert_eq!((missed.forget_watched(user), missed.len()), (0, 1));
        }
        let mut missed = Missed::default();
        missed.note(user, presence(one), true);
        missed.note(user, presence(two), true);
        missed.note(user, Note::DirectedOver { session: two }, true);
        missed.note(user, Note::SessionGone { session: three }, true);
        missed.note(user, Note::DirectedEnded { session: three }, true);
        missed.note(User(2), presence(one), true);
        assert_eq!((missed.forget_watched(user), missed.len()), (1, 3));
        let of = |session| missed.entries.get((user, Some(session))).copied();
        let directed = Change { by_watch: true, ..Change::default() };
        assert_eq!(of(two), Some(Change { directed_over: true, nth: 1, ..directed }));
        let ended = Change { ended: true, directed_ended: true, nth: 2, ..directed };
        assert_eq!(of(three), Some(ended));
    }

    /// That a user looked offline is told with the end of a session of which that is to be told.
    #[test]
    fn whoever_looked_offline_stays_so_while_an_end_is_to_be_told() {
        let (user, [one, two, _]) = (User(1), sessions());
        let gone = Note::SessionGone { session: one };
        let ended = Note::DirectedEnded { session: one };
        let presence = Note::Presence { session: two, first: false };
        for (end, by_watch, gone) in [(gone, false, 0), (ended, true, 0), (gone, true, 2)] {
            let mut missed = Missed::default();
            missed.note(user, Note::Offline { unaware: false }, true);
            missed.note(user, end, by_watch);
            missed.note(user, presence, false);
            assert_eq!(missed.forget_watched(user), gone, "{end:?}");
        }
    }
}
