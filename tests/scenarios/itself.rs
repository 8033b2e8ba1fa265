//! Tests of the runner itself: that it fails when it should, and says where and why.

use crate::counted::{Id, Presence};
use crate::expect;
use crate::host::{Known, Life};
use crate::input::{Input, Verb};
use crate::names::Name;
use crate::options::Setting;
use crate::run;
use crate::script::{self, Section};
use crate::world::{Mode, World};
use crate::{FILES, always, sections};
use adsum::{LostCause, Time};

/// Longer scenarios are not run again for each of their lines.
const SHORT: usize = 300;

fn parse(text: &str) -> Result<Vec<Section>, String> {
    script::parse("made_up.txt", text)
}

/// What running this text says is wrong.
fn error(text: &str) -> String {
    let sections = parse(text).expect("the text is a scenario");
    let errors = sections.iter().filter_map(|section| run::run(section).err());
    errors.collect::<Vec<_>>().join("\n")
}

const TWO: &str = "== case 1: made up\nfriends A B\ngiven B.1 B.2\n\n";

#[test]
fn a_wrong_expectation_fails_with_file_line_and_difference() {
    let text = format!(
        "{TWO}@1s A.1 connect\nA.1 publish \"x\"\n----\nonline A.1\n\
         snapshot A.1: B.1 \"here\"; B.2 \"here\"\nfirst A.1 \"y\" -> B.1 B.2\n"
    );
    let expected = "made_up.txt:10: \"made up\" with config default, by verbs:\n  \
                    (- expected, + told)\n    online A.1\n    \
                    snapshot A.1: B.1 \"here\"; B.2 \"here\"\n  \
                    - first A.1 \"y\" -> B.1 B.2\n  + first A.1 \"x\" -> B.1 B.2";
    assert_eq!(error(&text), expected);
}

#[test]
fn every_way_to_be_wrong_about_a_decision_fails() {
    let run = |expected: &str| {
        error(&format!("{TWO}@1s A.1 connect\nA.1 publish \"x\"\n----\n{expected}\n"))
    };
    let snapshot = "snapshot A.1: B.1 \"here\"; B.2 \"here\"";
    let first = "first A.1 \"x\" -> B.1 B.2";
    assert_eq!(run(&format!("online A.1\n{snapshot}\n{first}")), "");
    for wrong in [
        "nothing".to_owned(),
        format!("{snapshot}\n{first}"),
        format!("online A.1\n{first}"),
        format!("online B.1\n{snapshot}\n{first}"),
        format!("{snapshot}\nonline A.1\n{first}"),
        format!("online A.1\n{first}\n{snapshot}"),
        format!("online A.1\nsnapshot A.1: B.1 \"here\"\n{first}"),
        format!("online A.1\n{snapshot}\nupdate A.1 \"x\" -> B.1 B.2"),
        format!("online A.1\n{snapshot}\nfirst A.1 \"x\" -> B.1"),
        format!("online A.1\n{snapshot}\n{first}\nnothing"),
        format!("online A.1\n{snapshot}\n{first}\noffline A -> B.1"),
        format!("online A.1\n{snapshot}\n{first}\nclose A.1 replaced"),
        format!("online A.1\n{snapshot}\n{first}\nended A.1 disconnected, last"),
    ] {
        assert!(run(&wrong).contains("- expected, + told"), "this holds as well:\n{wrong}");
    }
    assert_eq!(run(&format!("in any order\n{first}\n{snapshot}\nonline A.1")), "");
    assert_ne!(run(&format!("in any order\n{first}\nonline A.1")), "");
}

/// What the host is told of an end, each part of it.
#[test]
fn every_way_to_be_wrong_about_an_end_fails() {
    let run = |expected: &str| {
        let lost = "@1s A.1 invisible\nA.1 lost node\n@61s advance\n----\noffline A -> B.1 B.2";
        error(&format!("{TWO}given A.1\n\n{lost}\n{expected}\n"))
    };
    assert_eq!(run("ended A.1 lost node since 1s, last, invisible"), "");
    for wrong in [
        "ended A.1 lost error since 1s, last, invisible",
        "ended A.1 lost node since 61s, last, invisible",
        "ended A.1 lost node, last, invisible",
        "ended A.1 lost node since 1s, invisible",
        "ended A.1 lost node since 1s, last",
        "ended A.1 expelled since 1s, last, invisible",
        "close A.1 expelled\nended A.1 lost node since 1s, last, invisible",
    ] {
        assert!(run(wrong).contains("- expected, + told"), "this holds as well:\n{wrong}");
    }
}

