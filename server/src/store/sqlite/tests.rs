use std::sync::Barrier;

use super::super::Request;
use super::*;

const CHEAP: SqliteOptions = SqliteOptions {
    cost: Cost { memory_kib: 8, passes: 1 },
    max_relations: 10,
    max_requests: 100,
    fold_case: true,
};

fn store() -> Sqlite {
    Sqlite::in_memory(CHEAP).unwrap()
}

fn register(store: &Sqlite, name: &str) -> String {
    store.register(name, &format!("pw-{name}"), "dom").unwrap()
}

fn login(store: &Sqlite, name: &str, password: &str, domain: &str) -> Result<Login, StoreError> {
    store.login(&Credentials { name, password, domain, token: "" })
}

/// What each sees of the other.
fn between(store: &Sqlite, one: &str, two: &str) -> (Relation, Relation) {
    (store.relation(one, two).unwrap(), store.relation(two, one).unwrap())
}

#[test]
fn an_account_is_registered_once_and_known_by_its_password() {
    let store = store();
    let alice = register(&store, "alice");
    assert!(store.is_node(&alice) && store.exists(&alice).unwrap());
    assert!(matches!(store.register("alice", "x", "dom"), Err(StoreError::Exists)));
    let elsewhere = store.register("alice", "x", "other").unwrap();
    assert_ne!(elsewhere, alice);
    assert_eq!(login(&store, "alice", "pw-alice", "dom").unwrap().node, alice);
    assert_eq!(login(&store, "alice", "x", "other").unwrap().node, elsewhere);
    for (name, password, domain) in [
        ("alice", "pw-alicE", "dom"),
        ("alice", "", "dom"),
        ("alice", "pw-alice", ""),
        ("Alice", "pw-alice", "dom"),
        ("nobody", "pw-alice", "dom"),
        ("", "", ""),
    ] {
        assert!(matches!(login(&store, name, password, domain), Err(StoreError::Denied)));
    }
}

#[test]
fn what_no_account_can_have_is_refused() {
    let store = store();
    let long = "n".repeat(MAX_NAME + 1);
    assert!(matches!(store.register("", "pw", ""), Err(StoreError::Invalid("name"))));
    assert!(matches!(store.register(&long, "pw", ""), Err(StoreError::Invalid("name"))));
    assert!(matches!(store.register("a", "pw", &long), Err(StoreError::Invalid("domain"))));
    assert!(matches!(store.register("a", "", ""), Err(StoreError::Invalid("password"))));
    assert!(store.register(&long[1..], "pw", &long[1..]).is_ok());
    assert!(store.register("'; DROP TABLE accounts; --", "pw", "").is_ok());
    assert!(login(&store, "'; DROP TABLE accounts; --", "pw", "").is_ok());
    assert!(!store.exists("nobody").unwrap());
    assert!(matches!(store.relations("nobody"), Err(StoreError::NoAccount)));
}

/// tim made friends of two of whom one had asked twice.
#[test]
fn b15_friendship_needs_both_sides() {
    let store = store();
    let (alice, carol) = (register(&store, "alice"), register(&store, "carol"));
    assert_eq!(store.ask(&carol, &alice, "pls").unwrap(), Asked::Waiting);
    for _ in 0..3 {
        assert_eq!(store.ask(&carol, &alice, "pls again").unwrap(), Asked::WaitingStill);
        assert_eq!(between(&store, &carol, &alice), (Relation::Asked, Relation::AskedByOther));
        assert_eq!(store.relations(&alice).unwrap().friends, [""; 0]);
        assert_eq!(store.relations(&carol).unwrap().friends, [""; 0]);
    }
    let seen = store.relations(&alice).unwrap();
    let [Request { node, words, asked_at }] = &seen.requests[..] else { panic!("{seen:?}") };
    assert_eq!((node, words.as_str()), (&carol, "pls again"));
    assert!(*asked_at > 1_600_000_000);
    assert_eq!(store.relations(&carol).unwrap().waiting, std::slice::from_ref(&alice));
    assert_eq!(store.ask(&alice, &carol, "ok").unwrap(), Asked::Friends);
    assert_eq!(between(&store, &alice, &carol), (Relation::Friends, Relation::Friends));
    let wanted = Relations { friends: vec![carol.clone()], ..Relations::default() };
    assert_eq!(store.relations(&alice).unwrap(), wanted);
    assert_eq!(login(&store, "alice", "pw-alice", "dom").unwrap().relations, None);
    for (one, two) in [(&alice, &carol), (&carol, &alice)] {
        assert!(matches!(store.ask(one, two, ""), Err(StoreError::AlreadyFriends)));
    }
}

