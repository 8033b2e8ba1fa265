//! Ids and presences as bytes, and lists of them.

use crate::failure::Failure;
use std::ptr;

/// Bytes that belong to somebody else: an id of a user, the name of a topic, a presence.
///
/// What is handed in is copied where it is kept, and may be gone when the call returns. What is
/// lent holds until the next call on that engine. `data` may be NULL if `len` is 0: where something
/// may be missing, NULL says that it is, and any other pointer with a `len` of 0 that it is empty.
/// Where something is lent that is empty and not missing, `data` points to a byte that is there for
/// ever and says nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

/// Ids one after the other.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_list {
    /// The first. May be NULL if there is none, and is so where a list without entries is lent.
    pub items: *const adsum_bytes,
    /// How many there are.
    pub len: usize,
}

/// What is empty points to it.
static BYTE: [u8; 1] = [0];

impl adsum_bytes {
    /// Stands for what there is not.
    pub(crate) const NONE: Self = Self { data: ptr::null(), len: 0 };

    /// Stands for what is empty, and not missing. That an empty box has no address that means
    /// anything, those who look at pointers cannot know, as a collector of garbage.
    const EMPTY: Self = Self { data: BYTE.as_ptr(), len: 0 };

    #[inline]
    pub(crate) const fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::EMPTY,
            bytes => Self { data: bytes.as_ptr(), len: bytes.len() },
        }
    }

    pub(crate) fn of_optional(bytes: Option<&impl AsRef<[u8]>>) -> Self {
        bytes.map_or(Self::NONE, |bytes| Self::of(bytes.as_ref()))
    }

    /// Returns the bytes.
    ///
    /// # Safety
    /// `data` points to `len` bytes, which nobody changes during `'b`.
    pub(crate) unsafe fn read<'b>(self, argument: &'static str) -> Result<&'b [u8], Failure> {
        self.check(argument, None)?;
        // SAFETY: it is checked, and the rest is the caller's promise.
        Ok(unsafe { self.slice() })
    }

    /// Returns a copy of the bytes to be kept.
    ///
    /// # Safety
    /// That of [`read`](Self::read).
    pub(crate) unsafe fn copy(self, argument: &'static str) -> Result<Box<[u8]>, Failure> {
        // SAFETY: the caller's promise.
        Ok(Box::from(unsafe { self.read(argument) }?))
    }

    /// Returns a copy of the bytes, if there are any.
    ///
    /// # Safety
    /// That of [`read`](Self::read).
    pub(crate) unsafe fn copy_optional(
        self,
        argument: &'static str,
    ) -> Result<Option<Box<[u8]>>, Failure> {
        if self.data.is_null() && self.len == 0 {
            return Ok(None);
        }
        // SAFETY: the caller's promise.
        unsafe { self.copy(argument) }.map(Some)
    }

    /// Whether it may be bytes.
    #[inline]
    const fn is_sound(self) -> bool {
        self.len == 0 || (!self.data.is_null() && self.len <= isize::MAX as usize)
    }

    #[inline]
    const fn check(self, argument: &'static str, place: Option<usize>) -> Result<(), Failure> {
        if self.is_sound() { Ok(()) } else { Err(self.refusal(argument, place)) }
    }

    /// Says why it is none. Apart, so that whoever hands in what is right does not pay for it.
    #[cold]
    #[inline(never)]
    const fn refusal(self, argument: &'static str, place: Option<usize>) -> Failure {
        if self.len > isize::MAX as usize {
            return Failure::Length { argument, place, value: self.len as u64 };
        }
        Failure::Null { argument, place }
    }

    /// # Safety
    /// That of [`read`](Self::read); and it has been checked.
    unsafe fn slice<'b>(self) -> &'b [u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: the pointer is not null, and the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl adsum_list {
    pub(crate) const fn of(items: &[adsum_bytes]) -> Self {
        Self { items: first(items), len: items.len() }
    }

    /// The same, but where nothing would say that there is no list.
    pub(crate) const fn of_present(items: &[adsum_bytes]) -> Self {
        const NOBODY: &adsum_bytes = &adsum_bytes::EMPTY;
        match items {
            [] => Self { items: NOBODY, len: 0 },
            items => Self { items: items.as_ptr(), len: items.len() },
        }
    }

    /// Returns the ids, after a look at each of them.
    ///
    /// # Safety
    /// `items` points to `len` items, each of them points to its bytes, and nobody changes any of
    /// it during `'b`.
    pub(crate) unsafe fn read<'b>(
        self,
        argument: &'static str,
    ) -> Result<impl ExactSizeIterator<Item = &'b [u8]> + Clone, Failure> {
        // SAFETY: the caller's promise.
        let items: &'b [adsum_bytes] = unsafe { array(self.items, self.len, argument) }?;
        if let Some(place) = items.iter().position(|item| !item.is_sound()) {
            return Err(items[place].refusal(argument, Some(place)));
        }
        // SAFETY: each has been checked, and the rest is the caller's promise.
        Ok(items.iter().map(|item| unsafe { item.slice() }))
    }

    /// Returns the ids, each as a copy to be kept.
    ///
    /// # Safety
    /// That of [`read`](Self::read).
    pub(crate) unsafe fn copy<'b>(
        self,
        argument: &'static str,
    ) -> Result<impl ExactSizeIterator<Item = Box<[u8]>> + use<'b>, Failure> {
        // SAFETY: the caller's promise.
        Ok(unsafe { self.read::<'b>(argument) }?.map(Box::from))
    }
}

/// Returns what the caller says is an array.
///
/// # Safety
/// `items` points to `len` of them, which nobody changes during `'b`.
pub(crate) unsafe fn array<'b, T>(
    items: *const T,
    len: usize,
    argument: &'static str,
) -> Result<&'b [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if items.is_null() {
        return Err(Failure::Null { argument, place: None });
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::Length { argument, place: None, value: len as u64 });
    }
    // SAFETY: the pointer is not null and the length may be one; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(items, len) })
}

/// Returns where an array begins that is lent: NULL if it is nowhere.
pub(crate) const fn first<T>(items: &[T]) -> *const T {
    match items {
        [] => ptr::null(),
        items => items.as_ptr(),
    }
}

/// Writes where an array begins that is lent, and how long it is.
///
/// # Safety
/// Each of `out` and `len` is NULL or points to room for it.
pub(crate) unsafe fn put_array<T>(
    out: *mut *const T,
    len: *mut usize,
    items: &[T],
) -> Result<(), Failure> {
    if len.is_null() {
        return Err(Failure::Null { argument: "len", place: None });
    }
    // SAFETY: the caller's promise, and the second is not NULL.
    unsafe {
        put(out, first(items))?;
        len.write(items.len());
    }
    Ok(())
}

/// Writes a result to where the caller wants it.
///
/// # Safety
/// `out` is NULL or points to room for it.
pub(crate) unsafe fn put<T>(out: *mut T, value: T) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::Null { argument: "out", place: None });
    }
    // SAFETY: the pointer is not null, and the rest is the caller's promise.
    unsafe { out.write(value) };
    Ok(())
}
