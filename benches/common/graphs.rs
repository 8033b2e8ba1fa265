//! Who is whose contact. All lists are mutual, sorted, and without the user itself.

use super::random::Random;

/// Every user's contacts, one list each, as a host or a plain program would hold them.
pub(crate) type Graph = Vec<Vec<u32>>;

/// Everyone has exactly `degree` contacts, scattered over all users.
pub(crate) fn regular(users: usize, degree: usize) -> Graph {
    let mut random = Random::new(5);
    // A ring with chords of `degree / 2` different lengths, in which the users sit anyhow.
    let seats = random.order(users);
    let mut lengths = random.order((users - 1) / 2);
    lengths.truncate(degree / 2);
    let mut graph = vec![Vec::with_capacity(degree); users];
    for (seat, user) in seats.iter().enumerate() {
        for length in &lengths {
            let other = seats[(seat + *length as usize + 1) % users];
            graph[*user as usize].push(other);
            graph[other as usize].push(*user);
        }
    }
    sorted(graph)
}

fn sorted(mut graph: Graph) -> Graph {
    for list in &mut graph {
        list.sort_unstable();
        list.dedup();
        list.shrink_to_fit();
    }
    graph
}
