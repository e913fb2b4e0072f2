//! States as VST3 moves them: in a file-like object of the host's.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use vst3::Class;
use vst3::Steinberg::IBStream_::IStreamSeekMode_;
use vst3::Steinberg::{IBStream, IBStreamTrait, kInvalidArgument, kResultOk, tresult};

/// A file in memory.
#[derive(Default)]
pub(super) struct Stream {
    bytes: RefCell<Vec<u8>>,
    position: Cell<usize>,
}

impl Stream {
    /// A file with these bytes, at its start.
    pub fn of(bytes: &[u8]) -> Self {
        Stream {
            bytes: RefCell::new(bytes.to_vec()),
            position: Cell::new(0),
        }
    }

    /// All that is in it.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, buffer: *mut c_void, wanted: i32, read: *mut i32) -> tresult {
        let Ok(wanted) = usize::try_from(wanted) else {
            return kInvalidArgument;
        };
        let bytes = self.bytes.borrow();
        let from = self.position.get().min(bytes.len());
        let len = wanted.min(bytes.len() - from);
        // SAFETY: the plugin vouches for a buffer of `wanted` bytes, and for the place of the count or null.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes[from..].as_ptr(), buffer.cast(), len);
            if let Some(read) = read.as_mut() {
                *read = len as i32;
            }
        }
        self.position.set(from + len);
        kResultOk
    }

    unsafe fn write(&self, buffer: *mut c_void, len: i32, written: *mut i32) -> tresult {
        let Ok(len) = usize::try_from(len) else {
            return kInvalidArgument;
        };
        let mut bytes = self.bytes.borrow_mut();
        let end = self.position.get() + len;
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        // SAFETY: the plugin vouches for a buffer of `len` bytes, and for the place of the count or null.
        unsafe {
            std::ptr::copy_nonoverlapping(buffer.cast(), bytes[end - len..].as_mut_ptr(), len);
            if let Some(written) = written.as_mut() {
                *written = len as i32;
            }
        }
        self.position.set(end);
        kResultOk
    }

    unsafe fn seek(&self, offset: i64, mode: i32, position: *mut i64) -> tresult {
        let from = match mode as u32 {
            IStreamSeekMode_::kIBSeekSet => 0,
            IStreamSeekMode_::kIBSeekCur => self.position.get(),
            IStreamSeekMode_::kIBSeekEnd => self.bytes.borrow().len(),
            _ => return kInvalidArgument,
        };
        let Ok(to) = usize::try_from(from as i64 + offset) else {
            return kInvalidArgument;
        };
        self.position.set(to);
        // SAFETY: a place for the position or null.
        if let Some(position) = unsafe { position.as_mut() } {
            *position = to as i64;
        }
        kResultOk
    }

    unsafe fn tell(&self, position: *mut i64) -> tresult {
        // SAFETY: a place for the position or null.
        match unsafe { position.as_mut() } {
            Some(position) => {
                *position = self.position.get() as i64;
                kResultOk
            }
            None => kInvalidArgument,
        }
    }
}
