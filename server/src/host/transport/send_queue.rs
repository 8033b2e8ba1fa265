//! What waits to be written to a connection, and who writes it when.

use std::time::Instant;

use adsum::SessionKey;

use super::ws_frame::Opcode;
use crate::host::late_frames::Word;

/// When a queue counts as full, and when as empty enough again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// Whether the queue is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// Nobody writes.
    Idle,
    /// Some thread or task writes at this moment.
    Underway,
    /// The system takes no more; the connection's task waits until it does.
    Stuck,
}

/// Whether the connection is on the writer's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    No,
    /// It is, to be written when the rest has lasted longest.
    AtLatest(Instant),
    /// It is, to be written now.
    Now,
}

/// How long a connection that was written to is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// What comes from then on goes out at once, with all that has gathered.
    pub(crate) until: Instant,
    /// If nothing comes, what has gathered goes out then.
    pub(crate) at_latest: Instant,
}

/// The frames that wait for one connection.
///
/// What every write looks at comes first, up to `front_left`: the socket has that in a cache line,
/// since of many connections hardly anything is in the caches.
#[repr(C)]
pub(super) struct SendQueue {
    pub(super) writing: Writing,
    /// What its data frames hold.
    pub(super) opcode: Opcode,
    /// Whether it went over its limits while the system took no more, and has not been low enough
    /// since.
    pub(super) congested: bool,
    /// Whether the engine's thread has been told that `congested` changed, and has not looked yet.
    pub(super) reported: bool,
    /// After a close frame nothing follows.
    pub(super) closing: Option<Closing>,
    /// Frames as they go over the wire.
    pub(super) waiting: Vec<u8>,
    /// Of `front` these last bytes are still to go. Whoever writes holds the buffer itself, so its
    /// length says nothing meanwhile.
    pub(super) front_left: usize,
    pub(super) waiting_frames: usize,
    /// What is being written, older than `waiting`.
    pub(super) front: Vec<u8>,
    pub(super) front_frames: usize,
    pub(super) listed: Listed,
    /// The session on this connection, once somebody has logged in.
    pub(super) session: Option<SessionKey>,
    /// Since when the system takes nothing.
    pub(super) stuck_since: Option<Instant>,
    /// The rest that it has had since it was last written to.
    pub(super) rest: Option<Rest>,
    /// Whether the connection's task waits until there is room again.
    pub(super) reader_waits: bool,
    /// What its client published last, over its rate: it waits for its turn, or for the end.
    pub(super) late_word: Option<Box<Word>>,
}

/// The close frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: u16,
}

/// When the writer is to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    At(Instant),
}

/// A buffer up to this size is kept for the next frame; a larger one is given back.
const KEPT: usize = 2_048;

impl SendQueue {
    pub(super) const fn new(opcode: Opcode) -> Self {
        Self {
            writing: Writing::Idle,
            opcode,
            congested: false,
            reported: false,
            closing: None,
            waiting: Vec::new(),
            front_left: 0,
            waiting_frames: 0,
            front: Vec::new(),
            front_frames: 0,
            listed: Listed::No,
            session: None,
            stuck_since: None,
            rest: None,
            reader_waits: false,
            late_word: None,
        }
    }