/// Each expected line of each short scenario, changed a little, fails at its line: so each is
/// looked at, decisions and checks alike.
#[test]
fn no_expected_line_is_idle() {
    let (mut decisions, mut checks) = (0, 0);
    for section in FILES.iter().flat_map(|name| sections(name)) {
        let inputs = section.blocks.iter().flat_map(|block| &block.inputs);
        let interleaved = section.blocks.iter().any(|block| block.interleaved.is_some());
        let length: usize = inputs.map(|line| line.inputs.len()).sum();
        if length > SHORT || interleaved || section.chunk.is_some() {
            continue;
        }
        for at in 0..section.blocks.len() {
            for nth in 0..section.blocks[at].expected.len() {
                let mut changed = section.clone();
                let (line, text) = &mut changed.blocks[at].expected[nth];
                let before = text.clone();
                match expect::is_check(&before) {
                    Some(check) => match opposite(check) {
                        Some(opposite) => *text = format!("expect {opposite}"),
                        None => continue,
                    },
                    None => *text = changed_decision(&before),
                }
                let line = format!("{}:{line}: ", section.file);
                *if expect::is_check(&before).is_some() { &mut checks } else { &mut decisions } +=
                    1;
                let error = run::run(&changed).err().unwrap_or_default();
                let is_noticed = match before.as_str() {
                    // This only says how the lines after it are compared.
                    "in any order" => error.contains("(- expected, + told)"),
                    _ => error.starts_with(&line) || error.contains("(- expected, + told)"),
                };
                assert!(
                    is_noticed,
                    "{line}`{before}` may as well be `{text}`: {error}",
                    text = changed.blocks[at].expected[nth].1
                );
            }
        }
    }
    assert!(decisions > 400 && checks > 100, "{decisions} decisions, {checks} checks");
}

fn changed_decision(line: &str) -> String {
    match line {
        "in any order" => "in no order".to_owned(),
        "nothing" => "offline nobody -> A.1".to_owned(),
        line => format!("{line} nobody.1"),
    }
}

/// A check that fails where this one holds. `None` for those that take no argument; they have a
/// test of their own.
fn opposite(check: &str) -> Option<String> {
    let words: Vec<_> = check.split_whitespace().collect();
    let swapped = |last: &str| {
        let mut words = words.clone();
        let place = words.len() - 1;
        words[place] = last;
        Some(words.join(" "))
    };
    if ["beliefs", "pristine", "remembered", "fresh"].contains(&words[0]) {
        return None;
    }
    match *words.last()? {
        "attached" => swapped("ended"),
        "detached" => swapped("attached"),
        "ended" => swapped("detached"),
        "congested" => swapped("writable"),
        "writable" => swapped("congested"),
        "silent" => swapped("says nothing"),
        "online" => swapped("offline"),
        "offline" => swapped("online"),
        "invisible" => swapped("visible"),
        "visible" => swapped("invisible"),
        _ => None,
    }
    .or_else(|| match words[..] {
        [_, "sees", ..] => Some(check.replace(" sees ", " misses ")),
        [_, "misses", ..] => Some(check.replace(" misses ", " sees ")),
        [_, "says", ..] => Some(format!("{} silent", words[0])),
        ["deadline", "none"] => Some("deadline by max".to_owned()),
        ["deadline", ..] => Some("deadline none".to_owned()),
        ["audience" | "blocked" | "online", .., "nobody"] => {
            Some(check.replace("nobody", "somebody"))
        }
        ["audience" | "blocked" | "online", ..] => Some(format!("{check} somebody")),
        [.., "at", at] => Some(format!("{}max", check.strip_suffix(at)?)),
        ["sessions", _, "nobody"] => Some(check.replace("nobody", "nobody.1")),
        ["sessions", ..] => Some(format!("{check} nobody.1")),
        ["same", ..] => Some("same A.1 B.1".to_owned()),
        ["hashed", "at", ..] => Some("hashed at most 0".to_owned()),
        // Numbers: one more than is so.
        _ => {
            let digits = check.rfind(|c: char| !c.is_ascii_digit())? + 1;
            let number: u64 = check[digits..].parse().ok()?;
            Some(format!("{}{}", &check[..digits], number + 1))
        }
    })
}

