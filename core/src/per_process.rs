//! State that every process has for itself. A forked child inherits the memory of its parent, with locks that threads
//! held who do not exist in the child, and lists of what belongs to the parent. So it never looks at those: it finds its
//! own state by its process id, and makes it where there is none. No lock is held over a fork for that, which a thread
//! that has what the fork waits for (as Python's hooks wait for the interpreter) could wait for in turn, for ever.

use std::sync::OnceLock;

/// A value for each process, made when it is first asked for.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    first: OnceLock<Box<Own<T>>>,
}

/// One process's value. Only a process that was forked from it, or from one of that, adds another behind it; and it does
/// so in memory of its own.
#[derive(Debug)]
struct Own<T> {
    pid: u32,
    value: T,
    child: OnceLock<Box<Own<T>>>,
}

impl<T: Default> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self { first: OnceLock::new() }
    }

    /// This process's value. To be called once before a fork (see [`crate::fork::before`]): then no thread can be in the
    /// middle of making it while the process forks.
    pub(crate) fn own(&self) -> &T {
        let pid = std::process::id();
        let mut place = &self.first;
        loop {
            let own =
                place.get_or_init(|| Box::new(Own { pid, value: T::default(), child: OnceLock::new() }));
            if own.pid == pid {
                return &own.value;
            }
            place = &own.child;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_process_has_one_value_and_its_child_another() {
        static LIST: PerProcess<Mutex<Vec<u32>>> = PerProcess::new();
        LIST.own().lock().unwrap().push(1);
        assert_eq!(*LIST.own().lock().unwrap(), [1]);
        // As a child finds it: somebody else's value, with its lock held for ever.
        let inherited = PerProcess::<Mutex<Vec<u32>>>::new();
        let parent = Own { pid: 0, value: Mutex::new(vec![7]), child: OnceLock::new() };
        inherited.first.set(Box::new(parent)).unwrap();
        let held = inherited.first.get().unwrap().value.lock().unwrap();
        inherited.own().lock().unwrap().push(2);
        assert_eq!((held.as_slice(), inherited.own().lock().unwrap().as_slice()), (&[7][..], &[2][..]));
    }
}
