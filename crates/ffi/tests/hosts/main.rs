//! Hosts in C, C++ and Python do what their texts say, and what C reads lies where Rust writes it.
//!
//! A test that lacks a compiler or Valgrind is skipped, and says so aloud; with CI=true it fails.

mod layout;
mod tools;

use tools::{Libraries, Linked, beside, compile, has, output, source, valgrind};

const IN_C: &str = "\
refused with 7: max_sessions is 0, which is not within 1 to 1024
(bob has come online)
to bob: 0 here
(ann has come online)
to ann: 0 here
refused with 4: decisions are left
to bob: ann shows \"at my desk\"
to bob: ann shows \"in a meeting\"
to bob: ann shows \"back\"
refused with 2: place 1 of users is NULL
to bob: ann says \"typing\"
to bob: ann says that no more
to ann: 1 here, ann with \"reading\"
to bob: 1 here, ann with \"reading\"
to ann: in room ann shows \"writing\"
to bob: in room ann shows \"writing\"
refused with 30: the session is no member of the topic
to bob: in room ann has left
in room: 0 members, 1 observers
(cyd has come online)
to cyd: 0 here
to cyd: 1 here, ann with \"back\"
to ann: 0 here
to bob: ann is offline
to cyd: ann is offline
(a session of ann has ended, gone at 3500, the last)
refused with 20: no session has this key any more
(a session of cyd has ended, gone at 64000, the last)
(a session of bob has ended, gone at 64000, the last)
0 users, 0 sessions, 0 topics left
";

const IN_NODES: &str = "\
(west: bob has come online)
west, to bob: 0 here
(east: bob has come online at the other node)
(east: ann has come online)
east, to ann: 0 here
(west: ann has come online at the other node)
west, to bob: ann shows at my desk
east, to ann: bob shows here
east, to ann: 1 here, ann with reading
west, to bob: 1 here, ann with reading
east, to ann: in room ann shows writing
west, to bob: in room ann shows writing
west, to bob: ann says lunch?
west, to bob: in room ann says hello
west, to ann: 2 here, bob with here, ann with at my desk
west, to bob: ann shows on the way
east, to ann: ann shows on the way
(east: a session of ann has ended)
west, to bob: ann has one device less
west, to ann: ann has one device less
west, to bob: in room ann has left
(west: a session of ann has ended at the other node)
east, to ann: 2 here, bob with here, ann with on the way
west, to bob: ann shows in
west, to ann: ann shows in
west, to bob: ann has one device less
(west: a session of ann has ended, lost)
east, to ann: ann has one device less
(east: a session of ann has ended at the other node, lost)
(west hears nothing of east, and then it does)
(west hears nothing of east for longer)
(at 12500)
west, to bob: ann is offline
(west: a session of ann has ended at the other node, lost, the last)
(west hears of east)
(west: ann has come online at the other node)
west, to bob: ann shows unheard
(that ann is at node 1)
(east is gone for good)
west, to bob: ann is offline
(west: a session of ann has ended at the other node, lost, the last)
1 users and 1 sessions in the west, 0 of them at other nodes
";

const IN_CPP: &str = "\
to bob: 0 in sight
to ann's phone: 0 in sight
to ann's desk: 0 in sight
to ann's desk: another device of yours is on the way
to bob: ann is on the way
to ann's phone: another device of yours is in
to ann's phone: another device of yours is in a meeting
to bob: ann is in a meeting
to ann's desk: another device of yours is here
chosen: yes
refused: a grace is at most 604800000 ms (limit 604800000)
ann is online
to ann's phone: another device of yours has gone
to bob: ann is unheard
to bob: ann is offline
known: 0
";

const IN_CPP_NODES: &str = "\
(west: bob has come online)
west, to bob: 0 here
(west: cyd has come online)
west, to cyd: 0 here
west, to cyd: 0 here
west, to cyd: 0 here
(east: bob has come online at the other node)
(east: cyd has come online at the other node)
(east: ann has come online)
east, to ann: 0 here
(east: dan has come online)
east, to dan: 0 here
(east: eve has come online)
east, to eve: 0 here
east, to ann: 1 here, ann with reading
east, to ann: in room ann shows writing
(west: ann has come online at the other node)
west, to bob: ann shows at my desk
west, to cyd: ann shows at my desk
west, to cyd: in room ann has joined with reading
(west: dan has come online at the other node)
west, to bob: dan shows on the way
west, to cyd: dan shows on the way
(west: eve has come online at the other node)
west, to bob: ann shows in a meeting
west, to cyd: ann shows in a meeting
west, to cyd: in room ann shows writing
west, to bob: ann says lunch?
west, to cyd: in room ann says hello
refused: no session has this key any more
(east: a session of ann has ended, lost, the last)
(east: a session of eve has ended, the last)
(at 560)
west, to bob: ann is offline
west, to cyd: ann is offline
west, to cyd: in room ann was lost
(west: a session of ann has ended at the other node, lost, the last)
(west: a session of eve has ended at the other node, the last)
(west hears nothing of east, and then it does)
(east is gone for good)
west, to bob: dan is offline
west, to cyd: dan is offline
(west: a session of dan has ended at the other node, lost, the last)
(east is back after all)
(west: dan has come online at the other node)
west, to bob: dan shows on the way
west, to cyd: dan shows on the way
3 users in the west, 1 of them at other nodes
";

