//! A connection's way out: one buffer of frames, written by whoever has it in hand.
//!
//! The engine's thread appends and never writes. Writing is one call to the system for everything
//! that has gathered, by the [writer](super::writer) thread, which is woken once for many
//! connections; a connection's own task writes only its own answers, and what is left when the
//! peer reads too slowly.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use adsum::SessionKey;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::frame;

/// When a queue counts as full, and when as empty enough again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// An open connection.
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    /// Wakes the connection's task: the peer reads too slowly, or the connection is to be closed.
    pub(crate) wake: Notify,
    limits: Limits,
    queue: Mutex<Queue>,
    /// Bytes that wait here, of all connections together.
    total: &'static AtomicU64,
}

/// Who has the buffer in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    /// Nobody.
    Nobody,
    /// Somebody writes it at this moment.
    Writer,
    /// The system takes no more; the connection's task waits until it does.
    Stuck,
}

/// Does the writer know of it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    No,
    /// It writes when the rest has lasted longest.
    AtLatest(Instant),
    /// It is about to write.
    Now,
}

/// For how long a connection is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    /// What comes from then on goes out at once, with all that has gathered.
    pub(crate) until: Instant,
    /// If nothing comes, what has gathered goes out then.
    pub(crate) at_latest: Instant,
}

struct Queue {
    /// Frames as they go over the wire.
    waiting: Vec<u8>,
    waiting_frames: usize,
    /// What is being written, older than `waiting`: its last `front_left` bytes are still to go.
    /// Whoever writes has the buffer itself in hand, so its length says nothing meanwhile.
    front: Vec<u8>,
    front_left: usize,
    front_frames: usize,
    hand: Hand,
    listed: Listed,
    /// Has the engine been told, or is it about to be, that nothing more fits?
    congested: bool,
    /// After a close frame nothing follows.
    closing: Option<Closing>,
    /// Whose connection this is, once somebody has logged in.
    session: Option<SessionKey>,
    /// Since when the system takes nothing.
    stuck_since: Option<Instant>,
    /// Since it was written to.
    rest: Option<Rest>,
    /// Does the connection's task wait until there is room again?
    reader_waits: bool,
}

/// The close frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: u16,
}

/// What came of appending a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// It is to be put on the writer's list.
    pub(crate) list: Option<When>,
    /// It is over its limit as of now: the engine must be told.
    pub(crate) full: bool,
}

/// When the writer is to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    At(Instant),
}

/// What came of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// The session is to be told of by the engine again.
    pub(crate) writable: Option<SessionKey>,
}

/// A buffer up to this size is kept for the next frame; a larger one is given back.
const KEPT: usize = 2_048;

impl Socket {
    pub(crate) fn new(stream: TcpStream, limits: Limits, total: &'static AtomicU64) -> Self {
        Self { stream, wake: Notify::new(), limits, queue: Mutex::new(Queue::new()), total }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads something at one end of it, so that the rest is at hand soon.
    pub(crate) const fn look(&self) -> usize {
        self.limits.frames
    }

    /// From now on this is a session's connection.
    pub(crate) fn belongs_to(&self, session: SessionKey) {
        self.queue().session = Some(session);
    }

    /// Appends a data frame whose payload is about `guess` bytes long.
    pub(crate) fn append(
        &self,
        now: Instant,
        guess: usize,
        payload: impl FnOnce(&mut Vec<u8>),
    ) -> Appended {
        let mut queue = self.queue();
        if queue.closing.is_some() {
            return Appended { list: None, full: false };
        }
        let before = queue.waiting.len();
        frame::append_binary(&mut queue.waiting, guess, payload);
        queue.waiting_frames += 1;
        self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        let full = !queue.congested && queue.session.is_some() && queue.is_over(self.limits);
        queue.congested |= full;
        Appended { list: queue.list(now), full }
    }

    /// Appends an answer to the client's own request; its task writes it.
    pub(crate) fn append_answer(&self, frame: &[u8]) {
        self.append_with(|buffer| {
            frame::append_binary(buffer, frame.len(), |buffer| buffer.extend_from_slice(frame));
        });
    }

    /// Appends bytes that the WebSocket library made: pongs, and its own close frames.
    pub(crate) fn append_raw(&self, bytes: &[u8]) {
        self.append_with(|buffer| buffer.extend_from_slice(bytes));
    }

    fn append_with(&self, append: impl FnOnce(&mut Vec<u8>)) {
        let mut queue = self.queue();
        if queue.closing.is_none() {
            let before = queue.waiting.len();
            append(&mut queue.waiting);
            queue.waiting_frames += 1;
            self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        }
    }

    /// Sends a close frame after what is queued; nothing follows it.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        let mut queue = self.queue();
        if queue.closing.is_some() {
            return;
        }
        let before = queue.waiting.len();
        frame::append_close(&mut queue.waiting, code, reason);
        self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        queue.closing = Some(Closing { code });
        drop(queue);
        self.flush();
        self.wake.notify_one();
    }

