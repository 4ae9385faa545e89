//! A password hash and nothing else: the crate called plainly, and with memory that is kept. For each line of standard input it
//! prints the CPU time of one hash in each way, in nanoseconds, as JSON.

use std::{error::Error, hint::black_box, io, thread};

use argon2::{Argon2, Block};
use rustix::time::{ClockId, clock_gettime};

/// The functions' own memory for hashes, without all else that `shared` brings.
#[path = "../../../../../shared/src/domain/password/memory_pool.rs"]
mod memory_pool;

use memory_pool::MemoryPool;

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: &[u8] = b"sixteen octets!!";

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // OWASP's minimum, as Postern's default: 19 MiB, two passes, one lane.
    let argon2 = Argon2::default();
    let count = argon2.params().block_count();
    let memory = MemoryPool::new(count);
    for line in io::stdin().lines() {
        line?;
        let plain = cpu(|| hash_plainly(&argon2))?;
        // Its memory then comes from another part of the heap, as it does in a pool of threads.
        let thread = thread::scope(|scope| scope.spawn(|| cpu(|| hash_plainly(&argon2))).join());
        let thread = thread.map_err(|_| "the thread has panicked")??;
        let kept = cpu(|| hash(&argon2, memory.acquire().blocks(count)))?;
        println!("{{\"plain\":{plain},\"thread\":{thread},\"kept\":{kept}}}");
    }
    Ok(())
}

fn hash_plainly(argon2: &Argon2<'_>) -> Result<(), argon2::Error> {
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

/// Nanoseconds of CPU that this thread takes for `work`.
fn cpu(work: impl FnOnce() -> Result<(), argon2::Error>) -> Result<i64, Failure> {
    let before = now();
    work()?;
    Ok(now() - before)
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
