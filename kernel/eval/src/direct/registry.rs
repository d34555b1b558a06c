//! What direct cells may call: one line per function and method of the cell's crate. A line calls the real
//! function, and its types are those of the closure.

use std::sync::{Arc, LazyLock};

use signaltree::{
    Axis, DisplayHandle, Frame, Html, Markdown, Open, Region, Restored, SaveOptions, Signal, Svg,
};

use super::convert::{
    Accepts, Borrowed, Line, Names, Owned, Parameter, Path, Position, Rust, Signals, Slice,
};
use super::generated::{METHODS, Parameters};
use super::parameters::Method;
use super::show;
use super::types::Type;
use super::value::Value;

type Call = Box<dyn Fn(&[&Value]) -> Option<Value> + Send + Sync>;

pub(super) struct Entry {
    /// As a cell writes it: `open`, `Region::rectangle`; of a method its name alone.
    pub(super) name: &'static str,
    pub(super) receiver: Option<Type>,
    pub(super) parameters: Vec<Accepts>,
    pub(super) result: Type,
    /// Receiver first. `None` when a value is not of the type the check promised.
    pub(super) call: Call,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name)
    }
}

static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(table);

pub(super) fn function(name: &str) -> Option<&'static Entry> {
    TABLE
        .iter()
        .find(|entry| entry.receiver.is_none() && entry.name == name)
}

pub(super) fn method(receiver: &Type, name: &str) -> Option<&'static Entry> {
    TABLE
        .iter()
        .find(|entry| entry.name == name && entry.receiver.as_ref() == Some(receiver))
}

macro_rules! define {
    ($($make:ident($($parameter:ident $index:literal),*);)*) => {
        $(fn $make<$($parameter: Parameter,)* R: Rust>(
            name: &'static str,
            call: impl Fn($($parameter),*) -> R + Send + Sync + 'static,
        ) -> Entry {
            Entry {
                name,
                receiver: None,
                parameters: vec![$($parameter::accepts()),*],
                result: R::ty(),
                call: Box::new(move |_arguments| {
                    Some(call($($parameter::take(_arguments.get($index)?)?),*).into_value())
                }),
            }
        })*
    };
}

define! {
    of0();
    of1(A 0);
    of2(A 0, B 1);
    of3(A 0, B 1, C 2);
    of4(A 0, B 1, C 2, D 3);
}

/// The first parameter becomes the receiver.
fn on(mut entry: Entry) -> Entry {
    if let Accepts::Type(receiver) = entry.parameters.remove(0) {
        entry.receiver = Some(receiver);
    }
    entry
}

type Pixels = Arc<Frame<'static, f64>>;

