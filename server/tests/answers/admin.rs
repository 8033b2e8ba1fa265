//! What an administrator asks for.

use serde_json::{Value, json};

use crate::support::{self, Server, TOKEN};

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let head = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let (status, body) =
        support::request(server.address(), &head, body.to_string().as_bytes()).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// Names are taken as well as ids, and who is unknown is an error: nothing is done then.
#[tokio::test]
async fn s16_administrators_name_people_by_name_and_are_told_of_the_unknown() {
    let server = Server::run(&["--admin-token", TOKEN]);
    let ann = server.account("ann");
    server.store.register("bea", support::PASSWORD, "elsewhere").unwrap();
    let mut at_ann = server.login("ann").await;
    let notice = |nodes: Value| json!({ "nodes": nodes, "presence": { "status": "hello" } });
    for name in ["ann", ann.as_str()] {
        let (status, body) = post(&server, "/admin/presence", notice(json!([name]))).await;
        assert_eq!((status, &body["delivered"]), (200, &json!(1)), "{name}");
        assert_eq!(at_ann.presence().await.status.as_deref(), Some("hello"));
    }
    let unknown = notice(json!(["nobody", "ann", "bea"]));
    let (status, body) = post(&server, "/admin/presence", unknown).await;
    assert_eq!((status, &body["unknown"]), (404, &json!(["nobody", "bea"])));
    assert_eq!(at_ann.until_pong().await, []);
    let (status, body) = post(&server, "/admin/expel", json!({ "node": "nobody" })).await;
    assert_eq!((status, &body["unknown"]), (404, &json!(["nobody"])));
    let of_domain = json!({ "node": "bea", "domain": "elsewhere" });
    assert_eq!(post(&server, "/admin/expel", of_domain).await, (200, json!({ "sessions": 0 })));
    let (status, body) = post(&server, "/admin/expel", json!({ "node": "ann" })).await;
    assert_eq!((status, body), (200, json!({ "sessions": 1 })));
    assert_eq!(at_ann.close_code().await, 4_002);
}

/// A notice may be for all who are online; names are told where accounts are here; and what happens
/// can be read.
#[tokio::test]
async fn administrators_tell_all_and_see_names_and_figures() {
    let server = Server::run(&["--admin-token", TOKEN]);
    server.friends(["ann", "bea"]);
    let mut ann = server.login("ann").await;
    ann.say("here").await;
    ann.until_pong().await;
    let mut bea = server.login("bea").await;
    bea.until_pong().await;
    let notice = json!({ "all": true, "presence": { "status": "hello" } });
    let (status, body) = post(&server, "/admin/presence", notice).await;
    assert_eq!((status, body), (200, json!({ "delivered": 2, "skipped": 0 })));
    for client in [&mut ann, &mut bea] {
        assert_eq!(client.presence().await.status.as_deref(), Some("hello"));
    }
    let both = json!({ "all": true, "nodes": ["ann"], "presence": { "status": "hello" } });
    assert_eq!(post(&server, "/admin/presence", both).await.0, 400);
    let (_, body) = server.get("/admin/online").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let names = body["users"].as_array().unwrap().iter().map(|user| user["name"].as_str());
    let mut names: Vec<_> = names.map(Option::unwrap).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "bea"]);
    let (status, body) = server.get("/admin/figures").await;
    let figures: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &figures["users"], &figures["nodes"]), (200, &json!(2), &json!([])));
    assert!(figures["deliveries"].as_u64() >= Some(3), "{figures}");
    // Nobody reads them without the token.
    for path in ["/admin/figures", "/admin/online"] {
        let head = format!("GET {path} HTTP/1.1\r\n");
        assert_eq!(support::request(server.address(), &head, b"").await.0, 401, "{path}");
    }
}

