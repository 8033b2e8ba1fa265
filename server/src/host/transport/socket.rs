//! A connection's socket: one queue of frames, written by one thread or task at a time.
//!
//! The writer's thread writes what the engine decides: at once and past the queue if nothing waits
//! there, or else in one call to the system for everything that has gathered. A connection's own
//! task writes only its own answers, and what is left when the peer reads too slowly.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use adsum::SessionKey;
#[cfg(target_os = "linux")]
use rustix::net::SendFlags;
use smol_str::SmolStr;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::send_queue::{Closing, Limits, Listed, Rest, SendQueue, When, Writing};
use super::wire::Wire;
use super::ws_frame::{self, Opcode};
use crate::host::late_frames::Word;

/// Who is on a connection, and what they speak.
pub(crate) struct Receiver {
    /// In place, if it is not long: each frame has it, and the caches do not.
    pub(crate) node: SmolStr,
    pub(crate) wire: Wire,
}

/// An open connection. What every write needs lies together, in two cache lines: the system's
/// descriptor and who is there, then the lock and what is looked at under it.
#[repr(C, align(64))]
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    receiver: OnceLock<Receiver>,
    queue: Mutex<SendQueue>,
    limits: Limits,
    /// Bytes that wait here, of all connections together.
    total: &'static AtomicU64,
    /// How many more bytes may be read before somebody has logged in; all, from then on.
    may_read: AtomicUsize,
    /// Wakes the connection's task: the peer reads too slowly, or the connection must be closed.
    pub(crate) wake: Notify,
}

/// The outcome of appending a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// When the writer is to write it, if the connection is to be put on its list.
    pub(crate) list: Option<When>,
    /// Whether it is over its limits: whoever appended is to write before anything else.
    pub(crate) over: bool,
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// The session whose queue has become full, or has emptied: the engine's thread is to look.
    pub(crate) changed: Option<SessionKey>,
}

impl Socket {
    pub(crate) fn new(
        stream: TcpStream,
        limits: Limits,
        opcode: Opcode,
        total: &'static AtomicU64,
    ) -> Self {
        Self {
            stream,
            receiver: OnceLock::new(),
            queue: Mutex::new(SendQueue::new(opcode)),
            limits,
            total,
            may_read: AtomicUsize::new(usize::MAX),
            wake: Notify::new(),
        }
    }

    /// Lets so many bytes be read, and no more until somebody has logged in.
    pub(crate) fn limit_reading(&self, bytes: usize) {
        self.may_read.store(bytes, Ordering::Relaxed);
    }

    /// Returns how many bytes may be read now.
    pub(crate) fn may_read(&self) -> usize {
        self.may_read.load(Ordering::Relaxed)
    }

    /// Counts bytes that were read. Only the connection's own task reads and lifts the limit.
    pub(crate) fn has_read(&self, bytes: usize) {
        let before = self.may_read();
        if before != usize::MAX {
            self.may_read.store(before - bytes.min(before), Ordering::Relaxed);
        }
    }

    fn queue(&self) -> MutexGuard<'_, SendQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads something of what a write needs, which brings it into the caches.
    pub(crate) fn touch(&self) -> usize {
        let receiver = self.receiver.get().map_or(0, |receiver| receiver.node.len());
        receiver ^ usize::from(self.queue.is_poisoned())
    }

    /// Makes this the connection of a session.
    pub(crate) fn belongs_to(&self, session: SessionKey, receiver: Receiver) {
        self.queue().session = Some(session);
        // A connection has one login, so nobody was there before.
        let _ = self.receiver.set(receiver);
    }

    /// Keeps what its client published over its rate, in place of what it published before.
    pub(crate) fn keep_late_word(&self, word: Word) {
        let older = self.queue().late_word.replace(Box::new(word));
        drop(older);
    }

