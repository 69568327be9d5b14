//! Forking a process that uses threelo. The bindings call these around every fork (`os.register_at_fork`); a Rust
//! program that forks does the same, on the thread that forks.

/// Closes what must not be open on both sides, and keeps other threads from what must be whole.
pub fn before() {
    crate::store::sqlite::before_fork();
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
