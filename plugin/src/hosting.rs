//! What an instance and the format around it tell each other.
//!
//! nice-plug makes the plugin, and gives it no way to the format's own calls. So the format lays a [`Link`] ready before it has
//! the plugin made, and the plugin takes it.

use crate::devices::Devices;
use crossbeam_utils::atomic::AtomicCell;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

/// Milliseconds without a call of `process` after which the host counts as not processing, whatever it says.
const PATIENCE: u64 = 100;

/// The format around an instance.
pub trait Format: Send + Sync {
    /// Does what waits for the main thread. Called there, again and again while an editor is open. Tells whether values wait
    /// for a block, so that it has to be called again.
    fn settle(&self) -> bool;

    /// Asks the host to activate the plugin again, on any thread; or waits for [`settle`](Self::settle) to do so.
    fn ask_for_restart(&self);
}

/// What one instance shares with the format around it.
pub struct Link {
    /// The time of the last block in milliseconds since the link was made, 0 for none.
    last_block: AtomicU64,
    began: Instant,
    resuming: AtomicBool,
    /// For so many samples sound goes on after the input has ended.
    tail: AtomicU32,
    /// What the plugin was activated for, and what it should be activated for: equal, or the host has to activate it again.
    active: AtomicCell<Option<u8>>,
    wanted: AtomicCell<Option<u8>>,
    /// A format that has the link, or one that the link has.
    around: OnceLock<Weak<dyn Format>>,
    own: OnceLock<Arc<dyn Format>>,
    /// Of a program of its own.
    devices: OnceLock<Arc<Devices>>,
}

thread_local! {
    static NEXT: RefCell<Option<Arc<Link>>> = const { RefCell::new(None) };
}

impl Link {
    /// A link for the plugin that `make` makes on this thread.
    pub fn around<T>(make: impl FnOnce() -> T) -> (Arc<Link>, T) {
        let link = Arc::new(Link::new());
        NEXT.set(Some(link.clone()));
        let made = make();
        NEXT.take();
        (link, made)
    }

    /// The link that was laid ready, or one to nobody.
    pub fn take() -> Arc<Link> {
        NEXT.take().unwrap_or_else(|| Arc::new(Link::new()))
    }

    fn new() -> Link {
        Link {
            last_block: AtomicU64::new(0),
            began: Instant::now(),
            resuming: AtomicBool::new(false),
            tail: AtomicU32::new(0),
            active: AtomicCell::new(None),
            wanted: AtomicCell::new(None),
            around: OnceLock::new(),
            own: OnceLock::new(),
            devices: OnceLock::new(),
        }
    }

    /// Connects a format that has the link. Once for every link, as [`belong_to`](Self::belong_to).
    pub fn connect(&self, format: Weak<dyn Format>) {
        let _ = self.around.set(format);
    }

    /// Connects a format that lives as long as the link.
    pub fn belong_to(&self, format: Arc<dyn Format>) {
        let _ = self.own.set(format);
    }

    /// Gives the window devices to choose from.
    #[cfg(feature = "standalone")]
    pub fn play_between(&self, devices: Arc<Devices>) {
        let _ = self.devices.set(devices);
    }

    /// The devices to choose from, where the format is a program of its own.
    pub fn devices(&self) -> Option<Arc<Devices>> {
        self.devices.get().cloned()
    }

    fn format(&self) -> Option<Arc<dyn Format>> {
        self.own.get().cloned().or_else(|| self.around.get()?.upgrade())
    }

    /// As [`Format::settle`].
    pub fn settle(&self) -> bool {
        self.format().is_some_and(|format| format.settle())
    }

    /// Notes that a block begins. Wait-free.
    pub fn note_block(&self) {
        self.last_block.store(self.now(), Relaxed);
    }

    /// Forgets the blocks of an earlier run.
    pub fn forget_blocks(&self) {
        self.last_block.store(0, Relaxed);
    }

    /// Does something in which the plugin is reset, though its sound goes on.
    pub fn resume<T>(&self, work: impl FnOnce() -> T) -> T {
        self.resuming.store(true, Relaxed);
        let done = work();
        self.resuming.store(false, Relaxed);
        done
    }

    /// Whether a reset is to be passed over; see [`resume`](Self::resume).
    pub fn is_resuming(&self) -> bool {
        self.resuming.load(Relaxed)
    }

    /// Whether a block has come within [`PATIENCE`].
    pub fn is_processing(&self) -> bool {
        let last = self.last_block.load(Relaxed);
        last > 0 && self.now() - last.min(self.now()) <= PATIENCE
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64 + 1
    }

    /// For how many samples sound goes on.
    pub fn tail(&self) -> u32 {
        self.tail.load(Relaxed)
    }

    /// Notes what the plugin is activated for, a number of its own, and for how many samples sound goes on.
    pub fn note_activation(&self, quality: u8, tail: u32) {
        self.tail.store(tail, Relaxed);
        self.active.store(Some(quality));
        self.wanted.store(Some(quality));
    }

    /// Notes what the plugin should be activated for, and asks the host once for every change. Neither allocates nor waits.
    pub fn want(&self, quality: u8) {
        let before = self.wanted.swap(Some(quality));
        if before.is_some()
            && before != Some(quality)
            && self.is_outdated()
            && let Some(format) = self.format()
        {
            format.ask_for_restart();
        }
    }

    /// Whether the plugin has to be activated again to do what it is asked for.
    pub fn is_outdated(&self) -> bool {
        self.active.load() != self.wanted.load()
    }
}
