//! Maps over the known users: who can receive, how many refer to whom, who has something to show.
//!
//! A fan-out asks one question of every contact, and most contacts are offline. So the answer lies
//! apart from everything else, small enough for a core's caches, and in the usual cases it names
//! the receivers' slots without any further look.

use crate::users::User;
use alloc::vec::Vec;

/// How a user's sessions are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// No session receives.
    Nobody = 0,
    /// The session in the first near slot, no other.
    First = 1,
    /// Anything else: the list of sessions tells.
    Listed = 2,
    /// The sessions in both near slots, no other.
    Both = 3,
}

/// How each known user is reached, and how many references there are to it, in two bytes each.
///
/// They lie together because who goes offline first tells the contacts and then gives their
/// references back: by then these marks are in the nearest cache.
///
/// Two bits would do for the fan-out, and were measured, with and without another bit for who
/// receives at all: more instructions for each contact, and no faster with a million users.
pub(crate) struct Marks {
    /// The reach in the two lowest bits, above them the number of references, or [`MANY`].
    marks: Vec<u16>,
    /// Those with more references than fit beside the reach, sorted: celebrities.
    many: Vec<(User, u32)>,
}

const REACH: u16 = 3;
/// One reference.
const ONE: u16 = REACH + 1;
/// So many references or more do not fit.
const MANY: u16 = if cfg!(feature = "shrunk") { 3 } else { u16::MAX / ONE };

impl Marks {
    pub(crate) const fn new() -> Self {
        Self { marks: Vec::new(), many: Vec::new() }
    }

    /// For a user with the next index, to whom nothing refers and whom nothing reaches.
    pub(crate) fn push(&mut self) {
        self.marks.push(0);
    }

    pub(crate) fn reach(&self, user: User) -> u64 {
        u64::from(self.marks[user.0 as usize] & REACH)
    }

    pub(crate) fn set_reach(&mut self, user: User, reach: Reach) {
        let mark = &mut self.marks[user.0 as usize];
        *mark = *mark & !REACH | reach as u16;
    }

    /// How each of these is reached, two bits each, the first in the lowest ones: of thirty-two
    /// users at most.
    #[inline]
    pub(crate) fn pack(&self, users: &[User]) -> u64 {
        let marks = &self.marks[..];
        let add = |packed, user: &User| packed << 2 | u64::from(marks[user.0 as usize] & REACH);
        // By fours, which the compiler unrolls.
        let (fours, rest) = users.as_chunks::<4>();
        let packed = rest.iter().rev().fold(0, add);
        fours.iter().rev().fold(packed, |packed, four| four.iter().rev().fold(packed, add))
    }

    pub(crate) fn references(&self, user: User) -> u32 {
        match self.marks[user.0 as usize] / ONE {
            MANY => self.many[place_of(&self.many, user).expect(LISTED)].1,
            few => few.into(),
        }
    }

    #[inline]
    pub(crate) fn retain(&mut self, user: User) {
        let mark = &mut self.marks[user.0 as usize];
        if *mark / ONE < MANY - 1 {
            *mark += ONE;
        } else {
            retain_many(mark, &mut self.many, user);
        }
    }

    /// Gives a reference to each of them back, up to the first whose last it was: that one, and
    /// those who are left.
    #[inline]
    pub(crate) fn release_until_last<'u>(
        &mut self,
        mut users: &'u [User],
    ) -> Option<(User, &'u [User])> {
        let Self { marks, many } = self;
        let marks = &mut marks[..];
        while let [user, left @ ..] = users {
            users = left;
            let mark = &mut marks[user.0 as usize];
            *mark -= ONE;
            // One comparison for both: if it was the last, this is far below zero.
            let usual = mark.wrapping_sub(ONE) < (MANY - 2) * ONE;
            if !usual && release_last_or_many(mark, many, *user) {
                return Some((*user, left));
            }
        }
        None
    }

    /// Gives back what is not needed for this many users.
    pub(crate) fn shrink_to(&mut self, users: usize) {
        self.marks.truncate(users);
        self.marks.shrink_to_fit();
        self.many.shrink_to_fit();
    }
}

