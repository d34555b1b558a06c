//! Functions of Python, numpy, matplotlib, hyperspy and MATLAB, and what does the same here.

use super::drawings::{PLOTTING, is_showing, shown};
use super::reduced::of_every_frame;
use crate::advice::{Advice, Instead, Notebook};
use crate::text::{decimal, in_brackets, is_name, is_number, is_whole, items};

const NUMERIC: [&str; 6] = ["np", "numpy", "math", "cp", "da", "scipy"];
const READING: [&str; 12] = [
    "hs", "hyperspy", "pxm", "pyxem", "py4DSTEM", "py4dstem", "h5py", "tifffile", "imageio", "io",
    "lt", "nib",
];
const OTHERS: [&str; 8] = [
    "os", "sys", "time", "pd", "glob", "shutil", "pathlib", "json",
];

/// Whether Python people give this name to a module.
pub(crate) fn is_module(name: &str) -> bool {
    let known: [&[&str]; 4] = [&NUMERIC, &PLOTTING, &READING, &OTHERS];
    known.iter().any(|names| names.contains(&name))
}

/// What to write instead of a call, `np.mean(scan)`. The first piece of code takes the place of the call.
pub(crate) fn call(callee: &str, arguments: &[&str], notebook: &Notebook) -> Option<Advice> {
    let (module, function) = callee.rsplit_once('.').unwrap_or(("", callee));
    let root = module.split('.').next().unwrap_or(module);
    if !module.is_empty() && !is_module(root) {
        return method(module, function, arguments, notebook);
    }
    if let (true, [value]) = (module.is_empty(), arguments)
        && let Some(advice) = super::lists::kept(function, value)
    {
        return Some(advice);
    }
    // A function of the notebook's own hides those of others.
    if module.is_empty()
        && (notebook.knows(function) || notebook.cell.contains(&format!("fn {function}")))
    {
        return None;
    }
    let first = arguments.first().copied().unwrap_or_default();
    if PLOTTING.contains(&root) || (module.is_empty() && is_showing(function)) {
        return Some(shown(function, arguments, notebook));
    }
    if READING.contains(&root)
        || (module.is_empty() && matches!(function, "load" | "imread" | "h5read"))
    {
        return reading(function, first);
    }
    if root == "np" || root == "numpy" {
        if let Some(advice) = array(function, arguments) {
            return Some(advice);
        }
        if matches!(function, "load" | "memmap" | "fromfile") {
            return reading("load", first);
        }
    }
    if OTHERS.contains(&root) {
        return system(function, first);
    }
    let plain = module.is_empty();
    match function {
        "print" | "disp" | "fprintf" => Some(printed(arguments, notebook)),
        "len" | "numel" | "length" | "size" | "ndims" | "shape" => Some(length(first, notebook)),
        "mean" | "sum" | "max" | "min" | "amax" | "amin" | "std" | "nanmean" | "nansum"
        | "median" => reduced(function, arguments, notebook),
        "abs" | "sqrt" | "exp" | "log" | "log10" | "log2" | "sin" | "cos" | "tan" | "arctan"
        | "floor" | "ceil" | "round" | "fabs" | "power" | "maximum" | "minimum" => {
            Some(mathematics(function, arguments, notebook))
        }
        "str" | "num2str" if plain => Some(
            Advice::new("the text of a value is made by `format!`").write(match is_name(first) {
                true => format!("format!(\"{{{first}}}\")"),
                false => format!("format!(\"{{}}\", {first})"),
            }),
        ),
        "int" | "float" | "double" if plain => {
            let kind = if function == "int" { "i64" } else { "f64" };
            let value = if is_name(first) || is_number(first) {
                first.to_owned()
            } else {
                format!("({first})")
            };
            Some(
                Advice::new(format!("the kind of a number is changed by `as {kind}`"))
                    .write(format!("{value} as {kind}")),
            )
        }
        "range" | "arange" => {
            Some(Advice::new("a range is written `0..10`").write(range(arguments)))
        }
        "enumerate" => Some(
            Advice::new("values are counted by `.iter().enumerate()`")
                .write(format!("{first}.iter().enumerate()")),
        ),
        "sorted" if plain => Some(Advice::new("a list is sorted in place").write(format!(
            "{{ let mut sorted = {first}.clone(); sorted.sort(); sorted }}"
        ))),
        "type" | "whos" | "class" if plain && is_name(first) => Some(
            Advice::new("`:type` tells the type of a variable, `:vars` those of all")
                .write(format!(":type {first}")),
        ),
        "help" | "dir" | "doc" if plain => Some(
            Advice::new("write `?name` to read about a name, `:help` for the rest").write(
                match is_name(first) {
                    true => format!("?{first}"),
                    false => ":help".into(),
                },
            ),
        ),
        "close" | "delete" if plain && is_name(first) => Some(
            Advice::new("`drop` gives a variable back; its node goes, and its file is closed, when no view and no other node needs it")
                .write(format!("drop({first});")),
        ),
        "ls" | "pwd" | "cd" | "mkdir" | "sleep" if plain => system(function, first),
        "zeros" | "ones" if plain => array(function, arguments),
        _ => None,
    }
}

