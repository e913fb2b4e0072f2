//! Parameter changes within a block, as VST3 passes them: a list of queues, one a parameter.

use crate::Change;
use std::cell::RefCell;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vst3::Steinberg::Vst::{
    IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait, ParamID, ParamValue,
};
use vst3::Steinberg::{kInvalidArgument, kResultOk, tresult};
use vst3::{Class, ComPtr, ComWrapper};

/// The changes of one block. Plugins put theirs into an empty one.
#[derive(Default)]
pub(super) struct Changes(Mutex<Vec<ComPtr<IParamValueQueue>>>);

impl Changes {
    /// Changes in the order of time, sorted into queues.
    pub fn new(changes: &[Change]) -> Self {
        let mut queues: Vec<Queue> = Vec::new();
        for change in changes {
            let at = queues
                .iter()
                .position(|queue| queue.parameter == change.parameter)
                .unwrap_or_else(|| {
                    queues.push(Queue::of(change.parameter));
                    queues.len() - 1
                });
            queues[at]
                .points
                .get_mut()
                .push((change.offset as i32, change.value));
        }
        let share = |queue: Queue| ComWrapper::new(queue).to_com_ptr::<IParamValueQueue>();
        Changes(Mutex::new(queues.into_iter().filter_map(share).collect()))
    }

    fn queues(&self) -> MutexGuard<'_, Vec<ComPtr<IParamValueQueue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Empties them.
    pub fn clear(&self) {
        self.queues().clear();
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> i32 {
        self.queues().len() as i32
    }

    unsafe fn getParameterData(&self, index: i32) -> *mut IParamValueQueue {
        let queues = self.queues();
        queues.get(index as usize).map_or(null_mut(), ComPtr::as_ptr)
    }

    unsafe fn addParameterData(&self, parameter: *const ParamID, index: *mut i32) -> *mut IParamValueQueue {
        let mut queues = self.queues();
        // SAFETY: the plugin gives an id, and a place for the index or null.
        unsafe {
            let Some(queue) = ComWrapper::new(Queue::of(*parameter)).to_com_ptr() else {
                return null_mut();
            };
            queues.push(queue);
            if let Some(index) = index.as_mut() {
                *index = queues.len() as i32 - 1;
            }
        }
        queues.last().map_or(null_mut(), ComPtr::as_ptr)
    }
}

/// The changes of one parameter: samples after the start of the block, and 0 … 1.
struct Queue {
    parameter: ParamID,
    points: RefCell<Vec<(i32, ParamValue)>>,
}

impl Queue {
    fn of(parameter: ParamID) -> Self {
        Queue {
            parameter,
            points: RefCell::default(),
        }
    }
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.parameter
    }

    unsafe fn getPointCount(&self) -> i32 {
        self.points.borrow().len() as i32
    }

    unsafe fn getPoint(&self, index: i32, offset: *mut i32, value: *mut ParamValue) -> tresult {
        match self.points.borrow().get(index as usize) {
            Some(point) => {
                // SAFETY: the plugin gives places for both.
                unsafe { (*offset, *value) = *point };
                kResultOk
            }
            None => kInvalidArgument,
        }
    }

    unsafe fn addPoint(&self, offset: i32, value: ParamValue, index: *mut i32) -> tresult {
        let mut points = self.points.borrow_mut();
        points.push((offset, value));
        // SAFETY: a place for the index or null.
        if let Some(index) = unsafe { index.as_mut() } {
            *index = points.len() as i32 - 1;
        }
        kResultOk
    }
}
