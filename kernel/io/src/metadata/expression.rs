//! Arithmetic as files write it down for an axis: `a * x**2 + sqrt(b)`.
//!
//! hyperspy's `FunctionalDataAxis` keeps a text in the syntax of sympy. Numbers, names, `+ - * / ** ^`, signs,
//! parentheses and the usual functions of one or two arguments are understood; of anything else the message says
//! which word or sign it is.

/// A text longer than this is no formula of an axis.
const MAX_BYTES: usize = 4096;
/// Parentheses, signs and powers inside each other.
const DEEPEST: usize = 64;

/// A parsed formula.
pub struct Expression(Node);

enum Node {
    Number(f64),
    Name(String),
    Negative(Box<Node>),
    Pair(Sign, Box<Node>, Box<Node>),
    One(fn(f64) -> f64, Box<Node>),
    Two(fn(f64, f64) -> f64, Box<Node>, Box<Node>),
}

#[derive(Clone, Copy)]
enum Sign {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Expression {
    /// # Errors
    /// What of the text is not understood, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("it has {} characters", text.len()));
        }
        let mut parser = Parser {
            rest: text.trim_start(),
            depth: 0,
        };
        let node = parser.sum()?;
        match parser.rest.chars().next() {
            None => Ok(Expression(node)),
            Some(_) => Err(parser.unexpected()),
        }
    }

    /// The value for the names that `value_of` knows.
    ///
    /// # Errors
    /// The name that has no value.
    pub fn value(&self, value_of: &dyn Fn(&str) -> Option<f64>) -> Result<f64, String> {
        self.0.value(value_of)
    }
}

impl Node {
    fn value(&self, value_of: &dyn Fn(&str) -> Option<f64>) -> Result<f64, String> {
        Ok(match self {
            Node::Number(number) => *number,
            Node::Name(name) => match (value_of(name), name.as_str()) {
                (Some(value), _) => value,
                (None, "pi") => std::f64::consts::PI,
                (None, "E") => std::f64::consts::E,
                (None, _) => return Err(format!("`{name}` has no value")),
            },
            Node::Negative(of) => -of.value(value_of)?,
            Node::Pair(sign, a, b) => {
                let (a, b) = (a.value(value_of)?, b.value(value_of)?);
                match sign {
                    Sign::Add => a + b,
                    Sign::Subtract => a - b,
                    Sign::Multiply => a * b,
                    Sign::Divide => a / b,
                    Sign::Power => power(a, b),
                }
            }
            Node::One(function, of) => function(of.value(value_of)?),
            Node::Two(function, a, b) => function(a.value(value_of)?, b.value(value_of)?),
        })
    }
}

/// Whole exponents by multiplication, as numpy does it for squares: exact where that is.
fn power(base: f64, exponent: f64) -> f64 {
    match exponent {
        2.0 => base * base,
        -1.0 => base.recip(),
        0.5 => base.sqrt(),
        exponent => base.powf(exponent),
    }
}

fn one_argument(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "sqrt" => f64::sqrt,
        "cbrt" => f64::cbrt,
        "exp" => f64::exp,
        // As in sympy and numpy, both are natural.
        "log" | "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" | "arcsin" => f64::asin,
        "acos" | "arccos" => f64::acos,
        "atan" | "arctan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" | "arcsinh" => f64::asinh,
        "acosh" | "arccosh" => f64::acosh,
        "atanh" | "arctanh" => f64::atanh,
        "abs" | "Abs" => f64::abs,
        "sign" => |value| if value == 0.0 { 0.0 } else { value.signum() },
        "floor" => f64::floor,
        "ceil" | "ceiling" => f64::ceil,
        _ => return None,
    })
}

fn two_arguments(name: &str) -> Option<fn(f64, f64) -> f64> {
    Some(match name {
        "log" => |value, base| value.ln() / base.ln(),
        "Pow" | "pow" => power,
        "atan2" | "arctan2" => f64::atan2,
        "Min" | "min" => f64::min,
        "Max" | "max" => f64::max,
        _ => return None,
    })
}

