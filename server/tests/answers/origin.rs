//! Who may come from where.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::program::Program;

/// An Origin is checked where it is sent. A page of another site cannot leave it out; a program
/// that is no browser has none, and is let in.
#[tokio::test]
async fn s5_an_origin_is_checked_where_it_is_sent() {
    let status = async |to, line: &str, origin: &str| {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 0\r\n";
        let head = format!("{line} HTTP/1.1\r\nHost: {to}\r\n{upgrade}{origin}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer[9..].to_vec()).unwrap()
    };
    for (flags, expected) in [
        (&[][..], ["101", "101", "101"]),
        (&["--origin", "https://chat.example"], ["101", "403", "101"]),
    ] {
        let program = Program::start(flags);
        let origins = ["", "Origin: x\r\n", "Origin: https://chat.example\r\n"];
        for (origin, expected) in origins.into_iter().zip(expected) {
            assert_eq!(status(program.address, "GET /tim", origin).await, expected, "{origin}");
            // An empty frame by POST is none, if it is looked at at all.
            let expected = if expected == "101" { "400" } else { "403" };
            assert_eq!(status(program.address, "POST /tim2", origin).await, expected, "{origin}");
        }
    }
}
