# Smoke test for a real Windows machine (10 or 11, x86-64), in one command:
#
#   powershell -ExecutionPolicy Bypass -File windows.ps1 APP.exe
#
# APP.exe is tests/smoke/app, packaged on any machine with wheels for Windows beside it:
#
#   pip install --target app --platform win_amd64 --python-version 3.13 --only-binary :all: markupsafe greenlet
#   oxidize-inject smoke.exe --resources app --target x86_64-pc-windows-gnu
#
# What it checks: the program starts and greets; every module of the standard library that is for Windows imports; TLS loads the
# system's certificates; subprocess and multiprocessing start the program as an interpreter; two wheels with extension modules
# load (from a copy in %LOCALAPPDATA%, removed first); a copy with spaces and dots in its name does the same; the exit status
# comes through; the state of the signature is shown. Prints one line for each and ends with the number of failures.
param([Parameter(Mandatory = $true)][string]$App)

$failures = 0

function Check([string]$Name, [scriptblock]$Body) {
    try {
        $said = & $Body
        Write-Host "ok      $Name  $said"
    } catch {
        $script:failures++
        Write-Host "FAILED  $Name  $_"
    }
}

function Run([string]$Program, [string]$What, [int]$Status = 0) {
    $output = & $Program $What 2>&1 | Out-String
    if ($LASTEXITCODE -ne $Status) { throw "status $LASTEXITCODE, expected ${Status}: $output" }
    $output.Trim()
}

$App = (Resolve-Path $App).Path
$cache = Join-Path $env:LOCALAPPDATA 'oxidize-inject\modules'
if (Test-Path $cache) { Remove-Item -Recurse -Force $cache }

foreach ($what in 'hello', 'library', 'tls', 'subprocess', 'multiprocessing', 'wheels') {
    Check $what { Run $App $what }
}
Check 'exit status' { Run $App 'status' 7 }

$folder = Join-Path ([IO.Path]::GetTempPath()) ('oxidize smoke ' + [Guid]::NewGuid())
New-Item -ItemType Directory $folder | Out-Null
$copy = Join-Path $folder 'My Program 1.0.exe'
Copy-Item $App $copy
Check 'wheels, another name' { Run $copy 'wheels' }
Check 'subprocess, another name' { Run $copy 'subprocess' }
Remove-Item -Recurse -Force $folder

Check 'signature' {
    $signature = Get-AuthenticodeSignature $App
    if ($signature.Status -notin 'Valid', 'NotSigned') { throw "$($signature.Status): $($signature.StatusMessage)" }
    "$($signature.Status)"
}

Write-Host "$failures failed"
exit $failures
