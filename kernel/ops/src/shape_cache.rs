use std::sync::{Arc, Mutex, PoisonError};

/// A value that depends on an operation's parameters and the frame's shape only (a mask, Gaussian
/// weights), kept for the last shape seen; or for the last of whatever else tells it. A pure cache: it changes the time,
/// never a bit of the result.
pub struct ShapeCache<T, K = (usize, usize)>(Mutex<Option<(K, Arc<T>)>>);

impl<T, K> Default for ShapeCache<T, K> {
    fn default() -> Self {
        ShapeCache(Mutex::new(None))
    }
}

impl<T, K: PartialEq> ShapeCache<T, K> {
    pub fn get(&self, key: K, build: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((kept_key, value)) if *kept_key == key => value.clone(),
            _ => {
                let value = Arc::new(build());
                *kept = Some((key, value.clone()));
                value
            }
        }
    }
}