#[test]
fn an_end_is_an_end_from_both_sides() {
    let store = store();
    let (alice, bob) = (register(&store, "alice"), register(&store, "bob"));
    assert!(matches!(store.remove(&alice, &bob), Err(StoreError::NoRelation)));
    for (ends, other) in [(&alice, &bob), (&bob, &alice)] {
        store.ask(&alice, &bob, "").unwrap();
        store.ask(&bob, &alice, "").unwrap();
        assert_eq!(store.remove(ends, other).unwrap(), Relation::Friends);
        assert_eq!(between(&store, &alice, &bob), (Relation::None, Relation::None));
        // One of them alone does not bring it back.
        assert_eq!(store.ask(ends, other, "").unwrap(), Asked::Waiting);
        assert_eq!(store.ask(ends, other, "").unwrap(), Asked::WaitingStill);
        assert_eq!(store.remove(ends, other).unwrap(), Relation::Asked);
        // And a request can be turned down.
        store.ask(ends, other, "").unwrap();
        assert_eq!(store.remove(other, ends).unwrap(), Relation::AskedByOther);
        assert!(matches!(store.remove(other, ends), Err(StoreError::NoRelation)));
    }
}

#[test]
fn a_block_ends_all_and_only_the_blocker_lifts_it() {
    let store = store();
    let (alice, bob) = (register(&store, "alice"), register(&store, "bob"));
    store.ask(&alice, &bob, "").unwrap();
    store.ask(&bob, &alice, "").unwrap();
    assert_eq!(store.block(&alice, &bob).unwrap(), Relation::Friends);
    assert_eq!(store.block(&alice, &bob).unwrap(), Relation::Blocked);
    assert_eq!(between(&store, &alice, &bob), (Relation::Blocked, Relation::None));
    assert_eq!(store.relations(&alice).unwrap().blocked, std::slice::from_ref(&bob));
    assert_eq!(store.relations(&bob).unwrap(), Relations::default());
    assert_eq!(store.ask(&bob, &alice, "").unwrap(), Asked::Unheard);
    assert_eq!(between(&store, &alice, &bob), (Relation::Blocked, Relation::Asked));
    assert_eq!(store.relations(&alice).unwrap().requests, []);
    assert_eq!(store.remove(&bob, &alice).unwrap(), Relation::Asked);
    assert!(matches!(store.remove(&bob, &alice), Err(StoreError::NoRelation)));
    // Both may block; each lifts their own.
    assert_eq!(store.block(&bob, &alice).unwrap(), Relation::None);
    assert_eq!(store.remove(&alice, &bob).unwrap(), Relation::Blocked);
    assert_eq!(between(&store, &alice, &bob), (Relation::None, Relation::Blocked));
    assert_eq!(store.ask(&alice, &bob, "").unwrap(), Asked::Unheard);
    assert_eq!(store.remove(&bob, &alice).unwrap(), Relation::Blocked);
    // The friendship of before does not come back by itself, nor by one of them.
    assert_eq!(between(&store, &alice, &bob), (Relation::None, Relation::None));
    assert_eq!(store.ask(&alice, &bob, "").unwrap(), Asked::Waiting);
}

#[test]
fn asking_whom_one_has_blocked_lifts_the_block() {
    let store = store();
    let (alice, bob) = (register(&store, "alice"), register(&store, "bob"));
    store.block(&alice, &bob).unwrap();
    assert_eq!(store.ask(&alice, &bob, "sorry").unwrap(), Asked::Waiting);
    assert_eq!(between(&store, &alice, &bob), (Relation::Asked, Relation::AskedByOther));
    assert_eq!(store.ask(&bob, &alice, "").unwrap(), Asked::Friends);
}

#[test]
fn oneself_the_unknown_and_other_domains() {
    let store = store();
    let alice = register(&store, "alice");
    let eve = store.register("eve", "pw", "other").unwrap();
    assert!(matches!(store.ask(&alice, &alice, ""), Err(StoreError::Oneself)));
    assert!(matches!(store.block(&alice, &alice), Err(StoreError::Oneself)));
    for other in [&eve, "nobody", ""] {
        assert!(matches!(store.ask(&alice, other, ""), Err(StoreError::NoAccount)), "{other}");
        assert!(matches!(store.block(&alice, other), Err(StoreError::NoAccount)), "{other}");
        assert!(matches!(store.remove(&alice, other), Err(StoreError::NoRelation)), "{other}");
        assert_eq!(store.relation(&alice, other).unwrap(), Relation::None);
    }
}

