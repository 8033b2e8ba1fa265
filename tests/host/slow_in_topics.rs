//! Readers that are slow in topics with ticks (rule T11): they get out of it.

use adsum::host::{Application, ConnectionId, Host};
use adsum::{
    Changes, Config, Connect, Join, Notice, Options, Snapshot, Time, TopicKey, TopicOptions,
    TopicSnapshot, View,
};
use std::sync::mpsc::{Receiver, sync_channel};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Everything,
    Topic,
    Changes,
}

struct Names;

impl Application<u32, u32> for Names {
    type Frame = Frame;

    fn notice(&mut self, _: &Notice<'_, u32, u32>) -> Option<Frame> {
        None
    }

    fn snapshot(&mut self, _: &Snapshot<'_, u32, u32>) -> Option<Frame> {
        Some(Frame::Everything)
    }

    fn topic(&mut self, _: &TopicSnapshot<'_, u32, u32>) -> Option<Frame> {
        Some(Frame::Topic)
    }

    fn topic_changes(&mut self, _: &Changes<'_, u32, u32>) -> Option<Frame> {
        Some(Frame::Changes)
    }
}

/// One who views so many topics on a connection with a queue, in each of which another shows
/// something else every 50 ms.
struct Room {
    host: Host<u32, u32, Names, std::sync::mpsc::SyncSender<Frame>>,
    slow: ConnectionId,
    reads: Receiver<Frame>,
    busy: ConnectionId,
    topics: Vec<TopicKey>,
    now: u64,
}

impl Room {
    fn new(topics: u32, queue: usize, outbox: usize) -> Self {
        let options = Options {
            lease: None,
            topic_rate: None,
            topics: TopicOptions { coalesce_ms: 200, ..TopicOptions::default() },
            ..Options::default()
        };
        let config = Config::new(options).expect("the options are in range");
        let mut host = Host::new(config, Names).outbox_limit(outbox);
        let (sends, reads) = sync_channel(queue);
        let (others, _) = sync_channel(100_000);
        let start = Time::ZERO;
        let slow = host.connect(start, Connect::new(1), sends).expect("there is room");
        let busy = host.connect(start, Connect::new(2), others).expect("there is room");
        let mut room = Self { host, slow, reads, busy, topics: Vec::new(), now: 0 };
        for topic in 0..topics {
            let join = |view| Join::Member { presence: None, view };
            let key = room.host.join(room.time(), busy, topic, join(View::Nothing));
            room.topics.push(key.expect("there is room"));
            room.host.join(room.time(), slow, topic, join(View::All)).expect("there is room");
            for _ in 0..300 {
                room.pass(Some(1), false);
            }
        }
        room
    }

    fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// A millisecond passes, in which the slow one takes a frame if this is the time for one.
    /// Returns what it has read.
    fn pass(&mut self, reads_every: Option<u64>, is_busy: bool) -> Option<Frame> {
        self.now += 1;
        let now = self.time();
        self.host.advance(now);
        for (nth, key) in self.topics.iter().enumerate().filter(|_| is_busy) {
            if self.now % 50 == nth as u64 * 7 % 50 {
                let shown = self.now as u32;
                self.host.update(now, self.busy, *key, shown).expect("it is a member");
            }
        }
        if reads_every.is_none_or(|every| !self.now.is_multiple_of(every)) {
            return None;
        }
        let read = self.reads.try_recv().ok()?;
        self.host.flush(now, self.slow);
        Some(read)
    }

    /// Returns how many snapshots, and of them how many of everything, and how many changes it
    /// reads in so many milliseconds.
    fn read(&mut self, every: u64, for_ms: u64) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..for_ms {
            let read = self.pass(Some(every), true);
            counts[0] += usize::from(matches!(read, Some(Frame::Topic | Frame::Everything)));
            counts[1] += usize::from(read == Some(Frame::Everything));
            counts[2] += usize::from(read == Some(Frame::Changes));
        }
        counts
    }
}

/// Twice what is due is enough, whoever was slow, and whatever the queue takes.
#[test]
fn rule_t11_who_was_slow_hears_changes_again() {
    // Topics, queue, outbox, milliseconds for a frame.
    let rooms = [(2, 1, 1_024, 40), (20, 8, 1_024, 1), (20, 8, 1_024, 5), (20, 8, 10, 1)];
    for (topics, queue, outbox, every) in rooms {
        let mut room = Room::new(topics, queue, outbox);
        room.read(every, 1_000);
        for _ in 0..1_000 {
            room.pass(None, true);
        }
        room.read(every, 3_000);
        let [snapshots, everything, changes] = room.read(every, 3_000);
        // One each 200 ms, in each topic.
        let due = topics as usize * 3_000 / 200;
        let case = format!("{topics} topics, a queue of {queue}, {outbox}, {every} ms");
        assert!(changes > due / 2, "{case}: {changes} changes of {due}, {snapshots} snapshots");
        assert!(snapshots + changes <= due + due / 2, "{case}: {snapshots} and {changes}");
        assert_eq!(everything, 0, "{case}");
    }
}
