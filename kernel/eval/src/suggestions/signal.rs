//! What signals and frames do not have, and what does the same.

mod elsewhere;

use super::api;
use super::diagnostic::{Diagnostic, MethodCall};
use crate::advice::{Advice, Holds, Instead};
use crate::api::API;
use crate::foreign;
use crate::repair;
use crate::text::{in_brackets, is_name, last_expression};
use crate::typing::bare;
pub(super) use elsewhere::SHOWING;
use elsewhere::{CALIBRATING, ELSEWHERE, FRAMES, LAZY, MISSING, OWN_STEP};

/// A method that `Signal` does not have, or that belongs to an iterator.
pub(super) fn method(diagnostic: &Diagnostic) -> Option<Advice> {
    let of_result = diagnostic.value_of_result() == Some("Signal");
    let missing = diagnostic.code == "E0599"
        && (diagnostic.message.contains("for struct `Signal`")
            || diagnostic
                .message
                .starts_with("`Signal` is not an iterator")
            || of_result);
    if !missing {
        return None;
    }
    let name = diagnostic.text.as_str();
    let call = diagnostic.method_call();
    let receiver = call
        .as_ref()
        .map_or(diagnostic.notebook.signal(), |call| call.receiver);
    let tried = format!("{receiver}?");
    let receiver = match of_result {
        true => tried.as_str(),
        false => receiver,
    };
    let instead = |advice: Advice| at_call(diagnostic, call.as_ref(), advice);
    let arguments = call.as_ref().map_or("", |call| call.arguments);
    if let Some(advice) = foreign::of_every_frame(receiver, name, arguments, diagnostic.notebook) {
        return Some(instead(advice));
    }
    if SHOWING.contains(&name) {
        return Some(shown(diagnostic, receiver));
    }
    if let Some(found) = repair::operation(name).filter(|_| !has_method(name)) {
        return Some(instead(
            Advice::new(format!(
                "\"{}\" is called as `{}`, with its parameters",
                found.title, found.method
            ))
            .write(format!("{receiver}.{}", found.call())),
        ));
    }
    if let Some((_, ours, parameters)) = known_elsewhere(name) {
        return Some(instead(elsewhere(
            receiver,
            ours,
            parameters,
            call.as_ref(),
        )));
    }
    if FRAMES.contains(&name) {
        let at = call.as_ref().map_or("", |call| call.arguments);
        let at = match at.split(',').count() {
            2 => format!("({})", at.trim()),
            _ => "(0, 0)".into(),
        };
        let holds = diagnostic.notebook.holds(receiver);
        let mut advice = foreign::at_position(receiver, &at, holds);
        if holds == Holds::Frames {
            advice.text += "; what is done with each of them is a `map`";
        }
        return Some(instead(advice));
    }
    if diagnostic.notebook.holds(receiver) == Holds::Peaks
        && (OWN_STEP.contains(&name) || MISSING.contains(&name))
    {
        let mut advice = foreign::at_position(receiver, "(0, 0)", Holds::Peaks);
        advice.text = format!("no step of your own goes over peaks yet; {}", advice.text);
        return Some(instead(advice));
    }
    if LAZY.contains(&name) {
        return Some(instead(
            Advice::new("a signal reads what is looked at; `compute()?` keeps all of it in memory, if it fits")
                .write(format!("{receiver}.compute()?")),
        ));
    }
    if CALIBRATING.contains(&name) {
        return Some(
            Advice::new("axes are given when the file is opened: all of them, scan before frame")
                .write("?Open"),
        );
    }
    if OWN_STEP.contains(&name) {
        return Some(instead(own_step(receiver, name)));
    }
    if MISSING.contains(&name) {
        return Some(instead(
            Advice::new(format!(
                "there is no step `{name}` yet; a step of your own on every frame is `map`"
            ))
            .write(format!(
                "{receiver}.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?"
            )),
        ));
    }
    // `scan.tree()`
    if let Some(function) = API.functions.iter().find(|entry| entry.name == name) {
        let tail = match function.signature.contains("-> Result<") {
            true => "?",
            false => "",
        };
        let arguments = call.as_ref().map_or("", |call| call.arguments);
        return Some(instead(
            Advice::new(format!("`{name}` is called by itself"))
                .write(format!("{name}({arguments}){tail}")),
        ));
    }
    api::nearest_method(diagnostic, "Signal").or_else(|| {
        Some(
            Advice::new(format!(
                "a signal has no `{name}`; Tab behind `{receiver}.` lists what it has, and `?Signal` describes it"
            ))
            .write("?Signal"),
        )
    })
}

