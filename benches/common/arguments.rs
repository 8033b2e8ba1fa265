//! What the command line asks for.
//!
//! `cargo bench` gives `--bench`; `cargo test --benches` does not, and then, or with `--test`, a
//! benchmark only shows that it works.

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Whether it runs at all. A second; the figures mean nothing and are not kept.
    Smoke,
    /// `--quick`: all benchmarks in a minute, with up to 100,000 users.
    Quick,
    /// Everything.
    Full,
}

impl Scale {
    /// One of three, by the scale.
    pub(crate) fn pick<T>(self, smoke: T, quick: T, full: T) -> T {
        match self {
            Self::Smoke => smoke,
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

pub(crate) struct Arguments {
    pub(crate) scale: Scale,
    /// `--users N`: with so many users instead of the usual numbers.
    pub(crate) users: Option<usize>,
}

impl Arguments {
    /// `None` if this benchmark, called `name`, is not one of those asked for.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (mut bench, mut test, mut quick, mut users) = (false, false, false, None);
        let mut names = Vec::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => bench = true,
                "--test" => test = true,
                "--quick" => quick = true,
                "--users" => {
                    let number = arguments.next().and_then(|number| number.parse().ok());
                    let number = number.filter(|number| *number > 1);
                    users = Some(number.expect("--users needs a number above 1"));
                }
                flag if flag.starts_with('-') => {
                    println!("{flag} has no meaning here: --quick, --users N or --test");
                }
                _ => names.push(argument),
            }
        }
        let asked_for = names.is_empty() || names.iter().any(|wanted| name.contains(wanted));
        let scale = match (bench && !test, quick) {
            (false, _) => Scale::Smoke,
            (true, true) => Scale::Quick,
            (true, false) => Scale::Full,
        };
        asked_for.then_some(Self { scale, users })
    }

    /// The numbers of users to measure with.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        match self.users {
            Some(users) => vec![users],
            None => {
                let all = [1_000, 100_000, 1_000_000];
                let end = self.scale.pick(1, 2, 3);
                all[..end].to_vec()
            }
        }
    }
}
