//! Evaluating cells inside the kernel process.
