//! The packed-resources blob: layout, zero-copy reader, writer.
