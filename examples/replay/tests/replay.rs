//! The replay on small traces and graphs, and on real ones if ADSUM_DATA names their folder.

use adsum_replay::beside::{self, Sample};
use adsum_replay::channel;
use adsum_replay::edges::Tally;
use adsum_replay::friends::{self, Counted};
use adsum_replay::lines;
use adsum_replay::report::{GRACES_MS, Report, whole};
use adsum_replay::trace::{self, Reason, Record, What};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// Everything that can happen in a channel. At 10:00 all join. Then 1 is lost and back in the same
/// minute, 2 within one minute and 3 within two; 4 is lost and stays away.
const TRACE: &str = "\
date\thhmm\tevent\tuser\targ
20200229\t1000\tjoin\t1\t
20200229\t1000\tjoin\t2\t
20200229\t1000\tjoin\t3\t
20200229\t1000\tjoin\t4
20200229\t1000\tjoin\t70000\t
20200229\t1000\tquit\t5\tclean
20200229\t1001\tquit\t1\terror
20200229\t1001\tjoin\t1\t
20200229\t1001\tquit\t2\ttimeout
20200229\t1001\tquit\t3\tnetsplit
20200229\t1001\tquit\t4\terror
20200229\t1002\tjoin\t2\t
20200229\t1003\tjoin\t3\t
20200229\t1003\tjoin\t1\t
20200229\t1005\tnick\t70000\t6
20200229\t1005\tnick\t6\t6
20200229\t1006\tjoin\t4\t
20200229\t1006\tpart\t1\t
20200229\t1006\tkick\t2\t
20200229\t1006\tquit\t3\tkilled
20200301\t0000\tquit\t6\tclean
";

const EVERYTHING: Sample = Sample { stretches: 1, events: usize::MAX };

fn records(text: &str) -> Vec<Record> {
    trace::read(&mut text.as_bytes()).expect("it is a trace")
}

/// A directory of this test's own, which goes when the test does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("adsum-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("there is room for a directory");
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("there is room for a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

fn pack(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).expect("a vector takes everything");
    packed.finish().expect("a vector takes everything")
}

// ---- reading

#[test]
fn the_events_of_a_minute_are_spread_over_it() {
    let records = records(TRACE);
    assert_eq!(records.len(), 21);
    let minutes = |days: u64, hour: u64, minute: u64| ((days * 24 + hour) * 60 + minute) * 60_000;
    // Leap years: 2020-02-29 is the 18,321st day after 1970-01-01.
    let ten = minutes(18_321, 10, 0);
    let at = |nth: usize| records[nth].at.as_millis();
    assert_eq!([at(0), at(1), at(5)], [ten, ten + 10_000, ten + 50_000]);
    assert_eq!([at(6), at(7), at(10)], [60_000, 72_000, 108_000].map(|later| ten + later));
    assert_eq!(at(20), minutes(18_322, 0, 0));
    let what = |nth: usize| (records[nth].user, records[nth].what);
    assert_eq!(what(8), (2, What::Quit(Reason::Timeout)));
    assert_eq!(what(14), (70_000, What::Nick(6)));
    assert_eq!(what(18), (2, What::Kick));
}

#[test]
fn a_clock_that_is_set_back_stands_still() {
    let records = records("20201025\t0259\tjoin\t1\t\n20201025\t0200\tjoin\t2\t\n");
    let later = records[1].at.as_millis() - records[0].at.as_millis();
    assert_eq!((records.len(), later), (2, 30_000));
}

#[test]
fn a_bad_line_is_named_with_its_number() {
    for (line, fault) in [
        ("", "1 columns"),
        ("20200229\t1000\tjoin", "3 columns"),
        ("20200229\t1000\tjoin\t1\t\t", "6 columns"),
        ("20200229\t1000\tleave\t1\t", "\"leave\" is not an event"),
        ("20200229\t1000\tquit\t1\t", "\"\" is not a reason"),
        ("20200229\t1000\tquit\t1\tbored", "\"bored\" is not a reason"),
        ("20200229\t1000\tnick\t1\t", "\"\" is not somebody's number"),
        ("20200229\t1000\tjoin\tann\t", "\"ann\" is not somebody's number"),
        ("20200229\t1000\tjoin\t-1\t", "\"-1\" is not"),
        ("20200229\t1000\tjoin\t4294967296\t", "\"4294967296\" is not"),
        ("20200229\t2400\tjoin\t1\t", "\"2400\" is not a time"),
        ("20200229\t0960\tjoin\t1\t", "\"0960\" is not a time"),
        ("20200229\t+900\tjoin\t1\t", "\"+900\" is not a time"),
        ("20210229\t1000\tjoin\t1\t", "\"20210229\" is not a date"),
        ("20200001\t1000\tjoin\t1\t", "\"20200001\" is not a date"),
        ("20201301\t1000\tjoin\t1\t", "\"20201301\" is not a date"),
        ("2020-2-2\t1000\tjoin\t1\t", "\"2020-2-2\" is not a date"),
        ("19691231\t1000\tjoin\t1\t", "\"19691231\" is not a date"),
        ("date\thhmm\tevent\tuser\targ", "is not an event"),
    ] {
        let text = format!("{TRACE}{line}\n{TRACE}");
        let error = trace::read(&mut text.as_bytes()).expect_err(line);
        assert!(error.starts_with("line 23: ") && error.contains(fault), "{line}: {error}");
    }
    let error = trace::read(&mut &b"20200229\t1000\tjoin\t\xff\t\n"[..]).expect_err("not text");
    assert!(error.starts_with("line 1: "), "{error}");
    for (graph, fault) in [
        ("1 2\n3\n", "line 2: 1 columns"),
        ("1 2 3\n", "line 1: 3 columns"),
        ("1 x\n", "line 1: \"x\" is not somebody's number"),
        ("1 2\n2 2\n", "line 2: 2 is a friend of none but 2"),
    ] {
        let error = friends::read(&mut graph.as_bytes()).expect_err(graph);
        assert!(error.starts_with(fault), "{graph}: {error}");
    }
}

