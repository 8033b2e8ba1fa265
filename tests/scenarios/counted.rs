//! A user id and a presence that are counted: how many are alive, and how often ids are hashed.

use std::cell::Cell;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

thread_local! {
    static IDS: Cell<usize> = const { Cell::new(0) };
    static PRESENCES: Cell<usize> = const { Cell::new(0) };
    static HASHED: Cell<u64> = const { Cell::new(0) };
}

/// A user id: any bytes. Only the engine holds any between two inputs, so those alive are its own.
#[derive(Debug)]
pub(crate) struct Id(Vec<u8>);

impl Id {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        IDS.set(IDS.get() + 1);
        Self(bytes.to_vec())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many there are on this thread.
    pub(crate) fn alive() -> usize {
        IDS.get()
    }

    /// How often one was hashed on this thread.
    pub(crate) fn hashed() -> u64 {
        HASHED.get()
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        IDS.set(IDS.get() - 1);
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        HASHED.set(HASHED.get() + 1);
        self.0.hash(state);
    }
}

/// A presence: a text. Only the engine holds any between two inputs.
#[derive(Debug)]
pub(crate) struct Presence(String);

impl Presence {
    pub(crate) fn new(text: &str) -> Self {
        PRESENCES.set(PRESENCES.get() + 1);
        Self(text.to_owned())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// How many there are on this thread.
    pub(crate) fn alive() -> usize {
        PRESENCES.get()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        PRESENCES.set(PRESENCES.get() - 1);
    }
}

/// A hasher that is the same in every run, and another for every seed.
pub(crate) struct Seeded(pub(crate) u64);

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}