    /// The close frame that was sent, if one was.
    pub(crate) fn closing(&self) -> Option<Closing> {
        self.queue().closing
    }

    /// Is it over its limit, and has not been low enough since? When it is, whoever has written
    /// reports it.
    pub(crate) fn is_congested(&self) -> bool {
        self.queue().congested
    }

    /// Since when the system takes nothing, if it does not.
    pub(crate) fn stuck_since(&self) -> Option<Instant> {
        self.queue().stuck_since
    }

    /// Are so many answers waiting that no more requests should be read? Then the task is woken
    /// when they have gone.
    pub(crate) fn wait_if_full(&self) -> bool {
        let mut queue = self.queue();
        queue.reader_waits = queue.is_over(self.limits);
        queue.reader_waits
    }

    /// Writes all that is queued, or as much as the system takes; unless somebody else is at it,
    /// who then writes this too.
    pub(crate) fn flush(&self) -> Flushed {
        self.write(None)
    }

    /// The same, after which the connection has a rest.
    pub(crate) fn flush_and_rest(&self, rest: Rest) -> Flushed {
        self.write(Some(rest))
    }

    /// Is this the moment for which the connection is on the list? Not if it has been written to
    /// since it was put there.
    pub(crate) fn is_due(&self, at: Instant) -> bool {
        self.queue().listed == Listed::AtLatest(at)
    }

    /// The system takes bytes again.
    pub(crate) fn unstick(&self) -> Flushed {
        let mut queue = self.queue();
        if queue.hand == Hand::Stuck {
            queue.hand = Hand::Nobody;
        }
        drop(queue);
        self.write(None)
    }

