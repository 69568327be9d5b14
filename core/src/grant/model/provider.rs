//! The identity provider as far as rotation goes: one family of refresh tokens under strict rotation with a reuse
//! window for the immediately preceding token and breach detection (F3.2–F3.5). Its rules are those of the sandbox.
//! It keeps no clock: spent tokens age with [`Family::age`].

/// Which of several children of one token stay good: what F3.5 leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Siblings {
    /// All of them.
    All,
    /// The one issued last.
    LastOnly,
    /// The one issued first.
    FirstOnly,
}

/// A refresh token: its position in the family.
pub(super) type Token = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    parent: Option<Token>,
    /// Ticks since it was exchanged first.
    spent: Option<u8>,
    lost: bool,
    child_spent: bool,
}

/// How a token stands, without exchanging it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Never exchanged.
    Live,
    /// Exchanged, and good for another time.
    Replayable,
    /// One of its children was exchanged.
    Outrun,
    /// Its window is over.
    Late,
    /// Another child of its parent is good instead.
    Lost,
    /// The family is dead.
    Dead,
}

/// What an exchange leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    /// A new token.
    Issued(Token),
    /// Refused.
    Refused,
}

/// All refresh tokens that follow from one consent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Family {
    nodes: Vec<Node>,
    breached: bool,
}

impl Family {
    /// A consent's first token, [`Token`] 0.
    pub(super) fn start() -> Self {
        Self {
            nodes: vec![Node { parent: None, spent: None, lost: false, child_spent: false }],
            breached: false,
        }
    }

    /// One tick passes.
    pub(super) fn age(&mut self, window: u8) {
        for node in &mut self.nodes {
            node.spent = node.spent.map(|age| if node.child_spent { window } else { window.min(age + 1) });
        }
    }

    /// It takes none of its tokens any more.
    pub(super) fn end(&mut self) {
        self.breached = true;
    }

    /// Whether it has issued this token.
    pub(super) fn has(&self, token: Token) -> bool {
        usize::from(token) < self.nodes.len()
    }

    pub(super) fn standing(&self, token: Token, window: u8) -> Standing {
        let node = &self.nodes[usize::from(token)];
        match node.spent {
            _ if self.breached => Standing::Dead,
            _ if node.lost => Standing::Lost,
            None => Standing::Live,
            Some(_) if node.child_spent => Standing::Outrun,
            Some(age) if age < window => Standing::Replayable,
            Some(_) => Standing::Late,
        }
    }

    /// Whether exchanging it now would give a new token.
    pub(super) fn takes(&self, token: Token, window: u8) -> bool {
        matches!(self.standing(token, window), Standing::Live | Standing::Replayable)
    }

    /// Whether one more tick would end its window.
    pub(super) fn last_chance(&self, token: Token, window: u8) -> bool {
        self.standing(token, window) == Standing::Replayable
            && self.nodes[usize::from(token)].spent.is_some_and(|age| age + 1 >= window)
    }

    /// Exchanges a token, or refuses to.
    pub(super) fn exchange(&mut self, token: Token, window: u8, siblings: Siblings, theft: bool) -> Verdict {
        match self.standing(token, window) {
            Standing::Dead => return Verdict::Refused,
            Standing::Lost => {
                self.breached = theft;
                return Verdict::Refused;
            }
            Standing::Outrun | Standing::Late => {
                self.breached = true;
                return Verdict::Refused;
            }
            Standing::Live | Standing::Replayable => {}
        }
        let replay = self.nodes[usize::from(token)].spent.is_some();
        if replay && siblings == Siblings::LastOnly {
            self.nodes.iter_mut().filter(|node| node.parent == Some(token)).for_each(|node| node.lost = true);
        }
        let node = &mut self.nodes[usize::from(token)];
        node.spent = node.spent.or(Some(0));
        if let Some(parent) = node.parent {
            let parent = &mut self.nodes[usize::from(parent)];
            parent.child_spent = true;
            parent.spent = Some(window);
        }
        let lost = replay && siblings == Siblings::FirstOnly;
        self.nodes.push(Node { parent: Some(token), spent: None, lost, child_spent: false });
        Verdict::Issued(Token::try_from(self.nodes.len() - 1).expect("a short history"))
    }
}
