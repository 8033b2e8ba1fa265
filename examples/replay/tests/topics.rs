//! The replay of channels as topics, on small traces, and on a real one if ADSUM_DATA names its
//! folder.

use adsum::{Config, Grace, Options, Time, TopicOptions, View};
use adsum_replay::beside::Sample;
use adsum_replay::lines;
use adsum_replay::report::Report;
use adsum_replay::room::Room;
use adsum_replay::topics::{SETTINGS, Setting, compare, whole};
use adsum_replay::trace::{self, Reason, Record, What};
use adsum_replay::viewer::{Tally, Viewer};
use adsum_replay::viewers::Viewers;
use std::io::BufRead;
use std::path::Path;

/// Everything that can happen in a channel. 7 comes and goes within a minute; 1, 2 and 3 are lost
/// at once; 4 is lost and back within a minute.
const TRACE: &str = "\
20200229\t1000\tjoin\t1\t
20200229\t1000\tjoin\t2\t
20200229\t1000\tjoin\t3\t
20200229\t1000\tjoin\t4\t
20200229\t1000\tjoin\t5\t
20200229\t1000\tjoin\t6\t
20200229\t1005\tjoin\t7\t
20200229\t1005\tquit\t7\tclean
20200229\t1010\tquit\t1\tnetsplit
20200229\t1010\tquit\t2\tnetsplit
20200229\t1010\tquit\t3\tnetsplit
20200229\t1013\tjoin\t1\t
20200229\t1015\tquit\t4\terror
20200229\t1015\tjoin\t4\t
20200229\t1020\tkick\t5\t
20200229\t1020\tpart\t6\t
20200229\t1020\tquit\t4\tkilled
20200229\t1020\tnick\t1\t9
20200229\t1030\tquit\t9\ttimeout
";

const EVERYTHING: Sample = Sample { stretches: 1, events: usize::MAX };
const VIEWS: [View; 3] = [View::All, View::Sample(2), View::Count];

fn records(text: &str) -> Vec<Record> {
    trace::read(&mut text.as_bytes()).expect("it is a trace")
}

const fn setting(grace_ms: u64, coalesce_ms: u32) -> Setting {
    Setting { grace_ms, coalesce_ms, full_up_to: 1_000 }
}

#[test]
fn each_join_and_leave_is_told_once() {
    let records = records(TRACE);
    let at_once = whole(&records, setting(0, 0)).expect("no difference");
    assert_eq!((at_once.joined, at_once.left, at_once.tally.peak_users), (10, 10, 7));
    assert_eq!((at_once.tally.lost, at_once.tally.hidden), (5, 0));
    assert_eq!((at_once.tally.netsplits, at_once.tally.largest_netsplit), (1, 3));
    let [(_, all), (_, sample), (_, count)] = at_once.views;
    let expected = Tally { notices: 20, snapshots: 1, shown: 10, gone: 10, ..Tally::default() };
    assert_eq!(all, expected);
    // Those moments are more than 200 ms from each other. The first tick brings a snapshot, and all
    // changes but two of the netsplit and one of the new name have a tick of their own. By that
    // name, numbers stay as they are.
    assert_eq!((sample.ticks, sample.shown, sample.gone, sample.largest_netsplit), (16, 10, 10, 3));
    // Where others join, the counts come as the snapshot that these get.
    assert_eq!((count.ticks, count.snapshots, count.shown, count.gone), (13, 3, 0, 0));
}

#[test]
fn joined_and_left_within_a_tick_is_nothing_and_a_netsplit_is_one_tick() {
    let records = records(TRACE);
    let ticks = whole(&records, setting(0, 60_000)).expect("no difference");
    let expected = Tally {
        ticks: 5,
        snapshots: 1,
        shown: 9,
        gone: 9,
        unseen: 1,
        largest_tick: 4,
        largest_netsplit: 3,
        ..Tally::default()
    };
    let [(_, all), (_, sample), (_, count)] = ticks.views;
    assert_eq!((ticks.joined, all, sample), (10, expected, expected));
    // When 4 is lost and back within one, the numbers are the same.
    assert_eq!((count.ticks, count.snapshots), (4, 1));
}

#[test]
fn who_is_back_within_the_grace_has_never_left() {
    let records = records(TRACE);
    let whole = whole(&records, setting(60_000, 60_000)).expect("no difference");
    assert_eq!((whole.joined, whole.left, whole.tally.hidden), (9, 9, 1));
    let [(_, all), ..] = whole.views;
    assert_eq!((all.ticks, all.shown, all.gone, all.unseen), (4, 8, 8, 1));
    assert_eq!((all.largest_tick, all.largest_netsplit), (4, 3));
}

#[test]
fn a_large_topic_is_shown_as_a_sample_until_it_is_small() {
    let joins: String = (1..=40).map(|user| format!("20200101\t0000\tjoin\t{user}\t\n")).collect();
    let parts: String = (1..=40).map(|user| format!("20200101\t0005\tpart\t{user}\t\n")).collect();
    let records = records(&(joins + &parts));
    for coalesce_ms in [0, 1_000] {
        let large = Setting { full_up_to: 30, ..setting(0, coalesce_ms) };
        let [(_, all), ..] = whole(&records, large).expect("no difference").views;
        assert_eq!((all.switches, all.snapshots), (2, 3), "{all:?}");
    }
}

