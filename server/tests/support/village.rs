//! A store in which everybody knows everybody, and which can be made slow or made to fail.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adsum_server::store::{
    Access, Asked, Credentials, Login, NewAccount, Relation, Relations, Store, StoreError,
};

#[derive(Default)]
pub struct Village {
    people: Mutex<BTreeSet<String>>,
    pub fails: AtomicBool,
    pub delay_ms: AtomicU64,
}

impl Village {
    pub fn of(people: impl IntoIterator<Item = String>) -> Arc<Self> {
        let people = Mutex::new(people.into_iter().collect());
        Arc::new(Self { people, ..Self::default() })
    }

    fn look(&self) -> Result<(), StoreError> {
        std::thread::sleep(Duration::from_millis(self.delay_ms.load(Ordering::Relaxed)));
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Failed("the disk is on fire".into()));
        }
        Ok(())
    }
}

impl Access for Village {
    /// The name is the node.
    fn login(&self, shown: &Credentials<'_>) -> Result<Login, StoreError> {
        if shown.password != super::PASSWORD || !self.people.lock().unwrap().contains(shown.name) {
            return Err(StoreError::Denied);
        }
        let (node, name) = (shown.name.to_owned(), shown.name.to_owned());
        Ok(Login { node, name, ..Login::default() })
    }

    fn relations(&self, node: &str) -> Result<Relations, StoreError> {
        self.look()?;
        let people = self.people.lock().unwrap();
        let friends = people.iter().filter(|other| *other != node).cloned().collect();
        Ok(Relations { friends, ..Relations::default() })
    }
}

impl Store for Village {
    fn prepare(&self, _: &str, _: &str, _: &str) -> Result<NewAccount, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn add(&self, _: &NewAccount) -> Result<(), StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn is_node(&self, node: &str) -> bool {
        !node.is_empty() && node.len() <= 64
    }

    fn exists(&self, node: &str) -> Result<bool, StoreError> {
        Ok(self.people.lock().unwrap().contains(node))
    }

    fn resolve(&self, _: &str, typed: &str) -> Result<Option<String>, StoreError> {
        Ok(self.exists(typed)?.then(|| typed.to_owned()))
    }

    fn account(&self, typed: &str, _: &str) -> Result<Option<String>, StoreError> {
        Ok(self.exists(typed)?.then(|| typed.to_owned()))
    }

    fn names(&self, _: &str, others: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        self.look()?;
        Ok(others.iter().map(|other| (other.clone(), other.clone())).collect())
    }

    fn relation(&self, _: &str, _: &str) -> Result<Relation, StoreError> {
        Ok(Relation::Friends)
    }

    fn ask(&self, _: &str, _: &str, _: &str) -> Result<Asked, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn remove(&self, _: &str, _: &str) -> Result<Relation, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn block(&self, _: &str, _: &str) -> Result<Relation, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.look()
    }
}
