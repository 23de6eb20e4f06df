//! Marshalled code in one canonical form.
//!
//! `marshal.dumps` marks every object that *may* be referred to later, which it tells from
//! reference counts. Those depend on what else the interpreter has in memory, so the same source
//! compiled by two workers can give different bytes. Here the marks nobody refers to are dropped
//! and the rest are numbered anew; what `marshal.loads` makes of it is the same object graph. As a
//! side effect loading gets a little cheaper, because each mark costs an entry in a list.
//!
//! The format is that of `Python/marshal.c`, version 4, as CPython 3.13 writes it for code objects.

pub(crate) mod statements;

use thiserror::Error;

/// The bytes are not what the interpreter of this version writes.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("malformed marshal data at offset {offset}: {problem}")]
pub(crate) struct MarshalError {
    offset: usize,
    problem: &'static str,
}

/// Bit of a type code that says: this object gets the next reference number.
const FLAG_REF: u8 = 0x80;
/// The interpreter's own limit is 2000, which no compiled source comes near.
const DEEPEST: u32 = 500;

/// Rewrites marshalled data into its canonical form.
pub(crate) fn canonical(bytes: &[u8]) -> Result<Vec<u8>, MarshalError> {
    let mut scan = Scan {
        bytes,
        at: 0,
        marks: Vec::new(),
        references: Vec::new(),
    };
    scan.object(0)?;
    if scan.at != bytes.len() {
        return Err(scan.error("bytes follow the object"));
    }
    let mut used = vec![false; scan.marks.len()];
    for (at, number) in &scan.references {
        let wrong = MarshalError {
            offset: *at,
            problem: "a reference to an object that was not marked",
        };
        *used.get_mut(*number as usize).ok_or(wrong)? = true;
    }
    let mut out = bytes.to_vec();
    let mut renumbered = Vec::with_capacity(used.len());
    let mut next = 0u32;
    for (at, used) in scan.marks.iter().zip(&used) {
        renumbered.push(next);
        if *used {
            next += 1;
        } else {
            out[*at] &= !FLAG_REF;
        }
    }
    for (at, number) in scan.references {
        out[at + 1..at + 5].copy_from_slice(&renumbered[number as usize].to_le_bytes());
    }
    Ok(out)
}

/// The parts of a module's code object that tell what it imports.
#[derive(Debug)]
pub(crate) struct Module<'a> {
    /// Pairs of opcode and argument.
    pub(crate) instructions: &'a [u8],
    /// The constants.
    pub(crate) constants: Vec<Value<'a>>,
    /// The names.
    pub(crate) names: Vec<Value<'a>>,
}