/// What a name of another program is called here.
fn known_elsewhere(name: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let exactly = ELSEWHERE.iter().find(|(theirs, ..)| name == *theirs);
    // `find_peaks_interactive`, but not everything that begins like `com`.
    let begins = |theirs: &str| theirs.len() > 8 && name.starts_with(theirs);
    exactly.or_else(|| ELSEWHERE.iter().find(|(theirs, ..)| begins(theirs)))
}

/// The call here for a method that another program has.
pub(super) fn called_elsewhere(receiver: &str, name: &str) -> Option<Advice> {
    let (_, ours, parameters) = known_elsewhere(name).filter(|_| !has_method(name))?;
    Some(elsewhere(receiver, ours, parameters, None))
}

fn has_method(name: &str) -> bool {
    API.members("Signal").iter().any(|entry| entry.name == name)
}

/// The advice with its code in the place of the call, on the line of the error.
fn at_call(diagnostic: &Diagnostic, call: Option<&MethodCall>, advice: Advice) -> Advice {
    let Some(call) = call else { return advice };
    let mut placed = Advice::new(advice.text).instead(advice.instead);
    for code in &advice.write {
        let line = diagnostic.with_range(call.from, call.to, code);
        placed = placed.write(if line.is_empty() { code.clone() } else { line });
    }
    placed
}

/// The value itself on a line of its own.
fn shown(diagnostic: &Diagnostic, receiver: &str) -> Advice {
    let advice = Advice::new(format!(
        "a signal is shown by the last line of a cell: end the cell with `{receiver}`"
    ));
    let advice = match is_name(receiver) {
        true => advice.write(receiver),
        false => advice.write(diagnostic.mended(receiver)),
    };
    advice.instead(Instead::Shown)
}

fn elsewhere(receiver: &str, ours: &str, parameters: &str, call: Option<&MethodCall>) -> Advice {
    let text = format!("here it is `{ours}`");
    let takes = API.parameters_of(ours);
    let given = call.map_or("", |call| call.arguments.trim());
    let code = match ours {
        "clone" => format!("{receiver}.clone()"),
        "remove" => {
            let advice = Advice::new(
                "`drop` gives a variable back; its node goes, and its file is closed, when no view and no other node needs it",
            );
            return match is_name(receiver) {
                true => advice.write(format!("drop({receiver});")),
                false => advice,
            };
        }
        "save" if given.is_empty() => format!("{receiver}.save(\"result.zspy\")?"),
        "save" => format!("{receiver}.save({given})?"),
        "reconstruct" if given.is_empty() => format!("{receiver}.reconstruct(5)?"),
        "reconstruct" => format!("{receiver}.reconstruct({given})?"),
        _ if !takes.is_empty() => {
            let first = if parameters.is_empty() {
                takes[0]
            } else {
                parameters
            };
            // Parameters of ours stay.
            let own = takes.iter().any(|name| given.starts_with(name));
            match own {
                true => format!("{receiver}.{ours}({given})?"),
                false => format!(
                    "{receiver}.{}?",
                    API.call(ours, &format!("{first}::default()"))
                ),
            }
        }
        _ => format!("{receiver}.{ours}()?"),
    };
    Advice::new(text).write(code)
}

fn own_step(receiver: &str, name: &str) -> Advice {
    let text = "a step of your own on every frame is `map`";
    let pixels = match name {
        "abs" | "sqrt" | "exp" | "log10" => format!("frame.mapv(f32::{name})"),
        "log" => "frame.mapv(f32::ln)".into(),
        "clip" => "frame.mapv(|pixel| pixel.max(0.0))".into(),
        "astype" | "change_dtype" => "frame.mapv(f64::from)".into(),
        "normalize" => "{ let sum = frame.sum() as f32; frame.mapv(|pixel| pixel / sum) }".into(),
        _ => "frame.mapv(|pixel| pixel.max(0.0).sqrt())".into(),
    };
    Advice::new(text).write(format!("{receiver}.map(|frame: Frame<f32>| {pixels})?"))
}