#[test]
fn the_limit_counts_what_one_wants_oneself() {
    let store = store();
    let alice = register(&store, "alice");
    let others: Vec<_> = (0..12).map(|n| register(&store, &format!("u{n}"))).collect();
    // Twelve who ask do not fill her list.
    for other in &others {
        store.ask(other, &alice, "").unwrap();
    }
    for (n, other) in others.iter().enumerate().take(10) {
        // Friends, and who is blocked, count alike.
        if n % 2 == 0 {
            assert_eq!(store.ask(&alice, other, "").unwrap(), Asked::Friends);
        } else {
            assert_eq!(store.block(&alice, other).unwrap(), Relation::AskedByOther);
        }
    }
    assert!(matches!(store.block(&alice, &others[10]), Err(StoreError::Full)));
    // A friend can be blocked all the same, and one who has left makes room.
    assert_eq!(store.block(&alice, &others[0]).unwrap(), Relation::Friends);
    store.remove(&alice, &others[0]).unwrap();
    assert_eq!(store.block(&alice, &others[10]).unwrap(), Relation::AskedByOther);
}

#[test]
fn saying_yes_is_bounded_too() {
    let store = store();
    let alice = register(&store, "alice");
    let others: Vec<_> = (0..11).map(|n| register(&store, &format!("u{n}"))).collect();
    for other in &others {
        store.ask(other, &alice, "").unwrap();
    }
    for other in &others[..10] {
        assert_eq!(store.ask(&alice, other, "").unwrap(), Asked::Friends);
    }
    assert!(matches!(store.ask(&alice, &others[10], ""), Err(StoreError::Full)));
    assert_eq!(store.relation(&alice, &others[10]).unwrap(), Relation::AskedByOther);
}

#[test]
fn words_are_kept_until_the_answer_and_cut_between_characters() {
    let store = store();
    let (alice, bob) = (register(&store, "alice"), register(&store, "bob"));
    let words = format!("x{}", "ü".repeat(MAX_WORDS));
    store.ask(&alice, &bob, &words).unwrap();
    let kept = store.relations(&bob).unwrap().requests.remove(0).words;
    assert_eq!(kept.len(), MAX_WORDS - 1);
    assert!(words.starts_with(&kept));
    store.ask(&bob, &alice, "").unwrap();
    let left: i64 = store
        .connections
        .writer()
        .query_row("SELECT count(*) FROM relations WHERE words IS NOT NULL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_file_outlives_the_process_that_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made on first use.db");
    let (alice, bob) = {
        let store = Sqlite::open(&path, CHEAP).unwrap();
        store.health().unwrap();
        let both = (register(&store, "alice"), register(&store, "bob"));
        store.ask(&both.0, &both.1, "hi").unwrap();
        both
    };
    let store = Sqlite::open(&path, CHEAP).unwrap();
    assert_eq!(login(&store, "alice", "pw-alice", "dom").unwrap().node, alice);
    assert_eq!(store.relations(&bob).unwrap().requests.len(), 1);
    let mode: String = store
        .connections
        .writer()
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    #[cfg(unix)]
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
    }
}

#[test]
fn no_password_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.db");
    let store = Sqlite::open(&path, CHEAP).unwrap();
    store.register("alice", "open-sesame-marker", "").unwrap();
    let _ = login(&store, "alice", "wrong-sesame-marker", "").unwrap_err();
    drop(store);
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("alice") && holds("$argon2id$"));
    assert!(!holds("sesame-marker"));
}

