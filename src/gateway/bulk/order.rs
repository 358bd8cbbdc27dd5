//! The order of bulk operations (7644-3.7-f): the request's, except that an
//! operation waits for those that make what it refers to. Operations on one
//! resource never change places.

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not begun.
    Waiting,
    /// Its resource is there, without the references that were open.
    Made,
    /// Done or failed.
    Settled,
}

/// The operations that an operation waits for, by index.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs {
    /// Those that make what its data refers to.
    pub(super) references: Vec<usize>,
    /// The one that makes the resource which it is about.
    pub(super) target: Option<usize>,
    /// The one before it on the same resource.
    pub(super) before: Option<usize>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// An operation whose references are all known.
    Run(usize),
    /// An operation of a circle: its open references are left out for now.
    Cut(usize),
    /// The left-out references of an operation are known by now.
    Complete(usize),
}

/// Where all operations stand.
pub(super) struct Order {
    needs: Vec<Needs>,
    stages: Vec<Stage>,
    /// Everything before this one is settled or made.
    first: usize,
}

impl Order {
    pub(super) fn new(needs: Vec<Needs>) -> Self {
        let stages = vec![Stage::Waiting; needs.len()];
        Self { needs, stages, first: 0 }
    }

    pub(super) fn stage(&self, index: usize) -> Stage {
        self.stages.get(index).copied().unwrap_or(Stage::Settled)
    }

    pub(super) fn set(&mut self, index: usize, stage: Stage) {
        if let Some(slot) = self.stages.get_mut(index) {
            *slot = stage;
        }
    }

    /// Operations whose resource lacks references.
    pub(super) fn made(&self) -> Vec<usize> {
        (0..self.stages.len()).filter(|i| self.stage(*i) == Stage::Made).collect()
    }

    /// Chooses what comes next; `None` if all is settled.
    pub(super) fn next(&mut self) -> Option<Next> {
        if let Some(index) = self.made().into_iter().find(|i| self.open_reference(*i).is_none()) {
            return Some(Next::Complete(index));
        }
        while self.first < self.stages.len() && self.stage(self.first) != Stage::Waiting {
            self.first += 1;
        }
        let waiting: Vec<usize> =
            (self.first..self.stages.len()).filter(|i| self.stage(*i) == Stage::Waiting).collect();
        // What refers to a resource that is not complete waits as long as something else can be done.
        let ready = waiting.iter().find(|i| self.blocker(**i, Stage::Settled).is_none());
        let ready = ready.or_else(|| waiting.iter().find(|i| self.blocker(**i, Stage::Made).is_none()));
        match ready {
            Some(index) => Some(Next::Run(*index)),
            None => Some(Next::Cut(self.circle(*waiting.first()?))),
        }
    }

    /// An operation that another waits for; its references must have come at least to `stage`.
    fn blocker(&self, index: usize, stage: Stage) -> Option<usize> {
        let needs = self.needs.get(index)?;
        let settled = |i: &&usize| self.stage(**i) == Stage::Settled;
        let enough = |i: &&usize| settled(i) || (stage == Stage::Made && self.stage(**i) == Stage::Made);
        let resource = needs.before.iter().chain(&needs.target).find(|i| !settled(i));
        resource.or_else(|| needs.references.iter().find(|i| !enough(i))).copied()
    }

    fn open_reference(&self, index: usize) -> Option<usize> {
        let needs = self.needs.get(index)?;
        needs.references.iter().find(|i| self.stage(**i) == Stage::Waiting).copied()
    }