const IN_PYTHON: &str = "\
to bob: 0 in sight
to ann: 0 in sight
to bob: ann shows at my desk
to ann: bob says lunch?
to bob: ann is offline\x20
left: bob
";

#[test]
fn the_host_in_c_prints_who_is_told_what() {
    if !has(&["gcc"]) {
        return;
    }
    let libraries = Libraries::find();
    for linked in [Linked::Dynamically, Linked::Statically] {
        let program = compile("gcc", "-std=c99", &source("host.c"), linked, &libraries);
        assert_eq!(output(&mut program.command()), IN_C, "{linked:?}");
    }
}

/// Two nodes tell each other of their users through the door of a cluster.
#[test]
fn two_nodes_in_c_print_who_is_told_what_of_whom() {
    if !has(&["gcc"]) {
        return;
    }
    let libraries = Libraries::find();
    for linked in [Linked::Dynamically, Linked::Statically] {
        let program = compile("gcc", "-std=c99", &source("nodes.c"), linked, &libraries);
        assert_eq!(output(&mut program.command()), IN_NODES, "{linked:?}");
    }
}

#[test]
fn the_host_in_cpp_prints_who_is_told_what() {
    if !has(&["g++"]) {
        return;
    }
    let libraries = Libraries::find();
    for linked in [Linked::Dynamically, Linked::Statically] {
        let program = compile("g++", "-std=c++17", &source("host.cpp"), linked, &libraries);
        assert_eq!(output(&mut program.command()), IN_CPP, "{linked:?}");
    }
}

/// The same door through the C++ header, where what is said waits in a queue.
#[test]
fn two_nodes_in_cpp_print_who_is_told_what_of_whom() {
    if !has(&["g++"]) {
        return;
    }
    let libraries = Libraries::find();
    for linked in [Linked::Dynamically, Linked::Statically] {
        let program = compile("g++", "-std=c++17", &source("nodes.cpp"), linked, &libraries);
        assert_eq!(output(&mut program.command()), IN_CPP_NODES, "{linked:?}");
    }
}

const LATE: &str = "\
bob has 2 contacts
publish 1: 1
publish 2: 1
publish 3: 1
of an older input: 0
of the newer one: 1, and then 0
of what was dropped: 0
without an engine: 0
";

/// Decisions that go late take nothing from newer ones, nor from an engine that is gone.
#[test]
fn decisions_in_cpp_that_go_late_are_harmless() {
    if !has(&["g++"]) {
        return;
    }
    let libraries = Libraries::find();
    let late = compile("g++", "-std=c++17", &beside("late.cpp"), Linked::Statically, &libraries);
    assert_eq!(output(&mut late.command()), LATE);
}

/// What a query has lent may be handed back in the next call.
#[test]
fn what_is_lent_in_c_is_taken_back() {
    if !has(&["gcc"]) {
        return;
    }
    let libraries = Libraries::find();
    let lent = compile("gcc", "-std=c99", &beside("lent.c"), Linked::Statically, &libraries);
    assert_eq!(output(&mut lent.command()), "taken back\n");
}

/// No byte is read that was not written, none beyond its end, and all of them are given back.
#[test]
fn valgrind_finds_nothing_in_any() {
    if !has(&["gcc", "g++", "valgrind"]) {
        return;
    }
    let libraries = Libraries::find();
    let c = compile("gcc", "-std=c99", &source("host.c"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&c)), IN_C);
    let nodes = compile("gcc", "-std=c99", &source("nodes.c"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&nodes)), IN_NODES);
    let cpp = compile("g++", "-std=c++17", &source("host.cpp"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&cpp)), IN_CPP);
    let nodes = compile("g++", "-std=c++17", &source("nodes.cpp"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&nodes)), IN_CPP_NODES);
    let early = compile("gcc", "-std=c99", &beside("early.c"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&early)), "freed\n");
    let lent = compile("gcc", "-std=c99", &beside("lent.c"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&lent)), "taken back\n");
    let late = compile("g++", "-std=c++17", &beside("late.cpp"), Linked::Dynamically, &libraries);
    assert_eq!(output(&mut valgrind(&late)), LATE);
    // And it would find something: here what is read that is lent no more.
    let faulty = compile("gcc", "-std=c99", &beside("faults.c"), Linked::Dynamically, &libraries);
    let found = valgrind(&faulty).output().expect("valgrind runs");
    assert_eq!(found.status.code(), Some(tools::FOUND), "{found:?}");
}

