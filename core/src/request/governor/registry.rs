//! One governor for all clients of an app in a process: a quota is the app's (F7.2), whoever's calls use it up.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use super::Governor;
use crate::lock::lock;

/// The process, not the one it was forked from; the API's address; the app.
type Key = (u32, String, String);
type Governors = HashMap<Key, Weak<Governor>>;

static GOVERNORS: LazyLock<Mutex<Governors>> = LazyLock::new(Mutex::default);

thread_local! {
    static HELD_FOR_FORK: RefCell<Option<MutexGuard<'static, Governors>>> = const { RefCell::new(None) };
}

/// Keeps every other thread from the list while this thread forks, so that the child finds it unlocked and whole.
pub(crate) fn before_fork() {
    HELD_FOR_FORK.with(|held| held.replace(Some(lock(&GOVERNORS))));
}

/// Lets go of the list again, in parent and child.
pub(crate) fn after_fork() {
    HELD_FOR_FORK.with(|held| held.replace(None));
}

/// The app's governor in this process; it is gone with the app's last client.
pub(crate) fn of_app(api: &str, client_id: &str) -> Arc<Governor> {
    let key = (std::process::id(), api.to_owned(), client_id.to_owned());
    let mut governors = lock(&GOVERNORS);
    if let Some(known) = governors.get(&key).and_then(Weak::upgrade) {
        return known;
    }
    governors.retain(|_, governor| governor.strong_count() > 0);
    let governor = Arc::new(Governor::default());
    governors.insert(key, Arc::downgrade(&governor));
    governor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_one_app_share_a_governor() {
        let one = of_app("https://api.example.com/", "app-1");
        assert!(Arc::ptr_eq(&one, &of_app("https://api.example.com/", "app-1")));
        assert!(!Arc::ptr_eq(&one, &of_app("https://api.example.com/", "app-2")));
        assert!(!Arc::ptr_eq(&one, &of_app("https://other.example.com/", "app-1")));
    }
}
