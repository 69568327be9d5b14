//! Operations by the parts of their paths.

use std::collections::HashMap;

use super::Operation;

/// A place in a path.
#[derive(Debug, Default)]
pub(super) struct Tree {
    literal: HashMap<&'static str, Tree>,
    parameter: Option<Box<Tree>>,
    /// What ends here, one for each method.
    operations: Vec<Operation>,
}

impl Tree {
    /// Of several operations with the same method and template the first stays.
    pub(super) fn of(operations: impl Iterator<Item = Operation>) -> Self {
        let mut root = Self::default();
        for operation in operations {
            let mut at = &mut root;
            for part in operation.path.trim_matches('/').split('/') {
                at = match part.starts_with('{') {
                    true => at.parameter.get_or_insert_default(),
                    false => at.literal.entry(part).or_default(),
                };
            }
            if at.operations.iter().all(|other| other.method != operation.method) {
                at.operations.push(operation);
            }
        }
        root
    }

    /// The place that these parts lead to.
    pub(super) fn under(&self, parts: &[&str]) -> Option<&Self> {
        parts.iter().try_fold(self, |at, part| at.literal.get(*part))
    }

    /// The operation at the end of `path`, which is `None` where it ends here. Goes as deep as the longest template at
    /// most, whatever the path, and allocates nothing.
    pub(super) fn find(&self, method: &str, path: Option<&str>) -> Option<&Operation> {
        let Some(path) = path else {
            return self.operations.iter().find(|one| one.method == method);
        };
        let (part, rest) = path.split_once('/').map_or((path, None), |(part, rest)| (part, Some(rest)));
        let literal = self.literal.get(part).and_then(|tree| tree.find(method, rest));
        let parameter = || self.parameter.as_ref().filter(|_| !part.is_empty())?.find(method, rest);
        literal.or_else(parameter)
    }
}