#[test]
fn the_host_in_python_prints_who_is_told_what() {
    if !has(&["python3"]) {
        return;
    }
    let mut python = std::process::Command::new("python3");
    python.arg("-B").arg(source("host.py")).arg(Libraries::find().dynamic);
    assert_eq!(output(&mut python), IN_PYTHON);
    let lines = std::fs::read_to_string(source("host.py")).expect("it is there").lines().count();
    assert!(lines < 100, "{lines} lines");
}

/// The header's structures are those that Rust writes: each size, and the place of each field.
#[test]
fn what_c_reads_lies_where_rust_writes_it() {
    if !has(&["gcc", "g++"]) {
        return;
    }
    for (compiler, language, standard) in [("gcc", "c", "-std=c11"), ("g++", "c++", "-std=c++17")] {
        tools::accepts(compiler, language, standard, &layout::assertions());
        let moved = layout::assertions().replacen(") == 8", ") == 9", 1);
        let refused = tools::check(compiler, language, standard, &moved);
        assert!(!refused.status.success(), "a place that is wrong is found");
    }
}

/// The loop in the README is a program that does what it says.
#[test]
fn the_loop_in_the_readme_runs() {
    if !has(&["gcc"]) {
        return;
    }
    let page = include_str!("../../README.md");
    let (_, code) = page.split_once("```c\n").expect("there is a loop");
    let (code, _) = code.split_once("```").expect("it has an end");
    let lines = code.lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 31, "{lines} lines");
    let source = std::env::temp_dir().join(format!("adsum-readme-{}.c", std::process::id()));
    std::fs::write(&source, code).expect("there is room");
    let program = compile("gcc", "-std=c99", &source, Linked::Statically, &Libraries::find());
    std::fs::remove_file(&source).expect("it is there");
    let text = output(&mut program.command());
    let (slot, said) = text.split_once(": ").expect("one is told");
    assert!(slot.starts_with("to slot ") && said == "at my desk\n", "{text}");
}

/// What the README says of several nodes is C.
#[test]
fn the_nodes_in_the_readme_are_accepted() {
    if !has(&["gcc", "g++"]) {
        return;
    }
    let page = include_str!("../../README.md");
    let (_, page) = page.split_once("## Several nodes\n").expect("it has such a part");
    let (_, code) = page.split_once("```c\n").expect("there is code");
    let (code, _) = code.split_once("```").expect("it has an end");
    let text = format!(
        "#include \"adsum.h\"\nvoid drain(adsum_engine *engine);\n\
         void spread(adsum_engine *here, adsum_engine *there, uint64_t now);\n\
         void spread(adsum_engine *here, adsum_engine *there, uint64_t now) {{\n{code}}}\n"
    );
    tools::accepts("gcc", "c", "-std=c99", &text);
    tools::accepts("g++", "c++", "-std=c++17", &text);
}

/// The table of what a call says has each status of the header, with its number.
#[test]
fn the_readme_says_what_each_status_is() {
    let header = include_str!("../../include/adsum.h");
    let (_, statuses) = header.split_once("enum adsum_status\n").expect("it has statuses");
    let (statuses, _) = statuses.split_once("};").expect("they have an end");
    let assigned = statuses.lines().filter_map(|line| line.trim().split_once(" = "));
    let declared: Vec<_> =
        assigned.map(|(name, number)| (number.trim_end_matches(','), name)).collect();
    let page = include_str!("../../README.md");
    let (_, page) = page.split_once("## What a call says\n").expect("it has such a part");
    let (page, _) = page.split_once("\n## ").expect("it has an end");
    let mut described = Vec::new();
    for row in page.lines().filter(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (numbers, names) = (cells[1].split(", "), cells[2].split(", "));
        assert_eq!(numbers.clone().count(), names.clone().count(), "{row}");
        described.extend(numbers.zip(names.map(|name| name.trim_matches('`'))));
    }
    assert_eq!(described, declared);
}

/// A header that is included twice, or from two languages, is one header.
#[test]
fn the_header_is_good_c_and_good_cpp() {
    if !has(&["gcc", "g++"]) {
        return;
    }
    let twice = "#include \"adsum.h\"\n#include \"adsum.h\"\n";
    for (compiler, language, standard) in [
        ("gcc", "c", "-std=c99"),
        ("gcc", "c", "-std=c2x"),
        ("g++", "c++", "-std=c++11"),
        ("g++", "c++", "-std=c++20"),
    ] {
        tools::accepts(compiler, language, standard, twice);
    }
    tools::accepts("g++", "c++", "-std=c++17", "#include \"adsum.hpp\"\n");
}