#[test]
fn the_model_says_the_same() {
    let records = records(TRACE);
    for setting in SETTINGS {
        let whole = whole(&records, setting).expect("no difference");
        let compared = compare(&records, setting, EVERYTHING).expect("no difference");
        assert_eq!((compared.stretches, compared.events), (1, 19));
        assert_eq!((compared.inputs, compared.hidden), (whole.inputs, whole.tally.hidden));
    }
}

// ---- what the check finds

fn config(grace: Grace, coalesce_ms: u32) -> Config {
    let topics = TopicOptions { coalesce_ms, ..TopicOptions::default() };
    let options = Options { grace, topics, lease: None, ..Options::default() };
    Config::new(options).expect("they are in range")
}

/// Returns what is found wrong where the viewers are changed so.
fn fault(config: Config, change: impl FnOnce(&mut Viewers)) -> String {
    let mut viewers = Viewers::new(config, VIEWS);
    change(&mut viewers);
    let mut room = Room::new(viewers, usize::MAX, VIEWS);
    let at = |seconds: u64| Time::from_millis(seconds * 1_000);
    let events = [
        (1, 1, What::Join),
        (3, 2, What::Join),
        (4, 3, What::Join),
        (5, 4, What::Join),
        (20, 1, What::Quit(Reason::Error)),
        (200, 2, What::Part),
    ];
    let result = room.open(Time::ZERO).and_then(|()| {
        events
            .into_iter()
            .try_for_each(|(seconds, user, what)| {
                room.record(Record { at: at(seconds), user, what })
            })
            .and_then(|()| room.close_members())
    });
    result.and_then(|()| room.door.finish()).err().unwrap_or_default()
}

#[test]
fn what_is_told_late_early_twice_or_wrongly_is_found() {
    let same = Grace { connection_error_ms: 30_000, timeout_ms: 30_000, ..Grace::NONE };
    assert_eq!(fault(config(same, 1_000), |_| {}), "");
    let ticks = |coalesce_ms| TopicOptions { coalesce_ms, ..TopicOptions::default() };
    let late = fault(config(same, 2_000), |it| {
        it.viewers[2] = Viewer::new(View::Count, ticks(1_000));
    });
    assert!(late.contains("who views Count: it was not told what has changed"), "{late}");
    let early = fault(config(same, 1_000), |it| {
        it.viewers[0] = Viewer::new(View::All, ticks(3_000));
    });
    assert!(early.contains("who views All: two ticks at"), "{early}");
    // A view that the engine does not know of.
    let other = fault(config(same, 0), |it| {
        it.viewers[1] = Viewer::new(View::Sample(3), ticks(0));
    });
    assert!(other.contains("who views Sample(3): it is shown Sample(2)"), "{other}");
    // It goes 10 s before it should, and as long after it.
    for (really_ms, text) in [(20_000, "it is told that"), (40_000, "the grace of 1 was over")] {
        let grace = Grace { connection_error_ms: really_ms, ..same };
        let wrong = fault(config(grace, 0), |_| {});
        assert!(wrong.contains(text), "{wrong}");
    }
    let missed = fault(config(same, 0), |it| it.members.joined = 1);
    assert!(missed.contains("5 joined and 4 left"), "{missed}");
}

#[test]
fn nobody_has_the_number_of_an_observer() {
    let text = format!("20200101\t0000\tjoin\t{}\t\n", u32::MAX);
    let fault = whole(&records(&text), setting(0, 0)).expect_err("it is an observer's");
    assert!(fault.contains("4294967295 is the number of an observer"), "{fault}");
}

#[test]
fn the_report_has_every_figure() {
    let path = std::env::temp_dir().join(format!("adsum-topics-{}", std::process::id()));
    std::fs::write(&path, TRACE).expect("there is room for a file");
    let mut out = Vec::new();
    let result = Report::new(&mut out).topics(&path, EVERYTHING);
    std::fs::remove_file(&path).expect("it was written");
    result.expect("no difference");
    let text = String::from_utf8(out).expect("it is text");
    for part in [
        "19 events, in a channel that is a topic",
        "grace 0 s, ticks of 0 ms, all are shown up to 100000",
        "10 joined, 10 left, 0 taken over, 0 strays",
        "9 joined, 9 left",
        "5 connections lost, 1 of them back in time; 1 netsplits, the largest of 3",
        "grace 60 s, ticks of 60000 ms",
        "  All                4         0         1        0         8         8       1",
        "beside the model: 7 stretches, 133 events",
        "0 differences",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

/// The first weeks of a channel.
#[test]
#[ignore = "set ADSUM_DATA"]
fn a_real_channel_is_a_topic() {
    let folder = std::env::var_os("ADSUM_DATA").expect("ADSUM_DATA names the folder of the data");
    let trace = lines::open(&Path::new(&folder).join("irc_whatwg.tsv.gz")).expect("it is there");
    let lines: Vec<String> =
        trace.lines().take(8_000).collect::<Result<_, _>>().expect("it is text");
    let records = records(&lines.join("\n"));
    for setting in SETTINGS {
        let whole = whole(&records, setting).expect("no difference");
        assert!(whole.joined > 1_000 && whole.joined == whole.left, "{whole:?}");
        assert_eq!(whole.tally.hidden > 0, setting.grace_ms > 0);
        let sample = Sample { stretches: 2, events: 60 };
        let compared = compare(&records, setting, sample).expect("no difference");
        assert!(compared.events > 0, "{compared:?}");
    }
}