/// A constant, as far as import statements have such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A small number.
    Int(i32),
    /// A text.
    Text(&'a str),
    /// A tuple.
    Tuple(Vec<Value<'a>>),
    /// Anything else.
    Other,
}

impl<'a> Value<'a> {
    /// The text, if it is one.
    #[must_use]
    pub(crate) fn text(&self) -> Option<&'a str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads the outermost code object.
///
/// # Errors
/// The bytes are not marshalled code.
pub(crate) fn module(bytes: &[u8]) -> Result<Module<'_>, MarshalError> {
    let mut scan = Scan {
        bytes,
        at: 0,
        marks: Vec::new(),
        references: Vec::new(),
    };
    let code = scan.byte()?;
    if code & !FLAG_REF != b'c' {
        return Err(scan.error("it is no code"));
    }
    if code & FLAG_REF != 0 {
        scan.marks.push(0);
    }
    scan.take(20)?;
    let mut starts = [0; 3];
    for start in &mut starts {
        *start = scan.at;
        scan.object(1)?;
    }
    let [instructions, constants, names] = starts;
    Ok(Module {
        instructions: scan.string(instructions)?,
        constants: scan.elements(constants)?,
        names: scan.elements(names)?,
    })
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offsets of marked objects; the index is the reference number.
    marks: Vec<usize>,
    /// Offsets of references and the numbers they name.
    references: Vec<(usize, u32)>,
}

impl<'a> Scan<'a> {
    fn error(&self, problem: &'static str) -> MarshalError {
        MarshalError {
            offset: self.at,
            problem,
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], MarshalError> {
        let end = self
            .at
            .checked_add(len)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(self.error("it is cut off"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// Where the object at `at` really is.
    fn resolved(&self, at: usize) -> Result<usize, MarshalError> {
        let wrong = |problem| MarshalError {
            offset: at,
            problem,
        };
        let rest = self.bytes.get(at..).unwrap_or_default();
        match rest {
            [b'r', rest @ ..] => {
                let number = rest.first_chunk().ok_or(wrong("it is cut off"))?;
                let number = u32::from_le_bytes(*number) as usize;
                let target = self.marks.get(number).copied();
                target.ok_or(wrong("a reference to an object that was not marked"))
            }
            _ => Ok(at),
        }
    }

    /// A second look at what begins at `at`.
    fn look(&self, at: usize) -> Result<Scan<'a>, MarshalError> {
        Ok(Scan {
            bytes: self.bytes,
            at: self.resolved(at)?,
            marks: Vec::new(),
            references: Vec::new(),
        })
    }

    /// The bytes object at `at`.
    fn string(&self, at: usize) -> Result<&'a [u8], MarshalError> {
        let mut look = self.look(at)?;
        if look.byte()? & !FLAG_REF != b's' {
            return Err(look.error("it is no bytes object"));
        }
        let len = look.number()? as usize;
        look.take(len)
    }

    /// The elements of the tuple at `at`.
    fn elements(&self, at: usize) -> Result<Vec<Value<'a>>, MarshalError> {
        let Value::Tuple(values) = self.value(at, 2)? else {
            return Err(self.error("it is no tuple"));
        };
        Ok(values)
    }

    /// The object at `at`; what lies deeper than `depth` is left out.
    fn value(&self, at: usize, depth: u32) -> Result<Value<'a>, MarshalError> {
        let mut look = self.look(at)?;
        let code = look.byte()? & !FLAG_REF;
        let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).map_or(Value::Other, Value::Text);
        Ok(match code {
            b'i' => Value::Int(look.number()? as i32),
            b't' | b'u' | b'a' | b'A' => {
                let len = look.number()? as usize;
                text(look.take(len)?)
            }
            b'z' | b'Z' => {
                let len = usize::from(look.byte()?);
                text(look.take(len)?)
            }
            b'(' | b')' if depth > 0 => {
                let count = match code {
                    b')' => u32::from(look.byte()?),
                    _ => look.number()?,
                };
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(look.at, depth - 1)?);
                    look.object(1)?;
                }
                Value::Tuple(values)
            }
            _ => Value::Other,
        })
    }

    fn byte(&mut self) -> Result<u8, MarshalError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u32, MarshalError> {
        Ok(u32::from_le_bytes(
            self.take(4)?.try_into().expect("four bytes"),
        ))
    }

    fn objects(&mut self, count: u32, depth: u32) -> Result<(), MarshalError> {
        (0..count).try_for_each(|_| self.object(depth).map(drop))
    }

    /// Reads one object; `false` for the null that ends a dictionary.
    fn object(&mut self, depth: u32) -> Result<bool, MarshalError> {
        if depth > DEEPEST {
            return Err(self.error("objects are nested too deeply"));
        }
        let start = self.at;
        let code = self.byte()?;
        if code & FLAG_REF != 0 {
            self.marks.push(start);
        }
        let inner = depth + 1;
        match code & !FLAG_REF {
            b'0' => return Ok(false),
            b'N' | b'F' | b'T' | b'S' | b'.' => {}
            b'i' => drop(self.take(4)?),
            b'g' => drop(self.take(8)?),
            b'y' => drop(self.take(16)?),
            b'l' => {
                let digits = (self.number()? as i32).unsigned_abs() as usize;
                self.take(digits.saturating_mul(2))?;
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let len = self.number()? as usize;
                self.take(len)?;
            }
            b'z' | b'Z' => {
                let len = usize::from(self.byte()?);
                self.take(len)?;
            }
            b')' => {
                let count = u32::from(self.byte()?);
                self.objects(count, inner)?;
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.number()?;
                self.objects(count, inner)?;
            }
            b'{' => while self.object(inner)? && self.object(inner)? {},
            b':' => self.objects(3, inner)?, // slice
            b'c' => {
                // argcount, posonlyargcount, kwonlyargcount, stacksize, flags
                self.take(20)?;
                // code, consts, names, localsplusnames, localspluskinds, filename, name, qualname
                self.objects(8, inner)?;
                self.take(4)?; // firstlineno
                self.objects(2, inner)?; // linetable, exceptiontable
            }
            b'r' => {
                let number = self.number()?;
                self.references.push((start, number));
            }
            _ => {
                return Err(MarshalError {
                    offset: start,
                    problem: "an unknown type",
                });
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_marks_go_and_references_are_numbered_anew() {
        // ('ab', 'cd', the second again), everything marked.
        let marked = b"\xa9\x03\xda\x02ab\xda\x02cdr\x02\0\0\0";
        assert_eq!(
            canonical(marked).unwrap(),
            b")\x03Z\x02ab\xda\x02cdr\0\0\0\0"
        );
        let again = canonical(marked).unwrap();
        assert_eq!(canonical(&again).unwrap(), again);
    }

    #[test]
    fn each_type_is_walked() {
        let objects: [&[u8]; 14] = [
            b"N",
            b"T",
            b".",
            b"i\x01\0\0\0",
            b"g\0\0\0\0\0\0\0\0",
            b"y\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"l\xfe\xff\xff\xff\x01\0\x01\0",
            b"s\x02\0\0\0ab",
            b"u\x01\0\0\0x",
            b"(\x01\0\0\0N",
            b">\x01\0\0\0T",
            b"{NT0",
            b"z\x01x",
            b"[\0\0\0\0",
        ];
        for object in objects {
            assert_eq!(canonical(object).as_deref(), Ok(object));
            for cut in 0..object.len() {
                assert!(
                    canonical(&object[..cut]).is_err(),
                    "{object:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(canonical(b"r\0\0\0\0").is_err());
        assert!(canonical(b"NN").is_err());
        assert!(canonical(b"?").is_err());
        assert!(canonical(&vec![b'['; 100_000]).is_err());
        assert!(canonical(b")\x01".repeat(5000).as_slice()).is_err());
    }
}