    fn write(&self, rest: Option<Rest>) -> Flushed {
        let mut queue = self.queue();
        queue.listed = Listed::No;
        if queue.hand != Hand::Nobody {
            return Flushed { writable: None };
        }
        loop {
            if !queue.refill() {
                break;
            }
            queue.hand = Hand::Writer;
            queue.rest = rest.or(queue.rest);
            let (front, from) = queue.take_front();
            // Nobody waits for this lock while the system copies.
            drop(queue);
            let written = self.stream.try_write(&front[from..]);
            queue = self.queue();
            queue.front = front;
            queue.hand = Hand::Nobody;
            match written {
                Ok(bytes) => {
                    queue.stuck_since = None;
                    queue.front_left -= bytes;
                    self.total.fetch_sub(bytes as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    queue.hand = Hand::Stuck;
                    queue.stuck_since.get_or_insert_with(Instant::now);
                    self.wake.notify_one();
                    break;
                }
                Err(_) => {
                    // The reading side learns of it too, and says what it was.
                    let lost = queue.len();
                    queue.empty();
                    queue.stuck_since = None;
                    self.total.fetch_sub(lost as u64, Ordering::Relaxed);
                    break;
                }
            }
        }
        if queue.reader_waits && queue.is_low(self.limits) {
            queue.reader_waits = false;
            self.wake.notify_one();
        }
        let enough = queue.congested && queue.is_low(self.limits) && queue.closing.is_none();
        queue.congested &= !enough;
        Flushed { writable: queue.session.filter(|_| enough) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let left = self.queue().len();
        self.total.fetch_sub(left as u64, Ordering::Relaxed);
    }
}

impl Queue {
    const fn new() -> Self {
        Self {
            waiting: Vec::new(),
            waiting_frames: 0,
            front: Vec::new(),
            front_left: 0,
            front_frames: 0,
            hand: Hand::Nobody,
            listed: Listed::No,
            congested: false,
            closing: None,
            session: None,
            stuck_since: None,
            rest: None,
            reader_waits: false,
        }
    }

    /// Puts it on the writer's list, unless it is there already or somebody is about to write.
    fn list(&mut self, now: Instant) -> Option<When> {
        if self.hand != Hand::Nobody || self.listed == Listed::Now {
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

    fn len(&self) -> usize {
        self.front_left + self.waiting.len()
    }

    fn is_over(&self, limits: Limits) -> bool {
        self.len() > limits.bytes || self.front_frames + self.waiting_frames > limits.frames
    }

    fn is_low(&self, limits: Limits) -> bool {
        self.len() <= limits.bytes / 4
            && self.front_frames + self.waiting_frames <= limits.frames / 4
    }

    /// Makes `front` hold what goes out next; false if there is nothing.
    fn refill(&mut self) -> bool {
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

    /// Hands the front out to be written, from this byte on. It counts as queued all the while.
    fn take_front(&mut self) -> (Vec<u8>, usize) {
        let front = std::mem::take(&mut self.front);
        let from = front.len() - self.front_left;
        (front, from)
    }

    fn empty(&mut self) {
        self.front = Vec::new();
        self.waiting = Vec::new();
        (self.front_left, self.front_frames, self.waiting_frames) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[test]
    fn what_is_under_way_counts_as_queued_until_it_is_written() {
        let limits = Limits { frames: 9, bytes: 120 };
        let mut queue = Queue::new();
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
        let mut queue = Queue::new();
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
        for hand in [Hand::Writer, Hand::Stuck] {
            queue.hand = hand;
            assert_eq!(queue.list(at(200)), None);
        }
    }

    /// A connection, and its other end, with room in between for little.
    async fn connection(limits: Limits) -> (Socket, TcpStream) {
        static TOTAL: AtomicU64 = AtomicU64::new(0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpSocket::new_v4().unwrap();
        near.set_send_buffer_size(4_096).unwrap();
        let near = near.connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        (Socket::new(near.unwrap(), limits, &TOTAL), far.unwrap().0)
    }

    /// Appends and writes until the system takes no more.
    fn fill(socket: &Socket) {
        while socket.stuck_since().is_none() {
            socket.append(Instant::now(), 10_000, |buffer| buffer.resize(buffer.len() + 10_000, 7));
            socket.flush();
        }
    }

    #[tokio::test]
    async fn who_takes_a_little_is_not_stuck_since_before_that() {
        let (socket, mut far) = connection(Limits { frames: 9, bytes: 100_000 }).await;
        fill(&socket);
        socket.append(Instant::now(), 10, |buffer| buffer.resize(buffer.len() + 5_000_000, 7));
        let first = socket.stuck_since().expect("it took no more");
        let mut taken = vec![0; 10_000];
        // What is read makes room for more, though far from all.
        let reads_on = async {
            while socket.stuck_since().expect("there is more") == first {
                tokio::select! {
                    read = far.read(&mut taken) => assert_ne!(read.unwrap(), 0),
                    ready = socket.stream.writable() => {
                        ready.unwrap();
                        socket.unstick();
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reads_on).await.expect("a later moment");
        assert!(socket.stuck_since() > Some(first));
    }
}