fn table() -> Vec<Entry> {
    let mut table = vec![
        of1("open", |path: Path| signaltree::open(path.0)),
        of2("open_with", |path: Path, options: Open| {
            signaltree::open_with(path.0, options)
        }),
        of0("tree", signaltree::tree),
        of0("memory", signaltree::memory),
        of1("memory_budget", |size: Line| {
            signaltree::memory_budget(size.0)
        }),
        of0("restore", || signaltree::restore().map(Arc::new)),
        of0("export", || signaltree::export().map(Arc::new)),
        of2("recipe", |path: Path, signals: Signals| {
            let signals: Vec<&Signal> = signals.0.iter().collect();
            signaltree::recipe(path.0, &signals).map(Arc::new)
        }),
        of1("compute_all", |signals: Signals| {
            let signals: Vec<&Signal> = signals.0.iter().collect();
            signaltree::compute_all(&signals)
        }),
        of1("provenance", |path: Path| {
            signaltree::provenance(path.0).map(Arc::new)
        }),
        of1("replay", |result: Path| {
            signaltree::replay(result.0).map(Arc::new)
        }),
        of2("replay_with", |result: Path, file: Path| {
            signaltree::replay_with(result.0, file.0).map(Arc::new)
        }),
        of1("input", |prompt: Line| signaltree::input(&prompt.0)),
        of1("password", |prompt: Line| signaltree::password(&prompt.0)),
        of0("interrupted", signaltree::interrupted),
        of1("clear_output", signaltree::clear_output),
        of4("Region::rectangle", Region::rectangle),
        of4(
            "Axis::calibrated",
            |name: Line, scale: f64, offset: f64, units: Line| {
                Axis::calibrated(&name.0, scale, offset, &units.0)
            },
        ),
        of2("Axis::named", |name: Line, names: Names| {
            Axis::named(&name.0, names.0.iter().map(String::as_str).collect())
        }),
        of1("Html", |text: Owned| Html(text.0)),
        of1("Markdown", |text: Owned| Markdown(text.0)),
        of1("Svg", |text: Owned| Svg(text.0)),
        of0("String::new", String::new),
        of1("String::from", |text: Line| text.0),
        shown("display", None),
        on(of2("signal", |restored: Arc<Restored>, name: Line| {
            restored.signal(&name.0)
        })),
        on(of1("id", |signal: Signal| signal.id())),
        on(of1("shape", |signal: Signal| signal.shape())),
        on(of1("axes", |signal: Signal| signal.axes())),
        on(of2("value", |axis: Axis, index: usize| axis.value(index))),
        on(of1("values", |axis: Axis| axis.values())),
        on(of2("frame", |signal: Signal, at: Position| {
            signal.frame(&at.0[..]).map(Arc::new)
        })),
        on(of2("peaks", |signal: Signal, at: Position| {
            signal.peaks(&at.0[..])
        })),
        on(of2("values", |signal: Signal, at: Position| {
            signal.values(&at.0[..])
        })),
        on(of2("save", |signal: Signal, path: Path| {
            signal.save(path.0)
        })),
        on(of3(
            "save_with",
            |signal: Signal, path: Path, options: SaveOptions| signal.save_with(path.0, options),
        )),
        on(of2("reshard", |signal: Signal, path: Path| {
            signal.reshard(path.0)
        })),
        on(of1("compute", |signal: Signal| signal.compute())),
        on(of1("undo", |signal: Signal| signal.undo())),
        on(of1("redo", |signal: Signal| signal.redo())),
        on(of1("branch", |signal: Signal| signal.branch())),
        on(of1("export", |signal: Signal| {
            signal.export().map(Arc::new)
        })),
        on(of2("diff", |signal: Signal, other: Borrowed<Signal>| {
            signal.diff(&other.0).map(Arc::new)
        })),
        on(of2("recipe", |signal: Signal, path: Path| {
            signal.recipe(path.0).map(Arc::new)
        })),
        on(of2("rename", |signal: Signal, name: Line| {
            signal.rename(&name.0)
        })),
        on(of1("shape", |frame: Pixels| Slice(frame.shape().to_vec()))),
        on(of1("position", |frame: Pixels| {
            Slice(frame.position().to_vec())
        })),
        on(of1("rows_columns", |frame: Pixels| frame.rows_columns())),
        on(of1("len", |frame: Pixels| frame.len())),
        on(of1("is_empty", |frame: Pixels| frame.is_empty())),
        on(of1("sum", |frame: Pixels| frame.sum())),
        on(of1("mean", |frame: Pixels| frame.mean())),
        on(of1("min", |frame: Pixels| frame.min())),
        on(of1("max", |frame: Pixels| frame.max())),
        on(of2("get", |frame: Pixels, at: (usize, usize)| {
            frame.get(at)
        })),
        on(of1("abs", f64::abs)),
        on(of1("sqrt", f64::sqrt)),
        on(of1("floor", f64::floor)),
        on(of1("ceil", f64::ceil)),
        on(of1("round", f64::round)),
        shown("update", Some(<Arc<DisplayHandle>>::ty())),
    ];
    let mut named: Vec<&Method> = METHODS.iter().collect();
    named.sort_by_key(|method| method.name);
    named.dedup_by_key(|method| method.name);
    table.extend(named.into_iter().map(adding));
    table.push(with_parameters(
        "apply",
        Accepts::AnyParameters,
        |signal, parameters| parameters.apply(signal, &[]).into_value(),
    ));
    let mut change = with_parameters(
        "set_parameters",
        Accepts::AnyParameters,
        |signal, parameters| parameters.set_parameters(signal).into_value(),
    );
    change.result = <signaltree::Result<()>>::ty();
    table.push(change);
    table
}

