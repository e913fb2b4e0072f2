//! Memory from the heap while sound runs, which can take any time: there is none.
//!
//! These functions take the place of the C library's in the whole process, so that they see what the plugin asks for,
//! and whatever it is built of. `build.rs` makes the linker export them.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use crate::bundles::{Loaded, change, each, start};
use crate::sound::{Random, voice};
use aeden_plugin_host::{Audio, Change, Format, Plugin};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

thread_local! {
    /// Calls on this thread while they are counted. Needs no memory of its own.
    static COUNT: Cell<Option<usize>> = const { Cell::new(None) };
}

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(pointer: *mut c_void);
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

fn count() {
    COUNT.set(COUNT.get().map(|count| count + 1));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller's call, passed on.
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    self::count();
    // SAFETY: the caller's call, passed on.
    unsafe { __libc_calloc(count, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller's call, passed on.
    unsafe { __libc_realloc(pointer, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(pointer: *mut c_void) {
    if !pointer.is_null() {
        count();
    }
    // SAFETY: the caller's call, passed on.
    unsafe { __libc_free(pointer) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller's call, passed on.
    unsafe { __libc_memalign(alignment, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    const OUT_OF_MEMORY: c_int = 12;
    // SAFETY: the caller's call, passed on.
    let pointer = unsafe { aligned_alloc(alignment, size) };
    if pointer.is_null() {
        return OUT_OF_MEMORY;
    }
    // SAFETY: the caller gives a place for the pointer.
    unsafe { *place = pointer };
    0
}

/// How often a thing asks for memory or gives it back.
fn counted(work: impl FnOnce()) -> usize {
    COUNT.set(Some(0));
    work();
    COUNT.take().unwrap_or(0)
}

#[test]
fn the_counter_sees_what_the_plugin_asks_for() {
    assert_eq!(counted(|| drop(std::hint::black_box(vec![1u8; 100]))), 2);
    each(|loaded| {
        let mut plugin = loaded.instance();
        let asked = counted(|| start(&mut *plugin, 44_100));
        assert!(asked > 100, "{asked} calls in activation");
    });
}

/// Blocks of changing lengths with or without changes of parameters, in memory that is there before.
fn play(loaded: &Loaded, plugin: &mut dyn Plugin, names: &[&str]) -> usize {
    let mut random = Random(12);
    let mut sound = voice(48_000, 2, 8192);
    sound[0][1000] = f32::NAN;
    let mut asked = 0;
    for round in 0..50 {
        let len = 1 + random.below(8192);
        let changes: Vec<Change> = names
            .iter()
            .enumerate()
            .map(|(i, name)| change((i * len) / names.len(), name, random.share()))
            .collect();
        let mut block: Vec<_> = sound.iter_mut().map(|c| &mut c[..len]).collect();
        let mut result = Ok(());
        let calls = counted(|| result = plugin.process(Audio::InPlace(&mut block), &changes));
        result.unwrap();
        // The host's lists grow in the first rounds.
        if round >= 5 {
            asked += calls;
        }
    }
    println!("{:?}: {asked} calls", loaded.format);
    asked
}

#[test]
fn nothing_is_allocated_while_sound_runs() {
    each(|loaded| {
        for rate in [44_100, 48_000, 96_000] {
            let mut plugin = loaded.running(rate, 2);
            assert_eq!(play(loaded, &mut *plugin, &[]), 0, "{rate} Hz");
            // The host itself makes objects for changes in VST3.
            if loaded.format == Format::Clap {
                let all = [
                    "strength",
                    "mix",
                    "gain",
                    "delta",
                    "link",
                    "bypass",
                    "bypass_match",
                    "learn",
                ];
                assert_eq!(play(loaded, &mut *plugin, &all), 0, "{rate} Hz, with changes");
            }
        }
    });
}

#[test]
fn nothing_is_allocated_when_sound_starts_and_stops() {
    each(|loaded| {
        let mut plugin = loaded.running(44_100, 2);
        for _ in 0..10 {
            let asked = counted(|| {
                plugin.stop();
                plugin.start().unwrap();
            });
            assert_eq!(asked, 0);
        }
    });
}
