//! What makes a new operation one file and one line.

/// The operations of a folder, a line for each file: declares the module, and enters what is in it into the registry. The order
/// is that of the menu.
///
/// Formatters do not see a file that a macro declares: `rustfmt --edition 2024 FILE`, which `cargo xtask check` does for all.
macro_rules! operations {
    ($($visibility:vis mod $module:ident: $($operation:ident),+;)+) => {
        $($visibility mod $module;)+

        pub const OPERATIONS: &[&dyn signal::Registered] = &[
            $($(&signal::Bound::<$module::$operation>::entry()),+),+
        ];
    };
}
