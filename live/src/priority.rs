//! Real-time priority for the threads that must not be late, where the system grants it.

#[cfg(unix)]
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, set_current_thread_priority};

/// Low among real-time priorities, under those of sound servers.
#[cfg(unix)]
const REAL_TIME: u8 = 10;

/// Asks for real-time scheduling, or else for the highest ordinary priority. Being refused is no error: sound works,
/// with more underruns on a busy machine.
pub fn raise() {
    #[cfg(unix)]
    {
        let Ok(value) = REAL_TIME.try_into() else {
            return;
        };
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), policy)
            .is_ok()
        {
            return;
        }
    }
    let _ = set_current_thread_priority(ThreadPriority::Max);
}
