//! A time stamp authority on loopback, for which openssl makes the tokens. `oxidize-tests` has it,
//! too.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use tempfile::TempDir;

const CONFIG: &str = "
[tsa]
default_tsa = stamp
[stamp]
serial = serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
tsa_name = no
ess_cert_id_alg = sha256
";

/// Who gives time stamps.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// Its key in PEM.
    pub(super) key: PathBuf,
    /// The certificate of that.
    pub(super) certificate: PathBuf,
    /// The certificates above it, which its answers have too.
    pub(super) chain: Option<PathBuf>,
}

impl Authority {
    /// Starts it in a thread, for so many requests; its address. `spoil` may change the answers.
    pub(super) fn start(self, requests: usize, spoil: fn(&mut Vec<u8>)) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/stamp", listener.local_addr()?);
        // Authorities run at the same time, and serial numbers are counted in a file.
        let place = tempfile::tempdir()?;
        fs::write(place.path().join("config"), CONFIG)?;
        fs::write(place.path().join("serial"), "01\n")?;
        thread::spawn(move || {
            for stream in listener.incoming().take(requests) {
                // Whoever asked sees that there is no answer.
                if let Err(error) = stream.and_then(|stream| self.answer(stream, &place, spoil)) {
                    eprintln!("the time stamp authority: {error}");
                }
            }
        });
        Ok(url)
    }

    fn answer(
        &self,
        mut stream: TcpStream,
        place: &TempDir,
        spoil: fn(&mut Vec<u8>),
    ) -> io::Result<()> {
        let body = request(&mut stream)?;
        let mut reply = self.reply(place.path(), &body)?;
        spoil(&mut reply);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            reply.len()
        );
        stream.write_all(&[head.as_bytes(), &reply].concat())
    }

    fn reply(&self, place: &Path, query: &[u8]) -> io::Result<Vec<u8>> {
        fs::write(place.join("query"), query)?;
        let mut command = Command::new("openssl");
        command.args("ts -reply -config config -queryfile query -out reply".split(' '));
        command.arg("-signer").arg(&self.certificate);
        command.arg("-inkey").arg(&self.key);
        if let Some(chain) = &self.chain {
            command.arg("-chain").arg(chain);
        }
        let output = command.current_dir(place).output()?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(told));
        }
        fs::read(place.join("reply"))
    }
}

/// The body of a request for a time stamp.
fn request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut asked, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        asked.extend_from_slice(&part[..count]);
        let end = asked.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let Some(end) = end.map(|end| end + 4) else {
            continue;
        };
        let head = String::from_utf8_lossy(&asked[..end]).to_lowercase();
        if !head.contains("application/timestamp-query") {
            return Err(io::Error::other(head));
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length = length.and_then(|length| length.trim().parse::<usize>().ok());
        let length = length.ok_or_else(|| io::Error::other("no length"))?;
        if asked.len() >= end + length {
            return Ok(asked[end..end + length].to_vec());
        }
    }
}
