//! The host behind a real listener, and real clients.

use adsum::{Config, Grace, Lease, Options};
use adsum_axum_example::serve;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Long enough for any machine, and short enough to notice.
const BOUND: Duration = Duration::from_secs(30);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(BOUND, future).await.expect("it takes no longer than this")
}

struct House {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl House {
    async fn open(options: Options) -> Self {
        let config = Config::new(options).expect("the options are in range");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, config, async { drop(stopped.await) }));
        Self { address, stop, served }
    }

    async fn connect(&self, first: Value) -> Client {
        let connected = in_time(connect_async(format!("ws://{}/", self.address))).await;
        let mut client = Client(connected.expect("the house is open").0);
        client.says(first).await;
        client
    }

    /// Has somebody come, and returns their token and what they are shown.
    async fn hello(&self, name: &str, friends: &[&str]) -> (Client, String, Vec<Value>) {
        self.enter(json!({ "hello": { "name": name, "friends": friends } })).await
    }

    async fn resume(&self, token: &str) -> (Client, String, Vec<Value>) {
        self.enter(json!({ "resume": { "token": token } })).await
    }

    async fn enter(&self, first: Value) -> (Client, String, Vec<Value>) {
        let mut client = self.connect(first).await;
        let snapshot = client.hears().await;
        let shown = snapshot["snapshot"]["shown"].as_array().expect("a snapshot").clone();
        let token = client.hears().await["welcome"]["token"].as_str().expect("a token").to_owned();
        (client, token, shown)
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn says(&mut self, said: Value) {
        in_time(self.0.send(Message::text(said.to_string()))).await.expect("the house listens");
    }

    async fn publishes(&mut self, presence: impl Into<Value>) {
        self.says(json!({ "publish": { "presence": presence.into() } })).await;
    }

    /// Returns the next thing that is told, or how the connection was closed.
    async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            match in_time(self.0.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("it is told in JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    async fn hears(&mut self) -> Value {
        self.next().await.expect("the connection is open")
    }

    async fn is_closed(&mut self) -> (CloseCode, String) {
        let frame = self.next().await.expect_err("nothing more is told");
        let frame = frame.expect("it is closed with a reason");
        // A client says goodbye, too, when it is polled again.
        while let Some(Ok(_)) = in_time(self.0.next()).await {}
        (frame.code, frame.reason.to_string())
    }

    async fn hears_presence(&mut self, user: &str, presence: impl Into<Value>) {
        let told = self.hears().await;
        let shown = &told["presence"];
        assert_eq!(
            (&shown["user"], &shown["presence"]),
            (&json!(user), &presence.into()),
            "{told}"
        );
    }

    async fn leaves(mut self, code: CloseCode) {
        let frame = CloseFrame { code, reason: "".into() };
        in_time(self.0.close(Some(frame))).await.expect("the house listens");
    }
}

fn users(shown: &[Value]) -> Vec<&str> {
    shown.iter().filter_map(|shown| shown["user"].as_str()).collect()
}

/// What the README has clients say is taken, and what it says of the answers is so.
#[tokio::test]
async fn the_lines_of_the_readme_do_what_it_says() {
    let page = include_str!("../README.md");
    let sent = page.split(".send('").skip(1).filter_map(|after| after.split("')").next());
    let sent: Vec<Value> =
        sent.map(|text| serde_json::from_str(text).expect("it is JSON")).collect();
    let [ann_says, bob_says, ann_shows] = &sent[..] else { panic!("they are three: {sent:?}") };
    let house = House::open(Options::default()).await;
    let (mut ann, _, shown) = house.enter(ann_says.clone()).await;
    let (mut bob, _, _) = house.enter(bob_says.clone()).await;
    assert_eq!(shown, [] as [Value; 0]);
    ann.says(ann_shows.clone()).await;
    let mut told = bob.hears().await;
    told["presence"]["session"] = "S".into();
    ann.leaves(CloseCode::Normal).await;
    for told in [told, bob.hears().await] {
        assert!(page.contains(&told.to_string()), "{told}");
    }
}

#[tokio::test]
async fn three_clients_see_each_other_come_and_go() {
    let house = House::open(Options::default()).await;
    let (mut ann, _, shown) = house.hello("ann", &["bob", "cyd"]).await;
    assert!(shown.is_empty());
    let (mut bob, _, _) = house.hello("bob", &["ann", "cyd"]).await;
    ann.publishes("here").await;
    bob.hears_presence("ann", "here").await;
    bob.publishes(json!({ "text": "reading", "mood": 3 })).await;
    ann.hears_presence("bob", json!({ "text": "reading", "mood": 3 })).await;
    let (mut cyd, _, shown) = house.hello("cyd", &["ann", "bob"]).await;
    assert_eq!(users(&shown), ["ann", "bob"]);
    cyd.publishes("new").await;
    for client in [&mut ann, &mut bob] {
        client.hears_presence("cyd", "new").await;
    }
    cyd.leaves(CloseCode::Normal).await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hears().await, json!({ "offline": { "user": "cyd" } }));
    }
    // One of two devices goes: the session has ended, and the user is still there.
    let (mut phone, _, shown) = house.hello("ann", &["bob", "cyd"]).await;
    assert_eq!(users(&shown), ["bob", "ann"]);
    phone.publishes("on the train").await;
    for client in [&mut ann, &mut bob] {
        client.hears_presence("ann", "on the train").await;
    }
    ann.leaves(CloseCode::Normal).await;
    let ended = bob.hears().await;
    assert_eq!(ended["ended"]["user"], "ann", "{ended}");
    assert_eq!(ended["ended"]["session"], shown[1]["session"], "it is the one that was shown");
}