    /// The first operation of a circle that one waits for.
    fn circle(&self, start: usize) -> usize {
        let mut way = vec![start];
        loop {
            let Some(last) = way.last().copied() else { return start };
            let next = match self.stage(last) {
                Stage::Made => self.open_reference(last),
                Stage::Waiting | Stage::Settled => self.blocker(last, Stage::Made),
            };
            let Some(next) = next else { return last };
            if let Some(at) = way.iter().position(|i| *i == next) {
                let circle = way.get(at..).unwrap_or_default();
                let waiting = circle.iter().filter(|i| self.stage(**i) == Stage::Waiting);
                return waiting.min().copied().unwrap_or(start);
            }
            way.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refers(to: &[usize]) -> Needs {
        Needs { references: to.to_vec(), ..Needs::default() }
    }

    fn about(target: usize, before: Option<usize>, to: &[usize]) -> Needs {
        Needs { references: to.to_vec(), target: Some(target), before }
    }

    /// The steps, as text: `0 2! 1 2+` cuts 2 and completes it at the end.
    fn steps(needs: Vec<Needs>) -> String {
        let mut order = Order::new(needs);
        let mut steps = Vec::new();
        while let Some(next) = order.next() {
            let (index, mark, stage) = match next {
                Next::Run(i) => (i, "", Stage::Settled),
                Next::Cut(i) => (i, "!", Stage::Made),
                Next::Complete(i) => (i, "+", Stage::Settled),
            };
            order.set(index, stage);
            steps.push(format!("{index}{mark}"));
            assert!(steps.len() < 100, "{steps:?}");
        }
        steps.join(" ")
    }

    #[test]
    fn the_request_s_order_is_kept_as_far_as_references_let_it() {
        // 7644-3.7-f, 7644-3.7.2-a
        assert_eq!(steps(vec![refers(&[]), refers(&[0]), refers(&[])]), "0 1 2");
        // 0 refers to what 2 makes; 1 keeps its place.
        assert_eq!(steps(vec![refers(&[2]), refers(&[]), refers(&[])]), "1 2 0");
        // 0 and 1 are changes of one resource: 1 does not overtake.
        let changes = vec![refers(&[2]), Needs { before: Some(0), ..Needs::default() }, refers(&[])];
        assert_eq!(steps(changes), "2 0 1");
        // A change of what 2 makes.
        assert_eq!(steps(vec![about(2, None, &[]), refers(&[]), refers(&[])]), "1 2 0");
    }

    /// Any operations: POSTs that refer to any others of them, and changes of what they make.
    fn any_needs() -> impl Strategy<Value = Vec<Needs>> {
        let operation = (any::<bool>(), proptest::collection::vec(0_usize..12, 0..4), 0_usize..12);
        proptest::collection::vec(operation, 1..12).prop_map(|operations| {
            let posts: Vec<usize> =
                (0..operations.len()).filter(|i| operations.get(*i).is_some_and(|o| o.0)).collect();
            let post = |n: &usize| posts.get(n % posts.len().max(1)).copied();
            let mut last = std::collections::HashMap::new();
            let mut all = Vec::new();
            for (index, (is_post, refers, about)) in operations.iter().enumerate() {
                let references = refers.iter().filter_map(post).collect();
                let target = if *is_post { None } else { post(about) };
                let before = target.and_then(|target| last.insert(target, index));
                all.push(Needs { references, target, before });
            }
            all
        })
    }

    proptest! {
        #[test]
        fn every_operation_has_its_turn_and_none_comes_too_early(needs in any_needs()) {
            // 7644-3.7-f, 7644-3.7.1-a
            let mut order = Order::new(needs.clone());
            let mut begun: Vec<usize> = Vec::new();
            let mut steps = 0;
            while let Some(next) = order.next() {
                steps += 1;
                prop_assert!(steps <= 2 * needs.len(), "it does not come to an end");
                let (Next::Run(index) | Next::Cut(index) | Next::Complete(index)) = next;
                let own = needs.get(index).cloned().unwrap_or_default();
                let known = own.references.iter().all(|i| order.stage(*i) != Stage::Waiting);
                prop_assert_eq!(known, !matches!(next, Next::Cut(_)));
                let before = own.before.iter().chain(&own.target);
                prop_assert!(before.clone().all(|i| order.stage(*i) == Stage::Settled));
                if matches!(next, Next::Complete(_)) {
                    prop_assert_eq!(order.stage(index), Stage::Made);
                } else {
                    prop_assert!(!begun.contains(&index), "it has its turn once");
                    begun.push(index);
                }
                order.set(index, if matches!(next, Next::Cut(_)) { Stage::Made } else { Stage::Settled });
            }
            prop_assert_eq!(begun.len(), needs.len());
        }
    }

    #[test]
    fn circles_are_cut_and_completed_before_anything_else_changes_the_resource() {
        // 7644-3.7.1-a
        assert_eq!(steps(vec![refers(&[1]), refers(&[0])]), "0! 1 0+");
        assert_eq!(steps(vec![refers(&[0])]), "0! 0+");
        assert_eq!(steps(vec![refers(&[1]), refers(&[2]), refers(&[0])]), "0! 2 1 0+");
        // 0 is not on the circle that it waits for; 3 changes what 1 makes.
        assert_eq!(
            steps(vec![refers(&[2]), refers(&[2]), refers(&[1]), about(1, None, &[2])]),
            "1! 2 1+ 0 3"
        );
        // Two circles.
        let two = vec![refers(&[1]), refers(&[0]), refers(&[3]), refers(&[2])];
        assert_eq!(steps(two), "0! 1 0+ 2! 3 2+");
        assert_eq!(steps(Vec::new()), "");
    }
}
