//! Whose call is next: that of the tenant with the fewest calls under way, and among equals the one that has waited
//! longest. No tenant has more than an even share of the calls under way while there is another one, or one may come: a
//! slow one leaves room for all others. Pure.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// What waits, by tenant.
#[derive(Debug)]
pub(super) struct Turns<T> {
    tenants: HashMap<String, Tenant<T>>,
    /// Tenants with something that waits: calls under way, when its turn began, name.
    next: BTreeSet<(usize, u64, String)>,
    clock: u64,
}

#[derive(Debug)]
struct Tenant<T> {
    waiting: VecDeque<T>,
    running: usize,
    since: u64,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { tenants: HashMap::new(), next: BTreeSet::new(), clock: 0 }
    }
}

impl<T> Turns<T> {
    pub(super) fn push(&mut self, name: &str, call: T) {
        self.change(name, |tenant| tenant.waiting.push_back(call));
    }

    /// Takes the next call; its tenant has one more under way then. `slots`: how many may be under way in all.
    /// `more`: whether calls of another tenant may still be pushed.
    pub(super) fn take(&mut self, slots: usize, more: bool) -> Option<T> {
        let tenants = self.tenants.len().saturating_add(usize::from(more)).max(1);
        let (running, _, name) = self.next.first()?;
        if *running >= slots.div_ceil(tenants) {
            return None;
        }
        let name = name.clone();
        self.change(&name, |tenant| {
            tenant.running += 1;
            tenant.waiting.pop_front()
        })
    }

    /// A call of this tenant has ended.
    pub(super) fn ended(&mut self, name: &str) {
        self.change(name, |tenant| tenant.running = tenant.running.saturating_sub(1));
    }

    fn change<R>(&mut self, name: &str, change: impl FnOnce(&mut Tenant<T>) -> R) -> R {
        let tenant = self.tenants.entry(name.to_owned()).or_insert_with(|| Tenant {
            waiting: VecDeque::new(),
            running: 0,
            since: 0,
        });
        self.next.remove(&(tenant.running, tenant.since, name.to_owned()));
        let waiting = tenant.waiting.len();
        let result = change(tenant);
        if tenant.waiting.len() != waiting {
            self.clock += 1;
            tenant.since = self.clock;
        }
        if !tenant.waiting.is_empty() {
            self.next.insert((tenant.running, tenant.since, name.to_owned()));
        } else if tenant.running == 0 {
            self.tenants.remove(name);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_a_slow_one_keeps_its_share() {
        let mut turns = Turns::default();
        for number in 0..100 {
            turns.push("slow", ("slow", number));
        }
        // Four calls at once: those of the quick tenant end at once, those of the slow one never.
        let mut slow = 0;
        while turns.take(4, true).is_some() {
            slow += 1;
        }
        assert_eq!(slow, 2, "another tenant may come");
        for number in 0..100 {
            turns.push("quick", ("quick", number));
        }
        for number in (0..100).step_by(2) {
            for number in [number, number + 1] {
                assert_eq!(turns.take(4, false), Some(("quick", number)), "in the order they were given");
            }
            assert_eq!(turns.take(4, false), None);
            turns.ended("quick");
            turns.ended("quick");
        }
        assert_eq!(turns.take(4, false), Some(("slow", 2)), "nobody else is left");
    }

    #[test]
    fn one_tenant_alone_has_everything() {
        let mut turns = Turns::default();
        (0..5).for_each(|number| turns.push("only", number));
        assert_eq!(std::iter::from_fn(|| turns.take(8, false)).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        (0..5).for_each(|_| turns.ended("only"));
        assert!(turns.take(8, false).is_none() && turns.tenants.is_empty() && turns.next.is_empty());
    }

    #[test]
    fn one_slot_is_enough_for_all() {
        let mut turns = Turns::default();
        (0..9).for_each(|number| turns.push(["a", "b", "c"][number % 3], number));
        for number in 0..9 {
            assert_eq!(turns.take(1, true), Some(number));
            turns.ended(["a", "b", "c"][number % 3]);
        }
    }
}