fn reading(function: &str, path: &str) -> Option<Advice> {
    let reads = matches!(
        function,
        "load"
            | "read"
            | "File"
            | "imread"
            | "open"
            | "h5read"
            | "import_file"
            | "load_file"
            | "file_reader"
    );
    let path = path.replace('\'', "\"");
    let path = if path.is_empty() {
        "\"scan.zspy\""
    } else {
        &path
    };
    reads.then(|| {
        Advice::new("a file is opened with `open`, whatever its format")
            .write(format!("open({path})?"))
    })
}

/// A new array.
fn array(function: &str, arguments: &[&str]) -> Option<Advice> {
    let first = arguments.first().copied().unwrap_or_default();
    let value = match function {
        "zeros" | "empty" => "0.0",
        "ones" => "1.0",
        "full" => arguments.get(1).copied()?,
        "array" | "asarray" => {
            let list = in_brackets(first.strip_prefix("vec!").unwrap_or(first))?;
            let numbers: Vec<String> = items(list).into_iter().map(decimal).collect();
            let code = format!("vec![{}]", numbers.join(", "));
            return Some(Advice::new("a list of numbers is a `Vec`").write(code));
        }
        "linspace" => {
            let [from, to] = [first, arguments.get(1).copied()?].map(decimal);
            let count = arguments.get(2).copied().unwrap_or("50");
            let code = format!(
                "(0..{count}).map(|i| {from} + ({to} - {from}) * i as f64 / ({count} - 1) as f64).collect::<Vec<f64>>()"
            );
            return Some(Advice::new("a list of values is made from a range").write(code));
        }
        _ => return None,
    };
    let value = decimal(value);
    let sizes = in_brackets(first).map_or_else(|| vec![first], items);
    Some(match sizes[..] {
        [rows, columns] => Advice::new("an image of your own is a `Frame`")
            .write(format!("Frame::from_fn(({rows}, {columns}), |_| {value})")),
        [length] => {
            Advice::new("a list of numbers is a `Vec`").write(format!("vec![{value}; {length}]"))
        }
        _ => return None,
    })
}

/// What belongs to the system: folders, clocks.
fn system(function: &str, first: &str) -> Option<Advice> {
    let path = first.replace('\'', "\"");
    Some(match function {
        "ls" | "listdir" | "glob" => Advice::new("a line that begins with `!` goes to the shell; Tab inside `open(\"…\")` lists files too").write("!ls"),
        "pwd" | "getcwd" => Advice::new("a line that begins with `!` goes to the shell").write("!pwd"),
        "cd" | "chdir" => {
            let folder = if path.is_empty() { "\"..\"" } else { &path };
            Advice::new("the folder of the kernel is changed in Rust").write(format!("std::env::set_current_dir({folder})?;"))
        }
        "mkdir" | "makedirs" => Advice::new("a folder is made in Rust").write(format!("std::fs::create_dir_all({path})?;")),
        "time" | "perf_counter" => Advice::new("a clock is started with `Instant::now()` and read with `.elapsed()`; `:timing` does it for every compiled cell").write("std::time::Instant::now()"),
        "sleep" => Advice::new("waiting is written in Rust").write(format!("std::thread::sleep(std::time::Duration::from_secs_f64({}))", decimal(first))),
        _ => return None,
    })
}

