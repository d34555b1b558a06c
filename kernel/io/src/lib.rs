//! File formats: file to source, result to file.
