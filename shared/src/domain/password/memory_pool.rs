//! Memory for Argon2, kept from hash to hash: taking 19 MiB from the kernel anew costs thousands of page faults each time.

use std::{
    hint::black_box,
    mem::{self, MaybeUninit},
    sync::{Mutex, PoisonError},
};

use argon2::Block;

/// Memory that waits for the next hash, wiped.
pub(crate) struct MemoryPool {
    kept: Mutex<Vec<Vec<Block>>>,
    /// What is kept of each. A stored hash of a higher cost gets more for once.
    blocks: usize,
}

impl MemoryPool {
    /// Memory for hashes of `blocks` blocks. None is taken before the first one: it would only make the start longer.
    pub(crate) fn new(blocks: usize) -> Self {
        Self { kept: Mutex::default(), blocks }
    }

    /// Memory for one hash. As many are kept as there ever were at once.
    pub(crate) fn acquire(&self) -> Guard<'_> {
        let blocks = self.state(Vec::pop).unwrap_or_default();
        Guard { memory: self, blocks }
    }

    fn state<T>(&self, change: impl FnOnce(&mut Vec<Vec<Block>>) -> T) -> T {
        // A thread that panicked with the lock has left the state whole: each change is one push or one pop.
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Memory in use. It is wiped when it goes back, also after a panic.
pub(crate) struct Guard<'m> {
    memory: &'m MemoryPool,
    blocks: Vec<Block>,
}

impl Guard<'_> {
    /// At least so many blocks.
    pub(crate) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            let count = count.max(self.memory.blocks);
            // Not grown in place, which would leave a copy of what was there.
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
        if blocks.len() == self.memory.blocks {
            self.memory.state(|kept| kept.push(blocks));
        }
    }
}

fn fresh(count: usize) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(count);
    // Before the first touch: the kernel then gives pages of 2 MiB at once, where it has them.
    ask_for_huge_pages(blocks.spare_capacity_mut());
    blocks.resize(count, Block::new());
    blocks
}

/// Fewer and larger pages: less work for the kernel at first, and for the processor's tables at each jump, of which Argon2 does
/// nothing else. It is advice, so what comes of it is nobody's concern.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(memory: &mut [MaybeUninit<Block>]) {
    /// Octets in a page, at least, as Linux has it on either processor.
    const PAGE: usize = 4096;
    let octets = size_of_val(memory);
    let begin = memory.as_mut_ptr().cast::<std::ffi::c_void>();
    let to_next_page = begin.align_offset(PAGE);
    let Some(octets) = octets.checked_sub(to_next_page) else { return };
    let begin = begin.wrapping_byte_add(to_next_page);
    #[expect(unsafe_code, reason = "no library offers this advice for memory of one's own")]
    // SAFETY: the range lies within `memory`, which is borrowed for writing, and this advice changes neither what is in it nor
    // who may use it. <https://man7.org/linux/man-pages/man2/madvise.2.html>
    let _ = unsafe { rustix::mm::madvise(begin, octets, rustix::mm::Advice::LinuxHugepage) };
}

/// Nobody to ask.
#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: &mut [MaybeUninit<Block>]) {}

/// What a hash leaves behind makes guessing its password cheaper.
fn wipe(blocks: &mut [Block]) {
    blocks.fill(Block::new());
    // Somebody looks at it, so the compiler cannot leave it out for memory that is given back.
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
    fn memory_comes_back_wiped_and_is_lent_again() {
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
        assert_eq!(memory.state(|kept| kept.len()), 1);
        assert!(is_wiped(memory.acquire().blocks(64)));
    }

    #[test]
    fn two_hashes_at_once_have_memory_of_their_own_and_a_costlier_one_keeps_none() {
        let memory = MemoryPool::new(64);
        let (mut first, mut second) = (memory.acquire(), memory.acquire());
        assert_ne!(first.blocks(64).as_ptr(), second.blocks(8).as_ptr());
        assert_eq!(second.blocks(128).len(), 128);
        drop((first, second));
        assert_eq!(memory.state(|kept| kept.len()), 1);
    }
}
