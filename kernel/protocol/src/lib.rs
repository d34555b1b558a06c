//! Messages between kernel, cells and widget.
