//! The full check.

use crate::{Blob, Error};

pub(crate) fn validate(blob: &Blob<'_>) -> Result<(), Error> {
    blob.target()?;
    blob.run_config()?;
    for module in blob.modules().iter() {
        let module = module?;
        module.source()?;
        module.node()?;
        module.native()?;
        for level in 0..3 {
            module.bytecode(level)?;
        }
    }
    for index in 0..blob.tree().len() {
        blob.tree().get(index)?.data()?;
    }
    for native in blob.natives().iter() {
        let native = native?;
        native.data()?;
        native.node()?;
        native.needed().try_for_each(|name| name.map(drop))?;
    }
    for distribution in blob.distributions().iter() {
        distribution?.directory()?;
    }
    (0..blob.data_len()).try_for_each(|index| {
        let data = blob.data(index)?;
        if data.relative_path().is_none() {
            data.stored_bytes()?;
        }
        Ok(())
    })?;
    blob.snapshot()?;
    blob.licenses()?;
    Ok(())
}
