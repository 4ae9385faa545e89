//! A password hash and nothing else, with different sources of its memory. For each line of standard input it prints
//! the CPU time of one hash with each of them, in nanoseconds, as JSON.

use std::{error::Error, hint::black_box, io, thread};

use argon2::{Argon2, Block};
use rustix::time::{ClockId, clock_gettime};

/// The functions' memory pool, without the rest of `shared`.
#[path = "../../../../../shared/src/domain/password/memory_pool.rs"]
mod memory_pool;

use memory_pool::MemoryPool;

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: &[u8] = b"sixteen bytes!!!";

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // OWASP's minimum, which is Postern's default: 19 MiB, two passes, one lane.
    let argon2 = Argon2::default();
    let count = argon2.params().block_count();
    let pool = MemoryPool::new(count);
    let mut reused = vec![Block::new(); count];
    for line in io::stdin().lines() {
        line?;
        let default = cpu(|| hash_with_default_memory(&argon2))?;
        // Another thread allocates from another arena of the heap, as in a pool of threads.
        let thread = thread::scope(|scope| scope.spawn(|| cpu(|| hash_with_default_memory(&argon2))).join());
        let thread = thread.map_err(|_| "the thread has panicked")??;
        let pooled = cpu(|| hash(&argon2, pool.acquire().blocks(count)))?;
        let small_pages = cpu(|| {
            hash(&argon2, &mut reused)?;
            // The pool wipes its memory too.
            reused.fill(Block::new());
            black_box(&mut reused);
            Ok(())
        })?;
        println!("{{\"default\":{default},\"thread\":{thread},\"pooled\":{pooled},\"small_pages\":{small_pages}}}");
    }
    Ok(())
}

fn hash_with_default_memory(argon2: &Argon2<'_>) -> Result<(), argon2::Error> {
    let mut out = [0; 32];
    argon2.hash_password_into(PASSWORD, SALT, &mut out)?;
    black_box(out);
    Ok(())
}

fn hash(argon2: &Argon2<'_>, memory: &mut [Block]) -> Result<(), argon2::Error> {
    let mut out = [0; 32];
    argon2.hash_password_into_with_memory(PASSWORD, SALT, &mut out, memory)?;
    black_box(out);
    Ok(())
}

/// CPU time of this thread for `work`, in nanoseconds.
fn cpu(work: impl FnOnce() -> Result<(), argon2::Error>) -> Result<i64, Failure> {
    let before = now();
    work()?;
    Ok(now() - before)
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
