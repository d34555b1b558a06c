use std::sync::{Mutex, MutexGuard, PoisonError};

/// A poisoned lock means a panic elsewhere; the counts inside stay true.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