/// A method of `Signal` that adds a node: of further signals, and of a parameter struct.
fn adding(method: &Method) -> Entry {
    let structs: Vec<&'static str> = (METHODS.iter())
        .filter(|other| other.name == method.name)
        .map(|other| other.parameters)
        .collect();
    let mut parameters = vec![Borrowed::<Signal>::accepts(); method.further];
    let fields = Parameters::fields(method.parameters).unwrap_or_default();
    // Of a struct that chooses no operation: one without fields says nothing, and a lone field that cannot be left out is given
    // as its value.
    let chooses = structs.len() > 1;
    let lone = match fields.as_slice() {
        [(field, ty)] if !chooses && method.further == 0 && !matches!(ty, Type::Option(_)) => {
            Some((*field, ty.clone()))
        }
        _ => None,
    };
    let fixed = (!chooses && (fields.is_empty() || lone.is_some()))
        .then(|| Parameters::default_of(method.parameters))
        .flatten();
    match (&lone, &fixed) {
        (Some((_, ty)), _) => parameters.push(Accepts::Type(ty.clone())),
        (None, Some(_)) => {}
        (None, None) => parameters.push(Accepts::OneOf(structs.leak())),
    }
    Entry {
        name: method.name,
        receiver: Some(Signal::ty()),
        parameters,
        result: <signaltree::Result<Signal>>::ty(),
        call: Box::new(move |arguments| {
            let (signal, rest) = arguments.split_first()?;
            let mut with_value = fixed.clone();
            let (parameters, further) = match (&mut with_value, rest.split_last()) {
                (Some(fixed), Some((value, none))) if lone.is_some() => {
                    let (field, _) = lone.as_ref()?;
                    fixed.set(field, value)?;
                    (&*fixed, none)
                }
                (Some(fixed), _) => (&*fixed, rest),
                (None, Some((Value::Parameters(parameters), further))) => (parameters, further),
                _ => return None,
            };
            let further = (further.iter())
                .map(|value| Some(Borrowed::<Signal>::take(value)?.0))
                .collect::<Option<Vec<Signal>>>()?;
            let further: Vec<&Signal> = further.iter().collect();
            match signal {
                Value::Signal(signal) => Some(parameters.apply(signal, &further).into_value()),
                _ => None,
            }
        }),
    }
}

/// A method of `Signal` that takes a parameter struct.
fn with_parameters(
    name: &'static str,
    accepts: Accepts,
    call: fn(&Signal, &Parameters) -> Value,
) -> Entry {
    Entry {
        name,
        receiver: Some(Signal::ty()),
        parameters: vec![accepts],
        result: <signaltree::Result<Signal>>::ty(),
        call: Box::new(move |arguments| match arguments {
            [Value::Signal(signal), Value::Parameters(parameters)] => {
                Some(call(signal, parameters))
            }
            _ => None,
        }),
    }
}

/// `display(…)`, or a method of what it returned.
fn shown(name: &'static str, receiver: Option<Type>) -> Entry {
    let result = match receiver {
        None => <Arc<DisplayHandle>>::ty(),
        Some(_) => Type::Unit,
    };
    Entry {
        name,
        receiver,
        parameters: vec![Accepts::Shown],
        result,
        call: Box::new(|arguments| match arguments {
            [Value::Handle(handle), content] => {
                handle.update(*content);
                Some(Value::Unit)
            }
            [content] => Some(Arc::new(show::display(content)).into_value()),
            _ => None,
        }),
    }
}
