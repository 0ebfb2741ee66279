//! Disjoint sets of numbered things, which are united and never split again.

/// Sets of the numbers `0..len`; at first each number is a set of its own.
pub(super) struct DisjointSets {
    /// Another of the same set, or itself: then it stands for the set.
    parents: Vec<usize>,
}

impl DisjointSets {
    pub(super) fn new(len: usize) -> Self {
        Self { parents: (0..len).collect() }
    }

    /// The number that stands for the set of `number`.
    pub(super) fn root(&mut self, mut number: usize) -> usize {
        while let Some(parent) = self.parent(number).filter(|parent| *parent != number) {
            // Every second step is left out the next time, so that no way stays long.
            let next = self.parent(parent).unwrap_or(parent);
            if let Some(place) = self.parents.get_mut(number) {
                *place = next;
            }
            number = next;
        }
        number
    }

    /// Makes one set of the sets of both; answers which number stands for it.
    pub(super) fn unite(&mut self, one: usize, another: usize) -> usize {
        let (one, another) = (self.root(one), self.root(another));
        let (root, other) = (one.min(another), one.max(another));
        if let Some(place) = self.parents.get_mut(other) {
            *place = root;
        }
        root
    }

    fn parent(&self, number: usize) -> Option<usize> {
        self.parents.get(number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_united_has_one_root_and_everything_else_its_own() {
        let mut sets = DisjointSets::new(6);
        assert_eq!(sets.unite(4, 1), 1);
        assert_eq!(sets.unite(5, 4), 1);
        sets.unite(2, 3);
        let roots: Vec<usize> = (0..6).map(|number| sets.root(number)).collect();
        assert_eq!(roots, [0, 1, 2, 2, 1, 1]);
        sets.unite(3, 5);
        assert_eq!(sets.root(2), sets.root(4));
    }
}
