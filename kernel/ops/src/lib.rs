//! Operations: what one node of the tree computes.
