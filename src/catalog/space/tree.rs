//! A static R-tree without pointers.
//!
//! Leaves are rectangles in an order that the caller chose; sixteen neighbours make a node, sixteen nodes one of the next
//! level, all in one array. What lies below a node is thus a contiguous range of leaves. Building is one pass, O(n); a
//! rectangle takes 16 bytes, the nodes a fifteenth of the leaves.

use std::ops::Range;

use super::{Bounds, count};

/// Children of a node: a node's rectangles fill four cache lines.
pub(super) const NODE: u32 = 16;

/// The rectangles of all levels.
#[derive(Debug, Default)]
pub(super) struct PackedTree {
    /// Leaves first, then level by level.
    boxes: Vec<[f32; 4]>,
    /// Where each level starts in `boxes`, and the end.
    starts: Vec<u32>,
}

/// A node or leaf on a walk.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Around everything below it.
    pub(super) bounds: Bounds,
    /// The leaves below it; a leaf has itself.
    pub(super) leaves: Range<u32>,
    /// Among all nodes, level by level: leaves come first.
    pub(super) number: u32,
}

/// What to do after a node was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on behind it.
    Skip,
    /// Look at its children.
    Descend,
    /// Leave the tree.
    Stop,
}

impl PackedTree {
    /// Takes the rectangles in their order.
    pub(super) fn new(mut boxes: Vec<[f32; 4]>) -> Self {
        let mut starts = vec![0, count(boxes.len())];
        loop {
            let level = starts[starts.len() - 2] as usize..boxes.len();
            if level.len() <= NODE as usize {
                boxes.shrink_to_fit();
                return Self { boxes, starts };
            }
            for first in level.clone().step_by(NODE as usize) {
                let children = &boxes[first..level.end.min(first + NODE as usize)];
                let node = children.iter().fold(Bounds::NOTHING, |all, child| all.union(Bounds(*child)));
                boxes.push(node.0);
            }
            starts.push(count(boxes.len()));
        }
    }

    /// Number of leaves.
    pub(super) fn len(&self) -> u32 {
        self.starts.get(1).copied().unwrap_or(0)
    }

    /// The leaves.
    pub(super) fn leaves(&self) -> &[[f32; 4]] {
        &self.boxes[..self.len() as usize]
    }

    /// The rectangles level by level, leaves first.
    pub(super) fn levels(&self) -> impl Iterator<Item = &[[f32; 4]]> {
        self.starts.windows(2).map(|ends| &self.boxes[ends[0] as usize..ends[1] as usize])
    }

    /// The rectangle around everything.
    pub(super) fn bounds(&self) -> Bounds {
        let top = self.starts.len().checked_sub(2).map_or(0, |top| self.starts[top] as usize);
        self.boxes[top..].iter().fold(Bounds::NOTHING, |all, node| all.union(Bounds(*node)))
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.boxes.as_slice()) + size_of_val(self.starts.as_slice())
    }

    /// Looks at nodes from the top, in the order of the leaves. True when `visit` said [`Step::Stop`].
    pub(super) fn walk(&self, mut visit: impl FnMut(Node) -> Step) -> bool {
        let Some(top) = self.starts.len().checked_sub(2) else { return false };
        self.walk_level(top, 0..self.starts[top + 1] - self.starts[top], &mut visit)
    }

    /// The depth of the recursion is that of the tree: eight levels hold four billion leaves.
    fn walk_level(&self, level: usize, nodes: Range<u32>, visit: &mut impl FnMut(Node) -> Step) -> bool {
        let start = self.starts[level];
        for node in nodes {
            let number = start + node;
            let bounds = Bounds(self.boxes[number as usize]);
            match visit(Node { bounds, leaves: self.leaves_below(level, node), number }) {
                Step::Skip => {}
                Step::Stop => return true,
                Step::Descend if level == 0 => {}
                Step::Descend => {
                    let below = start - self.starts[level - 1];
                    let children = node * NODE..below.min((node + 1) * NODE);
                    if self.walk_level(level - 1, children, visit) {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn leaves_below(&self, level: usize, node: u32) -> Range<u32> {
        let width = (0..level).fold(1u64, |width, _| width * u64::from(NODE));
        let first = u64::from(node) * width;
        let last = (first + width).min(u64::from(self.len()));
        u32::try_from(first).unwrap_or(u32::MAX)..u32::try_from(last).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn squares(corners: &[(f32, f32)]) -> Vec<[f32; 4]> {
        corners.iter().map(|(x, y)| [*x, *y, x + 1.0, y + 1.0]).collect()
    }

    proptest! {
        #[test]
        fn a_walk_finds_what_a_scan_finds(
            corners in prop::collection::vec((0.0f32..100.0, 0.0f32..100.0), 0..700),
            (x, y) in (0.0f32..100.0, 0.0f32..100.0),
        ) {
            let boxes = squares(&corners);
            let sought = Bounds([x, y, x + 9.0, y + 9.0]);
            let scanned: Vec<u32> =
                (0..count(boxes.len())).filter(|i| Bounds(boxes[*i as usize]).meets(sought)).collect();
            let tree = PackedTree::new(boxes.clone());
            prop_assert_eq!(tree.leaves(), boxes.as_slice());
            let mut walked = Vec::new();
            tree.walk(|Node { bounds, leaves, .. }| {
                let around = boxes[leaves.start as usize..leaves.end as usize]
                    .iter()
                    .fold(Bounds::NOTHING, |all, leaf| all.union(Bounds(*leaf)));
                assert_eq!(bounds, around);
                if !bounds.meets(sought) {
                    Step::Skip
                } else if leaves.len() == 1 {
                    walked.push(leaves.start);
                    Step::Skip
                } else {
                    Step::Descend
                }
            });
            prop_assert_eq!(walked, scanned);
        }
    }

    #[test]
    fn a_walk_ends_where_it_is_told_to() {
        let tree = PackedTree::new(squares(&[(0.0, 0.0); 300]));
        let mut seen = 0;
        let stopped = tree.walk(|node| {
            seen += usize::from(node.leaves.len() == 1);
            if seen == 20 { Step::Stop } else { Step::Descend }
        });
        assert!(stopped);
        assert_eq!(seen, 20);
        assert!(!PackedTree::default().walk(|_| Step::Stop), "an empty tree has no nodes");
    }
}
