//! What a plugin did that its format forbids.

use std::sync::Mutex;
use std::thread::ThreadId;

/// The complaints about one instance, and the thread that counts as its main thread.
pub(crate) struct Complaints {
    main_thread: ThreadId,
    list: Mutex<Vec<String>>,
}

impl Complaints {
    /// None so far. The main thread is the one that calls this.
    pub fn new() -> Self {
        Complaints {
            main_thread: std::thread::current().id(),
            list: Mutex::default(),
        }
    }

    /// Keeps one more.
    pub fn add(&self, what: String) {
        if let Ok(mut list) = self.list.lock() {
            list.push(what);
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.list.lock().map(|list| list.clone()).unwrap_or_default()
    }

    /// Whether this is the main thread.
    pub fn on_main_thread(&self) -> bool {
        std::thread::current().id() == self.main_thread
    }
}
