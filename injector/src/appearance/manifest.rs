//! The manifest of a program: what it knows of Windows, and which rights it asks for.

/// The rights that a program asks for when it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExecutionLevel {
    /// Those of whoever starts it.
    #[default]
    AsInvoker,
    /// The most that whoever starts it can have.
    HighestAvailable,
    /// An administrator's.
    RequireAdministrator,
}

impl ExecutionLevel {
    fn name(self) -> &'static str {
        match self {
            ExecutionLevel::AsInvoker => "asInvoker",
            ExecutionLevel::HighestAvailable => "highestAvailable",
            ExecutionLevel::RequireAdministrator => "requireAdministrator",
        }
    }
}

/// Windows Vista, 7, 8, 8.1, and 10 and later. Without them Windows pretends to be older than it
/// is.
const SYSTEMS: [&str; 5] = [
    "e2011457-1546-43c5-a5fe-008deee3d3f0",
    "35138b9a-5d96-4fbd-8e2d-a2440225f93a",
    "4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38",
    "1f676c76-80e1-4239-95bb-83d0f6d0da78",
    "8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a",
];

/// Settings, each with the year of the schema that brought it.
const SETTINGS: [(&str, u16, &str); 4] = [
    ("dpiAware", 2005, "true/pm"),
    ("dpiAwareness", 2016, "PerMonitorV2, PerMonitor"),
    ("longPathAware", 2016, "true"),
    ("activeCodePage", 2019, "UTF-8"),
];

/// Our manifest: paths beyond 260 characters, UTF-8 as the code page, sharp on every monitor, and
/// the present common controls.
pub(super) fn ours(level: ExecutionLevel) -> String {
    let level = level.name();
    let systems = SYSTEMS.map(|id| format!("      <supportedOS Id=\"{{{id}}}\"/>\n"));
    let systems = systems.concat();
    let settings = SETTINGS.map(|(name, year, value)| {
        let schema = format!("http://schemas.microsoft.com/SMI/{year}/WindowsSettings");
        format!("      <{name} xmlns=\"{schema}\">{value}</{name}>\n")
    });
    let settings = settings.concat();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="{level}" uiAccess="false"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
{systems}    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
{settings}    </windowsSettings>
  </application>
  <dependency>
    <dependentAssembly>
      <assemblyIdentity type="win32" name="Microsoft.Windows.Common-Controls" version="6.0.0.0" processorArchitecture="*" publicKeyToken="6595b64144ccf1df" language="*"/>
    </dependentAssembly>
  </dependency>
</assembly>
"#
    )
}

/// A manifest that the user gives. Windows refuses to start a program with a broken one, so the
/// worst is caught here.
pub(super) fn given(bytes: &[u8]) -> Result<String, &'static str> {
    let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('<') || !text.contains("urn:schemas-microsoft-com:asm.v1") {
        return Err("there is no assembly of the schema `asm.v1` in it");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_the_one_asked_for() {
        for (level, name) in [
            (ExecutionLevel::AsInvoker, "asInvoker"),
            (ExecutionLevel::RequireAdministrator, "requireAdministrator"),
        ] {
            let manifest = ours(level);
            assert!(manifest.contains(&format!("level=\"{name}\"")));
            assert!(manifest.contains("longPathAware") && manifest.contains(">UTF-8<"));
            assert_eq!(given(manifest.as_bytes()), Ok(manifest));
        }
        for text in [&b"text"[..], b"<html/>", &[0xff]] {
            assert!(given(text).is_err());
        }
    }
}
