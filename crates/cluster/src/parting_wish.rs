//! What users say of being seen at a node that leaves, which says nothing else of them any more:
//! who hides must not be shown by the others until its session there is over (rule C7).

use crate::desk::{Desk, Job, Leaving, Post};
use crate::message::{Body, To};
use crate::people::Life;
use adsum::{RemoteLists, RemoteState};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Desk<K, P, S> {
    /// Tells the others so, if this node has left.
    pub(crate) fn say_wish(&mut self, user: &K, wish: u64) {
        if self.leaving == Leaving::Done {
            let body = Body::Wish { user: user.clone(), wish };
            self.outbox.push_back(Post::Say { to: To::Everyone, body });
        }
    }

    /// Takes what a user has said at a node that has sessions of it, if that is the newest.
    pub(crate) fn take_wish(&mut self, at: usize, user: K, wish: u64) {
        let life = self.peers.at(at).life;
        let Some(person) = self.people.all.get_mut(&user) else { return };
        let held = person.held.iter_mut().find(|held| held.life == life && !held.seen.is_empty());
        let Some(held) = held.filter(|_| wish > person.version.wish) else { return };
        (held.version.wish, person.version.wish) = (wish, wish);
        let is_here = person.is_here();
        // The lists themselves are those that are known.
        let visible = person.version.is_visible();
        let lists = RemoteLists { audience: Vec::new(), blocked: Vec::new(), visible };
        let state = RemoteState { lists: Some(lists), sessions: Vec::new(), ended: Vec::new() };
        if is_here {
            self.people.list(&user);
        }
        self.people.doubt(&user);
        // Of the sessions that the node has, nothing is said.
        let (life, keeps_lists, posted) = (Life::ME, true, None);
        self.jobs.push_back(Job::State { life, user, state, keeps_lists, posted });
    }
}
