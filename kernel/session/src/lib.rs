//! One session: the tree, its views and the table of requests.

pub mod sample;
