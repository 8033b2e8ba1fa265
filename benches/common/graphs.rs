//! Who is whose contact. All lists are mutual, sorted, and without the user itself.

use super::random::Random;
use std::io::Read;

/// All contact lists, one behind the other.
pub(crate) struct Graph {
    /// Where each user's list starts, and where the last one ends.
    starts: Vec<usize>,
    contacts: Vec<u32>,
}

impl Graph {
    pub(crate) const fn users(&self) -> usize {
        self.starts.len() - 1
    }

    /// A user's contacts.
    pub(crate) fn of(&self, user: u32) -> &[u32] {
        let user = user as usize;
        &self.contacts[self.starts[user]..self.starts[user + 1]]
    }

    /// From friendships, which `each` names, always the same, as often as it is called.
    fn from_pairs(users: usize, each: impl Fn(&mut dyn FnMut(u32, u32))) -> Self {
        let mut ends = vec![0; users + 1];
        each(&mut |a, b| {
            if a != b {
                ends[a as usize] += 1;
                ends[b as usize] += 1;
            }
        });
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut contacts = vec![0; sum];
        let mut starts = ends;
        each(&mut |a, b| {
            if a != b {
                for (user, other) in [(a, b), (b, a)] {
                    starts[user as usize] -= 1;
                    contacts[starts[user as usize]] = other;
                }
            }
        });
        let mut graph = Self { starts, contacts };
        graph.sort();
        graph
    }

    /// Sorts each list and closes the gaps that repeated contacts leave.
    fn sort(&mut self) {
        let mut end = 0;
        for user in 0..self.users() {
            let list = self.starts[user]..self.starts[user + 1];
            self.contacts[list.clone()].sort_unstable();
            self.starts[user] = end;
            for at in list {
                if end == self.starts[user] || self.contacts[end - 1] != self.contacts[at] {
                    self.contacts[end] = self.contacts[at];
                    end += 1;
                }
            }
        }
        *self.starts.last_mut().expect("one more than users") = end;
        self.contacts.truncate(end);
    }
}

/// Friendships at random: `degree` contacts on average, most have about as many.
pub(crate) fn random(users: usize, degree: usize) -> Graph {
    Graph::from_pairs(users, |pair| {
        let mut random = Random::new(7);
        for _ in 0..users * degree / 2 {
            pair(random.below(users) as u32, random.below(users) as u32);
        }
    })
}

/// Friendships by a power law with the exponent 3: `degree` contacts on average, half as many for
/// most, 50 times as many for very few.
pub(crate) fn power_law(users: usize, degree: usize) -> Graph {
    let names = Random::new(8).order(users);
    Graph::from_pairs(users, |pair| {
        let mut random = Random::new(9);
        let mut one = || {
            let place = 0.01 + 0.99 * random.fraction();
            let rank = (place * place - 0.0001) / 0.9999 * users as f64;
            names[(rank as usize).min(users - 1)]
        };
        for _ in 0..users * degree / 2 {
            pair(one(), one());
        }
    })
}

/// A ring with chords of some lengths, in which the users sit anyhow: everyone has the same number
/// of contacts, who are scattered over all users. Lists can be had without storing them all.
pub(crate) struct Ring {
    user_at: Vec<u32>,
    seat_of: Vec<u32>,
    chords: Vec<u32>,
}

impl Ring {
    /// `degree` is even and below `users`.
    pub(crate) fn new(users: usize, degree: usize) -> Self {
        let mut random = Random::new(5);
        let user_at = random.order(users);
        let mut seat_of = vec![0; users];
        for (seat, user) in user_at.iter().enumerate() {
            seat_of[*user as usize] = seat as u32;
        }
        let mut chords = random.order((users - 1) / 2);
        chords.truncate(degree / 2);
        assert_eq!(chords.len(), degree / 2, "so many contacts need more users");
        Self { user_at, seat_of, chords }
    }

    /// Adds a user's contacts to a list.
    pub(crate) fn contacts(&self, user: u32, list: &mut Vec<u32>) {
        let (start, users) = (list.len(), self.user_at.len());
        let seat = self.seat_of[user as usize] as usize;
        for chord in &self.chords {
            let length = *chord as usize + 1;
            list.push(self.user_at[(seat + length) % users]);
            list.push(self.user_at[(seat + users - length) % users]);
        }
        list[start..].sort_unstable();
    }
}

/// A real friend graph (SNAP ego-Facebook: McAuley and Leskovec, 2012), if `ADSUM_DATA` names the
/// folder of its file.
pub(crate) fn facebook() -> Option<Graph> {
    let path = std::path::Path::new(&std::env::var_os("ADSUM_DATA")?).join("ego_facebook.txt.gz");
    let file = std::fs::File::open(path).expect("ADSUM_DATA names the folder of the graph");
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(file).read_to_string(&mut text);
    read.expect("a packed text");
    let pairs: Vec<(u32, u32)> = text
        .lines()
        .map(|line| {
            let mut people = line.split(' ').map(|person| person.parse().expect("a number"));
            let mut next = || people.next().expect("two people a line");
            (next(), next())
        })
        .collect();
    let users = pairs.iter().map(|(a, b)| 1 + *a.max(b) as usize).max()?;
    Some(Graph::from_pairs(users, |pair| pairs.iter().for_each(|(a, b)| pair(*a, *b))))
}
