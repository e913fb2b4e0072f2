//! States as CLAP moves them: in pieces, through a function of the host's.

use clap_sys::stream::{clap_istream, clap_ostream};
use std::ffi::c_void;
use std::ptr::from_mut;

/// The most bytes in one call. Streams may be cut anywhere, and so that plugins have to go on, these are.
const PIECE: usize = 23;

/// A stream that appends to `bytes`, which must outlive its use.
pub(super) fn writer(bytes: &mut Vec<u8>) -> clap_ostream {
    clap_ostream {
        ctx: from_mut(bytes).cast(),
        write: Some(write),
    }
}

/// A stream that takes from the front of `rest`, which must outlive its use.
pub(super) fn reader(rest: &mut &[u8]) -> clap_istream {
    clap_istream {
        ctx: from_mut(rest).cast(),
        read: Some(read),
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, buffer: *const c_void, size: u64) -> i64 {
    let len = PIECE.min(size as usize);
    // SAFETY: `writer` set the context, and the plugin vouches for the buffer.
    unsafe {
        let bytes = &mut *(*stream).ctx.cast::<Vec<u8>>();
        bytes.extend_from_slice(std::slice::from_raw_parts(buffer.cast(), len));
    }
    len as i64
}

unsafe extern "C" fn read(stream: *const clap_istream, buffer: *mut c_void, size: u64) -> i64 {
    // SAFETY: `reader` set the context, and the plugin vouches for the buffer.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let len = PIECE.min(size as usize).min(rest.len());
        std::slice::from_raw_parts_mut(buffer.cast(), len).copy_from_slice(&rest[..len]);
        *rest = &rest[len..];
        len as i64
    }
}