#[test]
fn the_checks_without_an_argument_can_fail() {
    for (name, text) in [
        // B's snapshot is found through B's own list, so B knows less than it may see.
        ("beliefs", "roster A: B\ngiven A.1 B.1\n\nadvance\n----\nnothing\nexpect beliefs\n"),
        (
            "fresh",
            "roster A: B\ngiven B.1 A.1\n\nadvance\n----\nnothing\nexpect beliefs\nexpect fresh\n",
        ),
        ("pristine", "given silent A.1\n\nadvance\n----\nnothing\nexpect pristine\n"),
        (
            "remembered",
            "given silent A.1\nremember\n\nA.1 publish \"x\"\n----\nnothing\nexpect remembered\n",
        ),
    ] {
        let error = error(&format!("== case 1: made up\n{text}"));
        assert!(error.contains(&format!("\nexpect {name}: ")), "{name}: {error}");
    }
}

#[test]
fn what_is_no_scenario_is_refused_with_its_line() {
    let cases = [
        ("A.1 connect\n----\nnothing\n", "made_up.txt:1: no heading"),
        ("== 1: x\n", "made_up.txt:1: `1` is no case"),
        ("== case 1\n", "made_up.txt:1: a heading says"),
        ("== case 1: x\nfriends A B\n", "made_up.txt:1: nothing is expected"),
        ("== case 1: x\nA.1 connect\n", "made_up.txt:2: what is expected of these?"),
        ("== case 1: x\nA.1 connect\n----\n", "made_up.txt:2: write `nothing`"),
        ("== case 1: x\nA.1 conect\n----\nnothing\n", "made_up.txt:2: no session can `conect`"),
        ("== case 1: x\nA likes B\n----\nnothing\n", "made_up.txt:2: no input is called"),
        ("== case 1: x\n@1y advance\n----\nnothing\n", "made_up.txt:2: `1y` is no time"),
        ("== case 1: x\nadvance now\n----\nnothing\n", "made_up.txt:2: nothing was to come"),
        ("== case 1: x\nA.1 publish \"x\n----\nnothing\n", "made_up.txt:2: no end of quotes"),
        ("== case 1: x\nU[3..1].1 connect\n----\nnothing\n", "made_up.txt:2: `U[3..1].1` is no"),
        (
            "== case 1: x\nconfig tims\nadvance\n----\nnothing\n",
            "made_up.txt:2: there is no preset",
        ),
        ("== case 1: x\nconfig tim grce=0\n\n", "made_up.txt:2: grce: no such option"),
        ("== case 1: x\nconfig tim max_sessions=0\n\n", "made_up.txt:2: max_sessions is 0"),
        (
            "== case 1: x\nadvance\n----\nnothing\n\nconfig tim\n",
            "made_up.txt:6: this belongs to the top",
        ),
    ];
    for (text, message) in cases {
        let error = parse(text).err().unwrap_or_default();
        assert!(error.starts_with(message), "{text}\nis refused with: {error}");
    }
}

#[test]
fn what_cannot_be_run_fails_with_its_line() {
    let cases = [
        (
            "A.1 publish \"x\"\n----\nnothing\n",
            "made_up.txt:2: \"x\" with config default, by verbs:\nthere is no A.1",
        ),
        (
            "given A.1\n\nA.1 connect\n----\nnothing\n",
            "made_up.txt:4: \"x\" with config default, by verbs:\nA.1 connects twice",
        ),
        (
            "advance\n----\nnothing\nexpect A happy\n",
            "made_up.txt:5: \"x\" with config default, by verbs:\n\
             expect A happy: no user is `happy`",
        ),
        (
            "config default max_audience=1\ngiven A.1\nroster B: A C\ngiven B.1\n\n\
             advance\n----\nnothing\n",
            "made_up.txt:5: \"x\" with config default max_audience=1, by verbs:\n\
             B.1 was to be given",
        ),
    ];
    for (text, message) in cases {
        let error = error(&format!("== case 1: x\n{text}"));
        assert!(error.starts_with(message), "{text}\nfails with: {error}");
    }
}

