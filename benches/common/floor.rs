//! The least that has to be done.

use super::world::PREFETCHED;
use std::hint::black_box;

/// A bare loop over contact lists against a bitmap of who is online.
///
/// Its lists are laid out as fairly as the engine's: it holds those of the users who are online
/// and no others, each in one piece, in the order in which they came online; who publishes when
/// must have nothing to do with that.
pub(crate) struct Floor {
    /// A `Vec` each, as one would write it.
    lists: Vec<Vec<u32>>,
    online: Vec<u64>,
    slots: Vec<u32>,
}

impl Floor {
    pub(crate) fn new(users: usize) -> Self {
        Self { lists: vec![Vec::new(); users], online: vec![0; users.div_ceil(64)], slots: vec![0] }
    }

    /// A user comes online and brings a list.
    pub(crate) fn connect(&mut self, user: u32, contacts: &[u32]) {
        self.lists[user as usize] = contacts.to_vec();
        self.slots.resize(self.slots.len().max(contacts.len() + 1), 0);
        self.set_online(user, true);
    }

    /// A user goes offline, and the list goes too.
    pub(crate) fn disconnect(&mut self, user: u32) {
        self.lists[user as usize] = Vec::new();
        self.set_online(user, false);
    }

    pub(crate) fn set_online(&mut self, user: u32, online: bool) {
        let (word, bit) = (user as usize / 64, 1 << (user % 64));
        if online {
            self.online[word] |= bit;
        } else {
            self.online[word] &= !bit;
        }
    }

    pub(crate) fn is_online(&self, user: u32) -> bool {
        self.online[user as usize / 64] >> (user % 64) & 1 == 1
    }

    pub(crate) fn contacts(&self, user: u32) -> &[u32] {
        &self.lists[user as usize]
    }

    /// Writes the slots of those contacts who are online: each user's first one, which its number
    /// implies.
    pub(crate) fn publish(&mut self, user: u32) -> usize {
        scan(&self.lists[user as usize], &self.online, &mut self.slots)
    }

    /// The same for many, with what they will read fetched in advance, as the engine does it.
    pub(crate) fn publish_all(&mut self, users: &[u32]) -> usize {
        let mut told = 0;
        for some in users.chunks(PREFETCHED) {
            for some in some.chunks(16) {
                let mut lists = [&[][..]; 16];
                for (list, user) in lists.iter_mut().zip(some) {
                    *list = &self.lists[*user as usize];
                }
                for list in lists {
                    black_box(list.iter().step_by(16).fold(0, |read, user| read ^ user));
                }
            }
            for user in some {
                told += self.publish(*user);
            }
        }
        told
    }
}

/// Writes the slots of those contacts who are online, and says how many they are.
#[inline]
pub(crate) fn scan(contacts: &[u32], online: &[u64], slots: &mut [u32]) -> usize {
    let mut len = 0;
    for contact in contacts {
        slots[len] = 2 * contact;
        len += (online[*contact as usize / 64] >> (contact % 64) & 1) as usize;
    }
    black_box(&slots[..len]).len()
}