/// Sixteen people say ten megabytes, more than lies between the house and somebody who reads none
/// of it. Ann hears each in time, and the slow reader, later, the last of each.
#[tokio::test]
async fn nobody_waits_for_a_slow_reader_who_gets_the_newest_later() {
    const SPEAKERS: usize = 16;
    // Within the rate that the engine allows.
    const TIMES: u64 = 10;
    let names: Vec<String> = (0..SPEAKERS).map(|speaker| format!("speaker {speaker}")).collect();
    let friends: Vec<&str> = names.iter().map(String::as_str).collect();
    let house = House::open(Options::default()).await;
    let (mut slow, _, _) = house.hello("slow", &friends).await;
    let (mut ann, _, _) = house.hello("ann", &friends).await;
    let mut speakers = Vec::new();
    for name in &names {
        speakers.push(house.hello(name, &["ann", "slow"]).await.0);
    }
    let text = "x".repeat(60_000);
    for number in 1..=TIMES {
        for (speaker, name) in speakers.iter_mut().zip(&names) {
            speaker.publishes(json!([number, text])).await;
            ann.hears_presence(name, json!([number, text])).await;
        }
    }
    let (mut told, mut last) = (0, [0; SPEAKERS]);
    while last.iter().any(|last| *last < TIMES) {
        let notice = slow.hears().await;
        let shown = &notice["presence"];
        let speaker = names.iter().position(|name| shown["user"] == **name).expect("a speaker");
        let number = shown["presence"][0].as_u64().expect("a number");
        assert!(number > last[speaker], "{number} after {}", last[speaker]);
        last[speaker] = number;
        told += 1;
    }
    assert!(told < SPEAKERS * TIMES as usize, "the newest and not the history");
    // And so it goes on.
    speakers.remove(0).leaves(CloseCode::Normal).await;
    assert_eq!(slow.hears().await, json!({ "offline": { "user": "speaker 0" } }));
}

#[tokio::test]
async fn who_resumes_by_its_token_within_the_grace_is_not_seen_to_have_been_away() {
    let house = House::open(Options::default()).await;
    let (mut bob, _, _) = house.hello("bob", &["ann"]).await;
    let (mut ann, token, _) = house.hello("ann", &["bob"]).await;
    ann.publishes("here").await;
    bob.hears_presence("ann", "here").await;
    bob.publishes("reading").await;
    ann.hears_presence("bob", "reading").await;
    drop(ann); // no goodbye

    let (mut ann, next_token, shown) = house.resume(&token).await;
    assert_eq!(users(&shown), ["bob"]);
    ann.publishes("back").await;
    bob.hears_presence("ann", "back").await;
    // The new token works as well, after a page was reloaded.
    ann.leaves(CloseCode::Away).await;
    let (mut ann, _, _) = house.resume(&next_token).await;
    ann.publishes("back again").await;
    bob.hears_presence("ann", "back again").await;
    // And none works twice.
    let mut stranger = house.connect(json!({ "resume": { "token": token } })).await;
    assert!(stranger.hears().await["refused"].is_string());
    assert!(stranger.next().await.is_err());
    // A logout is seen, and nothing is left to be resumed.
    ann.leaves(CloseCode::Normal).await;
    assert_eq!(bob.hears().await, json!({ "offline": { "user": "ann" } }));
}

