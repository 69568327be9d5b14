//! Forking a process that uses threelo. The bindings call these around every fork (`os.register_at_fork`); a Rust
//! program that forks does the same, on the thread that forks.

/// Closes what must not be open on both sides, and keeps other threads from what must be whole.
pub fn before() {
    rest();
    hold();
}

/// The first half of [`before`]: closes what must not be open on both sides. Other threads may have to go on meanwhile,
/// so where there is a lock that all of them need, as in Python, it is let go for this.
pub fn rest() {
    crate::store::sqlite::before_fork();
}

/// The second half: takes the locks that must be free in the child. To be called with whatever the forking thread holds
/// at the fork: who waited for such a lock here, while another thread with it waited for one of these, would wait for
/// ever.
pub fn hold() {
    crate::store::postgres::before_fork();
    crate::grant::before_fork();
    crate::request::governor::registry::before_fork();
    // The last lock to be taken, because others write lines while they hold theirs.
    crate::log::before_fork();
}

/// Lets everything go on, in the parent and in the child. The child makes clients of its own.
pub fn after() {
    crate::log::after_fork();
    crate::request::governor::registry::after_fork();
    crate::grant::after_fork();
    crate::store::postgres::after_fork();
    crate::store::sqlite::after_fork();
}
