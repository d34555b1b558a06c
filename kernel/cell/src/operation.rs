/// The parameters of one operation; every parameter struct (`RadialMedian`, `StrainMap`, …) is one.
pub trait Operation: Clone + Default + std::fmt::Debug {
    /// Name of the operation in the tree: `radial_median`.
    const NAME: &'static str;
    /// Units, allowed values and meaning of every parameter, in order.
    #[doc(hidden)]
    const ABOUT: &'static [[&'static str; 3]] = &[];
    /// Name and JSON of every parameter, in order.
    #[doc(hidden)]
    fn fields(&self) -> Vec<(&'static str, String)>;

    #[doc(hidden)]
    fn to_json(&self) -> String {
        let members: Vec<String> = self
            .fields()
            .into_iter()
            .map(|(name, json)| format!("{}:{json}", crate::json::quoted(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
