//! Forking a process that uses threelo. The bindings call these around every fork (`os.register_at_fork`); a Rust
//! program that forks does the same, on the thread that forks.

/// Closes what must not be open on both sides. Other threads may have to go on meanwhile, so where there is a lock that
/// all of them need, as in Python, it is let go for this. Nothing stays locked from here to the fork: what must be whole in
/// the child, the child makes for itself (`per_process.rs`).
pub fn before() {
    crate::store::postgres::before_fork();
    crate::grant::before_fork();
    crate::request::governor::registry::before_fork();
    crate::log::before_fork();
    crate::store::sqlite::before_fork();
}

/// Lets everything go on, in the parent and in the child. The child makes clients of its own.
pub fn after() {
    crate::log::after_fork();
    crate::store::sqlite::after_fork();
}
