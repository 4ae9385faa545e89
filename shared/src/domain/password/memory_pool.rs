//! A pool of memory for Argon2: allocating 19 MiB for each hash would cost thousands of page faults.

use std::{
    hint::black_box,
    mem::{self, MaybeUninit},
    sync::{Mutex, PoisonError},
};

use argon2::Block;

#[cfg(test)]
use super::scheme::HashScheme;

/// Wiped memory for future hashes.
pub(crate) struct MemoryPool {
    free: Mutex<Vec<Vec<Block>>>,
    /// Size of a pooled block list. A stored hash of a higher cost gets a larger one, which is not pooled.
    blocks: usize,
    /// The hashes that were computed with memory of this pool.
    #[cfg(test)]
    computed: Mutex<Vec<HashScheme>>,
}

impl MemoryPool {
    /// A pool for hashes of `blocks` blocks. Memory is allocated by the first hash, which keeps the cold start short.
    pub(crate) fn new(blocks: usize) -> Self {
        Self {
            free: Mutex::default(),
            blocks,
            #[cfg(test)]
            computed: Mutex::default(),
        }
    }

    /// Memory for one hash. The pool grows to the highest number of concurrent hashes.
    pub(crate) fn acquire(&self) -> Guard<'_> {
        let blocks = self.with_free(Vec::pop).unwrap_or_default();
        Guard { pool: self, blocks }
    }

    /// The hashes that were computed since the last call, in their order.
    #[cfg(test)]
    pub(crate) fn take_computed(&self) -> Vec<HashScheme> {
        mem::take(&mut *self.computed.lock().unwrap())
    }

    fn with_free<T>(&self, change: impl FnOnce(&mut Vec<Vec<Block>>) -> T) -> T {
        // A thread that panicked while holding the lock left consistent data: each change is one push or one pop.
        change(&mut self.free.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Acquired memory. It is wiped when it is returned to the pool, even after a panic.
pub(crate) struct Guard<'m> {
    pool: &'m MemoryPool,
    blocks: Vec<Block>,
}

impl Guard<'_> {
    /// Records a hash, so that tests can count work instead of measuring time.
    #[cfg(test)]
    pub(crate) fn record(&self, computed: HashScheme) {
        self.pool.computed.lock().unwrap().push(computed);
    }

    /// At least `count` blocks.
    pub(crate) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            let count = count.max(self.pool.blocks);
            // Growing in place could leave a copy of the old content behind.
            wipe(&mut self.blocks);
            self.blocks = fresh(count);
        }
        &mut self.blocks
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut blocks = mem::take(&mut self.blocks);
        wipe(&mut blocks);
        if blocks.len() == self.pool.blocks {
            self.pool.with_free(|free| free.push(blocks));
        }
    }
}

fn fresh(count: usize) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(count);
    // Before the first access, so that the kernel maps pages of 2 MiB where it can.
    ask_for_huge_pages(blocks.spare_capacity_mut());
    blocks.resize(count, Block::new());
    blocks
}

/// Requests huge pages: fewer page faults at first, and fewer TLB misses for Argon2's random accesses. Relative to
/// reused memory on small pages, they save 6 to 9 % of the CPU time of a log-in. The kernel may ignore the advice, so
/// its result is not checked.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(memory: &mut [MaybeUninit<Block>]) {
    /// Smallest page size on Linux, in bytes, for both processor architectures.
    const PAGE: usize = 4096;
    let bytes = size_of_val(memory);
    let begin = memory.as_mut_ptr().cast::<std::ffi::c_void>();
    let to_next_page = begin.align_offset(PAGE);
    let Some(bytes) = bytes.checked_sub(to_next_page) else { return };
    let begin = begin.wrapping_byte_add(to_next_page);
    #[expect(unsafe_code, reason = "no library offers this advice for memory that it does not own")]
    // SAFETY: the range lies within `memory`, which is borrowed for writing, and this advice changes neither what is
    // in it nor which code may access it. <https://man7.org/linux/man-pages/man2/madvise.2.html>
    let _ = unsafe { rustix::mm::madvise(begin, bytes, rustix::mm::Advice::LinuxHugepage) };
}

/// Other systems have no such advice.
#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: &mut [MaybeUninit<Block>]) {}

/// The content of the memory would make guessing the password cheaper.
fn wipe(blocks: &mut [Block]) {
    blocks.fill(Block::new());
    // Keeps the compiler from removing writes to memory that is about to be freed.
    black_box(blocks);
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn is_wiped(blocks: &[Block]) -> bool {
        blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0))
    }

    fn dirty(blocks: &mut [Block]) {
        for block in blocks {
            block.as_mut().fill(7);
        }
    }

    #[test]
    fn memory_is_wiped_and_reused() {
        let memory = MemoryPool::new(64);
        let place = {
            let mut guard = memory.acquire();
            dirty(guard.blocks(64));
            guard.blocks(64).as_ptr()
        };
        let mut guard = memory.acquire();
        let blocks = guard.blocks(64);
        assert_eq!(blocks.as_ptr(), place);
        assert!(is_wiped(blocks));
    }

    #[test]
    fn memory_is_wiped_after_a_panic_too() {
        let memory = MemoryPool::new(64);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut guard = memory.acquire();
            dirty(guard.blocks(64));
            panic!("in the middle of a hash");
        }));
        assert!(outcome.is_err());
        assert_eq!(memory.with_free(|free| free.len()), 1);
        assert!(is_wiped(memory.acquire().blocks(64)));
    }

    #[test]
    fn concurrent_hashes_do_not_share_memory_and_oversized_memory_is_not_pooled() {
        let memory = MemoryPool::new(64);
        let (mut first, mut second) = (memory.acquire(), memory.acquire());
        assert_ne!(first.blocks(64).as_ptr(), second.blocks(8).as_ptr());
        assert_eq!(second.blocks(128).len(), 128);
        drop((first, second));
        assert_eq!(memory.with_free(|free| free.len()), 1);
    }
}