/// A field that `Signal` does not have.
pub(super) fn field(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0609" || bare(diagnostic.quoted(1)?) != "Signal" {
        return None;
    }
    let name = diagnostic.quoted(0)?;
    let before = diagnostic.before.trim_end().strip_suffix('.')?;
    let receiver = last_expression(before);
    let from = before.len() - receiver.len();
    let end = diagnostic.before.len() + diagnostic.text.len();
    let with = |advice: Advice, to: usize| {
        let mut placed = Advice::new(advice.text);
        for code in &advice.write {
            let line = diagnostic.with_range(from, to, code);
            placed = placed.write(if line.is_empty() { code.clone() } else { line });
        }
        placed
    };
    // `open(scan.zspy)`
    if before[..from].ends_with('(')
        && matches!(
            name,
            "zspy" | "zarr" | "npy" | "mrc" | "hspy" | "h5" | "hdf5"
        )
    {
        return Some(with(
            Advice::new("a path is a text in double quotes")
                .write(format!("\"{receiver}.{name}\"")),
            end,
        ));
    }
    if let Some(inner) =
        in_brackets(&diagnostic.behind).filter(|_| diagnostic.behind.starts_with('['))
    {
        let base = format!("{receiver}.{name}");
        let to = end + inner.len() + 2;
        let behind = &diagnostic.behind[inner.len() + 2..];
        if let Some((advice, used)) =
            foreign::index_and_call(&base, inner, behind, diagnostic.notebook)
                .filter(|_| matches!(name, "inav" | "isig" | "data"))
        {
            return Some(with(advice, to + used));
        }
    }
    let whole = format!("{receiver}.{name}");
    let advice = match name {
        "T" => Advice::new(
            "there is no transposed signal: the view of a signal shows scan and frame side by side, and the image of \
             one detector pixel is a virtual disk of radius 0",
        )
        .write(receiver)
        .write(format!("{receiver}.virtual_image(Disk {{ radius: 0.0, ..default() }})?")),
        "data" | "inav" | "isig" | "values"
            if diagnostic.notebook.holds(receiver) == Holds::Map =>
        {
            return Some(super::component::asked(diagnostic, receiver, 0, from, end));
        }
        "data" | "inav" | "isig" | "values"
            if diagnostic.notebook.holds(receiver) == Holds::Peaks =>
        {
            foreign::at_position(receiver, "(0, 0)", Holds::Peaks)
        }
        "data" | "inav" | "isig" | "values" => {
            let advice = Advice::new(
                "the pixels are read frame by frame, so that a file may be larger than memory: `frame((row, column))?`",
            )
            .write(format!("{receiver}.frame((0, 0))?"));
            // `scan.data.mean(axis=0)`
            let call = diagnostic.behind.strip_prefix('.').and_then(|rest| {
                let open = rest.find('(')?;
                Some((&rest[..open], in_brackets(&rest[open..])?))
            });
            if let Some((function, inner)) = call
                && let Some(advice) = foreign::of_every_frame(receiver, function, inner, diagnostic.notebook)
            {
                return Some(with(advice, end + 1 + function.len() + inner.len() + 2));
            }
            // `scan.data.shape` goes on.
            let rest = diagnostic.behind.starts_with(".shape");
            if rest {
                return Some(with(
                    Advice::new("the sizes of a signal are `shape()?`").write(format!("{receiver}.shape()?")),
                    end + ".shape".len(),
                ));
            }
            advice
        }
        "axes_manager" => Advice::new("the axes of a signal are a list, scan before frame")
            .write(format!("{receiver}.axes()?")),
        _ if SHOWING.contains(&name) => return Some(shown(diagnostic, receiver)),
        "name" | "title" | "units" | "unit" | "filename" | "path" | "parameters" | "params" => {
            Advice::new("`?` before the name of a signal tells what it is called, its units, its file and its parameters")
                .write(format!("?{receiver}"))
        }
        "dtype" | "ndim" => Advice::new("`?` behind the name of a signal tells its shape and the type of its pixels")
            .write(format!("?{receiver}")),
        _ if has_method(name) => return None,
        _ => {
            if let Some(advice) = foreign::of_every_frame(receiver, name, "", diagnostic.notebook) {
                return Some(with(advice, end));
            }
            if let Some(advice) = called_elsewhere(receiver, name) {
                return Some(with(advice, end));
            }
            Advice::new(format!(
                "`{whole}` does not exist; Tab behind `{receiver}.` lists what a signal has, and `?Signal` describes it"
            ))
            .write("?Signal")
        }
    };
    let own_line = advice
        .write
        .first()
        .is_some_and(|code| code.starts_with('?') || code == receiver);
    Some(if own_line { advice } else { with(advice, end) })
}
