//! What moves, cuts or joins pixels and scan positions.

#[cfg(test)]
mod testing;

operations! {
    pub mod center_direct_beam: MoveToBeam;
    pub mod crop_signal: CutSignal;
    pub mod rebin_signal: JoinPixels;
    pub mod crop_scan: CutScan;
    pub mod rebin_scan: JoinPositions;
}
