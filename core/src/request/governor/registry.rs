//! One governor for all clients of an app in a process: a quota is the app's (F7.2), whoever's calls use it up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::Governor;
use crate::lock::lock;
use crate::per_process::PerProcess;

/// The API's address; the app.
type Key = (String, String);
type Governors = HashMap<Key, Weak<Governor>>;

static GOVERNORS: PerProcess<Mutex<Governors>> = PerProcess::new();

/// Has this process's list made before it forks.
pub(crate) fn before_fork() {
    GOVERNORS.own();
}

/// The app's governor in this process; it is gone with the app's last client.
pub(crate) fn of_app(api: &str, client_id: &str) -> Arc<Governor> {
    let key = (api.to_owned(), client_id.to_owned());
    let mut governors = lock(GOVERNORS.own());
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
