//! Trees of rows.

use crate::sys::memory::List;
use crate::text::order::{lower_bound, sort};

/// One row's place. Nodes are named by their index: row N has node N + 1, and node 0 stands above all.
#[derive(Clone, Copy, Default)]
struct Node {
    parent: usize,
    child: usize,
    next: usize,
    depth: usize,
    /// Its place in the order from above; 0: not yet known.
    place: usize,
}

/// Rows below each other.
pub struct Tree {
    nodes: List<Node>,
    /// Rows, sorted by their own numbers.
    by_number: List<usize>,
}

impl Tree {
    /// An empty one, all zero.
    pub const fn new() -> Self {
        Self { nodes: List::new(), by_number: List::new() }
    }

    /// Makes the tree of rows, each its own number and its parent's, and sorts `order`, which are rows, as a walk through
    /// the tree meets them. A row whose parent is not here stands at the top. Without rows there is no tree.
    #[inline(never)]
    pub fn make(&mut self, rows: &[[u64; 2]], order: &mut [usize]) {
        self.nodes.truncate(0);
        self.by_number.truncate(0);
        if rows.is_empty() {
            return;
        }
        self.nodes.push(Node::default());
        for row in 0..rows.len() {
            self.by_number.push(row);
            self.nodes.push(Node::default());
        }
        let number = |row: usize| rows.get(row).map_or(0, |row| row[0]);
        sort(self.by_number.items_mut(), &|one, other| number(one) < number(other));
        let count = self.by_number.items().len();
        for (row, [own, parent]) in rows.iter().enumerate().rev() {
            let nth = |index: usize| self.by_number.at(index).unwrap_or_default();
            let index = lower_bound(count, &|index| number(nth(index)) < *parent);
            let is_found = index < count && number(nth(index)) == *parent && parent != own;
            let above = if is_found { nth(index) + 1 } else { 0 };
            self.link(row + 1, above);
        }
        self.walk();
        sort(order, &|one, other| self.node(one + 1).place < self.node(other + 1).place);
    }

    #[inline(never)]
    fn node(&self, index: usize) -> &Node {
        static NOWHERE: Node = Node { parent: 0, child: 0, next: 0, depth: 0, place: 0 };
        self.nodes.items().get(index).unwrap_or(&NOWHERE)
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.at_mut(index) {
            change(node);
        }
    }

    /// Puts a node before the other children of its parent.
    fn link(&mut self, node: usize, parent: usize) {
        let next = self.node(parent).child;
        self.change(parent, |above| above.child = node);
        self.change(node, |own| (own.parent, own.next) = (parent, next));
    }

    /// Numbers all nodes from above. A table that changes while it is read may have rows below each other in a ring:
    /// they come last.
    #[inline(never)]
    fn walk(&mut self) {
        let count = self.nodes.items().len();
        let (mut at, mut depth, mut place) = (self.node(0).child, 0, 0);
        while at != 0 {
            place += 1;
            self.change(at, |node| (node.depth, node.place) = (depth, place));
            let child = self.node(at).child;
            if child != 0 {
                (at, depth) = (child, depth + 1);
                continue;
            }
            while at != 0 && self.node(at).next == 0 {
                (at, depth) = (self.node(at).parent, depth.saturating_sub(1));
            }
            at = self.node(at).next;
        }
        for index in 1..count {
            if self.node(index).place == 0 {
                self.change(index, |node| (node.place, node.depth) = (count + index, 0));
            }
        }
    }

    /// How many rows are above a row.
    pub fn depth(&self, row: usize) -> usize {
        self.node(row + 1).depth
    }

    /// Whether no other row follows below the same one.
    pub fn is_last(&self, row: usize) -> bool {
        self.node(row + 1).next == 0
    }

    /// The row above; for those that have none it means nothing.
    pub fn parent(&self, row: usize) -> usize {
        self.node(row + 1).parent.wrapping_sub(1)
    }

    /// Whether something of it could not be held.
    pub const fn has_failed(&self) -> bool {
        self.nodes.has_failed() | self.by_number.has_failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(rows: &[[u64; 2]]) -> Vec<String> {
        let mut tree = Tree::new();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        tree.make(rows, &mut order);
        order
            .iter()
            .map(|row| format!("{}{}", "-".repeat(tree.depth(*row)), rows[*row][0]))
            .collect()
    }

    #[test]
    fn rows_stand_below_their_parents_in_their_order() {
        assert_eq!(
            drawn(&[[5, 9], [2, 5], [3, 5], [4, 2], [7, 7], [6, 4]]),
            ["5", "-2", "--4", "---6", "-3", "7"]
        );
        assert_eq!(drawn(&[]), [] as [&str; 0]);
        // A ring, and two rows of one number: none is lost.
        assert_eq!(drawn(&[[1, 2], [2, 1], [3, 0]]), ["3", "1", "2"]);
        assert_eq!(drawn(&[[1, 0], [1, 0], [2, 1]]).len(), 3);
    }

    #[test]
    fn a_deep_tree_needs_no_stack() {
        let rows: Vec<[u64; 2]> = (1..=100_000).map(|number| [number, number - 1]).collect();
        let mut tree = Tree::new();
        tree.make(&rows, &mut []);
        assert_eq!(tree.depth(99_999), 99_999);
    }
}