/// A and B online, each in the other's audience, both told of the other.
fn world() -> World {
    let mode = Mode { name: "made up", by_events: false, seed: 3, origin: 0 };
    let mut world = World::new(&Setting::default(), mode);
    let users = ["A", "B"].map(str::to_owned);
    let names = users.iter().map(|user| Name { user: user.clone(), number: 1 });
    let given = Input::Given(names.collect(), true);
    for input in [Input::Friends(users.to_vec(), 1), given] {
        world.input(0, &input, None, &mut Vec::new()).expect("they may connect");
    }
    always::check(&world).expect("nothing is wrong yet");
    world
}

fn publish(world: &mut World) -> Result<(), String> {
    let name = Name { user: "A".to_owned(), number: 1 };
    let publish = Input::Session(name, Verb::Publish("x".to_owned()));
    world.input(0, &publish, None, &mut Vec::new())
}

fn key(world: &World, user: &str) -> adsum::SessionKey {
    world.host.sessions[&Name { user: user.to_owned(), number: 1 }].key
}

/// Where the host's tables say otherwise, the checks after each line notice it.
#[test]
fn the_checks_of_every_line_can_fail() {
    let mut tampered = world();
    let b = key(&tampered, "B");
    tampered.host.seats.get_mut(b).expect("B has a seat").replica.end_user(&"A".to_owned());
    assert_eq!(always::check(&tampered), Ok(()));
    assert!(always::beliefs_are_true(&tampered).unwrap_err().starts_with("B.1 believes []"));
    drop(tampered);

    let mut tampered = world();
    let b = key(&tampered, "B");
    let id = tampered.engine.id_of(key(&tampered, "A")).expect("A is there");
    let seat = tampered.host.seats.get_mut(b).expect("B has a seat");
    seat.replica.set_presence("A".to_owned(), id, "lies".to_owned()).expect("there is room");
    let error = always::check(&tampered).unwrap_err();
    assert_eq!(error, "B.1 believes that A.1 says \"lies\"");
    drop(tampered);

    let mut tampered = world();
    let name = Name { user: "B".to_owned(), number: 1 };
    tampered.host.sessions.get_mut(&name).expect("B is there").life = Life::Detached;
    assert!(always::check(&tampered).unwrap_err().starts_with("B.1 is Attached"));
    drop(tampered);

    let leaked = world();
    let presence = Presence::new("kept");
    assert!(always::check(&leaked).unwrap_err().starts_with("presences and ids alive: (3, 2)"));
    drop(presence);
    let id = Id::new(b"kept");
    assert!(always::check(&leaked).unwrap_err().starts_with("presences and ids alive: (2, 3)"));
    drop(id);
    assert_eq!(always::check(&leaked), Ok(()));
}

/// Where a decision does not fit the host's tables, carrying it out notices it.
#[test]
fn the_checks_of_every_decision_can_fail() {
    let mut tampered = world();
    let b = key(&tampered, "B");
    tampered.host.seats.remove(b);
    assert!(publish(&mut tampered).unwrap_err().ends_with("has no connection"));
    drop(tampered);

    let mut tampered = world();
    tampered.host.seats.get_mut(b).expect("B has a seat").congested = true;
    assert_eq!(publish(&mut tampered).unwrap_err(), "B.1 is congested");
    drop(tampered);

    let mut tampered = world();
    tampered.host.seats.get_mut(b).expect("B has a seat").awaits_snapshot = true;
    let error = publish(&mut tampered).unwrap_err();
    assert_eq!(error, "B.1 is told something before its snapshot");
    drop(tampered);

    let mut tampered = world();
    tampered.host.users.insert(b"A".to_vec(), "somebody else".to_owned());
    let error = publish(&mut tampered).unwrap_err();
    assert!(error.starts_with("a notice from A.1 says that it is"), "{error}");
    drop(tampered);

    let mut tampered = world();
    tampered.host.exhaust_ids();
    let error = publish(&mut tampered).unwrap_err();
    assert!(error.contains("comes after notice 18446744073709551614"), "{error}");
}