    /// Takes it, if it has not been taken.
    pub(crate) fn take_late_word(&self) -> Option<Word> {
        self.queue().late_word.take().map(|word| *word)
    }

    /// Returns who is on it, once somebody has logged in.
    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.receiver.get()
    }

    /// Writes a data frame whose payload is about `guess` bytes long. It is made in `scratch`, and
    /// in the queue if something waits there; what the system does not take is kept in the queue.
    pub(crate) fn send(
        &self,
        scratch: &mut Vec<u8>,
        guess: usize,
        payload: impl FnOnce(&mut Vec<u8>),
    ) -> Flushed {
        let mut queue = self.queue();
        if queue.closing.is_some() {
            return Flushed { changed: None };
        }
        let (before, opcode) = (queue.waiting.len(), queue.opcode);
        if queue.writing != Writing::Idle || queue.len() > 0 {
            ws_frame::append_data(&mut queue.waiting, opcode, guess, payload);
        } else {
            scratch.clear();
            ws_frame::append_data(scratch, opcode, guess, payload);
            let written = match self.write_once(scratch) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                // The side that reads learns of it too, and says what it was.
                Err(_) => return Flushed { changed: None },
            };
            if written == scratch.len() {
                return Flushed { changed: None };
            }
            queue.waiting.extend_from_slice(&scratch[written..]);
        }
        queue.waiting_frames += 1;
        self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        drop(queue);
        self.flush()
    }

    /// Writes to the system and nothing else: what the runtime keeps for the connection stays out
    /// of the caches.
    #[cfg(target_os = "linux")]
    fn write_once(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(rustix::net::send(&self.stream, bytes, flags)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn write_once(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write(bytes)
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
            return Appended { list: None, over: false };
        }
        let (before, opcode) = (queue.waiting.len(), queue.opcode);
        ws_frame::append_data(&mut queue.waiting, opcode, guess, payload);
        queue.waiting_frames += 1;
        self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        let over = !queue.congested && queue.session.is_some() && queue.is_over(self.limits);
        Appended { list: queue.list(now), over }
    }

    /// Appends an answer to the client's own request, which the connection's task writes.
    pub(crate) fn append_answer(&self, frame: &[u8]) {
        self.append_with(|buffer, opcode| {
            let payload = |buffer: &mut Vec<u8>| buffer.extend_from_slice(frame);
            ws_frame::append_data(buffer, opcode, frame.len(), payload);
        });
    }

    /// Appends bytes that the WebSocket library made: pongs, and its own close frames.
    pub(crate) fn append_raw(&self, bytes: &[u8]) {
        self.append_with(|buffer, _| buffer.extend_from_slice(bytes));
    }

    fn append_with(&self, append: impl FnOnce(&mut Vec<u8>, Opcode)) {
        let mut queue = self.queue();
        if queue.closing.is_none() {
            let (before, opcode) = (queue.waiting.len(), queue.opcode);
            append(&mut queue.waiting, opcode);
            queue.waiting_frames += 1;
            self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        }
    }

    /// Sends a close frame after what is queued, and before it a last data frame, unless that is
    /// empty; nothing follows.
    pub(crate) fn close(&self, code: u16, reason: &str, last: &[u8]) {
        let mut queue = self.queue();
        if queue.closing.is_some() {
            return;
        }
        let (before, opcode) = (queue.waiting.len(), queue.opcode);
        if !last.is_empty() {
            let payload = |buffer: &mut Vec<u8>| buffer.extend_from_slice(last);
            ws_frame::append_data(&mut queue.waiting, opcode, last.len(), payload);
        }
        ws_frame::append_close(&mut queue.waiting, code, reason);
        self.total.fetch_add((queue.waiting.len() - before) as u64, Ordering::Relaxed);
        queue.closing = Some(Closing { code });
        drop(queue);
        self.flush();
        self.wake.notify_one();
    }

    /// Returns the close frame that was sent, if one was.
    pub(crate) fn closing(&self) -> Option<Closing> {
        self.queue().closing
    }

    /// Returns whether the queue went over its limits while the system took no more, and has not
    /// been low enough since. Whoever writes reports a later change anew.
    pub(crate) fn look(&self) -> bool {
        let mut queue = self.queue();
        queue.reported = false;
        queue.congested
    }

    /// Returns since when the system takes nothing, if it takes nothing.
    pub(crate) fn stuck_since(&self) -> Option<Instant> {
        self.queue().stuck_since
    }

    /// Returns whether so much is waiting that no more requests should be read. If so, the task is
    /// woken when it has gone.
    pub(crate) fn wait_if_full(&self) -> bool {
        let mut queue = self.queue();
        queue.reader_waits = queue.is_over(self.limits);
        queue.reader_waits
    }

    /// Writes all that is queued, or as much as the system takes, unless somebody else is writing:
    /// they write this too.
    pub(crate) fn flush(&self) -> Flushed {
        self.write(None)
    }

    /// Writes as [`flush`](Self::flush) does, after which the connection has a rest.
    pub(crate) fn flush_and_rest(&self, rest: Rest) -> Flushed {
        self.write(Some(rest))
    }

    /// Returns whether this is the moment for which the connection is on the list. It is not if the
    /// connection was written to since it was put there.
    pub(crate) fn is_due(&self, at: Instant) -> bool {
        self.queue().listed == Listed::AtLatest(at)
    }

    /// Makes as if the system took nothing, until [`unstick`](Self::unstick).
    #[cfg(test)]
    pub(crate) fn pretend_stuck(&self) {
        self.queue().writing = Writing::Stuck;
    }

    /// Writes on, since the system takes bytes again.
    pub(crate) fn unstick(&self) -> Flushed {
        let mut queue = self.queue();
        if queue.writing == Writing::Stuck {
            queue.writing = Writing::Idle;
        }
        drop(queue);
        self.write(None)
    }

    fn write(&self, rest: Option<Rest>) -> Flushed {
        let mut queue = self.queue();
        queue.listed = Listed::No;
        if queue.writing != Writing::Idle {
            return Flushed { changed: queue.review(self.limits) };
        }
        loop {
            if !queue.refill() {
                break;
            }
            queue.writing = Writing::Underway;
            queue.rest = rest.or(queue.rest);
            let (front, from) = queue.take_front();
            // Nobody waits for this lock while the system copies.
            drop(queue);
            let written = self.stream.try_write(&front[from..]);
            queue = self.queue();
            queue.front = front;
            queue.writing = Writing::Idle;
            match written {
                Ok(bytes) => {
                    queue.stuck_since = None;
                    queue.front_left -= bytes;
                    self.total.fetch_sub(bytes as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    queue.writing = Writing::Stuck;
                    queue.stuck_since.get_or_insert_with(Instant::now);
                    self.wake.notify_one();
                    break;
                }
                Err(_) => {
                    // The side that reads learns of it too, and says what it was.
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
        Flushed { changed: queue.review(self.limits) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let left = self.queue().len();
        self.total.fetch_sub(left as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A connection, and its other end, with room in between for little.
    async fn connection(limits: Limits) -> (Socket, TcpStream) {
        static TOTAL: AtomicU64 = AtomicU64::new(0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpSocket::new_v4().unwrap();
        near.set_send_buffer_size(4_096).unwrap();
        let near = near.connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        (Socket::new(near.unwrap(), limits, Opcode::Binary, &TOTAL), far.unwrap().0)
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

    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn what_every_write_needs_lies_in_two_cache_lines() {
        let looked_at = std::mem::offset_of!(SendQueue, front_left) + size_of::<usize>();
        assert_eq!(align_of::<Socket>(), 64);
        // The lock itself takes eight bytes.
        assert!(std::mem::offset_of!(Socket, queue) + 8 + looked_at <= 128);
    }
}
