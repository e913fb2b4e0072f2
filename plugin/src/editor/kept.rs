//! Draws only what moves, in windows that keep their picture.
//!
//! OpenGL in software takes time for every pixel, but it can be told to keep a picture that has been shown
//! (`EGL_SWAP_BEHAVIOR`), so that the next one need only be drawn where it differs. Graphics cards cannot, and need not.

use egui::{LayerId, PaintCallback, Rect, Shape, Ui};
use egui_glow::CallbackFn;
use egui_glow::glow::{self, HasContext};
use nice_plug_egui::baseview::WindowContext;
use std::ffi::{CStr, c_void};
use std::mem::transmute;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const EGL_DRAW: i32 = 0x3059;
const EGL_SWAP_BEHAVIOR: i32 = 0x3093;
const EGL_BUFFER_PRESERVED: i32 = 0x3094;

type Pointer = Option<NonNull<c_void>>;

/// What it takes of EGL.
#[derive(Clone, Copy)]
struct Egl {
    current_display: extern "system" fn() -> Pointer,
    current_surface: extern "system" fn(i32) -> Pointer,
    set_surface_attribute: extern "system" fn(NonNull<c_void>, NonNull<c_void>, i32, i32) -> u32,
}

impl Egl {
    fn find(window: &WindowContext) -> Option<Self> {
        let context = window.gl_context()?;
        let function = |name: &CStr| NonNull::new(context.get_proc_address(name).cast_mut());
        let [display, surface, set] = [
            c"eglGetCurrentDisplay",
            c"eglGetCurrentSurface",
            c"eglSurfaceAttrib",
        ]
        .map(function);
        // SAFETY: functions of these names have these types, by the specification of EGL 1.4.
        unsafe {
            Some(Egl {
                current_display: transmute::<NonNull<c_void>, extern "system" fn() -> Pointer>(display?),
                current_surface: transmute::<NonNull<c_void>, extern "system" fn(i32) -> Pointer>(surface?),
                set_surface_attribute: transmute::<
                    NonNull<c_void>,
                    extern "system" fn(NonNull<c_void>, NonNull<c_void>, i32, i32) -> u32,
                >(set?),
            })
        }
    }

    /// Asks for the surface that is drawn on to keep its picture. Gives whether it will.
    fn keep(self) -> bool {
        let (display, surface) = ((self.current_display)(), (self.current_surface)(EGL_DRAW));
        let set = |(display, surface)| {
            (self.set_surface_attribute)(display, surface, EGL_SWAP_BEHAVIOR, EGL_BUFFER_PRESERVED) != 0
        };
        display.zip(surface).is_some_and(set)
    }
}

/// The picture of a window.
#[derive(Default)]
pub struct Picture {
    egl: Option<Egl>,
    /// Whether it has been asked for.
    asked: AtomicBool,
    kept: AtomicBool,
}

impl Picture {
    /// The picture of a new window.
    pub fn new(window: &WindowContext) -> Arc<Self> {
        Arc::new(Picture {
            egl: Egl::find(window),
            ..Picture::default()
        })
    }

    /// Whether what was drawn last is still there.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Relaxed)
    }

    /// What is to be drawn first: nothing but the background, everywhere or in an area.
    pub fn begin(self: &Arc<Self>, ui: &Ui, area: Option<Rect>) -> Shape {
        let picture = self.clone();
        let clear = CallbackFn::new(move |info, painter| {
            let gl = painter.gl();
            if !picture.asked.swap(true, Relaxed) && gl.version().major >= 3 {
                picture.kept.store(picture.egl.is_some_and(Egl::keep), Relaxed);
            }
            if !picture.is_kept() {
                return;
            }
            let part = info.viewport_in_pixels();
            // SAFETY: the context is current. The colour is still the one that the renderer has set.
            unsafe {
                gl.disable(glow::RASTERIZER_DISCARD);
                gl.enable(glow::SCISSOR_TEST);
                gl.scissor(part.left_px, part.from_bottom_px, part.width_px, part.height_px);
                gl.clear(glow::COLOR_BUFFER_BIT);
            }
        });
        callback(area.unwrap_or(ui.max_rect()), clear)
    }

    /// Ends the picture, on top of everything: the renderer begins the next one with a clean window, which must not be.
    pub fn end(self: &Arc<Self>, ui: &Ui) {
        let picture = self.clone();
        let end = CallbackFn::new(move |_, painter| {
            if picture.is_kept() {
                // SAFETY: the context is current.
                unsafe { painter.gl().enable(glow::RASTERIZER_DISCARD) };
            }
        });
        let top = ui.ctx().layer_painter(LayerId::debug());
        top.add(callback(ui.max_rect(), end));
    }
}

fn callback(rect: Rect, function: CallbackFn) -> Shape {
    let callback = Arc::new(function);
    Shape::Callback(PaintCallback { rect, callback })
}