struct Parser<'a> {
    /// Begins with what is read next, never with white space.
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<Node, String> {
        let mut left = self.product()?;
        loop {
            let sign = match self.taken(&["+", "-"]) {
                Some("+") => Sign::Add,
                Some(_) => Sign::Subtract,
                None => return Ok(left),
            };
            left = Node::Pair(sign, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut left = self.signed()?;
        loop {
            // A power was taken by `signed`, so that this star stands alone; `//` is no division of numbers.
            let sign = match self.rest.starts_with("//") {
                true => return Ok(left),
                false => match self.taken(&["*", "/"]) {
                    Some("*") => Sign::Multiply,
                    Some(_) => Sign::Divide,
                    None => return Ok(left),
                },
            };
            left = Node::Pair(sign, Box::new(left), Box::new(self.signed()?));
        }
    }

    /// A sign binds less than a power: `-x**2` is `-(x**2)`.
    fn signed(&mut self) -> Result<Node, String> {
        self.deeper(|parser| match parser.taken(&["+", "-"]) {
            Some("-") => Ok(Node::Negative(Box::new(parser.signed()?))),
            Some(_) => parser.signed(),
            None => parser.power(),
        })
    }

    /// From the right: `2**3**2` is `2**9`.
    fn power(&mut self) -> Result<Node, String> {
        let base = self.operand()?;
        match self.taken(&["**", "^"]) {
            None => Ok(base),
            Some(_) => {
                let exponent = self.signed()?;
                Ok(Node::Pair(Sign::Power, Box::new(base), Box::new(exponent)))
            }
        }
    }

    fn operand(&mut self) -> Result<Node, String> {
        let first = self.rest.chars().next();
        match first {
            Some('(') => {
                self.take(1);
                let inside = self.deeper(Parser::sum)?;
                self.expect(")")?;
                Ok(inside)
            }
            Some(first) if first.is_ascii_digit() || first == '.' => self.number(),
            Some(first) if first.is_alphabetic() || first == '_' => self.named(),
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let mut end = digits(self.rest);
        if self.rest[end..].starts_with('.') {
            end += 1 + digits(&self.rest[end + 1..]);
        }
        let after = &self.rest[end..];
        if let Some(exponent) = after.strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let count = digits(&exponent[sign..]);
            if count > 0 {
                end += 1 + sign + count;
            }
        }
        let number = self.rest[..end].parse().map_err(|_| self.unexpected())?;
        self.take(end);
        Ok(Node::Number(number))
    }

    fn named(&mut self) -> Result<Node, String> {
        let end = (self.rest)
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        let name = self.rest[..end].to_owned();
        self.take(end);
        if !self.rest.starts_with('(') {
            return Ok(Node::Name(name));
        }
        self.take(1);
        let first = self.deeper(Parser::sum)?;
        let second = match self.taken(&[","]) {
            Some(_) => Some(self.deeper(Parser::sum)?),
            None => None,
        };
        self.expect(")")?;
        let called = match second {
            None => one_argument(&name).map(|function| Node::One(function, Box::new(first))),
            Some(second) => two_arguments(&name)
                .map(|function| Node::Two(function, Box::new(first), Box::new(second))),
        };
        called.ok_or_else(|| format!("the function `{name}` is not known"))
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Node, String>,
    ) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn take(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    /// Takes one of these signs, if one is next.
    fn taken(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        let sign = (signs.iter()).find(|sign| self.rest.starts_with(**sign))?;
        self.take(sign.len());
        Some(sign)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        match self.taken(&[sign]) {
            Some(_) => Ok(()),
            None => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().take(12).collect::<String>().as_str() {
            "" => "it ends too early".into(),
            rest => format!("`{rest}` is not understood"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<f64, String> {
        let names = |name: &str| match name {
            "x" => Some(3.0),
            "a" => Some(0.5),
            "x_2" => Some(7.0),
            _ => None,
        };
        Expression::parse(text)?.value(&names)
    }

    #[test]
    fn signs_and_powers_bind_as_in_python() {
        for (text, expected) in [
            ("1239.842/x", 1239.842 / 3.0),
            ("a * x**2 + x_2", 11.5),
            ("-x**2", -9.0),
            ("(-x)**2", 9.0),
            ("2**-1", 0.5),
            ("2**3**2", 512.0),
            ("2^3 * 2", 16.0),
            ("1 - 2 - 3", -4.0),
            ("8 / 4 / 2", 1.0),
            ("+x - -x", 6.0),
            ("1e-3*x + 1.5E2 + .5 + 2.", 152.503),
            ("sqrt(x_2 + 2) + log(exp(a)) + Abs(-1)", 4.5),
            ("log(8, 2) + cos(pi) + sin(0) + max(x, 2)", 5.0),
            ("2*E", 2.0 * std::f64::consts::E),
        ] {
            let found = value(text).unwrap_or(f64::NAN);
            assert!((found - expected).abs() < 1e-12, "{text} gave {found}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let deep = format!("{}x{}", "(".repeat(100), ")".repeat(100));
        for (text, part) in [
            ("", "ends too early"),
            ("x +", "ends too early"),
            ("(x", "ends too early"),
            ("x // 2", "`// 2`"),
            ("2 x", "`x`"),
            ("b * x", "`b` has no value"),
            ("gamma(x)", "function `gamma`"),
            ("exp(x, 2)", "function `exp`"),
            ("x[0]", "`[0]`"),
            (".", "`.`"),
            ("import os", "`os`"),
            (&deep, "nested"),
            (&"x+".repeat(4000), "8000 characters"),
        ] {
            let error = value(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
