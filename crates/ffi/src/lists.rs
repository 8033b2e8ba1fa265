//! Where what is lent as an array is gathered: room that is used again and again.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::entry::adsum_entry;
use crate::info::{adsum_attendant, adsum_member, adsum_session_info, adsum_topic_info};
use crate::names::adsum_session;
use crate::remote::Said;

/// The room of one engine. What lies in it holds until the next call.
#[derive(Default)]
pub(crate) struct Lists {
    /// The one receiver of a snapshot. Not in place, where what points to it would be good only
    /// until the next reference to all of this.
    pub(crate) one: Vec<u32>,
    pub(crate) entries: Vec<adsum_entry>,
    pub(crate) ids: Vec<adsum_bytes>,
    pub(crate) keys: Vec<adsum_session>,
    pub(crate) sessions: Vec<adsum_session_info>,
    pub(crate) topics: Vec<adsum_topic_info>,
    pub(crate) members: Vec<adsum_member>,
    pub(crate) attendants: Vec<adsum_attendant>,
    pub(crate) origins: Vec<u32>,
    pub(crate) said: Said,
}

impl Lists {
    /// Gathers ids.
    pub(crate) fn gather_ids<'i>(
        &mut self,
        ids: impl Iterator<Item = &'i Box<[u8]>>,
    ) -> adsum_list {
        self.gather(ids);
        adsum_list::of(&self.ids)
    }

    /// The same, but where a list without entries must not be taken for none.
    pub(crate) fn gather_named<'i>(
        &mut self,
        ids: impl Iterator<Item = &'i Box<[u8]>>,
    ) -> adsum_list {
        self.gather(ids);
        adsum_list::of_present(&self.ids)
    }

    fn gather<'i>(&mut self, ids: impl Iterator<Item = &'i Box<[u8]>>) {
        self.ids.clear();
        self.ids.extend(ids.map(|id| adsum_bytes::of(id)));
    }
}
