//! SignalTree inside a cell.
