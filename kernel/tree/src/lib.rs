//! The lazy graph: nodes, caches, workers, whole-scan computations.