#[tokio::test]
async fn the_late_end_of_an_old_connection_does_not_end_the_new_one() {
    let house = House::open(Options::default()).await;
    let (mut bob, _, _) = house.hello("bob", &["ann"]).await;
    let (mut old, token, _) = house.hello("ann", &["bob"]).await;
    old.publishes("here").await;
    bob.hears_presence("ann", "here").await;
    // Ann comes back while the house thinks that she never left.
    let (mut ann, _, _) = house.resume(&token).await;
    let (code, reason) = old.is_closed().await;
    assert_eq!(code, CloseCode::Policy);
    assert!(reason.contains("Replaced"), "{reason}");
    drop(old);
    for round in 0..9 {
        ann.publishes(round).await;
        bob.hears_presence("ann", round).await;
        bob.publishes(round).await;
        ann.hears_presence("bob", round).await;
    }
}

#[tokio::test]
async fn whatever_answers_pings_lives_and_whatever_does_not_is_lost() {
    let options = Options {
        lease: Some(Lease { lease_ms: 3_000, heartbeat_ms: 500 }),
        grace: Grace::NONE,
        ..Options::default()
    };
    let house = House::open(options).await;
    let (mut bob, _, _) = house.hello("bob", &["ann"]).await;
    let (mut ann, token, _) = house.hello("ann", &["bob"]).await;
    ann.publishes("here").await;
    bob.hears_presence("ann", "here").await;
    // Nobody reads what ann is told, so no ping is answered. Bob waits, and answers meanwhile.
    assert_eq!(bob.hears().await, json!({ "offline": { "user": "ann" } }));
    let mut stranger = house.connect(json!({ "resume": { "token": token } })).await;
    assert!(stranger.hears().await["refused"].is_string());
    assert!(ann.next().await.is_err(), "ann has been closed");
    let (mut ann, _, _) = house.hello("ann", &["bob"]).await;
    bob.publishes("still here").await;
    ann.hears_presence("bob", "still here").await;
}

#[tokio::test]
async fn a_client_that_does_not_keep_to_the_protocol_is_closed() {
    let house = House::open(Options::default()).await;
    let (mut bob, _, _) = house.hello("bob", &["ann"]).await;
    for first in [json!(7), json!({ "publish": { "presence": 1 } }), json!({ "hello": {} })] {
        let mut client = house.connect(first).await;
        assert!(client.next().await.is_err());
    }
    let (mut ann, _, _) = house.hello("ann", &["bob"]).await;
    ann.publishes("here").await;
    bob.hears_presence("ann", "here").await;
    ann.says(json!("what?")).await;
    assert!(ann.next().await.is_err());
    assert_eq!(bob.hears().await, json!({ "offline": { "user": "ann" } }));
}

#[tokio::test]
async fn a_shutdown_closes_every_connection_and_ends() {
    let house = House::open(Options::default()).await;
    let mut clients = Vec::new();
    for name in ["ann", "bob", "cyd"] {
        clients.push(house.hello(name, &["ann", "bob", "cyd"]).await.0);
    }
    // Somebody who is away has nothing to be closed.
    let (away, _, _) = house.hello("dan", &[]).await;
    drop(away);
    // Somebody has said nothing yet.
    let unsaid = in_time(connect_async(format!("ws://{}/", house.address))).await;
    let mut unsaid = Client(unsaid.expect("the house is open").0);
    house.stop.send(()).expect("it is being served");
    for client in &mut clients {
        let (code, reason) = client.is_closed().await;
        assert_eq!((code, &*reason), (CloseCode::Away, "ShutDown"));
    }
    in_time(house.served).await.expect("it did not panic").expect("it was served well");
    assert!(unsaid.next().await.is_err());
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody listens");
}
