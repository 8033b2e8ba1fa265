//! The options of a run of the load generator.

use std::net::SocketAddr;
use std::time::Duration;

use adsum_tim::Form;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

/// What clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// tim's protocol, in this form.
    Tim(Form),
    /// The neutral protocol, adsum.v1.
    V1,
}

impl Protocol {
    /// Returns the form in which tim's protocol is spoken, where that cannot be avoided.
    #[must_use]
    pub const fn form(self) -> Form {
        match self {
            Self::Tim(form) => form,
            Self::V1 => Form::Json,
        }
    }
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server to put under load; `None` for one of the run's own.
    pub server: Option<SocketAddr>,
    /// That server's process, of which processor time and memory are read.
    pub pid: Option<u32>,
    /// How many sessions are connected in all.
    pub sessions: usize,
    /// How many of them are friends of the one who publishes.
    pub friends: usize,
    /// How many more connections there are on which nobody logs in.
    pub guests: usize,
    /// Publishes a second.
    pub rate: u32,
    /// For how long.
    pub duration: Duration,
    /// How many publishes as fast as they can be sent, instead of a rate.
    pub burst: Option<u32>,
    /// How many friends read nothing until the end.
    pub slow: usize,
    /// Logins and logouts of friends a second, meanwhile.
    pub churn: u32,
    /// How long a server of the run's own leaves a connection alone after a write.
    pub write_rest_ms: u32,
    /// What all speak.
    pub form: Protocol,
    /// The least length of each presence's text.
    pub size: usize,
    /// Whether to print JSON instead of text.
    pub json: bool,
}

/// Returns the flags.
pub fn arguments() -> Vec<Arg> {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("COUNT")
            .default_value(default)
            .value_parser(value_parser!(u32).range(0..=1_000_000))
            .help(help)
    };
    vec![
        Arg::new("server")
            .long("server")
            .value_name("ADDRESS")
            .value_parser(value_parser!(SocketAddr))
            .help(
                "A server that runs, to which accounts are added; without it one is started. It \
                 needs --register-burst 0, or else refuses all but a hundred accounts, and \
                 --seats-per-address as large as its --connect-limit for more than half of that",
            ),
        Arg::new("pid")
            .long("pid")
            .value_name("PID")
            .value_parser(value_parser!(u32))
            .requires("server")
            .help("The process of that server, to read its processor time and memory"),
        number("sessions", "1000", "How many sessions are connected in all"),
        number("guests", "0", "How many more connections there are on which nobody logs in"),
        number("friends", "200", "How many of them are friends of the one who publishes"),
        number("rate", "50", "Publishes a second"),
        number("duration", "10", "How many seconds it goes on"),
        number("burst", "0", "So many publishes at once instead, as fast as they can be sent"),
        number("slow", "0", "How many friends read nothing until the end"),
        number("churn", "0", "Logins and logouts of friends a second, meanwhile"),
        number("size", "16", "The least length of each presence's text"),
        Arg::new("write-rest-ms")
            .long("write-rest-ms")
            .value_name("MILLISECONDS")
            .default_value("0")
            .value_parser(value_parser!(u32).range(0..=1_000))
            .conflicts_with("server")
            .help("The write_rest_ms of the server that is started"),
        Arg::new("form")
            .long("form")
            .value_parser(["json", "thrift", "v1"])
            .default_value("json")
            .help("What all speak: tim's protocol in one of its forms, or adsum.v1"),
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, not text"),
    ]
}

impl Options {
    /// Returns the options that the flags say.
    #[must_use]
    pub fn from_flags(flags: &ArgMatches) -> Self {
        let number = |name: &str| flags.get_one::<u32>(name).copied().unwrap_or_default();
        let friends = number("friends") as usize;
        let burst = number("burst");
        Self {
            server: flags.get_one("server").copied(),
            pid: flags.get_one("pid").copied(),
            // The one who publishes, the friends, and one who pings.
            sessions: (number("sessions") as usize).max(friends + 2),
            guests: number("guests") as usize,
            friends,
            rate: number("rate").max(1),
            duration: Duration::from_secs(number("duration").into()),
            burst: (burst > 0).then_some(burst),
            slow: (number("slow") as usize).min(friends),
            churn: number("churn"),
            write_rest_ms: number("write-rest-ms"),
            form: match flags.get_one::<String>("form").map(String::as_str) {
                Some("thrift") => Protocol::Tim(Form::Thrift),
                Some("v1") => Protocol::V1,
                _ => Protocol::Tim(Form::Json),
            },
            size: number("size") as usize,
            json: flags.get_flag("json"),
        }
    }
}