fn printed(arguments: &[&str], notebook: &Notebook) -> Advice {
    let quoted = arguments.join(", ");
    let parts = super::lex::parts(&quoted).unwrap_or_default();
    let code = super::printed(&super::lex::split(&parts, ','), notebook) + ";";
    Advice::new("printing is a macro, with `{}` where a value goes: `println!(\"{}\", value);`; or end the cell with the value").write(code)
}

fn length(first: &str, notebook: &Notebook) -> Advice {
    match notebook.kind(first) {
        "Signal" => Advice::new("the sizes of a signal are its shape, scan before frame")
            .write(format!("{first}.shape()?"))
            .write(format!("{first}.shape()?.navigation[0]   // scan rows")),
        "Frame" => Advice::new("the sizes of a frame are its shape, rows before columns")
            .write(format!("{first}.shape()")),
        _ => Advice::new("the length of a list is `list.len()`").write(format!("{first}.len()")),
    }
}

/// A number from many.
fn reduced(function: &str, arguments: &[&str], notebook: &Notebook) -> Option<Advice> {
    let first = arguments.first().copied()?;
    let name = match function {
        "amax" => "max",
        "amin" => "min",
        other => other.trim_start_matches("nan"),
    };
    if let [a, b] = arguments
        && matches!(name, "max" | "min")
        && notebook.kind(first) != "Signal"
        && super::lex::parts(b).is_some_and(|parts| !parts.contains(&super::Part::Sign('=')))
    {
        let code = if is_whole(a) && is_whole(b) {
            format!("std::cmp::{name}({a}, {b})")
        } else {
            format!("{}.{name}({b})", with_type(a))
        };
        return Some(
            Advice::new(format!(
                "the {name}imum of two values is a method of the first"
            ))
            .write(code),
        );
    }
    match notebook.kind(first) {
        // Of a part of the scan, which has become its mean pattern.
        "Signal" if first.contains("MeanPattern {") && !matches!(name, "mean" | "sum") => {
            let largest = first.replace("MeanPattern {", "MaximumPattern {");
            (name == "max").then(|| {
                Advice::new(
                    "the largest value of every pixel in that part of the scan is a pattern",
                )
                .write(largest)
            })
        }
        "Signal" => of_every_frame(first, name, &arguments[1..].join(", "), notebook),
        "Frame" if matches!(name, "mean" | "sum" | "max" | "min") => Some(
            Advice::new(format!("`{name}` is a method of a frame"))
                .write(format!("{first}.{name}()")),
        ),
        _ if first.ends_with(">()") || first.ends_with(">()?") => {
            let code = match name {
                "sum" => format!("{first}.iter().sum::<f64>()"),
                "max" | "min" => format!("{first}.into_iter().reduce(f64::{name})"),
                _ => return None,
            };
            Some(Advice::new("a list is gone through by `.iter()`").write(code))
        }
        // A component of a map.
        _ if first.split_once('.').is_some_and(|(map, component)| {
            notebook.kind(map) == "Signal" && is_name(component)
        }) =>
        {
            let text = "the numbers of one component of a map are put into a frame, which has sum, mean, min and max";
            Some(Advice::new(text).write(format!("{first}.{name}()")))
        }
        _ if !is_name(first) => None,
        _ => {
            let whole = notebook.whole_kind(first);
            let of = whole
                .split_once('<')
                .map_or("f64", |(_, of)| of.trim_end_matches('>'));
            let code = match name {
                "sum" => format!("{first}.iter().sum::<{of}>()"),
                "mean" => format!(
                    "{first}.iter().map(|value| *value as f64).sum::<f64>() / {first}.len() as f64"
                ),
                "max" | "min" => {
                    format!("{first}.iter().map(|value| *value as f64).reduce(f64::{name})")
                }
                _ => return None,
            };
            Some(Advice::new("a list is gone through by `.iter()`").write(code))
        }
    }
}

