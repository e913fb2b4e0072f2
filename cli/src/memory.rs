//! What happens when there is no memory left: one line, a documented status, and no unfinished file.
//!
//! Without this a refused allocation aborts the process. Nothing can be tried again then, since any code may have asked.

use aeden_media::problem::FILE_FAILED;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The system's allocator, but where that has nothing left the program ends in an orderly way.
pub struct Allocator;

// SAFETY: everything is left to the system's allocator, whose promises are the same; instead of its null pointers there is
// no return at all.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that are asked for.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.realloc(old, layout, size) }, size)
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}

/// What the end of the program may still need: cleaning up asks for memory. So large that the system's allocator gives it back to
/// the system at once, and to whoever asks next.
const RESERVE: usize = 1 << 20;

/// Held until there is nothing else left. Never written to, so that it takes no memory but on paper.
static HELD: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());

/// Keeps something back for the end. To be called first of all.
pub fn reserve() {
    // SAFETY: of a size above 0.
    HELD.store(unsafe { System.alloc(RESERVE_LAYOUT) }, Ordering::SeqCst);
}

const RESERVE_LAYOUT: Layout = match Layout::from_size_align(RESERVE, 16) {
    Ok(layout) => layout,
    Err(_) => panic!("16 is a power of two"),
};

/// Gives back what [`reserve`] has kept.
fn release() {
    let held = HELD.swap(std::ptr::null_mut(), Ordering::SeqCst);
    if !held.is_null() {
        // SAFETY: `reserve` got it of this allocator with this layout, and only this call has taken it out.
        unsafe { System.dealloc(held, RESERVE_LAYOUT) }
    }
}

fn given(memory: *mut u8, size: usize) -> *mut u8 {
    if memory.is_null() {
        give_up(size);
    }
    memory
}

/// Ends the process, without waiting for a lock, and without allocating more than was reserved.
#[cold]
fn give_up(size: usize) -> ! {
    // Different for every thread, and there without memory of its own.
    thread_local!(static HERE: u8 = const { 0 });
    static GIVING_UP: AtomicUsize = AtomicUsize::new(0);
    let own = HERE.with(|here| std::ptr::from_ref(here) as usize);
    match GIVING_UP.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => {}
        // Even this needs memory.
        Err(other) if other == own => std::process::abort(),
        // Another thread is at it, which ends this one as well.
        Err(_) => loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        },
    }
    release();
    aeden_media::unfinished::clean_up_if_possible();
    let mut line = [0; 160];
    let mut rest = &mut line[..];
    let _ = writeln!(
        rest,
        "aeden: not enough memory: {size} bytes more are refused; close other programs, or work on less at a time: --jobs 1"
    );
    let left = rest.len();
    let length = line.len() - left;
    let _ = aeden_media::output::write_to_stderr(&line[..length]);
    std::process::exit(FILE_FAILED.into());
}