    /// Puts it on the writer's list, unless it is there already or somebody is about to write.
    pub(super) fn list(&mut self, now: Instant) -> Option<When> {
        if self.writing != Writing::Idle || self.listed == Listed::Now {
            return None;
        }
        match self.rest {
            Some(rest) if now < rest.until => {
                if self.listed != Listed::No {
                    return None;
                }
                self.listed = Listed::AtLatest(rest.at_latest);
                Some(When::At(rest.at_latest))
            }
            _ => {
                self.listed = Listed::Now;
                Some(When::Now)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.front_left + self.waiting.len()
    }

    pub(super) fn is_over(&self, limits: Limits) -> bool {
        self.len() > limits.bytes || self.front_frames + self.waiting_frames > limits.frames
    }

    pub(super) fn is_low(&self, limits: Limits) -> bool {
        self.len() <= limits.bytes / 4
            && self.front_frames + self.waiting_frames <= limits.frames / 4
    }

    /// Brings `congested` up to date; returns the session whose change is to be reported.
    ///
    /// A queue is never full while somebody could still write it: what the system takes of it waits
    /// for nobody.
    pub(super) fn review(&mut self, limits: Limits) -> Option<SessionKey> {
        let session = self.session.filter(|_| self.closing.is_none())?;
        let changed = match self.congested {
            false => self.writing == Writing::Stuck && self.is_over(limits),
            true => self.is_low(limits),
        };
        self.congested ^= changed;
        let unreported = changed && !std::mem::replace(&mut self.reported, true);
        unreported.then_some(session)
    }

    /// Makes `front` hold what goes out next; returns whether there is anything.
    pub(super) fn refill(&mut self) -> bool {
        if self.front_left > 0 {
            return true;
        }
        let mut written = std::mem::take(&mut self.front);
        written.clear();
        if written.capacity() > KEPT {
            written = Vec::new();
        }
        self.front_frames = std::mem::take(&mut self.waiting_frames);
        if self.waiting.is_empty() {
            // The buffer that was used last is the one that is in the caches.
            if written.capacity() > 0 {
                self.waiting = written;
            }
            return false;
        }
        self.front = std::mem::replace(&mut self.waiting, written);
        self.front_left = self.front.len();
        true
    }

    /// Takes the front out to be written, from this byte on. It counts as queued all the while.
    pub(super) fn take_front(&mut self) -> (Vec<u8>, usize) {
        let front = std::mem::take(&mut self.front);
        let from = front.len() - self.front_left;
        (front, from)
    }

    pub(super) fn empty(&mut self) {
        self.front = Vec::new();
        self.waiting = Vec::new();
        (self.front_left, self.front_frames, self.waiting_frames) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_under_way_counts_as_queued_until_it_is_written() {
        let limits = Limits { frames: 9, bytes: 120 };
        let mut queue = SendQueue::new(Opcode::Binary);
        queue.waiting.extend([7; 100]);
        queue.waiting_frames = 1;
        assert!(queue.refill());
        let (front, from) = queue.take_front();
        assert_eq!((front.len(), from, queue.len()), (100, 0, 100));
        // The system took 60 of them; somebody appends while the rest is being written.
        queue.front = front;
        queue.front_left -= 60;
        assert!(queue.refill());
        let (front, from) = queue.take_front();
        queue.waiting.extend([8; 80]);
        queue.waiting_frames += 1;
        assert_eq!((front.len(), from, queue.len()), (100, 60, 120));
        assert!(!queue.is_over(limits));
        queue.waiting.push(8);
        assert!(queue.is_over(limits));
        queue.front = front;
        queue.front_left -= 40;
        assert!(queue.refill(), "what came meanwhile is next");
        assert_eq!((queue.front.as_slice(), queue.len()), ([8; 81].as_slice(), 81));
        queue.front_left = 0;
        assert!(!queue.refill());
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn after_a_rest_what_comes_takes_along_what_has_gathered() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut queue = SendQueue::new(Opcode::Binary);
        assert_eq!(queue.list(at(0)), Some(When::Now), "nothing was written yet");
        assert_eq!(queue.list(at(0)), None, "it is about to be");
        queue.listed = Listed::No;
        queue.rest = Some(Rest { until: at(70), at_latest: at(90) });
        assert_eq!(queue.list(at(10)), Some(When::At(at(90))));
        assert_eq!(queue.list(at(69)), None, "it goes with the one before");
        assert_eq!(queue.list(at(70)), Some(When::Now));
        assert_eq!(queue.list(at(90)), None);
        // Somebody who writes, or waits until the system takes more, takes this along too.
        queue.listed = Listed::No;
        for writing in [Writing::Underway, Writing::Stuck] {
            queue.writing = writing;
            assert_eq!(queue.list(at(200)), None);
        }
    }
}