fn mathematics(function: &str, arguments: &[&str], notebook: &Notebook) -> Advice {
    let first = arguments.first().copied().unwrap_or_default();
    let second = arguments.get(1).copied().unwrap_or_default();
    let method = match function {
        "log" => "ln",
        "fabs" => "abs",
        "arctan" => "atan",
        "maximum" => "max",
        "minimum" => "min",
        other => other,
    };
    match notebook.kind(first) {
        "Signal" => {
            Advice::new("a function of every pixel is added with `map`").write(match method {
                "power" => format!(
                    "{first}.map(|frame: Frame<f32>| frame.mapv(|pixel| pixel.powf({})))?",
                    decimal(second)
                ),
                "max" | "min" => format!(
                    "{first}.map(|frame: Frame<f32>| frame.mapv(|pixel| pixel.{method}({})))?",
                    decimal(second)
                ),
                _ => format!("{first}.map(|frame: Frame<f32>| frame.mapv(f32::{method}))?"),
            })
        }
        "Frame" => Advice::new("a function of every pixel is `mapv`")
            .write(format!("{first}.mapv(f64::{method})")),
        _ if method == "power" => Advice::new("a power is a method of the number")
            .write(super::raised(first, second, notebook)),
        _ if arguments.len() > 1 && matches!(method, "max" | "min") => {
            Advice::new("it is a method of the first number")
                .write(format!("{}.{method}({second})", with_type(first)))
        }
        _ => Advice::new("functions of numbers are methods")
            .write(format!("{}.{method}()", with_type(first))),
    }
}

/// A number that methods can be called on; anything but a name in parentheses.
pub(crate) fn with_type(value: &str) -> String {
    if is_number(value) {
        let number = format!("{}_f64", decimal(value).trim_end_matches('.'));
        return if value.starts_with('-') {
            format!("({number})")
        } else {
            number
        };
    }
    let plain = value
        .chars()
        .all(|letter| letter.is_alphanumeric() || "_.()?[]".contains(letter));
    if plain {
        value.to_owned()
    } else {
        format!("({value})")
    }
}

fn range(arguments: &[&str]) -> String {
    match arguments {
        [end] => format!("0..{end}"),
        [start, end] => format!("{start}..{end}"),
        [start, end, step, ..] => format!("({start}..{end}).step_by({step})"),
        [] => "0..10".into(),
    }
}

/// Methods of lists and texts by their names in Python.
fn method(receiver: &str, name: &str, arguments: &[&str], notebook: &Notebook) -> Option<Advice> {
    let first = arguments.first().copied().unwrap_or_default();
    let kind = notebook.kind(receiver);
    Some(match (kind, name) {
        ("Signal", "plot" | "show") => Advice::new("a signal is shown by the last line of a cell")
            .write(receiver)
            .instead(Instead::Shown),
        ("Signal", function) => {
            return of_every_frame(receiver, function, &arguments.join(", "), notebook);
        }
        // A list of this very cell.
        ("", "append") if super::scopes::gives(notebook.cell, receiver) => {
            Advice::new("a list grows by `push`, if its variable is `mut`")
                .write(format!("{receiver}.push({first})"))
        }
        ("Vec" | "", "append" | "add") => grown(receiver, first),
        ("Vec" | "Frame" | "String" | "str" | "", "size" | "length" | "__len__") => {
            Advice::new("the length of a list is `list.len()`").write(format!("{receiver}.len()"))
        }
        ("Vec", "sum" | "mean" | "max" | "min") => return reduced(name, &[receiver], notebook),
        _ => return None,
    })
}

/// A list that gets one more value.
pub(crate) fn grown(list: &str, value: &str) -> Advice {
    Advice::new("a list grows by `push`, if its variable is `mut`")
        .write(format!("let mut {list} = {list};\n{list}.push({value});"))
}