/// What is packed is told by its content; one that is cut off is not taken for a short one.
#[test]
fn a_packed_file_is_as_good_as_a_plain_one() {
    let scratch = Scratch::new("packed");
    let packed = pack(TRACE);
    let read = |path: &Path| trace::read(&mut *lines::open(path)?);
    let plain = read(&scratch.file("plain", TRACE.as_bytes()));
    assert_eq!(plain.as_ref().map(Vec::len), Ok(21));
    assert_eq!(read(&scratch.file("packed", &packed)), plain);
    assert_eq!(read(&scratch.file("windows", TRACE.replace('\n', "\r\n").as_bytes())), plain);
    let cut = read(&scratch.file("cut", &packed[..packed.len() - 20]));
    assert!(cut.as_ref().is_err_and(|fault| fault.starts_with("line ")), "{cut:?}");
    assert!(read(&scratch.0.join("none")).is_err_and(|fault| fault.contains("none")));
    assert_eq!(read(&scratch.file("empty", b"")), Ok(vec![]));
}

// ---- a channel

#[test]
fn a_longer_grace_hides_more() {
    let records = records(TRACE);
    // At 10:01, 2 is lost 36 s before it is back, 3 82 s.
    for (grace_ms, hidden) in GRACES_MS.into_iter().zip([0, 1, 2, 3]) {
        let whole = whole(&records, grace_ms).expect("no difference");
        let channel::Tally { events, strays, left_out, lost, takeovers, peak_users, .. } =
            whole.tally;
        assert_eq!((events, strays, left_out, lost, takeovers), (21, 1, 0, 4, 1));
        assert_eq!((whole.tally.hidden, peak_users, whole.refusals), (hidden, 5, 0));
        // Who is hidden does not come anew: 7 connect and 3 are back, unless it is hidden.
        let connects = 7 + 3 - hidden;
        assert_eq!(whole.told.snapshots, connects + hidden + takeovers);
        // All of them go again. Of those who were lost, only the others were to be waited for.
        let over = if grace_ms == 0 { 0 } else { lost - hidden };
        let edges = Tally { online: connects, outright: connects - over, over, hidden };
        assert_eq!(whole.edges, edges);
        assert!(whole.left_bytes < whole.peak_bytes, "{whole:?}");
        let compared = beside::compare(&records, grace_ms, EVERYTHING).expect("no difference");
        assert_eq!((compared.events, compared.hidden, compared.stretches), (20, hidden, 1));
        assert_eq!(compared.inputs, whole.inputs, "the model sees the same inputs");
    }
}

/// One who comes back often, beside many who come once: lists are replaced before they are long.
#[test]
fn lists_do_not_grow_for_ever() {
    let mut text = String::from("20200101\t0000\tjoin\t0\t\n");
    for user in 1..2_000 {
        let (hour, minute) = (user / 60 % 24, user % 60);
        let date = 20_200_101 + user / 1_440;
        for line in [format!("join\t{user}\t"), format!("quit\t{user}\tclean")] {
            text += &format!("{date}\t{hour:02}{minute:02}\t{line}\n");
        }
    }
    let whole = whole(&records(&text), 0).expect("no difference");
    assert_eq!(
        (whole.tally.peak_users, whole.told.presences, whole.told.offline),
        (2, 1_999, 1_999)
    );
    assert!(whole.tally.peak_entries <= 20, "{whole:?}");
}

