//! What was heard of a user and is not done yet, where this node is told something itself
//! meanwhile: that is newer, and it counts on what was heard.

use crate::desk::{Desk, Job};
use crate::people::Life;
use adsum::{Event, RemoteLists, RemoteState};
use core::hash::{BuildHasher, Hash};
use hashbrown::HashSet;

impl<K: Eq + Hash + Clone, P, S: BuildHasher + Clone> Desk<K, P, S> {
    /// Returns whether the engine is yet to be told of something that was heard of a user, but for
    /// an end: then all that there is to know of the user is the engine's.
    pub(crate) fn has_waiting(&self, of: &K) -> bool {
        // Hardly anybody is at another node too, so hardly ever are the jobs gone through.
        let is_elsewhere =
            self.people.get(of).is_some_and(|person| !person.held.is_empty() || person.is_coming());
        is_elsewhere
            && self.jobs.iter().any(|job| match job {
                Job::State { user, state: RemoteState { lists, sessions, .. }, .. } => {
                    user == of && (lists.is_some() || !sessions.is_empty())
                }
                _ => false,
            })
    }

    /// Forgets what was heard of a node and is not done yet.
    pub(crate) fn forget_waiting(&mut self, life: Life) {
        let Self { jobs, people, .. } = self;
        jobs.retain(|job| {
            if job.life() != Some(life) {
                return true;
            }
            if let Job::State { user, state, .. } = job
                && let Some(person) = people.all.get_mut(user)
            {
                let comes = !state.sessions.is_empty();
                person.coming = person.coming.saturating_sub(u16::from(comes));
            }
            false
        });
    }

    /// Returns the newest lists in what is yet to be done of what was heard of a user.
    pub(crate) fn newest_waiting_lists(&self, of: &K) -> Option<&RemoteLists<K>> {
        self.jobs.iter().rev().find_map(|job| match job {
            Job::State { user, state, keeps_lists: false, .. } if user == of => {
                state.lists.as_ref()
            }
            _ => None,
        })
    }

    /// Returns the lists in what is yet to be done of what was heard of a user.
    fn waiting_lists<'d>(
        &'d mut self,
        of: &'d K,
    ) -> impl Iterator<Item = &'d mut RemoteLists<K>> + use<'d, K, P, S> {
        self.jobs.iter_mut().filter_map(move |job| match job {
            Job::State { user, state: RemoteState { lists: Some(lists), .. }, .. }
                if user == of =>
            {
                Some(lists)
            }
            _ => None,
        })
    }

    /// Has what was heard show a user, or not, as it has just said.
    pub(crate) fn show_in_waiting(&mut self, user: &K, is_visible: bool) {
        self.waiting_lists(user).for_each(|lists| lists.visible = is_visible);
    }

    /// Has the lists that were heard change as this node has just been told. What would be too long
    /// is cut: the engine would take none of it.
    pub(crate) fn change_in_waiting(
        &mut self,
        user: &K,
        event: &Event<K, P>,
        [max_audience, max_blocked]: [usize; 2],
    ) {
        if broken!(self, ForgetWaiting) {
            return;
        }
        let hasher = self.people.all.hasher().clone();
        let set = |all: &[K]| {
            let mut set = HashSet::with_hasher(hasher.clone());
            set.extend(all.iter().cloned());
            set
        };
        for RemoteLists { audience, blocked, .. } in self.waiting_lists(user) {
            match event {
                Event::AudienceAdd { contacts, .. } => {
                    let known = set(audience);
                    let new = contacts.iter().filter(|contact| !known.contains(*contact));
                    audience.extend(new.cloned());
                }
                Event::AudienceRemove { contacts, .. } => {
                    let gone = set(contacts);
                    audience.retain(|contact| !gone.contains(contact));
                }
                Event::AudienceReplace { contacts, .. } => audience.clone_from(contacts),
                Event::Block { other, .. } if !blocked.contains(other) => {
                    blocked.push(other.clone());
                }
                Event::Unblock { other, .. } => blocked.retain(|one| one != other),
                Event::Connect { audience: contacts, blocked: all, .. } => {
                    audience.clone_from(contacts);
                    blocked.clone_from(all);
                }
                _ => {}
            }
            audience.truncate(max_audience);
            blocked.truncate(max_blocked);
        }
    }
}
