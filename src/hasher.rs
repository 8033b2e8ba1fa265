//! The hasher of user ids.

#[cfg(not(feature = "std"))]
use core::hash::BuildHasher;

/// The hasher that an engine has if none is named: the standard library's, which is keyed with
/// random numbers, because outsiders choose user ids.
#[cfg(feature = "std")]
pub type DefaultHashBuilder = std::hash::RandomState;

/// Stands in for the default hasher where the feature `std` is off. It cannot be made: name a
/// keyed hasher of your own and use [`Engine::with_hasher`].
#[cfg(not(feature = "std"))]
#[derive(Clone, Debug)]
pub enum DefaultHashBuilder {}

#[cfg(not(feature = "std"))]
impl BuildHasher for DefaultHashBuilder {
    type Hasher = NoHasher;

    fn build_hasher(&self) -> NoHasher {
        match *self {}
    }
}

/// The hasher of a [`DefaultHashBuilder`] that cannot be made.
#[cfg(not(feature = "std"))]
#[derive(Clone, Debug)]
pub enum NoHasher {}

#[cfg(not(feature = "std"))]
impl core::hash::Hasher for NoHasher {
    fn finish(&self) -> u64 {
        match *self {}
    }

    fn write(&mut self, _: &[u8]) {
        match *self {}
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use core::hash::{BuildHasher, Hasher};

    /// A hash is the number itself.
    pub(crate) struct Plain;

    pub(crate) struct Number(u64);

    impl BuildHasher for Plain {
        type Hasher = Number;

        fn build_hasher(&self) -> Number {
            Number(0)
        }
    }

    impl Hasher for Number {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
        }

        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }
    }
}
