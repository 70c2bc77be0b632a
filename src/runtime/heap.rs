//! The memory that the allocator keeps after it was freed.

use std::hint::black_box;

/// The size of the block whose release sets glibc's thresholds. Each worker's heap then keeps twice
/// as much free memory at its end.
const MAPPED: usize = 8 * 1024 * 1024;

/// Makes glibc keep up to 16 MiB of free memory per heap for the next large bodies. By default it
/// returns more than 128 KiB to the kernel at once, and each page of the next body faults.
///
/// glibc raises its thresholds when a mapped block is freed (`M_MMAP_THRESHOLD` in mallopt(3)). No
/// page of the block is touched. Other allocators ignore it.
pub(crate) fn keep_free_memory() {
    drop(black_box(Vec::<u8>::with_capacity(MAPPED)));
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    const BODY: usize = 1024 * 1024;
    const BODIES: usize = 8;
    const BURSTS: u64 = 20;

    /// Returns the page faults of this thread.
    fn faults() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("readable");
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let faults = fields.split_ascii_whitespace().nth(7);
        faults.and_then(|text| text.parse().ok()).expect("a number")
    }

    fn burst() {
        let bodies: Vec<_> = (0..BODIES).map(|_| vec![1u8; BODY]).collect();
        drop(black_box(bodies));
    }

    #[test]
    fn the_pages_of_freed_bodies_serve_the_next_ones() {
        keep_free_memory();
        burst();
        let before = faults();
        (0..BURSTS).for_each(|_| burst());
        let pages = (BODIES * BODY / 4096) as u64;
        let each = (faults() - before) / BURSTS;
        assert!(each < pages / 10, "{each} faults for {pages} pages");
    }
}
