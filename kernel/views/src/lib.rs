//! From a frame to what a screen shows: levels, reduction, encoding, posters.