#[test]
fn files_of_others_and_of_the_future_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE accounts (theirs)").unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    let error = Sqlite::open(&path, CHEAP).err().unwrap();
    assert!(error.is_failure() && error.to_string().contains("something else"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let path = folder.path().join("newer.db");
    let store = Sqlite::open(&path, CHEAP).unwrap();
    store.connections.writer().pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let error = Sqlite::open(&path, CHEAP).err().unwrap();
    assert!(error.to_string().contains("version 99"), "{error}");

    let path = folder.path().join("text.db");
    std::fs::write(&path, "not a database, but long enough to be taken for one ".repeat(40))
        .unwrap();
    assert!(Sqlite::open(&path, CHEAP).err().unwrap().is_failure());
}

#[test]
fn many_threads_at_once_agree() {
    let store = store();
    let nodes: Vec<_> = (0..4).map(|n| register(&store, &format!("u{n}"))).collect();
    let start = Barrier::new(4);
    let registered = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|own| {
                let (store, nodes, start) = (&store, &nodes, &start);
                scope.spawn(move || {
                    start.wait();
                    for other in (0..4).filter(|other| *other != own) {
                        // Each asks each: whoever is second says yes.
                        let asked = store.ask(&nodes[own], &nodes[other], "");
                        assert!(matches!(asked, Ok(Asked::Waiting | Asked::Friends)), "{asked:?}");
                    }
                    u32::from(store.register("contested", "pw", "").is_ok())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
    });
    assert_eq!(registered, 1);
    for node in &nodes {
        assert_eq!(store.relations(node).unwrap().friends.len(), 3);
    }
}

/// tim checked passwords in a buffer that another login could write into meanwhile.
#[test]
fn b28_logins_at_once_do_not_mix_their_passwords() {
    let store = store();
    let names: Vec<_> = (0..4).map(|n| format!("u{n}")).collect();
    let nodes: Vec<_> = names.iter().map(|name| register(&store, name)).collect();
    std::thread::scope(|scope| {
        for (own, name) in names.iter().enumerate() {
            let (store, nodes, names) = (&store, &nodes, &names);
            scope.spawn(move || {
                for round in 0..100 {
                    let right = login(store, name, &format!("pw-{name}"), "dom");
                    assert_eq!(right.unwrap().node, nodes[own]);
                    let other = &names[(own + 1 + round % 3) % 4];
                    let wrong = login(store, name, &format!("pw-{other}"), "dom");
                    assert!(matches!(wrong, Err(StoreError::Denied)));
                }
            });
        }
    });
}

#[test]
fn a_store_that_fails_says_so_and_changes_nothing() {
    let store = store();
    let (alice, bob) = (register(&store, "alice"), register(&store, "bob"));
    store.connections.writer().execute_batch("ALTER TABLE relations RENAME TO gone").unwrap();
    let failures = [
        store.relations(&alice).err(),
        store.ask(&alice, &bob, "").err(),
        store.remove(&alice, &bob).err(),
        store.block(&alice, &bob).err(),
    ];
    // Who somebody is stands elsewhere.
    assert_eq!(login(&store, "alice", "pw-alice", "dom").unwrap().node, alice);
    for failure in failures {
        let failure = failure.unwrap();
        assert!(failure.is_failure(), "{failure}");
        assert_eq!(failure.code().number(), 5103);
    }
    store.connections.writer().execute_batch("ALTER TABLE gone RENAME TO relations").unwrap();
    assert_eq!(between(&store, &alice, &bob), (Relation::None, Relation::None));
    assert_eq!(store.ask(&alice, &bob, "").unwrap(), Asked::Waiting);
}

#[test]
fn names_are_told_of_those_one_has_a_relation_to_and_of_nobody_else() {
    let store = store();
    let people = ["alice", "bob", "carol", "dave", "eve"].map(|name| register(&store, name));
    let [alice, bob, carol, dave, eve] = &people;
    for (one, two) in [(alice, bob), (bob, alice), (carol, alice)] {
        store.ask(one, two, "").unwrap();
    }
    store.block(alice, dave).unwrap();
    let mut asked = people.to_vec();
    asked.push("nobody".to_owned());
    let names = |node: &str| -> Vec<String> {
        let names = store.names(node, &asked).unwrap();
        assert!(names.iter().all(|(node, name)| people.contains(node) && node != name));
        names.into_iter().map(|(_, name)| name).collect()
    };
    assert_eq!(names(alice), ["alice", "bob", "carol", "dave"]);
    assert_eq!(names(bob), ["alice", "bob"]);
    // Who is blocked learns nothing, and a stranger neither.
    assert_eq!(names(dave), ["dave"]);
    assert_eq!(names(eve), ["eve"]);
    assert_eq!(names("nobody"), [""; 0]);
}

#[test]
fn somebody_is_meant_by_their_id_or_by_their_name_in_ones_own_domain() {
    let store = store();
    let (alice, bob) = (register(&store, "alice"), register(&store, "bob"));
    // Somebody whose name is another one's id; and a namesake elsewhere.
    let trap = store.register(&bob, "pw", "dom").unwrap();
    let elsewhere = store.register("bob", "pw", "other").unwrap();
    let meant = |node: &str, typed: &str| store.resolve(node, typed).unwrap();
    assert_eq!(meant(&alice, "bob").as_ref(), Some(&bob));
    assert_eq!(meant(&elsewhere, "bob").as_ref(), Some(&elsewhere));
    assert_eq!(meant(&alice, &bob).as_ref(), Some(&bob));
    assert_eq!(meant(&alice, &trap).as_ref(), Some(&trap));
    for typed in ["Bob", "bo", "", "'; DROP TABLE accounts; --"] {
        assert_eq!(meant(&alice, typed), None, "{typed}");
    }
    assert_eq!(meant("nobody", "bob"), None);
}