/// The host's record of a user's session.
fn known<'w>(world: &'w mut World, user: &str) -> &'w mut Known {
    let name = Name { user: user.to_owned(), number: 1 };
    world.host.sessions.get_mut(&name).expect("it has connected")
}

/// What a user's session does, and the check afterwards.
fn does(world: &mut World, user: &str, verb: Verb) -> Result<(), String> {
    let name = Name { user: user.to_owned(), number: 1 };
    gives(world, Input::Session(name, verb))
}

fn gives(world: &mut World, input: Input) -> Result<(), String> {
    let at = if input == Input::Advance { 61_000 } else { 0 };
    world.input(at, &input, None, &mut Vec::new()).and_then(|()| always::check(world))
}

type Case = (&'static str, fn(&mut World) -> Result<(), String>);

/// Where what the host is told of its sessions does not fit its table, it notices it.
#[test]
fn the_checks_of_lives_can_fail() {
    let cases: [Case; 8] = [
        ("A.1 ended before", |world| {
            known(world, "A").life = Life::Ended;
            does(world, "A", Verb::Disconnect)
        }),
        ("A.1 ends with an open connection", |world| {
            does(world, "A", Verb::Lost(LostCause::NodeLoss, None))?;
            known(world, "A").life = Life::Attached;
            gives(world, Input::Advance)
        }),
        ("where A.1 is the last: false", |world| {
            let (key, old) = (key(world, "B"), Vec::new());
            let other = Known { key, old, id: None, life: Life::Detached, gone_at: None };
            world.host.sessions.insert(Name { user: "A".to_owned(), number: 2 }, other);
            does(world, "A", Verb::Disconnect)
        }),
        ("but ends with Ended", |world| {
            known(world, "A").id = known(world, "B").id;
            does(world, "A", Verb::Disconnect)
        }),
        ("A.1 was gone at", |world| {
            does(world, "A", Verb::Lost(LostCause::NodeLoss, None))?;
            known(world, "A").gone_at = Some(Time::MAX);
            does(world, "A", Verb::Disconnect)
        }),
        ("B.1 has no connection at", |world| {
            known(world, "B").life = Life::Detached;
            gives(world, Input::Expel("B".to_owned()))
        }),
        ("A.1 has ended, and still says something", |world| {
            known(world, "A").life = Life::Ended;
            does(world, "A", Verb::Publish("x".to_owned()))
        }),
        ("nobody says that B.1 has ended", |world| {
            known(world, "B").life = Life::Ending;
            does(world, "A", Verb::Heartbeat)
        }),
    ];
    fail(&cases);
}

/// So it does where keys, or what has to come first, are not what they should be.
#[test]
fn the_checks_of_attachments_can_fail() {
    let cases: [Case; 7] = [
        ("the old connection of A.1 is still open", |world| {
            world.host.replaced = Some(key(world, "A"));
            does(world, "A", Verb::Publish("x".to_owned()))
        }),
        ("the old connection of A.1 is not closed", |world| {
            world.host.replaced = Some(key(world, "A"));
            does(world, "A", Verb::Heartbeat)
        }),
        ("nobody has said that with B.1", |world| {
            world.host.first = Some(Name { user: "B".to_owned(), number: 1 });
            does(world, "A", Verb::Publish("x".to_owned()))
        }),
        ("nobody says that with B.1", |world| {
            world.host.first = Some(Name { user: "B".to_owned(), number: 1 });
            does(world, "A", Verb::Heartbeat)
        }),
        ("the old key of A.1 is good for something", |world| {
            let key = key(world, "A");
            known(world, "A").old.push(key);
            let name = Name { user: "A".to_owned(), number: 1 };
            gives(world, Input::Old(name, Verb::Heartbeat))
        }),
        ("A.1 is still found by", |world| {
            let other = key(world, "B");
            known(world, "A").old.push(other);
            does(world, "A", Verb::Heartbeat)
        }),
        ("but found as", |world| {
            known(world, "A").id = known(world, "B").id;
            does(world, "A", Verb::Heartbeat)
        }),
    ];
    fail(&cases);
}

fn fail(cases: &[Case]) {
    for (message, case) in cases {
        let mut tampered = world();
        let error = case(&mut tampered).expect_err(message);
        assert!(error.contains(message), "not {message}, but {error}");
    }
}