/// Whatever is refused is answered in JSON, with what is wrong: a bad query, a bad body, an unknown
/// path, another method, no token.
#[tokio::test]
async fn administrators_are_refused_in_json() {
    let server = Server::run(&["--admin-token", TOKEN]);
    let ann = server.account("ann");
    let ask = async |line: &str, token: &str, body: &[u8]| {
        let head = format!("{line} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
        let (status, body) = support::request(server.address(), &head, body).await;
        let read: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{line}: {body}"));
        let error = read["error"].as_str().unwrap_or_else(|| panic!("{line}: {body}")).to_owned();
        assert!(!error.is_empty(), "{line}: {body}");
        (status, error)
    };
    for query in [
        "limit=-1",
        "limit=0",
        "limit=1001",
        "limit=1e1",
        "limit=",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "limt=1",
        "after=%FF&limit=x",
    ] {
        let (status, error) = ask(&format!("GET /admin/online?{query}"), TOKEN, b"").await;
        assert_eq!(status, 400, "{query}: {error}");
        assert!(error.contains("limit") || error.contains("limt"), "{query}: {error}");
    }
    let long = vec![b' '; 3 * 1024 * 1024];
    let presence = json!({ "nodes": [ann], "presence": { "show": 70_000 } }).to_string();
    for (path, body, wanted) in [
        ("expel", &b""[..], 400),
        ("expel", b"{", 400),
        ("expel", b"[\"ann\", null]", 400),
        ("expel", b"{\"node\": 7}", 400),
        ("expel", b"{\"node\": \"ann\", \"more\": 1}", 400),
        ("expel", b"{\"node\": \"\xff\"}", 400),
        ("expel", b"{\"node\": \"\"}", 404),
        ("expel", &long, 413),
        ("presence", b"", 400),
        ("presence", b"{\"nodes\": [\"ann\"]}", 400),
        ("presence", presence.as_bytes(), 400),
        ("presence", &long, 413),
    ] {
        let (status, error) = ask(&format!("POST /admin/{path}"), TOKEN, body).await;
        assert_eq!(status, wanted, "{path} {:.40}: {error}", String::from_utf8_lossy(body));
    }
    for (line, wanted) in [
        ("GET /admin/nothing", 404),
        ("POST /admin/online", 405),
        ("DELETE /admin/expel", 405),
        ("GET /admin/presence", 405),
    ] {
        assert_eq!(ask(line, TOKEN, b"").await.0, wanted, "{line}");
    }
    for line in ["GET /admin/online", "POST /admin/expel", "GET /admin/nothing", "GET /healthz"] {
        assert_eq!(ask(line, "another", b"").await.0, 401, "{line}");
    }
    server.host.stop().await;
}

/// So is whatever there is not below `/admin`, in whatever way it is spelt, and where there is no
/// page `/admin` itself. Without the token it is not said what there is.
#[tokio::test]
async fn whatever_there_is_not_below_admin_is_refused_in_json() {
    let nowhere = json!({ "error": "there is nothing here" });
    for (flags, lines) in [
        (&["--web-page=false"][..], &["GET /admin", "POST /admin"][..]),
        (
            &[],
            &[
                "GET /admin/",
                "POST /admin/",
                "GET /admin//",
                "GET /admin/?limit=1",
                "GET /admin/online/",
                "GET /admin/online/x",
                "DELETE /admin/x/y/z",
                "GET /admin/%FF",
                "GET /admin/../healthz",
            ],
        ),
    ] {
        let server = Server::run(&[&["--admin-token", TOKEN], flags].concat());
        for line in lines {
            let ask = async |shown: &str| {
                let head = format!("{line} HTTP/1.1\r\n{shown}");
                let (status, body) = support::request(server.address(), &head, b"").await;
                let read = serde_json::from_str::<Value>(&body);
                (status, read.unwrap_or_else(|_| panic!("{line}: {status} {body}")))
            };
            let shown = format!("Authorization: Bearer {TOKEN}\r\n");
            assert_eq!(ask(&shown).await, (404, nowhere.clone()), "{line}");
            let (status, body) = ask("").await;
            assert_eq!(status, 401, "{line}");
            assert!(body["error"].as_str().is_some_and(|error| error.contains("Bearer")), "{line}");
        }
        server.host.stop().await;
    }
}

/// Where a method is not taken the answer says which are, as everywhere; at an address of their own
/// operators need no token for it.
#[tokio::test]
async fn another_method_is_answered_by_those_there_are() {
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    for (flags, has_own, shown) in [
        (&["--admin-token", TOKEN][..], false, shown.as_str()),
        (&["--admin-listen", "127.0.0.1:0"], true, ""),
    ] {
        let server = Server::run(flags);
        let to = if has_own { server.program().admin_address.unwrap() } else { server.address() };
        let admins = [
            ("POST /admin", "GET,HEAD"),
            ("GET /admin/expel", "POST"),
            ("PUT /admin.css", "GET,HEAD"),
        ];
        let all = [("POST /healthz", "GET,HEAD"), ("DELETE /metrics", "GET,HEAD")];
        for (line, allowed) in all.iter().chain(if has_own { &[][..] } else { &admins }) {
            let answer = support::whole_answer(to, &format!("{line} HTTP/1.1\r\n{shown}")).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 405 "), "{line}: {head}");
            let named = head.lines().find_map(|line| line.strip_prefix("allow: "));
            assert_eq!(named, Some(*allowed), "{line}: {head}");
            let body: Value =
                serde_json::from_str(body).unwrap_or_else(|_| panic!("{line}: {body}"));
            assert_eq!(body, json!({ "error": "Allow names those there are" }), "{line}");
        }
        if !has_own {
            for line in ["POST /healthz", "DELETE /metrics"] {
                let (status, _) = support::request(to, &format!("{line} HTTP/1.1\r\n"), b"").await;
                assert_eq!(status, 401, "{line}");
            }
        }
        server.host.stop().await;
    }
}

/// So is whatever the API for applications refuses, as a problem.
#[tokio::test]
async fn applications_are_refused_by_a_problem() {
    let server = Server::run(&["--admin-token", TOKEN]);
    let ann = server.account("ann");
    for (line, wanted) in [
        ("GET /v1/topics/room:1/members?limit=-1".to_owned(), 400),
        ("GET /v1/topics/room:1/members?limit=".to_owned(), 400),
        ("GET /v1/topics/room:1/members?limit=1&limit=2".to_owned(), 400),
        ("GET /v1/topics/room:1/members?limt=1".to_owned(), 400),
        ("GET /v1/topics/room:1/members?after=x".to_owned(), 400),
        ("GET /v1/topics/%FF".to_owned(), 400),
        ("GET /v1/users/%FF".to_owned(), 400),
        ("GET /v1/users/nobody".to_owned(), 400),
        ("POST /v1/online".to_owned(), 400),
        (format!("POST /v1/users/{ann}/direct"), 400),
        ("GET /v1/nothing".to_owned(), 404),
        ("GET /v1/".to_owned(), 404),
        ("GET /v1/online".to_owned(), 405),
    ] {
        let head = format!("{line} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
        let (status, body) = support::request(server.address(), &head, b"").await;
        let problem: Value =
            serde_json::from_str(&body).unwrap_or_else(|_| panic!("{line}: {body}"));
        assert_eq!((status, &problem["status"]), (wanted, &json!(wanted)), "{line}: {problem}");
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{line}: {problem}");
    }
    server.host.stop().await;
}