/// One more than fit beside the reach, at least.
#[cold]
fn retain_many(mark: &mut u16, many: &mut Vec<(User, u32)>, user: User) {
    match place_of(many, user) {
        Ok(place) => many[place].1 += 1,
        Err(place) => {
            many.insert(place, (user, MANY.into()));
            *mark += ONE;
        }
    }
}

/// A reference was given back that was the last, or should have been taken from those that do not
/// fit. Was it the last?
#[cold]
fn release_last_or_many(mark: &mut u16, many: &mut Vec<(User, u32)>, user: User) -> bool {
    if *mark < ONE {
        return true;
    }
    let place = place_of(many, user).expect(LISTED);
    let left = many[place].1 - 1;
    many[place].1 = left;
    let mut beside = MANY;
    // Not as soon as they fit: else one who comes and goes would have the list moved each time.
    if left <= u32::from(MANY / 2) {
        many.remove(place);
        beside = left as u16;
    }
    *mark = *mark & REACH | (beside * ONE);
    false
}

fn place_of(many: &[(User, u32)], user: User) -> Result<usize, usize> {
    many.binary_search_by_key(&user, |(other, _)| *other)
}

const LISTED: &str = "whoever has more references than fit is listed";

/// A plain set of users.
#[derive(Default)]
pub(crate) struct UserBits(Vec<u64>);

impl UserBits {
    pub(crate) fn get(&self, user: User) -> bool {
        let word = self.0.get(user.0 as usize >> 6).copied().unwrap_or(0);
        word >> (user.0 & 63) & 1 == 1
    }

    pub(crate) fn set(&mut self, user: User, value: bool) {
        let word = user.0 as usize >> 6;
        if word >= self.0.len() {
            if !value {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (user.0 & 63);
        if value {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        let used = self.0.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        self.0.truncate(used);
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_touch_each_other() {
        let (mut marks, mut bits) = (Marks::new(), UserBits::default());
        for user in 0..200 {
            marks.push();
            let reach = [Reach::Nobody, Reach::First, Reach::Listed, Reach::Both];
            marks.set_reach(User(user), reach[user as usize % 4]);
            bits.set(User(user), user % 3 == 0);
        }
        for user in 0..200 {
            assert_eq!(marks.reach(User(user)), u64::from(user % 4));
            assert_eq!(bits.get(User(user)), user % 3 == 0);
        }
        let some: Vec<User> = (0..31).map(|at| User(at * 7 % 200)).collect();
        for len in 0..=some.len() {
            let packed = marks.pack(&some[..len]);
            for (at, user) in some[..len].iter().enumerate() {
                assert_eq!(packed >> (2 * at) & 3, marks.reach(*user));
            }
            assert_eq!(packed >> (2 * len), 0);
        }
        assert!(!bits.get(User(1_000_000)));
        for user in 0..200 {
            bits.set(User(user), false);
        }
        marks.shrink_to(100);
        bits.shrink_to_fit();
        assert_eq!(marks.reach(User(99)), u64::from(99_u32 % 4));
        marks.shrink_to(0);
        assert!(marks.marks.is_empty() && bits.0.is_empty());
    }

    #[test]
    fn references_are_counted_beyond_what_fits_and_leave_the_reach_alone() {
        let mut marks = Marks::new();
        let (reaches, most) = ([Reach::Nobody, Reach::Both, Reach::First], 2 * u32::from(MANY) + 1);
        for (user, reach) in (0..).map(User).zip(reaches) {
            marks.push();
            marks.set_reach(user, reach);
        }
        // By turns, so that their places in the list are found among others.
        for count in 0..most {
            for user in [1, 2, 0].map(User) {
                assert_eq!(marks.references(user), count);
                marks.retain(user);
            }
        }
        assert_eq!(marks.many.len(), 3);
        for count in (0..most).rev() {
            for user in [2, 0, 1].map(User) {
                let last = marks.release_until_last(&[user]).map(|(last, left)| (last, left.len()));
                assert_eq!(last, (count == 0).then_some((user, 0)));
                assert_eq!(marks.references(user), count);
            }
        }
        assert!(marks.many.is_empty(), "nobody stays in the list for ever");
        for (user, reach) in (0..).map(User).zip(reaches) {
            assert_eq!(marks.reach(user), reach as u64);
        }
    }
}
