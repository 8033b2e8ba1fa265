//! People who come and go at random.

use super::support::{Client, Server, crowd};

/// How many of them come and go only when a test says so.
pub(crate) const STEADY: usize = 4;

/// People who come and go at random, and break off as often as they log out.
pub(crate) struct Flapping {
    pub(crate) names: Vec<String>,
    clients: Vec<Option<Client>>,
    random: u64,
    pub(crate) flaps: usize,
}

impl Flapping {
    pub(crate) fn new(server: &Server, count: usize, seed: u64) -> Self {
        let names = crowd(count);
        for name in &names {
            server.account(name);
        }
        let clients = names.iter().map(|_| None).collect();
        Self { names, clients, random: seed | 1, flaps: 0 }
    }

    pub(crate) fn random(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) as usize % below
    }

    /// Lets somebody come or go who is none of the first few.
    pub(crate) async fn flap(&mut self, server: &Server) {
        let at = STEADY + self.random(self.names.len() - STEADY);
        self.flap_one(server, at).await;
    }

    pub(crate) async fn flap_one(&mut self, server: &Server, at: usize) {
        self.flaps += 1;
        match self.clients[at].take() {
            Some(client) if self.random(2) == 0 => client.close().await,
            Some(client) => client.break_off(),
            None => self.clients[at] = Some(server.login(&self.names[at]).await),
        }
    }

    pub(crate) fn online(&self) -> usize {
        self.clients.iter().flatten().count()
    }
    /// The server is gone, and all connections with it.
    pub(crate) fn lose_all(&mut self) {
        self.clients.iter_mut().for_each(|client| *client = None);
    }
}
