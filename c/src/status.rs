//! What functions give back, and the wall that no panic passes.

use aeden::Error;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What became of a call. Anything but AEDEN_STATUS_OK means that nothing was done.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// A pointer is null.
    Null = 1,
    /// A rate, a number of channels, a quality, a link or a value is outside its range, or not a number.
    Setting = 2,
    /// The memory or the file holds no model, or one that cannot clean a stream or be run here.
    Model = 3,
    /// Another thread processes or resets this denoiser at this moment.
    Busy = 4,
    /// This denoiser was freed. Debug builds of the library tell; in release builds its use is undefined.
    Freed = 5,
    /// No memory has so many samples.
    Length = 6,
    /// A fault of aeden. The denoiser does nothing more; free it.
    Internal = 7,
}

impl Status {
    const ALL: [Status; 8] = [
        Status::Ok,
        Status::Null,
        Status::Setting,
        Status::Model,
        Status::Busy,
        Status::Freed,
        Status::Length,
        Status::Internal,
    ];

    fn text(self) -> &'static CStr {
        match self {
            Status::Ok => c"done",
            Status::Null => c"a pointer is null",
            Status::Setting => c"a setting is outside its range",
            Status::Model => c"the memory or the file holds no model that can clean a stream",
            Status::Busy => c"another thread uses this denoiser at this moment",
            Status::Freed => c"this denoiser was freed",
            Status::Length => c"no memory has so many samples",
            Status::Internal => c"a fault of aeden; free this denoiser",
        }
    }

    /// The text of a number that may be a status.
    pub(crate) fn text_of(number: i32) -> &'static CStr {
        let status = Status::ALL.into_iter().find(|status| *status as i32 == number);
        status.map_or(c"no status of aeden", Status::text)
    }
}

impl From<&Error> for Status {
    fn from(error: &Error) -> Status {
        match error {
            Error::Setting(_) => Status::Setting,
            _ => Status::Model,
        }
    }
}

/// Runs what may have a fault in it. A panic, which C could not take, becomes `otherwise`.
pub(crate) fn guarded<T>(otherwise: T, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        let status = guarded(Status::Internal, || panic!("as it should"));
        assert_eq!(status, Status::Internal);
    }
}
