//! The import statements of compiled modules, as far as they run while the module is imported.
//!
//! Only the module's own code is looked at. What its functions import is not imported by a start
//! that does not call them.

use super::{MarshalError, Value, module};

/// Opcodes of the packaged Python (`Include/opcode_ids.h`).
mod opcode {
    pub(super) const EXTENDED_ARG: u8 = 71;
    pub(super) const IMPORT_NAME: u8 = 75;
    pub(super) const LOAD_CONST: u8 = 83;
}

/// An import statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    /// How many dots are in front of the name.
    pub(crate) level: u32,
    /// The name after `import` or `from`; empty after `from .`.
    pub(crate) name: &'a str,
    /// The names after `from ... import`.
    pub(crate) from: Vec<&'a str>,
}

/// The import statements in a module's code, in their order.
///
/// # Errors
/// The code is not as the interpreter writes it.
pub(crate) fn statements(code: &[u8]) -> Result<Vec<Statement<'_>>, MarshalError> {
    let module = module(code)?;
    let mut found = Vec::new();
    // What the last two constants were, the later one first.
    let (mut last, mut before) = (None, None);
    let mut extended = 0_usize;
    for unit in module.instructions.chunks_exact(2) {
        let argument = extended << 8 | usize::from(unit[1]);
        extended = 0;
        match unit[0] {
            opcode::EXTENDED_ARG => extended = argument & 0xff_ffff,
            opcode::LOAD_CONST => {
                before = last;
                last = module.constants.get(argument);
            }
            opcode::IMPORT_NAME => {
                if let (Some(Value::Text(name)), Some(Value::Int(level)), Some(from)) =
                    (module.names.get(argument), before, last)
                {
                    let from = match from {
                        Value::Tuple(names) => names.iter().filter_map(Value::text).collect(),
                        _ => Vec::new(),
                    };
                    found.push(Statement {
                        level: (*level).max(0).unsigned_abs(),
                        name,
                        from,
                    });
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The code of a module that imports another one, as far as [`module`] reads it.
    pub(crate) fn importing(name: &str) -> Vec<u8> {
        let mut code = vec![b'c'];
        code.extend([0; 20]);
        let instructions = [
            opcode::LOAD_CONST,
            0,
            opcode::LOAD_CONST,
            1,
            opcode::IMPORT_NAME,
            0,
        ];
        code.extend(b"s\x06\0\0\0");
        code.extend(instructions);
        code.extend(b")\x02i\0\0\0\0N");
        code.extend([b')', 1, b'z', name.len() as u8]);
        code.extend(name.as_bytes());
        code
    }

    /// `import a.b` and `from ..c import d, e`, as CPython 3.13 compiles them.
    const CODE: &[u8] = include_bytes!("statements.marshal");

    #[test]
    fn statements_are_read_from_code() {
        let statement = |level, name, from: &[&'static str]| Statement {
            level,
            name,
            from: from.to_vec(),
        };
        assert_eq!(
            statements(CODE).unwrap(),
            [
                statement(0, "a.b", &[]),
                statement(2, "c", &["d", "e"]),
                statement(1, "", &["f"]),
            ]
        );
    }

    /// Other bytecode has other opcodes.
    #[test]
    fn the_opcodes_are_those_of_the_packaged_python() {
        assert_eq!(crate::python::Python::OWN.bytecode_magic(), 0x0a0d_0df3);
    }

    #[test]
    fn damage_is_an_error_or_other_statements() {
        for at in 0..CODE.len() {
            for bit in 0..8 {
                let mut damaged = CODE.to_vec();
                damaged[at] ^= 1 << bit;
                drop(statements(&damaged));
            }
            drop(statements(&CODE[..at]));
        }
    }
}