/// A stretch is bounded, however many come.
#[test]
fn who_does_not_fit_in_a_stretch_is_left_out() {
    let joins = |users: std::ops::Range<usize>| -> String {
        users.map(|user| format!("20200101\t0000\tjoin\t{user}\t\n")).collect()
    };
    let quits = "20200101\t0001\tquit\t0\tclean\n20200101\t0001\tquit\t99\tclean\n";
    let text = joins(0..100) + quits + &joins(200..202);
    let compared = beside::compare(&records(&text), 0, EVERYTHING).expect("no difference");
    assert_eq!(compared.events, beside::LIMIT as u64 + 2, "those who fit, one quit, one join");
}

// ---- friends

#[test]
fn of_friends_each_is_told_once_or_nobody() {
    // A ring of six, and in each half one friendship across it. Some stand there twice.
    let lines = "0 1\n1 2\n2 3\n3 4\n4 5\n5 0\n0 1\n1 0\n2 0\n1 3\n";
    let graph = friends::read(&mut lines.as_bytes());
    let counted = friends::lose_half(&graph.expect("it is a graph")).expect("no difference");
    assert_eq!(
        counted,
        Counted {
            people: 6,
            friendships: 8,
            returned: 3,
            told_of_return: 0,
            gone: 3,
            told_of_gone: 6,
            edges: Tally { online: 6, outright: 0, over: 3, hidden: 3 },
        }
    );
}

// ---- real ones

/// Opens a file in the folder that the environment names.
fn real(name: &str) -> Box<dyn BufRead> {
    let folder = std::env::var_os("ADSUM_DATA").expect("ADSUM_DATA names the folder of the data");
    lines::open(&Path::new(&folder).join(name)).expect("it can be read")
}

/// The first weeks of a channel, by the model as well in places.
#[test]
#[ignore = "set ADSUM_DATA"]
fn a_real_channel() {
    let trace = real("irc_whatwg.tsv.gz");
    let lines: Vec<String> =
        trace.lines().take(8_000).collect::<Result<_, _>>().expect("it is text");
    let records = records(&lines.join("\n"));
    let none = whole(&records, 0).expect("no difference");
    let some = whole(&records, 60_000).expect("no difference");
    assert!(some.tally.hidden > 0 && some.told.receivers < none.told.receivers, "{some:?}");
    // Whoever is back in time has not come anew.
    assert_eq!(some.edges.hidden, some.tally.hidden);
    assert_eq!(some.edges.online + some.edges.hidden, none.edges.online);
    assert_eq!(
        [none, some].map(|whole| whole.edges.online),
        [none, some].map(|whole| whole.edges.offline())
    );
    assert!(none.edges.over == 0 && some.edges.over > 0, "{some:?}");
    let sample = Sample { stretches: 4, events: 60 };
    let compared = beside::compare(&records, 60_000, sample).expect("no difference");
    assert!(compared.events >= 100, "{compared:?}");
}

#[test]
#[ignore = "set ADSUM_DATA"]
fn real_friends() {
    let mut graph = real("ego_facebook.txt.gz");
    let graph = friends::read(&mut *graph).expect("it is a graph");
    let counted = friends::lose_half(&graph).expect("no difference");
    assert_eq!((counted.people, counted.friendships), (4_039, 88_234));
    assert!(counted.told_of_return == 0 && counted.told_of_gone > 0, "{counted:?}");
    assert_eq!(counted.edges, Tally { online: 4_039, outright: 0, over: 2_019, hidden: 2_020 });
}

// ---- the report

#[test]
fn the_report_has_every_figure() {
    let scratch = Scratch::new("report");
    let mut out = Vec::new();
    let mut report = Report::new(&mut out);
    report.trace(&scratch.file("trace", &pack(TRACE)), EVERYTHING).expect("no difference");
    report.graph(&scratch.file("graph", b"1 2\n")).expect("no difference");
    let bad = scratch.file("bad", format!("{TRACE}?\n").as_bytes());
    let fault = report.trace(&bad, EVERYTHING).expect_err("the last line");
    assert!(fault.contains("bad: line 23: "), "{fault}");
    let text = String::from_utf8(out).expect("it is text");
    for part in [
        "21 events",
        "grace 0 s",
        "grace 120 s",
        "4 connections lost, 3 of them back in time: flaps hidden, 75.0 %",
        "20 edges, 10 online and 10 offline in turn: 10 said outright, 0 as the grace was over",
        "14 edges, 7 online and 7 offline in turn: 6 said outright, 1 as the grace was over, none \
         within it; 6 hidden by it",
        "at most 5 users",
        "beside the model: 4 stretches, 80 events",
        "0 differences",
        "2 people, 1 friendships",
        "1 lost at once and back within the grace: 0 notices",
        "1 lost at once and never back: 1 friends are told",
        "3 edges, 2 online and 1 offline in turn, none within a grace; 2 hidden by it",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}
